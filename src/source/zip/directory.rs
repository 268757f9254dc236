//! Central directory: the list of members at the end of a zip archive.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use super::header::{
    Fields, LONGEST_LOCAL, PackedMember, cut, damaged, ends_in_stored_header, zip64,
};
use crate::source::output_cap::decompress;

/// Signatures of the end record, the locator of its 64-bit form, that form, and an entry of the directory.
const END: [u8; 4] = *b"PK\x05\x06";
const LOCATOR: [u8; 4] = *b"PK\x06\x07";
const END64: [u8; 4] = *b"PK\x06\x06";
const ENTRY: [u8; 4] = *b"PK\x01\x02";

/// Lengths of these records in bytes.
const END_LEN: usize = 22;
const LOCATOR_LEN: usize = 20;
const END64_LEN: usize = 56;
const ENTRY_LEN: usize = 46;

/// Number of bytes at the end of an archive that are searched for the end record: the longest comment and the record.
const TAIL: usize = END_LEN + 0xffff;

/// Length in bytes of the longest entry: name, extra fields and comment.
const LONGEST: usize = ENTRY_LEN + 3 * 0xffff;
/// Number of bytes of the directory held in memory.
const CHUNK: usize = 2 * LONGEST;

/// Result of the search for the directory of an archive.
pub(super) enum Search {
    /// The directory of the archive.
    Found(Directory),
    /// The directory of an archive in the archive: a member that is not compressed. The archive itself was cut off
    /// after that member.
    OfMember,
    /// No directory.
    Missing,
}

/// Central directory, and the position up to which it was read.
pub(super) struct Directory {
    /// Bytes of the directory in memory, of which `used` were consumed.
    chunk: Vec<u8>,
    used: usize,
    /// Offset of the bytes that follow.
    place: u64,
    /// Entries left according to the end record, and bytes left of the directory: the latter decides if the two
    /// disagree.
    left: u64,
    left_len: u64,
    /// Number of bytes before the archive, such as another archive: offsets are relative to it.
    pub(super) before: u64,
    /// Offsets of the start of the directory and of the end of the archive.
    pub(super) start: u64,
    pub(super) end: u64,
    /// Length of the whole file in bytes.
    pub(super) archive_len: u64,
}

/// Member as described by the directory.
pub(super) struct Entry {
    pub(super) packed: PackedMember,
    /// Offset of the local header.
    pub(super) offset: u64,
}

impl Directory {
    /// Finds the directory of an archive.
    pub(super) fn find(file: &mut (impl Read + Seek)) -> io::Result<Search> {
        let archive_len = file.seek(SeekFrom::End(0))?;
        let tail_len = archive_len.min(u64::try_from(TAIL).unwrap_or(0));
        let tail_place = archive_len.saturating_sub(tail_len);
        file.seek(SeekFrom::Start(tail_place))?;
        let mut tail = Vec::new();
        io::copy(&mut file.take(tail_len), &mut tail)?;
        // Takes the last one that is consistent: a comment may contain the same bytes.
        for at in (0..=tail.len().saturating_sub(END_LEN)).rev() {
            let Some(end) = tail.get(at..).filter(|end| end.starts_with(&END)) else { continue };
            let Some(end) = end.get(..END_LEN) else { continue };
            let place = tail_place.saturating_add(u64::try_from(at).unwrap_or(0));
            if let Some(found) = Self::at(file, (place, Fields(end)), archive_len)? {
                let is_of_member = is_stored_at(file, found.before)?;
                return Ok(if is_of_member { Search::OfMember } else { Search::Found(found) });
            }
        }
        Ok(Search::Missing)
    }

    /// Returns the directory that an end record at this offset describes, if it is there.
    fn at(
        file: &mut (impl Read + Seek),
        (end_place, end): (u64, Fields<'_>),
        archive_len: u64,
    ) -> io::Result<Option<Self>> {
        let (mut count, mut len, mut offset, mut after) =
            (u64::from(end.u16(10)), u64::from(end.u32(12)), u64::from(end.u32(16)), end_place);
        let is_wide = end.u16(10) == u16::MAX || end.u32(12) == u32::MAX || end.u32(16) == u32::MAX;
        if is_wide && let Some((place, wide)) = end64(file, end_place)? {
            let wide = Fields(&wide);
            (count, len, offset, after) = (wide.u64(32), wide.u64(40), wide.u64(48), place);
        }
        // The directory is right before the end record; the offset recorded there reveals what precedes the
        // archive.
        let Some(place) = after.checked_sub(len) else { return Ok(None) };
        let Some(before) = place.checked_sub(offset) else { return Ok(None) };
        file.seek(SeekFrom::Start(place))?;
        let mut magic = [0; ENTRY.len()];
        let has_entries = count > 0 || len > 0;
        if has_entries && (file.read_exact(&mut magic).is_err() || magic != ENTRY) {
            return Ok(None);
        }
        let end_len = to_u64(END_LEN).saturating_add(u64::from(end.u16(20)));
        Ok(Some(Self {
            chunk: Vec::new(),
            used: 0,
            place,
            left: count,
            left_len: len,
            before,
            start: place,
            end: end_place.saturating_add(end_len).min(archive_len),
            archive_len,
        }))
    }

    /// Returns true if it lists members.
    pub(super) fn has_members(&self) -> bool {
        self.left > 0 && self.left_len > 0
    }

    /// Returns the next entry, or `None` after the last.
    pub(super) fn next(&mut self, file: &mut (impl Read + Seek)) -> io::Result<Option<Entry>> {
        if self.left_len < to_u64(ENTRY_LEN) {
            return match self.left {
                0 => Ok(None),
                _ => Err(decompress(
                    "the archive says that it has more members than it lists".into(),
                )),
            };
        }
        self.left = self.left.saturating_sub(1);
        if self.chunk.len().saturating_sub(self.used) < LONGEST {
            self.refill(file)?;
        }
        let rest = self.chunk.get(self.used..).unwrap_or_default();
        let (fixed, rest) = rest.split_at_checked(ENTRY_LEN).ok_or_else(cut)?;
        if !fixed.starts_with(&ENTRY) {
            return Err(damaged("the list of members"));
        }
        let fields = Fields(fixed);
        let [path_len, extra_len, comment_len] = [28, 30, 32].map(|at| usize::from(fields.u16(at)));
        let (path, rest) = rest.split_at_checked(path_len).ok_or_else(cut)?;
        let extra = rest.get(..extra_len).ok_or_else(cut)?;
        let path = path.to_vec();
        for len in [ENTRY_LEN, path_len, extra_len, comment_len] {
            self.used = self.used.saturating_add(len);
            self.left_len = self.left_len.saturating_sub(to_u64(len));
        }
        let [packed_len, len, offset] = [20, 24, 42].map(|at| fields.u32(at));
        let is_wide = |value: u32| value == u32::MAX;
        let wide = zip64(extra, [is_wide(len), is_wide(packed_len), is_wide(offset)]);
        let of = |value: u32, wide: Option<u64>| wide.unwrap_or(u64::from(value));
        Ok(Some(Entry {
            packed: PackedMember {
                path,
                method: fields.u16(10),
                is_encrypted: fields.u16(8) & 1 != 0,
                crc: Some(fields.u32(16)),
                len: Some(of(packed_len, wide[1])),
            },
            offset: of(offset, wide[2]).saturating_add(self.before),
        }))
    }

    /// Reads more of the directory. Members were read in between, so the file is positioned elsewhere.
    fn refill(&mut self, file: &mut (impl Read + Seek)) -> io::Result<()> {
        self.chunk.drain(..self.used.min(self.chunk.len()));
        self.used = 0;
        file.seek(SeekFrom::Start(self.place))?;
        let room = CHUNK.saturating_sub(self.chunk.len());
        let room = u64::try_from(room).unwrap_or(0);
        let len = io::copy(&mut file.take(room), &mut self.chunk)?;
        self.place = self.place.saturating_add(len);
        Ok(())
    }
}

/// Returns true if the contents of a member that is not compressed begin at this offset.
fn is_stored_at(file: &mut (impl Read + Seek), place: u64) -> io::Result<bool> {
    let len = place.min(to_u64(LONGEST_LOCAL));
    file.seek(SeekFrom::Start(place.saturating_sub(len)))?;
    let mut before = Vec::new();
    io::copy(&mut file.take(len), &mut before)?;
    Ok(ends_in_stored_header(&before))
}

/// Returns true if the last record of an archive begins with this signature.
pub(super) fn is_end(magic: [u8; 4]) -> bool {
    magic == END
}

/// Skips a record of the directory, or of its end, whose signature was read. Returns false for any other signature.
pub(super) fn skip_record(magic: [u8; 4], bytes: &mut impl BufRead) -> io::Result<bool> {
    let mut fixed = [0; ENTRY_LEN];
    let len = match magic {
        ENTRY => ENTRY_LEN,
        END => END_LEN,
        END64 => 12,
        LOCATOR => LOCATOR_LEN,
        _ => return Ok(false),
    };
    bytes.read_exact(fixed.get_mut(..len).unwrap_or_default())?;
    let fields = Fields(&fixed);
    let more = match magic {
        ENTRY => [28, 30, 32].iter().map(|at| u64::from(fields.u16(*at))).sum(),
        END => u64::from(fields.u16(20)),
        END64 => fields.u64(4),
        _ => 0,
    };
    let skipped = io::copy(&mut bytes.take(more), &mut io::sink())?;
    if skipped == more { Ok(true) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// Returns the 64-bit end record and its offset.
fn end64(
    file: &mut (impl Read + Seek),
    end_place: u64,
) -> io::Result<Option<(u64, [u8; END64_LEN])>> {
    let locator_len = u64::try_from(LOCATOR_LEN).unwrap_or(0);
    let Some(place) = end_place.checked_sub(locator_len) else { return Ok(None) };
    file.seek(SeekFrom::Start(place))?;
    let mut locator = [0; LOCATOR_LEN];
    file.read_exact(&mut locator)?;
    if !locator.starts_with(&LOCATOR) {
        return Ok(None);
    }
    // It is right before its locator unless something is in between; then the offset recorded there is used.
    let right_before = place.checked_sub(u64::try_from(END64_LEN).unwrap_or(0));
    let recorded = Fields(&locator).u64(8);
    // A damaged offset may exceed the size of any file.
    let recorded = Some(recorded).filter(|recorded| *recorded < end_place);
    for place in [right_before, recorded].into_iter().flatten() {
        file.seek(SeekFrom::Start(place))?;
        let mut end = [0; END64_LEN];
        if file.read_exact(&mut end).is_ok() && end.starts_with(&END64) {
            return Ok(Some((place, end)));
        }
    }
    Ok(None)
}
