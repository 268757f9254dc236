//! Outputs that `--overwrite` replaces, and those that it never does: files and folders that scanmill did not
//! write.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
};

use super::{Folder, GOOD, as_nobody, ends, refuses, xml};
use crate::support;

const MARKER: &str = "_scanmill.json";

fn mode(path: &str) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &str, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Returns all paths below a folder, with the bytes of files.
fn tree(root: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(root).to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_dir = fs::symlink_metadata(&path).unwrap().is_dir();
            let bytes = if is_dir { Vec::new() } else { fs::read(&path).unwrap_or_default() };
            found.push((path.to_str().unwrap().to_owned(), bytes));
            if is_dir {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_output_folder_has_a_marker_that_lists_its_files() {
    let folder = Folder::new();
    let good = xml(GOOD);
    let (plain, parts, text) = (folder.path("plain"), folder.path("parts"), folder.path("text"));
    ends(0, &["convert", &good, "-o", &plain]);
    ends(
        0,
        &["convert", &good, "-o", &parts, "--partition-by", "scan_date", "--table", "ports,hops"],
    );
    ends(0, &["merge", &good, "-o", &text, "--to", "csv", "--table", "hosts,ports"]);
    for (out, command) in [(&plain, "convert"), (&parts, "convert"), (&text, "merge")] {
        let bytes = fs::read(format!("{out}/{MARKER}")).unwrap();
        let marker: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(marker["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(marker["command"], command);
        let listed: Vec<_> = marker["files"].as_array().unwrap().iter().collect();
        let found = tree(out).into_iter().map(|(path, _)| path);
        let files: Vec<_> = found
            .filter(|path| !Path::new(path).is_dir() && !path.ends_with(MARKER))
            .map(|path| path.strip_prefix(&format!("{out}/")).unwrap().to_owned())
            .collect();
        assert_eq!(listed, files.iter().collect::<Vec<_>>(), "{out}");
    }
    let tables = |out| {
        let marker: serde_json::Value =
            serde_json::from_slice(&fs::read(format!("{out}/{MARKER}")).unwrap()).unwrap();
        marker["tables"].clone()
    };
    assert_eq!(tables(&parts), serde_json::json!(["ports", "hops"]));
    // The same inputs give the same bytes.
    let before = tree(&plain);
    ends(0, &["convert", &good, "-o", &plain, "--overwrite"]);
    assert_eq!(tree(&plain), before);
}

#[test]
fn a_folder_with_a_foreign_file_is_not_replaced() {
    type Change = fn(&str);
    let good = xml(GOOD);
    let changes: [(&str, Change); 9] = [
        ("notes.txt", |out| fs::write(format!("{out}/notes.txt"), "mine").unwrap()),
        (".git", |out| {
            fs::create_dir(format!("{out}/.git")).unwrap();
            fs::write(format!("{out}/.git/HEAD"), "mine").unwrap();
        }),
        (".hidden", |out| fs::write(format!("{out}/.hidden"), "mine").unwrap()),
        ("link", |out| symlink("/etc", format!("{out}/link")).unwrap()),
        ("hosts/mine", |out| fs::write(format!("{out}/hosts/mine"), "mine").unwrap()),
        ("hops/empty", |out| fs::create_dir(format!("{out}/hops/empty")).unwrap()),
        ("scan.xml", |out| fs::copy(xml(GOOD), format!("{out}/scan.xml")).map(drop).unwrap()),
        ("hosts/part-1.parquet", |out| {
            symlink("part-0.parquet", format!("{out}/hosts/part-1.parquet")).unwrap();
        }),
        ("hosts/part-0.parquet", |out| {
            fs::remove_file(format!("{out}/hosts/part-0.parquet")).unwrap();
            symlink("/etc/hostname", format!("{out}/hosts/part-0.parquet")).unwrap();
        }),
    ];
    for (name, change) in changes {
        let folder = Folder::new();
        let out = folder.path("out");
        let args = ["convert", &good, "-o", &out, "--rows-per-file", "100", "--overwrite"];
        ends(0, &args);
        ends(0, &args);
        change(&out);
        let before = tree(&out);
        refuses(&args, &["is not replaced", &format!("{out}/{name}"), "hint:"]);
        assert_eq!(tree(&out), before, "{name}");
        assert_eq!(folder.names(""), ["out"]);
    }
}

#[test]
fn a_folder_without_a_marker_is_not_replaced_unless_it_is_empty() {
    let folder = Folder::new();
    let (good, out) = (xml(GOOD), folder.path("out"));
    let args = ["convert", &good, "-o", &out, "--table", "hosts,ports", "--overwrite"];
    ends(0, &args);
    fs::remove_file(format!("{out}/{MARKER}")).unwrap();
    refuses(&args, &["is not replaced", "hosts.parquet", MARKER, "hint:"]);
    for text in ["", "{}", "null", r#"{"version":"1","command":"x","tables":[],"files":["../x"]}"#]
    {
        folder.write(&format!("out/{MARKER}"), text);
        refuses(&args, &["is not replaced", MARKER]);
    }
    fs::remove_file(format!("{out}/{MARKER}")).unwrap();
    fs::create_dir(format!("{out}/{MARKER}")).unwrap();
    refuses(&args, &["is not replaced", MARKER]);
    fs::remove_dir_all(&out).unwrap();
    fs::create_dir(&out).unwrap();
    ends(0, &args);
    assert_eq!(folder.names("out"), [MARKER, "hosts.parquet", "ports.parquet"]);
    let dataset = folder.path("dataset");
    ends(0, &["ingest", &good, "--into", &dataset]);
    refuses(&["convert", &good, "-o", &dataset, "--overwrite"], &["is not replaced"]);
}

#[test]
fn a_pipe_in_place_of_the_marker_does_not_block() {
    let folder = Folder::new();
    fs::create_dir(folder.path("out")).unwrap();
    support::output_of(support::command("mkfifo").arg(folder.path("out/_scanmill.json")));
    let args = ["convert", &xml(GOOD), "-o", &folder.path("out"), "--overwrite"];
    refuses(&args, &["is not replaced", "not a regular file"]);
}

#[test]
fn files_and_folders_keep_their_modes() {
    let folder = Folder::new();
    let good = xml(GOOD);
    let file = folder.write("out.jsonl", "old");
    for bits in [0o600, 0o640, 0o666, 0o400] {
        set_mode(&file, bits);
        ends(0, &["convert", &good, "-o", &file, "--overwrite"]);
        assert_eq!(mode(&file), bits);
        ends(0, &["convert", &good, "--report", &file, "--overwrite"]);
        assert_eq!(mode(&file), bits);
        ends(0, &["convert", &good, "--report", &file]);
        assert_eq!(mode(&file), bits);
    }
    let out = folder.path("out");
    let args = ["convert", &good, "-o", &out, "--rows-per-file", "8", "--overwrite"];
    ends(0, &args);
    for (name, bits) in [
        ("", 0o2750),
        ("/hosts", 0o700),
        ("/hosts/part-0.parquet", 0o600),
        ("/ports/part-1.parquet", 0o640),
        ("/_scanmill.json", 0o604),
        ("/hops", 0o555),
    ] {
        set_mode(&format!("{out}{name}"), bits);
    }
    // A part that did not exist before gets the mode of the marker.
    ends(0, &[&args[..5], &["4", "--overwrite"]].concat());
    for (name, bits) in [
        ("", 0o2750),
        ("/hosts", 0o700),
        ("/hosts/part-0.parquet", 0o600),
        ("/ports/part-1.parquet", 0o640),
        ("/ports/part-5.parquet", 0o604),
        ("/_scanmill.json", 0o604),
        ("/hops", 0o555),
    ] {
        assert_eq!(mode(&format!("{out}{name}")), bits, "{name}");
    }
    // A folder that the user created beforehand keeps its mode.
    let made = folder.path("made");
    fs::create_dir(&made).unwrap();
    set_mode(&made, 0o700);
    ends(0, &["convert", &good, "-o", &made]);
    assert_eq!(mode(&made), 0o700);
}

#[test]
fn owners_are_kept_where_that_is_permitted() {
    let folder = Folder::new();
    let (file, out) = (folder.write("out.jsonl", "old"), folder.path("out"));
    ends(0, &["convert", &xml(GOOD), "-o", &out]);
    let paths = [&file, &out, &format!("{out}/hosts.parquet")];
    for path in paths {
        if std::os::unix::fs::chown(path, Some(65534), Some(65534)).is_err() {
            return support::skip("owners_are_kept_...", "only root can change owners");
        }
    }
    ends(0, &["convert", &xml(GOOD), "-o", &file, "--overwrite"]);
    ends(0, &["convert", &xml(GOOD), "-o", &out, "--overwrite"]);
    for path in paths {
        let meta = fs::metadata(path).unwrap();
        assert_eq!((meta.uid(), meta.gid()), (65534, 65534), "{path}");
    }
}

#[test]
fn a_link_that_names_the_output_stays_and_its_target_is_replaced() {
    let folder = Folder::new();
    let good = xml(GOOD);
    fs::create_dir_all(folder.path("real/deep")).unwrap();
    folder.write("real/deep/out.jsonl", "old");
    symlink("real/deep/out.jsonl", folder.path("link.jsonl")).unwrap();
    symlink("link.jsonl", folder.path("again.jsonl")).unwrap();
    symlink("real/deep/tables", folder.path("tables")).unwrap();
    symlink("nowhere/x.jsonl", folder.path("lost.jsonl")).unwrap();
    symlink("loop.jsonl", folder.path("loop.jsonl")).unwrap();
    refuses(&["convert", &good, "-o", &folder.path("again.jsonl")], &["exists", "--overwrite"]);
    ends(0, &["convert", &good, "-o", &folder.path("again.jsonl"), "--overwrite"]);
    assert_eq!(folder.read("real/deep/out.jsonl").lines().count(), 4);
    // The target does not exist yet, so nothing is replaced.
    let tables = ["convert", &good, "--table", "hosts,ports", "-o", &folder.path("tables")];
    ends(0, &tables);
    refuses(&tables, &["exists", "--overwrite"]);
    ends(0, &[&tables[..], &["--overwrite"]].concat());
    let slash = folder.path("tables/");
    ends(0, &["convert", &good, "--table", "hosts", "-o", &slash, "--overwrite"]);
    assert_eq!(folder.names("real/deep"), ["out.jsonl", "tables"]);
    assert_eq!(folder.names("real/deep/tables"), [MARKER, "hosts.parquet"]);
    for lost in ["lost.jsonl", "loop.jsonl"] {
        ends(4, &["convert", &good, "-o", &folder.path(lost)]);
    }
    assert!(!Path::new(&folder.path("nowhere")).exists());
    for link in ["link.jsonl", "again.jsonl", "tables", "lost.jsonl", "loop.jsonl"] {
        assert!(fs::symlink_metadata(folder.path(link)).unwrap().is_symlink(), "{link}");
    }
}

#[test]
fn files_of_the_old_folder_that_cannot_be_removed_are_named() {
    let folder = Folder::new();
    let (good, out) = (folder.path("good.xml"), folder.path("out"));
    fs::copy(xml(GOOD), &good).unwrap();
    set_mode(&folder.path(""), 0o777);
    let args = ["convert", &good, "-o", &out, "--rows-per-file", "8", "--overwrite"];
    let Some(ran) = as_nobody(&folder, &args) else {
        return support::skip("files_of_the_old_folder_...", "setpriv cannot change the user");
    };
    assert_eq!((ran.0, &*ran.2), (Some(0), ""));
    set_mode(&format!("{out}/ports"), 0o555);
    let (code, _, stderr) = as_nobody(&folder, &args).unwrap();
    assert_eq!(code, Some(0), "{stderr}");
    let left = folder.names("").into_iter().find(|name| name.starts_with("out.tmp-")).unwrap();
    let named = format!("warning: {}/ports/part-0.parquet is left over", folder.path(&left));
    assert!(stderr.contains(&named), "{stderr}");
    assert_eq!(folder.names(&left), ["ports"]);
    assert_eq!(folder.names("out/ports").len(), 3);
    set_mode(&folder.path(&format!("{left}/ports")), 0o755);
}

#[test]
fn created_parent_folders_are_removed_if_nothing_is_written() {
    let folder = Folder::new();
    let none = folder.path("none.xml");
    for out in ["a/b/c.jsonl", "a/b/tables", "a/b/c.csv --table hosts"] {
        let mut args = vec!["convert", &none, "-o"];
        let path = folder.path(out.split(' ').next().unwrap());
        args.push(&path);
        args.extend(out.split(' ').skip(1));
        ends(3, &args);
        assert_eq!(folder.names(""), [""; 0], "{out}");
    }
}

#[test]
fn without_a_scan_existing_outputs_stay_and_none_is_created() {
    let folder = Folder::new();
    let junk = folder.write("junk.txt", "no scan");
    let (file, out) = (folder.write("out.jsonl", "old"), folder.path("out"));
    ends(0, &["convert", &xml(GOOD), "-o", &out]);
    let before = tree(&out);
    for command in ["convert", "merge"] {
        for target in [&file, &out] {
            ends(3, &[command, &junk, "-o", target, "--overwrite"]);
        }
        for (new, options) in [
            ("new.jsonl", &[][..]),
            ("new", &[]),
            ("new", &["--to", "csv"]),
            ("new.csv.gz", &["--table", "hosts"]),
        ] {
            ends(3, &[&[command, &junk, "-o", &folder.path(new)], options].concat());
        }
    }
    ends(3, &["convert", &junk, "-o", &folder.path("new"), "--partition-by", "scan_date"]);
    ends(3, &["ingest", &junk, "--into", &folder.path("dataset/new")]);
    // The report is about this command, and records what was refused.
    let report = folder.path("report.json");
    ends(3, &["convert", &junk, "-o", &file, "--overwrite", "--report", &report]);
    assert!(folder.read("report.json").contains("\"refused\""));
    assert_eq!((folder.read("out.jsonl"), tree(&out)), ("old".into(), before));
    assert_eq!(folder.names(""), ["junk.txt", "out", "out.jsonl", "report.json"]);
    fs::create_dir(folder.path("dataset")).unwrap();
    ends(3, &["ingest", &junk, "--into", &folder.path("dataset")]);
    assert_eq!(folder.names("dataset"), [""; 0]);
}

#[test]
fn an_input_without_a_scan_creates_an_output_and_replaces_none() {
    let folder = Folder::new();
    let (good, empty) = (xml(GOOD), folder.write("empty.xml", "\n"));
    for (command, out, options) in [
        ("convert", "out.jsonl", &[][..]),
        ("convert", "out.jsonl.gz", &[]),
        ("convert", "out.csv", &["--table", "ports"]),
        ("convert", "out.parquet", &["--table", "ports"]),
        ("convert", "out", &[]),
        ("convert", "csv", &["--to", "csv"]),
        ("convert", "parts", &["--partition-by", "scan_date"]),
        ("merge", "merged.jsonl", &[]),
        ("merge", "merged", &[]),
        ("history", "history", &[]),
    ] {
        let out = folder.path(out);
        let read = || {
            if Path::new(&out).is_dir() {
                tree(&out)
            } else {
                vec![(String::new(), fs::read(&out).unwrap())]
            }
        };
        let args = |input| [&[command, input, "-o", &out, "--overwrite"], options].concat();
        // The empty file is a scan that found nothing, which is an output like any other.
        ends(0, &args(&empty));
        let _ = fs::remove_dir_all(&out);
        let _ = fs::remove_file(&out);
        ends(0, &args(&good));
        let before = read();
        let ran = ends(3, &args(&empty));
        let message = format!("no scan was read: {out} stays as it is");
        assert!(ran.stderr.contains(&message), "{command}, {out}: {}", ran.stderr);
        assert!(read() == before, "{command}, {out}");
    }
    assert!(folder.names("").iter().all(|name| !name.contains(".tmp-")), "{:?}", folder.names(""));
    // An empty output has nothing to lose.
    let nothing = folder.write("nothing.jsonl", "");
    ends(0, &["convert", &empty, "-o", &nothing, "--overwrite"]);
    // A scan whose hosts were filtered out does replace it.
    let out = folder.path("out.csv");
    ends(
        0,
        &["convert", &good, "-o", &out, "--table", "ports", "--state", "unfiltered", "--overwrite"],
    );
    assert_eq!(folder.read("out.csv").lines().count(), 1);
}

#[test]
fn a_report_replaces_only_reports() {
    let folder = Folder::new();
    let good = xml(GOOD);
    fs::create_dir(folder.path("other")).unwrap();
    ends(0, &["convert", &good, "-o", &folder.path("other/tables")]);
    let notes = folder.write("notes.txt", "mine\n");
    folder.write("cut.json", "{\n  \"scans\": 1,\n  \"hosts\"");
    folder.write("other.json", "{\"scans\": 1, \"hosts\": 3}\n");
    let parquet = folder.path("other/tables/ports.parquet");
    symlink(&parquet, folder.path("link")).unwrap();
    symlink("notes.txt", folder.path("link.json")).unwrap();
    let before = tree(&folder.path(""));
    let names =
        ["notes.txt", "cut.json", "other.json", "other/tables/ports.parquet", "link", "link.json"];
    for name in names {
        let report = folder.path(name);
        let (out, dataset, absent) =
            (folder.path("out.jsonl"), folder.path("dataset"), folder.path("none"));
        let state = folder.path("s.state");
        for args in [
            &["convert", &good, "-o", &out][..],
            &["convert", &good],
            &["convert", &folder.path("absent.xml")],
            &["convert", &good, "--follow"],
            &["merge", &good, "-o", &out, "--state", &state],
            &["history", &good, "-o", &out],
            &["scan", "192.0.2.1", "--nmap", &absent, "-o", &out],
            &["ingest", &good, "--into", &dataset],
        ] {
            refuses(
                &[args, &["--report", &report]].concat(),
                &[&report, "is not a report of scanmill"],
            );
            assert_eq!(tree(&folder.path("")), before, "{args:?}, {name}");
        }
    }
    ends(0, &["convert", &good, "--report", &notes, "--overwrite"]);
    assert!(folder.read("notes.txt").starts_with("{\n  \"scans\": 1"));
    // From here on it is a report under each of its names, so the next command may replace it.
    for command in ["convert", "merge", "history"] {
        ends(0, &[command, &good, "--report", &folder.path("link.json")]);
    }
    for _ in 0..2 {
        ends(0, &["ingest", &good, "--into", &folder.path("dataset"), "--report", &notes]);
    }
    ends(0, &["convert", &good, "--report", &notes]);
    ends(3, &["convert", &folder.path("absent.xml"), "--report", &notes]);
    assert!(folder.read("notes.txt").contains("\"refused\""));
    let empty = folder.write("empty.json", "");
    ends(0, &["convert", &good, "--report", &empty]);
    assert!(fs::symlink_metadata(folder.path("link.json")).unwrap().is_symlink());
}

#[test]
fn no_file_is_replaced_without_overwrite() {
    let folder = Folder::new();
    let good = xml(GOOD);
    let nmap = folder.path("none");
    for (name, bytes) in
        [("a.jsonl", "mine\n"), ("a.csv", "mine\n"), ("a.parquet", "PAR1"), ("a.xml", "<mine/>")]
    {
        folder.write(name, bytes);
        symlink(name, folder.path(&format!("link-{name}"))).unwrap();
    }
    let before = tree(&folder.path(""));
    for link in ["", "link-"] {
        let name = |name: &str| folder.path(&format!("{link}{name}"));
        for args in [
            &["convert", &good, "-o", &name("a.jsonl")][..],
            &["convert", &good, "-o", &name("a.csv"), "--table", "ports"],
            &["convert", &good, "-o", &name("a.parquet"), "--table", "ports"],
            &["convert", &good, "--follow", "-o", &name("a.jsonl")],
            &["merge", &good, "-o", &name("a.jsonl")],
            &["history", &good, "-o", &name("a.jsonl")],
            &["diff", &good, &good, "-o", &name("a.jsonl")],
            &["diff", &good, &good, "-o", &name("a.parquet")],
            &["scan", "192.0.2.1", "--nmap", &nmap, "-o", &name("a.jsonl")],
            &["scan", "192.0.2.1", "--nmap", &nmap, "--keep-xml", &name("a.xml")],
        ] {
            refuses(args, &["exists", "--overwrite replaces it"]);
            assert_eq!(tree(&folder.path("")), before, "{args:?}");
        }
    }
    // A file that is not a state is neither used as one nor replaced.
    let (state, out) = (folder.path("a.xml"), folder.path("a.jsonl"));
    ends(3, &["merge", &good, "--state", &state, "-o", &out, "--overwrite"]);
    assert_eq!(tree(&folder.path("")), before);
}

#[test]
fn parent_folders_and_broken_links_are_handled_alike_for_all_outputs() {
    let folder = Folder::new();
    let good = xml(GOOD);
    let nmap = folder.write("nmap", format!("#!/bin/sh\ncat '{good}'\n"));
    set_mode(&nmap, 0o755);
    let scan = ["scan", "192.0.2.1", "--nmap", &nmap, "-o", "-"];
    let merge = ["merge", &good, "-o", "-"];
    let outputs: [(&[&str], &str); 6] = [
        (&["convert", &good], "-o"),
        (&["convert", &good, "--follow"], "-o"),
        (&["convert", &good], "--report"),
        (&merge, "--state"),
        (&scan, "--keep-xml"),
        (&scan[..4], "-o"),
    ];
    for (number, (args, option)) in outputs.iter().enumerate() {
        let made = format!("made-{number}/x/y.jsonl");
        if *option == "--keep-xml" {
            // The file of nmap's XML has no temporary name, and no folder is created for output that may
            // never come.
            fs::create_dir_all(folder.path(&made)).unwrap();
            fs::remove_dir(folder.path(&made)).unwrap();
        }
        ends(0, &[args, &[*option, &folder.path(&made)][..]].concat());
        assert!(!folder.bytes(&made).is_empty(), "{args:?} {option}");
        let (to, link) = (format!("to-{number}.jsonl"), format!("link-{number}.jsonl"));
        symlink(&to, folder.path(&link)).unwrap();
        ends(0, &[args, &[*option, &folder.path(&link)][..]].concat());
        assert!(!folder.bytes(&to).is_empty(), "{args:?} {option}");
        // The target of a link may be on a disk that is missing.
        let link = format!("far-{number}.jsonl");
        symlink("missing/to.jsonl", folder.path(&link)).unwrap();
        ends(4, &[args, &[*option, &folder.path(&link)][..]].concat());
        assert!(!folder.names("").contains(&"missing".to_owned()));
    }
    // No folder stays after a command that reads nothing.
    let absent = folder.path("absent.xml");
    for args in [&["convert", &absent, "-o"][..], &["merge", &absent, "--state"]] {
        ends(3, &[args, &[&folder.path("nodir/x.jsonl")]].concat());
        assert!(!folder.names("").contains(&"nodir".to_owned()), "{args:?}");
    }
}

#[test]
fn a_dataset_that_is_damaged_does_not_keep_an_output_from_being_replaced_by_other_inputs() {
    let folder = Folder::new();
    let (lake, out) = (folder.path("lake"), folder.path("out.jsonl"));
    ends(0, &["ingest", &xml(GOOD), "--into", &lake]);
    let part = tree(&lake).into_iter().find(|(path, _)| path.ends_with(".parquet")).unwrap().0;
    fs::remove_file(part).unwrap();
    fs::write(&out, "old\n").unwrap();
    // Alone, nothing can be read.
    ends(3, &["convert", &lake, "-o", &out, "--overwrite"]);
    assert_eq!(fs::read_to_string(&out).unwrap(), "old\n");
    let ran = ends(1, &["convert", &xml(GOOD), &lake, "-o", &out, "--overwrite"]);
    assert!(ran.stderr.contains("E_IO") && ran.stderr.contains("lake"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), 4);
}

#[test]
fn what_killed_runs_left_of_an_output_is_removed_by_the_next_one() {
    let folder = Folder::new();
    for (out, kind) in [("out.csv", "ports"), ("tables", "hosts,ports")] {
        let path = folder.path(out);
        let mut command = super::program();
        command.args(["convert", "-", "-o", &path, "--table", kind, "--overwrite"]);
        let mut running = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        let left = || -> Vec<String> {
            let all = fs::read_dir(folder.path("")).unwrap().map(|entry| entry.unwrap());
            let names = all.map(|entry| entry.file_name().into_string().unwrap());
            names.filter(|name| name.contains(".tmp-")).collect()
        };
        while left().is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        // The temporary of a run that lives stays.
        ends(0, &["convert", &xml(GOOD), "-o", &path, "--table", kind, "--overwrite"]);
        assert_eq!(left().len(), 1);
        running.kill().unwrap();
        running.wait().unwrap();
        assert_eq!(left().len(), 1);
        ends(0, &["convert", &xml(GOOD), "-o", &path, "--table", kind, "--overwrite"]);
        assert_eq!(left(), Vec::<String>::new(), "{out}");
    }
}
