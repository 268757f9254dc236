//! Several threads read small inputs, in groups; what they make of them is written in the order of the
//! inputs.

use std::{
    collections::VecDeque,
    io::Cursor,
    sync::{
        Arc,
        atomic::AtomicBool,
        mpsc::{self, Receiver},
    },
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{
    OUTPUT,
    coder::{Coder, Output},
    reading::{self, Stream},
};
use crate::{
    error::{Error, Result},
    xml::Options,
};

/// Bytes of inputs that are read together. Where groups end depends on the inputs alone.
const GROUP: usize = 1 << 20;
/// Groups a thread that are under way: as many as keep it busy while the oldest is written.
const AHEAD: usize = 2;

/// An input that is read by a thread, or the error in place of one.
pub(super) enum Task {
    Read { name: String, named: bool, bytes: Vec<u8> },
    Refused(Error),
}

/// Threads, and what is under way.
pub(super) struct Crew {
    pool: ThreadPool,
    threads: usize,
    options: Arc<Options>,
    stop: Arc<AtomicBool>,
    group: Vec<Task>,
    bytes: usize,
    under_way: VecDeque<Receiver<Done>>,
    idle: Vec<Coder>,
}

/// What a thread made of a group.
struct Done {
    tasks: Vec<Task>,
    coder: Coder,
    outputs: Result<Vec<Output>>,
}

impl Crew {
    /// A crew of so many threads.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub(super) fn new(threads: usize, options: &Options, stop: &Arc<AtomicBool>) -> Result<Self> {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        Ok(Self {
            pool: pool.map_err(|error| Error::usage(format!("no threads: {error}")))?,
            threads,
            options: Arc::new(options.clone()),
            stop: Arc::clone(stop),
            group: Vec::new(),
            bytes: 0,
            under_way: VecDeque::new(),
            idle: Vec::new(),
        })
    }

    /// Adds a task to the group; true when that should be sent.
    pub(super) fn add(&mut self, task: Task) -> bool {
        // An input costs something however small it is.
        self.bytes = self.bytes.saturating_add(4096);
        if let Task::Read { bytes, .. } = &task {
            self.bytes = self.bytes.saturating_add(bytes.len());
        }
        self.group.push(task);
        self.bytes >= GROUP
    }

    /// Sends the group to the threads.
    pub(super) fn send(&mut self, coder: impl FnOnce() -> Coder) {
        if self.group.is_empty() {
            return;
        }
        self.bytes = 0;
        let tasks = std::mem::take(&mut self.group);
        let coder = self.idle.pop().unwrap_or_else(coder);
        let (options, stop) = (Arc::clone(&self.options), Arc::clone(&self.stop));
        let (sender, receiver) = mpsc::sync_channel(1);
        self.pool.spawn(move || {
            // Nobody waits for it any more when writing failed.
            let _ = sender.send(work(tasks, coder, (&options, &stop)));
        });
        self.under_way.push_back(receiver);
    }

    /// Whether the oldest group must be written before another is sent.
    pub(super) fn is_full(&self) -> bool {
        self.under_way.len() >= self.threads.saturating_mul(AHEAD)
    }

    /// Waits for the oldest group that is under way. Its scans are held against those read before; if one
    /// of them was, the group is read again by a coder that knows. `None` if nothing is under way.
    ///
    /// # Errors
    /// If output could not be encoded.
    pub(super) fn next(&mut self, main: &mut Coder) -> Result<Option<Vec<Output>>> {
        let Some(oldest) = self.under_way.pop_front() else { return Ok(None) };
        let lost = |_| Error::usage("a thread ended early");
        let mut done = oldest.recv().map_err(lost)?;
        let before: Vec<_> =
            done.coder.seen.iter().filter(|id| main.known.contains(*id)).cloned().collect();
        if !before.is_empty() {
            done.coder.forget();
            done.coder.known.extend(before);
            done = work(done.tasks, done.coder, (&self.options, &self.stop));
        }
        let outputs = done.outputs?;
        main.absorb(&mut done.coder);
        done.coder.forget();
        self.idle.push(done.coder);
        Ok(Some(outputs))
    }
}

/// Reads a group. What it makes depends on the group alone, and on what the coder knows.
fn work(tasks: Vec<Task>, mut coder: Coder, (options, stop): (&Options, &AtomicBool)) -> Done {
    let mut outputs = Vec::new();
    let mut read = |task: &Task| match task {
        Task::Read { name, named, bytes } => {
            let bytes = Box::new(Cursor::new(bytes));
            let stream = Stream { name: name.clone(), named: *named, bytes };
            reading::read(&mut coder, stream, (options, stop), &mut |_, _| {}, &mut |coder, _| {
                if coder.ready() >= OUTPUT {
                    outputs.push(coder.take());
                }
                Ok(())
            })
        }
        Task::Refused(error) => {
            coder.report.refuse(error);
            Ok(())
        }
    };
    let result = tasks.iter().try_for_each(&mut read);
    let result = result.and_then(|()| coder.take_all());
    let outputs = result.map(|last| {
        outputs.push(last);
        outputs
    });
    Done { tasks, coder, outputs }
}
