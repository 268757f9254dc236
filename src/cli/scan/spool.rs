//! Several processes at once: what each writes goes to a file, and is read when it has ended, in their order.

use std::{
    fs::File,
    io::{self, Read, Seek as _},
    thread::{self, ScopedJoinHandle},
};

use super::{Part, Scan, nmap::Seen, tasks::Tasks};
use crate::{
    error::{Error, Result},
    pipeline::Pipeline,
    source::{Copied, process::Process},
    xml::{Options, Reader},
};

/// A process that runs, and the thread that takes what it writes.
struct Spooled<'s> {
    name: String,
    process: Process,
    file: ScopedJoinHandle<'s, Result<File>>,
}

impl Scan<'_> {
    /// Runs all processes at once, and reads what they wrote in their order.
    pub(super) fn read_all(&mut self, parts: Vec<Part>, pipeline: &mut Pipeline) -> Result<()> {
        // Threads must not hold what is changed here.
        let tasks = std::mem::replace(&mut self.tasks, Tasks::begin(None, 0));
        let result = thread::scope(|scope| {
            let mut all = Vec::new();
            for (number, part) in parts.into_iter().enumerate() {
                let Part { name, program, kept } = part;
                let mut process = self.start(&program)?;
                let (file, kept) = match kept {
                    Some(kept) => kept,
                    None => (self.temporary()?, "a temporary file".to_owned()),
                };
                let copied = Copied::new(process.take_stdout(), Some(file), kept);
                let tasks = &tasks;
                let spawned = thread::Builder::new()
                    .spawn_scoped(scope, move || spool(copied, (tasks, number)));
                let file = spawned.map_err(|error| Error::scan(format!("no thread: {error}")))?;
                all.push(Spooled { name, process, file });
            }
            all.into_iter().try_for_each(|spooled| self.read_spooled(spooled, pipeline))
        });
        self.tasks = tasks;
        result
    }

    fn read_spooled(&mut self, spooled: Spooled<'_>, pipeline: &mut Pipeline) -> Result<()> {
        let Spooled { name, process, file } = spooled;
        let file = file.join().map_err(|_| Error::scan("a thread ended early"))??;
        let mut seen = Seen::default();
        pipeline.read_live(&name, file, &mut |_, event| seen.see(event))?;
        self.end(process, true, (name, &seen))
    }

    fn temporary(&self) -> Result<File> {
        let file = match &self.args.temp_dir {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        };
        file.map_err(|error| Error::sink("a temporary file", error))
    }
}

/// Takes all that a process writes into its file, and shows how far it is.
fn spool(mut copied: Copied<impl Read, File>, (tasks, part): (&Tasks, usize)) -> Result<File> {
    let mut reader = Reader::new(&mut copied, Options::default());
    while let Ok(Some(event)) = reader.next_event() {
        tasks.see(part, &event);
    }
    // What is no XML is taken too, and an error of the copy comes again.
    io::copy(&mut copied, &mut io::sink())?;
    let mut file = copied.into_copy().ok_or_else(|| Error::scan("there is no copy"))?;
    file.rewind()?;
    Ok(file)
}
