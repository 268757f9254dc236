//! What programs leave behind that went out of their process group, found and ended.
//!
//! A program is ended with its group. One that calls `setsid`, or starts a daemon by two forks, has children
//! in groups of their own, which no signal to its group reaches. On Linux a process can ask to adopt them
//! (`PR_SET_CHILD_SUBREAPER`): whatever loses its parent below it becomes its child. Then every child that is
//! no running program is what a program left behind, and as long as it was not waited for, its number is no
//! other's: it can be ended without hitting somebody else.
//!
//! Several programs may run at once, and one must not end what another one has left. Which one it was is in
//! the environment: each program gets a mark, which its own programs inherit. One without a mark, as its
//! environment was cleared, began later than its program; it is ended as soon as no program runs that began
//! before it. So nothing outlives the last program that runs.
//!
//! Adopting is a matter of the whole process, whose other children would be taken for orphans: the command line
//! asks for it, the library does not. One lock makes the list of programs and the children of this process agree:
//! it is held while a program starts and while orphans are ended. What runs with other rights cannot be ended.

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

/// The variable that has the mark of a program. It is none of those that are for users, which begin with
/// `SCANMILL_`.
const MARK: &str = "_SCANMILL_PROGRAM";

/// How often orphans are looked for that others left which were ended just now.
const ROUNDS: usize = 100;

/// How long one is waited for that was ended, and how often it is looked at in that time.
const NAP: Duration = Duration::from_millis(2);
const NAPS: usize = 250;

static PROGRAMS: Mutex<Programs> =
    Mutex::new(Programs { adopts: false, running: BTreeMap::new(), next: 0 });

struct Programs {
    adopts: bool,
    running: BTreeMap<u64, Program>,
    next: u64,
}

/// A program of which something may be left.
struct Program {
    /// Its number, until it was waited for.
    pid: Option<Pid>,
    /// When it began, in the kernel's own time.
    began: u64,
}

/// A program that was started here, by its number.
#[derive(Debug)]
pub(super) struct Started(u64);

/// Has this process adopt what its programs leave behind, so that it can be ended.
///
/// # Errors
/// If the system has no way to do so, or does not allow it.
pub fn adopt_orphans() -> io::Result<()> {
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
/// If it cannot be started.
pub(super) fn start(command: &mut Command) -> io::Result<(Child, Started)> {
    let mut programs = programs();
    let number = programs.next;
    programs.next = number.saturating_add(1);
    if programs.adopts {
        command.env(MARK, mark(number));
    }
    let child = command.spawn()?;
    let pid = Pid::from_child(&child);
    let began = Stat::of(pid).map_or(0, |stat| stat.began);
    programs.running.insert(number, Program { pid: Some(pid), began });
    Ok((child, Started(number)))
}

impl Started {
    /// The program was waited for: its process number may be another's from now on.
    pub(super) fn reaped(&self) {
        if let Some(program) = programs().running.get_mut(&self.0) {
            program.pid = None;
        }
    }

    /// Ends what the program left behind. It must have ended.
    pub(super) fn end_orphans(&self) {
        let mut stays = Vec::new();
        for _ in 0..ROUNDS {
            let programs = programs();
            if !programs.adopts || !programs.running.contains_key(&self.0) {
                break;
            }
            let orphans = programs.orphans(self.0, &stays);
            if orphans.is_empty() {
                break;
            }
            // All at once, before one of them starts others.
            for pid in &orphans {
                let _ = kill_process(*pid, Signal::KILL);
            }
            stays.extend(orphans.into_iter().filter(|pid| !reap(*pid)));
        }
        programs().running.remove(&self.0);
    }
}

impl Programs {
    /// Children of this process that a program left behind, and those that nobody can have left that runs.
    fn orphans(&self, number: u64, stays: &[Pid]) -> Vec<Pid> {
        let own: Vec<Pid> = self.running.values().filter_map(|program| program.pid).collect();
        let mut children = children();
        children.retain(|pid| !own.contains(pid) && !stays.contains(pid));
        children.retain(|pid| self.may_end(number, *pid));
        children
    }

    fn may_end(&self, number: u64, pid: Pid) -> bool {
        let Some(stat) = Stat::of(pid) else { return false };
        match marked(pid) {
            // It has ended already, and is waited for by nobody else.
            _ if stat.has_ended => true,
            Some(other) => other == number || !self.running.contains_key(&other),
            None => {
                let mut others = self.running.iter().filter(|(other, _)| **other != number);
                others.all(|(_, program)| program.began > stat.began)
            }
        }
    }
}

fn programs() -> MutexGuard<'static, Programs> {
    PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a child that was ended; false if it does not end, as it runs with other rights or waits for a device.
fn reap(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    for _ in 0..NAPS {
        match waitid(WaitId::Pid(pid), options) {
            Ok(None) => thread::sleep(NAP),
            _ => return true,
        }
    }
    false
}

/// The mark of a program of this process.
fn mark(number: u64) -> String {
    format!("{}-{number}", std::process::id())
}

/// The program of this process that has the mark of a process.
fn marked(pid: Pid) -> Option<u64> {
    let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).ok()?;
    let name = format!("{MARK}={}-", std::process::id());
    let mut variables = environment.split(|byte| *byte == 0);
    let number = variables.find_map(|variable| variable.strip_prefix(name.as_bytes()))?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// What the kernel says of a process.
struct Stat {
    has_ended: bool,
    parent: i32,
    began: u64,
}

impl Stat {
    fn of(pid: Pid) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?)
    }

    /// Reads a line of which the second field is a name in brackets, with anything in it.
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

/// The children that this process has adopted, and others.
fn children() -> Vec<Pid> {
    // Those that are adopted go to the first thread, which is there until the process ends.
    let own = std::process::id();
    let path = format!("/proc/{own}/task/{own}/children");
    let Ok(mut before) = fs::read(&path) else { return all_children() };
    // A list that is read while it changes may lack some.
    for _ in 0..ROUNDS {
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

/// All children, where the kernel has no list of them.
fn all_children() -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let pids = numbers.filter_map(Pid::from_raw);
    pids.filter(|pid| Stat::of(*pid).is_some_and(|stat| stat.parent == own)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read_whatever_a_program_is_called() {
        let line = b"4711 (a) Z 1 (b) Z 815 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99887766 1 2";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.has_ended, stat.parent, stat.began), (true, 815, 99_887_766));
        assert!(Stat::parse(b"4711 (a) S 1").is_none() && Stat::parse(b"").is_none());
    }

    #[test]
    fn both_ways_to_list_children_find_one() {
        let own = Pid::from_raw(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(!Stat::of(own).unwrap().has_ended);
        #[expect(clippy::disallowed_methods, reason = "a child is looked for")]
        let (mut child, started) = start(Command::new("sleep").arg("1000")).unwrap();
        let pid = Pid::from_child(&child);
        assert!(all_children().contains(&pid));
        // Nothing is adopted in tests, so nothing is ended.
        started.end_orphans();
        assert!(!Stat::of(pid).unwrap().has_ended);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn an_orphan_is_ended_with_its_program_or_when_nobody_older_runs() {
        let own = std::process::id();
        let began = Stat::of(Pid::from_raw(i32::try_from(own).unwrap()).unwrap()).unwrap().began;
        let pid = Pid::from_raw(i32::try_from(own).unwrap()).unwrap();
        let programs = |others: &[(u64, u64)]| Programs {
            adopts: true,
            running: others
                .iter()
                .map(|(number, began)| (*number, Program { pid: None, began: *began }))
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
