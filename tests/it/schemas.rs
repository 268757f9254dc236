//! The printed schemas agree with the code, and everything that scanmill writes conforms to them.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use jsonschema::Validator;
use scanmill::{
    feed::{
        ecs,
        nested::{event_line, host_line, scan_line},
    },
    format::{ChunkWriter as _, JsonlSink, RowEncoder as _, RowFormat as _, SinkOptions},
    model::{
        Host, HostHint, ScanActivity, ScanHeader, ScanSummary, Script, ScriptOrigin, ScriptValue,
    },
    output::Output,
    table::{
        DerivedTables, Row, Table, derived_rows, event_row,
        export::{self, Dialect, Format},
        host_rows, scan_rows,
    },
    xml::{Options, Reader},
};
use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Items of an input, in order.
enum Read {
    Event(ScanHeader, i32, ScanActivity),
    Host(ScanHeader, Box<Host<'static>>),
    End(Box<ScanSummary>),
}

fn fixtures() -> Vec<PathBuf> {
    let folder = fs::read_dir(Path::new(ROOT).join("fixtures")).unwrap();
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "xml"));
    paths.sort();
    assert!(paths.len() >= 49, "{} fixtures", paths.len());
    paths
}

/// Returns a script that no scanner wrote.
fn mine() -> Script<'static> {
    Script {
        name: "mine".into(),
        output: None,
        data: ScriptValue::Json("{\"n\": [1, null]}".into()),
        origin: ScriptOrigin::Engine,
    }
}

/// Reads a text, with all its `extraports` expanded and a user's script wherever one may occur.
fn read(bytes: &[u8]) -> Vec<Read> {
    use scanmill::model::ScanEvent;
    let mut read = Vec::new();
    let mut header = ScanHeader::default();
    let mut events = 0;
    for event in Reader::new(bytes, Options::default().with_hash(true)).events() {
        match event {
            Ok(ScanEvent::ScanStart(run)) => (header, events) = (run, 0),
            Ok(ScanEvent::Activity(event)) => {
                read.push(Read::Event(header.clone(), events, event));
                events += 1;
            }
            Ok(ScanEvent::Host(mut host)) => {
                host.expand_extra_ports(1000);
                host.scripts.push(mine());
                host.ports.iter_mut().for_each(|port| port.scripts.push(mine()));
                read.push(Read::Host(header.clone(), host));
            }
            Ok(ScanEvent::ScanEnd(mut record)) => {
                record.post_scripts.push(mine());
                read.push(Read::End(record));
            }
            Ok(_) | Err(_) => {}
        }
    }
    read
}

fn nested_lines(source: &str, read: &[Read]) -> Vec<Value> {
    let mut out = Vec::new();
    for read in read {
        match read {
            Read::Event(run, index, event) => event_line(run, *index, event, &mut out),
            Read::Host(run, host) => host_line(run, host, &mut out),
            Read::End(record) => scan_line(source, record, &mut out),
        }
    }
    lines(&out)
}

fn flat_lines(source: &str, read: &[Read], folder: &Path) -> Vec<Value> {
    let path = folder.join("rows.jsonl");
    let output = Output::File(path.clone());
    let tables: Vec<Table> = Table::ALL.into_iter().chain(Table::DERIVED).collect();
    let derived = DerivedTables::among(&tables);
    let mut options = SinkOptions::default();
    options.tables = tables;
    let mut sink = JsonlSink::open(&output, options).unwrap();
    let mut encoder = sink.row_encoder();
    for read in read {
        let each = &mut |row: &Row<'_>| encoder.row(row);
        match read {
            Read::Event(run, index, event) => event_row(run, *index, event, each),
            Read::Host(run, host) => {
                host_rows(run, host, each).and_then(|()| derived_rows(run, host, derived, each))
            }
            Read::End(record) => scan_rows(source, record, each),
        }
        .unwrap();
    }
    for chunk in encoder.finish().unwrap() {
        sink.write(chunk).unwrap();
    }
    sink.finish().unwrap();
    let text = fs::read(&path).unwrap();
    fs::remove_file(path).unwrap();
    lines(&text)
}

fn lines(text: &[u8]) -> Vec<Value> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// Returns one of the committed schemas, which must be valid by its own draft.
fn schema(path: &str) -> (Value, Validator) {
    let path = Path::new(ROOT).join("schemas/json-schema").join(path);
    compile(&fs::read_to_string(path).unwrap())
}

fn compile(text: &str) -> (Value, Validator) {
    let schema: Value = serde_json::from_str(text).unwrap();
    jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{error}"));
    let options = jsonschema::options().should_validate_formats(true);
    let validator = options.build(&schema).unwrap_or_else(|error| panic!("{error}"));
    (schema, validator)
}

#[track_caller]
fn assert_fits(validator: &Validator, line: &Value) {
    if let Err(error) = validator.validate(line) {
        panic!("{error} at {:?}: {line}", error.instance_path());
    }
}

/// Returns everything that `scanmill schema` prints.
fn printed() -> Vec<(PathBuf, String)> {
    let mut files = export::files();
    files.extend(ecs::files());
    files
}

#[test]
fn the_committed_files_are_up_to_date() {
    let differ = export::check_all(&Path::new(ROOT).join("schemas"), &printed()).unwrap();
    assert!(differ.is_empty(), "print them with `scanmill schema --write schemas`: {differ:?}");
}

#[test]
fn a_check_reports_changed_missing_and_extra_files() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("schemas");
    let files = printed();
    let mut sorted: Vec<_> = files.iter().map(|(path, _)| path.clone()).collect();
    sorted.sort();
    assert_eq!(export::check_all(&dir, &files).unwrap(), sorted, "a folder that is missing");

    for (path, text) in &files {
        fs::create_dir_all(dir.join(path).parent().unwrap()).unwrap();
        fs::write(dir.join(path), text).unwrap();
    }
    assert_eq!(export::check_all(&dir, &files).unwrap(), Vec::<PathBuf>::new());

    fs::write(dir.join("duckdb.sql"), "").unwrap();
    fs::remove_file(dir.join("arrow/hosts.json")).unwrap();
    fs::write(dir.join("json-schema/host.json"), "{}").unwrap();
    fs::create_dir(dir.join("old")).unwrap();
    let differ = ["arrow/hosts.json", "duckdb.sql", "json-schema/host.json", "old"];
    assert_eq!(export::check_all(&dir, &files).unwrap(), differ.map(PathBuf::from));

    fs::remove_file(dir.join("tables.md")).unwrap();
    fs::create_dir(dir.join("tables.md")).unwrap();
    let error = export::check_all(&dir, &files).unwrap_err();
    assert!(error.input().is_some_and(|path| path.ends_with("tables.md")), "{error}");
}

#[test]
fn every_row_conforms_to_the_schema_of_its_table_and_of_all_tables() {
    let folder = tempfile::tempdir().unwrap();
    let tables: Vec<Table> = Table::ALL.into_iter().chain(Table::DERIVED).collect();
    let of_table = |table: &Table| (table.name(), schema(&format!("{}.json", table.name())).1);
    let own: BTreeMap<_, _> = tables.iter().map(of_table).collect();
    let (_, any) = compile(&export::print(Format::JsonSchema, &tables));
    let mut seen = BTreeSet::new();
    for path in fixtures() {
        let read = read(&fs::read(&path).unwrap());
        for line in flat_lines("a.xml", &read, folder.path()) {
            let table = line["_table"].as_str().unwrap();
            assert_fits(&own[table], &line);
            assert_fits(&any, &line);
            if seen.insert(table.to_owned()) {
                assert_strict(&own[table], &line);
            }
        }
    }
    assert_eq!(seen.len(), tables.len(), "{seen:?}");
}

/// Asserts that every member of the line is required, and that no other is allowed.
fn assert_strict(validator: &Validator, line: &Value) {
    for name in line.as_object().unwrap().keys() {
        let mut less = line.clone();
        less.as_object_mut().unwrap().remove(name);
        assert!(!validator.is_valid(&less), "{name} may be missing");
    }
    let mut more = line.clone();
    more["unknown"] = 1.into();
    assert!(!validator.is_valid(&more), "unknown members may be there");
}

#[test]
fn rows_of_the_wrong_type_do_not_conform() {
    let (_, hosts) = schema("hosts.json");
    let folder = tempfile::tempdir().unwrap();
    let read = read(br#"<nmaprun args="x"><host starttime="1700000000"/></nmaprun>"#);
    let lines = flat_lines("a.xml", &read, folder.path());
    let host = lines.iter().find(|line| line["_table"] == "hosts").unwrap();
    for (name, wrong) in [
        ("host_id", Value::Null),
        ("host_index", "0".into()),
        ("host_index", 2_147_483_648_i64.into()),
        ("uptime_s", 0.5.into()),
        ("uptime_s", 9_223_372_036_854_775_808_u64.into()),
        ("start_time", "yesterday".into()),
        ("start_time", 1_700_000_000.into()),
        ("complete", 1.into()),
        ("os_fingerprints", serde_json::json!([null])),
        ("hostnames", serde_json::json!([{"name": "a"}])),
        ("hostnames", serde_json::json!([{"name": null, "type": null}])),
    ] {
        let mut line = host.clone();
        line[name] = wrong.clone();
        assert!(!hosts.is_valid(&line), "{name} may be {wrong}");
    }
}

/// Features that no fixture has: traits of old versions, of other tools and of rare targets.
const RARE: &str = r#"<nmaprun scanner="nmap" args="nmap x" profile_name="Quick scan">
<scaninfo type="syn" scanflags="URGPSH"/>
<target specification="nope.invalid" status="skipped" reason="invalid"/>
<host comment="mine"><status state="up"/><address addr="fe80::1%eth0" addrtype="ipv6"/>
<smurf responses="3"/>
<ports><port protocol="tcp" portid="111"><state state="open" reason="reset" reason_ip="192.0.2.9"/>
<owner name="root"/>
<service name="nfs" devicetype="router" proto="rpc" rpcnum="100003" lowver="2" highver="4" banner="hi"/>
</port></ports>
<os><osclass type="router" vendor="V" osfamily="F" osgen="1.X" accuracy="90"><cpe>cpe:/o:v</cpe></osclass></os>
<tcpsequence index="1" class="truly random" difficulty="Good luck!" values="1,2"/>
</host></nmaprun>"#;

#[test]
fn every_nested_line_conforms_and_every_member_of_the_schema_is_written() {
    let (schema, validator) = schema("nested.json");
    let mut written = BTreeSet::new();
    let texts = fixtures().into_iter().map(|path| fs::read(path).unwrap());
    let long = RARE.replace("nmap x", &"x".repeat(2000));
    for text in texts.chain([RARE.into(), long.into()]) {
        for line in nested_lines("a.xml", &read(&text)) {
            assert_fits(&validator, &line);
            let kind = line["_type"].as_str().unwrap().to_owned();
            collect_members(&kind, &line, &mut written);
        }
    }
    let mut known = BTreeSet::new();
    for kind in ["host", "scan", "event"] {
        collect_properties(kind, &schema["$defs"][kind], &schema, &mut known);
    }
    let missing: Vec<_> = known.difference(&written).collect();
    assert!(missing.is_empty(), "in the schema but never written: {missing:#?}");
}

/// Collects the paths of all members of a line, except those in the data of scripts.
fn collect_members(path: &str, value: &Value, into: &mut BTreeSet<String>) {
    for item in value.as_array().into_iter().flatten() {
        collect_members(path, item, into);
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        if name != "data" {
            collect_members(&path, value, into);
        }
        into.insert(path);
    }
}

/// Collects the paths of all members that a schema has.
fn collect_properties(path: &str, schema: &Value, root: &Value, into: &mut BTreeSet<String>) {
    if let Some(definition) = schema["$ref"].as_str() {
        let definition = root.pointer(definition.trim_start_matches('#')).unwrap();
        return collect_properties(path, definition, root, into);
    }
    if schema["type"] == "array" {
        return collect_properties(path, &schema["items"], root, into);
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        collect_properties(&path, schema, root, into);
        into.insert(path);
    }
}

#[test]
fn minimal_lines_have_exactly_the_required_members() {
    let (_, validator) = schema("nested.json");
    let run = ScanHeader { scan_id: "9f".into(), ..ScanHeader::default() };
    let mut out = Vec::new();
    host_line(&run, &Host::new(0), &mut out);
    event_line(&run, 0, &ScanActivity::HostHint(HostHint::default()), &mut out);
    scan_line("", &ScanSummary { header: run, has_scan: true, ..ScanSummary::default() }, &mut out);
    let lines = lines(&out);
    assert_eq!(lines.len(), 3);
    for line in &lines {
        assert_fits(&validator, line);
        assert_strict(&validator, line);
    }
}

#[test]
fn nested_lines_with_null_empty_or_unknown_members_do_not_conform() {
    let (_, validator) = schema("nested.json");
    let run = ScanHeader { scan_id: "9f".into(), ..ScanHeader::default() };
    let mut out = Vec::new();
    host_line(&run, &Host::new(0), &mut out);
    let [line] = &lines(&out)[..] else { panic!("one line per host") };
    for (name, wrong) in [
        ("ip", Value::Null),
        ("ports", serde_json::json!([])),
        ("ports", serde_json::json!([{"protocol": "tcp", "port": 1}])),
        ("os", serde_json::json!({})),
        ("scripts", serde_json::json!([{"name": "a", "origin": "nse"}])),
        ("scripts", serde_json::json!([{"name": "a", "scope": "host"}])),
        ("scan", serde_json::json!({"scanner": "nmap"})),
    ] {
        let mut more = line.clone();
        more[name] = wrong.clone();
        assert!(!validator.is_valid(&more), "{name} may be {wrong}");
    }
    for value in [serde_json::json!([{"a": [1, null]}]), Value::Null, "x".into()] {
        let mut data = line.clone();
        data["scripts"] = serde_json::json!([{"name": "a", "data": value}]);
        assert_fits(&validator, &data);
    }
}

#[test]
fn every_table_and_column_is_in_every_format() {
    let duckdb = export::print(Format::Ddl(Dialect::DuckDb), &Table::ALL);
    let spark = export::print(Format::Ddl(Dialect::Spark), &Table::ALL);
    let tables: Vec<Table> = Table::ALL.into_iter().chain(Table::DERIVED).collect();
    let duckdb = duckdb + &export::print(Format::Ddl(Dialect::DuckDb), &Table::DERIVED);
    let spark = spark + &export::print(Format::Ddl(Dialect::Spark), &Table::DERIVED);
    let markdown = export::print(Format::Markdown, &tables);
    for table in tables {
        let part = |text: &str, start: String, end: &str| {
            let (_, rest) = text.split_once(&start).unwrap_or_else(|| panic!("{start}"));
            rest.split(end).next().unwrap_or_default().to_owned()
        };
        let create = format!("CREATE TABLE {} (\n", table.name());
        let duckdb = part(&duckdb, create.clone(), "\n);");
        let spark = part(&spark, create, "\n)\n");
        let markdown = part(&markdown, format!("\n## {}\n", table.name()), "\n## ");
        let arrow: Value = serde_json::from_str(&export::print(Format::Arrow, &[table])).unwrap();
        for (place, column) in table.columns().iter().enumerate() {
            let name = column.field.name;
            assert!(duckdb.contains(&format!("    \"{name}\" ")), "{name}");
            assert!(spark.contains(&format!("    `{name}` ")), "{name}");
            assert!(markdown.contains(&format!("\n| `{name}` |")), "{name}");
            assert_eq!(arrow["fields"][place]["name"], name);
            assert_eq!(arrow["fields"][place]["nullable"], column.field.nullable);
        }
    }
}
