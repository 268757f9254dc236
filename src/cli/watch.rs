//! `scanmill watch`.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use serde_json::json;

use super::{
    args::{BaselineArg, FormatArg, StatusForm, WatchArgs},
    console::{Console, plural},
    exit::Exit,
    feeds,
    inputs::{self, budget, reserved},
    output::{EXTENSIONS, check_name},
    output_name::{OutputName, file_path},
    print, signals,
    terminal::{Lines, escape},
};
use crate::{
    error::{Error, ErrorKind, Result},
    feed::Feed,
    model::Timestamp,
    ops::{self, WatchControl},
    source::PathFilter,
    watch::{
        Baseline, ChangeFormat, Rotation, WatchEvent, WatchMode, WatchOptions, WatchStatus,
        WatchStatusOptions,
    },
};

pub(super) fn run(args: &WatchArgs, console: &Console) -> Result<Exit> {
    if let Some(form) = args.status {
        return status(args, form);
    }
    let service = signals::install_service_handler();
    let options = options(args)?;
    let (folder, out) = (options.folder.clone(), options.out.clone());
    let mut paths = reserved(None, console.args().config_file());
    paths.names.state = "--state-dir";
    paths.names.metrics = "--metrics";
    let control = WatchControl::new(Arc::clone(&service.stop).into())
        .with_reopen(Arc::clone(&service.reopen))
        .with_once(args.once)
        .with_reserved_paths(paths);
    let report = ops::watch(options, &control, &mut |event| match event {
        WatchEvent::Read(report) => console.file_report(report),
        event => console.warning(&event_message(&event, &folder, &out), &json!({})),
    })?;
    console.watch_summary(report.read, report.refused);
    // A service that stops on SIGTERM has succeeded.
    let terminated = service.terminated.load(Ordering::Relaxed);
    Ok(if terminated { Exit::Success } else { Exit::from_status(report.status()) })
}

/// Describes an event in one line.
fn event_message(event: &WatchEvent<'_>, folder: &Path, out: &Path) -> String {
    let (folder, out) = (folder.display(), out.display());
    match event {
        WatchEvent::FolderGone => {
            format!("{folder} has disappeared: reading resumes when it returns")
        }
        WatchEvent::FolderBack => format!("{folder} has returned"),
        WatchEvent::StateGone => {
            format!(
                "the state of {folder} has disappeared: all documents in the folder are written again"
            )
        }
        WatchEvent::WrittenAgain(bytes) => format!(
            "{out} is not as the run before left it: the last {} of that were appended again, \
             and some lines may be there twice",
            plural(*bytes, "byte")
        ),
        WatchEvent::MetricsFailed(error) => {
            let cause = std::error::Error::source(error);
            let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("{error}{cause}; the watch goes on without metrics")
        }
        _ => String::new(),
    }
}

/// Prints the state of a watch.
fn status(args: &WatchArgs, form: StatusForm) -> Result<Exit> {
    let mut options = WatchStatusOptions::new(folder(args)?)
        .with_pick(PathFilter::new(&args.read.include, &args.read.exclude)?);
    options.state = args.state_dir.as_deref().map(Path::to_path_buf);
    options.out = args.out.as_deref().map(Path::to_path_buf);
    let status = ops::watch_status(&options).map_err(|error| match error.kind() {
        ErrorKind::Usage(message) if args.state_dir.is_none() => {
            Error::usage(format!("{message}: name its folder with --state-dir"))
        }
        _ => error,
    })?;
    match form {
        StatusForm::Json => {
            let mut lines = Lines::default();
            lines.json(&json!(status));
            print(lines.as_str().as_bytes())
        }
        StatusForm::Text => print(status_text(&status).as_bytes()),
    }
}

/// Returns one row per number and per file that is waiting or failed, its cells separated by tabs.
fn status_text(status: &WatchStatus) -> String {
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    let last = time(status.last_document).unwrap_or_else(|| "unknown".to_owned());
    let mut text = String::new();
    let mut row = |cells: &[&str]| {
        let cells: Vec<String> = cells.iter().map(|cell| escape(cell)).collect();
        text.push_str(&cells.join("\t"));
        text.push('\n');
    };
    row(&["format", &status.format]);
    if !status.folder_exists {
        row(&["folder", "missing"]);
    }
    for (name, number) in [("documents", status.documents), ("scans", status.scans)] {
        row(&[name, &number.to_string()]);
    }
    row(&["last_document", &last]);
    for (name, number) in [("files.given", status.given), ("files.skipped", status.skipped)] {
        row(&[name, &number.to_string()]);
    }
    row(&["files.waiting", &status.waiting.len().to_string()]);
    row(&["files.failed", &status.failed.len().to_string()]);
    for file in &status.waiting {
        let modified = time(file.modified).unwrap_or_default();
        row(&["waiting", &file.name, &file.bytes.to_string(), &modified]);
    }
    for file in &status.failed {
        row(&["failed", &file.name, &file.code, &file.message]);
    }
    text
}

fn folder(args: &WatchArgs) -> Result<&Path> {
    match args.read.inputs.as_slice() {
        [folder] => Ok(folder),
        _ => Err(Error::usage("watch takes one folder")),
    }
}

fn options(args: &WatchArgs) -> Result<WatchOptions> {
    let folder = folder(args)?;
    let to = args.to.unwrap_or(FormatArg::Jsonl);
    let name = format!("{}{}", to.name(), if args.changes { " changes" } else { "" });
    let what = if args.changes {
        let baseline = match args.baseline {
            Some(BaselineArg::Events) => Baseline::Events,
            Some(BaselineArg::Silent) | None => Baseline::Silent,
        };
        WatchMode::Changes(changes(args, to)?, baseline)
    } else {
        WatchMode::Events(feed(args, to)?)
    };
    let out = out(args)?;
    let mut options = WatchOptions::new(folder, &out, what, name);
    options.state = args.state_dir.as_deref().map(Path::to_path_buf);
    options.metrics = args.metrics.as_deref().map(Path::to_path_buf);
    let is_ecs = matches!(
        options.mode,
        WatchMode::Events(Feed::Ecs(_)) | WatchMode::Changes(ChangeFormat::Events(_), _)
    );
    if args.heartbeat.is_some() && !is_ecs {
        return Err(Error::usage("--heartbeat is for --to ecs"));
    }
    options.heartbeat = args.heartbeat;
    options.settle = args.settle;
    options.filter.clone_from(&args.filter);
    let rotation = Rotation {
        size: args.rotate_size.and_then(|size| u64::try_from(size).ok()),
        every: args.rotate_every,
        keep: args.keep,
    };
    options.rotation = rotation;
    options.pick = PathFilter::new(&args.read.include, &args.read.exclude)?;
    options.reading = inputs::options(&args.read.xml, &budget(&args.read.xml, 1)?);
    Ok(options)
}

/// Returns the feed of a format.
fn feed(args: &WatchArgs, to: FormatArg) -> Result<Feed> {
    match (feeds::feed(to, &args.feed, &args.line)?, to) {
        (Some(feed), _) => Ok(feed),
        (None, FormatArg::Jsonl) => Ok(Feed::Nested { events: false }),
        (None, _) => Err(Error::usage("watch writes a feed: --to jsonl, ecs, ocsf or cim")),
    }
}

/// Returns the form of changes in a format.
fn changes(args: &WatchArgs, to: FormatArg) -> Result<ChangeFormat> {
    // Refuses options of other formats here too.
    feeds::feed(to, &args.feed, &args.line)?;
    match to {
        FormatArg::Jsonl => Ok(ChangeFormat::Rows),
        FormatArg::Ecs => Ok(ChangeFormat::Events(Box::new(feeds::ecs(&args.line)))),
        _ => Err(Error::usage("--changes is for --to jsonl or ecs")),
    }
}

fn out(args: &WatchArgs) -> Result<PathBuf> {
    let Some(path) = file_path(args.out.as_deref()) else {
        return Err(Error::usage("watch writes to a file: name it with -o"));
    };
    let name = OutputName::new(path);
    if name.is_compressed() {
        let message = "lines are appended to the feed: name it without .gz or .zst";
        return Err(Error::usage(message));
    }
    if name.is_folder() {
        return Err(Error::usage(format!("{} is a folder: a feed is one file", path.display())));
    }
    if args.to.is_none() {
        name.select(&EXTENSIONS)?;
    }
    check_name(name, args.to)?;
    Ok(path.to_owned())
}
