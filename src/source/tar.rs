//! Members of tar archives: ustar, GNU and pax, read as a stream.
//!
//! The crate `tar` is not used: its raw mode ignores the `size` of a pax header and then takes the bytes of a member
//! for headers; its other mode buffers names and pax headers of any length. It also stops at the first block of zeros,
//! which hides the archives that `cat a.tar b.tar` appends.

use std::io::{self, Read};

use super::{
    archive::{Walk, broken, member_name, read_capped},
    output_cap::decompress,
};
use crate::error::{Error, ErrorKind, Result};

/// Size of a block in bytes: of a header, and the multiple that members are padded to.
const BLOCK: usize = 512;
/// Maximum length in bytes of the records before a member, such as its long name.
const EXTENDED: u64 = 64 << 10;

/// Header of a member.
struct Header([u8; BLOCK]);

/// Values that preceding headers set for the next member.
#[derive(Default)]
struct ExtendedHeader {
    path: Option<Vec<u8>>,
    size: Option<u64>,
    is_sparse: bool,
}

impl Walk<'_, '_> {
    /// Visits the members of an archive in order.
    ///
    /// # Errors
    /// Returns the errors of the visitor.
    pub(super) fn tar(&mut self, name: &str, mut bytes: impl Read, depth: usize) -> Result<()> {
        let mut extended = ExtendedHeader::default();
        // Each turn reads at least a block, or ends.
        loop {
            let header = match next_header(&mut bytes) {
                Ok(Some(header)) => header,
                Ok(None) => return Ok(()),
                Err(error) => return self.refuse(name, broken(error)),
            };
            match header.read_extended(&mut bytes, &mut extended) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => return self.refuse(name, broken(error)),
            }
            let ExtendedHeader { path, size, is_sparse } = std::mem::take(&mut extended);
            let size = match header.len(size) {
                Ok(size) => size,
                Err(error) => return self.refuse(name, broken(error)),
            };
            let path = path.unwrap_or_else(|| header.path());
            let mut member = (&mut bytes).take(size);
            if is_sparse || header.kind() == b'S' {
                let error = Error::new(ErrorKind::Decompress("a sparse member".into()));
                self.refuse(&member_name(name, &path), error)?;
            } else if header.is_file() && !path.ends_with(b"/") {
                if !self.count_member(name)? {
                    return Ok(());
                }
                // If the archive ends inside the member, the bytes that exist are read as a truncated file.
                self.member((name, &path), &mut member, depth)?;
            }
            if let Err(error) = skip(member, size) {
                return self.refuse(name, broken(error));
            }
        }
    }
}

fn cut() -> io::Error {
    decompress("the archive is cut off".into())
}

/// Skips the rest of a member of `size` bytes, and its padding.
fn skip(mut member: io::Take<impl Read>, size: u64) -> io::Result<()> {
    io::copy(&mut member, &mut io::sink())?;
    if member.limit() > 0 {
        return Err(cut());
    }
    let block = u64::try_from(BLOCK).unwrap_or(1);
    let padding = size.checked_next_multiple_of(block).unwrap_or(size).saturating_sub(size);
    // An archive may end without its last padding.
    io::copy(&mut member.into_inner().take(padding), &mut io::sink()).map(|_| ())
}

/// Returns the next header, or `None` at the end. Blocks of zeros end an archive, but another may follow.
fn next_header(bytes: &mut impl Read) -> io::Result<Option<Header>> {
    loop {
        let mut block = [0; BLOCK];
        match fill(bytes, &mut block)? {
            0 => return Ok(None),
            BLOCK => {}
            _ if block.iter().all(|byte| *byte == 0) => return Ok(None),
            _ => return Err(cut()),
        }
        if block.iter().any(|byte| *byte != 0) {
            let header = Header(block);
            if header.is_valid() {
                return Ok(Some(header));
            }
            return Err(decompress("a header of the archive is damaged".into()));
        }
    }
}

/// Fills a block with the bytes that are available.
fn fill(bytes: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while let Some(rest) = block.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match bytes.read(rest) {
            Ok(0) => break,
            Ok(more) => len = len.saturating_add(more),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

impl Header {
    fn field(&self, from: usize, len: usize) -> &[u8] {
        let field = self.0.get(from..from.saturating_add(len));
        debug_assert!(field.is_some(), "no field at {from}");
        field.unwrap_or_default()
    }

    /// Returns a field up to its NUL terminator, or the full field.
    fn text(&self, from: usize, len: usize) -> &[u8] {
        self.field(from, len).split(|byte| *byte == 0).next().unwrap_or_default()
    }

    fn kind(&self) -> u8 {
        self.field(156, 1).first().copied().unwrap_or_default()
    }

    fn is_file(&self) -> bool {
        matches!(self.kind(), b'0' | 0 | b'7')
    }

    /// Returns true if the checksum is that of the block, in which the checksum field counts as blanks.
    fn is_valid(&self) -> bool {
        let sum = |signed: bool| {
            self.0.iter().enumerate().fold(0_i64, |sum, (place, byte)| {
                let byte = if (148..156).contains(&place) { b' ' } else { *byte };
                // Some old writers summed signed bytes.
                let byte = if signed { i64::from(byte.cast_signed()) } else { i64::from(byte) };
                sum.saturating_add(byte)
            })
        };
        let recorded = octal(self.field(148, 8)).and_then(|recorded| i64::try_from(recorded).ok());
        recorded.is_some_and(|recorded| recorded == sum(false) || recorded == sum(true))
    }

    /// Returns the length of the member in bytes; `size` is the value of a pax header.
    fn len(&self, size: Option<u64>) -> io::Result<u64> {
        // Links, devices, folders and pipes have no contents, whatever their size field contains.
        if matches!(self.kind(), b'1'..=b'6') {
            return Ok(0);
        }
        let recorded = size.or_else(|| number(self.field(124, 12)));
        recorded.ok_or_else(|| decompress("the size of a member is not a number".into()))
    }

    fn path(&self) -> Vec<u8> {
        let name = self.text(0, 100);
        // GNU's format (`ustar` and blanks) stores other values there.
        let prefix = if self.field(257, 6) == b"ustar\0" { self.text(345, 155) } else { b"" };
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    /// Reads a header that describes the next member or none. Returns false if the header is that of a member itself.
    fn read_extended(
        &self,
        bytes: &mut impl Read,
        extended: &mut ExtendedHeader,
    ) -> io::Result<bool> {
        let kind = self.kind();
        match kind {
            b'L' | b'x' | b'X' | b'K' | b'g' => {}
            b'S' => {
                // Each block of the map of a sparse member indicates if another follows.
                let mut more = self.field(482, 1) != [0];
                while more {
                    let mut block = Self([0; BLOCK]);
                    if fill(bytes, &mut block.0)? < BLOCK {
                        return Err(cut());
                    }
                    more = block.field(504, 1) != [0];
                }
                return Ok(false);
            }
            _ => return Ok(false),
        }
        let size = self.len(None)?;
        let mut member = bytes.take(size);
        if matches!(kind, b'L' | b'x' | b'X') {
            let text = read_capped(&mut member, EXTENDED)?;
            if kind == b'L' {
                let name = text.split(|byte| *byte == 0).next().unwrap_or_default();
                extended.path = Some(name.to_vec());
            } else {
                extended.read_pax(&text)?;
            }
        }
        skip(member, size)?;
        Ok(true)
    }
}

impl ExtendedHeader {
    /// Applies the records of a pax header, each of the form `LENGTH KEY=VALUE` and a newline.
    fn read_pax(&mut self, mut records: &[u8]) -> io::Result<()> {
        // Some writers pad with zeros.
        while records.iter().any(|byte| *byte != 0) {
            let (key, value, rest) =
                record(records).ok_or_else(|| decompress("a pax header is damaged".into()))?;
            records = rest;
            match key {
                // An empty value restores that of the header.
                b"path" if !self.is_sparse => {
                    self.path = Some(value.to_vec()).filter(|path| !path.is_empty());
                }
                b"size" => {
                    let recorded =
                        std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                    if recorded.is_none() && !value.is_empty() {
                        return Err(decompress("the size of a member is not a number".into()));
                    }
                    self.size = recorded;
                }
                b"GNU.sparse.name" => {
                    (self.path, self.is_sparse) = (Some(value.to_vec()), true);
                }
                _ if key.starts_with(b"GNU.sparse.") => self.is_sparse = true,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Splits the first record of a pax header into key and value, and returns them with the remaining records.
fn record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = records.iter().position(|byte| *byte == b' ')?;
    let len: usize = std::str::from_utf8(records.get(..space)?).ok()?.parse().ok()?;
    let record = records.get(space.checked_add(1)?..len.checked_sub(1)?)?;
    let (key, value) = record.split_at(record.iter().position(|byte| *byte == b'=')?);
    Some((key, value.get(1..)?, records.get(len..)?))
}

/// Parses a number: octal digits, or GNU's binary form for large values.
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first() {
        Some((0x80, rest)) => {
            let (zeros, digits) = rest.split_at_checked(rest.len().checked_sub(8)?)?;
            let fits = zeros.iter().all(|byte| *byte == 0);
            fits.then(|| digits.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
        }
        _ => octal(field),
    }
}

/// Parses octal digits with blanks or NUL bytes around them.
fn octal(field: &[u8]) -> Option<u64> {
    let text = field.trim_ascii_start().split(|byte| matches!(byte, 0 | b' ')).next()?;
    if text.is_empty() {
        return Some(0);
    }
    u64::from_str_radix(std::str::from_utf8(text).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_binary() {
        assert_eq!(octal(b"0000644\0"), Some(0o644));
        assert_eq!(octal(b"   644 \0"), Some(0o644));
        assert_eq!(octal(b"\0\0\0"), Some(0));
        assert_eq!(octal(b"89"), None);
        assert_eq!(octal(b"+7"), Some(7), "harmless");
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x02\0\0\0\0"), Some(8 << 30));
        assert_eq!(number(b"\x80\0\x01\0\0\0\0\0\0\0\0\0"), None, "beyond 64 bits");
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None, "negative");
    }

    #[test]
    fn pax_headers_give_path_and_size() {
        let mut extended = ExtendedHeader::default();
        extended.read_pax(b"12 path=a/b\n11 size=42\n30 mtime=1700000000.123456789\n").unwrap();
        assert_eq!((extended.path.as_deref(), extended.size), (Some(&b"a/b"[..]), Some(42)));
        for broken in [&b"12 path=a"[..], b"x path=a\n", b"99999999999999999999 a=b\n", b"0 a=b\n"]
        {
            assert!(extended.read_pax(broken).is_err(), "{broken:?}");
        }
        extended.read_pax(b"22 GNU.sparse.major=1\n\0\0").unwrap();
        assert!(extended.is_sparse);
    }
}
