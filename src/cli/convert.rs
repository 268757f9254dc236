//! `scanmill convert`.

use std::{
    collections::HashSet,
    io::Write as _,
    path::{Path, PathBuf},
    time::Instant,
};

use super::{
    args::{ConvertArgs, PickArgs, Shape, TalkArgs, To, WriteArgs},
    exit::Exit,
    inputs::{self, Inputs},
    memory::Shares,
    progress::Progress,
    render::Talk,
    signals,
};
use crate::{
    error::{Error, Result},
    pipeline::{Destination, Filters, Pipeline},
    sink::{self, DocumentSink, Output, SinkOptions, TableFormat, Temporaries},
    source::{self, Input},
    table::{Column, Table},
};

pub(super) fn run(args: &ConvertArgs, (how, talk): (&TalkArgs, &Talk)) -> Result<Exit> {
    let begun = Instant::now();
    let temporaries = Temporaries::default();
    let plan = Plan::of(&args.write, &args.pick)?;
    if let Some(report) = args.report.as_deref().filter(|report| report.is_dir()) {
        return Err(Error::usage(format!("{} is a folder: --report is a file", report.display())));
    }
    let inputs = Inputs::of(&args.read)?;
    let shares = Shares::of(args.read.memory, threads(args.threads))?;
    // Before anything temporary is made: a signal must find it.
    let stop = signals::stop_flag(&temporaries);
    let on_stdout = plan.is_on_stdout();
    let destination = plan.open(&args.write, &args.pick, &temporaries)?;
    let options = inputs::options(&args.read, &shares).with_hash(args.hash);
    let pipeline = Pipeline::new(options, filters(&args.pick), destination, stop);
    let mut pipeline = pipeline.with_threads(shares.threads)?;
    let found = source::discover(&inputs.paths, &inputs.pick);
    let progress = Progress::begin(how, &found, on_stdout);
    pipeline = pipeline.with_meter(progress.meter());
    read_all(&mut pipeline, found, (&inputs, &progress))?;
    let report = pipeline.finish()?;
    drop(progress);
    talk.report(&report, begun.elapsed());
    if let Some(path) = &args.report {
        write_json(path, &report, &temporaries)?;
    }
    Ok(Exit::of_report(&report))
}

/// Reads all inputs in order; errors of inputs are in the report.
fn read_all(
    pipeline: &mut Pipeline,
    found: Vec<Result<Input>>,
    (inputs, progress): (&Inputs, &Progress),
) -> Result<()> {
    for input in found {
        if pipeline.is_stopped() {
            break;
        }
        match input {
            Ok(input) => {
                progress.input(&input.name);
                pipeline.read(&input, &inputs.pick)?;
            }
            Err(error) => pipeline.refuse(error)?,
        }
    }
    Ok(())
}

/// Threads to work with, one for each processor unless told otherwise.
pub(super) fn threads(chosen: Option<usize>) -> usize {
    chosen.unwrap_or_else(|| {
        std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
    })
}

/// Writes the report of a run.
pub(super) fn write_json(
    path: &Path,
    report: &impl serde::Serialize,
    temporaries: &Temporaries,
) -> Result<()> {
    let mut text = Vec::new();
    serde_json::to_writer_pretty(&mut text, report)
        .map_err(|error| Error::sink(path.display().to_string(), error))?;
    text.push(b'\n');
    if path.as_os_str() == "-" {
        let mut stderr = std::io::stderr().lock();
        return stderr.write_all(&text).map_err(|error| Error::sink("standard error", error));
    }
    let mut sink = DocumentSink::open(&Output::File(path.to_owned()), true, temporaries)?;
    sink.write(&text)?;
    sink.finish()
}

fn filters(args: &PickArgs) -> Filters {
    let mut filters = Filters::default();
    filters.states.clone_from(&args.state);
    filters.up = args.up;
    filters.expand_extra_ports = args.expand_extraports;
    filters
}

/// What the options come to.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Nested(Output),
    Tables {
        format: TableFormat,
        output: Output,
        tables: Vec<Table>,
        columns: Option<Vec<&'static Column>>,
    },
}

impl Plan {
    /// Checks the options against each other (docs/cli.md, "Outputs").
    fn of(write: &WriteArgs, pick: &PickArgs) -> Result<Self> {
        let tables: Vec<Table> =
            write.table.iter().map(|name| Table::from_name(name)).collect::<Result<_>>()?;
        let columns = match (tables.as_slice(), write.columns.as_slice()) {
            (_, []) => None,
            ([table], names) => {
                let columns = names.iter().map(|name| table.column(name));
                Some(columns.collect::<Result<Vec<_>>>()?)
            }
            _ => return Err(Error::usage("--columns needs a single --table")),
        };
        for names in [&write.table, &write.columns] {
            if let Some(name) = twice(names) {
                return Err(Error::usage(format!("{name} is named twice")));
            }
        }
        let out = write.out.as_deref().filter(|out| out.as_os_str() != "-");
        let to = write.to.unwrap_or_else(|| format_of(write.out.as_deref()));
        let flat = match (to, write.shape) {
            (To::Jsonl, Some(shape)) => shape == Shape::Flat,
            (To::Jsonl, None) => !tables.is_empty(),
            (_, Some(_)) => return Err(Error::usage("--shape is for jsonl")),
            (_, None) => true,
        };
        if !flat && !tables.is_empty() {
            return Err(Error::usage("--table needs --shape flat: nested JSONL has no tables"));
        }
        if flat && pick.events {
            return Err(Error::usage(
                "--events is for nested JSONL: the table events holds them already",
            ));
        }
        if !flat {
            return Ok(Self::Nested(feed_output(out)?));
        }
        let format = match to {
            To::Jsonl => TableFormat::Jsonl,
            To::Csv => TableFormat::Csv,
            To::Parquet => TableFormat::Parquet,
        };
        check_format(format, write, columns.as_deref())?;
        let output = table_output(format, out, tables.len() == 1, write.rows_per_file.is_some())?;
        let tables = if tables.is_empty() { Table::ALL.to_vec() } else { tables };
        Ok(Self::Tables { format, output, tables, columns })
    }

    fn is_on_stdout(&self) -> bool {
        let (Self::Nested(output) | Self::Tables { output, .. }) = self;
        *output == Output::Stdout
    }

    fn open(
        self,
        write: &WriteArgs,
        pick: &PickArgs,
        temporaries: &Temporaries,
    ) -> Result<Destination> {
        match self {
            Self::Nested(output) => {
                let sink = DocumentSink::open(&output, write.overwrite, temporaries)?;
                Ok(Destination::Nested { sink, events: pick.events })
            }
            Self::Tables { format, output, tables, columns } => {
                let defaults = SinkOptions::default();
                let options = SinkOptions {
                    tables,
                    columns,
                    overwrite: write.overwrite,
                    csv_join: write.csv_join.clone(),
                    csv_safe: write.csv_safe,
                    compression: write.compression.unwrap_or_default(),
                    row_group_rows: write.row_group_rows.unwrap_or(defaults.row_group_rows),
                    rows_per_file: write.rows_per_file,
                    temporaries: temporaries.clone(),
                };
                Ok(Destination::Tables(sink::open(format, &output, options)?))
            }
        }
    }
}

/// A name that occurs before in the list.
fn twice(names: &[String]) -> Option<&str> {
    let mut seen = HashSet::new();
    names.iter().map(String::as_str).find(|name| !seen.insert(*name))
}

/// What only some formats can do.
fn check_format(
    format: TableFormat,
    write: &WriteArgs,
    columns: Option<&[&'static Column]>,
) -> Result<()> {
    let parquet = format == TableFormat::Parquet;
    let binary = columns.unwrap_or_default().iter().find(|column| !column.field.kind.is_text());
    if let Some(column) = binary.filter(|_| !parquet) {
        let name = column.field.name;
        return Err(Error::usage(format!("column {name} is binary: only parquet has it")));
    }
    if write.rows_per_file.is_some() && !parquet {
        return Err(Error::usage("--rows-per-file is for parquet"));
    }
    let extension = write.out.as_deref().and_then(Path::extension);
    let packed = extension.is_some_and(|found| found == "gz" || found == "zst");
    if packed && parquet {
        return Err(Error::usage("parquet is compressed inside: name it without .gz or .zst"));
    }
    Ok(())
}

/// The format that the name of an output tells.
fn format_of(out: Option<&Path>) -> To {
    let Some(out) = out.filter(|out| out.as_os_str() != "-") else { return To::Jsonl };
    match ending(out).as_deref() {
        Some("jsonl" | "ndjson") => To::Jsonl,
        Some("csv") => To::Csv,
        _ => To::Parquet,
    }
}

/// The ending of a name, before that of a compression.
fn ending(path: &Path) -> Option<String> {
    let plain = match path.extension()?.to_str()? {
        "gz" | "zst" => PathBuf::from(path.file_stem()?),
        _ => path.to_owned(),
    };
    Some(plain.extension()?.to_str()?.to_ascii_lowercase())
}

/// Whether an output is meant as a folder.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

fn feed_output(out: Option<&Path>) -> Result<Output> {
    match out {
        None => Ok(Output::Stdout),
        Some(path) if is_folder(path) => Err(Error::usage(format!(
            "{} is a folder: nested JSONL is one file (--shape flat has a file a table)",
            path.display()
        ))),
        Some(path) => Ok(Output::File(path.to_owned())),
    }
}

fn table_output(
    format: TableFormat,
    out: Option<&Path>,
    single: bool,
    parts: bool,
) -> Result<Output> {
    let Some(path) = out else {
        return match format {
            TableFormat::Jsonl => Ok(Output::Stdout),
            TableFormat::Csv if single => Ok(Output::Stdout),
            TableFormat::Csv => {
                Err(Error::usage("csv has a file a table: name a folder with -o, or one --table"))
            }
            TableFormat::Parquet => Err(Error::usage("parquet needs an output: name one with -o")),
        };
    };
    // A device or a pipe is a file, whatever its name.
    let special = path.metadata().is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
    let named_file = match (format, ending(path).as_deref()) {
        _ if special => true,
        (TableFormat::Jsonl, Some("jsonl" | "ndjson")) => true,
        (_, found) => found == Some(format.extension()),
    };
    if is_folder(path) || parts {
        return Ok(Output::Dir(path.to_owned()));
    }
    if single || (format == TableFormat::Jsonl && named_file) {
        return Ok(Output::File(path.to_owned()));
    }
    if named_file {
        return Err(Error::usage(format!(
            "{} would be a file, but there are several tables: name a folder, or one --table",
            path.display()
        )));
    }
    Ok(Output::Dir(path.to_owned()))
}
