//! Parquet and CSV as an independent reader, pyarrow, opens them: types, and the rows of flat JSONL.

use assert_cmd::cargo::cargo_bin;
use scanmill::format::TableFormat;

use crate::support::{Converted, command, output_of, root, skip, venv_python};

#[test]
fn pyarrow_reads_the_types_and_rows_that_scanmill_wrote() {
    let Some(python) = venv_python() else {
        skip("formats", "no pyarrow; .ci/test installs it below target/");
        return;
    };
    let converted = Converted::of_fixtures();
    let mut reader = command(python);
    reader.arg(root().join("tests/oracle/tables.py")).arg(root().join("schemas/arrow"));
    for format in [TableFormat::Parquet, TableFormat::Csv, TableFormat::Jsonl] {
        reader.arg(converted.folder(format));
    }
    let said = output_of(&mut reader);
    assert!(said.trim_end().ends_with("of 13 tables"), "{said}");
}

#[test]
fn views_of_duckdb_and_sqlite_equal_the_table_of_open_services() {
    let Some(python) = venv_python() else {
        skip("formats", "no duckdb; .ci/test installs it below target/");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let scanmill = |command_line: &str, inputs: &[&str]| {
        let mut scanmill = command(cargo_bin!("scanmill"));
        scanmill.args(command_line.split(' ')).current_dir(folder.path());
        let output = scanmill.args(inputs.iter().map(|input| root().join(input))).output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{command_line}: {output:?}");
    };
    // A dataset has each scan once.
    scanmill("ingest -q --into dataset", &["fixtures", "tests/data/scripts.xml"]);
    let tables = "scans,hosts,ports,services,scripts,os_matches,open_services";
    scanmill(&format!("convert -q dataset -o tables/ --to parquet --table {tables}"), &[]);
    let mut views = command(python);
    views.arg(root().join("tests/oracle/views.py")).arg(root().join("schemas/views"));
    let said = output_of(views.arg(folder.path().join("tables")));
    assert!(said.trim_end().ends_with(" rows"), "{said}");
}

#[test]
fn pyarrow_and_polars_read_arrow_files_and_streams() {
    let Some(python) = venv_python() else {
        skip("formats", "no pyarrow; .ci/test installs it below target/");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let fixtures = root().join("fixtures");
    let scanmill = |arguments: &[&str]| {
        let mut scanmill = command(cargo_bin!("scanmill"));
        scanmill.args(["convert", "-q"]).args(arguments).arg(&fixtures).current_dir(folder.path());
        let output = scanmill.output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{arguments:?}: {output:?}");
        output.stdout
    };
    scanmill(&["-o", "parquet"]);
    scanmill(&["-o", "arrow", "--to", "arrow"]);
    scanmill(&["-o", "ports.arrows", "--table", "ports"]);
    let stream = scanmill(&["--to", "arrow", "--table", "ports"]);
    assert_eq!(std::fs::read(folder.path().join("ports.arrows")).unwrap(), stream);
    scanmill(&["-o", "ports.arrow", "--table", "ports"]);
    let path = |name: &str| folder.path().join(name);
    assert_eq!(
        std::fs::read(path("ports.arrow")).unwrap(),
        std::fs::read(path("arrow/ports.arrow")).unwrap()
    );
    let mut reader = command(python);
    reader.arg(root().join("tests/oracle/arrow_files.py"));
    reader.args(["parquet", "arrow", "ports.arrows"].map(path)).arg("ports");
    let said = output_of(&mut reader);
    let rows: usize = said.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(said.starts_with("11 ") && rows > 1000, "{said}");
}

#[test]
fn every_common_reader_opens_files_of_several_row_groups() {
    let Some(python) = venv_python() else {
        skip("formats", "no pyarrow; .ci/test installs it below target/");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let fixtures = root().join("fixtures");
    let scanmill = |command_line: &str, inputs: &[&str]| {
        let mut scanmill = command(cargo_bin!("scanmill"));
        scanmill.args(command_line.split(' ')).current_dir(folder.path());
        scanmill.args(inputs.iter().map(|input| fixtures.join(input)));
        let output = scanmill.output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{command_line}: {output:?}");
    };
    scanmill("convert -q -o tables --row-group-rows 20", &[""]);
    scanmill("merge -q -o merged --explain --row-group-rows 20", &[""]);
    scanmill("convert -q -o by_date --row-group-rows 20 --partition-by scan_date", &[""]);
    scanmill("history -q -o history --row-group-rows 20", &[""]);
    scanmill("ingest -q --into dataset", &[""]);
    scanmill(
        "diff -q -o changes.parquet",
        &["01-tcp-connect-default.xml", "04-all-options-lan.xml"],
    );
    let mut readers = command(python);
    readers.arg(root().join("tests/oracle/readers.py")).arg(folder.path());
    let said = output_of(&mut readers);
    let numbers: Vec<usize> =
        said.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
    assert!(numbers[0] > 40 && numbers[1] > 10 && numbers[3] >= 6, "{said}");
}
