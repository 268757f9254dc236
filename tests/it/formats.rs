//! Parquet and CSV as an outside reader, pyarrow, opens them: types, and the same rows as flat JSONL.

use scanmill::sink::TableFormat;

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
