//! `scanmill diff`.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use clap::ValueEnum as _;

use super::{
    args::{DiffArgs, DiffTo, TalkArgs, When},
    changes::{Palette, Totals, write_block},
    convert::{identity, threads},
    ending::{OutputName, is_special, named},
    exit::Exit,
    feeds,
    inputs::{self, Given, Inputs},
    memory::Shares,
    overlap::{self, Written},
    progress::Progress,
    render::Talk,
    signals, terminal,
};
use crate::{
    diff::{DiffOptions, Differences, differences_with},
    error::{Error, Result},
    feed::ecs::{Ecs, change_line},
    merge::{MergePolicy, Merger, Precedence},
    model::HostChanges,
    pipeline::{Destination, Filters, Outcome, Pipeline, Report},
    sink::{self, DocumentSink, Output, SinkOptions, TableFormat, Temporaries},
    source::Pick,
    table::{Table, change_row},
};

pub(super) fn run(args: &DiffArgs, (how, talk): (&TalkArgs, &Talk)) -> Result<Exit> {
    let temporaries = Temporaries::default();
    let [old, new] = args.read.inputs.as_slice() else {
        return Err(Error::usage("two states are compared: OLD NEW, each a file or folder"));
    };
    let form = Form::of(args)?;
    let options = options(args)?;
    let pick = Pick::new(&args.read.include, &args.read.exclude)?;
    let mut states = Vec::new();
    for path in [old, new] {
        let inputs = Inputs::new(vec![path.to_path_buf()], pick.clone());
        let given = inputs.discover();
        let output = Written::output(form.output());
        let reading = inputs.reading(&given, how.config_file());
        overlap::check(output, &reading, *form.output() == Output::Stdout)?;
        states.push((path, inputs, given));
    }
    let shares = Shares::of(args.read.how.memory, threads(args.threads))?;
    let stop = signals::stop_flag(&temporaries);
    // Refused before anything is read.
    let sink = form.open(args, &temporaries)?;
    let mut sides = Vec::new();
    for (path, inputs, given) in states {
        let (report, merger) = read((&inputs, given), args, &shares, (&stop, how))?;
        talk.errors(&report);
        talk.failed_scans(&report.failed_scans);
        if report.interrupted {
            return Ok(Exit::Interrupted);
        }
        // With a part of a state missing, what differs would be wrong.
        if report.count(Outcome::Refused) > 0 {
            return Ok(Exit::NoInput);
        }
        let Some(merger) = merger.filter(Merger::has_scans) else {
            talk.error(&Error::scan(format!("{} holds no scan", path.display())));
            return Ok(Exit::NoInput);
        };
        sides.push(merger);
    }
    let (Some(new), Some(old)) = (sides.pop(), sides.pop()) else { return Ok(Exit::NoInput) };
    let hosts = differences_with(old, new, &options)?;
    if stop.load(Ordering::Relaxed) {
        return Ok(Exit::Interrupted);
    }
    let written = sink.write(hosts, palette(how, &form), &stop);
    talk.leftovers(&temporaries);
    let differ = written?;
    let differs = differ.changed || (args.strict_coverage && differ.not_scanned);
    Ok(match differs {
        _ if stop.load(Ordering::Relaxed) => Exit::Interrupted,
        false => Exit::Done,
        true => Exit::Partly,
    })
}

/// Which differences are given.
fn options(args: &DiffArgs) -> Result<DiffOptions> {
    let options = if args.all { DiffOptions::all() } else { DiffOptions::without_noise() };
    options
        .ignore(args.ignore.iter().copied())
        .only(args.only.iter().copied())
        .ignore_states(args.ignore_state.iter().cloned())
        .ignore_scripts(args.ignore_script.iter().map(String::as_str))
}

/// Reads one state.
fn read(
    (inputs, given): (&Inputs, Vec<Given>),
    args: &DiffArgs,
    shares: &Shares,
    (stop, how): (&Arc<AtomicBool>, &TalkArgs),
) -> Result<(Report, Option<Merger>)> {
    let policy = MergePolicy::new(Precedence::Latest).with_identity(identity(args.identity));
    // Both states are held at once.
    let merger = Merger::with_memory(policy, shares.merge / 2, args.temp_dir.as_deref());
    let then = Box::new(Destination::Nothing);
    let destination = Destination::Merge { merger: Box::new(merger), then };
    let options = inputs::options(&args.read.how, shares).with_hash(true);
    let pipeline = Pipeline::new(options, Filters::default(), destination, Arc::clone(stop));
    let mut pipeline = pipeline.with_threads(shares.threads)?.with_room(shares.documents / 2);
    let progress = Progress::begin(how, given.iter().map(Given::packed_len), true);
    pipeline = pipeline.with_meter(progress.meter());
    inputs.read(given, (&mut pipeline, &progress), None)?;
    pipeline.into_merger()
}

/// Bytes of output gathered before they are written.
const PIECE: usize = 256 << 10;

/// Endings of names, and the format that each stands for.
const ENDINGS: [(&str, DiffTo); 6] = [
    ("jsonl", DiffTo::Jsonl),
    ("ndjson", DiffTo::Jsonl),
    ("csv", DiffTo::Csv),
    ("parquet", DiffTo::Parquet),
    ("txt", DiffTo::Text),
    ("diff", DiffTo::Text),
];

/// The format of differences, which the name of their file must not contradict.
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

/// A format as it is given to `--to`.
fn value_name(to: DiffTo) -> String {
    to.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Where differences go, and in which form.
enum Form {
    Text(Output),
    Rows(TableFormat, Output),
    Events(Box<Ecs>, Output),
}

/// The same, opened.
enum Opened {
    Text(DocumentSink),
    Events(Box<Ecs>, DocumentSink),
    Rows(Box<dyn sink::Sink>),
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

    fn open(&self, args: &DiffArgs, temporaries: &Temporaries) -> Result<Opened> {
        Ok(match self {
            Self::Text(output) => {
                Opened::Text(DocumentSink::open(output, args.overwrite, temporaries)?)
            }
            Self::Events(ecs, output) => {
                let sink = DocumentSink::open(output, args.overwrite, temporaries)?;
                Opened::Events(ecs.clone(), sink)
            }
            Self::Rows(format, output) => {
                let options = SinkOptions {
                    tables: vec![Table::Changes],
                    overwrite: args.overwrite,
                    temporaries: temporaries.clone(),
                    ..SinkOptions::default()
                };
                Opened::Rows(sink::open(*format, output, options)?)
            }
        })
    }
}

/// What there were of differences.
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

impl Opened {
    /// Writes the differences and returns which kinds occurred. A run that is interrupted leaves no file.
    fn write(self, hosts: Differences, palette: Palette, stop: &AtomicBool) -> Result<Differ> {
        let mut differ = Differ::default();
        match self {
            Self::Text(sink) => return write_text(sink, hosts, palette, stop),
            Self::Events(ecs, mut sink) => {
                let mut lines = Vec::new();
                let scans = hosts.scans();
                for host in hosts {
                    let host = host?;
                    differ.add(&host);
                    for change in &host.changes {
                        change_line(&ecs, (&host, change), &scans, &mut lines);
                        if lines.len() >= PIECE {
                            sink.write(&lines)?;
                            lines.clear();
                        }
                    }
                    if stop.load(Ordering::Relaxed) {
                        return Ok(differ);
                    }
                }
                sink.write(&lines)?;
                sink.finish()?;
            }
            Self::Rows(mut sink) => {
                let mut encoder = sink.encoder();
                for host in hosts {
                    let host = host?;
                    differ.add(&host);
                    for change in &host.changes {
                        change_row(change, &mut |row| encoder.row(row))?;
                    }
                    if encoder.buffered() >= PIECE {
                        encoder.take().into_iter().try_for_each(|piece| sink.write(piece))?;
                    }
                    if stop.load(Ordering::Relaxed) {
                        return Ok(differ);
                    }
                }
                encoder.finish()?.into_iter().try_for_each(|piece| sink.write(piece))?;
                sink.flush()?;
                sink.finish()?;
            }
        }
        Ok(differ)
    }
}

fn write_text(
    mut sink: DocumentSink,
    hosts: Differences,
    palette: Palette,
    stop: &AtomicBool,
) -> Result<Differ> {
    let (mut differ, mut totals) = (Differ::default(), Totals::default());
    let mut text = String::new();
    for host in hosts {
        let host = host?;
        differ.add(&host);
        totals.add(&host);
        write_block(&host, palette, &mut text);
        if text.len() >= PIECE {
            sink.write(text.as_bytes())?;
            text.clear();
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(differ);
        }
    }
    totals.write(&mut text);
    sink.write(text.as_bytes())?;
    sink.finish()?;
    Ok(differ)
}

fn palette(how: &TalkArgs, form: &Form) -> Palette {
    let on_terminal = || {
        matches!(form, Form::Text(Output::Stdout))
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
