//! Running program: its start, its end and the handles that end it. The header of `process` describes how they interact.

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

#[cfg(feature = "cli")]
pub(crate) use super::orphans::adopt_orphans;
use super::{
    command::{CommandSpec, ExitInfo},
    orphans::{self, ProgramId},
    pipe::{ChildPipe, StderrExcerpt},
};

/// Time that a program has to end after it was asked to, before it is killed.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Time that a program has to end before it is killed if its output is no longer wanted.
const DROP_GRACE: Duration = Duration::from_millis(500);

/// Maximum time to wait for the end of a program that was killed.
const KILL_WAIT: Duration = Duration::from_secs(2);

/// Running program, in a process group of its own. Dropping it ends the program and everything it started.
#[derive(Debug)]
pub(crate) struct ChildProcess {
    handle: StopHandle,
    pub(super) stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<JoinHandle<StderrExcerpt>>,
    supervisor: Option<JoinHandle<()>>,
}

/// Standard output of a program, which ends with the program; empty if it was taken before.
#[derive(Debug)]
pub(crate) struct ChildStdoutReader(Option<ChildPipe<ChildStdout>>);

/// Handle that ends a process from any thread.
#[derive(Debug, Clone)]
pub(crate) struct StopHandle(Arc<SharedState>);

/// State that the handles of a process share.
#[derive(Debug)]
struct SharedState {
    pid: Pid,
    id: ProgramId,
    by_sudo: bool,
    state: Mutex<RunState>,
    /// Notified when the program, and when all of its processes have ended.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct RunState {
    stop_requested: bool,
    status: Option<io::Result<ExitStatus>>,
    /// True if the processes that it left behind were ended, too.
    is_finished: bool,
}

impl ChildProcess {
    /// Starts a program whose standard input is empty.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub(crate) fn start(spec: &CommandSpec) -> io::Result<Self> {
        Self::spawn(spec, Stdio::null())
    }

    /// Starts a program whose standard input is written by the caller.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub(super) fn start_with_input(spec: &CommandSpec) -> io::Result<Self> {
        Self::spawn(spec, Stdio::piped())
    }

    fn spawn(spec: &CommandSpec, stdin: Stdio) -> io::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "this is the place for it")]
        let mut command = Command::new(&spec.program);
        spec.env_remove.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.args(&spec.args).envs(spec.env.iter().map(|(name, value)| (name, value)));
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A process group of its own: signals that a terminal sends to scanmill do not reach the program, and
        // everything it starts can be ended with it.
        command.process_group(0);
        let (mut child, id) = orphans::start(&mut command)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stderr = child.stderr.take();
        let pid = Pid::from_child(&child);
        let shared = SharedState {
            pid,
            id,
            by_sudo: spec.by_sudo,
            state: Mutex::default(),
            changed: Condvar::new(),
        };
        let handle = StopHandle(Arc::new(shared));
        let supervised = handle.clone();
        let supervisor = match spawn_thread(move || supervised.supervise(child)) {
            Ok(supervisor) => supervisor,
            Err(error) => {
                // Without a thread to wait for it, the program cannot be supervised: the closure that owned its handle
                // is gone.
                handle.signal(Signal::KILL);
                let options = WaitIdOptions::EXITED;
                while matches!(waitid(WaitId::Pid(pid), options), Err(Errno::INTR)) {}
                handle.0.id.set_reaped();
                handle.end_orphans();
                return Err(error);
            }
        };
        let mut process =
            Self { handle, stdin, stdout, stderr: None, supervisor: Some(supervisor) };
        if let Some(stderr) = stderr {
            let stderr = ChildPipe::new(stderr, process.stop_handle());
            process.stderr = Some(spawn_thread(move || StderrExcerpt::read(stderr))?);
        }
        Ok(process)
    }

    /// Returns its standard output. A second call returns an empty reader.
    pub(crate) fn take_stdout(&mut self) -> ChildStdoutReader {
        let stdout = self.stdout.take();
        ChildStdoutReader(stdout.map(|stdout| ChildPipe::new(stdout, self.stop_handle())))
    }

    /// Returns a handle that ends the process from elsewhere.
    pub(crate) fn stop_handle(&self) -> StopHandle {
        self.handle.clone()
    }

    /// Waits for the program to end, then ends the processes that it left behind. Its output must have been read
    /// before.
    ///
    /// # Errors
    /// Fails if the system does not report how it ended.
    pub(crate) fn wait(mut self) -> io::Result<ExitInfo> {
        drop(self.stdin.take());
        let status = self.handle.wait();
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        self.handle.end_orphans();
        let stopped = self.handle.lock().stop_requested;
        Ok(ExitInfo { status: status?, stderr: stderr.into_text(), stopped })
    }

    /// Runs a program that may ask the user something, with access to scanmill's terminal.
    ///
    /// # Errors
    /// Fails if it cannot be run.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only the command calls it"))]
    pub(crate) fn run_interactive(spec: &CommandSpec) -> io::Result<ExitStatus> {
        #[expect(clippy::disallowed_methods, reason = "this is the place for it")]
        let mut command = Command::new(&spec.program);
        // Its output must not end up in the data.
        run(command.args(&spec.args).stdout(Stdio::null()))
    }
}

impl Read for ChildStdoutReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(0), |stdout| stdout.read(buffer))
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        drop((self.stdin.take(), self.stdout.take()));
        self.handle.stop_within(DROP_GRACE);
        if let Some(supervisor) = self.supervisor.take() {
            let _ = supervisor.join();
        }
        self.handle.end_orphans();
    }
}

impl StopHandle {
    /// Asks the program to end, and kills it if it does not within the grace period.
    pub(crate) fn stop(&self) {
        let handle = self.clone();
        if !self.request_stop() {
            return;
        }
        if spawn_thread(move || handle.stop_within(STOP_GRACE)).is_err() {
            // Without a thread nothing would enforce it later.
            self.stop_within(DROP_GRACE);
        }
    }

    /// Ends the program, by force after a short grace period, and returns when it has ended.
    pub(crate) fn finish(&self) {
        self.stop_within(DROP_GRACE);
        if !self.0.by_sudo {
            let _ = self.wait();
        }
    }

    /// Returns true if the program has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.lock().status.is_some()
    }

    /// Returns true if the program and everything that it left behind have ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.lock().is_finished
    }

    fn lock(&self) -> MutexGuard<'_, RunState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks it to end. Returns false if it has ended or was asked before.
    fn request_stop(&self) -> bool {
        let mut state = self.lock();
        if state.stop_requested || state.status.is_some() {
            return false;
        }
        state.stop_requested = true;
        self.signal(Signal::TERM);
        true
    }

    /// Asks it to end, and kills it if it does not within `grace`. The processes that it left behind end, too.
    pub(super) fn stop_within(&self, grace: Duration) {
        if self.is_finished() {
            return;
        }
        self.request_stop();
        let waits = |state: &mut RunState| state.status.is_none();
        let waited = self.0.changed.wait_timeout_while(self.lock(), grace, waits);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        // While the lock is held, its process ID cannot be reused.
        if state.status.is_none() {
            self.signal(Signal::KILL);
        }
        if self.0.by_sudo {
            return;
        }
        let waited = self.0.changed.wait_timeout_while(state, KILL_WAIT, waits);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let has_ended = state.status.is_some();
        drop(state);
        if has_ended {
            self.end_orphans();
        }
    }

    /// Ends it after `time` if it, or something that it left behind, is still running.
    pub(super) fn stop_after(&self, time: Duration) -> io::Result<JoinHandle<()>> {
        let handle = self.clone();
        spawn_thread(move || {
            let waits = |state: &mut RunState| !state.is_finished;
            let waited = handle.0.changed.wait_timeout_while(handle.lock(), time, waits);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if state.is_finished {
                return;
            }
            // Its remaining children exceed the time limit as well.
            state.stop_requested |= state.status.is_some();
            drop(state);
            handle.stop_within(DROP_GRACE);
        })
    }

    /// Ends the processes that the program left behind when it ended. No more output is expected after that.
    fn end_orphans(&self) {
        if self.is_finished() {
            return;
        }
        self.0.id.end_orphans();
        self.lock().is_finished = true;
        self.0.changed.notify_all();
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
    fn supervise(&self, mut child: Child) {
        // It remains a zombie until it is waited for below, so its process ID cannot be reused yet.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(self.0.pid), options), Err(Errno::INTR)) {}
        let mut state = self.lock();
        if !self.0.by_sudo {
            let _ = kill_process_group(self.0.pid, Signal::KILL);
        }
        state.status = Some(child.wait());
        self.0.id.set_reaped();
        drop(state);
        self.0.changed.notify_all();
    }

    fn wait(&self) -> io::Result<ExitStatus> {
        let waits = |state: &mut RunState| state.status.is_none();
        let waited = self.0.changed.wait_while(self.lock(), waits);
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        match &state.status {
            Some(Ok(status)) => Ok(*status),
            Some(Err(error)) => Err(io::Error::new(error.kind(), error.to_string())),
            None => Err(io::ErrorKind::Other.into()),
        }
    }
}

/// Returns the signal that ended a program.
pub(super) fn exit_signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Runs a program and waits for it.
fn run(command: &mut Command) -> io::Result<ExitStatus> {
    let (mut child, id) = orphans::start(command)?;
    let status = child.wait();
    id.set_reaped();
    id.end_orphans();
    status
}

/// Starts a thread. The system may refuse.
pub(super) fn spawn_thread<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    thread::Builder::new().name("process".to_owned()).spawn(run)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _, path::Path};

    use super::{
        super::{group::ProcessGroup, output::OutputLimits, pipe::EXCERPT_BYTES},
        *,
    };

    fn shell(script: &str) -> CommandSpec {
        CommandSpec {
            program: "sh".into(),
            args: vec!["-c".into(), script.into()],
            env: vec![("WORD".to_owned(), "a b".to_owned())],
            ..CommandSpec::default()
        }
    }

    fn read(process: &mut ChildProcess) -> String {
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
    fn output_arrives_while_the_program_runs_and_its_end_is_reported() {
        let mut process =
            ChildProcess::start_with_input(&shell("echo \"$WORD\"; read x; echo $x >&2; exit 3"))
                .unwrap();
        let (mut stdin, mut stdout) = (process.stdin.take().unwrap(), process.take_stdout());
        let mut line = [0; 4];
        stdout.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"a b\n");
        assert!(!process.stop_handle().has_ended());
        stdin.write_all(b"on\n").unwrap();
        assert_eq!(stdout.read(&mut line).unwrap(), 0);
        let ExitInfo { status, stderr, stopped } = process.wait().unwrap();
        assert_eq!((status.code(), stderr.as_str(), stopped), (Some(3), "on\n", false));
    }

    #[test]
    fn much_standard_error_does_not_block_and_its_start_and_end_are_kept() {
        let script =
            "echo first >&2; head -c 3000000 /dev/zero | tr '\\0' x >&2; echo last >&2; echo out";
        let mut process = ChildProcess::start(&shell(script)).unwrap();
        assert_eq!(read(&mut process), "out\n");
        let stderr = process.wait().unwrap().stderr;
        assert!(
            stderr.starts_with("first\nxxx") && stderr.ends_with("xxxlast\n"),
            "{}",
            stderr.len()
        );
        assert!(stderr.len() < 4 * EXCERPT_BYTES && stderr.contains("\n...\n"), "{}", stderr.len());
    }

    #[test]
    fn a_program_that_does_not_end_is_killed_with_its_children() {
        let script = "trap '' TERM; sleep 1000 & echo $! $$; while :; do sleep 0.1; done";
        let mut process = ChildProcess::start(&shell(script)).unwrap();
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
    fn processes_that_a_program_left_behind_end_with_it() {
        let mut process = ChildProcess::start(&shell("sleep 1000 & echo $!")).unwrap();
        let pid = read(&mut process);
        assert!(process.wait().unwrap().status.success());
        assert!(ends(&pid), "{pid}");
    }

    #[test]
    fn processes_outside_the_group_do_not_delay_the_end() {
        let mut process =
            ChildProcess::start(&shell("setsid sleep 1000 & echo $!; sleep 0.3")).unwrap();
        let pid = read(&mut process);
        assert!(process.wait().unwrap().status.success());
        let pid = pid.trim().parse().ok().and_then(Pid::from_raw).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
    }

    #[test]
    fn stopping_is_reported_and_done_once() {
        let process = ChildProcess::start(&shell("exec sleep 1000")).unwrap();
        let handle = process.stop_handle();
        assert!(!handle.has_ended());
        handle.stop();
        handle.stop();
        let exit = process.wait().unwrap();
        assert!(exit.stopped && !exit.status.success() && handle.has_ended());
        handle.finish();
    }

    #[test]
    fn a_run_has_its_limits() {
        let run = |command: &CommandSpec, input: &[u8], max_bytes, millis| {
            let limits = OutputLimits { max_bytes, timeout: Duration::from_millis(millis) };
            ChildProcess::run(command, input.to_vec(), limits, &ProcessGroup::default())
        };
        let output = run(&shell("cat"), b"in and out", 100, 60_000).unwrap();
        assert_eq!((output.stdout.as_slice(), output.is_success()), (&b"in and out"[..], true));
        // The result does not depend on the program reading its input.
        let output = run(&shell("echo x"), &vec![b'y'; 1 << 20], 100, 60_000).unwrap();
        assert_eq!((output.stdout.as_slice(), output.is_success()), (&b"x\n"[..], true));
        let output = run(&shell("cat /dev/zero"), b"", 5, 60_000).unwrap();
        assert_eq!(
            (output.stdout.len(), output.is_too_long, output.is_success()),
            (6, true, false)
        );
        let output = run(&shell("exec sleep 1000"), b"", 100, 50).unwrap();
        assert!(output.exit.stopped && !output.is_success());
        let missing = CommandSpec { program: "/no/such/program".into(), ..CommandSpec::default() };
        let error = run(&missing, b"", 1, 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
