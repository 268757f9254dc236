//! Local header of a member, and the fields that it shares with the directory.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::lookahead::Lookahead;
use crate::source::output_cap::decompress;

/// Signature of a local header.
pub(super) const LOCAL: [u8; 4] = *b"PK\x03\x04";
/// Signature of the data descriptor after a member, if it has one.
pub(super) const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
/// Length in bytes of a local header, without name and extra fields.
pub(super) const LOCAL_LEN: usize = 30;
/// Length in bytes of the longest local header.
pub(super) const LONGEST_LOCAL: usize = LOCAL_LEN + 2 * 0xffff;
/// Value of a field that is stored in the ZIP64 extra field instead.
const WIDE: u32 = u32::MAX;
/// ID of the ZIP64 extra field.
const ZIP64: u16 = 1;

/// Member as stored in the archive.
pub(super) struct PackedMember {
    pub(super) path: Vec<u8>,
    pub(super) method: u16,
    pub(super) is_encrypted: bool,
    /// CRC-32 and compressed length in bytes; `None` if they follow the member.
    pub(super) crc: Option<u32>,
    pub(super) len: Option<u64>,
}

/// Offset of the contents of a member, and their length if its header has it.
pub(super) struct Local {
    pub(super) start: u64,
    pub(super) len: Option<u64>,
}

/// Seeks to the contents of a member whose local header begins at `offset`, in an archive of `archive_len` bytes.
pub(super) fn skip_local<R: Read + Seek>(
    file: &mut BufReader<R>,
    (offset, archive_len): (u64, u64),
) -> io::Result<Local> {
    // Files refuse offsets that bytes in memory accept: the result must be the same.
    if offset >= archive_len {
        return Err(cut());
    }
    go_to(file, offset)?;
    let mut fixed = [0; LOCAL_LEN];
    file.read_exact(&mut fixed)?;
    if !fixed.starts_with(&LOCAL) {
        return Err(damaged("the header of a member"));
    }
    let fields = Fields(&fixed);
    let more = u64::from(fields.u16(26)).saturating_add(u64::from(fields.u16(28)));
    let (flags, len) = (fields.u16(6), fields.u32(18));
    let fixed = u64::try_from(LOCAL_LEN).unwrap_or_default();
    let start = offset.saturating_add(fixed).saturating_add(more);
    go_to(file, start)?;
    Ok(Local { start, len: Some(u64::from(len)).filter(|_| flags & 8 == 0 && len != WIDE) })
}

/// Seeks to an offset, keeping the buffer if it is near.
pub(super) fn go_to<R: Read + Seek>(file: &mut BufReader<R>, place: u64) -> io::Result<()> {
    let here = file.stream_position()?;
    let by = i64::try_from(place).ok().zip(i64::try_from(here).ok());
    match by.and_then(|(place, here)| place.checked_sub(here)) {
        Some(by) => file.seek_relative(by),
        None => file.seek(SeekFrom::Start(place)).map(|_| ()),
    }
}

impl PackedMember {
    /// Reads a local header.
    pub(super) fn read_local(bytes: &mut impl Read) -> io::Result<Self> {
        let mut fixed = [0; LOCAL_LEN];
        bytes.read_exact(&mut fixed)?;
        let fields = Fields(&fixed);
        let (flags, method) = (fields.u16(6), fields.u16(8));
        let (crc, packed_len, len) = (fields.u32(14), fields.u32(18), fields.u32(22));
        let path = read_vec(bytes, fields.u16(26))?;
        let extra = read_vec(bytes, fields.u16(28))?;
        let follows = flags & 8 != 0;
        let is_wide = packed_len == WIDE;
        let [_, wide] = zip64(&extra, [len == WIDE, is_wide]);
        let packed_len = if is_wide { wide } else { Some(u64::from(packed_len)) };
        Ok(Self {
            path,
            method,
            is_encrypted: flags & 1 != 0,
            crc: Some(crc).filter(|_| !follows),
            len: packed_len.filter(|_| !follows),
        })
    }

    /// Returns true if it is a folder, which has no contents.
    pub(super) fn is_folder(&self) -> bool {
        self.path.last().is_some_and(|byte| matches!(byte, b'/' | b'\\'))
    }

    /// Skips the data descriptor: the checksum and lengths after a member whose header lacks them, with or without a
    /// signature, in 32 or 64 bits.
    pub(super) fn skip_descriptor(
        &self,
        bytes: &mut Lookahead<'_, impl BufRead>,
    ) -> io::Result<()> {
        if self.crc.is_some() {
            return Ok(());
        }
        let here = bytes.peek(28)?;
        let ends_at = |at: usize| {
            let magic = here.get(at..).and_then(|rest| rest.first_chunk::<4>());
            magic.is_none_or(|magic| begins_record(*magic))
        };
        let short: usize = if here.starts_with(&DESCRIPTOR) { 16 } else { 12 };
        // Other bytes may follow instead of a record: those are searched from the shortest end.
        let ends = [0, short, short.saturating_add(8)];
        let len = ends.into_iter().find(|end| ends_at(*end)).unwrap_or(short);
        let len = len.min(here.len());
        bytes.consume(len);
        Ok(())
    }
}

/// Returns the next four bytes, or `None` at the end.
pub(super) fn next_magic(bytes: &mut impl BufRead) -> io::Result<Option<[u8; 4]>> {
    let mut magic = [0; 4];
    match bytes.read_exact(&mut magic) {
        Ok(()) => Ok(Some(magic)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns true if a member, the directory or the end of an archive begins with this signature.
pub(super) fn begins_record(magic: [u8; 4]) -> bool {
    [LOCAL, *b"PK\x01\x02", *b"PK\x05\x06", *b"PK\x06\x06"].contains(&magic)
}

/// Returns the positions of `PK`, with which all signatures begin.
pub(super) fn signatures(bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes.windows(2).enumerate().filter(|(_, pair)| *pair == b"PK").map(|(at, _)| at)
}

/// Returns true if `bytes` begin with the header of a member that a program could have written: signatures alone occur
/// in compressed data and in programs that read zip archives.
pub(super) fn is_header(bytes: &[u8]) -> bool {
    let Some(header) = bytes.get(..LOCAL_LEN).filter(|header| header.starts_with(&LOCAL)) else {
        return false;
    };
    let fields = Fields(header);
    let (version, flags, method) = (fields.u16(4), fields.u16(6), fields.u16(8));
    let path_len = fields.u16(26);
    let is_method = matches!(method, 0..=20 | 93..=99);
    version & 0xff <= 63 && flags & 0xd780 == 0 && is_method && (1..=4096).contains(&path_len)
}

/// Returns true if the contents of a member that is not compressed begin at the end of `bytes`: its header is the last
/// thing in them.
pub(super) fn ends_in_stored_header(bytes: &[u8]) -> bool {
    signatures(bytes).filter_map(|at| bytes.get(at..)).any(|rest| {
        let Some(header) = rest.get(..LOCAL_LEN).filter(|header| is_header(header)) else {
            return false;
        };
        let fields = Fields(header);
        let more = usize::from(fields.u16(26)).saturating_add(usize::from(fields.u16(28)));
        fields.u16(8) == 0 && rest.len() == LOCAL_LEN.saturating_add(more)
    })
}

/// Returns the error of an archive that ends too early.
pub(super) fn cut() -> io::Error {
    decompress("the archive is cut off".into())
}

/// Returns the error of a part of an archive that cannot be read.
pub(super) fn damaged(what: &str) -> io::Error {
    decompress(format!("{what} of the archive is damaged"))
}

/// Little-endian numbers in the bytes of a header.
pub(super) struct Fields<'f>(pub(super) &'f [u8]);

impl Fields<'_> {
    fn bytes<const LEN: usize>(&self, at: usize) -> [u8; LEN] {
        let found = self.0.get(at..).and_then(|rest| rest.first_chunk());
        debug_assert!(found.is_some(), "no field at {at}");
        found.copied().unwrap_or([0; LEN])
    }

    pub(super) fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.bytes(at))
    }

    pub(super) fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes(at))
    }

    pub(super) fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes(at))
    }
}

fn read_vec(bytes: &mut impl Read, len: u16) -> io::Result<Vec<u8>> {
    let mut read = vec![0; usize::from(len)];
    bytes.read_exact(&mut read)?;
    Ok(read)
}

/// Returns the 64-bit values of an extra field. It stores only those whose 32-bit field is full.
pub(super) fn zip64<const COUNT: usize>(
    mut extra: &[u8],
    asked: [bool; COUNT],
) -> [Option<u64>; COUNT] {
    while let Some((head, rest)) = extra.split_first_chunk::<4>() {
        let (id, len) = (Fields(head).u16(0), usize::from(Fields(head).u16(2)));
        let Some((mut values, rest)) = rest.split_at_checked(len) else { break };
        if id == ZIP64 {
            return asked.map(|asked| {
                let (value, rest) = values.split_first_chunk::<8>().filter(|_| asked)?;
                values = rest;
                Some(u64::from_le_bytes(*value))
            });
        }
        extra = rest;
    }
    [None; COUNT]
}
