//! What stands before a member, and what the list says of it.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::damaged;

/// First bytes of what stands before a member.
pub(super) const LOCAL: [u8; 4] = *b"PK\x03\x04";
/// First bytes of what follows a member, if it has any of its own.
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
/// Bytes of that, before name and extra fields.
const LOCAL_LEN: usize = 30;
/// Value of a field that is in the extra field of 64-bit sizes instead.
const WIDE: u32 = u32::MAX;
/// The extra field of 64-bit sizes.
const ZIP64: u16 = 1;

/// A member, packed as it is.
pub(super) struct Packed {
    pub(super) path: Vec<u8>,
    pub(super) method: u16,
    pub(super) is_encrypted: bool,
    /// Checksum and bytes in the archive; `None` if they follow the member.
    pub(super) crc: Option<u32>,
    pub(super) len: Option<u64>,
}

/// Where the bytes of a member begin, and how many they are if its header says so.
pub(super) struct Local {
    pub(super) start: u64,
    pub(super) len: Option<u64>,
}

/// Goes to the bytes of a member behind its header, which begins at `offset`.
pub(super) fn skip_local<R: Read + Seek>(
    file: &mut BufReader<R>,
    offset: u64,
) -> io::Result<Local> {
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

/// Goes to a place, and keeps what was read if that is near.
pub(super) fn go_to<R: Read + Seek>(file: &mut BufReader<R>, place: u64) -> io::Result<()> {
    let here = file.stream_position()?;
    let by = i64::try_from(place).ok().zip(i64::try_from(here).ok());
    match by.and_then(|(place, here)| place.checked_sub(here)) {
        Some(by) => file.seek_relative(by),
        None => file.seek(SeekFrom::Start(place)).map(|_| ()),
    }
}

impl Packed {
    /// Reads the header before a member, behind its first four bytes.
    pub(super) fn read_local(bytes: &mut impl Read) -> io::Result<Self> {
        let mut fixed = [0; LOCAL_LEN - LOCAL.len()];
        bytes.read_exact(&mut fixed)?;
        let fields = Fields(&fixed);
        let (flags, method) = (fields.u16(2), fields.u16(4));
        let (crc, packed_len, len) = (fields.u32(10), fields.u32(14), fields.u32(18));
        let path = read_vec(bytes, fields.u16(22))?;
        let extra = read_vec(bytes, fields.u16(24))?;
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

    /// Whether it is a folder, which holds nothing.
    pub(super) fn is_folder(&self) -> bool {
        self.path.last().is_some_and(|byte| matches!(byte, b'/' | b'\\'))
    }

    /// Skips the checksum and the lengths that follow the bytes of a member if its header has none: with or without a
    /// mark before them, in 32 or 64 bits. Gives the first bytes of what follows if these were read.
    pub(super) fn skip_descriptor(&self, bytes: &mut impl BufRead) -> io::Result<Option<[u8; 4]>> {
        if self.crc.is_some() {
            return Ok(None);
        }
        let first = next_magic(bytes)?;
        if first.is_none_or(begins_record) {
            return Ok(first);
        }
        let rest = if first == Some(DESCRIPTOR) { 12 } else { 8 };
        io::copy(&mut bytes.take(rest), &mut io::sink())?;
        let next = next_magic(bytes)?;
        if next.is_none_or(begins_record) {
            return Ok(next);
        }
        io::copy(&mut bytes.take(4), &mut io::sink())?;
        Ok(None)
    }
}

/// The next four bytes; `None` at the end.
pub(super) fn next_magic(bytes: &mut impl BufRead) -> io::Result<Option<[u8; 4]>> {
    let mut magic = [0; 4];
    match bytes.read_exact(&mut magic) {
        Ok(()) => Ok(Some(magic)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a member, the list or the end of an archive begins so.
pub(super) fn begins_record(magic: [u8; 4]) -> bool {
    [LOCAL, *b"PK\x01\x02", *b"PK\x05\x06", *b"PK\x06\x06"].contains(&magic)
}

/// Bytes of a header, with little-endian numbers.
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

/// The 64-bit values of an extra field, of which only those that are asked for are there.
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
