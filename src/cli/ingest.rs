//! `scanmill ingest`.

use std::{fmt::Write as _, path::Path, time::Instant};

use serde_json::json;

use super::{
    args::{IngestArgs, MaintenanceArgs},
    console::Console,
    convert::{with_report, write_json},
    exit::Exit,
    inputs::{self, budget, reserved, threads},
    print,
    progress::progress,
    signals::{StopPolicy, install_stop_handler},
    terminal::escape,
};
use crate::{
    dataset::Operation,
    error::Result,
    ops::{self, CompactOptions, IngestOptions, JobOptions},
    output::Temporaries,
    table::Table,
};

pub(super) fn run(args: &IngestArgs, console: &Console) -> Result<Exit> {
    let dir: &Path = &args.into;
    match &args.maintenance {
        MaintenanceArgs { files: true, .. } => files(dir, args.table.as_deref()),
        MaintenanceArgs { list: true, .. } => list(dir),
        MaintenanceArgs { status: true, .. } => status(dir),
        MaintenanceArgs { vacuum: true, .. } => vacuum(dir, console),
        MaintenanceArgs { compact: true, .. } => compact(args, console),
        _ => load(args, console),
    }
}

fn load(args: &IngestArgs, console: &Console) -> Result<Exit> {
    let started = Instant::now();
    let temporaries = Temporaries::default();
    let inputs = inputs::inputs(&args.read)?;
    let reserved = reserved(args.read.files_from.as_deref(), console.args().config_file());
    let mut reserved = with_report(reserved, args.report.as_deref(), false);
    reserved.names.output = "--into";
    let job = job(args, &temporaries)?
        .with_progress(progress(console.args(), false))
        .with_reserved_paths(reserved);
    let mut options = IngestOptions::default().with_job(job);
    options.commit_bytes = args.commit_size;
    let result = ops::ingest(&inputs, &*args.into, &options)?;
    console.report(&result.report, started.elapsed());
    console.load_summary(&result.loaded);
    if let Some(path) = &args.report {
        write_json((path, false), &json!(result), &temporaries)?;
    }
    Ok(Exit::from_report(&result.report))
}

/// Returns the options of a run that writes the dataset.
fn job(args: &IngestArgs, temporaries: &Temporaries) -> Result<JobOptions> {
    let budget = budget(&args.read.xml, threads(args.threads))?;
    let xml = inputs::options(&args.read.xml, &budget);
    let stop = install_stop_handler(temporaries, StopPolicy::Job);
    let job = JobOptions::new(budget).with_xml(xml).with_temporaries(temporaries.clone());
    Ok(job.with_cancellation(stop))
}

fn files(dir: &Path, table: Option<&str>) -> Result<Exit> {
    let table = table.map(Table::from_name).transpose()?;
    let mut text = String::new();
    for path in ops::dataset::files(dir, table)? {
        text.push_str(&path);
        text.push('\n');
    }
    print(text.as_bytes())
}

fn list(dir: &Path) -> Result<Exit> {
    let mut text =
        String::from("commit\ttime\toperation\tdocuments\tskipped\tfiles\tremoved\trows\n");
    let commits = ops::dataset::commits(dir)?;
    for (number, commit) in (1_u64..).zip(&commits.value) {
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
    commits.into_result().map(|_| Exit::Success)
}

fn status(dir: &Path) -> Result<Exit> {
    let checked = ops::dataset::status(dir)?;
    let status = &checked.value;
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
    checked.into_result().map(|_| Exit::Success)
}

fn vacuum(dir: &Path, console: &Console) -> Result<Exit> {
    console.vacuum_summary(ops::dataset::vacuum(dir)?);
    Ok(Exit::Success)
}

fn compact(args: &IngestArgs, console: &Console) -> Result<Exit> {
    let temporaries = Temporaries::default();
    let options = CompactOptions::default().with_job(job(args, &temporaries)?);
    console.compact_summary(ops::dataset::compact(&*args.into, &options)?);
    let cancelled = options.job.cancellation.is_cancelled();
    Ok(if cancelled { Exit::Interrupted } else { Exit::Success })
}
