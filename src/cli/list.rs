//! `scanmill list`.

use std::path::Path;

use serde_json::json;

use super::{
    args::ListArgs,
    console::{Console, plural},
    exit::Exit,
    inputs::{self, job, reserved},
    output_name::{OutputName, file_path},
    progress::progress,
    signals::{StopPolicy, install_stop_handler},
};
use crate::{
    error::{Error, Result},
    ops::{self, ListOptions, ListOutput},
    output::{Output, Temporaries},
    pipeline::Filters,
};

pub(super) fn run(args: &ListArgs, console: &Console) -> Result<Exit> {
    let temporaries = Temporaries::default();
    let output = ListOutput::new(destination(args.out.as_deref())?)
        .with_overwrite(args.overwrite)
        .with_nul(args.null);
    let inputs = inputs::inputs(&args.read)?;
    let list = args.read.files_from.as_deref();
    // Signals are handled from here on, before any temporary file exists.
    let job = job(&args.read.xml, args.threads)?
        .with_cancellation(install_stop_handler(&temporaries, StopPolicy::Job))
        .with_temporaries(temporaries.clone())
        .with_progress(progress(console.args(), output.destination == Output::Stdout))
        .with_reserved_paths(reserved(list, console.args().config_file()));
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
    console.leftovers(&temporaries);
    let listed = listed?;
    console.errors(&listed.report);
    console.failed_scans(&listed.report.failed_scans);
    if listed.left_out > 0 {
        let what = plural(listed.left_out, "item");
        let message = format!("{what} left out: no plain name or address");
        console.warning(&message, &json!({ "count": listed.left_out }));
    }
    Ok(Exit::from_report(&listed.report))
}

/// Returns the destination of the list.
fn destination(out: Option<&Path>) -> Result<Output> {
    let Some(path) = file_path(out) else { return Ok(Output::Stdout) };
    if OutputName::new(path).is_folder() {
        return Err(Error::usage(format!("{} is a folder: a list is one file", path.display())));
    }
    Ok(Output::File(path.to_owned()))
}
