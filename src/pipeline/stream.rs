//! Reads one XML stream through a worker.

use std::{
    io::Read,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{
    Observer,
    consumer::ChunkConsumer,
    report::{Counts, InputReport, Outcome},
    worker::Worker,
};
use crate::{
    error::{DiagnosticCode, Error, ErrorKind, Result},
    format::{DocumentEvent, ScanEncoder},
    model::{EventSource, ScanEvent, ScanHeader},
    xml::{Decoder, Options, Reader},
};

/// Stream with its name; `named` is true if the user named the input itself.
pub(super) struct Stream<'s> {
    pub(super) name: String,
    pub(super) named: bool,
    /// First bytes, which were already read, and the reader of the rest.
    pub(super) head: &'s [u8],
    pub(super) bytes: Box<dyn Read + 's>,
}

/// Options and reusable memory for reading consecutive streams.
pub(super) struct Reading<'r> {
    pub(super) options: &'r Options,
    pub(super) stop: &'r AtomicBool,
    /// Decoder of the previous stream, with the same options, whose memory is reused.
    pub(super) spare: &'r mut Option<Box<Decoder>>,
}

/// Reads a stream to its end and reports it.
///
/// # Errors
/// Fails if output cannot be encoded or written. Errors of the stream are recorded in the report.
pub(super) fn read<E: ScanEncoder>(
    worker: &mut Worker<E>,
    stream: Stream<'_>,
    reading: &mut Reading<'_>,
    observer: Observer<'_>,
    consumer: &mut dyn ChunkConsumer<E>,
) -> Result<()> {
    let Stream { name, named, head, bytes } = stream;
    let Reading { options, stop, spare } = reading;
    let reader = match spare.take() {
        Some(decoder) => Reader::with_decoder(bytes, decoder),
        None => Reader::new(bytes, options.clone()),
    };
    let mut scans = Named { name: &name, reader: reader.with_prefix(head) };
    replay(worker, (&name, named), &mut scans, (options, stop), observer, consumer)?;
    **spare = Some(scans.reader.into_decoder());
    Ok(())
}

/// XML reader with the name of its input.
struct Named<'n, R> {
    name: &'n str,
    reader: Reader<R>,
}

impl<R: Read> EventSource for Named<'_, R> {
    fn next_event(&mut self) -> Result<Option<(&str, ScanEvent<'_>)>> {
        let event = self.reader.next_event().map_err(|error| error.with_input(self.name))?;
        Ok(event.map(|event| (self.name, event)))
    }

    fn is_ready(&self) -> bool {
        self.reader.is_ready()
    }
}

/// Replays scans to their end and reports them as one input.
///
/// # Errors
/// Fails if output cannot be encoded or written. Errors of the input are recorded in the report.
pub(super) fn replay<E: ScanEncoder>(
    worker: &mut Worker<E>,
    (name, named): (&str, bool),
    scans: &mut dyn EventSource,
    (options, stop): (&Options, &AtomicBool),
    observer: Observer<'_>,
    consumer: &mut dyn ChunkConsumer<E>,
) -> Result<()> {
    let begun = InputProgress::new(worker);
    let error = match events(worker, scans, (options.strict, stop), observer, consumer) {
        Ok(()) => None,
        Err(error) if is_of_run(&error) => return Err(error),
        Err(error) => Some(error),
    };
    begun.end(worker, (name.to_owned(), named), error);
    Ok(())
}

/// Returns true if an error ends the whole pipeline, not only an input.
fn is_of_run(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Sink { .. } | ErrorKind::Resource(_) | ErrorKind::Internal(_))
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

fn events<E: ScanEncoder>(
    worker: &mut Worker<E>,
    scans: &mut dyn EventSource,
    (strict, stop): (bool, &AtomicBool),
    observer: Observer<'_>,
    consumer: &mut dyn ChunkConsumer<E>,
) -> Result<()> {
    let mut run = ScanHeader::default();
    let mut index = 0_i32;
    let mut skipping = false;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        let Some((name, event)) = scans.next_event()? else { return Ok(()) };
        // The event may have arrived because a wait was ended; then it is truncated.
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        observer(name, &event);
        match event {
            ScanEvent::ScanStart(header) => {
                if strict && worker.known.get(&header.scan_id).is_some() {
                    return Err(duplicate(&header).with_input(name));
                }
                skipping = worker.skips(&header.scan_id);
                (run, index) = (header, 0);
            }
            ScanEvent::ScanEnd(record) if skipping => {
                skipping = false;
                worker.scan_skipped(name, *record)?;
            }
            _ if skipping => {}
            ScanEvent::Activity(event) => {
                worker.activity(&run, index, &event)?;
                index = index.saturating_add(1);
            }
            ScanEvent::Host(host) => worker.host(&run, *host, consumer)?,
            ScanEvent::ScanEnd(record) => worker.scan_end(name, *record)?,
            ScanEvent::ScanInfo(_) => {}
        }
        consumer.between_events(worker, !scans.is_ready())?;
    }
}

fn duplicate(header: &ScanHeader) -> Error {
    let detail = format!("scan {} was read before", header.scan_id);
    Error::new(ErrorKind::Strict { code: DiagnosticCode::DupScan, detail })
        .with_position(header.position)
}
