//! Contents of a member whose place in the archive is known.

use std::{
    io::{self, BufRead, Read},
    sync::{Arc, atomic::AtomicU64},
};

use flate2::Crc;

use super::header::{PackedMember, cut};
use crate::{
    error::Result,
    source::{
        archive::{Walk, broken, member_name},
        magic::FileKind,
        multi_member::{Extent, MultiMemberReader},
        output_cap::{CappedReader, decompress},
    },
};

impl Walk<'_, '_> {
    /// Visits the contents of a member.
    pub(super) fn packed(
        &mut self,
        name: &str,
        (part, bytes): (&Part<'_>, &mut dyn BufRead),
        depth: usize,
    ) -> Result<()> {
        let Part { of, len } = *part;
        let kind = match of.kind() {
            Ok(kind) => kind,
            Err(error) => return self.refuse(&member_name(name, &of.path), broken(error)),
        };
        let packed = Arc::new(AtomicU64::new(len.unwrap_or(u64::MAX)));
        let is_stored = kind.is_none();
        let bytes: Box<dyn Read + '_> = match kind {
            Some(kind) => {
                Box::new(MultiMemberReader::new(kind, bytes, (Extent::All, &self.budget)))
            }
            None => Box::new(bytes),
        };
        let left = len.filter(|_| is_stored).unwrap_or_default();
        let checked = ChecksumReader { inner: bytes, crc: Crc::new(), recorded: of.crc, left };
        let bytes = CappedReader::new(checked, packed, (self.limits, &self.budget));
        self.member((name, &of.path), bytes, depth)
    }
}

/// Member whose contents come next.
pub(super) struct Part<'p> {
    pub(super) of: &'p PackedMember,
    /// Length in bytes in the archive, if known.
    pub(super) len: Option<u64>,
}

/// Contents of a member, whose checksum is compared with the recorded one.
struct ChecksumReader<R> {
    inner: R,
    crc: Crc,
    recorded: Option<u32>,
    /// Number of bytes that must follow; 0 if the compressed stream shows its own end.
    left: u64,
}

impl<R: Read> Read for ChecksumReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.crc.update(buffer.get(..len).unwrap_or_default());
        self.left = self.left.saturating_sub(u64::try_from(len).unwrap_or_default());
        let is_other = |recorded: u32| recorded != self.crc.sum();
        if len == 0 && !buffer.is_empty() {
            let recorded = self.recorded.take();
            if std::mem::take(&mut self.left) > 0 {
                return Err(cut());
            }
            if recorded.is_some_and(is_other) {
                return Err(decompress("the checksum of the member is wrong".into()));
            }
        }
        Ok(len)
    }
}

impl PackedMember {
    /// Returns the compression method, or `None` if the member is stored uncompressed.
    pub(super) fn kind(&self) -> io::Result<Option<FileKind>> {
        if self.is_encrypted {
            return Err(decompress("it is encrypted".into()));
        }
        Ok(Some(match self.method {
            0 => return Ok(None),
            8 => FileKind::Deflate,
            12 => FileKind::Bzip2,
            93 => FileKind::Zstd,
            95 => FileKind::Xz,
            other => {
                return Err(decompress(format!("compression method {other} is not supported")));
            }
        }))
    }
}
