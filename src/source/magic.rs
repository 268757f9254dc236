//! Detects compression and archive formats by their first bytes, never by file name.

use std::io::{self, Cursor, Read};

/// Format of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    /// Anything else: XML, or bytes that the XML reader will refuse.
    Plain,
    Gzip,
    Bzip2,
    Xz,
    Zstd,
    /// Raw deflate, without gzip's header and trailer. Occurs only in zip archives, which declare it.
    Deflate,
    Tar,
    Zip,
    /// Program, which a zip archive may follow: a self-extracting archive.
    Program,
    /// Archive format of this name, which is not supported.
    Foreign(&'static str),
}

/// First bytes of each format.
const KINDS: [(&[u8], FileKind); 13] = [
    (b"\x1f\x8b", FileKind::Gzip),
    (b"BZh", FileKind::Bzip2),
    (b"\xfd7zXZ\0", FileKind::Xz),
    (b"\x28\xb5\x2f\xfd", FileKind::Zstd),
    // Skippable frame, with which the output of parallel compressors begins.
    (b"\x50\x2a\x4d\x18", FileKind::Zstd),
    (b"PK\x03\x04", FileKind::Zip),
    (b"PK\x05\x06", FileKind::Zip),
    (b"\x7fELF", FileKind::Program),
    (b"MZ", FileKind::Program),
    (b"#!", FileKind::Program),
    (b"7z\xbc\xaf\x27\x1c", FileKind::Foreign("7-Zip")),
    (b"Rar!\x1a\x07", FileKind::Foreign("RAR")),
    (b"\x04\x22\x4d\x18", FileKind::Foreign("LZ4")),
];

/// Offset and bytes of the magic number of tar.
const TAR: (usize, &[u8]) = (257, b"ustar");
/// Number of bytes needed to recognize a tar archive.
const HEAD: usize = 512;
/// Number of bytes requested of inputs that are not known to be small.
pub(super) const ROOM: usize = 8 << 10;

impl FileKind {
    /// Returns true for single compressed streams, as opposed to archives.
    pub(super) const fn is_compressed(self) -> bool {
        matches!(self, Self::Gzip | Self::Bzip2 | Self::Xz | Self::Zstd)
    }

    /// Returns the format that begins with `head`.
    pub(super) fn of(head: &[u8]) -> Self {
        let (at, magic) = TAR;
        if head.get(at..).is_some_and(|rest| rest.starts_with(magic)) {
            return Self::Tar;
        }
        let known = KINDS.iter().find(|(magic, _)| head.starts_with(magic));
        known.map_or(Self::Plain, |(_, kind)| *kind)
    }
}

/// Returns true if an input with these first bytes may be an archive after other bytes. XML never is.
pub(super) fn may_precede_archive(kind: FileKind, head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    kind == FileKind::Program
        || (kind == FileKind::Plain && !text.trim_ascii_start().starts_with(b"<"))
}

/// Returns true if `bytes` begin like `kind`. A few bytes may be enough.
pub(super) fn begins(kind: FileKind, bytes: &[u8]) -> bool {
    KINDS.iter().any(|(magic, of)| {
        *of == kind
            && bytes.starts_with(magic.get(..bytes.len().min(magic.len())).unwrap_or_default())
    })
}

/// Detects the format, and returns a reader of all bytes, including those read for it. For a slow input it waits for no
/// more bytes than are needed to recognize XML.
///
/// # Errors
/// Fails if the input cannot be read.
pub(super) fn peek<'r>(mut bytes: impl Read + 'r) -> io::Result<(FileKind, impl Read + 'r)> {
    let (kind, head) = head(&mut bytes)?;
    Ok((kind, Cursor::new(head).chain(bytes)))
}

/// Detects the format, and returns the first bytes, which were read for it.
///
/// # Errors
/// Fails if the input cannot be read.
pub(super) fn head(bytes: &mut impl Read) -> io::Result<(FileKind, Vec<u8>)> {
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
    Ok((FileKind::of(&head), head))
}

/// Returns true if more bytes could reveal a container: not if these begin with text, as XML does. A tar archive begins
/// with a name, so its first zero byte distinguishes it from text.
fn may_be_packed(head: &[u8]) -> bool {
    let magic = KINDS.iter().any(|(magic, _)| magic.len() > head.len() && magic.starts_with(head));
    let known = KINDS.iter().any(|(magic, _)| head.starts_with(magic));
    let xml = head.trim_ascii_start().starts_with(b"<");
    magic || (!xml && !known && head.len() < HEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Yields one byte per read, and fails if it is read further than necessary.
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
    fn containers_are_recognized_by_their_first_bytes_which_are_not_lost() {
        let mut tar = vec![0_u8; 512];
        tar[..5].copy_from_slice(b"a.xml");
        tar[257..262].copy_from_slice(b"ustar");
        for (bytes, kind) in [
            (b"\x1f\x8b\x08".to_vec(), FileKind::Gzip),
            (b"BZh9".to_vec(), FileKind::Bzip2),
            (b"PK\x03\x04".to_vec(), FileKind::Zip),
            (b"Rar!\x1a\x07\x01".to_vec(), FileKind::Foreign("RAR")),
            (tar, FileKind::Tar),
            (b"<?xml?>".to_vec(), FileKind::Plain),
            (b"P".to_vec(), FileKind::Plain),
            (Vec::new(), FileKind::Plain),
        ] {
            let (found, mut same) = peek(Cursor::new(bytes.clone())).unwrap();
            let mut read = Vec::new();
            io::copy(&mut same, &mut read).unwrap();
            assert_eq!((found, read), (kind, bytes));
        }
    }

    #[test]
    fn the_first_bytes_of_slow_xml_are_enough() {
        assert_eq!(peek(Slow(b"\n<".to_vec())).unwrap().0, FileKind::Plain);
        assert!(peek(Slow(b"\x1f".to_vec())).is_err());
    }
}
