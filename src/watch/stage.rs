//! Bytes on their way, in memory and beyond a cap in a file; what was put last may be taken back.

use std::io::{self, Read};

use crate::fs::File;

/// Bytes that are held in memory.
const HELD: usize = 256 << 10;

/// Where the file of a stage comes from, when one is needed.
pub(super) type Make<'m> = &'m dyn Fn() -> io::Result<File>;

/// Bytes that are appended, and read when all have come.
#[derive(Debug, Default)]
pub(super) struct Stage {
    file: Option<File>,
    /// Bytes in the file.
    filed: u64,
    held: Vec<u8>,
}

impl Stage {
    /// All bytes.
    pub(super) fn len(&self) -> u64 {
        self.filed.saturating_add(u64::try_from(self.held.len()).unwrap_or(u64::MAX))
    }

    /// Has bytes appended to what is held; [`Self::settle`] comes after it.
    pub(super) fn held(&mut self) -> &mut Vec<u8> {
        &mut self.held
    }

    /// Moves what is held to the file if it is much.
    pub(super) fn settle(&mut self, make: Make<'_>) -> io::Result<()> {
        if self.held.len() >= HELD { self.file_all(make) } else { Ok(()) }
    }

    /// Moves all that is held to the file.
    pub(super) fn file_all(&mut self, make: Make<'_>) -> io::Result<()> {
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

    /// Takes back all from a place on.
    pub(super) fn rewind(&mut self, len: u64) {
        if let Some(held) = len.checked_sub(self.filed) {
            self.held.truncate(usize::try_from(held).unwrap_or(usize::MAX));
        } else {
            self.filed = len;
            self.held.clear();
        }
    }

    /// The file, after [`Self::file_all`], cut to what was not taken back.
    pub(super) fn file(&self) -> io::Result<Option<&File>> {
        if let Some(file) = &self.file {
            file.set_len(self.filed)?;
        }
        Ok(self.file.as_ref())
    }

    /// All bytes, to be read once.
    pub(super) fn read(&self) -> impl Read {
        match &self.file {
            None => Bytes::Held(&self.held),
            Some(file) => Bytes::Both(At { file, place: 0, end: self.filed }.chain(&self.held[..])),
        }
    }
}

enum Bytes<'s> {
    Held(&'s [u8]),
    Both(io::Chain<At<'s>, &'s [u8]>),
}

impl Read for Bytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Held(held) => held.read(buffer),
            Self::Both(both) => both.read(buffer),
        }
    }
}

/// Bytes of a file from a place to another, whatever its position.
pub(super) struct At<'f> {
    pub(super) file: &'f File,
    pub(super) place: u64,
    pub(super) end: u64,
}

impl Read for At<'_> {
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
    fn what_is_taken_back_is_gone_wherever_it_was() {
        let make = || crate::fs::tempfile_in(std::env::temp_dir());
        for filed in [0, 3, 5, 9] {
            let mut stage = Stage::default();
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
