//! Bodies of the fuzz targets: functions that take bytes, and panic if an invariant does not hold.
//!
//! `fuzz/run` passes them inputs from libFuzzer. The tests below pass them the saved inputs of `fuzz/corpus`,
//! and some thousand mutations of those, the same ones in each run. Nothing here is part of the library: the
//! module exists only in tests and with the feature `fuzzing`.
//!
//! There is one target per layer. A body compares two ways to the same result instead of repeating the code:
//! the whole input and pieces, one thread and batches, the fast tokens and those of quick-xml, rows and rows
//! restored from them, a merge in memory and one in files. Independent readers read back what is written.
//! Bodies of private layers are in those layers (`xml::fuzzing`, `source::fuzzing` and so on).
//!
//! Where a body has to choose, such as the lengths of pieces, the choice follows from a hash of the bytes
//! ([`Choices`]). An input therefore contains only the bytes that the layer reads: a finding can be passed to
//! the command unchanged, and a file from a user can go into the corpus.
//!
//! A new target is a function and a line in [`TARGETS`]. Its corpus, `fuzz/corpus/<name>`, needs at least one
//! file.

mod events;
mod feeds;
mod filters;
mod histories;
mod merges;
mod mutator;
mod outcome;
mod requests;
mod rows;
mod text;

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use sha2::{Digest as _, Sha256};

pub use self::mutator::Mutator;
pub(crate) use self::outcome::tight;
use crate::fs;

/// A target: its name and its body.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Name of its corpus, and the argument of `fuzz/run`.
    pub name: &'static str,
    /// Runs the body on an input. Panics if an invariant does not hold.
    pub run: fn(&[u8]),
}

/// All targets, from the lowest layer up.
pub const TARGETS: &[Target] = &[
    Target { name: "text", run: text::run },
    Target { name: "values", run: crate::xml::fuzzing::values },
    Target { name: "tokens", run: crate::xml::fuzzing::tokens },
    Target { name: "frames", run: crate::xml::fuzzing::frames },
    Target { name: "events", run: events::run },
    Target { name: "containers", run: crate::source::fuzzing::run },
    Target { name: "rows", run: rows::run },
    Target { name: "feeds", run: feeds::run },
    Target { name: "threads", run: crate::pipeline::fuzzing::threads },
    Target { name: "records", run: merges::records },
    Target { name: "merges", run: merges::run },
    Target { name: "states", run: crate::merge::state::fuzzing::states },
    Target { name: "commits", run: crate::dataset::fuzzing::commits },
    Target { name: "parquet", run: crate::dataset::fuzzing::parquet },
    Target { name: "journal", run: crate::watch::fuzzing::journal },
    Target { name: "parts", run: crate::watch::fuzzing::parts },
    Target { name: "requests", run: requests::run },
    Target { name: "filters", run: filters::run },
    #[cfg(feature = "cli")]
    Target { name: "config", run: crate::cli::fuzzing::config },
];

/// Returns the target with this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Pseudo-random numbers that depend only on the input.
pub(crate) struct Choices(u64);

impl Choices {
    /// Creates the choices of an input.
    pub(crate) fn of(data: &[u8]) -> Self {
        let hash = Sha256::digest(data);
        Self(hash.first_chunk().map_or(1, |first| u64::from_le_bytes(*first)) | 1)
    }

    /// Returns a number below `end`, which must not be 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap_or(0) % end.max(1)
    }

    /// Splits bytes into pieces of 1 to `most` bytes.
    pub(crate) fn pieces<'b>(&mut self, mut bytes: &'b [u8], most: usize) -> Vec<&'b [u8]> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let len = self.below(most).saturating_add(1).min(bytes.len());
            let (piece, rest) = bytes.split_at(len);
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}

/// Folder for files that must be on disk. It is removed when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("scanmill-fuzz-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let made = fs::create_dir(&path);
        assert!(made.is_ok(), "{}: {made:?}", path.display());
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, and returns its path.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        let written = fs::write(&path, bytes);
        assert!(written.is_ok(), "{}: {written:?}", path.display());
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    };

    use super::*;

    /// Returns the saved inputs of a target, sorted by name.
    fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut paths: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        assert!(!paths.is_empty(), "{} is empty", folder.display());
        let read = |path: PathBuf| {
            let bytes = fs::read(&path).unwrap();
            (path, bytes)
        };
        paths.into_iter().map(read).collect()
    }

    /// Runs a body. A failure is reported with the input.
    fn run(target: &Target, data: &[u8], what: &str) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(data))) {
            let kept = std::env::temp_dir().join(format!("scanmill-fuzz-{}", target.name));
            let _ = fs::write(&kept, data);
            #[expect(clippy::print_stderr, reason = "the input is needed to reproduce the failure")]
            {
                eprintln!("target {} fails on {what}: see {}", target.name, kept.display());
            }
            resume_unwind(panic);
        }
    }

    /// Replays the corpus of a target, then runs mutations of it.
    fn check(name: &str, mutations: usize) {
        let target = target(name).unwrap();
        let corpus = corpus(name);
        for (path, data) in &corpus {
            run(target, data, &path.display().to_string());
        }
        let inputs: Vec<&[u8]> = corpus.iter().map(|(_, data)| &**data).collect();
        let mut mutator = Mutator::new(name, &inputs);
        for number in 0..mutations {
            run(target, &mutator.next_input(), &format!("mutation {number}"));
        }
    }

    /// Defines a test per target, with a number of mutations that takes a second or two.
    macro_rules! targets {
        ($($(#[$attribute:meta])* $name:ident: $mutations:literal),* $(,)?) => {
            $($(#[$attribute])* #[test] fn $name() {
                check(stringify!($name), $mutations);
            })*

            #[test]
            fn each_target_has_a_test() {
                let tested = [$($(#[$attribute])* stringify!($name)),*];
                let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
                assert_eq!(names, tested);
            }
        };
    }

    targets! {
        text: 3000,
        values: 3000,
        tokens: 500,
        frames: 1000,
        events: 500,
        containers: 500,
        rows: 200,
        feeds: 200,
        threads: 200,
        records: 2000,
        merges: 100,
        states: 300,
        commits: 1000,
        parquet: 100,
        journal: 1000,
        parts: 500,
        requests: 2000,
        filters: 1000,
        #[cfg(feature = "cli")]
        config: 100,
    }

    #[test]
    fn choices_depend_on_the_input_and_pieces_cover_all_of_it() {
        let bytes: Vec<u8> = (0..=255).collect();
        let pieces = Choices::of(&bytes).pieces(&bytes, 9);
        assert!(pieces.iter().all(|piece| (1..=9).contains(&piece.len())));
        assert_eq!(pieces.concat(), bytes);
        assert_eq!(pieces, Choices::of(&bytes).pieces(&bytes, 9));
        assert_ne!(pieces, Choices::of(b"other").pieces(&bytes, 9));
    }
}
