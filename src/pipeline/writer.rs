//! Encodes what is read and writes what is ready, in the order of the input.

use super::{Destination, OUTPUT};
use crate::{
    error::Result,
    feed::nested,
    model::{Host, RunEvent, RunHeader, RunRecord},
    sink::{DocumentSink, Encoder, Sink},
    table::{Row, Table, event_row, host_rows, run_rows},
};

/// Encodes in the order of the input and writes what is ready.
pub(super) struct Writer {
    way: Way,
    pub(super) rows: [u64; Table::ALL.len()],
    pub(super) lines: u64,
}

enum Way {
    Tables { encoder: Box<dyn Encoder>, sink: Box<dyn Sink> },
    Nested { buffer: Vec<u8>, sink: DocumentSink, events: bool },
    Nothing,
}

impl Writer {
    pub(super) fn new(destination: Destination) -> Self {
        let way = match destination {
            Destination::Tables(sink) => Way::Tables { encoder: sink.encoder(), sink },
            Destination::Nested { sink, events } => {
                Way::Nested { buffer: Vec::with_capacity(OUTPUT), sink, events }
            }
            Destination::Nothing => Way::Nothing,
        };
        Self { way, rows: [0; Table::ALL.len()], lines: 0 }
    }

    pub(super) fn tables(&self) -> &[Table] {
        match &self.way {
            Way::Tables { sink, .. } => sink.tables(),
            Way::Nested { .. } | Way::Nothing => &[],
        }
    }

    pub(super) fn host(&mut self, run: &RunHeader, host: &Host<'_>) -> Result<()> {
        match &mut self.way {
            Way::Tables { encoder, .. } => {
                host_rows(run, host, &mut |row| encode(encoder, &mut self.rows, row))?;
            }
            Way::Nested { buffer, .. } => {
                nested::host_line(run, host, buffer);
                self.lines = self.lines.saturating_add(1);
            }
            Way::Nothing => {}
        }
        self.write_much()
    }

    pub(super) fn event(&mut self, run: &RunHeader, index: i32, event: &RunEvent) -> Result<()> {
        match &mut self.way {
            Way::Tables { encoder, .. } => {
                event_row(run, index, event, &mut |row| encode(encoder, &mut self.rows, row))?;
            }
            Way::Nested { buffer, events: true, .. } => {
                nested::event_line(run, index, event, buffer);
                self.lines = self.lines.saturating_add(1);
            }
            Way::Nested { .. } | Way::Nothing => {}
        }
        self.write_much()
    }

    pub(super) fn run_end(&mut self, source: &str, record: &RunRecord) -> Result<()> {
        match &mut self.way {
            Way::Tables { encoder, .. } => {
                run_rows(source, record, &mut |row| encode(encoder, &mut self.rows, row))?;
            }
            Way::Nested { buffer, .. } => {
                nested::scan_line(source, record, buffer);
                self.lines = self.lines.saturating_add(u64::from(record.exists));
            }
            Way::Nothing => {}
        }
        self.write_much()
    }

    /// Writes what is ready if it is much.
    fn write_much(&mut self) -> Result<()> {
        let ready = match &self.way {
            Way::Tables { encoder, .. } => encoder.buffered(),
            Way::Nested { buffer, .. } => buffer.len(),
            Way::Nothing => 0,
        };
        if ready >= OUTPUT { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        match &mut self.way {
            Way::Tables { encoder, sink } => {
                encoder.take().into_iter().try_for_each(|piece| sink.write(piece))
            }
            Way::Nested { buffer, sink, .. } => {
                sink.write(buffer)?;
                buffer.clear();
                Ok(())
            }
            Way::Nothing => Ok(()),
        }
    }

    /// Writes what is ready, and hands it to the system.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.write()?;
        match &mut self.way {
            Way::Tables { sink, .. } => sink.flush(),
            Way::Nested { sink, .. } => sink.flush(),
            Way::Nothing => Ok(()),
        }
    }

    pub(super) fn finish(self) -> Result<()> {
        match self.way {
            Way::Tables { mut encoder, mut sink } => {
                encoder.finish()?.into_iter().try_for_each(|piece| sink.write(piece))?;
                sink.finish()
            }
            Way::Nested { sink, .. } => sink.finish(),
            Way::Nothing => Ok(()),
        }
    }
}

fn encode(encoder: &mut Box<dyn Encoder>, rows: &mut [u64], row: &Row<'_>) -> Result<()> {
    if let Some(count) = rows.get_mut(row.table().number()) {
        *count = count.saturating_add(1);
    }
    encoder.row(row)
}
