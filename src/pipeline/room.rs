//! Memory for the data that a pipeline keeps of each input and document until its end.
//!
//! It is little per document, but there may be millions of them: an empty document has twelve bytes. So it is counted,
//! and a pipeline that would exceed its limit fails. The memory of hosts is bounded elsewhere: by the limits on input,
//! and by the temporary files of a merge. Sizes are approximate sizes in memory: for texts, their bytes and the
//! overhead of the allocator.

use crate::{
    error::{Error, Result},
    format::{Format, ScanEncoder},
    model::ScanSummary,
};

use super::{
    Pipeline,
    report::{InputReport, Report},
    worker::Worker,
};

/// Maximum overhead of the allocator per text, in bytes.
const TEXT: usize = 16;

/// Size in bytes of a scan ID in the set of IDs.
const ID: usize = 44;

/// Maximum number of bytes to keep.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(usize::MAX)
    }
}

impl Room {
    pub(super) fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Fails if `held` bytes exceed the limit.
    ///
    /// # Errors
    /// Returns a resource error that names the option to change.
    pub(super) fn check(self, held: usize, what: &str) -> Result<()> {
        if held <= self.0 {
            return Ok(());
        }
        Err(Error::resource(format!(
            "too little memory: records of the {what} take {} MiB, and may take {} MiB; raise \
             --memory",
            held.div_ceil(1 << 20),
            self.0 >> 20,
        )))
    }
}

impl<F: Format> Pipeline<F> {
    /// Sets the approximate memory, in bytes, for the data kept of inputs and documents until the end. Exceeding it is
    /// an error of the kind [`Resource`](crate::error::ErrorKind::Resource).
    #[must_use]
    pub fn with_room(mut self, bytes: usize) -> Self {
        self.worker.room = Room::new(bytes);
        self
    }
}

impl<E: ScanEncoder> Worker<E> {
    /// Fails if the data kept of inputs and documents exceeds the limit.
    ///
    /// # Errors
    /// Returns the errors of [`Room::check`].
    pub(super) fn check_room(&self) -> Result<()> {
        let ids = self.known.len().saturating_mul(ID);
        self.room.check(ids.saturating_add(of_inputs(&self.report)), "inputs and documents")
    }
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
