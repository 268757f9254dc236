//! What an input is, told by its first bytes, never by its name.

use std::io::{self, Cursor, Read};

use crate::error::{Error, ErrorKind, Result};

/// First bytes, what they belong to, and how to get at what is inside.
const KINDS: [(&[u8], &str, &str); 8] = [
    (b"\x1f\x8b", "gzip", "gzip -dc"),
    (b"BZh", "bzip2", "bzip2 -dc"),
    (b"\xfd7zXZ\0", "xz", "xz -dc"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstd -dc"),
    (b"PK\x03\x04", "zip", "unzip -p"),
    (b"PK\x05\x06", "zip", "unzip -p"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip", "7z x -so"),
    (b"Rar!\x1a\x07", "RAR", "unrar p"),
];

/// Where a tar archive names itself.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// The same bytes, after a look at the first of them.
pub(super) fn checked(mut bytes: Box<dyn Read + Send>) -> Result<Box<dyn Read + Send>> {
    let mut head = [0_u8; 512];
    let mut len = 0;
    // A slow input need not give more than its first bytes for this.
    loop {
        match bytes.read(head.get_mut(len..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(more) => len = len.saturating_add(more),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        }
        let undecided = KINDS.iter().any(|(magic, ..)| {
            magic.len() > len && magic.starts_with(head.get(..len).unwrap_or_default())
        });
        if !undecided {
            break;
        }
    }
    let head = head.get(..len).unwrap_or_default();
    if let Some((name, tool)) = packed(head) {
        let message = format!(
            "a {name} file; compressed and archived input is not read by this version: \
             unpack it first (`{tool} FILE | scanmill convert -`)"
        );
        return Err(Error::new(ErrorKind::Decompress(message)));
    }
    Ok(Box::new(Cursor::new(head.to_vec()).chain(bytes)))
}

fn packed(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let (at, magic) = TAR;
    if head.get(at..).is_some_and(|rest| rest.starts_with(magic)) {
        return Some(("tar", "tar -xOf"));
    }
    KINDS.iter().find(|(magic, ..)| head.starts_with(magic)).map(|(_, name, tool)| (*name, *tool))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_and_archived_inputs_are_told_from_xml() {
        let mut tar = vec![0_u8; 512];
        tar[257..262].copy_from_slice(b"ustar");
        for bytes in [b"\x1f\x8b\x08".to_vec(), b"BZh9".to_vec(), b"PK\x03\x04".to_vec(), tar] {
            assert!(checked(Box::new(Cursor::new(bytes))).is_err());
        }
        for bytes in [b"<?xml?>".to_vec(), b"P".to_vec(), Vec::new()] {
            let mut read = Vec::new();
            let mut same = checked(Box::new(Cursor::new(bytes.clone()))).unwrap();
            io::copy(&mut same, &mut read).unwrap();
            assert_eq!(read, bytes);
        }
    }
}
