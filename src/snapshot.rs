//! Files of saved state, which are read completely or rejected, regardless of who wrote them.
//!
//! A snapshot holds the data with which a later run continues: the state of `merge --state`, and the host records of
//! `watch --changes`. scanmill writes it, and reads it back as bytes that anyone may have changed.
//!
//! ```text
//! "scanmill" kind[8] version[4]                   kind: "merge", "watch", padded with zeros
//! section[2] packed[1] len[4] stored[4] sum[16]   a block, followed by its `stored` bytes
//! ...
//! 0[2] 0[1] blocks[4] 0[4] sum[16]                the end; nothing follows
//! ```
//!
//! Numbers are little-endian. The sum of a block is the first half of the SHA-256 over the eleven bytes before it and
//! the stored bytes. The sum of the end covers the sums of all blocks in order, so a block that is missing, repeated
//! or moved is detected. Sums do not depend on the position of a block, so a block can be copied to the next snapshot
//! unchanged.
//!
//! The owner of a snapshot defines the contents of its sections. A section is a stream of bytes, split at arbitrary
//! points into blocks of at most [`MAX_SNAPSHOT_BLOCK`] bytes. Reading needs the memory of one block. A block
//! declares its uncompressed length, which may not exceed [`MAX_SNAPSHOT_RATIO`] times its stored length, so a small
//! file cannot fill a disk. Bytes that compress better than that are stored uncompressed.
//!
//! The version covers everything in the file, including the layout of its records. A golden test of each owner fails
//! if the layout changes without a new version.

use std::{
    fmt,
    io::{self, Read},
};

use sha2::{Digest as _, Sha256};

use crate::limits::{MAX_SNAPSHOT_BLOCK, MAX_SNAPSHOT_RATIO};

/// Zstandard level: the fastest.
const LEVEL: i32 = 1;
const MAGIC: &[u8; 8] = b"scanmill";
/// Size of the head of a block in bytes: section, packed, len, stored, sum.
const HEAD: usize = 11 + SUM;
const SUM: usize = 16;
/// Section number of the end.
const END: u16 = 0;

/// Kind of state in a snapshot, and the version of its layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    /// Earliest version whose records can still be read as those of `version`.
    pub(crate) oldest: u32,
}

impl Kind {
    /// Returns the first bytes of a snapshot: magic and kind, without the version.
    fn start(self) -> [u8; 16] {
        let mut start = [0; 16];
        let text = MAGIC.iter().chain(self.name.as_bytes());
        for (byte, from) in start.iter_mut().zip(text) {
            *byte = *from;
        }
        start
    }
}

/// Error of a file that cannot be read as a snapshot.
#[derive(Debug)]
pub(crate) enum SnapshotError {
    /// The file is not a snapshot of this kind.
    Foreign,
    /// The snapshot has another version.
    Version(u32),
    /// The snapshot is damaged.
    Damaged(&'static str),
    /// The file cannot be read.
    Io(io::Error),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("it is not a saved state of this kind"),
            Self::Version(version) => {
                write!(f, "it has version {version}, which this scanmill does not read")
            }
            Self::Damaged(how) => write!(f, "it is damaged: {how}"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for SnapshotError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Encoder of a snapshot.
pub(crate) struct SnapshotWriter {
    packer: zstd::bulk::Compressor<'static>,
    blocks: u32,
    sums: Sha256,
}

impl SnapshotWriter {
    /// Begins a snapshot at the end of `out`.
    ///
    /// # Errors
    /// Returns an error if there is no memory for the compressor.
    pub(crate) fn new(kind: Kind, out: &mut Vec<u8>) -> io::Result<Self> {
        out.extend_from_slice(&kind.start());
        out.extend_from_slice(&kind.version.to_le_bytes());
        let packer = zstd::bulk::Compressor::new(LEVEL)?;
        Ok(Self { packer, blocks: 0, sums: Sha256::new() })
    }

    /// Appends bytes of a section as new blocks. `section` must not be 0.
    ///
    /// # Errors
    /// Returns an error if the bytes cannot be compressed, or if there are too many blocks.
    pub(crate) fn section(
        &mut self,
        section: u16,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        debug_assert!(section != END, "section 0 is the end");
        for piece in bytes.chunks(MAX_SNAPSHOT_BLOCK) {
            let packed = self.packer.compress(piece)?;
            let fits = packed.len().saturating_mul(MAX_SNAPSHOT_RATIO) >= piece.len();
            let is_packed = fits && packed.len() < piece.len();
            let stored = if is_packed { &*packed } else { piece };
            let head = head_of((section, is_packed), piece.len(), stored.len())?;
            let sum = sum_of(&head, stored);
            out.extend_from_slice(&head);
            out.extend_from_slice(&sum);
            out.extend_from_slice(stored);
            self.count(&sum)?;
        }
        Ok(())
    }

    /// Appends blocks of another snapshot unchanged. `blocks` are concatenated results of [`Block::raw`].
    ///
    /// # Errors
    /// Returns an error if there are too many blocks.
    pub(crate) fn copy(&mut self, blocks: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        for block in raw_blocks(blocks) {
            let sum = block.get(HEAD.saturating_sub(SUM)..HEAD).unwrap_or_default();
            self.count(sum)?;
            out.extend_from_slice(block);
        }
        Ok(())
    }

    fn count(&mut self, sum: &[u8]) -> io::Result<()> {
        self.sums.update(sum);
        let next = self.blocks.checked_add(1);
        self.blocks = next.ok_or_else(|| io::Error::other("a saved state has too many blocks"))?;
        Ok(())
    }

    /// Appends the end of the snapshot.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&END.to_le_bytes());
        out.push(0);
        out.extend_from_slice(&self.blocks.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        let sum = self.sums.finalize();
        out.extend_from_slice(sum.get(..SUM).unwrap_or_default());
    }
}

/// Returns the head of a block without its sum.
fn head_of(
    (section, is_packed): (u16, bool),
    len: usize,
    stored: usize,
) -> io::Result<[u8; HEAD - SUM]> {
    let number = |len: usize| u32::try_from(len).map_err(io::Error::other);
    let mut head = [0; HEAD - SUM];
    let fields = [
        &section.to_le_bytes()[..],
        &[u8::from(is_packed)],
        &number(len)?.to_le_bytes(),
        &number(stored)?.to_le_bytes(),
    ];
    for (byte, from) in head.iter_mut().zip(fields.concat()) {
        *byte = from;
    }
    Ok(head)
}

fn sum_of(head: &[u8], stored: &[u8]) -> [u8; SUM] {
    let mut hash = Sha256::new();
    hash.update(head);
    hash.update(stored);
    hash.finalize().first_chunk::<SUM>().copied().unwrap_or_default()
}

/// Splits concatenated results of [`Block::raw`].
fn raw_blocks(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let stored = number_at(bytes, 7)?;
        let (block, rest) = bytes.split_at_checked(HEAD.saturating_add(stored))?;
        bytes = rest;
        Some(block)
    })
}

/// Returns the four-byte number at a position.
fn number_at(bytes: &[u8], place: usize) -> Option<usize> {
    let bytes = bytes.get(place..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

/// Reader of a snapshot, block by block.
pub(crate) struct SnapshotReader<R> {
    input: R,
    blocks: u32,
    sums: Sha256,
}

/// Verified block that has not been decompressed.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) section: u16,
    is_packed: bool,
    len: usize,
    raw: Vec<u8>,
}

impl<R: Read> SnapshotReader<R> {
    /// Reads the kind and version of a file.
    ///
    /// # Errors
    /// Returns an error if the file is not a snapshot of this kind and one of its versions.
    pub(crate) fn new(mut input: R, kind: Kind) -> Result<Self, SnapshotError> {
        let mut start = Vec::with_capacity(20);
        io::copy(&mut Read::by_ref(&mut input).take(20), &mut start)?;
        let version = start.strip_prefix(&kind.start()).ok_or(SnapshotError::Foreign)?;
        let version = version.first_chunk::<4>().ok_or(SnapshotError::Damaged("it is cut off"))?;
        match u32::from_le_bytes(*version) {
            version if (kind.oldest..=kind.version).contains(&version) => {
                Ok(Self { input, blocks: 0, sums: Sha256::new() })
            }
            version => Err(SnapshotError::Version(version)),
        }
    }

    /// Returns the next block; `None` after the end was verified.
    ///
    /// # Errors
    /// Returns an error if the file is damaged, cut off, or cannot be read.
    pub(crate) fn next(&mut self) -> Result<Option<Block>, SnapshotError> {
        let mut raw = Vec::with_capacity(HEAD);
        let head_len = u64::try_from(HEAD).unwrap_or(u64::MAX);
        io::copy(&mut Read::by_ref(&mut self.input).take(head_len), &mut raw)?;
        let (section, is_packed, len, stored) =
            fields(&raw).ok_or(SnapshotError::Damaged("it is cut off"))?;
        let (head, sum) = raw.split_at_checked(HEAD.saturating_sub(SUM)).unwrap_or_default();
        if section == END {
            let sums = std::mem::take(&mut self.sums).finalize();
            let is_end = !is_packed && stored == 0 && u32::try_from(len) == Ok(self.blocks);
            if !is_end || sums.get(..SUM) != Some(sum) {
                return Err(SnapshotError::Damaged("blocks are missing, or it is cut off"));
            }
            if self.input.read(&mut [0])? > 0 {
                return Err(SnapshotError::Damaged("something follows its end"));
            }
            return Ok(None);
        }
        let is_possible = len <= MAX_SNAPSHOT_BLOCK
            && stored > 0
            && if is_packed {
                stored < len && stored.saturating_mul(MAX_SNAPSHOT_RATIO) >= len
            } else {
                stored == len
            };
        if !is_possible {
            return Err(SnapshotError::Damaged("a block has an impossible length"));
        }
        let (head, sum) = (head.to_vec(), sum.to_vec());
        let stored_len = u64::try_from(stored).unwrap_or(u64::MAX);
        let read = io::copy(&mut Read::by_ref(&mut self.input).take(stored_len), &mut raw)?;
        if read < stored_len {
            return Err(SnapshotError::Damaged("it is cut off"));
        }
        if sum_of(&head, raw.get(HEAD..).unwrap_or_default()).as_slice() != sum {
            return Err(SnapshotError::Damaged("a checksum is wrong"));
        }
        self.sums.update(&sum);
        self.blocks = self.blocks.saturating_add(1);
        Ok(Some(Block { section, is_packed, len, raw }))
    }
}

/// Returns the section of a block, true if it is compressed, and its uncompressed and stored length.
fn fields(head: &[u8]) -> Option<(u16, bool, usize, usize)> {
    if head.len() < HEAD {
        return None;
    }
    let section = u16::from_le_bytes(*head.first_chunk::<2>()?);
    let is_packed = *head.get(2)? != 0;
    Some((section, is_packed, number_at(head, 3)?, number_at(head, 7)?))
}

impl Block {
    /// Returns the block as it is in the file, for [`SnapshotWriter::copy`].
    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Appends the uncompressed bytes.
    ///
    /// # Errors
    /// Returns an error if they differ from the declared length.
    pub(crate) fn unpack(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let stored = self.raw.get(HEAD..).unwrap_or_default();
        if !self.is_packed {
            out.extend_from_slice(stored);
            return Ok(());
        }
        let unpacked = zstd::bulk::decompress(stored, self.len)
            .map_err(|_| SnapshotError::Damaged("a block cannot be decompressed"))?;
        if unpacked.len() != self.len {
            return Err(SnapshotError::Damaged("a block has another length"));
        }
        out.extend_from_slice(&unpacked);
        Ok(())
    }

    /// Appends the uncompressed bytes of concatenated results of [`Self::raw`].
    ///
    /// # Errors
    /// Returns the same errors as [`Self::unpack`].
    pub(crate) fn unpack_all(blocks: &[u8], out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        for raw in raw_blocks(blocks) {
            let (section, is_packed, len, _) =
                fields(raw).ok_or(SnapshotError::Damaged("it is cut off"))?;
            Self { section, is_packed, len, raw: raw.to_vec() }.unpack(out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIND: Kind = Kind { name: "test", version: 3, oldest: 2 };

    /// Returns a snapshot of these sections.
    fn written(sections: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = SnapshotWriter::new(KIND, &mut out).unwrap();
        for (section, bytes) in sections {
            writer.section(*section, bytes, &mut out).unwrap();
        }
        writer.finish(&mut out);
        out
    }

    /// Returns the sections of a snapshot, with the blocks of each section joined.
    fn read(bytes: &[u8], kind: Kind) -> Result<Vec<(u16, Vec<u8>)>, SnapshotError> {
        let mut reader = SnapshotReader::new(bytes, kind)?;
        let mut sections: Vec<(u16, Vec<u8>)> = Vec::new();
        while let Some(block) = reader.next()? {
            if sections.last().is_none_or(|(section, _)| *section != block.section) {
                sections.push((block.section, Vec::new()));
            }
            block.unpack(&mut sections.last_mut().unwrap().1)?;
        }
        Ok(sections)
    }

    /// Returns bytes that do not compress.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn sections_of_any_content_are_read_back() {
        let sections = [
            (1, b"head".to_vec()),
            (2, noise(MAX_SNAPSHOT_BLOCK + 5)),
            (3, vec![7; 3 * MAX_SNAPSHOT_BLOCK]),
            (700, b"abc".repeat(1000)),
        ];
        assert_eq!(read(&written(&sections), KIND).unwrap(), sections);
        assert_eq!(read(&written(&[]), KIND).unwrap(), []);
    }

    #[test]
    fn blocks_are_copied_unchanged() {
        let first = written(&[(1, b"abc".repeat(9)), (2, noise(9))]);
        let mut reader = SnapshotReader::new(&*first, KIND).unwrap();
        let mut blocks = Vec::new();
        while let Some(block) = reader.next().unwrap() {
            blocks.extend_from_slice(block.raw());
        }
        let mut unpacked = Vec::new();
        Block::unpack_all(&blocks, &mut unpacked).unwrap();
        assert_eq!(unpacked, [b"abc".repeat(9), noise(9)].concat());
        let mut second = Vec::new();
        let mut writer = SnapshotWriter::new(KIND, &mut second).unwrap();
        writer.copy(&blocks, &mut second).unwrap();
        writer.finish(&mut second);
        assert_eq!(second, first);
    }

    #[test]
    fn every_truncation_and_bit_error_is_detected() {
        let whole = written(&[(1, b"abc".repeat(40)), (2, noise(40))]);
        for cut in 0..whole.len() {
            assert!(read(&whole[..cut], KIND).is_err(), "cut at {cut}");
        }
        for bit in 0..whole.len() * 8 {
            let mut wrong = whole.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            // An earlier version that is still read differs in nothing else.
            let kind = Kind { oldest: KIND.version, ..KIND };
            assert!(read(&wrong, kind).is_err(), "bit {bit}");
        }
        let longer = [&whole[..], b"x"].concat();
        assert!(matches!(read(&longer, KIND), Err(SnapshotError::Damaged(_))));
    }

    #[test]
    fn moved_and_missing_blocks_are_detected() {
        let head = 20;
        let block = |bytes: &[u8]| {
            let whole = written(&[(1, bytes.to_vec())]);
            whole[head..whole.len() - HEAD].to_vec()
        };
        let (a, b) = (block(b"one"), block(b"two"));
        let whole = written(&[(1, b"one".to_vec()), (1, b"two".to_vec())]);
        let (begin, end) = (&whole[..head], &whole[whole.len() - HEAD..]);
        assert_eq!([begin, &a, &b, end].concat(), whole);
        for other in [vec![&b, &a], vec![&a], vec![&a, &a], vec![&a, &b, &b]] {
            let middle: Vec<u8> = other.into_iter().flatten().copied().collect();
            assert!(read(&[begin, &middle, end].concat(), KIND).is_err());
        }
    }

    #[test]
    fn other_kinds_and_versions_are_distinguished() {
        let bytes = written(&[(1, vec![1])]);
        let error =
            |name, version| read(&bytes, Kind { name, version, oldest: version }).unwrap_err();
        assert!(matches!(error("other", 3), SnapshotError::Foreign));
        assert!(matches!(error("test", 4), SnapshotError::Version(3)));
        assert!(matches!(read(b"", KIND), Err(SnapshotError::Foreign)));
        assert!(matches!(read(b"<nmaprun/>", KIND), Err(SnapshotError::Foreign)));
    }

    #[test]
    fn a_block_that_would_grow_too_much_is_refused() {
        let bytes = vec![0; MAX_SNAPSHOT_BLOCK];
        let packed = zstd::bulk::compress(&bytes, LEVEL).unwrap();
        assert!(packed.len() * MAX_SNAPSHOT_RATIO < bytes.len(), "as small as it gets");
        let head = head_of((1, true), bytes.len(), packed.len()).unwrap();
        let mut file = [&KIND.start()[..], &3_u32.to_le_bytes(), &head].concat();
        file.extend_from_slice(&sum_of(&head, &packed));
        file.extend_from_slice(&packed);
        assert!(
            matches!(read(&file, KIND), Err(SnapshotError::Damaged(how)) if how.contains("length"))
        );
        // The writer stores such bytes uncompressed.
        assert_eq!(read(&written(&[(1, bytes.clone())]), KIND).unwrap(), [(1, bytes)]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, KIND);
            let with_head = [&KIND.start()[..], &3_u32.to_le_bytes(), &bytes].concat();
            let _ = read(&with_head, KIND);
        }
    }
}
