//! The caps on untrusted input (DATA_MODEL rule R10), each with its default and its reason.

/// Caps on what is buffered of an input. Beyond a cap the value is cut, the element dropped or the
/// rest of the host skipped, with `W_LIMIT`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one attribute value or of one element's text, before references are resolved.
    pub value: usize,
    /// Bytes of one tag, from `<` to `>`, all its attributes included.
    pub tag: usize,
    /// Bytes of raw XML of one host: the unit that is held in memory.
    pub host: usize,
    /// Bytes of prescript, postscript and scaninfo of a scan together: kept until the scan ends.
    pub run: usize,
    /// Open elements, one in another.
    pub depth: usize,
    /// Attributes of one tag.
    pub attributes: usize,
    /// Ports of one host.
    pub ports: usize,
    /// Bytes of what waits for the first host of a scan without `args`, whose id hangs on that host.
    pub pending: usize,
    /// Bytes of a comment, processing instruction, CDATA section or DOCTYPE (rule R8).
    pub markup: usize,
    /// Names of unknown elements remembered, so that each is reported once.
    pub unknown_names: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            value: 8 * MIB,
            tag: 16 * MIB,
            host: 64 * MIB,
            run: 64 * MIB,
            depth: 256,
            attributes: 256,
            ports: 1_000_000,
            pending: 16 * MIB,
            markup: MIB,
            unknown_names: 1024,
        }
    }
}

macro_rules! with {
    ($($(#[$doc:meta])* $method:ident => $field:ident;)*) => {
        impl Limits {$(
            $(#[$doc])*
            #[must_use]
            pub fn $method(mut self, cap: usize) -> Self {
                self.$field = cap;
                self
            }
        )*}
    };
}

with! {
    /// Caps a value at this many bytes.
    with_value => value;
    /// Caps a tag at this many bytes.
    with_tag => tag;
    /// Caps a host at this many bytes of raw XML.
    with_host => host;
    /// Caps the kept run-level elements of a scan at this many bytes.
    with_run => run;
    /// Caps the nesting of elements.
    with_depth => depth;
    /// Caps the attributes of a tag.
    with_attributes => attributes;
    /// Caps the ports of a host.
    with_ports => ports;
    /// Caps what waits for the first host of a scan without `args`.
    with_pending => pending;
}
