//! Memory for the data that a pipeline keeps of each input and document until its end.
//!
//! It is little per document, but there may be millions of them: an empty document has twelve bytes. So it is counted,
//! and a pipeline that would exceed its limit fails. The memory of hosts is bounded elsewhere: by the limits on input,
//! and by the temporary files of a merge. Sizes are approximate sizes in memory: for texts, their bytes and the
//! overhead of the allocator.

use super::report::{InputReport, Report};
use crate::{
    error::{Error, Result},
    model::ScanSummary,
};

/// Maximum overhead of the allocator per text, in bytes.
const TEXT: usize = 16;

/// Size in bytes of a scan ID in the set of IDs.
const ID: usize = 44;

/// Maximum number of bytes to keep.
#[derive(Debug, Clone, Copy)]
pub(super) struct MemoryLimit(usize);

impl Default for MemoryLimit {
    fn default() -> Self {
        Self(usize::MAX)
    }
}

impl MemoryLimit {
    pub(super) fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Fails if `held` bytes exceed the limit.
    ///
    /// # Errors
    /// Returns an error of the kind [`MemoryLimit`](crate::error::ErrorKind::MemoryLimit).
    pub(super) fn check(self, held: usize, what: &str) -> Result<()> {
        if held <= self.0 {
            return Ok(());
        }
        Err(Error::memory_limit(format!(
            "too little memory: records of the {what} take {} MiB, and may take {} MiB",
            held.div_ceil(1 << 20),
            self.0 >> 20,
        )))
    }
}

/// Returns the number of bytes kept of inputs and documents: `ids` IDs, and a report without its long names.
pub(super) fn of_documents(ids: usize, report: &Report) -> usize {
    ids.saturating_mul(ID).saturating_add(of_inputs(report))
}

/// Returns the number of bytes that a report keeps of its inputs, apart from long names.
fn of_inputs(report: &Report) -> usize {
    let of_input = size_of::<InputReport>().saturating_add(64);
    let errors = report.errors.len().saturating_mul(256);
    report.inputs.len().saturating_mul(of_input).saturating_add(errors)
}

/// Returns the number of bytes that a merge keeps of a scan from this source: the record itself, its header, and the
/// values that choose between observations.
pub(super) fn of_scan(source: &str, record: &ScanSummary) -> usize {
    let header = &record.header;
    let texts = [
        &header.scanner,
        &header.scanner_version,
        &header.xml_version,
        &header.args,
        &header.profile_name,
        &header.start_str,
    ];
    let stats = &record.stats;
    let ends = [&stats.end_str, &stats.exit_status, &stats.error_message, &stats.summary];
    let text =
        |text: &Option<String>| text.as_ref().map_or(0, |text| text.len().saturating_add(TEXT));
    let of_header = texts.into_iter().map(text).sum::<usize>().saturating_add(header.scan_id.len());
    let of_stats = ends.into_iter().map(text).sum::<usize>();
    let services = |services: &Option<String>| text(services).saturating_mul(2);
    let info = record
        .scan_info
        .iter()
        .map(|info| services(&info.services).saturating_add(256))
        .sum::<usize>();
    let warnings =
        record.diagnostics.iter().map(|found| found.detail.len().saturating_add(96)).sum::<usize>();
    let scripts = record.scripts().map(|(_, _, script)| {
        script
            .output
            .as_ref()
            .map_or(0, |output| output.len())
            .saturating_mul(2)
            .saturating_add(512)
    });
    let fixed = size_of::<ScanSummary>().saturating_mul(2).saturating_add(512);
    let sum =
        [of_header.saturating_mul(2), of_stats, info, warnings, scripts.sum(), source.len(), fixed];
    sum.into_iter().fold(0, usize::saturating_add)
}
