//! XML that scanmill writes: reading it again gives the same tables, and other programs read it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use proptest::{collection::vec, prelude::*, sample::Index};
use scanmill::{
    error::DiagnosticCode,
    format::{HostFormat, TableFormat},
    merge::{MergePolicy, Precedence},
    ops::{self, ConvertOptions, Inputs, MergeOptions, OutputOptions},
    output::Output,
};
use serde_json::{Map, Value};

use crate::support::{
    Fixture, Outcome, command, damaged, fixture, fixtures, output_of, root, skip, venv_python,
};

type Row = Map<String, Value>;

/// Columns of scans that describe the input and its damage, which a document that is written again does not have.
const OF_INPUT: [&str; 9] = [
    "source",
    "doc_index",
    "bytes",
    "content_sha256",
    "truncated",
    "resumed",
    "warnings",
    "hosts_incomplete",
    "byte_offset",
];

fn xml(destination: Output) -> OutputOptions {
    OutputOptions::hosts(HostFormat::Xml, destination)
}

fn convert(input: &Path, output: OutputOptions) {
    let inputs = Inputs::new([input]);
    ops::convert(&inputs, output.with_overwrite(true), &ConvertOptions::default()).unwrap();
}

/// Writes each scan of an input to a document in a folder.
fn written(input: &Path, folder: &Path) -> Vec<PathBuf> {
    convert(input, xml(Output::Dir(folder.to_owned())));
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|ending| ending == "xml"));
    names.sort();
    names
}

/// Writes an input as a single document.
fn document(input: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("in.xml"), folder.path().join("out.xml"));
    fs::write(&from, input).unwrap();
    convert(&from, xml(Output::File(to.clone())));
    // Without a scan there is no document.
    fs::read(to).unwrap_or_default()
}

/// Returns the rows of all tables but the warnings, as far as they do not describe the input.
fn rows(input: &Path) -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    convert(input, OutputOptions::tables(TableFormat::Jsonl, Output::File(file.clone())));
    // Without a scan there may be no rows.
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut rows: Vec<Row> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    rows.retain(|row| row["_table"] != "warnings");
    for row in &mut rows {
        match row["_table"].as_str() {
            Some("scans") => OF_INPUT.iter().for_each(|column| drop(row.remove(*column))),
            // A host that was cut is written as far as it was read.
            Some("hosts") => drop(row.remove("complete")),
            _ => {}
        }
    }
    rows
}

fn same(ours: &[Row], theirs: &[Row], name: &str) {
    for (number, (mine, other)) in ours.iter().zip(theirs).enumerate() {
        for (column, value) in other {
            let place = format!("{name} row {number} of {}: {column}", other["_table"]);
            assert_eq!(mine.get(column), Some(value), "{place}");
        }
    }
    assert_eq!(ours.len(), theirs.len(), "{name}");
}

#[test]
fn reading_a_written_document_gives_the_same_tables() {
    for fixture in fixtures().iter().chain(&damaged()) {
        let folder = tempfile::tempdir().unwrap();
        written(&fixture.path, folder.path());
        same(&rows(folder.path()), &rows(&fixture.path), &fixture.name);
    }
}

/// Warnings that a written document may cause: values that were warned of before, and further services of a port.
const KEPT: [DiagnosticCode; 4] = [
    DiagnosticCode::DupPort,
    DiagnosticCode::BadAddr,
    DiagnosticCode::Addrtype,
    DiagnosticCode::DupKey,
];

fn is_clean(document: &[u8], name: &str) {
    for (code, _) in Outcome::of(document).warnings() {
        assert!(KEPT.contains(&code), "{name}: {code:?}");
    }
}

#[test]
fn a_written_document_is_written_again_with_the_same_bytes() {
    for fixture in fixtures().iter().chain(&damaged()) {
        let once = document(&fixture.bytes);
        if once.is_empty() {
            assert!(Outcome::of(&fixture.bytes).hosts().is_empty(), "{}", fixture.name);
            continue;
        }
        is_clean(&once, &fixture.name);
        let twice = document(&once);
        assert!(twice == once, "{}", fixture.name);
    }
}

/// Text that damages values, of which XML cannot hold all characters.
const SPLICES: [&str; 14] = [
    "&#0;",
    "&#x1;",
    "&#x1b;[31m",
    "\u{ffff}",
    "&#xfffe;",
    "&#13;&#10;",
    "&amp;amp;",
    "&lt;x/&gt;",
    "\"",
    "&#9;",
    "%eth0",
    "-->",
    "]]>",
    "  ",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn damaged_input_becomes_a_document_that_is_stable(
        number in any::<Index>(),
        places in vec((any::<Index>(), any::<Index>(), 0_usize..40), 1..6),
    ) {
        let all = fixtures();
        let Fixture { name, mut bytes, .. } = {
            let at = number.index(all.len());
            all.into_iter().nth(at).unwrap()
        };
        for (at, splice, removed) in places {
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + removed);
            bytes.splice(at..end, splice.get(&SPLICES).bytes());
        }
        let once = document(&bytes);
        if once.is_empty() {
            // The damage hides every scan.
            return Ok(());
        }
        is_clean(&once, &name);
        prop_assert!(document(&once) == once, "{}", name);
    }
}

#[test]
fn hosts_that_large_inputs_spill_are_complete() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("in.xml"), folder.path().join("out.xml"));
    let host = |number: usize| {
        format!(
            "<host><status state=\"up\" reason=\"{}\"/><address addr=\"10.0.{}.{}\"/></host>\n",
            "r".repeat(300),
            number / 256,
            number % 256
        )
    };
    let hosts: String = (0..40_000).map(host).collect();
    fs::write(&from, format!("<nmaprun args=\"large\" scanner=\"nmap\">{hosts}</nmaprun>"))
        .unwrap();
    convert(&from, xml(Output::File(to.clone())));
    let text = fs::read_to_string(&to).unwrap();
    assert!(text.len() > 10 << 20 && text.ends_with("</host>\n</nmaprun>\n"));
    same(&rows(&to), &rows(&from), "large");
}

#[test]
fn several_scans_become_one_document_that_claims_only_what_they_share() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("all.xml");
    let inputs = Inputs::new(["04-", "09-", "31-"].map(|name| fixture(name).path));
    ops::convert(&inputs, xml(Output::File(to.clone())), &ConvertOptions::default()).unwrap();
    let outcome = Outcome::of(&fs::read(&to).unwrap());
    let [scan] = outcome.runs()[..] else { panic!("one document") };
    let header = &scan.header;
    assert_eq!(header.scanner.as_deref(), Some("nmap"));
    let args = header.args.as_deref().unwrap();
    assert!(args.starts_with("scanmill convert: 3 scans, "), "{args}");
    assert!(scan.scan_info.is_empty(), "each looked at other ports");
    assert!(scan.stats.finished && scan.stats.failed());
    let message = "1 of 3 scans did not finish";
    assert_eq!(scan.stats.error_message.as_deref(), Some(message));
    let all: Vec<_> = ["04-", "09-", "31-"].map(|name| Outcome::of(&fixture(name).bytes)).into();
    let count = all.iter().map(|outcome| outcome.hosts().len()).sum::<usize>();
    assert_eq!(outcome.hosts().len(), count);
    let start = all.iter().map(|outcome| outcome.runs()[0].header.start_time).min().unwrap();
    assert_eq!(header.start_time, start);
}

#[test]
fn a_port_with_several_services_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("in.xml"), folder.path().join("out.xml"));
    let port = |service: &str| {
        format!(
            "<port protocol=\"tcp\" portid=\"80\"><state state=\"open\"/><service name=\"{service}\" \
             banner=\"{service} &amp; co\"/><script id=\"s\" output=\"{service}\"/></port>"
        )
    };
    let ports = ["title", "http.server", "X509"].map(port).concat();
    let host = format!("<host><address addr=\"192.0.2.1\"/><ports>{ports}</ports></host>");
    fs::write(&from, format!("<nmaprun scanner=\"masscan\" start=\"1\">{host}</nmaprun>")).unwrap();
    convert(&from, xml(Output::File(to.clone())));
    assert_eq!(fs::read_to_string(&to).unwrap().matches("<port ").count(), 3);
    let written = rows(&to);
    assert_eq!(written.iter().filter(|row| row["_table"] == "services").count(), 3);
    same(&written, &rows(&from), "several services");
}

#[test]
fn an_input_without_a_scan_becomes_an_empty_document() {
    let text = String::from_utf8(document(b"")).unwrap();
    assert!(text.contains("<nmaprun scanner=\"nmap\"") && text.ends_with("</nmaprun>\n"), "{text}");
    is_clean(text.as_bytes(), "empty");
}

const DAYS: [&str; 4] = ["41-", "43-", "44-", "04-"];

fn merge(output: OutputOptions) {
    let days = Inputs::new(DAYS.map(|name| fixture(name).path));
    let options = MergeOptions::default().with_policy(MergePolicy::new(Precedence::Latest));
    ops::merge(&days, output, &options).unwrap();
}

#[test]
fn a_merged_document_has_the_hosts_and_ports_of_the_merge() {
    let folder = tempfile::tempdir().unwrap();
    let [to, tables] = ["merged.xml", "merged.jsonl"].map(|name| folder.path().join(name));
    merge(xml(Output::File(to.clone())));
    merge(OutputOptions::tables(TableFormat::Jsonl, Output::File(tables.clone())));
    let text = fs::read_to_string(tables).unwrap();
    let merged: Vec<Row> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let read = rows(&to);
    // A merge has IDs of its own, and columns that only a merge has. Its rows repeat the start of the scan that they come
    // from, and the document has one start per host.
    let facts = |rows: &[Row], table: &str, known: Option<&Row>| -> Vec<BTreeMap<String, Value>> {
        let ids = ["scan_id", "host_id", "host_index", "complete"];
        let keep = |name: &String| {
            !ids.contains(&name.as_str())
                && (table == "hosts" || name != "start_time")
                && known.is_none_or(|row| row.contains_key(name))
        };
        let rows = rows.iter().filter(|row| row["_table"] == table);
        rows.map(|row| row.clone().into_iter().filter(|(name, _)| keep(name)).collect()).collect()
    };
    for table in ["hosts", "ports", "services", "scripts", "os_matches", "os_classes", "hops"] {
        let first = read.iter().find(|row| row["_table"] == table);
        let (theirs, ours) = (facts(&merged, table, first), facts(&read, table, None));
        assert_eq!(ours, theirs, "{table}");
        assert!(!ours.is_empty(), "{table}");
    }
    let folder = Output::Dir(folder.path().join("folder"));
    let days = Inputs::new(DAYS.map(|name| fixture(name).path));
    let refused = ops::merge(&days, xml(folder), &MergeOptions::default());
    assert!(refused.unwrap_err().to_string().contains("a single XML document"));
}

/// Documents of all fixtures, each with its original if that holds one well-formed scan, and of a merge.
fn samples(folder: &Path) -> Vec<(PathBuf, Option<PathBuf>)> {
    let mut samples = Vec::new();
    for fixture in fixtures() {
        let documents = written(&fixture.path, &folder.join(&fixture.name));
        let original = (fixture.is_well_formed() && documents.len() == 1).then_some(fixture.path);
        samples.extend(documents.into_iter().map(|document| (document, original.clone())));
    }
    let merged = folder.join("merged.xml");
    merge(xml(Output::File(merged.clone())));
    samples.push((merged, None));
    let all = folder.join("all.xml");
    convert(&root().join("fixtures"), xml(Output::File(all.clone())));
    samples.push((all, None));
    assert!(samples.len() > 50);
    samples
}

/// Returns true if a program can be run.
fn has(program: &str) -> bool {
    let found = command(program).arg("--version").output().is_ok();
    if !found {
        skip("xml_output", &format!("{program} is not installed"));
    }
    found
}

/// Numbers of fixtures that cannot be valid by nmap's own DTD: scans that did not finish, one of nmap 3.81, and masscan's.
const NOT_OF_NMAP: [&str; 9] = ["27-", "31-", "32-", "33-", "35-", "37-", "38-", "50-", "51-"];

#[test]
fn documents_are_valid() {
    if !has("xmllint") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let samples = samples(folder.path());
    let validate = |grammar: &Path, documents: &[&Path]| {
        let mut xmllint = command("xmllint");
        xmllint.args(["--noout", "--nonet", "--huge", "--dtdvalid"]).arg(grammar).args(documents);
        let output = xmllint.output().unwrap();
        let messages = String::from_utf8_lossy(&output.stderr);
        let first: Vec<_> = messages.lines().take(12).collect();
        assert!(output.status.success(), "{}: {}", grammar.display(), first.join("\n"));
    };
    let all: Vec<&Path> = samples.iter().map(|(document, _)| &**document).collect();
    validate(&root().join("tests/oracle/nmap.dtd"), &all);
    let own = Path::new("/usr/share/nmap/nmap.dtd");
    if own.exists() {
        let is_of_nmap = |path: &Path| {
            let name = path.parent().and_then(Path::file_name).unwrap().to_string_lossy();
            !NOT_OF_NMAP.iter().any(|other| name.starts_with(other)) && !path.ends_with("all.xml")
        };
        let finished: Vec<_> = all.into_iter().filter(|path| is_of_nmap(path)).collect();
        assert!(finished.len() > 40);
        validate(own, &finished);
    }
}

#[test]
fn ndiff_finds_no_difference_to_the_original() {
    if !has("ndiff") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for (document, original) in samples(folder.path()) {
        let ndiff = |a: &Path, b: &Path| command("ndiff").arg(a).arg(b).output().unwrap();
        let original = original.unwrap_or_else(|| document.clone());
        // ndiff cannot read scans of every scanner. masscan writes no status, and the wrong type of IPv6 addresses.
        let is_of_masscan = original == fixture("51-").path;
        if is_of_masscan || ndiff(&original, &original).status.code() != Some(0) {
            continue;
        }
        let output = ndiff(&original, &document);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{}: {text}", document.display());
        compared += 1;
    }
    assert!(compared > 40, "{compared}");
}

#[test]
fn other_readers_find_the_facts_of_the_original() {
    let Some(python) = venv_python() else {
        skip("xml_output", "no python-libnmap; .ci/test installs it below target/");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut services = 0;
    for (document, original) in samples(folder.path()) {
        let mut reader = command(&python);
        reader.arg(root().join("tests/oracle/nmap_readers.py")).arg(&document);
        // A scan without header, OS matches without a line, and hosts without status: libnmap sees them as incomplete,
        // and reads what scanmill writes.
        let own = ["27-", "50-", "51-"].map(|name| fixture(name).path);
        let original = original.filter(|path| !own.contains(path));
        let said = output_of(reader.args(original));
        services += said.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap();
    }
    assert!(services > 1000, "{services}");
}
