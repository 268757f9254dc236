//! Finds and ends processes that a program left behind outside its process group.
//!
//! A program is ended together with its process group. A program that calls `setsid`, or starts a daemon by forking
//! twice, has children in groups of their own, which no signal to its group reaches. On Linux a process can ask to
//! adopt them (`PR_SET_CHILD_SUBREAPER`): every descendant that loses its parent becomes its child. Then each child
//! that is not a running program was left behind by one, and until it is waited for, its process ID cannot be reused:
//! it can be ended without hitting another process.
//!
//! Several programs may run at once, and one must not end the orphans of another. The environment shows which program
//! an orphan belongs to: each program gets a mark, which its children inherit. An orphan without a mark, because its
//! environment was cleared, started after its program; it is ended as soon as no program is running that started before
//! it. So nothing outlives the last running program.
//!
//! Adoption applies to the whole process, whose other children would be taken for orphans: the command line requests
//! it, the library does not. One lock keeps the list of programs consistent with the children of this process: it is
//! held while a program starts and while orphans are ended. Processes with other privileges cannot be ended.

use std::{
    collections::BTreeMap,
    io,
    process::{Child, Command},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::fs;

/// Environment variable that holds the mark of a program. It is not one of the user's variables, which begin with
/// `SCANMILL_`.
const MARK_VARIABLE: &str = "_SCANMILL_PROGRAM";

/// Maximum number of rounds of looking for orphans of orphans that were just ended.
const MAX_ROUNDS: usize = 100;

/// Time between two checks for an orphan that was ended, and the maximum number of checks.
const REAP_INTERVAL: Duration = Duration::from_millis(2);
const REAP_CHECKS: usize = 250;

static PROGRAMS: Mutex<ProgramTable> =
    Mutex::new(ProgramTable { adopts: false, running: BTreeMap::new(), next: 0 });

struct ProgramTable {
    adopts: bool,
    running: BTreeMap<u64, ProgramEntry>,
    next: u64,
}

/// Program that may leave processes behind.
struct ProgramEntry {
    /// Process ID, until the program was waited for.
    pid: Option<Pid>,
    /// Start time, in the kernel's clock ticks.
    began: u64,
}

/// Program that was started here: the number of its mark.
#[derive(Debug)]
pub(super) struct ProgramId(u64);

/// Makes this process adopt the processes that its programs leave behind, so that they can be ended.
///
/// # Errors
/// Fails if the system does not support or permit it.
#[cfg_attr(
    not(any(feature = "cli", test)),
    expect(dead_code, reason = "only the command adopts orphans")
)]
pub(crate) fn adopt_orphans() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        programs().adopts = true;
        Ok(())
    }
    #[cfg(not(target_os = "linux"))]
    Err(io::ErrorKind::Unsupported.into())
}

/// Starts a program.
///
/// # Errors
/// Fails if it cannot be started.
pub(super) fn start(command: &mut Command) -> io::Result<(Child, ProgramId)> {
    let mut programs = programs();
    let number = programs.next;
    programs.next = number.saturating_add(1);
    if programs.adopts {
        command.env(MARK_VARIABLE, mark(number));
    }
    let child = command.spawn()?;
    let pid = Pid::from_child(&child);
    let began = ProcessStat::read(pid).map_or(0, |stat| stat.began);
    programs.running.insert(number, ProgramEntry { pid: Some(pid), began });
    Ok((child, ProgramId(number)))
}

impl ProgramId {
    /// Records that the program was waited for: its process ID may be reused from now on.
    pub(super) fn set_reaped(&self) {
        if let Some(program) = programs().running.get_mut(&self.0) {
            program.pid = None;
        }
    }

    /// Ends the processes that the program left behind. The program must have ended.
    pub(super) fn end_orphans(&self) {
        let mut stays = Vec::new();
        for _ in 0..MAX_ROUNDS {
            let programs = programs();
            if !programs.adopts || !programs.running.contains_key(&self.0) {
                break;
            }
            let orphans = programs.orphans(self.0, &stays);
            if orphans.is_empty() {
                break;
            }
            // All are signalled before any can start others.
            for pid in &orphans {
                let _ = kill_process(*pid, Signal::KILL);
            }
            stays.extend(orphans.into_iter().filter(|pid| !reap(*pid)));
        }
        programs().running.remove(&self.0);
    }
}

impl ProgramTable {
    /// Returns the children of this process that program `number` left behind, and those that no running program can
    /// have left behind.
    fn orphans(&self, number: u64, stays: &[Pid]) -> Vec<Pid> {
        let own: Vec<Pid> = self.running.values().filter_map(|program| program.pid).collect();
        let mut children = children();
        children.retain(|pid| !own.contains(pid) && !stays.contains(pid));
        children.retain(|pid| self.may_end(number, *pid));
        children
    }

    fn may_end(&self, number: u64, pid: Pid) -> bool {
        let Some(stat) = ProcessStat::read(pid) else { return false };
        match mark_of(pid) {
            // It has already ended, and only this process can wait for it.
            _ if stat.has_ended => true,
            Some(other) => other == number || !self.running.contains_key(&other),
            None => {
                let mut others = self.running.iter().filter(|(other, _)| **other != number);
                others.all(|(_, program)| program.began > stat.began)
            }
        }
    }
}

fn programs() -> MutexGuard<'static, ProgramTable> {
    PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a child that was killed. Returns false if it does not end, because it has other privileges or waits for a
/// device.
fn reap(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    for _ in 0..REAP_CHECKS {
        match waitid(WaitId::Pid(pid), options) {
            Ok(None) => thread::sleep(REAP_INTERVAL),
            _ => return true,
        }
    }
    false
}

/// Returns the mark of a program of this process.
fn mark(number: u64) -> String {
    format!("{}-{number}", std::process::id())
}

/// Returns the number of the program of this process whose mark a process carries.
fn mark_of(pid: Pid) -> Option<u64> {
    let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).ok()?;
    let name = format!("{MARK_VARIABLE}={}-", std::process::id());
    let mut variables = environment.split(|byte| *byte == 0);
    let number = variables.find_map(|variable| variable.strip_prefix(name.as_bytes()))?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// Process state as reported by the kernel.
struct ProcessStat {
    has_ended: bool,
    parent: i32,
    began: u64,
}

impl ProcessStat {
    fn read(pid: Pid) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?)
    }

    /// Parses a line whose second field is a name in parentheses, which may contain any bytes.
    fn parse(line: &[u8]) -> Option<Self> {
        let name = line.iter().rposition(|byte| *byte == b')')?;
        let rest = std::str::from_utf8(line.get(name.saturating_add(1)..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let has_ended = matches!(fields.next()?, "Z" | "X");
        let parent = fields.next()?.parse().ok()?;
        let began = fields.nth(17)?.parse().ok()?;
        Some(Self { has_ended, parent, began })
    }
}

/// Lists the children of this process, including adopted ones.
fn children() -> Vec<Pid> {
    // Adopted children belong to the first thread, which lives as long as the process.
    let own = std::process::id();
    let path = format!("/proc/{own}/task/{own}/children");
    let Ok(mut before) = fs::read(&path) else { return all_children() };
    // A list that changes while it is read may be incomplete.
    for _ in 0..MAX_ROUNDS {
        let Ok(now) = fs::read(&path) else { break };
        if now == before {
            break;
        }
        before = now;
    }
    let list = String::from_utf8_lossy(&before);
    let numbers = list.split_ascii_whitespace();
    numbers.filter_map(|number| number.parse().ok().and_then(Pid::from_raw)).collect()
}

/// Lists all children, for kernels without a list of them.
fn all_children() -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let pids = numbers.filter_map(Pid::from_raw);
    pids.filter(|pid| ProcessStat::read(*pid).is_some_and(|stat| stat.parent == own)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_names_may_contain_any_bytes() {
        let line = b"4711 (a) Z 1 (b) Z 815 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99887766 1 2";
        let stat = ProcessStat::parse(line).unwrap();
        assert_eq!((stat.has_ended, stat.parent, stat.began), (true, 815, 99_887_766));
        assert!(ProcessStat::parse(b"4711 (a) S 1").is_none() && ProcessStat::parse(b"").is_none());
    }

    /// Variable of the process that adopts.
    const ADOPTS: &str = "SCANMILL_TEST_ADOPTS";

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test starts children of its own")]
    fn both_ways_to_list_children_find_what_a_program_left_behind() {
        if std::env::var_os(ADOPTS).is_none() {
            // In a process of its own, since a process adopts for all of its threads.
            let name = "process::orphans::tests::both_ways_to_list_children_find_what_a_program_left_behind";
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", name]).env(ADOPTS, "1");
            assert!(command.status().unwrap().success());
            return;
        }
        adopt_orphans().unwrap();
        let (mut child, id) = start(Command::new("sh").args(["-c", "sleep 1000 &"])).unwrap();
        assert!(child.wait().unwrap().success());
        id.set_reaped();
        let left = children();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(left, all_children());
        assert!(!ProcessStat::read(left[0]).unwrap().has_ended);
        id.end_orphans();
        assert!(children().is_empty() && all_children().is_empty());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test starts a child of its own")]
    fn nothing_is_ended_without_adoption() {
        let (mut child, id) = start(Command::new("sleep").arg("1000")).unwrap();
        let pid = Pid::from_child(&child);
        assert!(all_children().contains(&pid));
        id.end_orphans();
        assert!(!ProcessStat::read(pid).unwrap().has_ended);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn an_orphan_ends_with_its_program_or_when_no_older_one_runs() {
        let own = std::process::id();
        let began =
            ProcessStat::read(Pid::from_raw(i32::try_from(own).unwrap()).unwrap()).unwrap().began;
        let pid = Pid::from_raw(i32::try_from(own).unwrap()).unwrap();
        let programs = |others: &[(u64, u64)]| ProgramTable {
            adopts: true,
            running: others
                .iter()
                .map(|(number, began)| (*number, ProgramEntry { pid: None, began: *began }))
                .collect(),
            next: 9,
        };
        // This process has no mark.
        assert!(programs(&[(1, 0)]).may_end(1, pid));
        assert!(!programs(&[(1, 0), (2, 0)]).may_end(1, pid));
        assert!(programs(&[(1, 0), (2, began + 1)]).may_end(1, pid));
        assert_eq!(mark(7), format!("{own}-7"));
    }
}
