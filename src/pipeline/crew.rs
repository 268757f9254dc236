//! Several threads read: small inputs in groups, large ones by batches of hosts. What they make of them is
//! written in the order of the inputs.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::AtomicBool},
};

use super::{
    coder::Coder,
    output::{Gathering, Output, Taker},
    reading::{self, Reading, Stream},
    split::{Turn, Turns},
};
use crate::{
    error::{Error, Result},
    model::RunHeader,
    sink::{Notice, Pending, Workers},
    xml::{HostBatch, HostNotes, Options},
};

/// Pieces of work a thread that are under way: as many as keep it busy while the oldest is written.
const AHEAD: usize = 4;
/// Bytes that are under way: the largest hosts wait for each other.
const UNDER_WAY: usize = 16 << 20;
/// Bytes of small inputs that are under way, a thread: a document of two MiB takes ten times that until its
/// rows are written.
const INPUTS: usize = 3 << 20;
/// Things that wait for the work before them.
const WAITING: usize = 4096;
/// Bytes of a small input that a decoder is given at once.
const HEAD: usize = 64 << 10;
/// What was read takes more than its XML, up to about so many times.
const READ: usize = 8;

/// An input that is read by a thread, or what is told in its place.
pub(super) enum Task {
    Read { name: String, named: bool, bytes: Vec<u8> },
    Refused(Error),
    Known(String),
    Mark(u64),
}

/// What a thread is given.
pub(super) enum Work {
    Inputs(Vec<Task>),
    Hosts(Arc<RunHeader>, HostBatch),
    /// Documents of an input, each as a whole, and the bytes of all of them.
    Documents(Vec<Turn>, usize),
}

/// What is under way, in order: work, and things that are done when all before them is.
enum Step {
    /// With the bytes that it counts as.
    Work(Pending<Done>, usize),
    /// With the bytes that it holds.
    Then(Turn, usize),
}

/// The oldest step, done.
pub(super) enum Next {
    /// Output of a thread, and what it noted of hosts.
    Outputs(Vec<Output>, Option<HostNotes>),
    /// Work that is to be done here, by the coder that knows all.
    Again(Work),
    /// What was to be done then.
    Then(Turn),
}

/// Threads, and what is under way.
pub(super) struct Crew {
    workers: Workers,
    options: Arc<Options>,
    stop: Arc<AtomicBool>,
    /// Inputs that are read together. Where groups end depends on the inputs alone.
    group: Vec<Task>,
    /// Bytes of the group, and from how many on it is sent.
    bytes: usize,
    most: usize,
    steps: VecDeque<Step>,
    /// Steps that are work, and the bytes of all steps.
    working: usize,
    under_way: usize,
    idle: Vec<Coder>,
}

/// What a thread made of its work.
struct Done {
    work: Work,
    coder: Coder,
    gathered: Gathering,
    result: Result<Option<HostNotes>>,
}

impl Crew {
    /// A crew of these threads, with groups of about so many bytes.
    pub(super) fn new(
        workers: Workers,
        options: &Options,
        stop: &Arc<AtomicBool>,
        most: usize,
    ) -> Self {
        Self {
            workers,
            options: Arc::new(options.clone()),
            stop: Arc::clone(stop),
            group: Vec::new(),
            bytes: 0,
            most,
            steps: VecDeque::new(),
            working: 0,
            under_way: 0,
            idle: Vec::new(),
        }
    }

    /// The threads.
    pub(super) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Adds a task to the group; true when that should be sent.
    pub(super) fn add(&mut self, task: Task) -> bool {
        // An input costs something however small it is.
        self.bytes = self.bytes.saturating_add(4096);
        if let Task::Read { bytes, .. } = &task {
            self.bytes = self.bytes.saturating_add(bytes.len());
        }
        self.group.push(task);
        self.bytes >= self.most
    }

    /// Sends the group to the threads.
    pub(super) fn send_group(&mut self, coder: impl FnOnce() -> Coder) {
        if !self.group.is_empty() {
            self.bytes = 0;
            let tasks = std::mem::take(&mut self.group);
            self.send(Work::Inputs(tasks), coder);
        }
    }

    /// Sends hosts to the threads.
    pub(super) fn send_hosts(
        &mut self,
        run: &Arc<RunHeader>,
        batch: HostBatch,
        coder: impl FnOnce() -> Coder,
    ) {
        self.send(Work::Hosts(Arc::clone(run), batch), coder);
    }

    /// Sends documents of an input to the threads, each of them a whole one, of so many bytes.
    pub(super) fn send_documents(
        &mut self,
        turns: Vec<Turn>,
        bytes: usize,
        coder: impl FnOnce() -> Coder,
    ) {
        self.send(Work::Documents(turns, bytes), coder);
    }

    fn send(&mut self, work: Work, coder: impl FnOnce() -> Coder) {
        let bytes = match &work {
            Work::Hosts(_, batch) => batch.size(),
            Work::Inputs(_) | Work::Documents(..) => {
                let most = self.workers.count().saturating_mul(INPUTS).max(1);
                work.size().saturating_mul(UNDER_WAY) / most
            }
        };
        let gathering = Gathering::of(work.size());
        let coder = self.idle.pop().unwrap_or_else(coder);
        let (options, stop) = (Arc::clone(&self.options), Arc::clone(&self.stop));
        let pending = self.workers.start(move || {
            let (mut coder, mut gathered) = (coder, gathering);
            let result = work.run(&mut coder, (&options, &stop), &mut gathered);
            let result = result.and_then(|notes| {
                gathered.take(coder.take_all()?)?;
                Ok(notes)
            });
            Done { work, coder, gathered, result }
        });
        self.working = self.working.saturating_add(1);
        self.under_way = self.under_way.saturating_add(bytes);
        self.steps.push_back(Step::Work(pending, bytes));
    }

    /// Has something done when all that was sent is. It was read from so many bytes.
    pub(super) fn then(&mut self, what: Turn, read: usize) {
        let bytes = read.saturating_mul(READ);
        self.under_way = self.under_way.saturating_add(bytes);
        self.steps.push_back(Step::Then(what, bytes));
    }

    /// Whether the oldest step must be taken before there is another.
    pub(super) fn is_full(&self) -> bool {
        self.working >= self.workers.count().saturating_mul(AHEAD)
            || self.under_way >= UNDER_WAY
            || self.steps.len() >= WAITING
    }

    /// Waits for the oldest step. Scans of inputs are held against those read before: if one of them was, or
    /// there was too much output, the work is to be done again. `None` if there is no step.
    ///
    /// # Errors
    /// If output could not be encoded.
    pub(super) fn next(&mut self, main: &mut Coder) -> Result<Option<Next>> {
        let oldest = match self.steps.pop_front() {
            None => return Ok(None),
            Some(Step::Then(what, bytes)) => {
                self.under_way = self.under_way.saturating_sub(bytes);
                return Ok(Some(Next::Then(what)));
            }
            Some(Step::Work(pending, bytes)) => {
                self.under_way = self.under_way.saturating_sub(bytes);
                pending
            }
        };
        self.working = self.working.saturating_sub(1);
        let Done { work, mut coder, gathered, result } = oldest.wait()?;
        if gathered.is_too_much || coder.seen.iter().any(|(id, _)| main.known.get(id).is_some()) {
            return Ok(Some(Next::Again(work)));
        }
        let notes = result?;
        main.absorb(&mut coder);
        coder.forget();
        self.idle.push(coder);
        Ok(Some(Next::Outputs(gathered.outputs, notes)))
    }

    /// How work is read.
    pub(super) fn options(&self) -> (Arc<Options>, Arc<AtomicBool>) {
        (Arc::clone(&self.options), Arc::clone(&self.stop))
    }
}

impl Work {
    /// Bytes that are read.
    fn size(&self) -> usize {
        match self {
            Self::Inputs(tasks) => tasks.iter().fold(0, |sum, task| match task {
                Task::Read { bytes, .. } => sum.saturating_add(bytes.len()),
                _ => sum,
            }),
            Self::Hosts(_, batch) => batch.size(),
            Self::Documents(_, bytes) => *bytes,
        }
    }

    /// Does it, and gives what was noted of hosts. What comes of it depends on the work alone, and on what
    /// the coder knows.
    ///
    /// # Errors
    /// If output cannot be encoded or taken.
    pub(super) fn run(
        &self,
        coder: &mut Coder,
        read: (&Options, &AtomicBool),
        taker: &mut dyn Taker,
    ) -> Result<Option<HostNotes>> {
        match self {
            Self::Inputs(tasks) => {
                let (options, stop) = read;
                let mut reading = Reading { options, stop, spare: &mut None };
                tasks.iter().try_for_each(|task| input(task, coder, &mut reading, taker))?;
                Ok(None)
            }
            Self::Hosts(run, batch) => {
                batch.read(&mut |host| coder.host(run, host, taker)).map(Some)
            }
            Self::Documents(turns, _) => Turns::take_whole(turns, coder, taker).map(|()| None),
        }
    }
}

/// What is not read but only told of.
pub(super) fn told(task: &Task, coder: &mut Coder) {
    match task {
        Task::Read { .. } => {}
        Task::Refused(error) => {
            coder.report.refuse(error);
            coder.note(Notice::Refused);
        }
        Task::Known(name) => coder.report.known(name),
        Task::Mark(number) => coder.note(Notice::Mark(*number)),
    }
}

fn input(
    task: &Task,
    coder: &mut Coder,
    reading: &mut Reading<'_>,
    taker: &mut dyn Taker,
) -> Result<()> {
    match task {
        Task::Read { name, named, bytes } => {
            let (head, bytes) = bytes.split_at(bytes.len().min(HEAD));
            let stream = Stream { name: name.clone(), named: *named, head, bytes: Box::new(bytes) };
            reading::read(coder, stream, reading, &mut |_, _| {}, taker)
        }
        other => {
            told(other, coder);
            Ok(())
        }
    }
}
