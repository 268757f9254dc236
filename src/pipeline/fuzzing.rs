//! Body of the fuzz target of this layer: one thread and several give the same output and the same report.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
};

use super::{Filters, Pipeline};
use crate::{
    error::{Error, Result},
    format::{ChunkWriter, DocumentEvent, Emit, Format, ScanEncoder, Written},
    fuzzing::{Choices, tight},
    model::{Host, ScanActivity, ScanHeader, ScanSummary},
    source::{Member, MemberData},
    xml::Options,
};

/// Reads the parts of an input between NUL bytes as inputs: on one thread, then on three, as small inputs in groups and
/// as large ones in batches of hosts of any size.
pub(crate) fn threads(data: &[u8]) {
    let mut choices = Choices::of(data);
    let options = match choices.below(3) {
        0 => tight(),
        _ => Options::default().with_hash(true),
    };
    let dedup = choices.below(2) == 0;
    let inputs: Vec<&[u8]> = data.split(|byte| *byte == 0).take(6).collect();
    let read = |threads: usize, choices: &mut Choices| {
        let ((text, written), (events, seen)) = (mpsc::channel(), mpsc::channel());
        let preferred_input_bytes = choices.below(3000).saturating_add(1);
        let format = Text { preferred_input_bytes, chunks: text, events };
        let filters = Filters { dedup, ..Filters::default() };
        let stop = Arc::new(AtomicBool::new(false));
        let pipeline = Pipeline::new(options.clone(), filters, format, Arc::clone(&stop));
        let read = pipeline.with_threads(threads).and_then(|mut pipeline| {
            for (number, input) in inputs.iter().enumerate() {
                pipeline.give_input(number, input, choices)?;
            }
            pipeline.finish()
        });
        let Ok(report) = read else { panic!("{read:?}, although everything can be written") };
        assert!(!stop.load(Ordering::Relaxed));
        let errors: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
        let Ok(said) = serde_json::to_string(&report) else { panic!("the report is not JSON") };
        (all(&written), all(&seen), said, errors)
    };
    let one = read(1, &mut choices);
    let several = read(3, &mut choices);
    assert_eq!(one.1, several.1, "the events of documents");
    assert_eq!(one.2, several.2, "the report");
    assert_eq!(one.3, several.3, "the errors");
    assert_eq!(one.0, several.0, "the output");
}

fn all(written: &Receiver<String>) -> String {
    written.try_iter().collect()
}

impl Pipeline<Text> {
    /// Reads an input as a small one or as a large one; with one thread there is no difference.
    fn give_input(&mut self, number: usize, input: &[u8], choices: &mut Choices) -> Result<()> {
        let name = format!("input-{number}");
        if input == b"refused" {
            return self.refuse(Error::usage("refused").with_input(name));
        }
        if self.jobs.is_some() && choices.below(2) == 0 {
            self.submit_group();
            return self.read_split(name, true, input);
        }
        let bytes = MemberData::from_vec(input.to_vec());
        let len = u64::try_from(input.len()).ok();
        self.read_member(Member { name, explicit: true, live: false, bytes, len })
    }
}

/// Format that sends its chunks and document events to the test as text.
struct Text {
    preferred_input_bytes: usize,
    chunks: Sender<String>,
    events: Sender<String>,
}

impl ChunkWriter for Text {
    type Chunk = String;

    fn write(&mut self, chunk: String) -> Result<()> {
        self.chunks.send(chunk).map_err(|error| Error::sink("text", error))
    }

    fn document_events(&mut self, events: Vec<DocumentEvent>) -> Result<()> {
        let mut lines = String::new();
        for event in events {
            let _ = writeln!(lines, "{event:?}");
        }
        self.events.send(lines).map_err(|error| Error::sink("events", error))
    }

    fn finish(self) -> Result<()> {
        Ok(())
    }
}

impl Format for Text {
    type Encoder = TextEncoder;

    const DOCUMENT_EVENTS: bool = true;

    fn encoder(&self) -> TextEncoder {
        TextEncoder {
            preferred_input_bytes: self.preferred_input_bytes,
            text: String::new(),
            lines: 0,
        }
    }
}

struct TextEncoder {
    preferred_input_bytes: usize,
    text: String,
    lines: u64,
}

impl ScanEncoder for TextEncoder {
    type Chunk = String;

    fn host(&mut self, scan: &ScanHeader, host: &Host<'_>, emit: Emit<'_, String>) -> Result<()> {
        self.line(&(scan, host));
        // Some hosts have many lines, which are passed on while they are encoded.
        if host.ports.len() > 2 { emit(std::mem::take(&mut self.text)) } else { Ok(()) }
    }

    fn activity(&mut self, scan: &ScanHeader, index: i32, activity: &ScanActivity) -> Result<()> {
        self.line(&(scan, index, activity));
        Ok(())
    }

    fn scan_end(&mut self, source: &str, record: ScanSummary) -> Result<()> {
        self.line(&(source, record));
        Ok(())
    }

    fn take_written(&mut self) -> Written {
        Written { lines: std::mem::take(&mut self.lines), ..Written::default() }
    }

    fn buffered_bytes(&self) -> usize {
        self.text.len()
    }

    fn preferred_input_bytes(&self) -> usize {
        self.preferred_input_bytes
    }

    fn take(&mut self) -> Vec<String> {
        vec![std::mem::take(&mut self.text)]
    }
}

impl TextEncoder {
    fn line(&mut self, value: &dyn std::fmt::Debug) {
        self.lines = self.lines.saturating_add(1);
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{value:?}");
    }
}
