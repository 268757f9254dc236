//! `scanmill history`.

use std::path::Path;

use super::{
    args::HistoryArgs,
    console::Console,
    convert::{Completion, filters, identity, with_report},
    exit::Exit,
    inputs::{self, job, reserved},
    output::output,
    progress::progress,
    signals::{StopPolicy, install_stop_handler},
};
use crate::{
    error::Result,
    ops::{self, HistoryOptions, OutputContent},
};

pub(super) fn run(args: &HistoryArgs, console: &Console) -> Result<Exit> {
    let (write, pick, series) = (args.write(), args.pick(), &args.series);
    let completion = Completion::new(console, args.report.as_deref(), write.overwrite);
    let output = output(&write, &pick, OutputContent::History)?;
    let inputs = inputs::inputs(&args.read)?;
    let options = HistoryOptions::default()
        .with_identity(identity(series.identity))
        .with_keep_covered(series.keep_covered)
        .with_keep_identity(series.keep_identity)
        .with_filters(filters(&pick));
    let reserved = reserved(args.read.files_from.as_deref(), console.args().config_file());
    let reserved = with_report(reserved, args.report.as_deref(), write.overwrite);
    // Signals are handled from here on, before any temporary file exists.
    let mut job = job(&args.read.xml, args.threads)?
        .with_cancellation(install_stop_handler(&completion.temporaries, StopPolicy::Job))
        .with_temporaries(completion.temporaries.clone())
        .with_progress(progress(console.args(), output.is_on_stdout()))
        .with_reserved_paths(reserved);
    job.temp_dir = series.temp_dir.as_deref().map(Path::to_owned);
    completion.finish(ops::history(&inputs, output, &options.with_job(job)), false)
}
