//! The name of an output chooses its format, and a URL is not a name.

use std::fs;

use super::{Folder, GOOD, ends, ends_as, program, refuses, xml};
use crate::support;

#[test]
fn an_unknown_ending_is_refused_with_a_list_of_known_ones() {
    let folder = Folder::new();
    let good = xml(GOOD);
    let known = [".jsonl", ".ndjson", ".csv", ".parquet", ".xlsx", ".sqlite", ".db", "--to"];
    for name in [
        "out.ods",
        "out.html",
        "out.duckdb",
        "out.7z",
        "out.gz",
        "out.csv.bak",
        "a/b/out.JSONX",
        "out.csv ",
        "out.csv.GZ",
    ] {
        for command in ["convert", "merge"] {
            for options in [&[][..], &["--table", "ports"], &["--overwrite"]] {
                let path = folder.path(name);
                let args = [&[command, &good, "-o", &path], options].concat();
                refuses(&args, &[&["no format has the ending"], &known[..]].concat());
            }
        }
        refuses(&["scan", "192.0.2.1", "-o", &folder.path(name)], &known);
        refuses(&["watch", &folder.path(""), "-o", &folder.path(name)], &[]);
    }
    refuses(&["diff", &good, &good, "-o", &folder.path("d.html")], &[".txt", ".diff", ".jsonl"]);
    assert_eq!(folder.names(""), [""; 0]);
}

#[test]
fn a_name_without_an_ending_is_a_folder_and_a_dot_before_digits_is_no_ending() {
    let folder = Folder::new();
    let good = xml(GOOD);
    for name in ["out", "scan-2024.01.31", "v1.2", "10.0.0.0_24", ".out", "a.d/", "b.csv/", "c."] {
        ends(0, &["convert", &good, "-o", &folder.path(name)]);
        let ending = if name.starts_with("b.csv") { "csv" } else { "parquet" };
        assert!(folder.names(name).contains(&format!("ports.{ending}")), "{name}");
    }
    // An existing folder is a folder whatever its name.
    fs::create_dir(folder.path("results.d")).unwrap();
    ends(0, &["convert", &good, "-o", &folder.path("results.d")]);
    assert!(folder.names("results.d").contains(&"ports.parquet".to_owned()));
    // An explicit format applies to any name.
    ends(0, &["convert", &good, "-o", &folder.path("x.tables"), "--to", "parquet"]);
    assert!(folder.names("x.tables").contains(&"ports.parquet".to_owned()));
    ends(0, &["convert", &good, "-o", &folder.path("hosts.json"), "--to", "jsonl"]);
    assert_eq!(folder.read("hosts.json").lines().count(), 4);
}

#[test]
fn a_name_of_another_format_is_refused() {
    let folder = Folder::new();
    let good = xml(GOOD);
    for (to, name) in [
        ("csv", "x.parquet"),
        ("csv", "x.jsonl"),
        ("parquet", "x.csv"),
        ("jsonl", "x.parquet"),
        ("ecs", "x.csv.gz"),
        ("json", "x.jsonl"),
        ("csv", "x.json"),
    ] {
        for options in [&[][..], &["--table", "hosts"]] {
            let path = folder.path(name);
            if to == "ecs" && !options.is_empty() {
                continue;
            }
            let args = [&["convert", &good, "--to", to, "-o", &path], options].concat();
            refuses(&args, &["is named as"]);
        }
    }
    refuses(
        &["diff", &good, &good, "--to", "csv", "-o", &folder.path("d.txt")],
        &["is named as text"],
    );
    let parts = ["convert", &good, "--rows-per-file", "8", "-o", &folder.path("x.parquet")];
    refuses(&parts, &["would be a file"]);
    let several = ["convert", &good, "--to", "csv", "--table", "ports,hosts"];
    refuses(&[&several[..], &["-o", &folder.path("x.gz")]].concat(), &["would be a file"]);
    assert_eq!(folder.names(""), [""; 0]);
}

#[test]
fn urls_are_refused_for_every_path() {
    let folder = Folder::new();
    let good = xml(GOOD);
    let urls = [
        "s3://b/x.jsonl",
        "gs://b/x",
        "az://b/x",
        "http://h/x",
        "https://h/x",
        "file:///tmp/x",
        "FTP://h/x",
    ];
    for url in urls {
        for args in [
            &["convert", url][..],
            &["convert", &good, "-o", url],
            &["convert", &good, "--to", "parquet", "--overwrite", "-o", url],
            &["convert", &good, "--report", url],
            &["convert", &good, "--engine", url],
            &["convert", &good, "--config", url],
            &["convert", "--files-from", url],
            &["merge", &good, url],
            &["merge", &good, "--temp-dir", url],
            &["diff", &good, url],
            &["diff", &good, &good, "-o", url],
            &["ingest", &good, "--into", url],
            &["ingest", "--status", "--into", url],
            &["watch", url, "-o", "x.jsonl"],
            &["watch", "/", "-o", url],
            &["watch", "/", "-o", "x.jsonl", "--state-dir", url],
            &["scan", "192.0.2.1", "--keep-xml", url],
            &["scan", "192.0.2.1", "--nmap", url],
            &["inspect", url],
            &["schema", "--write", url],
            &["schema", "--check", url],
        ] {
            let mut command = program();
            command.current_dir(folder.path("")).args(args);
            let ran = ends_as(2, command, b"");
            assert!(ran.stderr.contains("URLs are not supported"), "{args:?}: {}", ran.stderr);
        }
        let mut command = program();
        command.current_dir(folder.path("")).env("SCANMILL_OUT", url).args(["convert", &good]);
        assert!(ends_as(2, command, b"").stderr.contains("URLs are not supported"));
        let list = folder.write("list", format!("{good}\n{url}\n"));
        refuses(&["convert", "--files-from", &list], &["URLs are not supported", url]);
        fs::remove_file(list).unwrap();
    }
    assert_eq!(folder.names(""), [""; 0]);
    // A file with such a name needs ./ before it.
    fs::create_dir(folder.path("s3:")).unwrap();
    let mut command = program();
    command.current_dir(folder.path("")).args(["convert", &good, "-o", "./s3://out.jsonl"]);
    ends_as(0, command, b"");
    assert_eq!(folder.names("s3:"), ["out.jsonl"]);
}

#[test]
fn devices_and_pipes_are_written_directly() {
    let good = xml(GOOD);
    let nested = ends(0, &["convert", &good]).stdout;
    assert_eq!(ends(0, &["convert", &good, "-o", "/dev/stdout"]).stdout, nested);
    assert_eq!(ends(0, &["convert", &good, "-o", "/dev/null"]).stdout, "");
    let folder = Folder::new();
    let pipe = folder.path("pipe");
    support::output_of(support::command("mkfifo").arg(&pipe));
    let mut reader =
        support::command("cat").arg(&pipe).stdout(std::process::Stdio::piped()).spawn().unwrap();
    ends(0, &["convert", &good, "-o", &pipe]);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut reader.stdout.take().unwrap(), &mut text).unwrap();
    reader.wait().unwrap();
    assert_eq!(text, nested);
}

#[test]
fn a_local_configuration_may_not_name_paths() {
    for (option, command) in [
        ("out", "convert"),
        ("report", "merge"),
        ("into", "ingest"),
        ("state-dir", "watch"),
        ("temp_dir", "diff"),
        ("write", "schema"),
        ("keep-xml", "scan"),
        ("files-from", "convert"),
        ("check", "schema"),
    ] {
        for config in
            [format!("{option} = \"x.jsonl\"\n"), format!("[{command}]\n{option} = \"x.jsonl\"\n")]
        {
            let folder = Folder::new();
            folder.write("scanmill.toml", &config);
            let mut command = program();
            command.current_dir(folder.path("")).env("XDG_CONFIG_HOME", folder.path("users"));
            command.args(["schema", "hosts"]);
            let ran = ends_as(2, command, b"");
            assert!(ran.stderr.contains("names a path"), "{}", ran.stderr);
            assert_eq!(folder.names(""), ["scanmill.toml"]);
            // The user's own file may set it, and so may a file that is named.
            let mut command = program();
            command.current_dir("/").args([
                "schema",
                "hosts",
                "--config",
                &folder.path("scanmill.toml"),
            ]);
            if !["write", "check"].contains(&option) {
                ends_as(0, command, b"");
            }
        }
    }
}

#[cfg(not(feature = "full"))]
#[test]
fn a_build_without_sqlite_names_the_feature_and_how_to_install_it() {
    let folder = Folder::new();
    let good = xml(GOOD);
    for name in ["a.sqlite", "a.sqlite3", "a.db"] {
        refuses(&["convert", &good, "-o", &folder.path(name)], &["feature full", "cargo install"]);
    }
    assert_eq!(folder.names(""), [""; 0]);
}

#[test]
fn a_file_with_all_tables_is_no_folder_no_stream_and_not_compressed() {
    let folder = Folder::new();
    let good = xml(GOOD);
    let formats = if cfg!(feature = "full") { &["xlsx", "sqlite"][..] } else { &["xlsx"] };
    for format in formats {
        refuses(&["convert", &good, "--to", format], &["name one with -o"]);
        refuses(&["convert", &good, "--to", format, "-o", &folder.path("a/")], &["one file"]);
        refuses(
            &["convert", &good, "-o", &folder.path(&format!("a.{format}.gz"))],
            &["without .gz"],
        );
        let path = folder.path(&format!("a.{format}"));
        refuses(&["convert", &good, "-o", &path, "--shape", "flat"], &["--shape"]);
        refuses(&["convert", &good, "-o", &path, "--to", "csv"], &["is named as"]);
        ends(0, &["convert", &good, "-o", &path]);
        refuses(&["convert", &good, "-o", &path], &["exists"]);
        ends(
            0,
            &[
                "convert",
                &good,
                "-o",
                &path,
                "--overwrite",
                "--table",
                "ports",
                "--columns",
                "ip,port",
            ],
        );
    }
    assert!(!folder.names("").contains(&"a".to_owned()));
}
