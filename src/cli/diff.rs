//! `scanmill diff`.

use std::path::Path;

use clap::ValueEnum as _;

use super::{
    args::{DiffArgs, DiffFormatArg, MessageArgs},
    console::Console,
    convert::identity,
    diff_text::{Palette, Totals, write_block},
    exit::Exit,
    feeds,
    inputs::{job, reserved},
    output::has_color,
    output_name::{OutputName, file_path, is_special},
    progress::progress,
    signals::{StopPolicy, install_stop_handler},
    terminal,
};
use crate::{
    diff::ChangeSelection,
    error::{Error, Result},
    feed::ecs::Ecs,
    format::TableFormat,
    model::{ComparedScans, HostChanges},
    ops::{
        ChangesWriter, DiffOptions, DiffOutcome, DiffReport, Inputs, OutputOptions, diff_reporting,
        diff_with,
    },
    output::{DocumentSink, Output, Temporaries},
    pipeline::Report,
    source::PathFilter,
};

pub(super) fn run(args: &DiffArgs, console: &Console) -> Result<Exit> {
    let temporaries = Temporaries::default();
    let [old, new] = args.read.inputs.as_slice() else {
        return Err(Error::usage("diff compares two states: OLD NEW, each a file or folder"));
    };
    let output = DiffOutput::new(args)?;
    let selection = selection(args)?;
    let pick = PathFilter::new(&args.read.include, &args.read.exclude)?;
    let inputs = |path: &Path| Inputs::new([path]).with_pick(pick.clone());
    let states = (inputs(old), inputs(new));
    // Signals are handled from here on, before any temporary file exists.
    let mut job = job(&args.read.xml, args.threads)?
        .with_cancellation(install_stop_handler(&temporaries, StopPolicy::Job))
        .with_temporaries(temporaries.clone())
        .with_progress(progress(console.args(), true))
        .with_reserved_paths(reserved(None, console.args().config_file()));
    job.temp_dir = args.temp_dir.as_deref().map(Path::to_owned);
    let options = DiffOptions::default()
        .with_selection(selection)
        .with_identity(identity(args.identity))
        .with_job(job);
    let compared =
        compare(output, (&states.0, &states.1), (args, console), &options, &mut |report| {
            console.errors(report);
            console.failed_scans(&report.failed_scans);
        });
    console.leftovers(&temporaries);
    let report = compared?;
    console.output_warnings(&report.output_warnings);
    if report.outcome == DiffOutcome::NoScan {
        let last = if report.new.is_some() { new } else { old };
        console.error(&Error::scan(format!("{} holds no scan", last.display())));
    }
    Ok(exit(&report, args.strict_coverage))
}

/// Compares two states and writes the differences in the form that the options select.
fn compare(
    output: DiffOutput,
    states: (&Inputs, &Inputs),
    (args, console): (&DiffArgs, &Console),
    options: &DiffOptions,
    on_read: &mut dyn FnMut(&Report),
) -> Result<DiffReport> {
    let output = match output {
        DiffOutput::Text(output) => {
            let open = || {
                let sink = DocumentSink::open(&output, args.overwrite, &options.job.temporaries)?;
                let (palette, totals) = (palette(console.args(), &output), Totals::default());
                Ok(TextChanges { sink, palette, text: String::new(), totals })
            };
            return diff_with(states, (&output, open), options, on_read);
        }
        DiffOutput::Events(ecs, output) => OutputOptions::feed((*ecs).into(), output),
        DiffOutput::Rows(format, output) => OutputOptions::tables(format, output),
    };
    diff_reporting(states, output.with_overwrite(args.overwrite), options, on_read)
}

fn exit(report: &DiffReport, strict_coverage: bool) -> Exit {
    match report.outcome {
        DiffOutcome::Cancelled => Exit::Interrupted,
        DiffOutcome::Refused | DiffOutcome::NoScan => Exit::NoInput,
        DiffOutcome::Compared => {
            let differs = report.changes > 0 || (strict_coverage && report.not_scanned > 0);
            if differs { Exit::DIFFERENT } else { Exit::Success }
        }
    }
}

/// Returns the selection of differences.
fn selection(args: &DiffArgs) -> Result<ChangeSelection> {
    let selection =
        if args.all { ChangeSelection::all() } else { ChangeSelection::without_noise() };
    let selection = match &args.filter {
        Some(filter) => selection.matching(filter.clone()),
        None => selection,
    };
    selection
        .ignore(args.ignore.iter().copied())
        .only(args.only.iter().copied())
        .ignore_states(args.ignore_state.iter().cloned())
        .ignore_scripts(args.ignore_script.iter().map(String::as_str))
}

/// Output buffered before it is written, in bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// File name extensions, each with the format that it selects.
const EXTENSIONS: [(&str, DiffFormatArg); 10] = [
    ("jsonl", DiffFormatArg::Jsonl),
    ("ndjson", DiffFormatArg::Jsonl),
    ("csv", DiffFormatArg::Csv),
    ("parquet", DiffFormatArg::Parquet),
    ("xlsx", DiffFormatArg::Xlsx),
    ("sqlite", DiffFormatArg::Sqlite),
    ("sqlite3", DiffFormatArg::Sqlite),
    ("db", DiffFormatArg::Sqlite),
    ("txt", DiffFormatArg::Text),
    ("diff", DiffFormatArg::Text),
];

/// Returns the format of differences. The name of the output file must not contradict it.
fn format_of(to: Option<DiffFormatArg>, out: Option<OutputName<'_>>) -> Result<DiffFormatArg> {
    let Some(name) = out else {
        let text = terminal::is_stdout_terminal();
        return Ok(to.unwrap_or(if text { DiffFormatArg::Text } else { DiffFormatArg::Jsonl }));
    };
    let Some(to) = to else { return Ok(name.select(&EXTENSIONS)?.unwrap_or(DiffFormatArg::Text)) };
    let family = if to == DiffFormatArg::Ecs { DiffFormatArg::Jsonl } else { to };
    match name.find(&EXTENSIONS) {
        Some(other) if other != family && !is_special(name.path()) => {
            let path = name.path().display();
            let (other, to) = (value_name(other), value_name(to));
            Err(Error::usage(format!("{path} is named as {other}, not as {to}")))
        }
        _ => Ok(to),
    }
}

/// Returns the name of a format as `--to` accepts it.
fn value_name(to: DiffFormatArg) -> String {
    to.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Format and destination of differences.
enum DiffOutput {
    Text(Output),
    Rows(TableFormat, Output),
    Events(Box<Ecs>, Output),
}

impl DiffOutput {
    fn new(args: &DiffArgs) -> Result<Self> {
        let out = file_path(args.out.as_deref()).map(OutputName::new);
        let to = format_of(args.to, out)?;
        let output = match out {
            Some(name) if name.is_folder() => {
                let path = name.path().display();
                return Err(Error::usage(format!("{path} is a folder: differences are one file")));
            }
            Some(name) => Output::File(name.path().to_owned()),
            None => Output::Stdout,
        };
        if to != DiffFormatArg::Ecs && feeds::has_line_option(&args.line) {
            return Err(Error::usage(
                "--sensor, --namespace, --bulk and --max-line are for --to ecs",
            ));
        }
        Ok(match to {
            DiffFormatArg::Text => Self::Text(output),
            DiffFormatArg::Jsonl => Self::Rows(TableFormat::Jsonl, output),
            DiffFormatArg::Csv => Self::Rows(TableFormat::Csv, output),
            DiffFormatArg::Parquet | DiffFormatArg::Xlsx | DiffFormatArg::Sqlite
                if output == Output::Stdout =>
            {
                let name = value_name(to);
                return Err(Error::usage(format!("{name} needs an output: name one with -o")));
            }
            DiffFormatArg::Parquet => Self::Rows(TableFormat::Parquet, output),
            DiffFormatArg::Xlsx => Self::Rows(TableFormat::Xlsx, output),
            DiffFormatArg::Sqlite => Self::Rows(TableFormat::Sqlite, output),
            DiffFormatArg::Ecs => Self::Events(Box::new(feeds::ecs(&args.line)), output),
        })
    }
}

/// Text for people: one block per host, and the totals at the end.
struct TextChanges {
    sink: DocumentSink,
    palette: Palette,
    text: String,
    totals: Totals,
}

impl ChangesWriter for TextChanges {
    fn host(&mut self, host: &HostChanges, _: &ComparedScans) -> Result<()> {
        self.totals.add(host);
        write_block(host, self.palette, &mut self.text);
        if self.text.len() >= BUFFER_BYTES {
            self.sink.write(self.text.as_bytes())?;
            self.text.clear();
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.totals.write(&mut self.text);
        self.sink.write(self.text.as_bytes())?;
        self.sink.finish()
    }
}

fn palette(messages: &MessageArgs, output: &Output) -> Palette {
    if has_color(messages, output) { Palette::Colors } else { Palette::Plain }
}
