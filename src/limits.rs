//! The caps on untrusted input (DATA_MODEL rule R10), each with its default and its reason.

/// Bytes of a block of a saved state, unpacked: what is held of it while it is read.
pub(crate) const MAX_SNAPSHOT_BLOCK: usize = 1 << 20;

/// How many times its stored length a block of a saved state may grow.
pub(crate) const MAX_SNAPSHOT_RATIO: usize = 1000;

/// Caps on what is buffered of an input, and on what comes out of containers. Beyond a cap of the first
/// kind the value is cut, the element dropped or the rest of the host skipped, with `W_LIMIT`; beyond one
/// of the second kind the input ends with `E_DECOMPRESS`.
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
    /// Bytes of memory that the entries of all lists of one host may take, together: ports, services, scripts and
    /// what is in them, addresses, names, hops and whatever else a host lists. Each takes far more than its XML.
    pub items: usize,
    /// Bytes of what waits for the first host of a scan without `args`, whose id hangs on that host.
    pub pending: usize,
    /// Bytes of a comment, processing instruction, CDATA section or DOCTYPE (rule R8).
    pub markup: usize,
    /// Names of unknown elements remembered, so that each is reported once.
    pub unknown_names: usize,
    /// Bytes that may come out of one compressed file or member; any number if `None`.
    pub decompressed: Option<u64>,
    /// How many times its compressed size a file or member may grow, beyond a MiB.
    pub ratio: u64,
    /// Containers in one another: compressed files and archives.
    pub nesting: usize,
    /// Members of one archive.
    pub members: u64,
    /// Bytes of a zip archive that cannot be sought in, as it lies in another container or comes from a
    /// pipe: it is held.
    pub zip: usize,
    /// Bytes that a program which is run as a script of a host or port may write.
    pub program: usize,
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
            items: 512 * MIB,
            pending: 16 * MIB,
            markup: MIB,
            unknown_names: 1024,
            decompressed: None,
            ratio: 1000,
            nesting: 4,
            members: 1_000_000,
            zip: 256 * MIB,
            program: 8 * MIB,
        }
    }
}

macro_rules! with {
    ($($(#[$doc:meta])* $method:ident => $field:ident: $type:ty;)*) => {
        impl Limits {$(
            $(#[$doc])*
            #[must_use]
            pub fn $method(mut self, cap: $type) -> Self {
                self.$field = cap.into();
                self
            }
        )*}
    };
}

with! {
    /// Caps a value at this many bytes.
    with_value => value: usize;
    /// Caps a tag at this many bytes.
    with_tag => tag: usize;
    /// Caps a host at this many bytes of raw XML.
    with_host => host: usize;
    /// Caps the kept run-level elements of a scan at this many bytes.
    with_run => run: usize;
    /// Caps the nesting of elements.
    with_depth => depth: usize;
    /// Caps the attributes of a tag.
    with_attributes => attributes: usize;
    /// Caps the ports of a host.
    with_ports => ports: usize;
    /// Caps the memory of what is listed of a host.
    with_items => items: usize;
    /// Caps what waits for the first host of a scan without `args`.
    with_pending => pending: usize;
    /// Caps what comes out of one compressed file or member.
    with_decompressed => decompressed: u64;
    /// Caps how many times its size a compressed file or member may grow.
    with_ratio => ratio: u64;
    /// Caps containers in one another.
    with_nesting => nesting: usize;
    /// Caps the members of one archive.
    with_members => members: u64;
    /// Caps a zip archive that has to be held.
    with_zip => zip: usize;
    /// Caps what a program that is run as a script may write.
    with_program => program: usize;
}
