//! `scanmill convert` and `scanmill merge`.

use std::{path::Path, time::Instant};

use super::{
    args::{ConvertArgs, IdentityArg, MergeArgs, MergeRuleArgs, PickArgs, is_state_list},
    console::Console,
    engine,
    exit::Exit,
    inputs::{self, job, reserved},
    output::{output, with_color},
    progress::progress,
    signals::{StopPolicy, install_stop_handler},
    terminal,
};
use crate::{
    error::{Error, Result},
    merge::{MergeFlags, MergePolicy},
    model::Identity,
    ops::{
        self, ConvertOptions, JobOptions, OutputContent, Progress, ProgressHandle, ReservedPaths,
    },
    output::{DocumentSink, Temporaries},
    pipeline::{Filters, Report},
    process::ProcessGroup,
};

/// Runs `scanmill convert`.
pub(super) fn run(args: &ConvertArgs, console: &Console) -> Result<Exit> {
    let completion = Completion::new(console, args.report.as_deref(), args.write.overwrite);
    let output =
        with_color(output(&args.write, &args.pick, OutputContent::Convert)?, console.args());
    let inputs = inputs::inputs(&args.read)?;
    if args.follow && inputs.paths.len() != 1 {
        return Err(Error::usage("--follow reads a single file"));
    }
    let processes = ProcessGroup::default();
    let filters = filters_with_engine(args, &processes, console)?;
    let progress = if args.follow {
        ProgressHandle::new(FollowProgress(console.clone()))
    } else {
        progress(console.args(), output.is_on_stdout())
    };
    let job = job_options(args, console, &completion, &processes)?.with_progress(progress);
    let options =
        ConvertOptions::default().with_filters(filters).with_follow(args.follow).with_job(job);
    completion.finish(ops::convert(&inputs, output, &options), false)
}

/// Runs `scanmill merge`.
pub(super) fn merge(args: &MergeArgs, console: &Console) -> Result<Exit> {
    let (merge, args) = (&args.merge, &args.convert);
    let completion = Completion::new(console, args.report.as_deref(), args.write.overwrite);
    let state = state_file(&args.pick)?;
    let content = OutputContent::Merge { explain: merge.explain };
    let output = with_color(output(&args.write, &args.pick, content)?, console.args());
    if args.follow {
        let message = "--follow is for convert: a merge needs all of its inputs";
        return Err(Error::usage(message));
    }
    let processes = ProcessGroup::default();
    let filters = filters_with_engine(args, &processes, console)?;
    let progress = progress(console.args(), output.is_on_stdout());
    let job = job_options(args, console, &completion, &processes)?.with_progress(progress);
    let inputs = inputs::inputs(&args.read)?;
    let mut options =
        ops::MergeOptions::default().with_policy(policy(merge)).with_filters(filters).with_job(job);
    options.state = state.map(Path::to_owned);
    options.job.temp_dir = merge.temp_dir.as_deref().map(Path::to_owned);
    completion.finish(ops::merge(&inputs, output, &options), merge.policy.is_none())
}

/// Returns the options that all jobs share. Signals are handled from here on, before any temporary file exists.
fn job_options(
    args: &ConvertArgs,
    console: &Console,
    completion: &Completion<'_>,
    processes: &ProcessGroup,
) -> Result<JobOptions> {
    let others = args.engine.as_deref().into_iter().chain(console.args().config_file());
    let reserved = reserved(args.read.files_from.as_deref(), others);
    let reserved = with_report(reserved, args.report.as_deref(), args.write.overwrite);
    let mut job = job(&args.read.xml, args.threads)?;
    job.xml.hash = args.hash;
    let stop = install_stop_handler(&completion.temporaries, StopPolicy::JobAndPrograms(processes));
    Ok(job
        .with_cancellation(stop)
        .with_temporaries(completion.temporaries.clone())
        .with_reserved_paths(reserved))
}

/// Returns the filters, with the engine if one is given. Its programs are registered in `processes`.
fn filters_with_engine(
    args: &ConvertArgs,
    processes: &ProcessGroup,
    console: &Console,
) -> Result<Filters> {
    let mut filters = filters(&args.pick);
    if let Some(path) = &args.engine {
        filters.engine = Some(engine::open(path, processes, console)?);
    }
    Ok(filters)
}

/// Prints that a file that is followed is not there yet.
struct FollowProgress(Console);

impl Progress for FollowProgress {
    fn waiting(&self, path: &Path) {
        self.0.note(&format!("{} is not there yet: waiting for it", path.display()));
    }
}

/// End of a run that writes an output: what is printed, the report, and the exit code.
pub(super) struct Completion<'e> {
    console: &'e Console,
    report: Option<&'e Path>,
    overwrite: bool,
    started: Instant,
    pub(super) temporaries: Temporaries,
}

impl<'e> Completion<'e> {
    /// Begins a run, whose report goes to this file. `overwrite` permits to replace any file by it.
    pub(super) fn new(console: &'e Console, report: Option<&'e Path>, overwrite: bool) -> Self {
        let (started, temporaries) = (Instant::now(), Temporaries::default());
        Self { console, report, overwrite, started, temporaries }
    }

    /// Prints the result of a run and returns its exit code. `hints_at_policy` hints at `--policy` if newer records
    /// lost.
    pub(super) fn finish(self, result: Result<Report>, hints_at_policy: bool) -> Result<Exit> {
        let Self { console, report: path, overwrite, started, temporaries } = self;
        console.leftovers(&temporaries);
        let report = result?;
        console.report(&report, started.elapsed());
        if hints_at_policy {
            console.outdated_hint(report.outdated);
        }
        if let Some(path) = path {
            write_json((path, overwrite), &report, &temporaries)?;
        }
        Ok(Exit::from_report(&report))
    }
}

/// Adds the file that `--report` names, unless it is a stream, to the paths that no output may replace.
pub(super) fn with_report(
    paths: ReservedPaths,
    report: Option<&Path>,
    overwrite: bool,
) -> ReservedPaths {
    match report.filter(|path| path.as_os_str() != "-") {
        Some(path) => paths.with_report("--report", path, overwrite),
        None => paths,
    }
}

/// Returns the file that `merge --state` names. Values that list port states are not files.
fn state_file(args: &PickArgs) -> Result<Option<&Path>> {
    let mut files = args.state.iter().filter(|value| !is_state_list(value)).map(Path::new);
    match (files.next(), files.next()) {
        (_, Some(_)) => Err(Error::usage("--state names more than one file")),
        (file, None) => Ok(file),
    }
}

pub(super) fn identity(arg: IdentityArg) -> Identity {
    match arg {
        IdentityArg::Ip => Identity::Ip,
        IdentityArg::Mac => Identity::Mac,
        IdentityArg::Hostname => Identity::Hostname,
    }
}

fn policy(options: &MergeRuleArgs) -> MergePolicy {
    MergePolicy::new(options.policy.unwrap_or_default())
        .with_flags(MergeFlags {
            tcp: !options.no_tcp,
            udp: !options.no_udp,
            sctp: !options.no_sctp,
            ip: !options.no_ip,
            scripts: !options.no_scripts,
            trace: !options.no_trace,
            os: !options.no_os,
            non_scanned: !options.no_non_scanned,
            names: !options.no_names,
            details: !options.no_details,
        })
        .with_identity(identity(options.identity))
        .with_keep_covered(options.keep_covered)
        .with_keep_identity(options.keep_identity)
        .with_max_age(options.max_age)
        .with_explain(options.explain)
}

/// Writes the report of a run to a file. Replaces an earlier report, or any file with
/// `--overwrite`.
pub(super) fn write_json(
    (path, overwrite): (&Path, bool),
    report: &impl serde::Serialize,
    temporaries: &Temporaries,
) -> Result<()> {
    let failed = |error| Error::sink(path.display().to_string(), error);
    if path.as_os_str() == "-" {
        return terminal::eprint_json(&serde_json::to_value(report).map_err(failed)?);
    }
    let mut text = serde_json::to_vec_pretty(report).map_err(failed)?;
    text.push(b'\n');
    let mut sink = DocumentSink::open_report(path, overwrite, temporaries)?;
    sink.write(&text)?;
    sink.finish()
}

pub(super) fn filters(args: &PickArgs) -> Filters {
    let mut filters = Filters::default();
    let lists = args.state.iter().filter(|value| is_state_list(value));
    filters.states = lists.flat_map(|list| list.split(',')).map(str::to_owned).collect();
    filters.up = args.up;
    filters.expression.clone_from(&args.filter);
    filters.expand_extra_ports = args.expand_extraports;
    filters.dedup = args.dedup;
    filters
}
