//! `scanmill watch`.

use std::{path::PathBuf, sync::atomic::Ordering};

use super::{
    args::{To, WatchArgs},
    exit::Exit,
    feeds, inputs,
    memory::Shares,
    render::Talk,
    signals,
};
use crate::{
    error::{Error, Result},
    feed::Feed,
    pipeline::{Outcome, Report},
    source::Pick,
    watch::{Changed, Rotation, Watch, WatchOptions, What},
};

pub(super) fn run(args: &WatchArgs, talk: &Talk) -> Result<Exit> {
    let stop = signals::patient_stop_flag();
    let mut watch = Watch::open(options(args)?, stop.clone())?;
    let (mut read, mut refused) = (0_u64, 0_u64);
    let mut told = |report: &Report| {
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
        _ if stop.load(Ordering::Relaxed) => Exit::Interrupted,
        0 => Exit::Done,
        _ => Exit::Partly,
    })
}

fn options(args: &WatchArgs) -> Result<WatchOptions> {
    let [folder] = args.read.inputs.as_slice() else {
        return Err(Error::usage("one folder is watched"));
    };
    let to = args.to.unwrap_or(To::Jsonl);
    let name = format!("{}{}", to.name(), if args.changes { " changes" } else { "" });
    let what = if args.changes {
        What::Changes(changes(args, to)?)
    } else {
        What::Events(feed(args, to)?)
    };
    let mut options = WatchOptions::new(folder, &out(args)?, what, name);
    options.state.clone_from(&args.state_dir);
    options.settle = args.settle;
    let rotation = Rotation {
        size: args.rotate_size.and_then(|size| u64::try_from(size).ok()),
        every: args.rotate_every,
        keep: args.keep,
    };
    options.rotation = rotation;
    options.pick = Pick::new(&args.read.include, &args.read.exclude)?;
    options.reading = inputs::options(&args.read.how, &Shares::of(args.read.how.memory, 1)?);
    Ok(options)
}

/// The feed of a format.
fn feed(args: &WatchArgs, to: To) -> Result<Feed> {
    match (feeds::feed(to, &args.feed, &args.line)?, to) {
        (Some(feed), _) => Ok(feed),
        (None, To::Jsonl) => Ok(Feed::Nested { events: false }),
        (None, _) => {
            Err(Error::usage("what is watched becomes a feed: --to jsonl, ecs, ocsf or cim"))
        }
    }
}

/// How changes are told in a format.
fn changes(args: &WatchArgs, to: To) -> Result<Changed> {
    // Options that are for another format are refused here too.
    feeds::feed(to, &args.feed, &args.line)?;
    match to {
        To::Jsonl => Ok(Changed::Rows),
        To::Ecs => Ok(Changed::Events(Box::new(feeds::ecs(&args.line)))),
        _ => Err(Error::usage("--changes is for --to jsonl or ecs")),
    }
}

fn out(args: &WatchArgs) -> Result<PathBuf> {
    let packed = args.out.extension().is_some_and(|found| found == "gz" || found == "zst");
    let message = match () {
        () if args.out.as_os_str() == "-" => {
            "a feed that is watched for is kept: name a file with -o"
        }
        () if packed => "lines are appended to the feed: name it without .gz or .zst",
        () => return Ok(args.out.clone()),
    };
    Err(Error::usage(message))
}
