//! `scanmill scan`: runs nmap, and writes hosts while it runs.
//!
//! With one process, the main thread reads nmap's standard output as it comes ([`Scan::read`]), so
//! that each host is written as soon as it is complete. With `--parallel`, one thread per process
//! copies the output to a file, and the main thread reads the files in the order of the processes
//! and merges them (`spool`); hosts are written when all processes have ended.
//!
//! A process is registered in [`ProcessGroup`] as soon as it is started. The first signal ends the
//! processes, and the output is completed with what they wrote; the second one ends the run
//! (`signals::second_stop_flag`). Everything that a signal must clean up is therefore created after
//! the handler is installed.
//!
//! A process that fails does not end the run: its failure is collected in [`Scan::failures`] and
//! reported at the end, in place of the error of reading its output.

mod nmap;
mod request;
mod spool;
mod tasks;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use serde_json::json;

use self::{nmap::Keep, request::Request, tasks::Tasks};
use super::{
    args::{ScanArgs, TalkArgs},
    convert::{filters, with_report, write_json},
    engine,
    exit::Exit,
    inputs::{self, budget, reserved, threads},
    output::{FormatVisitor, Plan, Rows},
    print, progress,
    render::Talk,
    signals,
};
use crate::{
    error::{DiagnosticCode, Error, Result},
    format::{Format, MergeEncoder},
    merge::{MergePolicy, Merger, Precedence},
    ops::{InputPaths, MemoryBudget, OutputPath, check},
    output::Temporaries,
    pipeline::{FailedScan, Filters, MergeInput, Outcome, Pipeline, Report},
    process::{CommandSpec, ProcessGroup},
    scanner::{NmapProcess, first_lines},
    source::{Copied, Live},
};

/// ChildProcess of nmap that is to be run.
struct Part {
    name: String,
    program: CommandSpec,
    /// File that keeps the XML of the process.
    kept: Option<Keep>,
}

/// State that all processes share.
struct Scan<'s> {
    args: &'s ScanArgs,
    talk: &'s Talk,
    running: ProcessGroup,
    tasks: Tasks,
    /// Names of the processes that failed, each with the reason.
    failures: Vec<(String, Error)>,
    /// True if any process wrote a scan.
    exists: bool,
}

pub(super) fn run(args: &ScanArgs, (how, talk): (&TalkArgs, &Talk)) -> Result<Exit> {
    let begun = Instant::now();
    let request = Request::of(&args.nmap)?;
    let merges = args.nmap.parallel > 1;
    let rows = if merges { Rows::Merged { explain: false } } else { Rows::Read };
    let plan = Plan::of(&args.write, &args.pick, rows)?;
    let way = progress::way(how, plan.is_on_stdout());
    let programs = request.programs(way.is_some());
    let kept = kept_files(args, programs.len());
    check_outputs((args, how), &plan, &kept)?;
    let running = ProcessGroup::default();
    let mut filters = filters(&args.pick);
    if let Some(path) = &args.engine {
        let seen = if merges { engine::Seen::Merged } else { engine::Seen::Read };
        filters.engine = Some(engine::open(path, seen, (&running, talk))?);
    }
    let budget = budget(&args.how, threads(args.threads))?;
    if args.nmap.dry_run {
        let lines: Vec<_> = programs.iter().map(request::line).collect::<Result<_>>()?;
        return print(&lines.concat());
    }
    let temporaries = Temporaries::default();
    // Installed before anything is created or started, so that a signal finds all of it.
    let stop = signals::second_stop_flag(&temporaries, &running);
    filters.leaves_cut = running.stop_flag();
    if args.nmap.sudo {
        nmap::may_sudo().or_else(|error| if running.is_stopped() { Ok(()) } else { Err(error) })?;
    }
    if running.is_stopped() {
        return Ok(Exit::Interrupted);
    }
    let output = ScanOutput {
        args,
        talk,
        merges,
        way,
        programs,
        kept,
        running,
        filters,
        budget,
        stop,
        temporaries: &temporaries,
        begun,
    };
    plan.open(&args.write, ("scan", &temporaries), output)
}

/// State of a run before its output is opened.
struct ScanOutput<'s> {
    args: &'s ScanArgs,
    talk: &'s Talk,
    /// True if there are several processes, whose hosts are merged.
    merges: bool,
    way: Option<progress::Way>,
    programs: Vec<CommandSpec>,
    kept: Vec<PathBuf>,
    running: ProcessGroup,
    filters: Filters,
    budget: MemoryBudget,
    stop: Arc<AtomicBool>,
    temporaries: &'s Temporaries,
    begun: Instant,
}

impl FormatVisitor for ScanOutput<'_> {
    type Output = Exit;

    fn visit<F: Format<Encoder: MergeEncoder>>(self, format: F) -> Result<Exit> {
        let Self { args, talk, merges, filters, budget, stop, temporaries, .. } = self;
        let parts = parts(args, self.programs, self.kept)?;
        let tasks = Tasks::begin(self.way, parts.len());
        let running = self.running;
        let mut scan = Scan { args, talk, running, tasks, failures: Vec::new(), exists: false };
        let options = inputs::options(&args.how, &budget).with_hash(args.hash || merges);
        let finished = if merges {
            let input = MergeInput::new(merger(args, &budget));
            let pipeline = Pipeline::new(options, filters, input, Arc::clone(&stop));
            let mut pipeline = pipeline.with_threads(budget.threads())?;
            scan.read_all(parts, &mut pipeline)?;
            scan.finish(&stop, || pipeline.merge_into(format, None))
        } else {
            let pipeline = Pipeline::new(options, filters, format, Arc::clone(&stop));
            let mut pipeline = pipeline.with_threads(budget.threads())?;
            for part in parts {
                scan.read(part, &mut pipeline)?;
            }
            scan.finish(&stop, || pipeline.finish())
        };
        talk.leftovers(temporaries);
        let report = finished?;
        talk.report(&report, self.begun.elapsed());
        if let Some(path) = &args.report {
            write_json((path, args.write.overwrite), &report, temporaries)?;
        }
        Ok(Exit::of_report(&report))
    }
}

/// Returns the files that keep the XML of the processes, one per process, or none if it is not
/// kept.
fn kept_files(args: &ScanArgs, processes: usize) -> Vec<PathBuf> {
    let of = (args.nmap.parallel > 1).then_some(processes);
    let path = args.nmap.keep_xml.as_deref();
    let names = |path| (1..=processes).map(move |number| nmap::kept_name(path, number, of));
    path.into_iter().flat_map(names).collect()
}

/// Refuses outputs that would replace each other.
fn check_outputs((args, how): (&ScanArgs, &TalkArgs), plan: &Plan, kept: &[PathBuf]) -> Result<()> {
    let output = OutputPath::output("-o", plan.output());
    let kept = kept.iter().filter_map(|path| OutputPath::file("--keep-xml", Some(path)));
    let nmap: &Path = &args.nmap.nmap;
    // A name without a folder is searched for on PATH.
    let nmap = Some(nmap).filter(|path| path.components().count() > 1);
    let others = args.engine.as_deref().into_iter().chain(nmap).chain(how.config_file());
    let reserved = reserved(None, others);
    let reserved = with_report(reserved, args.report.as_deref(), args.write.overwrite);
    let others = reserved.read.iter().map(PathBuf::as_path).collect();
    let reading = InputPaths { others, ..InputPaths::default() };
    check(output.into_iter().chain(kept).chain(reserved.written()), &reading, false)
}

/// Returns the processes, each with the file that keeps its XML.
fn parts(args: &ScanArgs, programs: Vec<CommandSpec>, kept: Vec<PathBuf>) -> Result<Vec<Part>> {
    let of = (args.nmap.parallel > 1).then_some(programs.len());
    let name = |number| match of {
        Some(count) => format!("{}-{}", args.nmap.name, nmap::padded(number, count)),
        None => args.nmap.name.clone(),
    };
    let mut kept = kept.into_iter();
    let numbered = (1..).zip(programs);
    numbered
        .map(|(number, program)| {
            let keep = |path| Keep::new(path, args.write.overwrite);
            let kept = kept.next().map(keep).transpose()?;
            Ok(Part { name: name(number), program, kept })
        })
        .collect()
}

/// Creates the merger for several processes. Hosts are in the order of the processes.
fn merger(args: &ScanArgs, budget: &MemoryBudget) -> Merger {
    let policy = MergePolicy::new(Precedence::Caller);
    Merger::with_memory(policy, budget.merge_bytes(), args.temp_dir.as_deref())
}

impl Scan<'_> {
    /// Runs a process, and reads its output while it runs.
    fn read<F: Format>(&mut self, part: Part, pipeline: &mut Pipeline<F>) -> Result<()> {
        let Part { name, program, kept } = part;
        let mut nmap = NmapProcess::start(&program, &self.running)?;
        let called = kept.as_ref().map(Keep::name).unwrap_or_default();
        let bytes = Copied::new(nmap.take_stdout(), kept, called);
        let mut live = Live::new(bytes);
        let bytes = nmap.limit_preamble(&mut live);
        pipeline.read_live(&name, bytes, &mut |_, event| {
            nmap.observe(event);
            self.tasks.see(0, event);
        })?;
        self.end(nmap, live.is_over(), name)
    }

    /// Waits for the end of a process whose output was read, and records its failure.
    fn end(&mut self, nmap: NmapProcess, is_over: bool, name: String) -> Result<()> {
        self.exists |= nmap.has_scan();
        if !is_over {
            // Reading ended with an error, which ended the process as well.
            return Ok(());
        }
        let exit = nmap.wait()?;
        if self.running.is_stopped() {
            return Ok(());
        }
        match exit.check() {
            Err(failure) => self.failures.push((name, failure)),
            Ok(()) => {
                let message = first_lines(&exit.into_stderr());
                if !message.is_empty() {
                    let message = format!("{name}: {message}");
                    self.talk.warning(&message, &json!({ "input": name }));
                }
            }
        }
        Ok(())
    }

    /// Completes the output with all that was read, and reports the failures.
    fn finish(self, stop: &AtomicBool, finish: impl FnOnce() -> Result<Report>) -> Result<Report> {
        let Self { running, tasks, failures, exists, .. } = self;
        drop(tasks);
        if !exists {
            // Without a scan there is no result: an existing output stays.
            stop.store(true, Ordering::Relaxed);
        }
        let mut report = finish()?;
        report.interrupted = running.is_stopped();
        // The error of a process already reports its failed scan.
        let is_process = |scan: &FailedScan| failures.iter().any(|(name, _)| *name == scan.input);
        report.failed_scans.forget(is_process);
        for (name, failure) in failures {
            fail(&mut report, &name, failure);
        }
        let strange = |error: &Error| {
            matches!(error.code(), Some(DiagnosticCode::NotNmap | DiagnosticCode::Io))
        };
        for error in report.errors.extract_if(.., |error| strange(error)).collect::<Vec<_>>() {
            let name = error.input().unwrap_or_default().to_owned();
            let what = format!("what nmap wrote cannot be read: {}", error.kind());
            fail(&mut report, &name, Error::scan(what));
        }
        Ok(report)
    }
}

/// Records the failure of a process in the report, in place of the errors of its input.
fn fail(report: &mut Report, name: &str, failure: Error) {
    let error = failure.with_input(name);
    if let Some(input) = report.inputs.iter_mut().find(|input| input.name == name) {
        input.outcome = Outcome::Refused;
        input.error = Some(error.to_string());
    }
    report.errors.retain(|known| {
        known.input() != Some(name) || known.code() == Some(DiagnosticCode::Strict)
    });
    report.errors.push(error);
}
