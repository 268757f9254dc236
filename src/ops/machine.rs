//! Memory of the machine, and limits on the memory that this process may use.
//!
//! Both are read from the files in which Linux shows them. A crate for system information, which
//! also covers processes, disks and users, takes longer to build than all of `ops/memory.rs`, for a
//! single number. Other systems show the size through calls that need `unsafe`; there it is
//! unknown, and the default of `--memory` is its minimum.

use std::path::{Component, Path};

use crate::fs;

/// Mount points of control groups on Linux: of all controllers in version 2, and of the memory
/// controller in version 1.
const CGROUP_V2: &str = "/sys/fs/cgroup";
const CGROUP_V1: &str = "/sys/fs/cgroup/memory";

/// Returns the memory of this machine, or of the container that this process runs in, in bytes.
/// Returns `None` if the system does not show it.
pub(super) fn memory() -> Option<u64> {
    let total = mem_total(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&groups).into_iter().filter_map(|file| fs::read_to_string(file).ok());
    // A group without a limit has `max`, or a number near 2^63: neither is less than the total.
    Some(limits.filter_map(|text| text.trim().parse().ok()).fold(total, u64::min))
}

/// Returns the maximum address space of this process (`ulimit -v`), in bytes, or `None` if it is
/// unlimited or unknown.
#[cfg(all(unix, not(scanmill_portable)))]
pub(super) fn address_space() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current
}

#[cfg(any(not(unix), scanmill_portable))]
pub(super) fn address_space() -> Option<u64> {
    None
}

/// Returns the value of the line `MemTotal` of `/proc/meminfo`, in bytes.
fn mem_total(meminfo: &str) -> Option<u64> {
    let kib = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    kib.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1024)
}

/// Returns the files with the memory limits of the groups in `/proc/self/cgroup` and of their
/// ancestors. In a container, the path may be that of the host, which is not mounted; the limit of
/// the container is then that of the root.
fn limit_files(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (root, name) = if controllers.is_empty() {
            (CGROUP_V2, "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            (CGROUP_V1, "memory.limit_in_bytes")
        } else {
            continue;
        };
        // `/../..` is a group outside the namespace of this process.
        let path = Path::new(path.trim_start_matches('/'));
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        let path = if inside { path } else { Path::new("") };
        files.extend(
            path.ancestors()
                .map(|path| Path::new(root).join(path).join(name).to_string_lossy().into_owned()),
        );
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_from_meminfo() {
        assert_eq!(
            mem_total("MemTotal:       24684084 kB\nMemFree: 1 kB\n"),
            Some(24_684_084 << 10)
        );
        assert_eq!(mem_total("MemFree: 1 kB\n"), None);
        assert_eq!(mem_total("MemTotal: 18446744073709551615 kB\n"), None);
    }

    #[test]
    fn limits_of_a_group_and_its_parents_count() {
        assert_eq!(
            limit_files("4:memory:/a/b\n3:cpu,cpuacct:/c\n0::/\n"),
            [
                "/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/a/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        assert_eq!(
            limit_files("0::/user.slice/x:y.scope\n"),
            [
                "/sys/fs/cgroup/user.slice/x:y.scope/memory.max",
                "/sys/fs/cgroup/user.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        assert_eq!(limit_files("0::/../../etc\nnonsense\n"), ["/sys/fs/cgroup/memory.max"]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_shows_the_memory_of_the_machine() {
        assert!(memory().is_some_and(|bytes| bytes > 64 << 20));
    }
}
