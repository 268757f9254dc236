//! Commands other than `convert`, such as `inspect` and `schema`.

use std::{fs, os::unix::fs::symlink};

use scanmill::table::Table;
use serde_json::{Value, json};

use super::{CUT, Folder, GOOD, ends, refuses, xml};
use crate::support;

#[test]
fn inspect_shows_one_screen() {
    let ran = ends(0, &["inspect", &xml(GOOD), &xml(CUT)]);
    for words in [
        "2 inputs read, 0 left out; 2 scans, 4 hosts, 24 ports listed",
        "nmap -A -n -p 80,443,22 -oX - 192.0.2.20",
        "truncated",
        "tcp/open",
        "http: nginx",
        "W_TRUNCATED  first at ",
    ] {
        assert!(ran.stdout.contains(words), "no {words:?} in {}", ran.stdout);
    }
    assert_eq!(ran.stderr, "");
}

#[test]
fn inspect_can_print_json() {
    let ran = ends(0, &["inspect", "--json", &xml(CUT)]);
    let all: Value = serde_json::from_str(&ran.stdout).unwrap();
    let found = &all["found"];
    assert_eq!(
        (&found["hosts"], &found["services"]),
        (&json!({"up": 1}), &json!({"http: nginx": 2}))
    );
    assert_eq!(found["ports"], json!({"tcp/closed": 1, "tcp/open": 2}));
    let scan = &found["scans"][0];
    assert_eq!((&scan["source"], &scan["truncated"]), (&json!(xml(CUT)), &json!(true)));
    assert_eq!(all["report"]["warnings"]["W_TRUNCATED"]["count"], 1);
}

#[test]
fn inspect_ends_as_convert_does() {
    let ran = ends(1, &["inspect", "missing.xml", &xml(GOOD)]);
    assert!(ran.stderr.contains("missing.xml: E_IO"), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("1 input read, 1 left out;"), "{}", ran.stdout);
    ends(3, &["inspect", "--strict", &xml(CUT)]);
}

#[test]
fn inspect_does_not_obey_control_characters_of_scans() {
    let folder = Folder::new();
    let input = folder.write(
        "scan.xml",
        "<nmaprun scanner=\"nmap\" args=\"nmap \u{202e}\u{9b}31m\" start=\"1\"></nmaprun>",
    );
    let ran = ends(0, &["inspect", &input]);
    assert!(ran.stdout.contains(r"nmap \u{202e}\u{9b}31m"), "{}", ran.stdout);
}

#[test]
fn schema_prints_each_format() {
    let folder = support::root().join("schemas");
    let committed = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    for (format, name) in [("ddl", "duckdb.sql"), ("spark-ddl", "spark.sql"), ("md", "tables.md")] {
        let ran = ends(0, &["schema", "--format", format]);
        assert_eq!(ran.stdout, committed(name), "{format}");
    }
    for (format, name) in [("arrow", "arrow/ports.json"), ("json-schema", "json-schema/ports.json")]
    {
        let ran = ends(0, &["schema", "ports", "--format", format]);
        assert_eq!(ran.stdout, committed(name), "{format}");
        serde_json::from_str::<Value>(&ends(0, &["schema", "--format", format]).stdout).unwrap();
    }
}

#[test]
fn schema_prints_the_tables_that_are_named() {
    let all = ends(0, &["schema"]).stdout;
    assert_eq!(ends(0, &["schema", "--format", "md"]).stdout, all);
    for table in Table::ALL {
        assert!(all.contains(&format!("## {}\n", table.name())), "{}", table.name());
    }
    let some = ends(0, &["schema", "hops", "hosts"]).stdout;
    assert!(some.contains("## hops\n") && some.contains("## hosts\n"), "{some}");
    assert!(!some.contains("## ports\n"), "{some}");
}

#[test]
fn schema_checks_what_it_writes() {
    let schemas = support::root().join("schemas");
    let ran = ends(0, &["schema", "--check", schemas.to_str().unwrap()]);
    assert_eq!((&*ran.stdout, &*ran.stderr), ("", ""));
    let folder = Folder::new();
    let path = folder.path("new");
    ends(0, &["schema", "--write", &path]);
    ends(0, &["schema", "--check", &path]);
    folder.write("new/tables.md", folder.read("new/tables.md") + "edited");
    fs::remove_file(folder.path("new/spark.sql")).unwrap();
    let ran = ends(1, &["schema", "--check", &path]);
    assert_eq!(ran.stderr, "error: spark.sql differs\nerror: tables.md differs\n");
    ends(0, &["schema", "--write", &path]);
    ends(0, &["schema", "--check", &path]);
    ends(4, &["schema", "--write", "/proc/none"]);
}

/// A change that a user makes in a folder of schemas.
type Change = fn(&Folder);

#[test]
fn schema_replaces_only_what_it_printed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new();
    let path = folder.path("new");
    ends(0, &["schema", "--write", &path]);
    let tables = folder.read("new/tables.md");
    let kept = || (folder.read("new/tables.md"), folder.read("mine"));
    folder.write("mine", "mine");
    // Files in the way are named, and nothing is written.
    folder.write("new/tables.md", tables.clone() + "old");
    let old = kept();
    let changes: [(&str, Change); 9] = [
        ("new/duckdb.sql", |folder| drop(folder.write("new/duckdb.sql", "CREATE TABLE mine ();"))),
        ("new/duckdb.sql", |folder| drop(folder.write("new/duckdb.sql", ""))),
        ("new/arrow/hosts.json", |folder| drop(folder.write("new/arrow/hosts.json", "{}"))),
        ("new/notes.txt", |folder| drop(folder.write("new/notes.txt", ""))),
        ("new/.git", |folder| fs::create_dir(folder.path("new/.git")).unwrap()),
        ("new/merged/mine", |folder| drop(folder.write("new/merged/mine", ""))),
        ("new/spark.sql", |folder| {
            fs::remove_file(folder.path("new/spark.sql")).unwrap();
            symlink("../mine", folder.path("new/spark.sql")).unwrap();
        }),
        ("new/spark.sql", |folder| {
            fs::remove_file(folder.path("new/spark.sql")).unwrap();
            fs::create_dir(folder.path("new/spark.sql")).unwrap();
        }),
        ("new/arrow", |folder| {
            fs::rename(folder.path("new/arrow"), folder.path("arrow")).unwrap();
            symlink("../arrow", folder.path("new/arrow")).unwrap();
        }),
    ];
    for (name, change) in changes {
        change(&folder);
        let ran = ends(2, &["schema", "--write", &path]);
        assert!(ran.stderr.contains(name), "{name}: {}", ran.stderr);
        assert_eq!(kept(), old, "{name}");
        fs::remove_dir_all(folder.path("new")).unwrap();
        ends(0, &["schema", "--write", &path]);
        folder.write("new/tables.md", tables.clone() + "old");
    }
    // Temporary files of a killed command are not in the way. Modes stay, and files that are up to date are
    // not touched.
    folder.write("new/tables.md.tmp-12-0", "");
    fs::set_permissions(folder.path("new/tables.md"), PermissionsExt::from_mode(0o600)).unwrap();
    let spark = fs::metadata(folder.path("new/spark.sql")).unwrap().modified().unwrap();
    ends(0, &["schema", "--write", &path]);
    assert_eq!(folder.read("new/tables.md"), tables);
    let meta = fs::metadata(folder.path("new/tables.md")).unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    let again = fs::metadata(folder.path("new/spark.sql")).unwrap();
    assert_eq!(again.modified().unwrap(), spark);
    // The folder itself may be named by a link.
    symlink("new", folder.path("link")).unwrap();
    ends(0, &["schema", "--write", &folder.path("link")]);
}

#[test]
fn completions_exist_for_each_shell() {
    for (shell, mark) in [
        ("bash", "complete -F _scanmill"),
        ("zsh", "#compdef scanmill"),
        ("fish", "complete -c scanmill"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = ends(0, &["completions", shell]).stdout;
        assert!(script.contains(mark) && script.contains("csv-join"), "{shell}");
    }
}

#[test]
fn the_man_page_describes_every_command() {
    let page = ends(0, &["man"]).stdout;
    assert!(page.contains(".TH scanmill 1"), "{page}");
    for command in ["CONVERT", "INSPECT", "SCHEMA", "COMPLETIONS", "MAN"] {
        assert!(page.contains(&format!(".SH COMMAND {command}\n")), "{command}");
    }
    assert!(page.contains(r"\fB\-\-overwrite\fR"), "{page}");
}

#[test]
fn schema_follows_links_and_reports_where_it_cannot_write() {
    let folder = Folder::new();
    symlink("to", folder.path("link")).unwrap();
    ends(0, &["schema", "--write", &folder.path("link")]);
    ends(0, &["schema", "--check", &folder.path("to")]);
    assert!(fs::symlink_metadata(folder.path("link")).unwrap().is_symlink());
    ends(0, &["schema", "--write", &folder.path("link")]);
    symlink("missing/to", folder.path("far")).unwrap();
    refuses(&["schema", "--write", &folder.path("far")], &["is a link to", "there is no folder"]);
    assert!(!folder.names("").contains(&"missing".to_owned()));
    let file = folder.write("file", "mine");
    refuses(&["schema", "--write", &file], &["is not a folder"]);
    assert_eq!(folder.read("file"), "mine");
}
