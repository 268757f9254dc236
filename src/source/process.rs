//! Programs that run: what they write is read as it comes, and they end when they are told to or nobody wants
//! them any more. The only place that starts a program.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
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

/// How long a program that was told to end may take before it is ended by force.
const GRACE: Duration = Duration::from_secs(5);

/// The same for one that nobody waits for.
const SHORT_GRACE: Duration = Duration::from_millis(500);

/// Bytes of standard error that are kept of its begin, and of its end.
const KEPT: usize = 32 << 10;

/// What is started: a program with its arguments, never through a shell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// The program, looked for on the path if it has no slash.
    pub name: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// What is added to its environment.
    pub env: Vec<(String, String)>,
    /// Whether it runs with other rights, by sudo, so that signals must go that way too.
    pub by_sudo: bool,
}

/// A program that was started, in a process group of its own. When it is dropped, it and what it started end.
#[derive(Debug)]
pub struct Process {
    stopper: Stopper,
    stdin: Option<ChildStdin>,
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
    by_sudo: bool,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    told: bool,
    status: Option<io::Result<ExitStatus>>,
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

/// What a program gave that ran to its end.
#[derive(Debug)]
pub struct Ran {
    /// What it wrote to standard output, at most a byte more than it might.
    pub output: Vec<u8>,
    /// Whether that was more than it might.
    pub too_much: bool,
    /// How it ended; it was stopped if it took too long.
    pub ended: Ended,
}

impl Process {
    /// Starts a program. Its standard input is empty unless it is to be written.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(program: &Program, writes: bool) -> io::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "this is the place for it")]
        let mut command = Command::new(&program.name);
        command.args(&program.args).envs(program.env.iter().map(|(name, value)| (name, value)));
        command.stdin(if writes { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: what a terminal sends to this program is not sent to that one, and all that it
        // starts can be ended with it.
        command.process_group(0);
        let mut child = command.spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stderr = child.stderr.take().map(|stderr| thread::spawn(move || Kept::read(stderr)));
        let pid = Pid::from_child(&child);
        let state = Mutex::default();
        let shared = Shared { pid, by_sudo: program.by_sudo, state, ended: Condvar::new() };
        let stopper = Stopper(Arc::new(shared));
        let keeper = {
            let stopper = stopper.clone();
            thread::spawn(move || stopper.keep(child))
        };
        Ok(Self { stopper, stdin, stdout, stderr, keeper: Some(keeper) })
    }

    /// Its standard output, once.
    pub fn take_stdout(&mut self) -> impl Read + Send + use<> {
        Output(self.stdout.take())
    }

    /// What ends it from elsewhere.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// If the system does not tell how it ended.
    pub fn wait(mut self) -> io::Result<Ended> {
        drop(self.stdin.take());
        let (status, stopped) = self.stopper.wait();
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        Ok(Ended { status: status?, stderr: stderr.text(), stopped })
    }

    /// Runs a program to its end: gives it all of its input, and takes at most so many bytes of output and so
    /// much time; then it is ended. `None` if it took more.
    ///
    /// # Errors
    /// If it cannot be started, or its output cannot be read.
    pub fn run(
        program: &Program,
        input: Vec<u8>,
        caps: (u64, Duration),
    ) -> io::Result<(Vec<u8>, Option<Ended>)> {
        let Ran { output, too_much, ended } = Self::run_with(program, input, caps, &|_| {})?;
        Ok((output, Some(ended).filter(|ended| !too_much && !ended.stopped)))
    }

    /// The same, told at length; `started` gets what ends it earlier.
    ///
    /// # Errors
    /// If it cannot be started, or its output cannot be read.
    pub fn run_with(
        program: &Program,
        input: Vec<u8>,
        (bytes, time): (u64, Duration),
        started: &dyn Fn(Stopper),
    ) -> io::Result<Ran> {
        let mut process = Self::start(program, true)?;
        let stopper = process.stopper();
        started(stopper.clone());
        let over_time = stopper.end_after(time);
        if let Some(mut stdin) = process.stdin.take() {
            // Whether it reads its input is its own matter.
            thread::spawn(move || drop(stdin.write_all(&input)));
        }
        let mut output = Vec::new();
        io::copy(&mut process.take_stdout().take(bytes.saturating_add(1)), &mut output)?;
        let too_much = u64::try_from(output.len()).unwrap_or(u64::MAX) > bytes;
        if too_much {
            stopper.kill();
        }
        let ended = process.wait()?;
        let _ = over_time.join();
        Ok(Ran { output, too_much, ended })
    }

    /// Runs a program that may ask the user something: it has this program's terminal.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn ask(program: &Program) -> io::Result<ExitStatus> {
        #[expect(clippy::disallowed_methods, reason = "this is the place for it")]
        let mut command = Command::new(&program.name);
        // What it says must not come between data.
        command.args(&program.args).stdout(Stdio::null()).status()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop((self.stdin.take(), self.stdout.take()));
        self.stopper.end(SHORT_GRACE);
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

impl Stopper {
    /// Tells the program to end, and sees to it that it does.
    pub fn stop(&self) {
        let stopper = self.clone();
        if !self.tell() {
            return;
        }
        thread::spawn(move || stopper.end(GRACE));
    }

    /// Ends the program at once, by force.
    pub fn kill(&self) {
        self.end(Duration::ZERO);
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

    /// Tells it to end, and ends it by force if it does not within some time.
    fn end(&self, grace: Duration) {
        self.tell();
        let state = self.lock();
        let waits = |state: &mut State| state.status.is_none();
        let waited = self.0.ended.wait_timeout_while(state, grace, waits);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        // While the lock is held its number is no other's.
        if state.status.is_none() {
            self.signal(Signal::KILL);
        }
    }

    /// Ends it after some time, if it has not ended by then.
    fn end_after(&self, time: Duration) -> JoinHandle<()> {
        let stopper = self.clone();
        thread::spawn(move || {
            let waits = |state: &mut State| state.status.is_none();
            let waited = stopper.0.ended.wait_timeout_while(stopper.lock(), time, waits);
            let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let over = state.status.is_none();
            drop(state);
            if over {
                stopper.end(SHORT_GRACE);
            }
        })
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
        let run = |program: &str, args: &[&str]| {
            #[expect(clippy::disallowed_methods, reason = "this is the place for it")]
            let mut command = Command::new("sudo");
            command.args(["-n", program]).args(args);
            let _ =
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        };
        if pid {
            // sudo cannot hand this one on, and may have put the program into a group of its own.
            let parent = self.0.pid.as_raw_nonzero().to_string();
            run("pkill", &["-KILL", "-P", &parent]);
        }
        run("kill", &[&format!("-{name}"), "--", &group]);
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
        drop(state);
        self.0.ended.notify_all();
    }

    fn wait(&self) -> (io::Result<ExitStatus>, bool) {
        let waits = |state: &mut State| state.status.is_none();
        let waited = self.0.ended.wait_while(self.lock(), waits);
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        let status = match &state.status {
            Some(Ok(status)) => Ok(*status),
            Some(Err(error)) => Err(io::Error::new(error.kind(), error.to_string())),
            None => Err(io::ErrorKind::Other.into()),
        };
        (status, state.told)
    }
}

/// Standard output, which may have been taken.
struct Output(Option<ChildStdout>);

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(0), |output| output.read(buffer))
    }
}

/// Begin and end of what was written.
#[derive(Debug, Default)]
struct Kept {
    begin: Vec<u8>,
    end: Vec<u8>,
    left_out: bool,
}

impl Kept {
    /// Reads to the end, however much it is.
    fn read(mut from: impl Read) -> Self {
        let mut kept = Self::default();
        let mut buffer = [0; 4096];
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => return kept,
                Ok(read) => buffer.get(..read).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return kept,
            };
            let room = KEPT.saturating_sub(kept.begin.len()).min(read.len());
            let (begin, rest) = read.split_at(room);
            kept.begin.extend_from_slice(begin);
            kept.end.extend_from_slice(rest);
            if kept.end.len() > KEPT * 2 {
                kept.left_out = true;
                kept.end.drain(..kept.end.len() - KEPT);
            }
        }
    }

    fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.begin).into_owned();
        if self.left_out {
            text.push_str("\n...\n");
        }
        text.push_str(&String::from_utf8_lossy(&self.end));
        text
    }
}
