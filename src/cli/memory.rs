//! `--memory`: the limit on the memory of a run, divided among its parts (docs/cli.md, "Memory").
//!
//! [`Shares::of`] takes the limit that is given, or derives one from the machine, and divides it
//! once, before any input is opened. A fixed part ([`BASE`]) covers the program and any output
//! format. A quarter of the rest, or enough for two more threads, decides how many threads run. The
//! remainder is divided among the largest host, its lists, the merge, the documents and the other
//! buffers, each at most as large as its default limit.
//!
//! The test at the bottom of this file checks that the fixed part, the threads and the largest host
//! fit into the limit together. When a part is added that is in use at the same time as a host, add
//! it to that test. The factors below are measurements: measure again (docs/performance.md) when
//! decoding or encoding holds more memory per host.

use super::{
    args::{LimitArgs, size_text},
    machine,
};
use crate::error::{Error, Result};

const MIB: usize = 1 << 20;

/// Minimum of `--memory`, in bytes: a run with one thread needs this much.
const FLOOR: usize = 128 * MIB;
/// Minimum of the default limit, in bytes. The default is a quarter of the machine's memory, but at
/// least this, so that the limits on input do not depend on the machine.
const LEAST: usize = 2048 * MIB;
/// Memory of a run with one thread and any format, and of each further thread, in bytes. Measured;
/// see docs/performance.md.
const BASE: usize = 96 * MIB;
const THREAD: usize = 32 * MIB;
/// Memory that a host may take until it is written, as a multiple of the size of its XML: with one
/// thread, and with several, where the next host is split off meanwhile. Measured with hosts of a
/// million ports or script values.
const HOST: usize = 12;
const HOST_OF_SEVERAL: usize = 22;
/// Divisor of the remaining memory that gives the share of the lists of hosts, whatever the size of
/// their XML.
const LISTS: usize = 2;
/// Divisor of the whole limit that gives the maximum size of a host's XML. It covers large hosts
/// that consist of script values only, together with all other memory of the run.
const WORST: usize = 21;

/// Shares of the parts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shares {
    /// Number of threads that read.
    pub(super) threads: usize,
    /// Rows of a commit, in bytes.
    pub(super) commit: usize,
    /// Records of hosts that wait to be merged, in bytes.
    pub(super) merge: usize,
    /// Data about inputs and documents that is kept until the end of the run, in bytes.
    pub(super) documents: usize,
    /// XML of a host, in bytes.
    host: usize,
    /// Lists of a host, in bytes.
    items: usize,
    /// Data that is kept until a scan ends, or until its ID is known, in bytes.
    run: usize,
    /// Zip archive that is held in memory, in bytes.
    zip: usize,
}

impl Shares {
    /// Divides the given limit, or the default one.
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
        // Threads may take a quarter of the free memory, or as much as two of them need; hosts get
        // the rest.
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
            commit: part(4, crate::dataset::LoadOptions::COMMIT_BYTES),
            merge: part(3, usize::MAX),
            documents: part(3, usize::MAX),
            host: part(times, 64 * MIB).min(memory / WORST),
            items: part(LISTS, 512 * MIB),
            run: part(times, 64 * MIB).min(memory / WORST),
            zip: part(2, 256 * MIB),
        }
    }

    /// Returns the limits on input. Limits that options set explicitly are kept.
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

/// Returns the memory of the machine, or of the container that this runs in, in bytes. Returns 0 if
/// it is unknown.
fn of_machine() -> usize {
    machine::memory().map_or(0, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// Returns the memory that a run may take under a limit on its address space (`ulimit -v`), in
/// bytes: half of the limit, because threads and the allocator reserve more than they use.
/// Allocations beyond the limit would fail in the middle of the run.
fn allowed() -> usize {
    machine::address_space()
        .map_or(usize::MAX, |limit| usize::try_from(limit / 2).unwrap_or(usize::MAX).max(FLOOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_cap_changes_nothing() {
        let shares = Shares::share(LEAST, 2);
        let defaults = crate::limits::Limits::default();
        assert_eq!(
            (shares.threads, shares.host, shares.run),
            (2, defaults.max_host_bytes, defaults.max_scan_metadata_bytes)
        );
        assert_eq!(shares.zip, defaults.max_buffered_zip_bytes);
        assert!(Shares::of(None, 2).unwrap().commit == crate::dataset::LoadOptions::COMMIT_BYTES);
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
                    assert_eq!(shares.items, crate::limits::Limits::default().max_host_list_bytes);
                    assert_eq!(shares.host, crate::limits::Limits::default().max_host_bytes);
                }
            }
        }
        assert!(Shares::of(Some(FLOOR - 1), 1).is_err());
    }
}
