//! Inputs, and how one is opened.
//!
//! A regular file has a length and can seek, so its caps depend on its whole length, a large zip archive need not be
//! held in memory, and a small file is read at once. Pipes and devices have neither; they are read from front to back.

use std::{
    io::{self, Cursor, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    archive::{self, Walk},
    byte_counter::{ByteCounter, MeteredReader},
    magic::{self, FileKind},
    member::{Member, MemberData, Visit, display},
    output_cap::CountingReader,
    path_filter::PathFilter,
    prefetch::PrefetchReader,
    zip,
};
use crate::{
    error::{Error, Result},
    fs::{self, File},
    limits::Limits,
};

/// Input: a file or standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Input {
    /// Name as given; bytes that are not UTF-8 are written as `\xNN`.
    pub name: String,
    /// True if the user named the input itself; false if it was found in a folder.
    pub explicit: bool,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Stdin,
    File(PathBuf),
}

impl Input {
    /// Returns the path of a file, or `None` for standard input.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Stdin => None,
            Place::File(path) => Some(path),
        }
    }

    /// Returns the length of the file as stored, in bytes, or `None` if it is not a regular file.
    #[must_use]
    pub(crate) fn packed_len(&self) -> Option<u64> {
        let Place::File(path) = &self.place else { return None };
        fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|meta| meta.len())
    }

    /// Returns standard input.
    pub(super) fn stdin() -> Self {
        Self { name: "-".into(), explicit: true, place: Place::Stdin }
    }

    /// Returns a file. `explicit` is true if the user named it.
    pub(super) fn file(path: PathBuf, explicit: bool) -> Self {
        Self { name: display(&path), explicit, place: Place::File(path) }
    }

    /// Visits the contents of the input: the input itself, or the members of a compressed file or archive.
    ///
    /// # Errors
    /// Returns the errors of the visitor.
    pub fn visit(&self, limits: &Limits, filter: &PathFilter, visit: &mut Visit<'_>) -> Result<()> {
        self.visit_as(&ReadOptions::new(limits, filter), visit)
    }

    /// Visits the contents of the input with the these options.
    ///
    /// # Errors
    /// Returns the errors of the visitor.
    pub(crate) fn visit_as(&self, options: &ReadOptions<'_>, visit: &mut Visit<'_>) -> Result<()> {
        let (name, explicit) = (self.name.clone(), self.explicit);
        let ReadOptions { limits, filter, counter, prefetch } = options;
        let path = match &self.place {
            Place::Stdin => {
                let (bytes, packed) = CountingReader::new(counter.count(io::stdin()));
                let mut walk = Walk::new((limits, filter), packed, visit);
                let bytes = MemberData::from_reader(bytes);
                return walk.go(Member { name, explicit, live: true, bytes, len: None }, 0);
            }
            Place::File(path) => path,
        };
        let opened = match open(path, counter) {
            Ok(opened) => opened,
            Err(error) => return visit(Err(Error::from(error).with_input(name))),
        };
        let OpenFile { file, len, first } = opened;
        let (mut file, read) = CountingReader::new(file);
        // For a file, the caps depend on its length, not on how much of it was read.
        let packed = if let Some(len) = len {
            Arc::new(AtomicU64::new(len))
        } else {
            let head = first.as_ref().map_or(0, |(_, head)| head.len());
            read.fetch_add(u64::try_from(head).unwrap_or_default(), Ordering::Relaxed);
            read
        };
        let mut walk = Walk::new((limits, filter), packed, visit);
        let Some((kind, head)) = first else {
            return walk.go(
                Member { name, explicit, live: true, bytes: MemberData::from_reader(file), len },
                0,
            );
        };
        // A small file was read completely.
        let whole = u64::try_from(head.len()).ok() == len;
        if limits.max_archive_depth > 0 {
            // Zip needs seeking: a large file need not be held in memory.
            let is_zip = match len {
                Some(_) => is_zip(kind, &head, (&mut file, whole)),
                None => Ok(kind == FileKind::Zip),
            };
            match is_zip {
                Ok(true) if whole => return walk.zip(&name, Cursor::new(head), 1),
                Ok(true) => return walk.zip(&name, file, 1),
                Ok(false) => {}
                Err(error) => return walk.refuse(&name, error.into()),
            }
        }
        // A program that no archive follows.
        let kind = if kind == FileKind::Program && len.is_some() { FileKind::Plain } else { kind };
        let worth_it =
            *prefetch && limits.max_archive_depth > 0 && len.is_some_and(|len| len >= PREFETCH_LEN);
        if kind.is_compressed() && worth_it {
            let bytes = Cursor::new(head).chain(file);
            let unpacked = archive::unpack(kind, (bytes, len), (limits, &walk.budget));
            let bytes = PrefetchReader::new(unpacked)
                .map_or_else(MemberData::from_reader, MemberData::from_reader);
            return walk.go(Member { name, explicit, live: false, bytes, len: None }, 1);
        }
        let bytes = if whole {
            MemberData::from_vec(head)
        } else {
            MemberData::from_reader(Cursor::new(head).chain(file))
        };
        walk.go_as(kind, Member { name, explicit, live: false, bytes, len }, 0)
    }
}

/// Options for reading inputs.
#[derive(Debug)]
pub(crate) struct ReadOptions<'m> {
    /// Caps on decompressed output.
    pub(crate) limits: &'m Limits,
    /// Files and archive members to read.
    pub(crate) filter: &'m PathFilter,
    /// Counter of input bytes, as stored.
    pub(crate) counter: ByteCounter,
    /// Decompress large files on a separate thread.
    pub(crate) prefetch: bool,
}

impl<'m> ReadOptions<'m> {
    /// Creates options that decompress on the calling thread.
    #[must_use]
    pub(crate) fn new(limits: &'m Limits, filter: &'m PathFilter) -> Self {
        Self { limits, filter, counter: ByteCounter::default(), prefetch: false }
    }
}

/// Compressed length in bytes from which a separate thread pays off.
const PREFETCH_LEN: u64 = 1 << 20;
/// Length in bytes up to which a file is read at once.
const SMALL_LEN: usize = 64 << 10;

/// Open file.
struct OpenFile {
    file: MeteredReader<File>,
    /// Length in bytes if it is reliable: devices and files that the kernel generates report 0.
    len: Option<u64>,
    /// Format and first bytes, if they were read. Nothing was read yet of inputs that arrive slowly.
    first: Option<(FileKind, Vec<u8>)>,
}

fn open(path: &Path, counter: &ByteCounter) -> io::Result<OpenFile> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    if meta.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if fs::is_stream(&meta) {
        return Ok(OpenFile { file: counter.count(file), len: None, first: None });
    }
    let len = Some(meta.len()).filter(|len| *len > 0);
    let few = len.and_then(|len| usize::try_from(len).ok()).filter(|len| *len <= SMALL_LEN);
    let Some(few) = few else {
        let mut file = counter.count(file);
        let first = magic::head(&mut file)?;
        return Ok(OpenFile { file, len, first: Some(first) });
    };
    let mut all = Vec::with_capacity(few);
    match io::copy(&mut (&file).take(meta.len()), &mut all) {
        Err(error) if all.is_empty() => return Err(error),
        // After an error, the bytes before it are valid; reading on fails again after them.
        _ => counter.skip(u64::try_from(all.len()).unwrap_or(0)),
    }
    Ok(OpenFile { file: counter.count(file), len, first: Some((FileKind::of(&all), all)) })
}

/// Returns true if a file of this kind, with these first bytes, is a zip archive. One that follows other bytes, as in a
/// self-extracting archive, is recognized by the list at its end. `is_whole` is true if `head` is the whole file.
fn is_zip(
    kind: FileKind,
    head: &[u8],
    (file, is_whole): (&mut (impl Read + Seek), bool),
) -> io::Result<bool> {
    if !magic::may_precede_archive(kind, head) {
        return Ok(kind == FileKind::Zip);
    }
    if is_whole {
        return Ok(zip::has_directory(&mut Cursor::new(head)));
    }
    let is_zip = zip::has_directory(file);
    file.seek(SeekFrom::Start(u64::try_from(head.len()).unwrap_or_default()))?;
    Ok(is_zip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_any_size_are_read_unchanged_and_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let (limits, filter) = (Limits::default(), PathFilter::default());
        let edges = [0, 512, magic::ROOM, SMALL_LEN].map(|edge| [edge, edge + 1, edge.max(1) - 1]);
        for len in edges.into_iter().flatten() {
            let bytes: Vec<u8> = b"<nmaprun>".iter().copied().cycle().take(len).collect();
            fs::write(&path, &bytes).unwrap();
            let options = ReadOptions::new(&limits, &filter);
            let mut seen = 0;
            let mut visit = |member: Result<Member<'_>>| {
                let read = member?.bytes.into_held().or_else(|mut rest| {
                    assert!(len == 0 || len > SMALL_LEN, "{len} bytes are few");
                    let mut read = Vec::new();
                    io::copy(&mut rest, &mut read).map(|_| read)
                })?;
                assert!(read == bytes, "{len} bytes");
                seen += 1;
                Ok(())
            };
            Input::file(path.clone(), true).visit_as(&options, &mut visit).unwrap();
            assert_eq!((seen, options.counter.bytes()), (1, u64::try_from(len).unwrap()));
        }
    }

    #[test]
    fn the_ratio_of_a_file_counts_its_whole_length() {
        let mut bytes = b"<nmaprun>".to_vec();
        bytes.resize(24 << 20, b' ');
        // Hashes are incompressible.
        for number in 0..4000_u32 {
            bytes.extend(<sha2::Sha256 as sha2::Digest>::digest(number.to_le_bytes()));
        }
        let packed = zstd::encode_all(bytes.as_slice(), 1).unwrap();
        assert!(packed.len() > 100 << 10 && packed.len() < 200 << 10);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zst");
        fs::write(&path, &packed).unwrap();
        let input = Input::file(path, true);
        for (ratio, whole) in [(1000, true), (100, false)] {
            let limits = Limits::default().with_max_compression_ratio(ratio);
            let mut lens = Vec::new();
            for prefetch in [false, true] {
                let filter = PathFilter::default();
                let options = ReadOptions { prefetch, ..ReadOptions::new(&limits, &filter) };
                let mut visit = |member: Result<Member<'_>>| {
                    let mut read = Vec::new();
                    let result = io::copy(&mut member?.bytes, &mut read);
                    assert_eq!(result.is_ok(), whole, "{result:?}");
                    lens.push(read.len());
                    Ok(())
                };
                input.visit_as(&options, &mut visit).unwrap();
            }
            let expected = if whole { bytes.len() } else { packed.len() * 100 };
            assert_eq!(lens, [expected; 2]);
        }
    }
}
