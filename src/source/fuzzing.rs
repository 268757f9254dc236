//! Body of the fuzz target of this layer: compressed files and archives.

use std::{
    io::{self, BufReader, Cursor, Read, Write as _},
    sync::{Arc, atomic::AtomicU64},
};

use super::{
    archive::Walk,
    magic::FileKind,
    member::{Member, MemberData},
    multi_member::{Extent, MultiMemberReader},
    output_cap::Budget,
    path_filter::PathFilter,
};
use crate::{
    error::{ErrorKind, Result},
    fuzzing::Choices,
    limits::Limits,
};

/// Maximum number of bytes decompressed per member, which keeps hostile inputs cheap.
const MOST: u64 = 16 << 10;

/// Reader that returns one piece per call.
struct Pieces<'b>(std::vec::IntoIter<&'b [u8]>, &'b [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.1.is_empty() {
            self.1 = self.0.next().unwrap_or_default();
        }
        self.1.read(buffer)
    }
}

/// Function that compresses bytes into a stream.
type Pack = fn(&[u8]) -> io::Result<Vec<u8>>;

/// Members found in an input: name, bytes and error.
type Found = Vec<(String, Vec<u8>, Option<String>)>;

/// Visits everything in `bytes`.
fn visited(bytes: MemberData<'_>, len: Option<u64>) -> Found {
    let limits = Limits::default()
        .with_max_decompressed_bytes(MOST)
        .with_max_archive_members(6)
        .with_max_archive_depth(3);
    let limits = limits.with_max_buffered_zip_bytes(64 << 10);
    let mut found = Found::new();
    let mut visit = |member: Result<Member<'_>>| {
        match member {
            Ok(Member { name, bytes, .. }) => {
                let mut read = Vec::new();
                let end = io::copy(&mut bytes.into_read(), &mut read);
                found.push((name, read, end.err().map(|error| error.to_string())));
            }
            Err(error) => {
                let of_container = matches!(error.kind(), ErrorKind::Decompress(_));
                assert!(of_container, "another error than of a container: {error}");
                found.push((String::new(), Vec::new(), Some(error.to_string())));
            }
        }
        Ok(())
    };
    let filter = PathFilter::default();
    let packed = Arc::new(AtomicU64::new(len.unwrap_or_default()));
    let mut walk = Walk::new((&limits, &filter), packed, &mut visit);
    let name = "a".to_owned();
    let member = Member { name, explicit: true, live: false, bytes, len };
    assert!(walk.go(member, 0).is_ok(), "only the visitor may fail");
    found
}

/// Reads an input as a container, at once and in pieces, then compresses it and reads it back.
pub(crate) fn run(data: &[u8]) {
    let mut choices = Choices::of(data);
    let len = u64::try_from(data.len()).ok();
    let whole = visited(MemberData::from_vec(data.to_vec()), len);
    for (name, read, _) in &whole {
        let most = usize::try_from(MOST).unwrap_or(usize::MAX).max(data.len());
        assert!(read.len() <= most, "{} bytes of {name}", read.len());
    }
    assert!(whole.len() <= 400, "{} members", whole.len());
    let pieces = Pieces(choices.pieces(data, 50).into_iter(), &[]);
    let in_pieces = visited(MemberData::from_reader(pieces), len);
    let mut both = whole.iter().zip(&in_pieces);
    if let Some(((name, read, error), (_, part, other))) = both.find(|(one, other)| one != other) {
        let lens = [read.len(), part.len()];
        // A damaged zip archive that is not seekable may report its members in a different order.
        let is_zip = data.windows(2).any(|bytes| bytes == b"PK");
        let is_damaged = |found: &Found| found.iter().any(|(.., error)| error.is_some());
        let is_begin = read.starts_with(part) || part.starts_with(read);
        assert!(
            is_zip && is_begin && is_damaged(&whole) && is_damaged(&in_pieces),
            "{name}: {lens:?} bytes at once and in pieces, {error:?} and {other:?}"
        );
    } else {
        assert_eq!(whole.len(), in_pieces.len(), "members at once and in pieces");
    }
    there_and_back(data, &mut choices);
}

/// Compresses bytes as two streams with padding, which must give all of them back for any split into pieces.
fn there_and_back(data: &[u8], choices: &mut Choices) {
    let (first, second) = data.split_at(choices.below(data.len().saturating_add(1)));
    let (kind, pack): (_, Pack) = match choices.below(4) {
        0 => (FileKind::Gzip, gzip),
        1 => (FileKind::Bzip2, bzip2),
        2 => (FileKind::Xz, |bytes| liblzma::encode_all(bytes, 0)),
        _ => (FileKind::Zstd, |bytes| zstd::encode_all(bytes, 1)),
    };
    let (Ok(mut packed), Ok(more)) = (pack(first), pack(second)) else {
        panic!("packing into memory fails")
    };
    packed.extend(more);
    packed.extend([0; 7]);
    let packed_len = Arc::new(AtomicU64::new(u64::MAX));
    let budget = Budget::new(packed_len, &Limits::default());
    let capacity = choices.below(40).saturating_add(1);
    let bytes = BufReader::with_capacity(capacity, Cursor::new(&packed));
    let mut back = Vec::new();
    let read =
        io::copy(&mut MultiMemberReader::new(kind, bytes, (Extent::All, &budget)), &mut back);
    assert!(read.is_ok() && back == data, "{kind:?} gives {read:?} back of {}", data.len());
    // A truncated stream yields a prefix.
    packed.truncate(choices.below(packed.len()));
    let bytes = BufReader::with_capacity(capacity, Cursor::new(&packed));
    let mut cut = Vec::new();
    let _ = io::copy(&mut MultiMemberReader::new(kind, bytes, (Extent::All, &budget)), &mut cut);
    assert!(data.starts_with(&cut), "a cut {kind:?} gives other bytes");
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn bzip2(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}
