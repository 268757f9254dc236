//! Follows a file that is still being written.
//!
//! The file is polled rather than watched through the kernel: polling works on every file system, and twenty polls per
//! second cost nothing compared with a scan.

use std::{
    io::{self, Read, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    magic::{self, FileKind},
    member::{Member, MemberData, display},
};
use crate::{
    error::{Error, ErrorKind, Result},
    fs::{self, File, FileId, Metadata},
};

/// Time between two polls.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Number of polls without new bytes after the ending before the file counts as complete.
const QUIET_POLLS: u32 = 2;

/// Number of bytes at the end of a file that are searched for the ending.
const TAIL: u64 = 4 << 10;

/// Follows a path while its file is written. If another file takes the path, or the file is truncated to less than was
/// read, the current member ends there and the path is read again from the start.
///
/// The input ends when the last bytes other than whitespace are `ending` and no more follow, or when `stop` becomes
/// true.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    name: String,
    ending: &'static [u8],
    stop: Arc<AtomicBool>,
    over: bool,
}

impl Follow {
    /// Follows the file at `path`, which need not exist yet.
    ///
    /// # Errors
    /// Returns a usage error if `path` is something other than a file, or if its folder does not exist.
    pub fn new(path: &Path, ending: &'static [u8], stop: Arc<AtomicBool>) -> Result<Self> {
        let name = display(path);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if path.as_os_str() == "-" || fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
            return Err(Error::usage(format!("{name} cannot be followed, as it is not a file")));
        }
        if folder.is_some_and(|folder| !folder.is_dir()) {
            return Err(Error::usage(format!("{name} cannot be followed: its folder is missing")));
        }
        Ok(Self { path: path.to_owned(), name, ending, stop, over: false })
    }

    /// Returns true if the file exists.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Returns the next file at the path, as soon as it has any bytes; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Result<Member<'_>>> {
        if self.over {
            return None;
        }
        let opened = match self.open()? {
            Ok(opened) => opened,
            Err(error) => {
                self.over = true;
                return Some(Err(Error::from(error).with_input(self.name.clone())));
            }
        };
        let (file, meta) = opened;
        let name = self.name.clone();
        let growing = GrowingFile {
            file,
            id: fs::file_id(&meta),
            place: 0,
            tail: Tail::new(self.ending),
            quiet: 0,
            done: false,
            of: self,
        };
        let error = match magic::peek(growing) {
            Ok((FileKind::Plain, bytes)) => {
                let bytes = MemberData::from_reader(bytes);
                return Some(Ok(Member { name, explicit: true, live: true, bytes, len: None }));
            }
            Ok(_) => {
                let message =
                    "it is followed as it is: the end of compressed XML is not recognized";
                Error::new(ErrorKind::Decompress(message.into()))
            }
            Err(error) => Error::from(error),
        };
        Some(Err(error.with_input(name)))
    }

    /// Opens the file, waiting for it if necessary. Returns `None` once `stop` is set.
    fn open(&self) -> Option<io::Result<(File, Metadata)>> {
        while !self.is_stopped() {
            match File::open(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    thread::sleep(POLL_INTERVAL);
                }
                opened => {
                    return Some(opened.and_then(|file| {
                        let meta = file.metadata()?;
                        Ok((file, meta))
                    }));
                }
            }
        }
        None
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Reader of one growing file: at the end of the file it waits for more.
struct GrowingFile<'f> {
    file: File,
    id: Option<FileId>,
    place: u64,
    tail: Tail,
    /// Number of polls since the last bytes arrived.
    quiet: u32,
    done: bool,
    of: &'f mut Follow,
}

impl Read for GrowingFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.done {
            return Ok(0);
        }
        loop {
            let len = match self.file.read(buffer) {
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    (self.of.over, self.done) = (true, true);
                    return Err(error);
                }
            };
            if len > 0 {
                self.place = self.place.saturating_add(u64::try_from(len).unwrap_or(0));
                self.tail.push(buffer.get(..len).unwrap_or_default());
                self.quiet = 0;
                return Ok(len);
            }
            if self.of.is_stopped() {
                (self.of.over, self.done) = (true, true);
                return Ok(0);
            }
            self.quiet = self.quiet.saturating_add(1);
            if self.has_ended()? {
                self.done = true;
                return Ok(0);
            }
            thread::sleep(POLL_INTERVAL);
        }
    }
}

impl GrowingFile<'_> {
    /// Returns true if no more bytes are expected of this file, whose end was reached. A file that has lost its name
    /// may still be written to for a moment.
    fn has_ended(&mut self) -> io::Result<bool> {
        let cut = self.file.metadata()?.len() < self.place;
        let taken = || fs::metadata(&self.of.path).is_ok_and(|meta| fs::file_id(&meta) != self.id);
        if cut || (self.quiet >= QUIET_POLLS && taken()) {
            return Ok(true);
        }
        self.of.over = self.quiet >= QUIET_POLLS && self.tail.is_ending();
        Ok(self.of.over)
    }
}

/// Last bytes of an input other than whitespace, compared with the expected ending. NUL bytes count as whitespace, so
/// that UTF-16 files are recognized as UTF-8 files are.
#[derive(Debug)]
struct Tail {
    ending: &'static [u8],
    last: Vec<u8>,
}

impl Tail {
    fn new(ending: &'static [u8]) -> Self {
        Self { ending, last: Vec::new() }
    }

    fn push(&mut self, bytes: &[u8]) {
        let solid = |byte: &&u8| !byte.is_ascii_whitespace() && **byte != 0;
        let solid = bytes.iter().rev().filter(solid).take(self.ending.len());
        let mut reversed: Vec<u8> = solid.copied().collect();
        let kept = self.ending.len().saturating_sub(reversed.len());
        reversed.extend(self.last.iter().rev().take(kept));
        reversed.reverse();
        self.last = reversed;
    }

    fn is_ending(&self) -> bool {
        self.last == self.ending
    }
}

/// Returns true if the last bytes of a file, ignoring whitespace, are `ending`.
///
/// # Errors
/// Fails if the file cannot be read.
pub(crate) fn ends_with(file: &mut File, ending: &'static [u8]) -> io::Result<bool> {
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    io::copy(&mut file.take(TAIL), &mut bytes)?;
    let mut tail = Tail::new(ending);
    tail.push(&bytes);
    Ok(tail.is_ending())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const END: &[u8] = b"</nmaprun>";

    fn rest(member: Option<Result<Member<'_>>>) -> String {
        let mut bytes = Vec::new();
        io::copy(&mut member.unwrap().unwrap().bytes, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn endings_are_recognized_in_any_pieces_and_before_spaces() {
        let text = b"<host/>\n</nmaprun>\r\n \n";
        for size in 1..text.len() {
            let mut tail = Tail::new(END);
            text.chunks(size).for_each(|piece| tail.push(piece));
            assert!(tail.is_ending(), "pieces of {size}");
            tail.push(b"x");
            assert!(!tail.is_ending());
        }
        let mut tail = Tail::new(END);
        tail.push(&END.iter().flat_map(|byte| [*byte, 0]).collect::<Vec<_>>());
        assert!(tail.is_ending(), "UTF-16");
    }

    #[test]
    fn a_file_is_read_until_its_ending_and_a_new_one_of_its_name_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xml");
        let mut follow = Follow::new(&path, END, Arc::default()).unwrap();
        assert!(!follow.exists());
        fs::write(&path, "<one>").unwrap();
        let mut member = follow.next().unwrap().unwrap();
        let mut five = [0; 5];
        member.bytes.read_exact(&mut five).unwrap();
        // While it is open, the file is renamed and appended to.
        let mut old = File::options().append(true).open(&path).unwrap();
        fs::rename(&path, folder.path().join("a.xml.1")).unwrap();
        fs::write(&path, "<two>").unwrap();
        old.write_all(b"<rest>").unwrap();
        assert_eq!(rest(Some(Ok(member))), "<rest>");
        let mut member = follow.next().unwrap().unwrap();
        member.bytes.read_exact(&mut five).unwrap();
        // The file is truncated and rewritten.
        fs::write(&path, "<3>").unwrap();
        assert_eq!(rest(Some(Ok(member))), "");
        fs::write(&path, "<three></nmaprun>\n").unwrap();
        assert_eq!(rest(follow.next()), "<three></nmaprun>\n");
        assert!(follow.next().is_none());
    }

    #[test]
    fn only_plain_files_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let follow = |path: &Path| Follow::new(path, END, Arc::default());
        assert!(follow(folder.path()).is_err());
        assert!(follow(Path::new("-")).is_err());
        assert!(follow(&folder.path().join("none/a.xml")).is_err());
        let packed = folder.path().join("a.gz");
        fs::write(&packed, b"\x1f\x8b\x08").unwrap();
        let error = follow(&packed).unwrap().next().unwrap().map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("compressed"), "{error}");
    }

    #[test]
    fn a_finished_file_is_recognized_by_its_last_bytes() {
        let mut file = fs::tempfile_in(std::env::temp_dir()).unwrap();
        file.write_all(&vec![b'x'; 9000]).unwrap();
        assert!(!ends_with(&mut file, END).unwrap());
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(b"</nmaprun>\n").unwrap();
        assert!(ends_with(&mut file, END).unwrap());
    }

    #[test]
    fn it_ends_when_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let stop = Arc::new(AtomicBool::new(true));
        let path = folder.path().join("a.xml");
        let mut follow = Follow::new(&path, END, Arc::clone(&stop)).unwrap();
        assert!(follow.next().is_none());
        fs::write(&path, "<one>").unwrap();
        let mut follow = Follow::new(&path, END, Arc::default()).unwrap();
        follow.stop = stop;
        assert!(follow.next().is_none());
    }
}
