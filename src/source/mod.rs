//! Inputs as bytes: paths, folders, compressed files, archives and standard input.
//!
//! [`discover`] expands the paths of the user to [`Input`]s. [`Input::visit`] opens one, detects its format by its
//! first bytes (`magic`), descends through compressed streams (`members`, `gzip`) and archives (`tar`, `zip`) and
//! passes each [`Member`] that is not a container to a visitor, in order. Everything that cannot be read reaches the
//! visitor as an error in its place, so that one bad member does not hide the next. All decompressed bytes pass through
//! `capped`, which enforces the limits on size and ratio. Growing files (`follow`) and the output of programs (`live`)
//! are inputs as well.
//!
//! Nothing in this folder knows XML. A new container format needs a `magic::Kind` with its magic bytes, and an arm in
//! `archive::Walk::go_as` or `members::Members`.

mod ahead;
mod archive;
mod bytes;
mod capped;
mod digest;
mod follow;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod gzip;
mod live;
mod magic;
mod members;
mod meter;
mod pick;
mod tar;
mod zip;

use std::{
    ffi::OsStr,
    fmt::Write as _,
    io::{self, Cursor, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

pub(crate) use self::follow::ends_with;
use self::{ahead::Ahead, archive::Walk, magic::Kind, meter::Counted};
pub use self::{
    bytes::Bytes,
    digest::FileDigest,
    follow::Follow,
    live::{Copied, Live},
    meter::Meter,
    pick::Pick,
};
use crate::{
    error::{Error, Result},
    fs::{self, File},
    limits::Limits,
};

/// Input: a file or standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Name as given; bytes that are not UTF-8 are written as `\xNN`.
    pub name: String,
    /// True if the user named the input itself; false if it was found in a folder.
    pub named: bool,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Stdin,
    File(PathBuf),
}

/// Something to read: an input, or a member of one.
pub struct Member<'m> {
    /// Name of the input, followed by the path inside it for a member of an archive: `scans.tar!2024/a.xml.gz`.
    pub name: String,
    /// True if the user named it itself; false if it was found in a folder or an archive.
    pub named: bool,
    /// True if its bytes may arrive slowly, as from a pipe.
    pub live: bool,
    /// Contents, decompressed.
    pub bytes: Bytes<'m>,
    /// Length of the contents in bytes, if known.
    pub len: Option<u64>,
}

/// Callback that receives the members of an input in order, with an error in place of each that cannot be read.
pub type Visit<'v> = dyn FnMut(Result<Member<'_>>) -> Result<()> + 'v;

/// Finds the inputs that paths name. `-` is standard input. A folder stands for all files in and below it, in byte
/// order of their paths, except hidden files and files that `pick` does not take. Paths that cannot be read yield an
/// error in their place.
#[must_use]
pub fn discover(paths: &[PathBuf], pick: &Pick) -> Vec<Result<Input>> {
    let mut found = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            found.push(Ok(Input { name: "-".into(), named: true, place: Place::Stdin }));
        } else if path.is_dir() {
            folder(path, pick, &mut found);
        } else {
            found.push(Ok(Input::file(path.clone(), true)));
        }
    }
    found
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
    pub fn packed_len(&self) -> Option<u64> {
        let Place::File(path) = &self.place else { return None };
        fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|meta| meta.len())
    }

    fn file(path: PathBuf, named: bool) -> Self {
        Self { name: display(&path), named, place: Place::File(path) }
    }

    /// Visits the contents of the input: the input itself, or the members of a compressed file or archive.
    ///
    /// # Errors
    /// Returns the errors of the visitor.
    pub fn visit(&self, limits: &Limits, pick: &Pick, visit: &mut Visit<'_>) -> Result<()> {
        self.visit_as(&Manner::new(limits, pick), visit)
    }

    /// Visits the contents of the input with the options of `manner`.
    ///
    /// # Errors
    /// Returns the errors of the visitor.
    pub fn visit_as(&self, manner: &Manner<'_>, visit: &mut Visit<'_>) -> Result<()> {
        let (name, named) = (self.name.clone(), self.named);
        let Manner { limits, pick, meter, ahead } = manner;
        let path = match &self.place {
            Place::Stdin => {
                let (bytes, packed) = capped::Counted::new(meter.count(io::stdin()));
                let mut walk = Walk::new((limits, pick), packed, visit);
                let bytes = Bytes::of(bytes);
                return walk.go(Member { name, named, live: true, bytes, len: None }, 0);
            }
            Place::File(path) => path,
        };
        let opened = match open(path, meter) {
            Ok(opened) => opened,
            Err(error) => return visit(Err(Error::from(error).with_input(name))),
        };
        let Opened { file, len, first } = opened;
        let (mut file, read) = capped::Counted::new(file);
        // For a file, the caps depend on its length, not on how much of it was read.
        let packed = if let Some(len) = len {
            Arc::new(AtomicU64::new(len))
        } else {
            let head = first.as_ref().map_or(0, |(_, head)| head.len());
            read.fetch_add(u64::try_from(head).unwrap_or_default(), Ordering::Relaxed);
            read
        };
        let mut walk = Walk::new((limits, pick), packed, visit);
        let Some((kind, head)) = first else {
            return walk.go(Member { name, named, live: true, bytes: Bytes::of(file), len }, 0);
        };
        // A small file was read completely.
        let whole = u64::try_from(head.len()).ok() == len;
        if limits.max_archive_depth > 0 {
            // Zip needs seeking: a large file need not be held in memory.
            let is_zip = match len {
                Some(_) => is_zip(kind, &head, (&mut file, whole)),
                None => Ok(kind == Kind::Zip),
            };
            match is_zip {
                Ok(true) if whole => return walk.zip(&name, Cursor::new(head), 1),
                Ok(true) => return walk.zip(&name, file, 1),
                Ok(false) => {}
                Err(error) => return walk.refuse(&name, error.into()),
            }
        }
        // A program that no archive follows.
        let kind = if kind == Kind::Program && len.is_some() { Kind::Plain } else { kind };
        let worth_it =
            *ahead && limits.max_archive_depth > 0 && len.is_some_and(|len| len >= AHEAD);
        if kind.is_compressed() && worth_it {
            let bytes = Cursor::new(head).chain(file);
            let unpacked = archive::unpack(kind, (bytes, len), (limits, &walk.budget));
            let bytes = Ahead::new(unpacked).map_or_else(Bytes::of, Bytes::of);
            return walk.go(Member { name, named, live: false, bytes, len: None }, 1);
        }
        let bytes =
            if whole { Bytes::held(head) } else { Bytes::of(Cursor::new(head).chain(file)) };
        walk.go_as(kind, Member { name, named, live: false, bytes, len }, 0)
    }
}

/// Options for reading inputs.
#[derive(Debug)]
pub struct Manner<'m> {
    /// Caps on decompressed output.
    pub limits: &'m Limits,
    /// Files and archive members to read.
    pub pick: &'m Pick,
    /// Counter of input bytes, as stored.
    pub meter: Meter,
    /// Decompress large files on a separate thread.
    pub ahead: bool,
}

impl<'m> Manner<'m> {
    /// Creates options that decompress on the calling thread.
    #[must_use]
    pub fn new(limits: &'m Limits, pick: &'m Pick) -> Self {
        Self { limits, pick, meter: Meter::default(), ahead: false }
    }
}

/// Compressed length in bytes from which a separate thread pays off.
const AHEAD: u64 = 1 << 20;
/// Length in bytes up to which a file is read at once.
const AT_ONCE: usize = 64 << 10;

/// Open file.
struct Opened {
    file: Counted<File>,
    /// Length in bytes if it is reliable: devices and files that the kernel generates report 0.
    len: Option<u64>,
    /// Format and first bytes, if they were read. Nothing was read yet of inputs that arrive slowly.
    first: Option<(Kind, Vec<u8>)>,
}

fn open(path: &Path, meter: &Meter) -> io::Result<Opened> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    if meta.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if fs::is_stream(&meta) {
        return Ok(Opened { file: meter.count(file), len: None, first: None });
    }
    let len = Some(meta.len()).filter(|len| *len > 0);
    let few = len.and_then(|len| usize::try_from(len).ok()).filter(|len| *len <= AT_ONCE);
    let Some(few) = few else {
        let mut file = meter.count(file);
        let first = magic::head(&mut file)?;
        return Ok(Opened { file, len, first: Some(first) });
    };
    let mut all = Vec::with_capacity(few);
    match io::copy(&mut (&file).take(meta.len()), &mut all) {
        Err(error) if all.is_empty() => return Err(error),
        // After an error, the bytes before it are valid; reading on fails again after them.
        _ => meter.skip(u64::try_from(all.len()).unwrap_or(0)),
    }
    Ok(Opened { file: meter.count(file), len, first: Some((Kind::of(&all), all)) })
}

/// Returns true if a file of this kind, with these first bytes, is a zip archive. One that follows other bytes, as in a
/// self-extracting archive, is recognized by the list at its end. `is_whole` is true if `head` is the whole file.
fn is_zip(
    kind: Kind,
    head: &[u8],
    (file, is_whole): (&mut (impl Read + Seek), bool),
) -> io::Result<bool> {
    if !magic::may_precede_archive(kind, head) {
        return Ok(kind == Kind::Zip);
    }
    if is_whole {
        return Ok(zip::has_directory(&mut Cursor::new(head)));
    }
    let is_zip = zip::has_directory(file);
    file.seek(SeekFrom::Start(u64::try_from(head.len()).unwrap_or_default()))?;
    Ok(is_zip)
}

/// Returns a path as text; bytes that are not UTF-8 are written as `\xNN` (DATA_MODEL section 4).
fn display(path: &Path) -> String {
    display_bytes(path.as_os_str().as_encoded_bytes())
}

fn display_bytes(path: &[u8]) -> String {
    let mut text = String::new();
    for chunk in path.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
}

/// Entry of a folder.
enum Found {
    Folder,
    File,
    /// Pipe, socket, device, or a link to one of these or to a folder.
    Other,
}

fn kind(entry: &fs::DirEntry) -> io::Result<Found> {
    let kind = entry.file_type()?;
    Ok(if kind.is_dir() {
        Found::Folder
    } else if kind.is_file() || (kind.is_symlink() && fs::metadata(entry.path())?.is_file()) {
        Found::File
    } else {
        Found::Other
    })
}

/// Lists the files in and below a folder. Links to files are followed; links to folders are not, because they could
/// form a cycle.
fn folder(root: &Path, pick: &Pick, found: &mut Vec<Result<Input>>) {
    let mut files: Vec<(PathBuf, Option<io::Error>)> = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                files.push((folder, Some(error)));
                continue;
            }
        };
        for entry in entries {
            match entry {
                Ok(entry) if is_hidden(&entry.file_name()) => {}
                Ok(entry) => match kind(&entry) {
                    Ok(Found::Folder) => folders.push(entry.path()),
                    Ok(Found::File) => files.push((entry.path(), None)),
                    // A dangling or cyclic link.
                    Err(error) if pick.takes(inside(&entry.path(), root)) => {
                        files.push((entry.path(), Some(error)));
                    }
                    Ok(Found::Other) | Err(_) => {}
                },
                Err(error) => files.push((folder.clone(), Some(error))),
            }
        }
    }
    if !pick.takes_all() {
        files.retain(|(path, error)| error.is_some() || pick.takes(inside(path, root)));
    }
    files.sort_by(|(a, _), (b, _)| {
        a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes())
    });
    found.extend(files.into_iter().map(|(path, error)| match error {
        Some(error) => Err(Error::from(error).with_input(display(&path))),
        None => Ok(Input::file(path, false)),
    }));
}

/// Returns the path of a file relative to the folder.
fn inside<'p>(path: &'p Path, root: &Path) -> &'p [u8] {
    path.strip_prefix(root).unwrap_or(path).as_os_str().as_encoded_bytes()
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn folders_are_read_in_byte_order_without_hidden_files_and_circles() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["b.xml", "a/z.xml", "a.xml", ".hidden.xml", ".git/x.xml", "B/x.xml"] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        std::os::unix::fs::symlink(root, root.join("a/circle")).unwrap();
        std::os::unix::fs::symlink(root.join("b.xml"), root.join("link.xml")).unwrap();
        let bad = OsStr::from_bytes(b"c\xff.xml");
        fs::write(root.join(bad), "x").unwrap();
        let names: Vec<_> = discover(&[root.to_owned()], &Pick::default())
            .into_iter()
            .map(|input| input.unwrap())
            .map(|input| {
                assert!(!input.named);
                input.name.strip_prefix(root.to_str().unwrap()).unwrap().to_owned()
            })
            .collect();
        let expected = ["/B/x.xml", "/a.xml", "/a/z.xml", "/b.xml", "/c\\xFF.xml", "/link.xml"];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_missing_input_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.xml");
        let found = discover(&[missing], &Pick::default()).remove(0).unwrap();
        let mut shown = Vec::new();
        let mut visit = |member: Result<Member<'_>>| {
            shown.push(member.map(|_| ()).unwrap_err().to_string());
            Ok(())
        };
        found.visit(&Limits::default(), &Pick::default(), &mut visit).unwrap();
        assert!(shown[0].contains("missing.xml: E_IO"), "{shown:?}");
    }

    #[test]
    fn files_of_any_size_are_read_unchanged_and_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let (limits, pick) = (Limits::default(), Pick::default());
        let edges = [0, 512, magic::ROOM, AT_ONCE].map(|edge| [edge, edge + 1, edge.max(1) - 1]);
        for len in edges.into_iter().flatten() {
            let bytes: Vec<u8> = b"<nmaprun>".iter().copied().cycle().take(len).collect();
            fs::write(&path, &bytes).unwrap();
            let manner = Manner::new(&limits, &pick);
            let mut seen = 0;
            let mut visit = |member: Result<Member<'_>>| {
                let read = member?.bytes.into_held().or_else(|mut rest| {
                    assert!(len == 0 || len > AT_ONCE, "{len} bytes are few");
                    let mut read = Vec::new();
                    io::copy(&mut rest, &mut read).map(|_| read)
                })?;
                assert!(read == bytes, "{len} bytes");
                seen += 1;
                Ok(())
            };
            Input::file(path.clone(), true).visit_as(&manner, &mut visit).unwrap();
            assert_eq!((seen, manner.meter.bytes()), (1, u64::try_from(len).unwrap()));
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
            for ahead in [false, true] {
                let pick = Pick::default();
                let manner = Manner { ahead, ..Manner::new(&limits, &pick) };
                let mut visit = |member: Result<Member<'_>>| {
                    let mut read = Vec::new();
                    let result = io::copy(&mut member?.bytes, &mut read);
                    assert_eq!(result.is_ok(), whole, "{result:?}");
                    lens.push(read.len());
                    Ok(())
                };
                input.visit_as(&manner, &mut visit).unwrap();
            }
            let expected = if whole { bytes.len() } else { packed.len() * 100 };
            assert_eq!(lens, [expected; 2]);
        }
    }
}
