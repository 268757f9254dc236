//! Output paths and formats: nothing is lost or half-written.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::MetadataExt as _,
};

use flate2::read::GzDecoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use scanmill::table::Table;
use serde_json::Value;

use super::{Folder, GOOD, ends, json_lines, refuses, xml};

#[test]
fn the_name_of_the_output_chooses_the_format() {
    let folder = Folder::new();
    let good = xml(GOOD);
    let nested = ends(0, &["convert", &good]).stdout;
    for name in ["a.jsonl", "a.ndjson", "a.JSONL"] {
        let ran = ends(0, &["convert", &good, "-o", &folder.path(name)]);
        assert_eq!((&*ran.stdout, folder.read(name)), ("", nested.clone()), "{name}");
    }
    let array = ends(0, &["convert", &good, "--to", "json"]).stdout;
    ends(0, &["convert", &good, "-o", &folder.path("a.json")]);
    assert_eq!(folder.read("a.json"), array);
    let csv = ends(0, &["convert", &good, "--to", "csv", "--table", "ports"]).stdout;
    ends(0, &["convert", &good, "-o", &folder.path("a.csv"), "--table", "ports"]);
    assert_eq!(folder.read("a.csv"), csv);
    for name in ["a.parquet", "no-ending"] {
        ends(0, &["convert", &good, "-o", &folder.path(name), "--table", "ports"]);
        assert!(folder.bytes(name).starts_with(b"PAR1"), "{name}");
    }
}

/// Returns the items of a JSON array.
fn array(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_array_holds_the_objects_that_jsonl_has_as_lines() {
    let folder = Folder::new();
    let good = xml(GOOD);
    for options in [
        &[][..],
        &["--events"],
        &["--shape", "flat"],
        &["--table", "ports"],
        &["--table", "ports", "--columns", "port,ip"],
        // No host is left, but the scan is.
        &["--table", "hops"],
    ] {
        let run = |to| ends(0, &[&["convert", &good, "--to", to], options].concat()).stdout;
        let (lines, text) = (run("jsonl"), run("json"));
        assert_eq!(array(&text), json_lines(&lines), "{options:?}");
        // Each item is on a line of its own.
        if !lines.is_empty() {
            assert_eq!(text.lines().count(), lines.lines().count() + 2, "{options:?}");
        }
    }
    assert_eq!(ends(0, &["convert", &good, "--to", "json", "--table", "hops"]).stdout, "[]\n");
    let empty = folder.write("empty.xml", "");
    for shape in ["nested", "flat"] {
        let out = folder.path(shape) + ".json";
        ends(0, &["convert", &empty, "-o", &out, "--shape", shape]);
        let items = array(&folder.read(&format!("{shape}.json")));
        // The warning about the empty input is a row.
        assert_eq!(items.len(), usize::from(shape == "flat"), "{items:?}");
    }
    for to in ["merge", "convert"] {
        let run = |format| {
            ends(0, &[to, &good, &xml("41-merge-day1-versions-os.xml"), "--to", format]).stdout
        };
        assert_eq!(array(&run("json")), json_lines(&run("jsonl")), "{to}");
    }
}

#[test]
fn a_name_in_json_may_hold_lines_if_the_format_is_given() {
    let folder = Folder::new();
    let out = folder.path("hosts.json");
    ends(0, &["convert", &xml(GOOD), "-o", &out, "--to", "jsonl"]);
    assert_eq!(json_lines(&folder.read("hosts.json")).len(), 4);
    refuses(&["watch", &folder.path(""), "-o", &folder.path("feed.json")], &["is named as json"]);
}

#[test]
fn to_overrides_the_name() {
    let folder = Folder::new();
    let out = folder.path("a.txt");
    ends(0, &["convert", &xml(GOOD), "--to", "csv", "--table", "ports", "-o", &out]);
    assert!(folder.read("a.txt").starts_with("scan_id,host_id,"));
}

#[test]
fn text_is_compressed_when_its_name_says_so() {
    let folder = Folder::new();
    let good = xml(GOOD);
    let nested = ends(0, &["convert", &good]).stdout;
    let array = ends(0, &["convert", &good, "--to", "json"]).stdout;
    let csv = ends(0, &["convert", &good, "--to", "csv", "--table", "ports"]).stdout;
    for (name, options, plain) in [
        ("a.json", &[][..], &array),
        ("a.jsonl", &[], &nested),
        ("a.ndjson", &[], &nested),
        ("a.csv", &["--table", "ports"], &csv),
    ] {
        let (gz, zst) = (format!("{name}.gz"), format!("{name}.zst"));
        for name in [&gz, &zst] {
            ends(0, &[&["convert", &good, "-o", &folder.path(name)], options].concat());
        }
        let mut text = String::new();
        GzDecoder::new(&*folder.bytes(&gz)).read_to_string(&mut text).unwrap();
        assert_eq!(&text, plain, "{gz}");
        let text = zstd::decode_all(&*folder.bytes(&zst)).unwrap();
        assert_eq!(text, plain.as_bytes(), "{zst}");
    }
}

#[test]
fn a_folder_gets_a_file_for_each_table() {
    let folder = Folder::new();
    let formats = [
        ("parquet", &[][..]),
        ("csv", &["--to", "csv"]),
        ("jsonl", &["--to", "jsonl", "--shape", "flat"]),
        ("json", &["--to", "json", "--shape", "flat"]),
    ];
    for (ending, options) in formats {
        let out = folder.path(&format!("tables-{ending}"));
        ends(0, &[&["convert", &xml(GOOD), "-o", &out], options].concat());
        let mut expected = vec!["_scanmill.json".to_owned()];
        expected.extend(Table::ALL.map(|table| format!("{}.{ending}", table.name())));
        expected.sort_unstable();
        assert_eq!(folder.names(&out), expected);
    }
    assert_eq!(folder.read("tables-csv/ports.csv").lines().count(), 1 + 21);
    assert_eq!(folder.read("tables-jsonl/hosts.jsonl").lines().count(), 3);
    assert_eq!(array(&folder.read("tables-json/hosts.json")).len(), 3);
}

#[test]
fn a_folder_of_xml_gets_a_document_for_each_scan() {
    let folder = Folder::new();
    let out = folder.path("scans") + "/";
    let inputs = [xml(GOOD), xml("34-append-output-two-documents.xml")];
    ends(0, &["convert", &inputs[0], &inputs[1], "-o", &out, "--to", "xml"]);
    let names = ["_scanmill.json", "scan-000001.xml", "scan-000002.xml", "scan-000003.xml"];
    assert_eq!(folder.names("scans"), names);
    // The marker lists documents, so that the folder can be replaced, also by tables.
    ends(0, &["convert", &inputs[0], "-o", &out, "--to", "xml", "--overwrite"]);
    assert_eq!(folder.names("scans"), &names[..2]);
    ends(0, &["convert", &inputs[0], "-o", &out, "--to", "csv", "--table", "ports", "--overwrite"]);
    assert_eq!(folder.names("scans"), ["_scanmill.json", "ports.csv"]);
    for options in [&["--table", "ports"][..], &["--shape", "nested"], &["--events"]] {
        refuses(&[&["convert", &inputs[0], "--to", "xml"], options].concat(), &["--to xml"]);
    }
    let again = folder.path("again.xml");
    ends(0, &["merge", &inputs[0], &inputs[1], "-o", &again]);
    assert_eq!(
        folder.read("again.xml"),
        ends(0, &["merge", &inputs[0], &inputs[1], "--to", "xml"]).stdout
    );
    refuses(
        &["merge", &inputs[0], "-o", &folder.path("dir/"), "--to", "xml"],
        &["single XML document"],
    );
}

#[test]
fn only_the_tables_that_are_named_are_written() {
    let folder = Folder::new();
    let out = folder.path("tables");
    ends(0, &["convert", &xml(GOOD), "-o", &out, "--to", "csv", "--table", "ports,hosts"]);
    assert_eq!(folder.names("tables"), ["_scanmill.json", "hosts.csv", "ports.csv"]);
}

#[test]
fn large_tables_can_be_split_into_parts() {
    let folder = Folder::new();
    let out = folder.path("tables");
    ends(0, &["convert", &xml(GOOD), "-o", &out, "--rows-per-file", "8"]);
    assert_eq!(
        folder.names("tables/ports"),
        ["part-0.parquet", "part-1.parquet", "part-2.parquet"]
    );
    assert_eq!(folder.names("tables/hosts"), ["part-0.parquet"]);
}

#[test]
fn tables_can_be_partitioned_by_scanner() {
    let folder = Folder::new();
    let mixed = format!(
        "{}<nmaprun scanner=\"../a b\" start=\"5\"><host><address addr=\"192.0.2.1\"/></host></nmaprun>",
        fs::read_to_string(xml(GOOD)).unwrap()
    );
    let input = folder.write("mixed.xml", mixed);
    let out = folder.path("parts");
    ends(
        0,
        &[
            "convert",
            &input,
            &xml("51-masscan-banners.xml"),
            "-o",
            &out,
            "--partition-by",
            "scanner",
        ],
    );
    let scanners = ["scanner=..%2Fa%20b", "scanner=masscan", "scanner=nmap"];
    for table in ["hosts", "scans"] {
        assert_eq!(folder.names(&format!("parts/{table}")), scanners);
    }
    assert_eq!(folder.names("parts/scans/scanner=nmap"), ["part-0.parquet"]);
    assert_eq!(folder.names("parts/hops"), [""; 0]);
    let file = File::open(folder.path("parts/scans/scanner=nmap/part-0.parquet")).unwrap();
    let schema = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().schema().clone();
    // Readers take the column from the folder's name.
    assert!(schema.field_with_name("scanner").is_err());
    assert_eq!(schema.fields().len() + 1, Table::Scans.columns().len());
}

#[test]
fn partitions_need_parquet_in_a_folder_and_rows_of_one_scan() {
    let folder = Folder::new();
    let (good, by) = (xml(GOOD), ["--partition-by", "scan_date"]);
    let out = folder.path("out");
    let refused = |args: &[&str], words: &[&str]| refuses(&[args, &by].concat(), words);
    refused(&["convert", &good], &["--partition-by is for parquet"]);
    refused(&["convert", &good, "--to", "csv", "-o", &out], &["--partition-by is for parquet"]);
    refused(&["convert", &good, "--to", "ecs"], &["--partition-by is not for --to ecs"]);
    refused(&["convert", &good, "--to", "parquet"], &["parquet needs an output"]);
    refused(&["merge", &good, "-o", &out], &["--partition-by is not for merges"]);
    refuses(&["convert", &good, "-o", &out, "--partition-by", "host"], &["scan_date", "scanner"]);
    let scanner = ["--table", "scans", "--columns", "scan_id,scanner", "--partition-by", "scanner"];
    let words = ["scanner is in the names of folders"];
    refuses(&[&["convert", &good, "-o", &out][..], &scanner].concat(), &words);
    refuses(&["convert", &good, "--rows-per-file", "9"], &["--rows-per-file is for parquet"]);
    assert_eq!(folder.names("."), [""; 0]);
}

#[test]
fn a_dash_is_standard_output() {
    let good = xml(GOOD);
    let plain = ends(0, &["convert", &good]).stdout;
    assert_eq!(ends(0, &["convert", &good, "-o", "-"]).stdout, plain);
}

#[test]
fn parent_folders_are_created() {
    let folder = Folder::new();
    ends(0, &["convert", &xml(GOOD), "-o", &folder.path("a/b/c.jsonl")]);
    assert_eq!(folder.names("a/b"), ["c.jsonl"]);
}

#[test]
fn existing_outputs_are_not_overwritten_without_the_option() {
    let folder = Folder::new();
    let file = folder.write("out.jsonl", "mine");
    fs::create_dir(folder.path("tables")).unwrap();
    folder.write("tables/mine.txt", "mine");
    let tables = folder.path("tables");
    // The input does not exist: the output is checked before anything is read.
    for out in [&file, &tables] {
        refuses(&["convert", "missing.xml", "-o", out], &["exists", "--overwrite"]);
    }
    assert_eq!(
        (folder.read("out.jsonl"), folder.read("tables/mine.txt")),
        ("mine".into(), "mine".into())
    );
    assert_eq!(folder.names(""), ["out.jsonl", "tables"]);
}

#[test]
fn an_empty_folder_may_be_filled() {
    let folder = Folder::new();
    fs::create_dir(folder.path("tables")).unwrap();
    ends(0, &["convert", &xml(GOOD), "-o", &folder.path("tables"), "--table", "ports,hosts"]);
    assert_eq!(folder.names("tables"), ["_scanmill.json", "hosts.parquet", "ports.parquet"]);
}

#[test]
fn overwriting_a_file_puts_a_new_one_in_its_place() {
    let folder = Folder::new();
    let out = folder.write("out.jsonl", "old");
    let mut old = File::open(&out).unwrap();
    ends(0, &["convert", &xml(GOOD), "-o", &out, "--overwrite"]);
    assert_eq!(folder.read("out.jsonl").lines().count(), 4);
    assert_ne!(fs::metadata(&out).unwrap().ino(), old.metadata().unwrap().ino());
    let mut text = String::new();
    old.read_to_string(&mut text).unwrap();
    assert_eq!(text, "old", "an open handle still reads the old file");
    assert_eq!(folder.names(""), ["out.jsonl"]);
}

#[test]
fn overwriting_a_folder_leaves_no_stale_table() {
    let folder = Folder::new();
    let out = folder.path("tables");
    ends(0, &["convert", &xml(GOOD), "-o", &out]);
    ends(0, &["convert", &xml(GOOD), "-o", &out, "--overwrite", "--table", "ports,hosts"]);
    assert_eq!(folder.names("tables"), ["_scanmill.json", "hosts.parquet", "ports.parquet"]);
    assert_eq!(folder.names(""), ["tables"]);
}

#[test]
fn output_is_published_when_strict_reading_ends() {
    let folder = Folder::new();
    let out = folder.path("out.jsonl");
    ends(3, &["convert", "--strict", &xml("31-truncated-sigkill.xml"), "-o", &out]);
    let lines = json_lines(&folder.read("out.jsonl"));
    assert_eq!(lines[0]["_type"], "host", "complete hosts before the error are kept");
    assert_eq!(folder.names(""), ["out.jsonl"]);
}
