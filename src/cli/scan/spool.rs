//! Parallel processes: the output of each goes to a file, which is read in order after the process
//! has ended.

use std::{
    io::{self, Read, Seek as _},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, ScopedJoinHandle},
};

use super::{Part, Scan, nmap::Keep, tasks::Tasks};
use crate::{
    error::{Error, ErrorKind, Result},
    format::Format,
    fs::{self, File},
    pipeline::Pipeline,
    scanner::{NmapProcess, Preamble},
    source::Copied,
    xml::{Options, Reader},
};

/// Running process, and the thread that copies its output.
struct Spooled<'s> {
    name: String,
    nmap: NmapProcess,
    file: ScopedJoinHandle<'s, Result<Option<File>>>,
}

impl Scan<'_> {
    /// Runs all processes at once, and reads their output in the order of the processes.
    pub(super) fn read_all<F: Format>(
        &mut self,
        parts: Vec<Part>,
        pipeline: &mut Pipeline<F>,
    ) -> Result<()> {
        // The threads borrow the progress display, so it is moved out of `self`, which changes
        // meanwhile.
        let tasks = std::mem::replace(&mut self.tasks, Tasks::begin(None, 0));
        let result = thread::scope(|scope| {
            let mut all = Vec::new();
            for (number, part) in parts.into_iter().enumerate() {
                let Part { name, program, kept } = part;
                let mut nmap = NmapProcess::start(&program, &self.running)?;
                let kept = kept.map_or_else(|| self.temporary().map(Keep::temporary), Ok)?;
                let called = kept.name();
                let copied = Copied::new(nmap.take_stdout(), Some(kept), called);
                let tasks = &tasks;
                let spawned = thread::Builder::new()
                    .spawn_scoped(scope, move || spool(copied, (tasks, number)));
                let file = spawned.map_err(|error| Error::scan(format!("no thread: {error}")))?;
                all.push(Spooled { name, nmap, file });
            }
            all.into_iter().try_for_each(|spooled| self.read_spooled(spooled, pipeline))
        });
        self.tasks = tasks;
        result
    }

    fn read_spooled<F: Format>(
        &mut self,
        spooled: Spooled<'_>,
        pipeline: &mut Pipeline<F>,
    ) -> Result<()> {
        let Spooled { name, mut nmap, file } = spooled;
        let file = file.join().map_err(|_| Error::scan("a thread ended early"))??;
        let bytes: Box<dyn Read> = match file {
            Some(file) => Box::new(file),
            None => Box::new(io::empty()),
        };
        pipeline.read_live(&name, bytes, &mut |_, event| nmap.observe(event))?;
        self.end(nmap, true, name)
    }

    fn temporary(&self) -> Result<File> {
        let folder = self.args.temp_dir.as_deref().map(Path::to_path_buf);
        fs::tempfile_in(folder.unwrap_or_else(std::env::temp_dir))
            .map_err(|error| Error::sink("a temporary file", error))
    }
}

/// Copies the output of a process to its file until the process closes it, and shows its progress.
fn spool(
    mut copied: Copied<impl Read, Keep>,
    (tasks, part): (&Tasks, usize),
) -> Result<Option<File>> {
    let exists = Arc::new(AtomicBool::new(false));
    let mut reader = Reader::new(Preamble::new(&mut copied, &exists), Options::default());
    let mut strange = false;
    loop {
        match reader.next_event() {
            Ok(Some(event)) => {
                exists.store(true, Ordering::Relaxed);
                tasks.see(part, &event);
            }
            Ok(None) => break,
            Err(error) => {
                strange = matches!(error.kind(), ErrorKind::Scan(_));
                break;
            }
        }
    }
    if !strange {
        // Copies the rest even if it is not XML. An error of the copy is returned here again.
        io::copy(&mut copied, &mut io::sink())?;
    }
    let file = copied.into_copy().and_then(Keep::into_file);
    file.map(|mut file| file.rewind().map(|()| file)).transpose().map_err(Error::from)
}
