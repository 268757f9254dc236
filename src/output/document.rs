//! Feeds, reports and other documents: complete lines that are produced elsewhere.

use std::path::Path;

use super::{Output, replace_policy::Replace, stream::TextStream, temp_files::Temporaries};
use crate::error::{Error, Result};

/// Writes complete lines to standard output, to a writer or to a file.
pub struct DocumentSink {
    stream: TextStream,
}

impl DocumentSink {
    /// Opens a sink that writes to standard output, to a writer or to a file.
    ///
    /// # Errors
    /// Returns a usage error if the output exists and may not be replaced, or is a folder, and an output error if it
    /// cannot be created.
    pub fn open(output: &Output, overwrite: bool, temporaries: &Temporaries) -> Result<Self> {
        if let Output::Dir(path) = output {
            return Err(Error::usage(format!(
                "a feed is one file: {} would be a folder",
                path.display()
            )));
        }
        Ok(Self { stream: TextStream::open(output, Replace::of(overwrite), temporaries)? })
    }

    /// Opens a sink for a report, which may replace another report.
    ///
    /// # Errors
    /// Returns a usage error if the file exists, is not a report and may not be replaced, and an output error if it
    /// cannot be created.
    pub fn open_report(path: &Path, overwrite: bool, temporaries: &Temporaries) -> Result<Self> {
        let (output, replace) = (Output::File(path.to_owned()), Replace::report(overwrite));
        Ok(Self { stream: TextStream::open(&output, replace, temporaries)? })
    }

    /// Opens a sink that writes directly to the final path, so that output remains even if the process is interrupted.
    /// An existing file stays unchanged until something is written or the sink is finished; if neither happens, a file
    /// that was created is removed.
    ///
    /// # Errors
    /// Returns a usage error if the file exists and may not be replaced, or if another process is writing it, and an
    /// output error if it cannot be created.
    pub(crate) fn open_live(
        path: &Path,
        overwrite: bool,
        temporaries: &Temporaries,
    ) -> Result<Self> {
        Ok(Self { stream: TextStream::open_in_place(path, overwrite, temporaries)? })
    }

    /// Writes complete lines.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    pub fn write(&mut self, lines: &[u8]) -> Result<()> {
        self.stream.write(lines)
    }

    /// Returns the name of a file that is not empty and that [`Self::finish`] would replace.
    pub(crate) fn replaces(&self) -> Option<&str> {
        self.stream.replaces()
    }

    /// Passes buffered output to the operating system.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        self.stream.flush()
    }

    /// Completes the output and renames it to its final path.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    pub fn finish(self) -> Result<()> {
        self.stream.finish()
    }
}
