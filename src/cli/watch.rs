//! `scanmill watch`.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use serde_json::json;

use super::{
    args::{BaselineArg, TalkArgs, To, WatchArgs},
    ending::{OutputName, named},
    exit::Exit,
    feeds,
    inputs::{self, budget},
    output::{ENDINGS, check_name},
    render::{Talk, plural},
    signals,
};
use crate::{
    error::{Error, Result},
    feed::Feed,
    fs::File,
    ops::{InputPaths, OutputKind, OutputPath, check},
    pipeline::Outcome,
    source::Pick,
    watch::{Baseline, ChangeFormat, Rotation, STATE, Watch, WatchEvent, WatchMode, WatchOptions},
};

pub(super) fn run(args: &WatchArgs, (how, talk): (&TalkArgs, &Talk)) -> Result<Exit> {
    let service = signals::service();
    let options = options(args, how)?;
    let (folder, out) = (options.folder.clone(), options.out.clone());
    let watch = Watch::open(options, Arc::clone(&service.stop))?;
    let mut watch = watch.reopening(Arc::clone(&service.reopen));
    let (mut read, mut refused) = (0_u64, 0_u64);
    let mut told = |event: WatchEvent<'_>| {
        let WatchEvent::Read(report) = event else {
            return talk.warning(&about(&event, &folder, &out), &json!({}));
        };
        let whole = report.errors.is_empty() && report.count(Outcome::Read) > 0;
        read = read.saturating_add(u64::from(whole));
        refused = refused.saturating_add(u64::from(!report.errors.is_empty()));
        talk.found(report);
    };
    if args.once {
        watch.run_once(&mut told)?;
    } else {
        watch.run(&mut told)?;
    }
    talk.watched(read, refused);
    Ok(match refused {
        // A service that stops on SIGTERM has succeeded.
        _ if service.terminated.load(Ordering::Relaxed) => Exit::Done,
        _ if service.stop.load(Ordering::Relaxed) => Exit::Interrupted,
        0 => Exit::Done,
        _ => Exit::Partly,
    })
}

/// Describes an event in one line.
fn about(event: &WatchEvent<'_>, folder: &Path, out: &Path) -> String {
    let (folder, out) = (folder.display(), out.display());
    match event {
        WatchEvent::FolderGone => format!("{folder} is gone: it is read when it is there again"),
        WatchEvent::FolderBack => format!("{folder} is there again"),
        WatchEvent::StateGone => {
            format!("the state of {folder} is gone: all that is in it is written again")
        }
        WatchEvent::WrittenAgain(bytes) => format!(
            "{out} is not as the run before left it: the last {} of that were appended again, \
             and some lines may be there twice",
            plural(*bytes, "byte")
        ),
        _ => String::new(),
    }
}

fn options(args: &WatchArgs, how: &TalkArgs) -> Result<WatchOptions> {
    let [folder] = args.read.inputs.as_slice() else {
        return Err(Error::usage("one folder is watched"));
    };
    let to = args.to.unwrap_or(To::Jsonl);
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
    check_outputs(folder, &out, (args, how))?;
    let mut options = WatchOptions::new(folder, &out, what, name);
    options.state = args.state_dir.as_deref().map(Path::to_path_buf);
    options.settle = args.settle;
    let rotation = Rotation {
        size: args.rotate_size.and_then(|size| u64::try_from(size).ok()),
        every: args.rotate_every,
        keep: args.keep,
    };
    options.rotation = rotation;
    options.pick = Pick::new(&args.read.include, &args.read.exclude)?;
    options.reading = inputs::options(&args.read.how, &budget(&args.read.how, 1)?);
    Ok(options)
}

/// Returns the feed of a format.
fn feed(args: &WatchArgs, to: To) -> Result<Feed> {
    match (feeds::feed(to, &args.feed, &args.line)?, to) {
        (Some(feed), _) => Ok(feed),
        (None, To::Jsonl) => Ok(Feed::Nested { events: false }),
        (None, _) => {
            Err(Error::usage("what is watched becomes a feed: --to jsonl, ecs, ocsf or cim"))
        }
    }
}

/// Returns the form of changes in a format.
fn changes(args: &WatchArgs, to: To) -> Result<ChangeFormat> {
    // Refuses options of other formats here too.
    feeds::feed(to, &args.feed, &args.line)?;
    match to {
        To::Jsonl => Ok(ChangeFormat::Rows),
        To::Ecs => Ok(ChangeFormat::Events(Box::new(feeds::ecs(&args.line)))),
        _ => Err(Error::usage("--changes is for --to jsonl or ecs")),
    }
}

/// Checks the outputs. The feed and the state may lie in the folder, where they are left out, but
/// an existing output file must be a feed.
fn check_outputs(folder: &Path, out: &Path, (args, how): (&WatchArgs, &TalkArgs)) -> Result<()> {
    let state = args.state_dir.as_deref().map_or_else(|| folder.join(STATE), Path::to_path_buf);
    let rotates = args.rotate_size.is_some() || args.rotate_every.is_some();
    let feed = OutputPath::new("-o", out, OutputKind::Feed { rotates });
    let state = OutputPath::new("--state-dir", &state, OutputKind::State);
    let named = [folder.to_path_buf()];
    let others = how.config_file().into_iter().collect();
    let reading = InputPaths { named: &named, others, ..InputPaths::default() };
    check([feed, state], &reading, false)?;
    if !out.is_file() {
        return Ok(());
    }
    let mut first = [b'{'];
    // If the file cannot be read, opening the feed reports that.
    let _ = File::open(out).and_then(|mut file| file.read(&mut first));
    if first != [b'{'] {
        let message = format!("{} exists, and does not begin as a feed does", out.display());
        return Err(Error::usage(message));
    }
    Ok(())
}

fn out(args: &WatchArgs) -> Result<PathBuf> {
    let Some(path) = named(Some(&args.out)) else {
        return Err(Error::usage("a feed that is watched for is kept: name a file with -o"));
    };
    let name = OutputName::of(path);
    if name.is_compressed() {
        let message = "lines are appended to the feed: name it without .gz or .zst";
        return Err(Error::usage(message));
    }
    if name.is_folder() {
        return Err(Error::usage(format!("{} is a folder: a feed is one file", path.display())));
    }
    if args.to.is_none() {
        name.select(&ENDINGS)?;
    }
    check_name(name, args.to.unwrap_or(To::Jsonl))?;
    Ok(path.to_owned())
}
