//! Child processes: the only module that starts programs.
//!
//! [`Process::start`] runs a program in a process group of its own. One thread per process waits for its end, then ends
//! what the program left behind (`orphans`) and records its exit status in the state that all [`Stopper`]s share.
//! Output is read as it arrives (`pipe`). A program ends in one of three ways: by itself; because a [`Stopper`] asked
//! it to, from any thread, first by a signal and after a grace period by force; or because its [`Process`] was dropped.
//! Signals are sent under the lock of the state and only while no exit status is recorded, so a process ID that was
//! reused is never signalled.

use std::{
    io::{self, Read},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
};

use super::{
    orphans::{self, Started},
    pipe::{Kept, Pipe},
};

pub use super::{
    orphans::adopt_orphans,
    program::{Ended, Program},
};

/// Time that a program has to end after it was asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// Time that a program has to end before it is killed if its output is no longer wanted.
const SHORT_GRACE: Duration = Duration::from_millis(500);

/// Maximum time to wait for the end of a program that was killed.
const FORCE: Duration = Duration::from_secs(2);

/// Running program, in a process group of its own. Dropping it ends the program and everything it started.
#[derive(Debug)]
pub struct Process {
    stopper: Stopper,
    pub(super) stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<JoinHandle<Kept>>,
    keeper: Option<JoinHandle<()>>,
}

/// Handle that ends a process from any thread.
#[derive(Debug, Clone)]
pub struct Stopper(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pid: Pid,
    started: Started,
    by_sudo: bool,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    told: bool,
    status: Option<io::Result<ExitStatus>>,
    /// True if the processes that it left behind were ended, too.
    over: bool,
}

impl Process {
    /// Starts a program. Its standard input is empty unless `writes` is true.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub fn start(program: &Program, writes: bool) -> io::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "this is the place for it")]
        let mut command = Command::new(&program.name);
        program.unset.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.args(&program.args).envs(program.env.iter().map(|(name, value)| (name, value)));
        command.stdin(if writes { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // A process group of its own: signals that a terminal sends to scanmill do not reach the program, and
        // everything it starts can be ended with it.
        command.process_group(0);
        let (mut child, started) = orphans::start(&mut command)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stderr = child.stderr.take();
        let pid = Pid::from_child(&child);
        let state = Mutex::default();
        let by_sudo = program.by_sudo;
        let shared = Shared { pid, started, by_sudo, state, ended: Condvar::new() };
        let stopper = Stopper(Arc::new(shared));
        let keeper = stopper.clone();
        let keeper = match spawn(move || keeper.keep(child)) {
            Ok(keeper) => keeper,
            Err(error) => {
                // Without a thread to wait for it, the program cannot be supervised: the closure that owned its handle
                // is gone.
                stopper.signal(Signal::KILL);
                let options = WaitIdOptions::EXITED;
                while matches!(waitid(WaitId::Pid(pid), options), Err(Errno::INTR)) {}
                stopper.0.started.reaped();
                stopper.end_orphans();
                return Err(error);
            }
        };
        let mut process = Self { stopper, stdin, stdout, stderr: None, keeper: Some(keeper) };
        if let Some(stderr) = stderr {
            let stderr = Pipe::new(stderr, process.stopper());
            process.stderr = Some(spawn(move || Kept::read(stderr))?);
        }
        Ok(process)
    }

    /// Returns its standard output. A second call returns an empty reader.
    pub fn take_stdout(&mut self) -> impl Read + Send + use<> {
        Output(self.stdout.take().map(|stdout| Pipe::new(stdout, self.stopper())))
    }

    /// Returns a handle that ends the process from elsewhere.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits for the program to end, then ends the processes that it left behind. Its output must have been read
    /// before.
    ///
    /// # Errors
    /// Fails if the system does not report how it ended.
    pub fn wait(mut self) -> io::Result<Ended> {
        drop(self.stdin.take());
        let status = self.stopper.wait();
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        self.stopper.end_orphans();
        Ok(Ended { status: status?, stderr: stderr.text(), stopped: self.stopper.is_told() })
    }

    /// Runs a program that may ask the user something, with access to scanmill's terminal.
    ///
    /// # Errors
    /// Fails if it cannot be run.
    pub fn ask(program: &Program) -> io::Result<ExitStatus> {
        #[expect(clippy::disallowed_methods, reason = "this is the place for it")]
        let mut command = Command::new(&program.name);
        // Its output must not end up in the data.
        run(command.args(&program.args).stdout(Stdio::null()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop((self.stdin.take(), self.stdout.take()));
        self.stopper.end(SHORT_GRACE);
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
        self.stopper.end_orphans();
    }
}

impl Stopper {
    /// Asks the program to end, and kills it if it does not within the grace period.
    pub fn stop(&self) {
        let stopper = self.clone();
        if !self.tell() {
            return;
        }
        if spawn(move || stopper.end(GRACE)).is_err() {
            // Without a thread nothing would enforce it later.
            self.end(SHORT_GRACE);
        }
    }

    /// Ends the program, by force after a short grace period, and returns when it has ended.
    pub fn finish(&self) {
        self.end(SHORT_GRACE);
        if !self.0.by_sudo {
            let _ = self.wait();
        }
    }

    /// Returns true if the program was asked to end.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.lock().told
    }

    /// Returns true if the program has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.lock().status.is_some()
    }

    /// Returns true if the program and everything that it left behind have ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.lock().over
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks it to end. Returns false if it has ended or was asked before.
    fn tell(&self) -> bool {
        let mut state = self.lock();
        if state.told || state.status.is_some() {
            return false;
        }
        state.told = true;
        self.signal(Signal::TERM);
        true
    }

    /// Asks it to end, and kills it if it does not within `grace`. The processes that it left behind end, too.
    pub(super) fn end(&self, grace: Duration) {
        if self.is_over() {
            return;
        }
        self.tell();
        let waits = |state: &mut State| state.status.is_none();
        let waited = self.0.ended.wait_timeout_while(self.lock(), grace, waits);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        // While the lock is held, its process ID cannot be reused.
        if state.status.is_none() {
            self.signal(Signal::KILL);
        }
        if self.0.by_sudo {
            return;
        }
        let waited = self.0.ended.wait_timeout_while(state, FORCE, waits);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let has_ended = state.status.is_some();
        drop(state);
        if has_ended {
            self.end_orphans();
        }
    }

    /// Ends it after `time` if it, or something that it left behind, is still running.
    pub(super) fn end_after(&self, time: Duration) -> io::Result<JoinHandle<()>> {
        let stopper = self.clone();
        spawn(move || {
            let waits = |state: &mut State| !state.over;
            let waited = stopper.0.ended.wait_timeout_while(stopper.lock(), time, waits);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if state.over {
                return;
            }
            // Its remaining children exceed the time limit as well.
            state.told |= state.status.is_some();
            drop(state);
            stopper.end(SHORT_GRACE);
        })
    }

    /// Ends the processes that the program left behind when it ended. No more output is expected after that.
    fn end_orphans(&self) {
        if self.is_over() {
            return;
        }
        self.0.started.end_orphans();
        self.lock().over = true;
        self.0.ended.notify_all();
    }

    /// Sends a signal to the program and everything in its process group.
    fn signal(&self, signal: Signal) {
        if self.0.by_sudo {
            return self.signal_by_sudo(signal);
        }
        // It may have ended just now.
        let _ = kill_process_group(self.0.pid, signal);
    }

    fn signal_by_sudo(&self, signal: Signal) {
        let (name, pid) = if signal == Signal::KILL { ("KILL", true) } else { ("TERM", false) };
        let group = format!("-{}", self.0.pid.as_raw_nonzero());
        let send = |program: &str, args: &[&str]| {
            #[expect(clippy::disallowed_methods, reason = "this is the place for it")]
            let mut command = Command::new("sudo");
            command.args(["-n", program]).args(args);
            let _ = run(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
        };
        if pid {
            // sudo cannot forward this signal, and may have put the program into a group of its own.
            let parent = self.0.pid.as_raw_nonzero().to_string();
            send("pkill", &["-KILL", "-P", &parent]);
        }
        send("kill", &[&format!("-{name}"), "--", &group]);
    }

    /// Waits for the program to end, ends the processes that it left behind, and records its exit status.
    fn keep(&self, mut child: Child) {
        // It remains a zombie until it is waited for below, so its process ID cannot be reused yet.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(self.0.pid), options), Err(Errno::INTR)) {}
        let mut state = self.lock();
        if !self.0.by_sudo {
            let _ = kill_process_group(self.0.pid, Signal::KILL);
        }
        state.status = Some(child.wait());
        self.0.started.reaped();
        drop(state);
        self.0.ended.notify_all();
    }

    fn wait(&self) -> io::Result<ExitStatus> {
        let waits = |state: &mut State| state.status.is_none();
        let waited = self.0.ended.wait_while(self.lock(), waits);
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        match &state.status {
            Some(Ok(status)) => Ok(*status),
            Some(Err(error)) => Err(io::Error::new(error.kind(), error.to_string())),
            None => Err(io::ErrorKind::Other.into()),
        }
    }
}

/// Returns the signal that ended a program.
#[must_use]
pub fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Runs a program and waits for it.
fn run(command: &mut Command) -> io::Result<ExitStatus> {
    let (mut child, started) = orphans::start(command)?;
    let status = child.wait();
    started.reaped();
    started.end_orphans();
    status
}

/// Starts a thread. The system may refuse.
pub(super) fn spawn<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    thread::Builder::new().name("process".to_owned()).spawn(run)
}

/// Standard output, which may have been taken.
struct Output(Option<Pipe<ChildStdout>>);

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(0), |output| output.read(buffer))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _, path::Path};

    use super::{super::pipe::KEPT, *};

    fn shell(script: &str) -> Program {
        Program {
            name: "sh".into(),
            args: vec!["-c".into(), script.into()],
            env: vec![("WORD".to_owned(), "a b".to_owned())],
            ..Program::default()
        }
    }

    fn read(process: &mut Process) -> String {
        let mut text = String::new();
        process.take_stdout().read_to_string(&mut text).unwrap();
        text
    }

    /// Returns true if a process is running; a zombie is not.
    fn is_running(pid: &str) -> bool {
        let stat = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"));
        stat.is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with(['Z', 'X']))
    }

    /// The end of a process becomes visible to others a little later.
    fn ends(pid: &str) -> bool {
        (0..500).any(|_| {
            thread::sleep(Duration::from_millis(10));
            !is_running(pid)
        })
    }

    #[test]
    fn output_comes_while_the_program_runs_and_its_end_is_told() {
        let mut process =
            Process::start(&shell("echo \"$WORD\"; read x; echo $x >&2; exit 3"), true).unwrap();
        let (mut stdin, mut stdout) = (process.stdin.take().unwrap(), process.take_stdout());
        let mut line = [0; 4];
        stdout.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"a b\n");
        assert!(!process.stopper().has_ended());
        stdin.write_all(b"on\n").unwrap();
        assert_eq!(stdout.read(&mut line).unwrap(), 0);
        let Ended { status, stderr, stopped } = process.wait().unwrap();
        assert_eq!((status.code(), stderr.as_str(), stopped), (Some(3), "on\n", false));
    }

    #[test]
    fn much_standard_error_blocks_nothing_and_its_begin_and_end_are_kept() {
        let script =
            "echo first >&2; head -c 3000000 /dev/zero | tr '\\0' x >&2; echo last >&2; echo out";
        let mut process = Process::start(&shell(script), false).unwrap();
        assert_eq!(read(&mut process), "out\n");
        let stderr = process.wait().unwrap().stderr;
        assert!(
            stderr.starts_with("first\nxxx") && stderr.ends_with("xxxlast\n"),
            "{}",
            stderr.len()
        );
        assert!(stderr.len() < 4 * KEPT && stderr.contains("\n...\n"), "{}", stderr.len());
    }

    #[test]
    fn a_program_that_will_not_end_is_ended_with_all_that_it_started() {
        let script = "trap '' TERM; sleep 1000 & echo $! $$; while :; do sleep 0.1; done";
        let mut process = Process::start(&shell(script), false).unwrap();
        let mut pids = [0; 64];
        let len = process.take_stdout().read(&mut pids).unwrap();
        let pids = String::from_utf8_lossy(&pids[..len]).into_owned();
        assert!(pids.split_whitespace().all(is_running), "{pids}");
        drop(process);
        assert!(pids.split_whitespace().all(ends), "{pids}");
        // The program itself leaves not even a zombie.
        let own = pids.split_whitespace().next_back().unwrap();
        assert!(!Path::new("/proc").join(own).exists());
    }

    #[test]
    fn what_a_program_left_behind_ends_with_it() {
        let mut process = Process::start(&shell("sleep 1000 & echo $!"), false).unwrap();
        let pid = read(&mut process);
        assert!(process.wait().unwrap().status.success());
        assert!(ends(&pid), "{pid}");
    }

    #[test]
    fn what_went_out_of_the_group_does_not_hold_up_the_end() {
        let mut process =
            Process::start(&shell("setsid sleep 1000 & echo $!; sleep 0.3"), false).unwrap();
        let pid = read(&mut process);
        assert!(process.wait().unwrap().status.success());
        let pid = pid.trim().parse().ok().and_then(Pid::from_raw).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
    }

    #[test]
    fn stopping_is_told_and_done_once() {
        let process = Process::start(&shell("exec sleep 1000"), false).unwrap();
        let stopper = process.stopper();
        assert!(!stopper.is_told());
        stopper.stop();
        stopper.stop();
        let ended = process.wait().unwrap();
        assert!(ended.stopped && !ended.status.success() && stopper.has_ended());
        stopper.finish();
    }

    #[test]
    fn a_run_has_its_limits() {
        let run = |script: &str, input: &[u8], bytes, millis| {
            Process::run(&shell(script), input.to_vec(), (bytes, Duration::from_millis(millis)))
        };
        let (output, ended) = run("cat", b"in and out", 100, 60_000).unwrap();
        assert_eq!((output.as_slice(), ended.is_some()), (b"in and out".as_slice(), true));
        // The result does not depend on the program reading its input.
        let (output, ended) = run("echo x", &vec![b'y'; 1 << 20], 100, 60_000).unwrap();
        assert_eq!((output.as_slice(), ended.is_some()), (b"x\n".as_slice(), true));
        let (output, ended) = run("cat /dev/zero", b"", 5, 60_000).unwrap();
        assert_eq!((output.len(), ended.is_none()), (6, true));
        let (_, ended) = run("exec sleep 1000", b"", 100, 50).unwrap();
        assert!(ended.is_none());
        let missing = Program { name: "/no/such/program".into(), ..Program::default() };
        let error = Process::run(&missing, Vec::new(), (1, Duration::ZERO)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
