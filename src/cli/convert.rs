//! `scanmill convert` and `scanmill merge`.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use super::{
    args::{By, ConvertArgs, MergeArgs, MergeOptions, PickArgs, TalkArgs, lists_states},
    engine,
    exit::Exit,
    inputs::{self, budget, reserved, threads},
    output::{FormatVisitor, Plan, Rows},
    progress::progress,
    render::Talk,
    signals, terminal,
};
use crate::{
    error::{Error, Result},
    format::{FeedSink, Format, MergeEncoder},
    merge::{MergeFlags, MergePolicy, Merger},
    model::Identity,
    ops::{
        Inputs, JobOptions, MemoryBudget, OutputPath, ProgressScope, ReservedPaths, ResolvedInputs,
        check,
    },
    output::{DocumentSink, Output, StateSink, Temporaries},
    pipeline::{Filters, MergeInput, Pipeline},
    process::ProcessGroup,
    source::Follow,
    watch::ENDING,
};

pub(super) fn run(args: &ConvertArgs, talk: (&TalkArgs, &Talk)) -> Result<Exit> {
    run_with(args, None, talk)
}

/// Runs `scanmill merge`.
pub(super) fn merge(args: &MergeArgs, talk: (&TalkArgs, &Talk)) -> Result<Exit> {
    run_with(&args.convert, Some(&args.merge), talk)
}

/// Reads inputs and writes their hosts, merged or unchanged.
fn run_with(
    args: &ConvertArgs,
    merge: Option<&MergeOptions>,
    (how, talk): (&TalkArgs, &Talk),
) -> Result<Exit> {
    let begun = Instant::now();
    let temporaries = Temporaries::default();
    let (command, rows) = match merge {
        None => ("convert", Rows::Read),
        Some(options) => ("merge", Rows::Merged { explain: options.explain }),
    };
    let state = state_file(&args.pick)?;
    let plan = Plan::of(&args.write, &args.pick, rows)?;
    let inputs = inputs::inputs(&args.read)?;
    let found = if args.follow { ResolvedInputs::default() } else { inputs.resolve() };
    let others = args.engine.as_deref().into_iter().chain(how.config_file());
    let reserved = reserved(args.read.files_from.as_deref(), others);
    let reserved = with_report(reserved, args.report.as_deref(), args.write.overwrite);
    check_outputs((&plan, state), (&inputs, &found), &reserved)?;
    let running = ProcessGroup::default();
    let mut filters = filters(&args.pick);
    if let Some(path) = &args.engine {
        filters.engine = Some(engine::open(path, merge.is_some(), (&running, talk))?);
    }
    let budget = budget(&args.read.how, threads(args.threads))?;
    // Installed before any temporary file exists, so that a signal finds all of them.
    let stop = signals::stop_flag_with(&temporaries, &running);
    let conversion = Conversion {
        args,
        merge,
        how,
        talk,
        on_stdout: plan.is_on_stdout(),
        following: following(args, merge.is_some(), &stop, talk)?,
        found,
        filters,
        budget,
        state,
        stop,
        temporaries: &temporaries,
        begun,
    };
    match plan {
        Plan::Feed(feed, Output::File(path)) if args.follow => {
            let sink = DocumentSink::open_live(&path, args.write.overwrite, &temporaries)?;
            conversion.visit(FeedSink::new(sink, feed))
        }
        plan => plan.open(&args.write, (command, &temporaries), conversion),
    }
}

/// State of a run before its output is opened.
struct Conversion<'c> {
    args: &'c ConvertArgs,
    merge: Option<&'c MergeOptions>,
    how: &'c TalkArgs,
    talk: &'c Talk,
    on_stdout: bool,
    following: Option<Follow>,
    found: ResolvedInputs,
    filters: Filters,
    budget: MemoryBudget,
    /// File that holds the state of an incremental merge.
    state: Option<&'c Path>,
    stop: Arc<AtomicBool>,
    temporaries: &'c Temporaries,
    begun: Instant,
}

impl FormatVisitor for Conversion<'_> {
    type Output = Exit;

    fn visit<F: Format<Encoder: MergeEncoder>>(mut self, format: F) -> Result<Exit> {
        let (args, talk) = (self.args, self.talk);
        let state = self.state.map(|path| StateSink::open(path, self.temporaries)).transpose()?;
        // Finished scans that share an ID and differ are distinguished by their bytes.
        let hash = args.hash || self.merge.is_some();
        let options = inputs::options(&args.read.how, &self.budget).with_hash(hash);
        let (filters, stop) = (self.filters.clone(), Arc::clone(&self.stop));
        let (finished, progress) = match self.merge {
            None => {
                let pipeline = Pipeline::new(options, filters, format, stop);
                let (pipeline, progress) = self.read(pipeline)?;
                (pipeline.finish(), progress)
            }
            Some(merge) => {
                let merger = merger(merge, self.budget.merge_bytes(), state.as_ref())?;
                let input = MergeInput::new(merger).with_room(self.budget.document_bytes());
                let pipeline = Pipeline::new(options, filters, input, stop);
                let (pipeline, progress) = self.read(pipeline)?;
                (pipeline.merge_into(format, state), progress)
            }
        };
        drop(progress);
        talk.leftovers(self.temporaries);
        let report = finished?;
        talk.report(&report, self.begun.elapsed());
        if self.merge.is_some_and(|options| options.policy.is_none()) {
            talk.outdated(report.outdated);
        }
        if let Some(path) = &args.report {
            write_json((path, args.write.overwrite), &report, self.temporaries)?;
        }
        Ok(Exit::of_report(&report))
    }
}

impl Conversion<'_> {
    /// Reads all inputs. Progress is shown until the returned scope is dropped.
    fn read<F: Format>(
        &mut self,
        pipeline: Pipeline<F>,
    ) -> Result<(Pipeline<F>, Option<ProgressScope>)> {
        let budget = &self.budget;
        let mut pipeline =
            pipeline.with_threads(budget.threads())?.with_room(budget.document_bytes());
        if let Some(follow) = &mut self.following {
            pipeline.follow(follow)?;
            return Ok((pipeline, None));
        }
        let found = std::mem::take(&mut self.found);
        let job = JobOptions::new(*budget).with_progress(progress(self.how, self.on_stdout));
        let (pipeline, progress) = job.read(found, pipeline, None)?;
        Ok((pipeline, Some(progress)))
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

/// Refuses outputs that would replace an input or another output.
pub(super) fn check_outputs(
    (plan, state): (&Plan, Option<&Path>),
    (inputs, found): (&Inputs, &ResolvedInputs),
    reserved: &ReservedPaths,
) -> Result<()> {
    let outputs = reserved.outputs(plan.output()).chain(OutputPath::file("--state", state));
    check(outputs, &found.paths(inputs, reserved), plan.is_on_stdout())
}

/// Returns the file that `merge --state` names. Values that list port states are not files.
fn state_file(args: &PickArgs) -> Result<Option<&Path>> {
    let mut files = args.state.iter().filter(|value| !lists_states(value)).map(Path::new);
    match (files.next(), files.next()) {
        (_, Some(_)) => Err(Error::usage("--state names more than one file")),
        (file, None) => Ok(file),
    }
}

/// Creates the merger of a run, with a memory limit in bytes. It continues from the saved state, if
/// there is one.
fn merger(options: &MergeOptions, memory: usize, state: Option<&StateSink>) -> Result<Merger> {
    let mut merger = Merger::with_memory(policy(options), memory, options.temp_dir.as_deref());
    if let Some(state) = state {
        merger = merger.with_state();
        if let Some(old) = state.old()? {
            merger.load(old, state.name())?;
        }
    }
    Ok(merger)
}

/// Returns the file to follow, if `--follow` is given.
fn following(
    args: &ConvertArgs,
    merges: bool,
    stop: &Arc<AtomicBool>,
    talk: &Talk,
) -> Result<Option<Follow>> {
    if !args.follow {
        return Ok(None);
    }
    let [path] = args.read.inputs.as_slice() else {
        return Err(Error::usage("--follow reads a single file"));
    };
    if merges {
        return Err(Error::usage("--follow is for convert: a merge needs all of its inputs"));
    }
    let follow = Follow::new(path, ENDING, Arc::clone(stop))?;
    if !follow.is_there() {
        talk.note(&format!("{} is not there yet: waiting for it", path.display()));
    }
    Ok(Some(follow))
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
    filters.expand_extra_ports = args.expand_extraports;
    filters.dedup = args.dedup;
    filters
}
