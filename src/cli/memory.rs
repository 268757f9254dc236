//! `--memory`: what a run may hold, shared out among its parts (docs/cli.md, "Memory").

use rustix::process::{Resource, getrlimit};
use sysinfo::System;

use super::args::{LimitArgs, size_text};
use crate::error::{Error, Result};

const MIB: usize = 1 << 20;

/// The least that a run can do with.
const FLOOR: usize = 128 * MIB;
/// The cap unless told otherwise is a quarter of what the machine has, but at least this: limits on input
/// shall not depend on the machine.
const LEAST: usize = 2048 * MIB;
/// What one thread needs with any format, and each one more: measured, see docs/performance.md.
const BASE: usize = 96 * MIB;
const THREAD: usize = 32 * MIB;
/// How many times its XML a host may take until it is written, on one thread and on several, where the next
/// one is cut out meanwhile: measured on hosts of a million ports or script values.
const HOST: usize = 12;
const HOST_OF_SEVERAL: usize = 22;
/// The lists of hosts get one part in this number of what is left, whatever the size of their XML.
const LISTS: usize = 2;
/// The same for large hosts that are nothing but script values, with all that the run takes besides.
const WORST: usize = 21;

/// What the parts of a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shares {
    /// Threads that read.
    pub(super) threads: usize,
    /// Bytes of rows of a commit.
    pub(super) commit: usize,
    /// Bytes of records of hosts that wait to be merged.
    pub(super) merge: usize,
    /// Bytes of what is kept of inputs and documents until the end.
    pub(super) documents: usize,
    /// Bytes of a host's XML.
    host: usize,
    /// Bytes of what a host lists.
    items: usize,
    /// Bytes of what is kept until a scan ends, or until its id is known.
    run: usize,
    /// Bytes of a zip archive that is held.
    zip: usize,
}

impl Shares {
    /// Shares out a cap, or the default one.
    pub(super) fn of(memory: Option<usize>, threads: usize) -> Result<Self> {
        match memory {
            Some(memory) if memory < FLOOR => Err(Error::usage(format!(
                "--memory {}: at least {} are needed",
                size_text(memory),
                size_text(FLOOR)
            ))),
            Some(memory) => Ok(Self::share(memory, threads)),
            None => Ok(Self::share((of_machine() / 4).max(LEAST).min(allowed()), threads)),
        }
    }

    fn share(memory: usize, threads: usize) -> Self {
        // Threads may take a quarter of what is left, or as much as two of them need; hosts the rest.
        let free = memory.saturating_sub(BASE);
        let more = (free / 4).max(free.min(2 * 2 * THREAD) / 2) / THREAD;
        let threads = threads.min(more).max(1);
        let (busy, times) = match threads {
            1 => (0, HOST),
            more => (more.saturating_mul(THREAD), HOST_OF_SEVERAL),
        };
        let rest = free.saturating_sub(busy);
        let part = |parts: usize, most: usize| (rest / parts).min(most);
        Self {
            threads,
            commit: part(4, crate::lake::LoadOptions::COMMIT_BYTES),
            merge: part(3, usize::MAX),
            documents: part(3, usize::MAX),
            host: part(times, 64 * MIB).min(memory / WORST),
            items: part(LISTS, 512 * MIB),
            run: part(times, 64 * MIB).min(memory / WORST),
            zip: part(2, 256 * MIB),
        }
    }

    /// The limits on input, those that are given at length as they are.
    pub(super) fn limits(&self, args: &LimitArgs) -> LimitArgs {
        let pending = self.run.min(16 * MIB);
        LimitArgs {
            max_value: args.max_value.or(Some(self.host.min(8 * MIB))),
            max_tag: args.max_tag.or(Some(self.host.min(16 * MIB))),
            max_items: args.max_items.or(Some(self.items)),
            max_host: args.max_host.or(Some(self.host)),
            max_run: args.max_run.or(Some(self.run)),
            max_pending: args.max_pending.or(Some(pending)),
            max_zip: args.max_zip.or(Some(self.zip)),
            ..args.clone()
        }
    }
}

/// Bytes of memory that the machine, or the container this runs in, has; 0 if it does not tell.
fn of_machine() -> usize {
    let Ok(mut system) = System::new() else { return 0 };
    system.refresh_memory();
    let total = system.total_memory();
    let limit = system.cgroup_limits().map_or(total, |limits| limits.total_memory.min(total));
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Bytes that a run may take where it was started with a limit on them (`ulimit -v`): half of it, as threads and
/// the allocator reserve more than they use. More would be refused in the middle of something.
fn allowed() -> usize {
    let limit = getrlimit(Resource::As).current;
    limit.map_or(usize::MAX, |limit| usize::try_from(limit / 2).unwrap_or(usize::MAX).max(FLOOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_cap_changes_nothing() {
        let shares = Shares::share(LEAST, 2);
        let defaults = crate::limits::Limits::default();
        assert_eq!((shares.threads, shares.host, shares.run), (2, defaults.host, defaults.run));
        assert_eq!(shares.zip, defaults.zip);
        assert!(Shares::of(None, 2).unwrap().commit == crate::lake::LoadOptions::COMMIT_BYTES);
        assert!(of_machine() > FLOOR);
    }

    #[test]
    fn shares_fit_into_the_cap() {
        for memory in (FLOOR..4096 * MIB).step_by(37 * MIB) {
            for threads in [1, 2, 8, 64] {
                let shares = Shares::share(memory, threads);
                let need = match shares.threads {
                    1 => BASE + HOST * shares.host,
                    more => BASE + more * THREAD + HOST_OF_SEVERAL * shares.host,
                };
                assert!(need <= memory, "{memory} {shares:?}");
                assert!(shares.host >= MIB && (1..=threads).contains(&shares.threads));
                if memory >= LEAST {
                    assert_eq!(shares.items, crate::limits::Limits::default().items);
                    assert_eq!(shares.host, crate::limits::Limits::default().host);
                }
            }
        }
        assert!(Shares::of(Some(FLOOR - 1), 1).is_err());
    }
}
