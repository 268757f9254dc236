//! Runs a query and writes its result.

use std::path::Path;

use super::writer::ResultWriter;
use crate::{
    cli::{
        args::{QueryArgs, QueryFormatArg},
        console::Console,
        convert::filters,
        exit::Exit,
        inputs::{self, job, reserved},
        output_name::{OutputName, file_path, is_special},
        progress::progress,
        signals::{StopPolicy, install_stop_handler},
        terminal,
    },
    error::{Error, Result},
    ops::{self, JobStatus, QueryOptions},
    output::{DocumentSink, Output, Temporaries},
};

/// File name extensions, each with the format that it selects.
const EXTENSIONS: [(&str, QueryFormatArg); 4] = [
    ("csv", QueryFormatArg::Csv),
    ("jsonl", QueryFormatArg::Jsonl),
    ("ndjson", QueryFormatArg::Jsonl),
    ("txt", QueryFormatArg::Table),
];

pub(super) fn run(
    args: &QueryArgs,
    (paths, sql): (Vec<&Path>, &str),
    console: &Console,
) -> Result<Exit> {
    if args.pick.events {
        return Err(Error::usage("--events is not for query: the table events has them"));
    }
    let (to, output) = format_of(args)?;
    let mut inputs = inputs::inputs(&args.read)?;
    // The last argument that is not in a list is the SQL.
    inputs.paths.remove(paths.len());
    let temporaries = Temporaries::default();
    let reserved = reserved(args.read.files_from.as_deref(), console.args().config_file());
    let on_stdout = output == Output::Stdout;
    // Signals are handled from here on, before any temporary file exists.
    let job = job(&args.read.xml, args.threads)?
        .with_cancellation(install_stop_handler(&temporaries, StopPolicy::Job))
        .with_temporaries(temporaries.clone())
        .with_progress(progress(console.args(), on_stdout))
        .with_reserved_paths(reserved);
    let options = QueryOptions::default().with_filters(filters(&args.pick)).with_job(job);
    options.job.resolve(&inputs, &output, None)?;
    let sink = DocumentSink::open(&output, args.overwrite, &temporaries)?;
    let mut writer = ResultWriter::new(sink, to);
    let queried = ops::query(&inputs, sql, &options, &mut writer);
    let report = queried.inspect_err(|_| console.leftovers(&temporaries))?;
    console.file_report(&report.inputs);
    let status = report.status();
    if !matches!(status, JobStatus::NoInput | JobStatus::Cancelled) {
        writer.finish()?;
    }
    console.leftovers(&temporaries);
    Ok(Exit::from_status(status))
}

/// Returns the format and the destination of the result.
fn format_of(args: &QueryArgs) -> Result<(QueryFormatArg, Output)> {
    let Some(name) = file_path(args.out.as_deref()).map(OutputName::new) else {
        let on_terminal = terminal::is_stdout_terminal();
        let default = if on_terminal { QueryFormatArg::Table } else { QueryFormatArg::Csv };
        return Ok((args.to.unwrap_or(default), Output::Stdout));
    };
    let path = name.path();
    if name.is_folder() {
        let path = path.display();
        return Err(Error::usage(format!("{path} is a folder: the result of a query is one file")));
    }
    let to = match (args.to, name.find(&EXTENSIONS)) {
        (Some(to), Some(other)) if to != other && !is_special(path) => {
            let (path, other, to) = (path.display(), other.name(), to.name());
            return Err(Error::usage(format!("{path} is named as {other}, not as {to}")));
        }
        (Some(to), _) => to,
        (None, _) => name.select(&EXTENSIONS)?.unwrap_or(QueryFormatArg::Csv),
    };
    Ok((to, Output::File(path.to_owned())))
}
