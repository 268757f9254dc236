//! Random access to Parquet files, as the `parquet` crate requests it.

use std::io::{self, BufReader, Read};

use bytes::Bytes;
use parquet::{
    errors::{ParquetError, Result},
    file::reader::{ChunkReader, Length},
};

use crate::fs::File;

/// Open Parquet file.
pub(super) struct ChunkedFile {
    file: File,
    len: u64,
}

impl ChunkedFile {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }
}

impl Length for ChunkedFile {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for ChunkedFile {
    type T = BufReader<OffsetReader>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(OffsetReader { file: self.file.try_clone()?, place: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let wanted = u64::try_from(length).unwrap_or(u64::MAX);
        // A damaged footer may request any range; check it before memory is allocated.
        if start.saturating_add(wanted) > self.len {
            let len = self.len;
            let message = format!("{length} bytes from byte {start} on are not in {len} bytes");
            return Err(ParquetError::EOF(message));
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(io::Error::from)?;
        bytes.resize(length, 0);
        OffsetReader { file: &self.file, place: start }.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// Reader of a file from an offset on. It does not use the position of the file.
pub(super) struct OffsetReader<F = File> {
    file: F,
    place: u64,
}

impl<F: std::borrow::Borrow<File>> Read for OffsetReader<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.file.borrow().read_at(buffer, self.place)?;
        self.place = self.place.saturating_add(u64::try_from(len).unwrap_or(0));
        Ok(len)
    }
}
