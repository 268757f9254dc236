//! `scanmill list`.

use std::path::Path;

use serde_json::json;

use super::{
    args::{ListArgs, TalkArgs},
    ending::{OutputName, named},
    exit::Exit,
    inputs::{self, job, reserved},
    progress::progress,
    render::{Talk, plural},
    signals,
};
use crate::{
    error::{Error, Result},
    ops::{self, ListOptions, ListOutput},
    output::{Output, Temporaries},
    pipeline::Filters,
};

pub(super) fn run(args: &ListArgs, (how, talk): (&TalkArgs, &Talk)) -> Result<Exit> {
    let temporaries = Temporaries::default();
    let output = ListOutput::new(destination(args.out.as_deref())?)
        .with_overwrite(args.overwrite)
        .with_nul(args.null);
    let inputs = inputs::inputs(&args.read)?;
    let list = args.read.files_from.as_deref();
    // Signals are handled from here on, before any temporary file exists.
    let job = job(&args.read.how, args.threads)?
        .with_cancellation(signals::stop_flag(&temporaries).into())
        .with_temporaries(temporaries.clone())
        .with_progress(progress(how, output.destination == Output::Stdout))
        .with_reserved_paths(reserved(list, how.config_file()));
    let mut filters = Filters::default();
    filters.states.clone_from(&args.state);
    filters.expression.clone_from(&args.filter);
    let options = ListOptions::default()
        .with_filters(filters)
        .with_names(args.names)
        .with_certificates(args.certificates)
        .with_prefixes(args.prefix_v4, args.prefix_v6)
        .with_job(job);
    let listed = ops::write_list(&inputs, args.kind.kind(), &output, &options);
    talk.leftovers(&temporaries);
    let listed = listed?;
    talk.errors(&listed.report);
    talk.failed_scans(&listed.report.failed_scans);
    if listed.left_out > 0 {
        let what = plural(listed.left_out, "item");
        let message = format!("{what} left out: no plain name or address");
        talk.warning(&message, &json!({ "count": listed.left_out }));
    }
    Ok(Exit::of_report(&listed.report))
}

/// Returns the destination of the list.
fn destination(out: Option<&Path>) -> Result<Output> {
    let Some(path) = named(out) else { return Ok(Output::Stdout) };
    if OutputName::of(path).is_folder() {
        return Err(Error::usage(format!("{} is a folder: a list is one file", path.display())));
    }
    Ok(Output::File(path.to_owned()))
}
