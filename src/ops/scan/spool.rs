//! Parallel processes: the output of each goes to a file, which is read in order after the process has ended.

use std::{
    io::{self, Read, Seek as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, ScopedJoinHandle},
};

use super::{ScanCommand, ScanProcess, ScanRun, xml_copy::XmlCopy};
use crate::{
    error::{Error, ErrorKind, Result},
    format::Format,
    fs::File,
    model::EventSource as _,
    ops::progress::ProgressScope,
    pipeline::Pipeline,
    scanner::{NmapProcess, Preamble},
    source::TeeReader,
    xml::{Options, Reader},
};

/// Running process, and the thread that copies its output.
struct SpooledProcess<'s> {
    name: String,
    xml_path: Option<PathBuf>,
    nmap: NmapProcess,
    file: ScopedJoinHandle<'s, Result<Option<File>>>,
}

impl ScanRun<'_> {
    /// Runs all processes at once, and reads their output in the order of the processes.
    pub(super) fn read_all<F: Format>(
        &mut self,
        commands: Vec<ScanCommand>,
        pipeline: &mut Pipeline<F>,
    ) -> Result<()> {
        thread::scope(|scope| {
            let mut all = Vec::new();
            for (number, command) in commands.into_iter().enumerate() {
                let ScanCommand { name, spec, xml_copy, xml_path } = command;
                let mut nmap = NmapProcess::start(&spec, &self.options.processes)?;
                let temp_dir = self.job.temp_dir.as_deref();
                let copy = xml_copy.map_or_else(|| XmlCopy::temporary(temp_dir), Ok)?;
                let copy_name = copy.name();
                let copied = TeeReader::new(nmap.take_stdout(), Some(copy), copy_name);
                let progress = Arc::clone(&self.progress);
                let spawned = thread::Builder::new()
                    .spawn_scoped(scope, move || spool(copied, &progress, number));
                let file =
                    spawned.map_err(|error| Error::resource(format!("no thread: {error}")))?;
                all.push(SpooledProcess { name, xml_path, nmap, file });
            }
            all.into_iter().try_for_each(|spooled| self.read_spooled(spooled, pipeline))
        })
    }

    fn read_spooled<F: Format>(
        &mut self,
        spooled: SpooledProcess<'_>,
        pipeline: &mut Pipeline<F>,
    ) -> Result<()> {
        let SpooledProcess { name, xml_path, mut nmap, file } = spooled;
        let file = file.join().map_err(|_| Error::internal("a thread that copies panicked"))??;
        let bytes: Box<dyn Read> = match file {
            Some(file) => Box::new(file),
            None => Box::new(io::empty()),
        };
        self.progress.input(&name);
        let reader = Reader::new(bytes, pipeline.options().clone());
        let mut source = reader.named(&name).inspect(|_, event| nmap.observe(event));
        pipeline.read_source(&name, &mut source)?;
        let process = ScanProcess { name, xml_copy: xml_path, message: None, failure: None };
        self.end(process, nmap, true)
    }
}

/// Copies the output of a process to its file until the process closes it, and reports its progress.
fn spool(
    mut copied: TeeReader<impl Read, XmlCopy>,
    progress: &ProgressScope,
    process: usize,
) -> Result<Option<File>> {
    let has_begun = Arc::new(AtomicBool::new(false));
    let mut reader = Reader::new(Preamble::new(&mut copied, &has_begun), Options::default());
    let mut is_endless = false;
    loop {
        match reader.next_event() {
            Ok(Some(event)) => {
                has_begun.store(true, Ordering::Relaxed);
                progress.scan_event(process, &event);
            }
            Ok(None) => break,
            Err(error) => {
                is_endless = matches!(error.kind(), ErrorKind::Scan(_));
                break;
            }
        }
    }
    if !is_endless {
        // Copies the rest even if it is not XML. An error of the copy is returned here again.
        io::copy(&mut copied, &mut io::sink())?;
    }
    let file = copied.into_copy().and_then(XmlCopy::into_file);
    file.map(|mut file| file.rewind().map(|()| file)).transpose().map_err(Error::from)
}
