//! Stores of records, one per partition, in memory, and above a cap in temporary files.
//!
//! A [`Store`] is written by appending to [`Store::buffer`] and is read once, by [`Store::load`]. [`Store::spill`]
//! appends the buffer to the store's file as one Zstandard frame and empties it, so a file is a sequence of frames
//! that one decoder reads. The owner of the stores decides when to spill: a store does not know the cap.
//!
//! Files have no name, so nothing of them remains, however the process ends. A clone of a file shares its position;
//! code that reads a file which is appended to later must move the position back to the end, as [`Store::look`] does.

use std::{
    io::{self, BufReader, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    codec::{self, Codec, put_length, split_length},
    error::{Error, Result},
    fs::{self, File},
};

/// Number of partitions of hosts. All records of a key are in one partition.
pub(super) const PARTITIONS: usize = 128;

/// Zstandard level of temporary files: the fastest.
pub(super) const LEVEL: i32 = 1;

/// Folder for temporary files.
#[derive(Debug, Clone)]
pub(super) struct TempFolder(PathBuf);

impl TempFolder {
    pub(super) fn new(folder: Option<&Path>) -> Self {
        Self(folder.map_or_else(std::env::temp_dir, Path::to_owned))
    }

    pub(super) fn file(&self) -> Result<File> {
        fs::tempfile_in(&self.0).map_err(|error| self.failed(error))
    }

    pub(super) fn failed(&self, error: io::Error) -> Error {
        Error::sink(format!("a temporary file in {}", self.0.display()), error)
    }
}

/// Bytes that are appended and then read once.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// Bytes that are not in the file yet.
    bytes: Vec<u8>,
    file: Option<File>,
    /// Number of bytes in the file, before compression.
    spilled: usize,
}

impl Store {
    /// Returns the allocated memory in bytes.
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Returns the total number of bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len().saturating_add(self.spilled)
    }

    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Appends the bytes in memory to the file.
    pub(super) fn spill(&mut self, folder: &TempFolder) -> Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let mut file = match self.file.take() {
            Some(file) => file,
            None => folder.file()?,
        };
        let bytes = std::mem::take(&mut self.bytes);
        let written =
            zstd::bulk::compress(&bytes, LEVEL).and_then(|packed| file.write_all(&packed));
        written.map_err(|error| folder.failed(error))?;
        self.spilled = self.spilled.saturating_add(bytes.len());
        self.file = Some(file);
        Ok(())
    }

    /// Returns all bytes, in memory.
    pub(super) fn load(self, folder: &TempFolder) -> Result<Vec<u8>> {
        let Some(mut file) = self.file else { return Ok(self.bytes) };
        let mut all = Vec::new();
        let read = all
            .try_reserve_exact(self.spilled.saturating_add(self.bytes.len()))
            .map_err(io::Error::from)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| io::copy(&mut zstd::Decoder::new(BufReader::new(&file))?, &mut all));
        read.map_err(|error| folder.failed(error))?;
        all.extend_from_slice(&self.bytes);
        Ok(all)
    }

    /// Returns all bytes, like [`Self::load`], but leaves the store as it is.
    pub(super) fn look(&self, folder: &TempFolder) -> Result<Vec<u8>> {
        let file = match &self.file {
            Some(file) => Some(file.try_clone().map_err(|error| folder.failed(error))?),
            None => None,
        };
        let copy = Self { bytes: self.bytes.clone(), file, spilled: self.spilled };
        let bytes = copy.load(folder)?;
        // The clone of the file shares its position, so move it back to the end for later appends.
        if let Some(mut file) = self.file.as_ref() {
            file.seek(SeekFrom::End(0)).map_err(|error| folder.failed(error))?;
        }
        Ok(bytes)
    }
}

/// Appends a record with its length.
pub(super) fn put_record(record: &[u8], out: &mut Vec<u8>) {
    put_length(record.len(), out);
    out.extend_from_slice(record);
}

/// Splits off the first record.
pub(super) fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = split_length(bytes)?;
    rest.split_at_checked(len)
}

/// Splits bytes into records; `None` if they do not end with a whole record.
pub(super) fn all_records(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (record, rest) = split_record(bytes)?;
        all.push(record);
        bytes = rest;
    }
    Some(all)
}

/// Iterates over all records in bytes that this process wrote. Bytes of a saved state, which anyone may have changed,
/// are read by [`all_records`].
pub(super) fn records(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let next = split_record(bytes);
        debug_assert!(next.is_some() || bytes.is_empty(), "this process wrote whole records");
        let (record, rest) = next?;
        bytes = rest;
        Some(record)
    })
}

/// Decodes a record that this process wrote, which is always possible.
pub(super) fn decode_own<'a, T: Codec<'a>>(record: &'a [u8]) -> Option<T> {
    let value = codec::decode(record);
    debug_assert!(value.is_some(), "this process wrote the record");
    value
}
