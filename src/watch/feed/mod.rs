//! Feed: a file that grows by whole lines. When it is large or old, a new file takes its name.
//!
//! Written bytes are never changed. A full file keeps its bytes under another name, so a reader
//! that follows the file itself, not its name, reads it to its end and then finds the new one. This
//! is how `logrotate` works, which every log shipper supports.
//!
//! A feed has one writer, which holds the lock of the file with the feed's name. A new file is
//! locked under another name and takes the name in one step, so that no second run can come in
//! between.
//!
//! The batch of a killed run is completed only where it provably belongs: its position is recorded
//! with the digest of the bytes before it. Bytes after the position that are neither lines of the
//! batch nor NUL bytes, which only a crash of the machine leaves, belong to another writer. Then
//! nothing is cut, and the batch is appended again.

mod rotation;

use std::{
    ffi::OsStr,
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::rotation::Rotation;
use super::{
    paths::{failed, parent_of},
    spill_buffer::FileRange,
};
use crate::{
    error::{Error, Result},
    fs::{self, File, OpenOptions},
    output::{follow, is_at, open_locked},
    text::hex,
};

/// Number of bytes that are compared or written at once.
const PIECE: usize = 64 << 10;

/// Maximum number of bytes before a position that are hashed.
const TAIL: u64 = 64 << 10;

/// Position in a file, which is identified independently of its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FeedPosition {
    device: u64,
    inode: u64,
    bytes: u64,
    /// Bytes before the position. Absent in states of version 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tail: Option<Tail>,
}

/// Last bytes before a position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tail {
    bytes: u64,
    /// SHA-256 of these bytes.
    digest: String,
}

/// Open file of a feed.
#[derive(Debug)]
pub(super) struct FeedFile {
    /// Path with links resolved: old files are created next to the file, and a link stays.
    path: PathBuf,
    rotation: Rotation,
    file: File,
}

impl FeedFile {
    /// Opens an existing feed, or creates one.
    ///
    /// # Errors
    /// Returns a usage error if it is not a file, or if another run writes it or one of its old
    /// files, and an output error if it cannot be created.
    pub(super) fn open(path: &Path, rotation: Rotation) -> Result<Self> {
        if path.metadata().is_ok_and(|meta| !meta.is_file()) {
            let path = path.display();
            return Err(Error::usage(format!("{path} is not a file, which a feed needs")));
        }
        let path = follow(path).map_err(|error| failed(path, error))?;
        let file = open(&path)?;
        let feed = Self { path, rotation, file };
        if feed.rotation.size.is_some() || feed.rotation.every.is_some() {
            feed.check_old()?;
        }
        Ok(feed)
    }

    /// Returns the path with links resolved.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the position for the next lines, which have `bytes` bytes. Rotates the feed first if
    /// they would exceed its maximum size. Reserves space for them on file systems that support it.
    ///
    /// # Errors
    /// Fails if there is no space, or if files cannot be renamed.
    pub(super) fn prepare(&mut self, bytes: u64) -> Result<FeedPosition> {
        self.reopen_moved()?;
        let len = self.len()?;
        let grown = self.rotation.size.is_some_and(|most| len.saturating_add(bytes) > most);
        if len > 0 && (grown || self.is_old()?) {
            self.rotate()?;
        }
        let mut place = self.end()?;
        let tail = place.tail_in(&self.file).map_err(|error| failed(&self.path, error))?;
        place.tail = Some(tail);
        match self.file.allocate(place.bytes, bytes.max(1)) {
            Err(error) if is_no_room(&error) => Err(failed(&self.path, error)),
            // A reservation can fail even though the bytes would fit.
            _ => Ok(place),
        }
    }

    /// Rotates the feed if it is old.
    ///
    /// # Errors
    /// Fails if files cannot be renamed.
    pub(super) fn rotate_old(&mut self) -> Result<()> {
        if self.rotation.every.is_none() {
            return Ok(());
        }
        self.reopen_moved()?;
        if self.len()? > 0 && self.is_old()? { self.rotate() } else { Ok(()) }
    }

    /// Appends `bytes` bytes, and waits until they are on the disk.
    ///
    /// # Errors
    /// Fails if they cannot be read or written.
    pub(super) fn append(&mut self, from: impl Read, bytes: u64) -> Result<()> {
        let written = copy(from, &mut self.file, bytes).and_then(|()| self.file.sync_data());
        written.map_err(|error| failed(&self.path, error))
    }

    /// Completes lines that were started at a position. Returns true if the lines are in the file now;
    /// they may have been complete, partial or missing. Returns false, without a change, if the file
    /// is gone or is not as it was left.
    ///
    /// # Errors
    /// Fails if files cannot be read or written.
    pub(super) fn complete(
        &mut self,
        place: &FeedPosition,
        lines: &File,
        bytes: u64,
    ) -> Result<bool> {
        let Some((path, mut file)) = self.find(place)? else { return Ok(false) };
        place.complete(&mut file, lines, bytes).map_err(|error| failed(&path, error))
    }

    /// Ends an incomplete line that another writer left, so that lines can follow it.
    ///
    /// # Errors
    /// Fails if the file cannot be read or written.
    pub(super) fn end_line(&mut self) -> Result<()> {
        self.reopen_moved()?;
        let Some(last) = self.len()?.checked_sub(1) else { return Ok(()) };
        let mut byte = [0];
        let mut end = FileRange { file: &self.file, place: last, end: last.saturating_add(1) };
        let ended = end.read_exact(&mut byte).and_then(|()| match byte {
            [b'\n'] => Ok(()),
            _ => self.file.write_all(b"\n"),
        });
        ended.map_err(|error| failed(&self.path, error))
    }

    /// Returns the file of a position, if it exists and is not shorter. Searches the name of the
    /// feed and names that start with it.
    fn find(&self, place: &FeedPosition) -> Result<Option<(PathBuf, File)>> {
        let folder = parent_of(&self.path);
        let name = self.path.file_name().unwrap_or_default().as_encoded_bytes();
        let entries = fs::read_dir(folder).map_err(|error| failed(folder, error))?;
        // Files without an identity are known by their name alone.
        let is = |meta: &fs::Metadata, named: &OsStr| match fs::file_id(meta) {
            Some(id) => id == (place.device, place.inode),
            None => named.as_encoded_bytes() == name,
        };
        for entry in entries {
            let entry = entry.map_err(|error| failed(folder, error))?;
            if !entry.file_name().as_encoded_bytes().starts_with(name) {
                continue;
            }
            let path = entry.path();
            let found = || -> io::Result<Option<File>> {
                let meta = fs::if_there(fs::symlink_metadata(&path))?;
                if !meta.is_some_and(|meta| is(&meta, &entry.file_name())) {
                    return Ok(None);
                }
                OpenOptions::new().read(true).append(true).open(&path).map(Some)
            };
            if let Some(file) = found().map_err(|error| failed(&path, error))? {
                let meta = file.metadata().map_err(|error| failed(&path, error))?;
                return Ok((meta.len() >= place.bytes).then_some((path, file)));
            }
        }
        Ok(None)
    }

    fn end(&self) -> Result<FeedPosition> {
        let meta = self.file.metadata().map_err(|error| failed(&self.path, error))?;
        let (device, inode) = fs::file_id(&meta).unwrap_or_default();
        Ok(FeedPosition { device, inode, bytes: meta.len(), tail: None })
    }

    fn len(&self) -> Result<u64> {
        self.end().map(|place| place.bytes)
    }

    /// Continues in the file that has the name now, if another process moved this one away.
    ///
    /// # Errors
    /// Fails if the file cannot be opened, or if another run writes it.
    pub(super) fn reopen_moved(&mut self) -> Result<()> {
        if !is_at(&self.file, &self.path).map_err(|error| failed(&self.path, error))? {
            self.file = open(&self.path)?;
        }
        Ok(())
    }
}

impl FeedPosition {
    /// Returns the last bytes before the position, as this file contains them.
    fn tail_in(&self, file: &File) -> io::Result<Tail> {
        let bytes = self.bytes.min(TAIL);
        let mut read = vec![0; usize::try_from(bytes).unwrap_or_default()];
        let place = self.bytes.saturating_sub(bytes);
        FileRange { file, place, end: self.bytes }.read_exact(&mut read)?;
        Ok(Tail { bytes, digest: hex(&Sha256::digest(&read)) })
    }

    /// Completes lines in the file of the position. Returns false if the file is not as it was
    /// left.
    fn complete(&self, file: &mut File, lines: &File, bytes: u64) -> io::Result<bool> {
        let len = file.metadata()?.len();
        let is_own = self
            .tail
            .as_ref()
            .map_or(Ok(true), |tail| self.tail_in(file).map(|found| found == *tail));
        if len < self.bytes || !is_own? {
            return Ok(false);
        }
        let there = len.saturating_sub(self.bytes).min(bytes);
        let end = self.bytes.saturating_add(there);
        let found = FileRange { file, place: self.bytes, end };
        let same = common(found, FileRange { file: lines, place: 0, end: there })?;
        if same < there {
            let from = self.bytes.saturating_add(same);
            if len > end || !is_blank(FileRange { file, place: from, end })? {
                return Ok(false);
            }
            file.set_len(from)?;
        }
        let rest = FileRange { file: lines, place: same, end: bytes };
        copy(rest, file, bytes.saturating_sub(same))?;
        file.sync_data()?;
        Ok(true)
    }
}

fn open(path: &Path) -> Result<File> {
    let file = open_locked(path, OpenOptions::new().read(true).append(true).create(true))?;
    sync_name(path)?;
    Ok(file)
}

/// Waits until the name of a feed is on the disk.
fn sync_name(path: &Path) -> Result<()> {
    fs::sync_dir(parent_of(path)).map_err(|error| failed(path, error))
}

fn is_no_room(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull)
}

/// Copies exactly `bytes` bytes. Fails if there are fewer.
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

/// Returns true if there are only NUL bytes, which no line contains: blocks that were reserved but
/// not filled before the machine crashed.
fn is_blank(mut from: impl Read) -> io::Result<bool> {
    let mut piece = vec![0; PIECE];
    loop {
        let len = from.read(&mut piece)?;
        if len == 0 {
            return Ok(true);
        }
        if piece.get(..len).unwrap_or_default().iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
}

/// Returns the length of the common prefix of two readers of equal length, in bytes.
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
    use std::time::Duration;

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

        fn add(&mut self, line: &str) -> FeedPosition {
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
    fn full_files_are_renamed_with_their_lines() {
        let mut tried = Tried::new(Rotation { size: Some(4), keep: 2, ..Rotation::default() });
        for line in ["a\n", "b\n", "c\n", "longer\n", "d\n"] {
            tried.add(line);
        }
        let found = ["feed", "feed.1", "feed.2", "feed.3"].map(|name| tried.read(name));
        assert_eq!(found, ["d\n", "longer\n", "c\n", ""]);
        // A killed run can leave a gap between two names, which is filled.
        fs::remove_file(tried.folder.path().join("feed.1")).unwrap();
        tried.add("efg\n");
        let found = ["feed", "feed.1", "feed.2"].map(|name| tried.read(name));
        assert_eq!(found, ["efg\n", "d\n", "c\n"]);
    }

    #[test]
    fn a_link_to_a_feed_stays_and_rotated_files_lie_next_to_its_target() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("disk")).unwrap();
        std::os::unix::fs::symlink("disk/feed", path("link")).unwrap();
        let rotation = Rotation { size: Some(4), ..Rotation::default() };
        let feed = FeedFile::open(&path("link"), rotation).unwrap();
        let mut tried = Tried { folder, feed };
        for line in ["abc\n", "def\n"] {
            tried.add(line);
        }
        let found = ["link", "disk/feed", "disk/feed.1", "link.1"].map(|name| tried.read(name));
        assert_eq!(found, ["def\n", "def\n", "abc\n", ""]);
        let link = tried.folder.path().join("link");
        assert_eq!(fs::read_link(link).unwrap(), Path::new("disk/feed"));
    }

    #[test]
    fn full_files_are_rotated_and_empty_ones_are_not() {
        let every = Some(Duration::ZERO);
        let mut tried = Tried::new(Rotation { every, ..Rotation::default() });
        tried.feed.rotate_old().unwrap();
        assert!(!tried.folder.path().join("feed.1").exists());
        tried.add("a\n");
        tried.feed.rotate_old().unwrap();
        assert_eq!((tried.read("feed"), tried.read("feed.1")), (String::new(), "a\n".into()));
    }

    #[test]
    fn a_feed_that_was_moved_away_is_created_again() {
        let mut tried = Tried::new(Rotation::default());
        tried.add("a\n");
        let path = tried.folder.path().join("feed");
        fs::rename(&path, path.with_extension("moved")).unwrap();
        tried.add("b\n");
        assert_eq!((tried.read("feed"), tried.read("feed.moved")), ("b\n".into(), "a\n".into()));
    }

    #[test]
    fn an_interrupted_batch_is_completed_wherever_it_was_cut() {
        let text = "one\ntwo\nthree\n";
        let bytes = u64::try_from(text.len()).unwrap();
        for cut in 0..=text.len() {
            let mut tried = Tried::new(Rotation::default());
            tried.add("before\n");
            let place = tried.feed.prepare(bytes).unwrap();
            tried.add(&text[..cut]);
            assert!(tried.feed.complete(&place, &lines(text), bytes).unwrap());
            assert_eq!(tried.read("feed"), format!("before\n{text}"), "{cut}");
        }
    }

    #[test]
    fn an_interrupted_batch_is_completed_only_in_its_own_file() {
        let mut tried = Tried::new(Rotation::default());
        let place = tried.feed.prepare(4).unwrap();
        tried.add("ab");
        let path = tried.folder.path().join("feed");
        fs::rename(&path, path.with_extension("moved")).unwrap();
        assert!(tried.feed.complete(&place, &lines("abc\n"), 4).unwrap());
        assert_eq!(tried.read("feed.moved"), "abc\n");
        fs::remove_file(path.with_extension("moved")).unwrap();
        assert!(!tried.feed.complete(&place, &lines("abc\n"), 4).unwrap());
        assert_eq!(tried.read("feed"), "");
    }

    #[test]
    fn a_feed_is_repaired_after_a_crash_of_the_machine() {
        let mut tried = Tried::new(Rotation::default());
        tried.add("x\n");
        let place = tried.feed.prepare(4).unwrap();
        tried.add("a\0\0\0");
        assert!(tried.feed.complete(&place, &lines("abc\n"), 4).unwrap());
        assert_eq!(tried.read("feed"), "x\nabc\n");
    }

    #[test]
    fn bytes_of_other_writers_are_never_removed() {
        for others in ["ax\n", "other\n", "a\0\0\0\0", "abc", "ab\0x"] {
            let mut tried = Tried::new(Rotation::default());
            tried.add("x\n");
            let place = tried.feed.prepare(4).unwrap();
            tried.add(others);
            let whole = others == "abc";
            assert_eq!(tried.feed.complete(&place, &lines("abc\n"), 4).unwrap(), whole, "{others}");
            let found = if whole { "x\nabc\n".to_owned() } else { format!("x\n{others}") };
            assert_eq!(tried.read("feed"), found);
        }
    }

    #[test]
    fn a_file_with_other_content_is_left_alone() {
        let mut tried = Tried::new(Rotation::default());
        tried.add("x\n");
        let place = tried.feed.prepare(4).unwrap();
        fs::write(tried.folder.path().join("feed"), "y\n").unwrap();
        assert!(!tried.feed.complete(&place, &lines("abc\n"), 4).unwrap());
        assert_eq!(tried.read("feed"), "y\n");
        let old = FeedPosition { tail: None, ..place };
        let text = serde_json::to_string(&old).unwrap();
        assert!(!text.contains("tail"), "{text}");
        let old = serde_json::from_str(&text).unwrap();
        assert!(tried.feed.complete(&old, &lines("abc\n"), 4).unwrap());
        assert_eq!(tried.read("feed"), "y\nabc\n");
    }

    #[test]
    fn a_second_writer_is_refused_before_and_after_rotation() {
        let mut tried = Tried::new(Rotation { size: Some(4), ..Rotation::default() });
        let path = tried.folder.path().join("feed");
        let again = || FeedFile::open(&path, Rotation::default()).map(drop);
        for line in ["a\n", "bcd\n", "efg\n"] {
            tried.add(line);
            assert!(again().unwrap_err().to_string().contains("another run writes"));
        }
        // A killed run had given the file its second name.
        fs::hard_link(&path, path.with_extension("0")).unwrap();
        for number in (1..=2).rev() {
            let to = format!("feed.{}", number + 1);
            let from = tried.folder.path().join(format!("feed.{number}"));
            fs::rename(from, tried.folder.path().join(to)).unwrap();
        }
        fs::rename(path.with_extension("0"), path.with_extension("1")).unwrap();
        tried.add("h\n");
        let found = ["feed", "feed.1", "feed.2", "feed.3"].map(|name| tried.read(name));
        assert_eq!(found, ["h\n", "efg\n", "bcd\n", "a\n"]);
        drop(tried.feed);
        again().unwrap();
    }
}
