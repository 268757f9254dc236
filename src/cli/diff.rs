//! `scanmill diff`.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::ValueEnum as _;

use super::{
    args::{DiffArgs, DiffTo, TalkArgs, When},
    changes::{Palette, Totals, write_block},
    convert::identity,
    ending::{OutputName, is_special, named},
    exit::Exit,
    feeds,
    inputs::{self, budget, reserved, threads},
    progress::progress,
    render::Talk,
    signals, terminal,
};
use crate::{
    diff::{DiffOptions, differences_with},
    error::{Error, Result},
    feed::ecs::{Ecs, change_line},
    format::{self, RowEncoder as _, RowFormat, RowFormatVisitor, SinkOptions, TableFormat},
    merge::{MergePolicy, Merger, Precedence},
    model::{ComparedScans, HostChanges},
    ops::{Inputs, JobOptions, MemoryBudget, OutputPath, ResolvedInputs, check},
    output::{DocumentSink, Output, Temporaries},
    pipeline::{Filters, MergeInput, Outcome, Pipeline, Report},
    source::Pick,
    table::{Table, change_row},
};

pub(super) fn run(args: &DiffArgs, (how, talk): (&TalkArgs, &Talk)) -> Result<Exit> {
    let temporaries = Temporaries::default();
    let [old, new] = args.read.inputs.as_slice() else {
        return Err(Error::usage("diff compares two states: OLD NEW, each a file or folder"));
    };
    let form = Form::of(args)?;
    let options = options(args)?;
    let pick = Pick::new(&args.read.include, &args.read.exclude)?;
    let mut states = Vec::new();
    for path in [old, new] {
        let inputs = Inputs::new([&**path]).with_pick(pick.clone());
        let found = inputs.resolve();
        let output = OutputPath::output("-o", form.output());
        let reserved = reserved(None, how.config_file());
        check(output, &found.paths(&inputs, &reserved), *form.output() == Output::Stdout)?;
        states.push((&**path, found));
    }
    let budget = budget(&args.read.how, threads(args.threads))?;
    let stop = signals::stop_flag(&temporaries);
    let comparison = Comparison {
        args,
        options: &options,
        how,
        talk,
        budget: &budget,
        states,
        stop: &stop,
        temporaries: &temporaries,
    };
    // Opening the output refuses an existing file before anything is read.
    match form {
        Form::Text(output) => {
            let sink = DocumentSink::open(&output, args.overwrite, &temporaries)?;
            let palette = palette(how, &output);
            let text =
                TextChanges { sink, palette, text: String::new(), totals: Totals::default() };
            comparison.write(text)
        }
        Form::Events(ecs, output) => {
            let sink = DocumentSink::open(&output, args.overwrite, &temporaries)?;
            comparison.write(EcsChanges { sink, ecs, lines: Vec::new() })
        }
        Form::Rows(format, output) => {
            let options = SinkOptions {
                tables: vec![Table::Changes],
                overwrite: args.overwrite,
                temporaries: temporaries.clone(),
                ..SinkOptions::default()
            };
            format::open(format, &output, options, comparison)
        }
    }
}

/// State of a run before its output is opened.
struct Comparison<'c> {
    args: &'c DiffArgs,
    options: &'c DiffOptions,
    how: &'c TalkArgs,
    talk: &'c Talk,
    budget: &'c MemoryBudget,
    /// The older and the newer state, in this order.
    states: Vec<(&'c Path, ResolvedInputs)>,
    stop: &'c Arc<AtomicBool>,
    temporaries: &'c Temporaries,
}

impl RowFormatVisitor for Comparison<'_> {
    type Output = Exit;

    fn visit<F: RowFormat + 'static>(self, format: F) -> Result<Exit> {
        let rows = format.row_encoder();
        self.write(RowChanges { writer: format, rows })
    }
}

impl Comparison<'_> {
    /// Reads both states and writes their differences. An interrupted run leaves no file.
    fn write(self, mut output: impl ChangesOutput) -> Result<Exit> {
        let Self { args, talk, stop, .. } = self;
        let mut sides = Vec::new();
        for (path, found) in self.states {
            let (report, merger) = read(found, args, self.budget, (stop, self.how))?;
            talk.errors(&report);
            talk.failed_scans(&report.failed_scans);
            if report.interrupted {
                return Ok(Exit::Interrupted);
            }
            // A state that is incomplete would produce wrong differences.
            if report.count(Outcome::Refused) > 0 {
                return Ok(Exit::NoInput);
            }
            if !merger.has_scans() {
                talk.error(&Error::scan(format!("{} holds no scan", path.display())));
                return Ok(Exit::NoInput);
            }
            sides.push(merger);
        }
        let (Some(new), Some(old)) = (sides.pop(), sides.pop()) else { return Ok(Exit::NoInput) };
        let hosts = differences_with(old, new, self.options)?;
        let scans = hosts.scans();
        let mut differ = Differ::default();
        let write = || {
            for host in hosts {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let host = host?;
                differ.add(&host);
                output.host(&host, &scans)?;
            }
            Ok(())
        };
        let finished = match write() {
            Ok(()) if stop.load(Ordering::Relaxed) => {
                drop(output);
                Ok(())
            }
            Ok(()) => output.finish(),
            Err(error) => Err(error),
        };
        talk.leftovers(self.temporaries);
        finished?;
        if stop.load(Ordering::Relaxed) {
            return Ok(Exit::Interrupted);
        }
        let differs = differ.changed || (args.strict_coverage && differ.not_scanned);
        Ok(if differs { Exit::Partly } else { Exit::Done })
    }
}

/// Returns the selection of differences.
fn options(args: &DiffArgs) -> Result<DiffOptions> {
    let options = if args.all { DiffOptions::all() } else { DiffOptions::without_noise() };
    options
        .ignore(args.ignore.iter().copied())
        .only(args.only.iter().copied())
        .ignore_states(args.ignore_state.iter().cloned())
        .ignore_scripts(args.ignore_script.iter().map(String::as_str))
}

/// Reads one of the two states.
fn read(
    found: ResolvedInputs,
    args: &DiffArgs,
    budget: &MemoryBudget,
    (stop, how): (&Arc<AtomicBool>, &TalkArgs),
) -> Result<(Report, Merger)> {
    let policy = MergePolicy::new(Precedence::Latest).with_identity(identity(args.identity));
    // Both states are in memory at once, so each gets half of the limit.
    let merger = Merger::with_memory(policy, budget.merge_bytes() / 2, args.temp_dir.as_deref());
    let input = MergeInput::new(merger).with_room(budget.document_bytes() / 2);
    let options = inputs::options(&args.read.how, budget).with_hash(true);
    let pipeline = Pipeline::new(options, Filters::default(), input, Arc::clone(stop));
    let pipeline = pipeline.with_threads(budget.threads())?.with_room(budget.document_bytes() / 2);
    let job = JobOptions::new(*budget).with_progress(progress(how, true));
    let (pipeline, _progress) = job.read(found, pipeline, None)?;
    pipeline.into_merger()
}

/// Output buffered before it is written, in bytes.
const PIECE: usize = 256 << 10;

/// File name extensions, each with the format that it selects.
const ENDINGS: [(&str, DiffTo); 6] = [
    ("jsonl", DiffTo::Jsonl),
    ("ndjson", DiffTo::Jsonl),
    ("csv", DiffTo::Csv),
    ("parquet", DiffTo::Parquet),
    ("txt", DiffTo::Text),
    ("diff", DiffTo::Text),
];

/// Returns the format of differences. The name of the output file must not contradict it.
fn format_of(to: Option<DiffTo>, out: Option<OutputName<'_>>) -> Result<DiffTo> {
    let Some(name) = out else {
        let text = terminal::is_stdout_terminal();
        return Ok(to.unwrap_or(if text { DiffTo::Text } else { DiffTo::Jsonl }));
    };
    let Some(to) = to else { return Ok(name.select(&ENDINGS)?.unwrap_or(DiffTo::Text)) };
    let family = if to == DiffTo::Ecs { DiffTo::Jsonl } else { to };
    match name.find(&ENDINGS) {
        Some(other) if other != family && !is_special(name.path()) => {
            let path = name.path().display();
            let (other, to) = (value_name(other), value_name(to));
            Err(Error::usage(format!("{path} is named as {other}, not as {to}")))
        }
        _ => Ok(to),
    }
}

/// Returns the name of a format as `--to` accepts it.
fn value_name(to: DiffTo) -> String {
    to.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Format and destination of differences.
enum Form {
    Text(Output),
    Rows(TableFormat, Output),
    Events(Box<Ecs>, Output),
}

impl Form {
    fn output(&self) -> &Output {
        let (Self::Text(output) | Self::Rows(_, output) | Self::Events(_, output)) = self;
        output
    }

    fn of(args: &DiffArgs) -> Result<Self> {
        let out = named(args.out.as_deref()).map(OutputName::of);
        let to = format_of(args.to, out)?;
        let output = match out {
            Some(name) if name.is_folder() => {
                let path = name.path().display();
                return Err(Error::usage(format!("{path} is a folder: differences are one file")));
            }
            Some(name) => Output::File(name.path().to_owned()),
            None => Output::Stdout,
        };
        if to != DiffTo::Ecs && feeds::any(&args.line) {
            return Err(Error::usage(
                "--sensor, --namespace, --bulk and --max-line are for --to ecs",
            ));
        }
        Ok(match to {
            DiffTo::Text => Self::Text(output),
            DiffTo::Jsonl => Self::Rows(TableFormat::Jsonl, output),
            DiffTo::Csv => Self::Rows(TableFormat::Csv, output),
            DiffTo::Parquet if output == Output::Stdout => {
                return Err(Error::usage("parquet needs an output: name one with -o"));
            }
            DiffTo::Parquet => Self::Rows(TableFormat::Parquet, output),
            DiffTo::Ecs => Self::Events(Box::new(feeds::ecs(&args.line)), output),
        })
    }
}

/// Kinds of differences that were found.
#[derive(Debug, Clone, Copy, Default)]
struct Differ {
    changed: bool,
    not_scanned: bool,
}

impl Differ {
    fn add(&mut self, host: &HostChanges) {
        for change in &host.changes {
            self.changed |= change.kind.is_change();
            self.not_scanned |= !change.kind.is_change();
        }
    }
}

/// Writer of differences in one format.
trait ChangesOutput {
    /// Writes the differences of a host. `scans` are the scans of both states.
    fn host(&mut self, host: &HostChanges, scans: &ComparedScans) -> Result<()>;

    /// Completes the output and gives it its final name.
    fn finish(self) -> Result<()>;
}

/// Text for people: one block per host, and the totals at the end.
struct TextChanges {
    sink: DocumentSink,
    palette: Palette,
    text: String,
    totals: Totals,
}

impl ChangesOutput for TextChanges {
    fn host(&mut self, host: &HostChanges, _: &ComparedScans) -> Result<()> {
        self.totals.add(host);
        write_block(host, self.palette, &mut self.text);
        if self.text.len() >= PIECE {
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

/// ECS events, one per line.
struct EcsChanges {
    sink: DocumentSink,
    ecs: Box<Ecs>,
    lines: Vec<u8>,
}

impl ChangesOutput for EcsChanges {
    fn host(&mut self, host: &HostChanges, scans: &ComparedScans) -> Result<()> {
        for change in &host.changes {
            change_line(&self.ecs, (host, change), scans, &mut self.lines);
            if self.lines.len() >= PIECE {
                self.sink.write(&self.lines)?;
                self.lines.clear();
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.sink.write(&self.lines)?;
        self.sink.finish()
    }
}

/// Rows of the table `changes`.
struct RowChanges<F: RowFormat> {
    writer: F,
    rows: F::Rows,
}

impl<F: RowFormat> ChangesOutput for RowChanges<F> {
    fn host(&mut self, host: &HostChanges, _: &ComparedScans) -> Result<()> {
        for change in &host.changes {
            change_row(change, &mut |row| self.rows.row(row))?;
        }
        if self.rows.buffered_bytes() >= PIECE {
            self.rows.take().into_iter().try_for_each(|chunk| self.writer.write(chunk))?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.rows.finish()?.into_iter().try_for_each(|chunk| self.writer.write(chunk))?;
        self.writer.flush()?;
        self.writer.finish()
    }
}

fn palette(how: &TalkArgs, output: &Output) -> Palette {
    let on_terminal = || {
        *output == Output::Stdout
            && terminal::is_stdout_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    };
    let colors = match how.color {
        When::Always => true,
        When::Never => false,
        When::Auto => on_terminal(),
    };
    if colors { Palette::Colors } else { Palette::Plain }
}
