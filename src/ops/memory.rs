//! The memory of a job, divided among its parts (docs/cli.md, "Memory").
//!
//! [`MemoryBudget::new`] takes the limit that is given, or derives one from the machine, and divides it once, before any
//! input is opened. A fixed part ([`BASE`]) covers the program and any output format. A quarter of the rest, or enough
//! for two more threads, decides how many threads run. The remainder is divided among the largest host, its lists, the
//! merge, the documents and the other buffers, each at most as large as its default limit.
//!
//! The test at the bottom of this file checks that the fixed part, the threads and the largest host fit into the limit
//! together. When a part is added that is in use at the same time as a host, add it to that test. The factors below are
//! measurements: measure again (docs/performance.md) when decoding or encoding holds more memory per host.

use std::num::NonZeroUsize;

use super::machine;
use crate::{
    error::{Error, Result},
    limits::Limits,
};

const MIB: usize = 1 << 20;

/// Minimum of the default limit, in bytes. The default is a quarter of the machine's memory, but at least this, so that
/// the limits on input do not depend on the machine.
const DEFAULT_MIN: usize = 2048 * MIB;
/// Memory of a job with one thread and any format, and of each further thread, in bytes. Measured;
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
/// that consist of script values only, together with all other memory of the job.
const WORST: usize = 21;

/// Memory of a job, divided among its parts.
///
/// ```
/// use scanmill::ops::MemoryBudget;
///
/// let budget = MemoryBudget::new(Some(256 << 20), 8)?;
/// assert_eq!(budget.threads(), 2);
/// assert!(budget.limits().max_host_bytes < MemoryBudget::default().limits().max_host_bytes);
/// # Ok::<(), scanmill::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryBudget {
    threads: usize,
    commit: usize,
    merge: usize,
    documents: usize,
    /// XML of a host, in bytes.
    host: usize,
    /// Lists of a host, in bytes.
    items: usize,
    /// Data that is kept until a scan ends, or until its ID is known, in bytes.
    run: usize,
    /// Zip archive that is held in memory, in bytes.
    zip: usize,
}

impl Default for MemoryBudget {
    /// Divides the default limit among one thread per processor.
    fn default() -> Self {
        Self::share(of_machine(), available_threads())
    }
}

impl MemoryBudget {
    /// Minimum limit on the memory of a job, in bytes: a job with one thread needs this much.
    pub const MIN_BYTES: usize = 128 * MIB;

    /// Divides a limit in bytes among the parts of a job with at most this many threads. Without a limit it is a quarter
    /// of the machine's memory, at least 2 GiB.
    ///
    /// # Errors
    /// Returns a usage error if the limit is less than [`MIN_BYTES`](Self::MIN_BYTES), or exceeds the limit on the address
    /// space of the process.
    pub fn new(memory_bytes: Option<usize>, threads: usize) -> Result<Self> {
        match memory_bytes {
            Some(bytes) if bytes < Self::MIN_BYTES => Err(Error::usage(format!(
                "a job needs at least {} bytes of memory, but may take only {bytes}",
                Self::MIN_BYTES
            ))),
            Some(bytes) if exceeds_address_space(bytes) => Err(Error::usage(format!(
                "the limit on address space (ulimit -v) is less than the memory of {bytes} bytes that may be taken: \
                 set it to twice as much, or to unlimited"
            ))),
            Some(bytes) => Ok(Self::share(bytes, threads)),
            None => Ok(Self::share(of_machine(), threads)),
        }
    }

    fn share(memory: usize, threads: usize) -> Self {
        // Threads may use a quarter of the free memory, but at least the memory of two threads; hosts get the rest.
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

    /// Returns the budget of each of two results that are in memory at once.
    pub(crate) fn half(self) -> Self {
        Self { merge: self.merge / 2, documents: self.documents / 2, ..self }
    }

    /// Returns the number of threads that read.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Returns the bytes of rows that a commit to a dataset holds.
    #[must_use]
    pub fn commit_bytes(&self) -> usize {
        self.commit
    }

    /// Returns the bytes of records of hosts that wait to be merged.
    #[must_use]
    pub fn merge_bytes(&self) -> usize {
        self.merge
    }

    /// Returns the bytes of data about inputs and documents that are kept until the end of the job.
    #[must_use]
    pub fn document_bytes(&self) -> usize {
        self.documents
    }

    /// Returns the limits on input that fit into the budget: the default ones, or lower ones.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.max_value_bytes = self.host.min(limits.max_value_bytes);
        limits.max_tag_bytes = self.host.min(limits.max_tag_bytes);
        limits.max_host_list_bytes = self.items;
        limits.max_host_bytes = self.host;
        limits.max_scan_metadata_bytes = self.run;
        limits.max_pending_bytes = self.run.min(limits.max_pending_bytes);
        limits.max_buffered_zip_bytes = self.zip;
        limits
    }
}

/// Returns the default number of threads: one per processor.
pub(crate) fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Returns the default limit, in bytes.
fn of_machine() -> usize {
    // 0 if the memory of the machine, or of the container that this runs in, is unknown.
    let memory = machine::memory().map_or(0, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    (memory / 4).max(DEFAULT_MIN).min(allowed())
}

/// Returns the memory that a job may take under a limit on its address space (`ulimit -v`), in bytes: half of the limit,
/// because threads and the allocator reserve more than they use. Allocations beyond the limit would fail in the middle
/// of the job.
fn allowed() -> usize {
    machine::address_space().map_or(usize::MAX, |limit| {
        usize::try_from(limit / 2).unwrap_or(usize::MAX).max(MemoryBudget::MIN_BYTES)
    })
}

fn exceeds_address_space(bytes: usize) -> bool {
    machine::address_space()
        .is_some_and(|limit| usize::try_from(limit).is_ok_and(|limit| limit < bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_cap_changes_nothing() {
        let shares = MemoryBudget::share(DEFAULT_MIN, 2);
        let defaults = crate::limits::Limits::default();
        assert_eq!(
            (shares.threads, shares.host, shares.run),
            (2, defaults.max_host_bytes, defaults.max_scan_metadata_bytes)
        );
        assert_eq!(shares.zip, defaults.max_buffered_zip_bytes);
        assert!(
            MemoryBudget::new(None, 2).unwrap().commit == crate::dataset::LoadOptions::COMMIT_BYTES
        );
    }

    #[test]
    fn shares_fit_into_the_cap() {
        for memory in (MemoryBudget::MIN_BYTES..4096 * MIB).step_by(37 * MIB) {
            for threads in [1, 2, 8, 64] {
                let shares = MemoryBudget::share(memory, threads);
                let need = match shares.threads {
                    1 => BASE + HOST * shares.host,
                    more => BASE + more * THREAD + HOST_OF_SEVERAL * shares.host,
                };
                assert!(need <= memory, "{memory} {shares:?}");
                assert!(shares.host >= MIB && (1..=threads).contains(&shares.threads));
                if memory >= DEFAULT_MIN {
                    assert_eq!(shares.items, crate::limits::Limits::default().max_host_list_bytes);
                    assert_eq!(shares.host, crate::limits::Limits::default().max_host_bytes);
                }
            }
        }
        assert!(MemoryBudget::new(Some(MemoryBudget::MIN_BYTES - 1), 1).is_err());
    }
}
