//! Runs nmap and writes its hosts in any format, while it runs.
//!
//! With one process, the calling thread reads nmap's standard output as it comes ([`ScanRun::read`]), so that each host
//! is written as soon as it is complete. With several, one thread per process copies the output to a file, and the
//! calling thread reads the files in the order of the processes and merges them (`spool`); hosts are written when all
//! processes have ended.
//!
//! A scan can be ended in two ways. Stopping its [`ProcessGroup`](crate::ops::ProcessGroup) ends nmap; the output is
//! completed with what nmap wrote, and the report says that the job was interrupted. Cancelling its token ends the job:
//! nothing is published. A thread (`cancellation`) passes the second on to the processes, because the calling thread may
//! be waiting for nmap.
//!
//! A process that fails does not end the job: its failure is collected and reported at the end, in place of the error of
//! reading its output.

mod cancellation;
mod options;
mod spool;
#[cfg(feature = "cli")]
mod sudo;
mod xml_copy;

use std::{path::PathBuf, sync::Arc};

pub use self::options::ScanOptions;
#[cfg(feature = "cli")]
pub(crate) use self::sudo::authorize_sudo;
use self::{cancellation::CancellationWatch, xml_copy::XmlCopy};
use super::{
    JobOptions, JobStatus, OutputOptions, ProgressTotals,
    output::{FormatVisitor, OutputContent},
    progress::ProgressScope,
};
use crate::{
    error::{DiagnosticCode, Error, Result},
    format::{Format, MergeEncoder},
    merge::{MergePolicy, Precedence},
    model::EventSource as _,
    pipeline::{FailedScan, Outcome, Pipeline, Report},
    process::CommandSpec,
    scanner::{NmapProcess, first_lines},
    source::{BackgroundReader, TeeReader},
    xml::Reader,
};

/// Report on a scan.
#[derive(Debug)]
#[non_exhaustive]
pub struct ScanReport {
    /// Counts, inputs and warnings. Each process is an input; its failure is among the errors.
    pub report: Report,
    /// Processes in the order of their targets.
    pub processes: Vec<ScanProcess>,
}

/// One nmap process of a scan.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ScanProcess {
    /// Name of its input in the report and in the output.
    pub name: String,
    /// File that keeps its XML.
    pub xml_copy: Option<PathBuf>,
    /// First lines of its standard error, if it succeeded and wrote any.
    pub message: Option<String>,
    /// Reason why it failed.
    pub failure: Option<Error>,
}

impl ScanReport {
    /// Returns the outcome of the scan.
    #[must_use]
    pub fn status(&self) -> JobStatus {
        JobStatus::from(&self.report)
    }
}

/// Runs nmap on the targets and writes each host to `output` as soon as nmap has scanned it. With several processes, hosts
/// are merged, and written when all have ended.
///
/// ```no_run
/// use scanmill::{
///     feed::Feed,
///     ops::{self, OutputOptions, ScanOptions},
///     output::Output,
/// };
///
/// let options = ScanOptions::new("127.0.0.1")?.with_ports("22,80")?.with_arguments("-sV")?;
/// let output = OutputOptions::feed(Feed::Nested { events: false }, Output::File("hosts.jsonl".into()));
/// let scanned = ops::scan(output, &options)?;
/// println!("{} hosts, {:?}", scanned.report.counts.hosts, scanned.status());
/// # Ok::<(), scanmill::error::Error>(())
/// ```
///
/// # Errors
/// Fails if the options are wrong ([`ScanOptions::check`]), if an output would replace another one or a reserved path, if
/// nmap cannot be started, or if the output cannot be written. A process that fails is reported instead
/// ([`ScanProcess::failure`]).
pub fn scan(output: OutputOptions, options: &ScanOptions) -> Result<ScanReport> {
    options.check()?;
    options.check_paths(&output.destination)?;
    let content = if options.is_merged() { OutputContent::MergedScan } else { OutputContent::Scan };
    let output = output.for_filters(&options.filters);
    output.open(content, &options.job.temporaries, ScanVisitor(options))
}

/// Scan whose output is open.
struct ScanVisitor<'s>(&'s ScanOptions);

impl FormatVisitor for ScanVisitor<'_> {
    type Output = ScanReport;

    fn visit<F: Format<Encoder: MergeEncoder>>(self, format: F) -> Result<ScanReport> {
        scan_into(format, self.0)
    }
}

/// Runs nmap on the targets and writes the hosts in any format; otherwise as [`scan`].
///
/// With several processes, the format must be opened for merged rows
/// ([`SinkOptions::merged`](crate::format::SinkOptions)).
///
/// # Errors
/// Fails as [`scan`] does, except that paths are not compared.
pub fn scan_into<F: Format<Encoder: MergeEncoder>>(
    format: F,
    options: &ScanOptions,
) -> Result<ScanReport> {
    options.check()?;
    let commands = commands(options)?;
    let watch = CancellationWatch::start(&options.job.cancellation, &options.processes)?;
    let job = options.job.clone().with_cancellation(watch.token());
    let mut filters = options.filters.clone();
    filters.leaves_cut = options.processes.stop_flag();
    let inputs = u64::try_from(commands.len()).unwrap_or(u64::MAX);
    let progress = job.progress.begin(ProgressTotals { inputs, bytes: None });
    let progress = Arc::new(progress);
    let (processes, has_scan) = (Vec::new(), false);
    let mut run = ScanRun { options, job: &job, progress, processes, has_scan };
    if options.is_merged() {
        let merger = job.merger(MergePolicy::new(Precedence::Caller));
        let mut pipeline = job.merge_pipeline(merger, filters)?;
        run.read_all(commands, &mut pipeline)?;
        run.finish(|| pipeline.merge_into(format, None))
    } else {
        let mut pipeline = job.pipeline(format, filters, false)?;
        for command in commands {
            run.read(command, &mut pipeline)?;
        }
        run.finish(|| pipeline.finish())
    }
}

/// Process that is to be run.
struct ScanCommand {
    name: String,
    spec: CommandSpec,
    xml_copy: Option<XmlCopy>,
    xml_path: Option<PathBuf>,
}

/// Returns the processes to run, and checks the files that keep their XML.
fn commands(options: &ScanOptions) -> Result<Vec<ScanCommand>> {
    let specs = options.specs();
    let count = specs.len();
    let mut paths = options.xml_copies().into_iter();
    let command = |(number, spec)| {
        let xml_path = paths.next();
        let copy = xml_path.clone().map(|path| XmlCopy::new(path, options.overwrite));
        let name = options.process_name(number, count);
        Ok(ScanCommand { name, spec, xml_copy: copy.transpose()?, xml_path })
    };
    (1..).zip(specs).map(command).collect()
}

/// State of a scan that all its processes share.
struct ScanRun<'s> {
    options: &'s ScanOptions,
    job: &'s JobOptions,
    progress: Arc<ProgressScope>,
    /// Processes that have ended.
    processes: Vec<ScanProcess>,
    /// True if any process wrote a scan.
    has_scan: bool,
}

impl ScanRun<'_> {
    /// Runs a process, and reads its output while it runs.
    fn read<F: Format>(&mut self, command: ScanCommand, pipeline: &mut Pipeline<F>) -> Result<()> {
        let ScanCommand { name, spec, xml_copy, xml_path } = command;
        let mut nmap = NmapProcess::start(&spec, &self.options.processes)?;
        let copy_name = xml_copy.as_ref().map(XmlCopy::name).unwrap_or_default();
        let copied = TeeReader::new(nmap.take_stdout(), xml_copy, copy_name);
        let mut live = BackgroundReader::new(copied);
        let bytes = nmap.limit_preamble(&mut live);
        self.progress.input(&name);
        let reader = Reader::new(bytes, pipeline.options().clone());
        let mut source = reader.named(&name).with_live(true).inspect(|_, event| {
            nmap.observe(event);
            self.progress.scan_event(0, event);
        });
        pipeline.read_source(&name, &mut source)?;
        let process = ScanProcess { name, xml_copy: xml_path, message: None, failure: None };
        self.end(process, nmap, live.is_over())
    }

    /// Waits for the end of a process whose output was read, and records its failure.
    fn end(
        &mut self,
        mut process: ScanProcess,
        nmap: NmapProcess,
        is_read_to_end: bool,
    ) -> Result<()> {
        self.has_scan |= nmap.has_scan();
        // An error of reading ended the process as well.
        if is_read_to_end {
            let exit = nmap.wait()?;
            if !self.options.processes.is_stopped() {
                if let Err(failure) = exit.check() {
                    process.failure = Some(failure);
                } else {
                    let message = first_lines(&exit.into_stderr());
                    process.message = Some(message).filter(|message| !message.is_empty());
                }
            }
        }
        self.processes.push(process);
        Ok(())
    }

    /// Completes the output with all that was read, and reports the failures.
    fn finish(self, finish: impl FnOnce() -> Result<Report>) -> Result<ScanReport> {
        let Self { options, job, progress, mut processes, has_scan } = self;
        drop(progress);
        if !has_scan {
            // Without a scan there is no result: an existing output stays.
            job.cancellation.cancel();
        }
        let mut report = finish()?;
        report.interrupted = options.processes.is_stopped();
        // The error of a process already reports its failed scan.
        let failed = |name: &str| {
            processes.iter().any(|process| process.name == name && process.failure.is_some())
        };
        report.failed_scans.forget(|scan: &FailedScan| failed(&scan.input));
        let is_foreign =
            |error: &Error| matches!(error.code(), DiagnosticCode::NotNmap | DiagnosticCode::Io);
        for process in &mut processes {
            let is_own = |error: &&Error| error.input() == Some(&process.name);
            let error = report.errors.iter().filter(is_own).find(|error| is_foreign(error));
            if let Some(error) = error.filter(|_| process.failure.is_none()) {
                let what = format!("what nmap wrote cannot be read: {}", error.kind());
                process.failure = Some(Error::scan(what));
            }
            if let Some(failure) = &process.failure {
                set_failure(&mut report, &process.name, failure.clone());
            }
        }
        Ok(ScanReport { report, processes })
    }
}

/// Records the failure of a process in the report, in place of the errors of its input.
fn set_failure(report: &mut Report, name: &str, failure: Error) {
    let error = failure.with_input(name);
    if let Some(input) = report.inputs.iter_mut().find(|input| input.name == name) {
        input.outcome = Outcome::Refused;
        input.error = Some(error.to_string());
    }
    report
        .errors
        .retain(|known| known.input() != Some(name) || known.code() == DiagnosticCode::Strict);
    report.errors.push(error);
}
