//! `scanmill convert` and `scanmill merge`.

use std::{path::Path, time::Instant};

use super::{
    args::{By, ConvertArgs, MergeArgs, MergeOptions, PickArgs, TalkArgs, lists_states},
    engine,
    exit::Exit,
    inputs::{self, job, reserved},
    output::{output, with_color},
    progress::progress,
    render::Talk,
    signals, terminal,
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
pub(super) fn run(args: &ConvertArgs, (how, talk): (&TalkArgs, &Talk)) -> Result<Exit> {
    let ended = Ended::begin(talk, args.report.as_deref(), args.write.overwrite);
    let output = with_color(output(&args.write, &args.pick, OutputContent::Convert)?, how);
    let inputs = inputs::inputs(&args.read)?;
    if args.follow && inputs.paths.len() != 1 {
        return Err(Error::usage("--follow reads a single file"));
    }
    let processes = ProcessGroup::default();
    let filters = with_engine(args, false, (&processes, talk))?;
    let progress = if args.follow {
        ProgressHandle::new(Waiting(talk.clone()))
    } else {
        progress(how, output.is_on_stdout())
    };
    let job = options(args, how, &ended, &processes)?.with_progress(progress);
    let options =
        ConvertOptions::default().with_filters(filters).with_follow(args.follow).with_job(job);
    ended.exit(ops::convert(&inputs, output, &options), false)
}

/// Runs `scanmill merge`.
pub(super) fn merge(args: &MergeArgs, (how, talk): (&TalkArgs, &Talk)) -> Result<Exit> {
    let (merge, args) = (&args.merge, &args.convert);
    let ended = Ended::begin(talk, args.report.as_deref(), args.write.overwrite);
    let state = state_file(&args.pick)?;
    let content = OutputContent::Merge { explain: merge.explain };
    let output = with_color(output(&args.write, &args.pick, content)?, how);
    if args.follow {
        let message = "--follow is for convert: a merge needs all of its inputs";
        return Err(Error::usage(message));
    }
    let processes = ProcessGroup::default();
    let filters = with_engine(args, true, (&processes, talk))?;
    let progress = progress(how, output.is_on_stdout());
    let job = options(args, how, &ended, &processes)?.with_progress(progress);
    let inputs = inputs::inputs(&args.read)?;
    let mut options =
        ops::MergeOptions::default().with_policy(policy(merge)).with_filters(filters).with_job(job);
    options.state = state.map(Path::to_owned);
    options.temp_dir = merge.temp_dir.as_deref().map(Path::to_owned);
    ended.exit(ops::merge(&inputs, output, &options), merge.policy.is_none())
}

/// Returns the options that all jobs share. Signals are handled from here on, before any temporary file exists.
fn options(
    args: &ConvertArgs,
    how: &TalkArgs,
    ended: &Ended<'_>,
    processes: &ProcessGroup,
) -> Result<JobOptions> {
    let others = args.engine.as_deref().into_iter().chain(how.config_file());
    let reserved = reserved(args.read.files_from.as_deref(), others);
    let reserved = with_report(reserved, args.report.as_deref(), args.write.overwrite);
    let mut job = job(&args.read.how, args.threads)?;
    job.xml.hash = args.hash;
    let stop = signals::stop_flag_with(&ended.temporaries, processes);
    Ok(job
        .with_cancellation(stop.into())
        .with_temporaries(ended.temporaries.clone())
        .with_reserved_paths(reserved))
}

/// Returns the filters, with the engine if one is given. Its programs are registered in `processes`, and get hosts of
/// a merge if `merged` is true.
fn with_engine(
    args: &ConvertArgs,
    merged: bool,
    (processes, talk): (&ProcessGroup, &Talk),
) -> Result<Filters> {
    let mut filters = filters(&args.pick);
    if let Some(path) = &args.engine {
        filters.engine = Some(engine::open(path, merged, (processes, talk))?);
    }
    Ok(filters)
}

/// Prints that a file that is followed is not there yet.
struct Waiting(Talk);

impl Progress for Waiting {
    fn waiting(&self, path: &Path) {
        self.0.note(&format!("{} is not there yet: waiting for it", path.display()));
    }
}

/// End of a run that writes an output: what is printed, the report, and the exit code.
pub(super) struct Ended<'e> {
    talk: &'e Talk,
    report: Option<&'e Path>,
    overwrite: bool,
    begun: Instant,
    pub(super) temporaries: Temporaries,
}

impl<'e> Ended<'e> {
    /// Begins a run, whose report goes to this file. `overwrite` permits to replace any file by it.
    pub(super) fn begin(talk: &'e Talk, report: Option<&'e Path>, overwrite: bool) -> Self {
        let (begun, temporaries) = (Instant::now(), Temporaries::default());
        Self { talk, report, overwrite, begun, temporaries }
    }

    /// Prints the result of a run and returns its exit code. `hints_at_policy` hints at `--policy` if newer records
    /// lost.
    pub(super) fn exit(self, result: Result<Report>, hints_at_policy: bool) -> Result<Exit> {
        let Self { talk, report: path, overwrite, begun, temporaries } = self;
        talk.leftovers(&temporaries);
        let report = result?;
        talk.report(&report, begun.elapsed());
        if hints_at_policy {
            talk.outdated(report.outdated);
        }
        if let Some(path) = path {
            write_json((path, overwrite), &report, &temporaries)?;
        }
        Ok(Exit::of_report(&report))
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
    let mut files = args.state.iter().filter(|value| !lists_states(value)).map(Path::new);
    match (files.next(), files.next()) {
        (_, Some(_)) => Err(Error::usage("--state names more than one file")),
        (file, None) => Ok(file),
    }
}

pub(super) fn identity(by: By) -> Identity {
    match by {
        By::Ip => Identity::Ip,
        By::Mac => Identity::Mac,
        By::Hostname => Identity::Hostname,
    }
}

fn policy(options: &MergeOptions) -> MergePolicy {
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
        return terminal::say_json(&serde_json::to_value(report).map_err(failed)?);
    }
    let mut text = serde_json::to_vec_pretty(report).map_err(failed)?;
    text.push(b'\n');
    let mut sink = DocumentSink::open_report(path, overwrite, temporaries)?;
    sink.write(&text)?;
    sink.finish()
}

pub(super) fn filters(args: &PickArgs) -> Filters {
    let mut filters = Filters::default();
    let lists = args.state.iter().filter(|value| lists_states(value));
    filters.states = lists.flat_map(|list| list.split(',')).map(str::to_owned).collect();
    filters.up = args.up;
    filters.expression.clone_from(&args.filter);
    filters.expand_extra_ports = args.expand_extraports;
    filters.dedup = args.dedup;
    filters
}
