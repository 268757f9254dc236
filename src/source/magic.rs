//! What bytes are, told by the first of them, never by a name.

use std::io::{self, Cursor, Read};

/// What bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Anything else: XML, or what is refused as being none.
    Plain,
    Gzip,
    Bzip2,
    Xz,
    Zstd,
    /// As in gzip, without what is around it: only in zip archives, which say so.
    Deflate,
    Tar,
    Zip,
    /// An archive of this name that is not read.
    Foreign(&'static str),
}

/// First bytes, and what they belong to.
const KINDS: [(&[u8], Kind); 10] = [
    (b"\x1f\x8b", Kind::Gzip),
    (b"BZh", Kind::Bzip2),
    (b"\xfd7zXZ\0", Kind::Xz),
    (b"\x28\xb5\x2f\xfd", Kind::Zstd),
    // A frame to skip, with which parallel compressors begin.
    (b"\x50\x2a\x4d\x18", Kind::Zstd),
    (b"PK\x03\x04", Kind::Zip),
    (b"PK\x05\x06", Kind::Zip),
    (b"7z\xbc\xaf\x27\x1c", Kind::Foreign("7-Zip")),
    (b"Rar!\x1a\x07", Kind::Foreign("RAR")),
    (b"\x04\x22\x4d\x18", Kind::Foreign("LZ4")),
];

/// Where a tar archive names itself.
const TAR: (usize, &[u8]) = (257, b"ustar");
/// Bytes that tell a tar archive.
const HEAD: usize = 512;
/// Bytes that are asked for, of what is not small and known to be.
pub(super) const ROOM: usize = 8 << 10;

impl Kind {
    /// Whether it is one stream of bytes, compressed.
    pub(super) const fn is_compressed(self) -> bool {
        matches!(self, Self::Gzip | Self::Bzip2 | Self::Xz | Self::Zstd)
    }

    /// What begins with these bytes.
    pub(super) fn of(head: &[u8]) -> Self {
        let (at, magic) = TAR;
        if head.get(at..).is_some_and(|rest| rest.starts_with(magic)) {
            return Self::Tar;
        }
        let known = KINDS.iter().find(|(magic, _)| head.starts_with(magic));
        known.map_or(Self::Plain, |(_, kind)| *kind)
    }
}

/// Whether bytes begin as those of a kind do; few may tell already.
pub(super) fn begins(kind: Kind, bytes: &[u8]) -> bool {
    KINDS.iter().any(|(magic, of)| {
        *of == kind
            && bytes.starts_with(magic.get(..bytes.len().min(magic.len())).unwrap_or_default())
    })
}

/// What the bytes are, and all of them again. Of a slow input no more is awaited than it takes to see that
/// it is XML.
///
/// # Errors
/// If they cannot be read.
pub(super) fn peek<'r>(mut bytes: impl Read + 'r) -> io::Result<(Kind, impl Read + 'r)> {
    let (kind, head) = head(&mut bytes)?;
    Ok((kind, Cursor::new(head).chain(bytes)))
}

/// What the bytes are, and the first of them.
///
/// # Errors
/// As with [`peek`].
pub(super) fn head(bytes: &mut impl Read) -> io::Result<(Kind, Vec<u8>)> {
    let mut head = vec![0; ROOM];
    let mut len = 0;
    while len < HEAD {
        match bytes.read(head.get_mut(len..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(more) => len = len.saturating_add(more),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if !may_be_packed(head.get(..len).unwrap_or_default()) {
            break;
        }
    }
    head.truncate(len);
    Ok((Kind::of(&head), head))
}

/// Whether more bytes could tell of a container: not when these begin with text, as XML does. A tar
/// archive begins with a name, so that is told from text by its first zero byte.
fn may_be_packed(head: &[u8]) -> bool {
    let magic = KINDS.iter().any(|(magic, _)| magic.len() > head.len() && magic.starts_with(head));
    let known = KINDS.iter().any(|(magic, _)| head.starts_with(magic));
    let xml = head.trim_ascii_start().starts_with(b"<");
    magic || (!xml && !known && head.len() < HEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte at a time, and fails where it should not be asked any more.
    struct Slow(Vec<u8>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::Error::other("asked for more"));
            }
            buffer[0] = self.0.remove(0);
            Ok(1)
        }
    }

    #[test]
    fn containers_are_told_by_their_first_bytes_and_nothing_is_lost() {
        let mut tar = vec![0_u8; 512];
        tar[..5].copy_from_slice(b"a.xml");
        tar[257..262].copy_from_slice(b"ustar");
        for (bytes, kind) in [
            (b"\x1f\x8b\x08".to_vec(), Kind::Gzip),
            (b"BZh9".to_vec(), Kind::Bzip2),
            (b"PK\x03\x04".to_vec(), Kind::Zip),
            (b"Rar!\x1a\x07\x01".to_vec(), Kind::Foreign("RAR")),
            (tar, Kind::Tar),
            (b"<?xml?>".to_vec(), Kind::Plain),
            (b"P".to_vec(), Kind::Plain),
            (Vec::new(), Kind::Plain),
        ] {
            let (found, mut same) = peek(Cursor::new(bytes.clone())).unwrap();
            let mut read = Vec::new();
            io::copy(&mut same, &mut read).unwrap();
            assert_eq!((found, read), (kind, bytes));
        }
    }

    #[test]
    fn a_slow_input_need_not_give_more_than_the_start_of_its_xml() {
        assert_eq!(peek(Slow(b"\n<".to_vec())).unwrap().0, Kind::Plain);
        assert!(peek(Slow(b"\x1f".to_vec())).is_err());
    }
}
