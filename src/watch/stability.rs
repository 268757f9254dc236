//! Detection of files that are no longer written: those that end like a complete document, and
//! those that stayed unchanged for a while.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

use super::journal::FileStamp;
use crate::{fs::File, source::ends_with};

/// Last bytes of a complete XML file of nmap.
pub(super) const ENDING: &[u8] = b"</nmaprun>";

/// Files that may still be written.
#[derive(Debug)]
pub(super) struct StabilityTracker {
    settle: Duration,
    waiting: BTreeMap<String, PendingFile>,
}

#[derive(Debug)]
struct PendingFile {
    stamp: FileStamp,
    since: Instant,
}

impl StabilityTracker {
    pub(super) fn new(settle: Duration) -> Self {
        Self { settle, waiting: BTreeMap::new() }
    }

    /// Returns true if a file may be read now.
    pub(super) fn is_ready(&mut self, name: &str, path: &Path, stamp: FileStamp) -> bool {
        let now = Instant::now();
        let known = self.waiting.get(name).filter(|waiting| waiting.stamp == stamp);
        let ready = match known {
            Some(waiting) => now.duration_since(waiting.since) >= self.settle,
            // An incomplete copy does not have the ending yet. The ending of a compressed file is
            // not visible.
            None => {
                self.settle.is_zero()
                    || File::open(path)
                        .is_ok_and(|mut file| ends_with(&mut file, ENDING).is_ok_and(|ends| ends))
            }
        };
        if ready {
            self.waiting.remove(name);
        } else if known.is_none() {
            self.waiting.insert(name.to_owned(), PendingFile { stamp, since: now });
        }
        ready
    }

    /// Removes files that no longer exist.
    pub(super) fn retain(&mut self, there: &BTreeSet<String>) {
        self.waiting.retain(|name, _| there.contains(name));
    }

    /// Returns the number of files that are waiting.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns the time at which the oldest waiting file was modified, in seconds since 1970.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.waiting.values().map(|file| file.stamp.modified()).min()
    }

    /// Returns true if any file is waiting.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}
