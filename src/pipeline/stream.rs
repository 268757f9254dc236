//! Reads one XML stream through a worker.

use std::io::Read;

use super::{
    consumer::ChunkConsumer,
    report::{Counts, InputReport, Outcome},
    worker::Worker,
};
use crate::{
    error::{DiagnosticCode, Error, ErrorKind, Result},
    exec::cancel::CancellationToken,
    format::{DocumentEvent, ScanEncoder},
    model::{EventSource, ScanEvent, ScanHeader},
    xml::{Decoder, Options, Reader},
};

/// Stream with its name; `named` is true if the user named the input itself.
pub(super) struct InputStream<'s> {
    pub(super) name: String,
    pub(super) named: bool,
    /// First bytes, which were already read, and the reader of the rest.
    pub(super) head: &'s [u8],
    pub(super) bytes: Box<dyn Read + 's>,
}

/// Options and reusable memory for reading consecutive streams.
pub(super) struct ReadContext<'r> {
    pub(super) options: &'r Options,
    pub(super) stop: &'r CancellationToken,
    /// Decoder of the previous stream, with the same options, whose memory is reused.
    pub(super) spare: &'r mut Option<Box<Decoder>>,
}

/// Reads a stream to its end and reports it.
///
/// # Errors
/// Fails if output cannot be encoded or written. Errors of the stream are recorded in the report.
pub(super) fn read<E: ScanEncoder>(
    worker: &mut Worker<E>,
    stream: InputStream<'_>,
    context: &mut ReadContext<'_>,
    consumer: &mut dyn ChunkConsumer<E>,
) -> Result<()> {
    let InputStream { name, named, head, bytes } = stream;
    let ReadContext { options, stop, spare } = context;
    let reader = match spare.take() {
        Some(decoder) => Reader::with_decoder(bytes, decoder),
        None => Reader::new(bytes, options.clone()),
    };
    let mut source = reader.with_prefix(head).named(&name);
    read_events(worker, (&name, named), &mut source, (options, stop), consumer)?;
    **spare = Some(source.into_reader().into_decoder());
    Ok(())
}

/// Reads events to their end and reports them as one input.
///
/// # Errors
/// Fails if output cannot be encoded or written. Errors of the input are recorded in the report.
pub(super) fn read_events<E: ScanEncoder>(
    worker: &mut Worker<E>,
    (name, named): (&str, bool),
    source: &mut dyn EventSource,
    (options, stop): (&Options, &CancellationToken),
    consumer: &mut dyn ChunkConsumer<E>,
) -> Result<()> {
    let progress = InputProgress::new(worker);
    let error = pass_events(worker, source, (options.strict, stop), consumer)?;
    progress.end(worker, (name.to_owned(), named), error);
    Ok(())
}

/// Returns true if an error of a source ends the whole pipeline, not only an input.
fn ends_pipeline(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Sink { .. }
            | ErrorKind::Resource(_)
            | ErrorKind::MemoryLimit(_)
            | ErrorKind::Cancelled(_)
            | ErrorKind::Internal(_)
    )
}

/// Counters at the start of an input.
pub(super) struct InputProgress {
    counts: Counts,
    warned: i64,
}

impl InputProgress {
    pub(super) fn new<E: ScanEncoder>(worker: &Worker<E>) -> Self {
        Self { counts: worker.report.counts, warned: worker.report.warned() }
    }

    /// Reports the input.
    pub(super) fn end<E: ScanEncoder>(
        &self,
        worker: &mut Worker<E>,
        (name, named): (String, bool),
        error: Option<Error>,
    ) {
        let (now, before) = (worker.report.counts, self.counts);
        let skipped = |error: &Error| !named && error.code() == DiagnosticCode::NotNmap;
        let outcome = match &error {
            None => Outcome::Read,
            Some(error) if skipped(error) => Outcome::Skipped,
            Some(_) => Outcome::Refused,
        };
        worker.input_end(&name);
        if outcome == Outcome::Refused {
            worker.push_event(DocumentEvent::InputRefused);
        }
        let report = InputReport {
            name,
            outcome,
            counts: Counts {
                scans: now.scans.saturating_sub(before.scans),
                hosts: now.hosts.saturating_sub(before.hosts),
                ports: now.ports.saturating_sub(before.ports),
                bytes: now.bytes.saturating_sub(before.bytes),
            },
            warnings: worker.report.warned().saturating_sub(self.warned),
            error: error.as_ref().map(ToString::to_string),
        };
        worker.report.inputs.push(report);
        worker.report.errors.extend(error.filter(|_| outcome == Outcome::Refused));
    }
}

/// Passes events to a worker and returns the error that ended the input, if any.
///
/// # Errors
/// Fails if output cannot be encoded or written.
fn pass_events<E: ScanEncoder>(
    worker: &mut Worker<E>,
    source: &mut dyn EventSource,
    (strict, stop): (bool, &CancellationToken),
    consumer: &mut dyn ChunkConsumer<E>,
) -> Result<Option<Error>> {
    let mut scan = ScanHeader::default();
    let mut index = 0_i32;
    let mut skipping = false;
    loop {
        if stop.is_cancelled() {
            return Ok(None);
        }
        let (name, event) = match source.next_event() {
            Ok(Some(next)) => next,
            Ok(None) => return Ok(None),
            Err(error) if ends_pipeline(&error) => return Err(error),
            Err(error) => return Ok(Some(error)),
        };
        // The event may have arrived because a wait was ended; then it is truncated.
        if stop.is_cancelled() {
            return Ok(None);
        }
        match event {
            ScanEvent::ScanStart(header) => {
                if strict && worker.known.get(&header.scan_id).is_some() {
                    return Ok(Some(duplicate(&header).with_input(name)));
                }
                skipping = worker.skips(&header.scan_id);
                (scan, index) = (header, 0);
            }
            ScanEvent::ScanEnd(record) if skipping => {
                skipping = false;
                worker.scan_skipped(name, *record)?;
            }
            _ if skipping => {}
            ScanEvent::Activity(event) => {
                worker.activity(&scan, index, &event)?;
                index = index.saturating_add(1);
            }
            ScanEvent::Host(host) => worker.host(&scan, *host, consumer)?,
            ScanEvent::ScanEnd(record) => worker.scan_end(name, *record)?,
            ScanEvent::ScanInfo(_) => {}
        }
        consumer.between_events(worker, !source.is_ready())?;
    }
}

fn duplicate(header: &ScanHeader) -> Error {
    let detail = format!("scan {} was read before", header.scan_id);
    Error::new(ErrorKind::Strict { code: DiagnosticCode::DupScan, detail })
        .with_position(header.position)
}
