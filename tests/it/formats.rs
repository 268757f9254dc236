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
    assert!(said.trim_end().ends_with("of 10 tables"), "{said}");
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
