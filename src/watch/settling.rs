//! Which files are done being written: those that end as documents do, and those that have stayed as they are
//! for a while.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

use super::ledger::Stamp;
use crate::{fs::File, source::ends_with};

/// What the XML of nmap ends with.
pub(super) const ENDING: &[u8] = b"</nmaprun>";

/// Files that are looked at again and again.
#[derive(Debug)]
pub(super) struct Settling {
    settle: Duration,
    waiting: BTreeMap<String, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    stamp: Stamp,
    since: Instant,
}

impl Settling {
    pub(super) fn new(settle: Duration) -> Self {
        Self { settle, waiting: BTreeMap::new() }
    }

    /// Whether a file may be read now.
    pub(super) fn is_ready(&mut self, name: &str, path: &Path, stamp: Stamp) -> bool {
        let now = Instant::now();
        let known = self.waiting.get(name).filter(|waiting| waiting.stamp == stamp);
        let ready = match known {
            Some(waiting) => now.duration_since(waiting.since) >= self.settle,
            // A copy that is not complete has no ending yet. What is packed has none that can be seen.
            None => {
                self.settle.is_zero()
                    || File::open(path)
                        .is_ok_and(|mut file| ends_with(&mut file, ENDING).is_ok_and(|ends| ends))
            }
        };
        if ready {
            self.waiting.remove(name);
        } else if known.is_none() {
            self.waiting.insert(name.to_owned(), Waiting { stamp, since: now });
        }
        ready
    }

    /// Forgets files that are gone.
    pub(super) fn retain(&mut self, there: &BTreeSet<String>) {
        self.waiting.retain(|name, _| there.contains(name));
    }

    /// Whether any file is waited for.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}
