//! The feed: a file that grows by whole lines, and gives its name to a new one when it is large or old.
//!
//! What was written is never changed. A file that is full keeps its bytes under another name, so whoever
//! reads it by what it is, not by its name, goes on to its end and then finds the new one: the way of
//! `logrotate`, which every log shipper knows.

use std::{
    io::{self, Read, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::{failed, parent_of, stage::At, sync_dir};
use crate::{
    error::{Error, Result},
    fs::{self, File, OpenOptions},
};

/// Bytes compared or written at once.
const PIECE: usize = 64 << 10;

/// When the feed goes on in a new file, and how many old ones stay.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Rotation {
    /// Before it would grow beyond this; the lines of one input stay together, however many they are.
    pub size: Option<u64>,
    /// When it is this old.
    pub every: Option<Duration>,
    /// Old files that are kept, as `FILE.1`, `FILE.2` and so on, the newest first.
    pub keep: usize,
}

impl Rotation {
    /// Old files that are kept unless told otherwise.
    pub const KEEP: usize = 14;
}

impl Default for Rotation {
    fn default() -> Self {
        Self { size: None, every: None, keep: Self::KEEP }
    }
}

/// A place in a file, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    device: u64,
    inode: u64,
    bytes: u64,
}

/// The file that is written.
#[derive(Debug)]
pub(super) struct FeedFile {
    path: PathBuf,
    rotation: Rotation,
    file: File,
}

impl FeedFile {
    /// Opens a feed to go on with, or makes one.
    ///
    /// # Errors
    /// A usage error if it is no file; an output error if it cannot be made.
    pub(super) fn open(path: &Path, rotation: Rotation) -> Result<Self> {
        if path.metadata().is_ok_and(|meta| !meta.is_file()) {
            let path = path.display();
            return Err(Error::usage(format!("{path} is no file: a feed is one that is kept")));
        }
        let file = open(path)?;
        Ok(Self { path: path.to_owned(), rotation, file })
    }

    /// Where the next lines go, of which there are so many bytes. There is room for them then, on file
    /// systems that can tell.
    ///
    /// # Errors
    /// If there is no room, or if files cannot be renamed.
    pub(super) fn prepare(&mut self, bytes: u64) -> Result<Place> {
        self.reopen_moved()?;
        let len = self.len()?;
        let grown = self.rotation.size.is_some_and(|most| len.saturating_add(bytes) > most);
        if len > 0 && (grown || self.is_old()?) {
            self.rotate()?;
        }
        let place = self.end()?;
        match self.file.allocate(place.bytes, bytes.max(1)) {
            Err(error) if is_no_room(&error) => Err(failed(&self.path, error)),
            // What cannot be reserved may fit.
            _ => Ok(place),
        }
    }

    /// Has the feed go on in a new file if it is old.
    ///
    /// # Errors
    /// If files cannot be renamed.
    pub(super) fn rotate_old(&mut self) -> Result<()> {
        if self.rotation.every.is_none() {
            return Ok(());
        }
        self.reopen_moved()?;
        if self.len()? > 0 && self.is_old()? { self.rotate() } else { Ok(()) }
    }

    /// Appends so many bytes, and has them on the disk.
    ///
    /// # Errors
    /// If they cannot be read or written.
    pub(super) fn append(&mut self, from: impl Read, bytes: u64) -> Result<()> {
        let written = copy(from, &mut self.file, bytes).and_then(|()| self.file.sync_data());
        written.map_err(|error| failed(&self.path, error))
    }

    /// Brings to its end what was begun at a place: `lines` stand there when this returns. They may stand
    /// there already, or a part of them.
    ///
    /// # Errors
    /// If files cannot be read or written.
    pub(super) fn complete(&mut self, place: Place, lines: &File, bytes: u64) -> Result<()> {
        let Some((path, mut file)) = self.find(place)? else {
            // Whoever took the file away may have what was in it: it is written again rather than lost.
            self.prepare(bytes)?;
            return self.append(At { file: lines, place: 0, end: bytes }, bytes);
        };
        let mut complete = || -> io::Result<()> {
            let len = file.metadata()?.len();
            let there = len.saturating_sub(place.bytes).min(bytes);
            let found =
                At { file: &file, place: place.bytes, end: place.bytes.saturating_add(there) };
            let same = common(found, At { file: lines, place: 0, end: there })?;
            if same < there {
                // Only a machine that went down leaves other bytes than were written.
                file.set_len(place.bytes.saturating_add(same))?;
            }
            let rest = At { file: lines, place: same, end: bytes };
            copy(rest, &mut file, bytes.saturating_sub(same))?;
            file.sync_data()
        };
        complete().map_err(|error| failed(&path, error))
    }

    /// The file of a place, if it is still there and not shorter: under the name of the feed, or one that
    /// begins so.
    fn find(&self, place: Place) -> Result<Option<(PathBuf, File)>> {
        let folder = parent_of(&self.path);
        let name = self.path.file_name().unwrap_or_default().as_encoded_bytes();
        let entries = fs::read_dir(folder).map_err(|error| failed(folder, error))?;
        for entry in entries.flatten() {
            let fits = entry.file_name().as_encoded_bytes().starts_with(name);
            let is = |meta: &fs::Metadata| (meta.dev(), meta.ino()) == (place.device, place.inode);
            let same = fits && entry.metadata().is_ok_and(|meta| is(&meta));
            if same {
                let path = entry.path();
                let file = OpenOptions::new().read(true).append(true).open(&path);
                let file = file.map_err(|error| failed(&path, error))?;
                let long = file.metadata().is_ok_and(|meta| meta.len() >= place.bytes);
                return Ok(long.then_some((path, file)));
            }
        }
        Ok(None)
    }

    fn end(&self) -> Result<Place> {
        let meta = self.file.metadata().map_err(|error| failed(&self.path, error))?;
        Ok(Place { device: meta.dev(), inode: meta.ino(), bytes: meta.len() })
    }

    fn len(&self) -> Result<u64> {
        self.end().map(|place| place.bytes)
    }

    /// Somebody else may have moved the file away.
    fn reopen_moved(&mut self) -> Result<()> {
        let now = self.end()?;
        let there = fs::metadata(&self.path);
        let is = |meta: fs::Metadata| (meta.dev(), meta.ino()) == (now.device, now.inode);
        if !there.is_ok_and(is) {
            self.file = open(&self.path)?;
        }
        Ok(())
    }

    fn is_old(&self) -> Result<bool> {
        let Some(every) = self.rotation.every else { return Ok(false) };
        let meta = self.file.metadata().map_err(|error| failed(&self.path, error))?;
        let Ok(born) = meta.created().or_else(|_| meta.modified()) else { return Ok(false) };
        #[expect(clippy::disallowed_methods, reason = "a file is old by the clock")]
        let age = SystemTime::now().duration_since(born).unwrap_or_default();
        Ok(age >= every)
    }

    /// The file gets the name `FILE.1`, older ones the next ones, and a new one its name. No file is put in
    /// the place of another but the oldest, so nothing is lost should this be cut short.
    fn rotate(&mut self) -> Result<()> {
        let keep = self.rotation.keep.max(1);
        let free = (1..=keep).find(|number| !self.old(*number).exists()).unwrap_or(keep);
        let mut beyond = keep.saturating_add(1);
        let rename = |from: &Path, to: &Path| {
            let what = |error| format!("cannot be renamed to {}: {error}", to.display());
            fs::rename(from, to).map_err(|error| failed(from, what(error)))
        };
        for number in (1..free).rev() {
            rename(&self.old(number), &self.old(number.saturating_add(1)))?;
        }
        rename(&self.path, &self.old(1))?;
        while fs::remove_file(self.old(beyond)).is_ok() {
            beyond = beyond.saturating_add(1);
        }
        self.file = open(&self.path)?;
        Ok(())
    }

    fn old(&self, number: usize) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn open(path: &Path) -> Result<File> {
    let file = OpenOptions::new().read(true).append(true).create(true).open(path);
    let file = file.map_err(|error| failed(path, error))?;
    sync_dir(parent_of(path));
    Ok(file)
}

fn is_no_room(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull)
}

/// Copies so many bytes, which must be there.
fn copy(from: impl Read, to: &mut File, bytes: u64) -> io::Result<()> {
    let mut from = from.take(bytes);
    let mut piece = vec![0; PIECE];
    let mut rest = bytes;
    while rest > 0 {
        let len = from.read(&mut piece)?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all(piece.get(..len).unwrap_or_default())?;
        rest = rest.saturating_sub(u64::try_from(len).unwrap_or(u64::MAX));
    }
    Ok(())
}

/// How many bytes two readers of equal length have in common at their start.
fn common(mut one: impl Read, mut other: impl Read) -> io::Result<u64> {
    let (mut left, mut right) = (vec![0; PIECE], vec![0; PIECE]);
    let mut same = 0_u64;
    loop {
        let len = one.read(&mut left)?;
        let (left, right) =
            (left.get(..len).unwrap_or_default(), right.get_mut(..len).unwrap_or_default());
        if len == 0 {
            return Ok(same);
        }
        other.read_exact(right)?;
        let here = left.iter().zip(&*right).take_while(|(a, b)| a == b).count();
        same = same.saturating_add(u64::try_from(here).unwrap_or(0));
        if here < len {
            return Ok(same);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Tried {
        folder: tempfile::TempDir,
        feed: FeedFile,
    }

    impl Tried {
        fn new(rotation: Rotation) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let feed = FeedFile::open(&folder.path().join("feed"), rotation).unwrap();
            Self { folder, feed }
        }

        fn add(&mut self, line: &str) -> Place {
            let len = u64::try_from(line.len()).unwrap();
            let place = self.feed.prepare(len).unwrap();
            self.feed.append(line.as_bytes(), len).unwrap();
            place
        }

        fn read(&self, name: &str) -> String {
            fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
        }
    }

    fn lines(text: &str) -> File {
        let mut file = fs::tempfile_in(std::env::temp_dir()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn full_files_keep_their_lines_under_another_name() {
        let mut tried = Tried::new(Rotation { size: Some(4), keep: 2, ..Rotation::default() });
        for line in ["a\n", "b\n", "c\n", "longer\n", "d\n"] {
            tried.add(line);
        }
        let found = ["feed", "feed.1", "feed.2", "feed.3"].map(|name| tried.read(name));
        assert_eq!(found, ["d\n", "longer\n", "c\n", ""]);
        // A gap that a run left that was killed between two names is filled.
        fs::remove_file(tried.folder.path().join("feed.1")).unwrap();
        tried.add("efg\n");
        let found = ["feed", "feed.1", "feed.2"].map(|name| tried.read(name));
        assert_eq!(found, ["efg\n", "d\n", "c\n"]);
    }

    #[test]
    fn old_files_give_way_and_empty_ones_do_not() {
        let every = Some(Duration::ZERO);
        let mut tried = Tried::new(Rotation { every, ..Rotation::default() });
        tried.feed.rotate_old().unwrap();
        assert!(!tried.folder.path().join("feed.1").exists());
        tried.add("a\n");
        tried.feed.rotate_old().unwrap();
        assert_eq!((tried.read("feed"), tried.read("feed.1")), (String::new(), "a\n".into()));
    }

    #[test]
    fn a_file_that_was_moved_away_gets_a_successor() {
        let mut tried = Tried::new(Rotation::default());
        tried.add("a\n");
        let path = tried.folder.path().join("feed");
        fs::rename(&path, path.with_extension("moved")).unwrap();
        tried.add("b\n");
        assert_eq!((tried.read("feed"), tried.read("feed.moved")), ("b\n".into(), "a\n".into()));
    }

    #[test]
    fn what_was_begun_is_completed_wherever_it_was_cut() {
        let text = "one\ntwo\nthree\n";
        let bytes = u64::try_from(text.len()).unwrap();
        for cut in 0..=text.len() {
            let mut tried = Tried::new(Rotation::default());
            tried.add("before\n");
            let place = tried.feed.prepare(bytes).unwrap();
            tried.add(&text[..cut]);
            tried.feed.complete(place, &lines(text), bytes).unwrap();
            assert_eq!(tried.read("feed"), format!("before\n{text}"), "{cut}");
        }
    }

    #[test]
    fn what_was_begun_is_completed_in_its_own_file_or_written_again() {
        let mut tried = Tried::new(Rotation::default());
        let place = tried.feed.prepare(4).unwrap();
        tried.add("ab");
        let path = tried.folder.path().join("feed");
        fs::rename(&path, path.with_extension("moved")).unwrap();
        tried.feed.complete(place, &lines("abc\n"), 4).unwrap();
        assert_eq!((tried.read("feed"), tried.read("feed.moved")), (String::new(), "abc\n".into()));
        fs::remove_file(path.with_extension("moved")).unwrap();
        tried.feed.complete(place, &lines("abc\n"), 4).unwrap();
        assert_eq!(tried.read("feed"), "abc\n");
    }

    #[test]
    fn other_bytes_than_were_written_are_put_right() {
        let mut tried = Tried::new(Rotation::default());
        tried.add("x\n");
        let place = tried.feed.prepare(4).unwrap();
        tried.add("a\0\0\0");
        tried.feed.complete(place, &lines("abc\n"), 4).unwrap();
        assert_eq!(tried.read("feed"), "x\nabc\n");
    }
}
