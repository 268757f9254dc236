//! The number of threads changes only the time.

use std::{
    fs,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use scanmill::{
    feed::Feed,
    format::{
        self, BlockSink, FeedSink, Format, GnmapSink, MarkdownHostSink, NestedJsonSink, RowFormat,
        RowFormatVisitor, SinkOptions, TableFormat, XmlSink,
    },
    output::{DocumentSink, Output, Temporaries},
    pipeline::{Filters, Pipeline, Report},
    source::{self, PathFilter},
    xml::Options,
};

use crate::support::{fixture, fixtures};

/// Creates a folder with many inputs: repeated fixtures, junk, broken files, and a large file.
fn archive() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: String| folder.path().join(name);
    for round in 0..12 {
        for fixture in fixtures() {
            fs::write(at(format!("{round:02}-{}", fixture.name)), &fixture.bytes).unwrap();
        }
        fs::write(at(format!("{round:02}-junk.txt")), "no scan").unwrap();
        fs::write(at(format!("{round:02}-broken.gz")), b"\x1f\x8b\x08broken").unwrap();
    }
    let host = "<host><status state=\"up\"/><address addr=\"192.0.2.1\"/><ports><port protocol=\"tcp\" \
                portid=\"80\"><state state=\"open\"/></port></ports></host>\n";
    let large = format!("<nmaprun args=\"large\">{}", host.repeat(40_000));
    assert!(large.len() > 5 << 20);
    fs::write(at("05-large.xml".into()), large).unwrap();
    // Scans without args wait for their first host, and one file contains several documents.
    let appended = [fixture("34-").bytes, fixture("51-").bytes, fixture("27-").bytes].concat();
    fs::write(at("06-appended.xml".into()), appended).unwrap();
    // Small documents in a large file are sent together, between larger ones. Some scans occur twice.
    let mut log = Vec::new();
    for round in 0..24 {
        for fixture in fixtures().iter().filter(|fixture| fixture.bytes.starts_with(b"<?xml")) {
            let text = String::from_utf8_lossy(&fixture.bytes);
            let args = format!("args=\"{} ", round - round % 5 / 4);
            log.extend_from_slice(text.replacen("args=\"", &args, 1).as_bytes());
        }
        let hosts = host.repeat(if round % 6 == 0 { 6_000 } else { 100 });
        log.extend_from_slice(format!("<nmaprun args=\"r{round}\">{hosts}</nmaprun>").as_bytes());
    }
    assert!(log.len() > 10 << 20);
    fs::write(at("07-log.xml".into()), log).unwrap();
    folder
}

fn convert(
    from: &Path,
    format: impl Format,
    dedup: bool,
    threads: usize,
) -> scanmill::error::Result<Report> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut filters = Filters::default();
    filters.dedup = dedup;
    let pipeline = Pipeline::new(Options::default(), filters, format, stop);
    let mut pipeline = pipeline.with_threads(threads)?;
    for input in source::discover(&[from.to_owned()], &PathFilter::default()) {
        pipeline.read(&input.unwrap(), &PathFilter::default()).unwrap();
    }
    pipeline.finish()
}

/// Converts the folder `.0` on `.1` threads.
struct Convert<'p>(&'p Path, usize);

impl RowFormatVisitor for Convert<'_> {
    type Output = Report;

    fn visit<F: RowFormat + 'static>(self, format: F) -> scanmill::error::Result<Report> {
        convert(self.0, format, false, self.1)
    }
}

const ROW_FORMATS: [TableFormat; 6] = [
    TableFormat::Csv,
    TableFormat::Parquet,
    TableFormat::Arrow,
    TableFormat::Json,
    TableFormat::Markdown,
    TableFormat::Jsonl,
];

/// Number of formats of hosts, of which nested JSONL is the last.
const HOST_FORMATS: usize = 6;

/// Returns the report and every file of a conversion on `threads` threads.
fn outcome(from: &Path, threads: usize) -> (String, Vec<(String, Vec<u8>)>) {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    let mut reports = String::new();
    let single_files: &[_] = if cfg!(feature = "full") {
        &[TableFormat::Xlsx, TableFormat::Sqlite]
    } else {
        &[TableFormat::Xlsx]
    };
    for format in single_files {
        let out = folder.path().join("single").with_extension(format.extension());
        let (output, convert) = (Output::File(out.clone()), Convert(from, threads));
        let report = format::open(*format, &output, SinkOptions::default(), convert).unwrap();
        reports.push_str(&serde_json::to_string(&report).unwrap());
        files.push((format.extension().to_owned(), fs::read(out).unwrap()));
    }
    for format in ROW_FORMATS {
        let out = folder.path().join(format.extension());
        let (output, convert) = (Output::Dir(out.clone()), Convert(from, threads));
        let report = format::open(format, &output, SinkOptions::default(), convert).unwrap();
        reports.push_str(&serde_json::to_string(&report).unwrap());
        let errors: Vec<_> = report.errors.iter().map(ToString::to_string).collect();
        reports.push_str(&errors.join("\n"));
        let mut names: Vec<_> = fs::read_dir(&out).unwrap().map(|e| e.unwrap().path()).collect();
        names.sort();
        files.extend(names.iter().map(|path| {
            let name = path.strip_prefix(folder.path()).unwrap().display().to_string();
            (name, fs::read(path).unwrap())
        }));
    }
    for dedup in [false, true] {
        let feed = Feed::Nested { events: true };
        let xml = folder.path().join(format!("{dedup}.xml"));
        let sink = XmlSink::open(&Output::File(xml.clone()), &SinkOptions::default()).unwrap();
        convert(from, sink, dedup, threads).unwrap();
        files.push(("scans.xml".to_owned(), fs::read(xml).unwrap()));
        let mut add = |name: &str, convert: &dyn Fn(DocumentSink) -> Report| {
            let path = folder.path().join(format!("{dedup}-{name}"));
            let target = Output::File(path.clone());
            let sink = DocumentSink::open(&target, false, &Temporaries::default()).unwrap();
            reports.push_str(&serde_json::to_string(&convert(sink)).unwrap());
            files.push((name.to_owned(), fs::read(path).unwrap()));
        };
        add("hosts.gnmap", &|sink| {
            convert(from, GnmapSink::new(sink, false), dedup, threads).unwrap()
        });
        add("hosts.md", &|sink| {
            convert(from, MarkdownHostSink::new(sink, false), dedup, threads).unwrap()
        });
        add("hosts.txt", &|sink| {
            convert(from, BlockSink::new(sink, true, false), dedup, threads).unwrap()
        });
        add("nested.json", &|sink| {
            convert(from, NestedJsonSink::new(sink, feed.clone()), dedup, threads).unwrap()
        });
        add("nested.jsonl", &|sink| {
            convert(from, FeedSink::new(sink, feed.clone()), dedup, threads).unwrap()
        });
    }
    (reports, files)
}

#[test]
fn output_and_report_are_the_same_for_any_number_of_threads() {
    let archive = archive();
    let (report, files) = outcome(archive.path(), 1);
    assert!(report.contains("W_DUP_SCAN") && report.contains("E_DECOMPRESS"));
    // Files with all tables; ten tables in each format of rows, each set with a marker; and two files of each format of
    // hosts.
    let single = if cfg!(feature = "full") { 2 } else { 1 };
    assert_eq!(files.len(), single + ROW_FORMATS.len() * 11 + 2 * HOST_FORMATS);
    let [.., (_, all), _, _, _, _, _, (_, without)] = files.as_slice() else {
        panic!("too few files")
    };
    assert!(!without.is_empty() && without.len() < all.len());
    for threads in [2, 3, 8] {
        let (other, others) = outcome(archive.path(), threads);
        assert!(other == report, "{threads} threads report something else");
        for ((name, bytes), (_, other)) in files.iter().zip(&others) {
            assert!(bytes == other, "{threads} threads write another {name}");
        }
    }
}
