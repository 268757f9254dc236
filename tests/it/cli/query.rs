//! `scanmill query`.

use super::{Folder, GOOD, refuses, xml};

#[cfg(not(feature = "full"))]
#[test]
fn a_build_without_sqlite_names_the_feature_and_prints_what_does_the_same() {
    let sql = "SELECT port FROM ports WHERE state = 'open'";
    refuses(
        &["query", &xml(GOOD), sql],
        &[
            "feature full",
            "cargo install",
            "scanmill convert",
            "-o tables",
            "duckdb -c",
            "ports.parquet",
        ],
    );
}

#[test]
fn the_last_argument_is_the_sql() {
    let good = xml(GOOD);
    refuses(&["query", &good], &["is a file"]);
    refuses(&["query", "SELECT 1"], &["INPUT"]);
    refuses(&["query"], &["INPUT"]);
    let folder = Folder::new();
    let list = folder.write("list", &good);
    refuses(&["query", "--files-from", &list, &good], &["is a file"]);
}

#[cfg(feature = "full")]
mod full {
    use std::{fs, process::Stdio, time::Duration};

    use serde_json::Value;

    use super::super::{Folder, GOOD, ends, refuses, xml};
    use crate::support::{command, root};

    const OPEN: &str =
        "SELECT ip, port, expanded, reason_ip FROM ports WHERE state = 'open' ORDER BY ip, port";

    #[test]
    fn each_format_has_the_rows_of_the_tables() {
        let good = xml(GOOD);
        let flat = ends(0, &["convert", &good, "--table", "ports", "--state", "open", "-q"]);
        let mut expected: Vec<(String, i64)> = flat
            .json()
            .iter()
            .map(|row| (row["ip"].as_str().unwrap().to_owned(), row["port"].as_i64().unwrap()))
            .collect();
        expected.sort();
        assert!(expected.len() > 2);
        let json = ends(0, &["query", &good, OPEN, "--to", "jsonl", "-q"]).json();
        let found = json.iter().map(|row| {
            assert_eq!((&row["expanded"], &row["reason_ip"]), (&Value::Bool(false), &Value::Null));
            (row["ip"].as_str().unwrap().to_owned(), row["port"].as_i64().unwrap())
        });
        assert_eq!(found.collect::<Vec<_>>(), expected);
        // Without a terminal, the format is CSV.
        let csv = ends(0, &["query", &good, OPEN, "-q"]).stdout;
        let lines = expected.iter().map(|(ip, port)| format!("{ip},{port},false,\n"));
        assert_eq!(csv, format!("ip,port,expanded,reason_ip\n{}", lines.collect::<String>()));
        let table = ends(0, &["query", &good, OPEN, "--to", "table", "-q"]).stdout;
        let mut lines = table.lines();
        assert!(lines.next().unwrap().starts_with("ip "), "{table}");
        assert!(lines.next().unwrap().starts_with("----"), "{table}");
        for (line, (ip, port)) in lines.zip(&expected) {
            let mut words = line.split_whitespace();
            assert_eq!((words.next(), words.next()), (Some(&**ip), Some(&*port.to_string())));
        }
    }

    #[test]
    fn a_result_is_a_file_that_is_complete_or_absent() {
        let folder = Folder::new();
        let good = xml(GOOD);
        let csv = ends(0, &["query", &good, OPEN, "-q"]).stdout;
        ends(0, &["query", &good, OPEN, "-o", &folder.path("a.csv")]);
        assert_eq!(folder.read("a.csv"), csv);
        refuses(&["query", &good, OPEN, "-o", &folder.path("a.csv")], &["exists"]);
        refuses(
            &["query", &good, OPEN, "-o", &folder.path("b.xlsx")],
            &["no format has the ending"],
        );
        refuses(
            &["query", &good, OPEN, "-o", &folder.path("b.csv"), "--to", "jsonl"],
            &["is named as"],
        );
        refuses(&["query", &good, "SELECT nope", "-o", &folder.path("c.csv")], &["no such column"]);
        ends(3, &["query", "missing.xml", OPEN, "-o", &folder.path("c.csv")]);
        let copy = folder.write("in.xml", fs::read(&good).unwrap());
        refuses(&["query", &copy, OPEN, "-o", &copy, "--overwrite", "--to", "csv"], &["in.xml"]);
        assert_eq!(folder.names(""), ["a.csv", "in.xml"]);
        ends(0, &["query", &good, OPEN, "-o", &folder.path("d.jsonl.gz")]);
        assert!(folder.bytes("d.jsonl.gz").starts_with(b"\x1f\x8b"));
    }

    #[test]
    fn an_error_shows_the_place_in_the_sql() {
        let ran = refuses_with(&["query", &xml(GOOD), "SELECT prot FROM ports"]);
        assert_eq!(
            ran,
            "error: no such column: prot\n  SELECT prot FROM ports\n         ^^^^\nhint: `scanmill schema TABLE` prints the columns of a table\n"
        );
        // Text from outside forges no line.
        let ran =
            refuses_with(&["query", &xml(GOOD), "SELECT \"\nerror: forged\u{1b}[31m\" FROM nope"]);
        assert!(
            ran.starts_with("error: no such table: nope\n") && !ran.contains('\u{1b}'),
            "{ran}"
        );
        assert_eq!(ran.matches("\nerror:").count(), 0, "{ran}");
    }

    fn refuses_with(args: &[&str]) -> String {
        ends(2, args).stderr
    }

    #[test]
    fn values_cannot_break_a_line_of_a_table() {
        let sql = "SELECT 'a' || char(10, 27) || 'b' AS x, printf('%.*c', 300, 'w') AS wide";
        let ran = ends(0, &["query", &xml(GOOD), sql, "--to", "table", "-q"]);
        let lines: Vec<_> = ran.stdout.lines().collect();
        assert_eq!(lines.len(), 3);
        let wide = "w".repeat(120);
        assert_eq!(lines[2], format!("a\\u{{a}}\\u{{1b}}b  {wide}…"));
        let csv = ends(0, &["query", &xml(GOOD), sql, "-q"]).stdout;
        assert!(csv.contains("\"a\n\u{1b}b\",") && csv.contains(&"w".repeat(300)));
    }

    #[test]
    fn names_that_occur_twice_and_odd_values_are_valid_json() {
        let sql =
            "SELECT 1 AS a, 2 AS a, 9e999 AS inf, x'0aff' AS blob, '\"' AS \"q\"\"q\", '' AS empty";
        let ran = ends(0, &["query", &xml(GOOD), sql, "--to", "jsonl", "-q"]);
        let expected = "{\"a\":1,\"a_2\":2,\"inf\":null,\"blob\":\"0aff\",\"q\\\"q\":\"\\\"\",\"empty\":\"\"}\n";
        assert_eq!(ran.stdout, expected);
        let csv =
            ends(0, &["query", &xml(GOOD), "SELECT NULL AS x UNION ALL SELECT ''", "-q"]).stdout;
        assert_eq!(csv, "x\n\"\"\n\"\"\n");
    }

    #[test]
    fn filters_apply_before_the_query() {
        let count = |options: &[&str]| {
            let args =
                ["query", &xml(GOOD), "SELECT count(*) AS n FROM ports", "--to", "jsonl", "-q"];
            ends(0, &[&args, options].concat()).json()[0]["n"].as_i64().unwrap()
        };
        assert!(count(&["--state", "open"]) < count(&[]));
    }

    #[test]
    fn an_interrupt_ends_a_query() {
        let endless =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
        let mut query = command(assert_cmd::cargo::cargo_bin!("scanmill"));
        query.args(["query", &xml(GOOD), endless]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = query.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        let pid = child.id().to_string();
        assert!(command("kill").args(["-INT", &pid]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }

    #[test]
    fn the_readme_shows_what_a_query_prints() {
        let readme = fs::read_to_string(root().join("README.md")).unwrap();
        let block = readme.split("```sh\nscanmill query ").nth(1).unwrap();
        let (line, rest) = block.split_once("```\n\n```text\n").unwrap();
        let shown = rest.split("```").next().unwrap();
        let args = shlex::split(&line.replace("\\\n", " ")).unwrap();
        let mut query = command(assert_cmd::cargo::cargo_bin!("scanmill"));
        let ran =
            query.current_dir(root()).arg("query").args(args).args(["--to", "table"]).output();
        assert_eq!(String::from_utf8(ran.unwrap().stdout).unwrap(), shown);
    }
}
