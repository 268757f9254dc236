//! One stream of XML through a coder.

use std::{
    io::Read,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{
    Observer,
    coder::Coder,
    output::Taker,
    report::{Counts, InputReport, Outcome},
};
use crate::{
    error::{Code, Error, ErrorKind, Result},
    model::{RunHeader, ScanEvent, ScanEvents},
    sink::Notice,
    xml::{Decoder, Options, Reader},
};

/// A stream with its name, and whether it was named itself.
pub(super) struct Stream<'s> {
    pub(super) name: String,
    pub(super) named: bool,
    /// Its first bytes, which were read already, and those behind them.
    pub(super) head: &'s [u8],
    pub(super) bytes: Box<dyn Read + 's>,
}

/// How streams are read, one after the other.
pub(super) struct Reading<'r> {
    pub(super) options: &'r Options,
    pub(super) stop: &'r AtomicBool,
    /// The decoder of the stream before, of the same options: its memory is used again.
    pub(super) spare: &'r mut Option<Box<Decoder>>,
}

/// Reads a stream to its end and reports on it.
///
/// # Errors
/// If output cannot be encoded or written; errors of the stream are in the report.
pub(super) fn read(
    coder: &mut Coder,
    stream: Stream<'_>,
    reading: &mut Reading<'_>,
    observer: Observer<'_>,
    taker: &mut dyn Taker,
) -> Result<()> {
    let Stream { name, named, head, bytes } = stream;
    let Reading { options, stop, spare } = reading;
    let reader = match spare.take() {
        Some(decoder) => Reader::with_decoder(bytes, decoder),
        None => Reader::new(bytes, options.clone()),
    };
    let mut scans = Named { name: &name, reader: reader.behind(head) };
    replay(coder, (&name, named), &mut scans, (options, stop), observer, taker)?;
    **spare = Some(scans.reader.into_decoder());
    Ok(())
}

/// XML with the name of its input.
struct Named<'n, R> {
    name: &'n str,
    reader: Reader<R>,
}

impl<R: Read> ScanEvents for Named<'_, R> {
    fn next_event(&mut self) -> Result<Option<(&str, ScanEvent<'_>)>> {
        let event = self.reader.next_event().map_err(|error| error.in_input(self.name))?;
        Ok(event.map(|event| (self.name, event)))
    }

    fn is_ready(&self) -> bool {
        self.reader.is_ready()
    }
}

/// Takes scans to their end and reports on them as one input.
///
/// # Errors
/// If output cannot be encoded or written; errors of the input are in the report.
pub(super) fn replay(
    coder: &mut Coder,
    (name, named): (&str, bool),
    scans: &mut dyn ScanEvents,
    (options, stop): (&Options, &AtomicBool),
    observer: Observer<'_>,
    taker: &mut dyn Taker,
) -> Result<()> {
    let begun = Begun::new(coder);
    let error = match events(coder, scans, (options.strict, stop), observer, taker) {
        Ok(()) => None,
        Err(error) if is_of_run(&error) => return Err(error),
        Err(error) => Some(error),
    };
    begun.end(coder, (name.to_owned(), named), error);
    Ok(())
}

/// Whether an error ends the run, not only an input.
fn is_of_run(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Sink { .. } | ErrorKind::Schema(_) | ErrorKind::Resource(_))
}

/// What was counted when an input began.
pub(super) struct Begun {
    counts: Counts,
    warned: i64,
}

impl Begun {
    pub(super) fn new(coder: &Coder) -> Self {
        Self { counts: coder.report.counts, warned: coder.report.warned() }
    }

    /// Reports on the input.
    pub(super) fn end(
        &self,
        coder: &mut Coder,
        (name, named): (String, bool),
        error: Option<Error>,
    ) {
        let (now, before) = (coder.report.counts, self.counts);
        let skipped = |error: &Error| !named && error.code() == Some(Code::NotNmap);
        let outcome = match &error {
            None => Outcome::Read,
            Some(error) if skipped(error) => Outcome::Skipped,
            Some(_) => Outcome::Refused,
        };
        coder.end_input(&name);
        if outcome == Outcome::Refused {
            coder.note(Notice::Refused);
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
            warnings: coder.report.warned().saturating_sub(self.warned),
            error: error.as_ref().map(ToString::to_string),
        };
        coder.report.inputs.push(report);
        coder.report.errors.extend(error.filter(|_| outcome == Outcome::Refused));
    }
}

fn events(
    coder: &mut Coder,
    scans: &mut dyn ScanEvents,
    (strict, stop): (bool, &AtomicBool),
    observer: Observer<'_>,
    taker: &mut dyn Taker,
) -> Result<()> {
    let mut run = RunHeader::default();
    let mut index = 0_i32;
    let mut skipping = false;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        let Some((name, event)) = scans.next_event()? else { return Ok(()) };
        // It may have come because waiting ended: then what it tells is cut.
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        observer(name, &event);
        match event {
            ScanEvent::RunStart(header) => {
                if strict && coder.known.get(&header.scan_id).is_some() {
                    return Err(duplicate(&header).in_input(name));
                }
                skipping = coder.skips(&header.scan_id);
                (run, index) = (header, 0);
            }
            ScanEvent::RunEnd(record) if skipping => {
                skipping = false;
                coder.run_skipped(name, *record)?;
            }
            _ if skipping => {}
            ScanEvent::Run(event) => {
                coder.event(&run, index, &event)?;
                index = index.saturating_add(1);
            }
            ScanEvent::Host(host) => coder.host(&run, *host, taker)?,
            ScanEvent::RunEnd(record) => coder.run_end(name, *record)?,
            ScanEvent::ScanInfo(_) => {}
        }
        taker.between(coder, !scans.is_ready())?;
    }
}

fn duplicate(header: &RunHeader) -> Error {
    let detail = format!("scan {} was read before", header.scan_id);
    Error::new(ErrorKind::Strict { code: Code::DupScan, detail }).at(header.position)
}
