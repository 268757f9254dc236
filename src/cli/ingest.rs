//! `scanmill ingest`.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::json;

use super::{
    args::{IngestArgs, TalkArgs, Upkeep},
    convert::{with_report, write_json},
    exit::Exit,
    inputs::{self, budget, reserved, threads},
    print,
    progress::progress,
    render::Talk,
    signals,
    terminal::escape,
};
use crate::{
    dataset::{Dataset, InputDigest, LoadHandle, LoadOptions, LoadReport, Loader, Operation},
    error::Result,
    fs,
    model::Timestamp,
    ops::{InputPaths, Inputs, OutputKind, OutputPath, ProgressScope, ProgressTotals, check},
    output::{Temporaries, follow},
    pipeline::{Filters, Pipeline, Report, WarningReport},
    source::{self, Input},
    table::Table,
};

pub(super) fn run(args: &IngestArgs, (how, talk): (&TalkArgs, &Talk)) -> Result<Exit> {
    let dir: &Path = &args.into;
    match &args.upkeep {
        Upkeep { files: true, .. } => files(dir, args.table.as_deref()),
        Upkeep { list: true, .. } => list(dir),
        Upkeep { status: true, .. } => status(dir),
        Upkeep { vacuum: true, .. } => vacuum(dir, talk),
        Upkeep { compact: true, .. } => compact(args, talk),
        _ => load(args, (how, talk)),
    }
}

fn load(args: &IngestArgs, (how, talk): (&TalkArgs, &Talk)) -> Result<Exit> {
    let begun = Instant::now();
    let temporaries = Temporaries::default();
    let inputs = inputs::inputs(&args.read)?;
    let mut found = source::discover(&inputs.paths, &inputs.pick);
    check_outputs(args, how, (&inputs, &found))?;
    let stop = signals::stop_flag(&temporaries);
    let mut options = load_options(args)?;
    let budget = budget(&args.read.how, options.threads)?;
    let into = follow(&args.into).unwrap_or_else(|_| args.into.to_path_buf());
    let (made, is_new) = (missing(&into), !Dataset::exists(&into));
    let dataset = Dataset::open_or_create(&args.into)?;
    options.stop = stop.clone();
    let (sink, handle) = dataset.load(&options, &temporaries)?;
    let reading = inputs::options(&args.read.how, &budget).with_hash(true);
    let pipeline = Pipeline::new(reading, Filters::default(), sink, stop);
    let mut pipeline = pipeline.with_threads(options.threads)?.with_room(budget.document_bytes());
    leave_out(&args.into, &inputs, &mut found);
    let progress = progress(how, false).begin(totals(&found));
    pipeline = pipeline.with_meter(progress.meter());
    read_all(&mut pipeline, found, (&inputs, &handle, &progress))?;
    let mut report = pipeline.finish()?;
    drop(progress);
    let loaded = handle.report();
    // Dropping it releases the lock of the dataset.
    drop(handle);
    if is_new && !report.has_input() {
        Dataset::remove_unused(&args.into);
        for folder in made {
            // Fails if anything else was put into the folder, which then stays.
            let _ = fs::remove_dir(folder);
        }
    }
    tell(&mut report, &loaded);
    talk.report(&report, begun.elapsed());
    talk.loaded(&loaded);
    if let Some(path) = &args.report {
        write_json((path, false), &summary(&report, &loaded), &temporaries)?;
    }
    Ok(Exit::of_report(&report))
}

/// Returns the number of inputs and their size.
fn totals(found: &[Result<Input>]) -> ProgressTotals {
    let lens = found.iter().map(|input| input.as_ref().map_or(Some(0), Input::packed_len));
    let add = |total: Option<u64>, len| total.zip(len).map(|(sum, len)| sum.saturating_add(len));
    let inputs = u64::try_from(found.len()).unwrap_or(u64::MAX);
    ProgressTotals { inputs, bytes: lens.fold(Some(0), add) }
}

/// Returns the folders that do not exist on the path to this one, including itself, innermost
/// first.
fn missing(folder: &Path) -> Vec<&Path> {
    let above = folder.ancestors().take_while(|path| !path.as_os_str().is_empty());
    above.take_while(|path| !path.exists()).collect()
}

/// Checks the outputs. The dataset may lie in a folder that is read, where its files are left out,
/// but must not be an input itself.
fn check_outputs(
    args: &IngestArgs,
    how: &TalkArgs,
    (inputs, found): (&Inputs, &[Result<Input>]),
) -> Result<()> {
    let reserved = reserved(args.read.files_from.as_deref(), how.config_file());
    let reserved = with_report(reserved, args.report.as_deref(), false);
    let dataset = OutputPath::new("--into", &args.into, OutputKind::State);
    let files = found.iter().flatten().filter(|input| !input.named);
    let reading = InputPaths {
        named: &inputs.paths,
        found: files.filter_map(Input::path).collect(),
        others: reserved.read.iter().map(PathBuf::as_path).collect(),
    };
    check([dataset].into_iter().chain(reserved.written()), &reading, false)
}

fn load_options(args: &IngestArgs) -> Result<LoadOptions> {
    let budget = budget(&args.read.how, threads(args.threads))?;
    let mut options = LoadOptions::new(now());
    options.threads = budget.threads();
    options.commit_bytes = args.commit_size.unwrap_or(budget.commit_bytes());
    Ok(options)
}

/// Removes the dataset's own files from the inputs, since the dataset may lie in a folder that is
/// read.
fn leave_out(dataset: &Path, inputs: &Inputs, found: &mut Vec<Result<Input>>) {
    let Ok(dataset) = dataset.canonicalize() else { return };
    let around = |path: &PathBuf| path.canonicalize().is_ok_and(|path| dataset.starts_with(path));
    if inputs.paths.iter().any(around) {
        let inside = |input: &Input| {
            let path = input.path().filter(|_| !input.named).and_then(|p| p.canonicalize().ok());
            path.is_some_and(|path| path.starts_with(&dataset))
        };
        found.retain(|input| !input.as_ref().is_ok_and(inside));
    }
}

/// Returns the current time, for the log of commits.
fn now() -> String {
    #[expect(clippy::disallowed_methods, reason = "the log records the time of a commit")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let time = i64::try_from(now).ok().and_then(Timestamp::from_seconds);
    time.map(|time| time.to_string()).unwrap_or_default()
}

/// Reads all inputs in order, except those whose bytes were loaded before.
fn read_all(
    pipeline: &mut Pipeline<Loader>,
    found: Vec<Result<Input>>,
    (inputs, handle, progress): (&Inputs, &LoadHandle, &ProgressScope),
) -> Result<()> {
    for (number, input) in (0_u64..).zip(found) {
        if pipeline.is_stopped() {
            break;
        }
        match input {
            Ok(input) => {
                progress.input(&input.name);
                if !read(pipeline, (number, &input), inputs, handle)? {
                    progress.meter().skip(input.packed_len().unwrap_or(0));
                }
            }
            Err(error) => pipeline.refuse(error)?,
        }
    }
    Ok(())
}

/// Reads an input. Returns false if its bytes were loaded before.
fn read(
    pipeline: &mut Pipeline<Loader>,
    (number, input): (u64, &Input),
    inputs: &Inputs,
    handle: &LoadHandle,
) -> Result<bool> {
    // An input that cannot be read is reported when it is read below.
    let digest = input.digest().ok().flatten();
    if let Some(digest) = &digest
        && handle.knows(&digest.sha256)
    {
        pipeline.skip_known(&input.name)?;
        return Ok(false);
    }
    pipeline.read(input, &inputs.pick)?;
    // Records a digest only if it covers all that was read: patterns may leave out members of an
    // archive, and a file may have grown since it was hashed.
    if let Some(digest) = digest
        && inputs.pick.takes_all()
        && input.is_still(&digest)
    {
        handle.set_source(number, InputDigest::new(&*input.name, digest.sha256, digest.bytes));
    }
    pipeline.mark(number)?;
    Ok(true)
}

/// Replaces the counts of the report, which are those of reading, by those of loading.
fn tell(report: &mut Report, loaded: &LoadReport) {
    for (table, rows) in &mut report.rows {
        *rows = loaded.rows.get(table).copied().unwrap_or_default();
    }
    for (code, (input, first)) in &loaded.warnings {
        let warning = WarningReport {
            count: first.count,
            input: input.clone(),
            line: first.position.line,
            byte: first.position.byte,
            detail: first.detail.clone(),
        };
        report.warn(code.as_str(), warning);
    }
}

fn summary(report: &Report, loaded: &LoadReport) -> serde_json::Value {
    let mut summary = json!(report);
    if let Some(object) = summary.as_object_mut() {
        object.insert("ingest".into(), documents(loaded));
    }
    summary
}

/// Returns the counts of documents by their outcome.
pub(super) fn documents(loaded: &LoadReport) -> serde_json::Value {
    json!({ "loaded": loaded.loaded, "replaced": loaded.replaced, "known": loaded.known,
        "no_better": loaded.no_better, "files": loaded.files, "commits": loaded.commits })
}

fn files(dir: &Path, table: Option<&str>) -> Result<Exit> {
    let table = table.map(Table::from_name).transpose()?;
    let dataset = Dataset::open(dir)?;
    // A reader of an incomplete list would get fewer rows without noticing.
    dataset.check_files()?;
    let mut text = String::new();
    for path in dataset.files(table) {
        text.push_str(path);
        text.push('\n');
    }
    print(text.as_bytes())
}

fn list(dir: &Path) -> Result<Exit> {
    let mut text =
        String::from("commit\ttime\toperation\tdocuments\tskipped\tfiles\tremoved\trows\n");
    let dataset = Dataset::open(dir)?;
    for (number, commit) in (1_u64..).zip(dataset.commits()?) {
        let operation = match commit.operation {
            Operation::Ingest => "ingest",
            Operation::Compact => "compact",
        };
        let rows = commit.documents.iter().map(|document| document.rows);
        let _ = writeln!(
            text,
            "{number}\t{}\t{operation}\t{}\t{}\t{}\t{}\t{}",
            escape(&commit.time),
            commit.documents.len(),
            commit.skipped.len(),
            commit.files.len(),
            commit.removed.len(),
            rows.fold(0, u64::saturating_add),
        );
    }
    print(text.as_bytes())?;
    dataset.check_files().map(|()| Exit::Done)
}

fn status(dir: &Path) -> Result<Exit> {
    let dataset = Dataset::open(dir)?;
    let status = dataset.status()?;
    let mut text = String::new();
    let mut row = |name: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(text, "{name}\t{value}");
    };
    row("commits", &status.commits);
    row("documents", &status.documents);
    row("files", &status.files);
    row("bytes", &status.bytes);
    for table in Table::ALL {
        let rows = status.rows.get(table.name()).copied().unwrap_or_default();
        row(&format!("rows.{}", table.name()), &rows);
    }
    row("orphans", &status.orphans.len());
    row("orphans.bytes", &status.orphans.iter().map(|orphan| orphan.bytes).sum::<u64>());
    for orphan in &status.orphans {
        let path = orphan.path.strip_prefix(dir).unwrap_or(&orphan.path);
        row("orphan", &escape(&path.to_string_lossy()));
    }
    print(text.as_bytes())?;
    dataset.check_files().map(|()| Exit::Done)
}

fn vacuum(dir: &Path, talk: &Talk) -> Result<Exit> {
    let done = Dataset::open_exclusive(dir)?.vacuum()?;
    talk.vacuumed(done);
    Ok(Exit::Done)
}

fn compact(args: &IngestArgs, talk: &Talk) -> Result<Exit> {
    let temporaries = Temporaries::default();
    let mut options = load_options(args)?;
    options.stop = signals::stop_flag(&temporaries);
    // `open` fails if the dataset does not exist; `open_or_create` would create it.
    drop(Dataset::open(&args.into)?);
    let done = Dataset::open_or_create(&args.into)?.compact(&options, &temporaries)?;
    talk.compacted(done);
    let stopped = options.stop.load(std::sync::atomic::Ordering::Relaxed);
    Ok(if stopped { Exit::Interrupted } else { Exit::Done })
}
