//! Workbooks and databases, which hold all tables in one file, as independent readers open them: openpyxl, and Python's
//! sqlite3. They have the rows of flat JSONL.

use std::fs;

use assert_cmd::cargo::cargo_bin;

use crate::support::{command, output_of, root, skip, venv_python};

/// File name extensions of formats that hold all tables in one file.
#[cfg(feature = "full")]
const ENDINGS: [&str; 2] = ["xlsx", "sqlite"];
#[cfg(not(feature = "full"))]
const ENDINGS: [&str; 1] = ["xlsx"];

/// Runs scanmill in a folder, and returns what it said on standard error.
fn scanmill(folder: &tempfile::TempDir, args: &str) -> String {
    let mut scanmill = command(cargo_bin!("scanmill"));
    scanmill.current_dir(folder.path()).args(args.split(' '));
    let output = scanmill.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{args}: {said}");
    said
}

/// Compares the result of a command with the same in flat JSONL, and returns what the reader and the command said.
fn compare(
    test: &str,
    folder: &tempfile::TempDir,
    command_line: &str,
    ending: &str,
) -> Option<(String, String)> {
    let Some(python) = venv_python() else {
        skip(test, "no openpyxl; .ci/test installs it below target/");
        return None;
    };
    let file = format!("out.{ending}");
    // A history is flat in any case.
    let shape = if command_line.starts_with("history") { "" } else { " --shape flat" };
    scanmill(folder, &format!("{command_line} --overwrite -q -o flat/ --to jsonl{shape}"));
    let said = scanmill(folder, &format!("{command_line} --overwrite -o {file}"));
    let mut reader = command(python);
    reader.current_dir(folder.path()).arg(root().join("tests/oracle/single_files.py"));
    Some((output_of(reader.arg("flat").arg(file)), said))
}

#[test]
fn every_row_of_all_fixtures_is_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = root().join("fixtures");
    for ending in ENDINGS {
        for (command, tables) in [
            (format!("convert {}", fixtures.display()), "of 10 tables"),
            (format!("merge --explain {}", fixtures.display()), "of 11 tables"),
            (format!("history {}", fixtures.display()), "of 2 tables"),
        ] {
            let test = "every_row_of_all_fixtures_is_in_one_file";
            let Some((said, _)) = compare(test, &folder, &command, ending) else { return };
            assert!(said.trim_end().ends_with(tables), "{command}: {said}");
        }
    }
}

#[test]
fn hostile_text_is_only_text() {
    let folder = tempfile::tempdir().unwrap();
    let long = "1234567890".repeat(4_000);
    // Each of these has two UTF-16 code units, so a cut in the middle of one would not be text.
    let wide = "\u{1f512}".repeat(20_000);
    let texts = [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(A1)",
        " =1+1",
        "\u{ff1d}1+1",
        "&#9;=1",
        "&#13;&#10;=1",
        "a&#10;b&#13;c&#9;d",
        "_x0041_ _x005F_ _x000D_",
        "&lt;c r=&quot;A1&quot;&gt;&lt;/row&gt; &amp;amp; ]]&gt;",
        "'); DROP TABLE hosts; --",
        "\u{7f}\u{85}\u{200b}\u{202e}\u{feff}",
        "http://192.0.2.1/",
        "  blanks  ",
        "007",
        "1e400",
        "TRUE",
        "2024-01-31T00:00:00Z",
        &long,
        &wide,
    ];
    let ports = texts.iter().zip(1..).map(|(text, port)| {
        format!(
            "<port protocol=\"tcp\" portid=\"{port}\"><state state=\"open\"/><service name=\"{text:.64}\" \
             product=\"{text}\"/><script id=\"x\" output=\"{text}\"><elem key=\"k\">{text}</elem></script></port>"
        )
    });
    let xml = format!(
        "<nmaprun scanner=\"nmap\" args=\"=nmap\" start=\"1700000000\"><host><status state=\"up\"/><address \
         addr=\"192.0.2.1\" addrtype=\"ipv4\"/><uptime seconds=\"9007199254740993\"/><ports>{}</ports></host></nmaprun>",
        ports.collect::<String>()
    );
    fs::write(folder.path().join("hostile.xml"), xml).unwrap();
    for ending in ENDINGS {
        let Some((said, warnings)) =
            compare("hostile_text_is_only_text", &folder, "convert hostile.xml", ending)
        else {
            return;
        };
        assert!(said.contains("tables"), "{said}");
        // The product, the output and the data of two texts.
        let cut = "6 texts were cut to 32,767 characters, the limit of xlsx; the first is product in row 21 of services, \
                   with 40000 characters";
        assert_eq!(warnings.contains(cut), ending == "xlsx", "{warnings}");
    }
}

#[test]
fn a_workbook_of_differences_has_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    for (name, fixture) in [("old.xml", "01-"), ("new.xml", "04-")] {
        fs::write(folder.path().join(name), crate::support::fixture(fixture).bytes).unwrap();
    }
    scanmill(&folder, "diff old.xml new.xml -o out.xlsx");
    let archive = fs::File::open(folder.path().join("out.xlsx")).unwrap();
    let mut archive = zip::ZipArchive::new(archive).unwrap();
    let sheet = std::io::read_to_string(archive.by_name("xl/worksheets/sheet1.xml").unwrap());
    let rows = sheet.unwrap().matches("<row ").count();
    scanmill(&folder, "diff old.xml new.xml -o out.csv");
    let csv = fs::read_to_string(folder.path().join("out.csv")).unwrap();
    let records = csv::Reader::from_reader(csv.as_bytes()).into_records().count();
    assert!(records > 5 && rows == records + 1, "{rows} rows, {records} records");
}

#[cfg(feature = "full")]
#[test]
fn the_key_of_a_table_is_unique_unless_a_scan_is_there_twice() {
    use rusqlite::Connection;

    let folder = tempfile::tempdir().unwrap();
    let fixture = root().join("fixtures/01-tcp-connect-default.xml");
    let fixture = fixture.display();
    for (inputs, unique) in [(format!("{fixture}"), true), (format!("{fixture} {fixture}"), false)]
    {
        scanmill(&folder, &format!("convert -q --overwrite -o out.db {inputs}"));
        let database = Connection::open(folder.path().join("out.db")).unwrap();
        let sql = "SELECT \"unique\" FROM pragma_index_list('ports') WHERE name = 'ports_key'";
        let found: bool = database.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(found, unique, "{inputs}");
        // Rows of other tables are found by index, and the schema describes each column.
        let sql = "EXPLAIN QUERY PLAN SELECT * FROM scripts JOIN hosts USING (host_id) WHERE hosts.ip = '192.0.2.10'";
        let mut plan = database.prepare(sql).unwrap();
        let plan: Vec<String> =
            plan.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        assert!(plan.iter().all(|step| step.contains("USING INDEX")), "{plan:?}");
        let sql = "SELECT sql FROM sqlite_schema WHERE name = 'ports'";
        let schema: String = database.query_row(sql, [], |row| row.get(0)).unwrap();
        assert!(schema.contains("\"port\" INTEGER NOT NULL, -- Port number"), "{schema}");
    }
}
