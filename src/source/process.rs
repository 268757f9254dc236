//! Programs that run: what they write is read as it comes, and they end when they are told to or nobody wants
//! them any more. The only place that starts a program.

use std::{
    ffi::OsString,
    io::{self, Read},
    os::unix::process::CommandExt as _,
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

pub use super::orphans::adopt_orphans;

/// How long a program that was told to end may take before it is ended by force.
const GRACE: Duration = Duration::from_secs(5);

/// The same for one that nobody waits for.
const SHORT_GRACE: Duration = Duration::from_millis(500);

/// How long it takes at most until a program has ended that was ended by force.
const FORCE: Duration = Duration::from_secs(2);

/// What is started: a program with its arguments, never through a shell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// The program, looked for on the path if it has no slash.
    pub name: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// What is added to its environment.
    pub env: Vec<(String, String)>,
    /// What is not in its environment, though it is in this program's.
    pub unset: Vec<OsString>,
    /// Whether it runs with other rights, by sudo, so that signals must go that way too.
    pub by_sudo: bool,
}

/// A program that was started, in a process group of its own. When it is dropped, it and what it started end.
#[derive(Debug)]
pub struct Process {
    stopper: Stopper,
    pub(super) stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<JoinHandle<Kept>>,
    keeper: Option<JoinHandle<()>>,
}

/// Ends a process from any thread.
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
    /// Whether what it left behind was ended, too.
    over: bool,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it wrote to standard error; of much of it begin and end.
    pub stderr: String,
    /// Whether it was told to end.
    pub stopped: bool,
}

impl Process {
    /// Starts a program. Its standard input is empty unless it is to be written.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(program: &Program, writes: bool) -> io::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "this is the place for it")]
        let mut command = Command::new(&program.name);
        program.unset.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.args(&program.args).envs(program.env.iter().map(|(name, value)| (name, value)));
        command.stdin(if writes { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: what a terminal sends to this program is not sent to that one, and all that it
        // starts can be ended with it.
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
                // The thread that should wait for it does not exist, and has taken what it is waited with.
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

    /// Its standard output, once.
    pub fn take_stdout(&mut self) -> impl Read + Send + use<> {
        Output(self.stdout.take().map(|stdout| Pipe::new(stdout, self.stopper())))
    }

    /// What ends it from elsewhere.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits for its end, and ends what it left behind. Its output must have been read by then.
    ///
    /// # Errors
    /// If the system does not tell how it ended.
    pub fn wait(mut self) -> io::Result<Ended> {
        drop(self.stdin.take());
        let status = self.stopper.wait();
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        self.stopper.end_orphans();
        Ok(Ended { status: status?, stderr: stderr.text(), stopped: self.stopper.is_told() })
    }

    /// Runs a program that may ask the user something: it has this program's terminal.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn ask(program: &Program) -> io::Result<ExitStatus> {
        #[expect(clippy::disallowed_methods, reason = "this is the place for it")]
        let mut command = Command::new(&program.name);
        // What it says must not come between data.
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
    /// Tells the program to end, and sees to it that it does.
    pub fn stop(&self) {
        let stopper = self.clone();
        if !self.tell() {
            return;
        }
        if spawn(move || stopper.end(GRACE)).is_err() {
            // Nobody would see to it later.
            self.end(SHORT_GRACE);
        }
    }

    /// Ends the program, soon by force, and comes back when it has ended.
    pub fn finish(&self) {
        self.end(SHORT_GRACE);
        if !self.0.by_sudo {
            let _ = self.wait();
        }
    }

    /// Whether it was told to end.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.lock().told
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.lock().status.is_some()
    }

    /// Whether it has ended, and all that it left behind.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.lock().over
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells it to end; false if it has, or was told before.
    fn tell(&self) -> bool {
        let mut state = self.lock();
        if state.told || state.status.is_some() {
            return false;
        }
        state.told = true;
        self.signal(Signal::TERM);
        true
    }

    /// Tells it to end, and ends it by force if it does not within some time. What it left behind ends, too.
    pub(super) fn end(&self, grace: Duration) {
        if self.is_over() {
            return;
        }
        self.tell();
        let waits = |state: &mut State| state.status.is_none();
        let waited = self.0.ended.wait_timeout_while(self.lock(), grace, waits);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        // While the lock is held its number is no other's.
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

    /// Ends it after some time, if by then it has not ended, or something still runs that it left behind.
    pub(super) fn end_after(&self, time: Duration) -> io::Result<JoinHandle<()>> {
        let stopper = self.clone();
        spawn(move || {
            let waits = |state: &mut State| !state.over;
            let waited = stopper.0.ended.wait_timeout_while(stopper.lock(), time, waits);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if state.over {
                return;
            }
            // What is left of it takes its time as well.
            state.told |= state.status.is_some();
            drop(state);
            stopper.end(SHORT_GRACE);
        })
    }

    /// Ends what the program left behind when it ended. After that nothing more is expected of it.
    fn end_orphans(&self) {
        if self.is_over() {
            return;
        }
        self.0.started.end_orphans();
        self.lock().over = true;
        self.0.ended.notify_all();
    }

    /// Sends a signal to the program and all that it started.
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
            // sudo cannot hand this one on, and may have put the program into a group of its own.
            let parent = self.0.pid.as_raw_nonzero().to_string();
            send("pkill", &["-KILL", "-P", &parent]);
        }
        send("kill", &[&format!("-{name}"), "--", &group]);
    }

    /// Waits for the program's end, ends what it left behind, and tells of it.
    fn keep(&self, mut child: Child) {
        // It stays there until it is waited for below: its number can be no other's yet.
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

/// Runs a program that is no script, and waits for it.
fn run(command: &mut Command) -> io::Result<ExitStatus> {
    let (mut child, started) = orphans::start(command)?;
    let status = child.wait();
    started.reaped();
    started.end_orphans();
    status
}

/// A thread; the system may have none left.
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

    /// Whether a process runs: one that has ended and is not waited for yet does not.
    fn is_running(pid: &str) -> bool {
        let stat = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"));
        stat.is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with(['Z', 'X']))
    }

    /// Processes that ended end a little later for others.
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
        // Of the program itself not even the entry of one that ended stays.
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
        // Whether input is read makes no difference.
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
