//! Helpers that the tests share: the fixtures, reading them whole or in pieces, and programs of the test
//! venv.

use std::{
    ffi::OsStr,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{self, Command},
    sync::{Arc, atomic::AtomicBool},
};

use scanmill::{
    error::{DiagnosticCode, Position, Result},
    feed::nested,
    format::{self, RowFormat, RowFormatVisitor, SinkOptions, TableFormat},
    model::{Host, ScanEvent, ScanSummary},
    output::Output,
    pipeline::{Filters, Pipeline, Report},
    source::{self, PathFilter},
    table::Table,
    xml::{Decoder, Options, Reader},
};
use serde_json::Value;

/// A file of `fixtures/`.
pub struct Fixture {
    pub name: String,
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

impl Fixture {
    /// Returns true if an XML parser accepts the file.
    pub fn is_well_formed(&self) -> bool {
        !DAMAGED.iter().any(|damaged| self.name.starts_with(damaged))
    }
}

/// Numbers of the fixtures that are truncated, appended to or overwritten.
const DAMAGED: [&str; 7] = ["31-", "32-", "33-", "34-", "35-", "37-", "38-"];

/// Returns the folder of the package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns all fixtures by name.
pub fn fixtures() -> Vec<Fixture> {
    let folder = fs::read_dir(root().join("fixtures")).unwrap();
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension() == Some(OsStr::new("xml")));
    paths.sort();
    assert!(paths.len() >= 49, "fixtures are missing");
    paths
        .into_iter()
        .map(|path| Fixture {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            bytes: fs::read(&path).unwrap(),
            path,
        })
        .collect()
}

/// Returns the damaged documents of `tests/data/damaged` by name.
pub fn damaged() -> Vec<Fixture> {
    let folder = fs::read_dir(root().join("tests/data/damaged")).unwrap();
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension() == Some(OsStr::new("xml")));
    paths.sort();
    assert!(paths.len() >= 6, "damaged documents are missing");
    let read = |path: PathBuf| Fixture {
        name: path.file_name().unwrap().to_string_lossy().into_owned(),
        bytes: fs::read(&path).unwrap(),
        path,
    };
    paths.into_iter().map(read).collect()
}

/// Returns the fixture whose name begins with `start`.
pub fn fixture(start: &str) -> Fixture {
    fixtures().into_iter().find(|fixture| fixture.name.starts_with(start)).unwrap()
}

/// Everything that reading an input returns.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    pub events: Vec<ScanEvent<'static>>,
    pub error: Option<String>,
    pub error_position: Option<Position>,
}

impl Outcome {
    /// Reads bytes through the pulling reader.
    pub fn of(bytes: &[u8]) -> Self {
        let mut outcome = Self::default();
        for event in Reader::new(bytes, Options::default()).events() {
            outcome.put(event);
        }
        outcome
    }

    /// Reads pieces through the push decoder.
    pub fn of_pieces<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Self {
        Self::of_pieces_with(pieces, Options::default())
    }

    /// Reads pieces through the push decoder, with options.
    pub fn of_pieces_with<'a>(pieces: impl Iterator<Item = &'a [u8]>, options: Options) -> Self {
        let mut outcome = Self::default();
        let mut decoder = Decoder::new(options);
        for piece in pieces {
            decoder.feed(piece);
            outcome.drain(&mut decoder);
        }
        decoder.finish();
        outcome.drain(&mut decoder);
        outcome
    }

    /// Takes the events that the decoder has ready.
    pub fn drain(&mut self, decoder: &mut Decoder) {
        loop {
            match decoder.next_event() {
                Ok(None) => return,
                Ok(Some(event)) => self.put(Ok(event.into_owned())),
                Err(error) => self.put(Err(error)),
            }
        }
    }

    fn put(&mut self, event: scanmill::error::Result<ScanEvent<'static>>) {
        assert!(self.error.is_none(), "nothing follows an error");
        match event {
            Ok(event) => self.events.push(event),
            Err(error) => {
                self.error = Some(error.to_string());
                self.error_position = error.position();
            }
        }
    }

    /// Returns the warnings of all scans with their counts.
    pub fn warnings(&self) -> Vec<(DiagnosticCode, i64)> {
        let of_run = |run: &&ScanSummary| -> Vec<_> {
            run.diagnostics.iter().map(|found| (found.code, found.count)).collect()
        };
        self.runs().iter().flat_map(of_run).collect()
    }

    /// Returns the hosts.
    pub fn hosts(&self) -> Vec<&Host<'static>> {
        self.events
            .iter()
            .filter_map(|event| match event {
                ScanEvent::Host(host) => Some(&**host),
                _ => None,
            })
            .collect()
    }

    /// Returns the ends of scans.
    pub fn runs(&self) -> Vec<&ScanSummary> {
        self.events
            .iter()
            .filter_map(|event| match event {
                ScanEvent::ScanEnd(record) => Some(&**record),
                _ => None,
            })
            .collect()
    }

    /// Returns the nested JSON lines of hosts, events and scans.
    pub fn nested(&self, source: &str) -> String {
        let mut out = Vec::new();
        let mut header = None;
        let mut number = 0;
        for event in &self.events {
            match event {
                ScanEvent::ScanStart(run) => {
                    header = Some(run);
                    number = 0;
                }
                ScanEvent::Host(host) => nested::host_line(header.unwrap(), host, &mut out),
                ScanEvent::Activity(event) => {
                    nested::event_line(header.unwrap(), number, event, &mut out);
                    number += 1;
                }
                ScanEvent::ScanEnd(record) => nested::scan_line(source, record, &mut out),
                _ => {}
            }
        }
        String::from_utf8(out).unwrap()
    }
}

/// Returns the value of an environment variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "tests read the variable CI, which forbids skipping")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns a command that runs a program.
#[expect(clippy::disallowed_methods, reason = "outside readers and test children are programs")]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    Command::new(program)
}

/// Reports that a test is skipped. With `CI` set it fails instead.
pub fn skip(test: &str, reason: &str) {
    assert!(variable("CI").is_none(), "{test}: {reason}; nothing may be skipped in CI");
    // Directly to the stream, as the output of tests is hidden while they pass.
    let _ = writeln!(io::stderr(), "SKIPPED {test}: {reason}");
}

/// Returns the standard output of a program, which must succeed.
pub fn output_of(command: &mut Command) -> String {
    let process::Output { status, stdout, stderr } = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?} ended with {status}: {stderr}");
    String::from_utf8(stdout).unwrap()
}

/// Runs the named test again in a process of its own, which calls `read`, and returns the peak memory of that
/// process in MiB: in this one other tests would count, too. Returns `None` if the system does not report it.
pub fn peak_mib(test: &str, read: impl FnOnce()) -> Option<u64> {
    const CHILD: &str = "SCANMILL_TEST_CHILD";
    if variable(CHILD).is_some() {
        read();
        return None;
    }
    if !fs::exists("/proc/self/status").unwrap_or(false) {
        read();
        return None;
    }
    let exe = std::env::current_exe().unwrap();
    let mut child = command(exe);
    child.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(CHILD, "1");
    let said = output_of(&mut child);
    let peak = said.lines().find_map(|line| line.split("peak KiB: ").nth(1)).unwrap();
    Some(peak.trim().parse::<u64>().unwrap() >> 10)
}

/// Reports the peak memory of this process to the parent.
pub fn tell_peak() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    let peak = peak.trim().trim_end_matches(" kB");
    let _ = io::Write::write_fmt(&mut io::stdout(), format_args!("\npeak KiB: {peak}\n"));
}

/// Returns Python with the packages of `tests/oracle/requirements.txt`, from the venv that `.ci/test`
/// creates.
pub fn venv_python() -> Option<PathBuf> {
    let python = root().join("target/test-venv/bin/python");
    python.exists().then_some(python)
}

/// All fixtures as tables of each format, in a temporary folder.
pub struct Converted(tempfile::TempDir);

impl Converted {
    /// Formats that the fixtures are converted to.
    const FORMATS: [TableFormat; 6] = [
        TableFormat::Jsonl,
        TableFormat::Json,
        TableFormat::Csv,
        TableFormat::Markdown,
        TableFormat::Arrow,
        TableFormat::Parquet,
    ];

    pub fn of_fixtures() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let converted = Self(folder);
        for format in Self::FORMATS {
            convert(format, &Output::Dir(converted.folder(format)));
        }
        converted
    }

    /// Returns flat JSONL of all tables in one stream.
    pub fn one_stream() -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("all.jsonl");
        convert(TableFormat::Jsonl, &Output::File(file.clone()));
        fs::read_to_string(file).unwrap()
    }

    pub fn folder(&self, format: TableFormat) -> PathBuf {
        self.0.path().join(format.extension())
    }

    pub fn file(&self, format: TableFormat, table: Table) -> PathBuf {
        self.folder(format).join(format!("{}.{}", table.name(), format.extension()))
    }
}

/// Returns every row of the inputs at a path as in flat JSONL.
pub fn rows_of(path: &Path) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    convert_path(path, TableFormat::Jsonl, &Output::File(file.clone()), SinkOptions::default());
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Converts all fixtures through the pipeline to all tables, also those that are derived.
fn convert(format: TableFormat, output: &Output) {
    let mut options = SinkOptions::default();
    options.tables.extend(Table::DERIVED);
    convert_path(&root().join("fixtures"), format, output, options);
}

fn convert_path(path: &Path, format: TableFormat, output: &Output, options: SinkOptions) {
    let report = format::open(format, output, options, Convert(path)).unwrap();
    assert!(report.counts.hosts > 100 && report.errors.is_empty(), "{:?}", report.errors);
}

/// Reads a file or folder.
struct Convert<'p>(&'p Path);

impl RowFormatVisitor for Convert<'_> {
    type Output = Report;

    fn visit<F: RowFormat + 'static>(self, format: F) -> Result<Report> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut pipeline = Pipeline::new(Options::default(), Filters::default(), format, stop);
        for input in source::discover(&[self.0.to_owned()], &PathFilter::default()) {
            pipeline.read(&input?, &PathFilter::default())?;
        }
        pipeline.finish()
    }
}
