//! Buffer of bytes that is held in memory and, above a limit, in a file. Bytes at its end can be
//! removed again.

use std::io::{self, Read};

use crate::fs::File;

/// Maximum number of bytes that are held in memory.
const MAX_HELD_BYTES: usize = 256 << 10;

/// Function that creates the file of a buffer when it is needed.
pub(super) type CreateFile<'m> = &'m dyn Fn() -> io::Result<File>;

/// Bytes that are appended first, and read when they are complete.
#[derive(Debug, Default)]
pub(super) struct SpillBuffer {
    file: Option<File>,
    /// Number of bytes in the file.
    filed: u64,
    held: Vec<u8>,
}

impl SpillBuffer {
    /// Returns the length of the buffer, in bytes.
    pub(super) fn len(&self) -> u64 {
        self.filed.saturating_add(u64::try_from(self.held.len()).unwrap_or(u64::MAX))
    }

    /// Returns the bytes in memory, to append to. Call [`Self::settle`] afterwards.
    pub(super) fn held(&mut self) -> &mut Vec<u8> {
        &mut self.held
    }

    /// Moves the bytes in memory to the file if they exceed the limit.
    pub(super) fn settle(&mut self, make: CreateFile<'_>) -> io::Result<()> {
        if self.held.len() >= MAX_HELD_BYTES { self.file_all(make) } else { Ok(()) }
    }

    /// Moves all bytes in memory to the file.
    pub(super) fn file_all(&mut self, make: CreateFile<'_>) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => make()?,
        };
        let written = file.write_all_at(&self.held, self.filed);
        self.file = Some(file);
        written?;
        self.filed = self.len();
        self.held.clear();
        Ok(())
    }

    /// Removes all bytes after the first `len`.
    pub(super) fn rewind(&mut self, len: u64) {
        if let Some(held) = len.checked_sub(self.filed) {
            self.held.truncate(usize::try_from(held).unwrap_or(usize::MAX));
        } else {
            self.filed = len;
            self.held.clear();
        }
    }

    /// Returns the file, after [`Self::file_all`], truncated to the bytes that were not removed.
    pub(super) fn file(&self) -> io::Result<Option<&File>> {
        if let Some(file) = &self.file {
            file.set_len(self.filed)?;
        }
        Ok(self.file.as_ref())
    }

    /// Returns a reader of all bytes.
    pub(super) fn read(&self) -> impl Read {
        match &self.file {
            None => BufferReader::Held(&self.held),
            Some(file) => BufferReader::Both(
                FileRange { file, place: 0, end: self.filed }.chain(&self.held[..]),
            ),
        }
    }
}

enum BufferReader<'s> {
    Held(&'s [u8]),
    Both(io::Chain<FileRange<'s>, &'s [u8]>),
}

impl Read for BufferReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Held(held) => held.read(buffer),
            Self::Both(both) => both.read(buffer),
        }
    }
}

/// Reader of a range of a file, without using the position of the file.
pub(super) struct FileRange<'f> {
    pub(super) file: &'f File,
    pub(super) place: u64,
    pub(super) end: u64,
}

impl Read for FileRange<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.end.saturating_sub(self.place);
        let len = usize::try_from(most).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(buffer.get_mut(..len).unwrap_or_default(), self.place)?;
        self.place = self.place.saturating_add(u64::try_from(read).unwrap_or(0));
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewound_bytes_are_gone_from_memory_and_disk() {
        let make = || crate::fs::tempfile_in(std::env::temp_dir());
        for filed in [0, 3, 5, 9] {
            let mut stage = SpillBuffer::default();
            for (place, byte) in b"abcdefgh".iter().enumerate() {
                if place == filed {
                    stage.file_all(&make).unwrap();
                }
                stage.held().push(*byte);
            }
            stage.rewind(5);
            stage.held().extend_from_slice(b"xy");
            let mut all = String::new();
            stage.read().read_to_string(&mut all).unwrap();
            assert_eq!((all.as_str(), stage.len()), ("abcdexy", 7), "{filed}");
            stage.file_all(&make).unwrap();
            let len = stage.file().unwrap().unwrap().metadata().unwrap().len();
            assert_eq!(len, 7);
        }
    }
}
