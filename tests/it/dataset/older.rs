//! A dataset of scanmill 0.1.0, whose lists contain dictionaries, reads like one created today.

use std::{fs::File, path::Path};

use arrow::{array::RecordBatch, compute::concat_batches};
use flate2::read::GzDecoder;
use scanmill::{
    dataset::{Dataset, TableOptions},
    table::Table,
};
use serde_json::Value;

use super::Place;
use crate::support::{command, output_of, root};

/// Unpacks the dataset of the fixtures 02 and 08, and returns its path.
fn unpacked(folder: &Path) -> String {
    let packed = File::open(root().join("tests/data/dataset-0.1.0.tar.gz")).unwrap();
    tar::Archive::new(GzDecoder::new(packed)).unpack(folder).unwrap();
    folder.join("old").to_str().unwrap().to_owned()
}

fn scanmill(args: &[&str]) -> String {
    output_of(command(assert_cmd::cargo::cargo_bin!("scanmill")).args(args))
}

fn fixture(name: &str) -> String {
    root().join("fixtures").join(name).to_str().unwrap().to_owned()
}

/// Returns nested lines, without the names of inputs.
fn lines(inputs: &[&str]) -> Vec<Value> {
    let text = scanmill(&[&["convert", "-q"], inputs].concat());
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let sourceless = lines.map(|mut line: Value| {
        line.as_object_mut().unwrap().remove("source");
        line
    });
    sourceless.collect()
}

const SCANS: [&str; 2] = ["02-syn-versions-scripts.xml", "08-tcp-udp-combined.xml"];

#[test]
fn it_reads_like_the_documents_that_were_loaded() {
    let place = Place::new();
    let old = unpacked(place.0.path());
    let [one, other] = SCANS.map(fixture);
    assert_eq!(lines(&[&old]), lines(&["--hash", &one, &other]));
}

#[test]
fn columns_that_it_lacks_are_null_and_are_added_by_compacting() {
    let place = Place::new();
    let old = unpacked(place.0.path());
    let events = |inputs: &[&str]| -> Vec<Value> {
        let all = lines(&[&["--events"], inputs].concat());
        all.into_iter().filter(|line| line["_type"] == "event").collect()
    };
    let mut expected = events(&[&fixture(SCANS[0]), &fixture(SCANS[1])]);
    assert!(expected.iter().any(|line| !line["mac_vendor"].is_null()));
    for line in &mut expected {
        let line = line.as_object_mut().unwrap();
        line.remove("mac_vendor");
        line.remove("reason_ttl");
    }
    assert_eq!(events(&[&old]), expected);
    scanmill(&["ingest", "-q", "--into", &old, &fixture("04-all-options-lan.xml")]);
    scanmill(&["ingest", "-q", "--into", &old, "--compact"]);
    let mut after = events(&[&old]);
    let new = after.split_off(expected.len());
    assert_eq!(after, expected);
    assert!(new.iter().any(|line| !line["mac_vendor"].is_null()));
}

/// Returns the rows of a table, with these columns or with all.
fn rows(dataset: &str, table: Table, columns: Option<&[&str]>) -> RecordBatch {
    let mut options = TableOptions::default().with_batch_rows(1);
    if let Some(columns) = columns {
        options = options.with_columns(columns.iter().copied());
    }
    let batches = Dataset::open(Path::new(dataset)).unwrap().table(table, &options).unwrap();
    let schema = batches.schema();
    let batches: Vec<_> = batches.map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

#[test]
fn a_column_that_it_lacks_can_be_selected_alone() {
    let place = Place::new();
    let old = unpacked(place.0.path());
    let vendors = rows(&old, Table::Events, Some(&["mac_vendor"]));
    assert!(vendors.num_rows() > 1, "more than one batch");
    assert_eq!(vendors.column(0).null_count(), vendors.num_rows());
    for table in Table::ALL {
        let whole = rows(&old, table, None);
        let names: Vec<&str> = table.columns().iter().map(|column| column.field.name).collect();
        for (place, name) in names.iter().enumerate() {
            // Alone, and with a column that stands before it in the table, in reverse order.
            let first = names[0];
            for columns in [&[*name][..], &[name, first]] {
                let selected = rows(&old, table, Some(columns));
                assert_eq!(selected.num_columns(), columns.len());
                assert_eq!(selected.column(0), whole.column(place), "{columns:?}");
            }
        }
    }
}

#[test]
fn columns_of_later_versions_are_null_in_its_rows_and_set_in_those_that_are_added() {
    let place = Place::new();
    let old = unpacked(place.0.path());
    scanmill(&["ingest", "-q", "--into", &old, &fixture("04-all-options-lan.xml")]);
    let dataset = Dataset::open(Path::new(&old)).unwrap();
    for table in [Table::Ports, Table::Services, Table::Scripts, Table::OsMatches] {
        let batches = dataset.table(table, &TableOptions::default()).unwrap();
        let mut of_version = [0, 0];
        for batch in batches.map(Result::unwrap) {
            let starts = batch.column_by_name("start_time").unwrap();
            assert!([0, batch.num_rows()].contains(&starts.null_count()), "{}", table.name());
            of_version[usize::from(starts.null_count() == 0)] += batch.num_rows();
        }
        assert!(of_version[1] > 0, "{}: no row with values", table.name());
        assert!(of_version[0] > 0 || table == Table::OsMatches, "{}: no old row", table.name());
    }
}

#[test]
fn it_is_compacted_with_new_files_and_recognizes_its_scans() {
    let place = Place::new();
    let old = unpacked(place.0.path());
    let [one, other] = SCANS.map(fixture);
    let new = fixture("04-all-options-lan.xml");
    let said = scanmill(&["ingest", "--into", &old, &one, &new, "-v", "--log-format", "json"]);
    assert_eq!(said, "");
    let before = lines(&[&old]);
    assert_eq!(before, lines(&["--hash", &one, &other, &new]));
    scanmill(&["ingest", "--into", &old, "--compact"]);
    assert_eq!(lines(&[&old]), before);
    let hosts = scanmill(&["ingest", "--into", &old, "--files", "--table", "hosts"]);
    assert_eq!(hosts.lines().count(), 1, "{hosts}");
}

#[test]
fn a_copy_of_one_of_its_scans_is_recognized() {
    let place = Place::new();
    let old = unpacked(place.0.path());
    // Other bytes with the same hosts.
    let text = std::fs::read_to_string(fixture(SCANS[0])).unwrap();
    let copy = place.write("copy.xml", text.replace("<host ", "<host  "));
    let before = lines(&[&old]);
    scanmill(&["ingest", "-q", "--into", &old, copy.to_str().unwrap()]);
    assert_eq!(lines(&[&old]), before);
}
