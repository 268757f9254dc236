//! A sink of documents: lines of a feed, made elsewhere.

use std::path::Path;

use super::{replace::Replace, stream::TextStream, target::Output, temporaries::Temporaries};
use crate::error::{Error, Result};

/// Writes whole lines to standard output or to a file.
pub struct DocumentSink {
    stream: TextStream,
}

impl DocumentSink {
    /// A sink to standard output or to a file.
    ///
    /// # Errors
    /// A usage error if the output exists and is not to be replaced, or is a folder; an output error if it
    /// cannot be made.
    pub fn open(output: &Output, overwrite: bool, temporaries: &Temporaries) -> Result<Self> {
        if let Output::Dir(path) = output {
            return Err(Error::usage(format!(
                "a feed is one file: {} would be a folder",
                path.display()
            )));
        }
        Ok(Self { stream: TextStream::open(output, Replace::of(overwrite), temporaries)? })
    }

    /// A sink to the file of a report, which may take the place of another report.
    ///
    /// # Errors
    /// A usage error if the file exists, is no report and is not to be replaced; an output error if it cannot be made.
    pub fn open_report(path: &Path, overwrite: bool, temporaries: &Temporaries) -> Result<Self> {
        let (output, replace) = (Output::File(path.to_owned()), Replace::report(overwrite));
        Ok(Self { stream: TextStream::open(&output, replace, temporaries)? })
    }

    /// A sink to a file that has its name from the start: what is written stays, however the run ends. A file that is
    /// there stays as it is until something is written or the sink is finished; if neither happens, a new one goes again.
    ///
    /// # Errors
    /// A usage error if the file exists and is not to be replaced, or if another run writes it; an output error
    /// if it cannot be made.
    pub fn open_live(path: &Path, overwrite: bool, temporaries: &Temporaries) -> Result<Self> {
        Ok(Self { stream: TextStream::live(path, overwrite, temporaries)? })
    }

    /// Writes whole lines.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn write(&mut self, lines: &[u8]) -> Result<()> {
        self.stream.write(lines)
    }

    /// The name of a file that holds something, and that [`Self::finish`] would replace.
    pub(crate) fn replaces(&self) -> Option<&str> {
        self.stream.replaces()
    }

    /// Hands what was written to the system.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        self.stream.flush()
    }

    /// Completes the output and gives it its name.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn finish(self) -> Result<()> {
        self.stream.finish()
    }
}
