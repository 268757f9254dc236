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
#[expect(clippy::struct_field_names, reason = "each is a maximum, and says of what")]
pub struct Limits {
    /// Bytes of one attribute value or of one element's text, before references are resolved.
    pub max_value_bytes: usize,
    /// Bytes of one tag, from `<` to `>`, all its attributes included.
    pub max_tag_bytes: usize,
    /// Bytes of raw XML of one host: the unit that is held in memory.
    pub max_host_bytes: usize,
    /// Bytes of prescript, postscript and scaninfo of a scan together: kept until the scan ends.
    pub max_scan_metadata_bytes: usize,
    /// Open elements, one in another.
    pub max_element_depth: usize,
    /// Attributes of one tag.
    pub max_attributes: usize,
    /// Ports of one host.
    pub max_ports: usize,
    /// Bytes of memory that the entries of all lists of one host may take, together: ports, services, scripts and
    /// what is in them, addresses, names, hops and whatever else a host lists. Each takes far more than its XML.
    pub max_host_list_bytes: usize,
    /// Bytes of what waits for the first host of a scan without `args`, whose id hangs on that host.
    pub max_pending_bytes: usize,
    /// Bytes of a comment, processing instruction, CDATA section or DOCTYPE (rule R8).
    pub max_markup_bytes: usize,
    /// Names of unknown elements remembered, so that each is reported once.
    pub max_unknown_names: usize,
    /// Bytes that may come out of one compressed file or member; any number if `None`.
    pub max_decompressed_bytes: Option<u64>,
    /// How many times its compressed size a file or member may grow, beyond a MiB.
    pub max_compression_ratio: u64,
    /// Containers in one another: compressed files and archives.
    pub max_archive_depth: usize,
    /// Members of one archive.
    pub max_archive_members: u64,
    /// Bytes of a zip archive that cannot be sought in, as it lies in another container or comes from a
    /// pipe: it is held.
    pub max_buffered_zip_bytes: usize,
    /// Bytes that a program which is run as a script of a host or port may write.
    pub max_script_output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            max_value_bytes: 8 * MIB,
            max_tag_bytes: 16 * MIB,
            max_host_bytes: 64 * MIB,
            max_scan_metadata_bytes: 64 * MIB,
            max_element_depth: 256,
            max_attributes: 256,
            max_ports: 1_000_000,
            max_host_list_bytes: 512 * MIB,
            max_pending_bytes: 16 * MIB,
            max_markup_bytes: MIB,
            max_unknown_names: 1024,
            max_decompressed_bytes: None,
            max_compression_ratio: 1000,
            max_archive_depth: 4,
            max_archive_members: 1_000_000,
            max_buffered_zip_bytes: 256 * MIB,
            max_script_output_bytes: 8 * MIB,
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
    with_max_value_bytes => max_value_bytes: usize;
    /// Caps a tag at this many bytes.
    with_max_tag_bytes => max_tag_bytes: usize;
    /// Caps a host at this many bytes of raw XML.
    with_max_host_bytes => max_host_bytes: usize;
    /// Caps the kept run-level elements of a scan at this many bytes.
    with_max_scan_metadata_bytes => max_scan_metadata_bytes: usize;
    /// Caps the nesting of elements.
    with_max_element_depth => max_element_depth: usize;
    /// Caps the attributes of a tag.
    with_max_attributes => max_attributes: usize;
    /// Caps the ports of a host.
    with_max_ports => max_ports: usize;
    /// Caps the memory of what is listed of a host.
    with_max_host_list_bytes => max_host_list_bytes: usize;
    /// Caps what waits for the first host of a scan without `args`.
    with_max_pending_bytes => max_pending_bytes: usize;
    /// Caps what comes out of one compressed file or member.
    with_max_decompressed_bytes => max_decompressed_bytes: u64;
    /// Caps how many times its size a compressed file or member may grow.
    with_max_compression_ratio => max_compression_ratio: u64;
    /// Caps containers in one another.
    with_max_archive_depth => max_archive_depth: usize;
    /// Caps the members of one archive.
    with_max_archive_members => max_archive_members: u64;
    /// Caps a zip archive that has to be held.
    with_max_buffered_zip_bytes => max_buffered_zip_bytes: usize;
    /// Caps what a program that is run as a script may write.
    with_max_script_output_bytes => max_script_output_bytes: usize;
}
