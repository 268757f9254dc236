//! Hosts of a document, which are held until its start is known.

use std::io::{Read as _, Seek as _, Write as _};

use crate::{
    error::{Error, Result},
    fs::{self, File},
    output::TextStream,
};

/// Number of bytes that are held in memory before a temporary file is created.
const MAX_MEMORY_BYTES: usize = 8 << 20;

/// Name of the temporary file in messages.
const NAME: &str = "a temporary file";

/// Text that grows in memory, and beyond that in a file without a name in the system's folder for temporary files.
#[derive(Debug, Default)]
pub(super) struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
}

impl Spool {
    /// Appends text.
    ///
    /// # Errors
    /// Fails if the temporary file cannot be written.
    pub(super) fn write(&mut self, text: &[u8]) -> Result<()> {
        if self.memory.len().saturating_add(text.len()) > MAX_MEMORY_BYTES {
            self.spill().map_err(|error| Error::sink(NAME, error))?;
        }
        self.memory.extend_from_slice(text);
        Ok(())
    }

    /// Moves the text in memory to the file.
    fn spill(&mut self) -> std::io::Result<()> {
        if self.file.is_none() {
            self.file = Some(fs::tempfile_in(std::env::temp_dir())?);
        }
        if let Some(file) = &mut self.file {
            file.write_all(&self.memory)?;
        }
        self.memory.clear();
        Ok(())
    }

    /// Returns the text of a spool that fits into memory.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn into_memory(self) -> Vec<u8> {
        assert!(self.file.is_none(), "the text is in a file");
        self.memory
    }

    /// Writes everything to a stream.
    ///
    /// # Errors
    /// Fails if the temporary file cannot be read, or if the stream cannot be written.
    pub(super) fn copy_to(self, stream: &mut TextStream) -> Result<()> {
        let Self { memory, file } = self;
        if let Some(mut file) = file {
            let failed = |error| Error::sink(NAME, error);
            file.rewind().map_err(failed)?;
            let mut buffer = vec![0; 64 << 10];
            loop {
                match file.read(&mut buffer).map_err(failed)? {
                    0 => break,
                    count => stream.write(buffer.get(..count).unwrap_or_default())?,
                }
            }
        }
        stream.write(&memory)
    }
}
