//! Exit codes and what is said with them.

use std::fs;

use super::{err, folder, names, out, path, run, scanmill};

#[test]
fn wrong_usage_ends_with_2_before_anything_is_written() {
    let folder = folder();
    let target = folder.path().join("ports.csv");
    let target = target.to_str().unwrap();
    let good = path("01-");
    for (args, says) in [
        (vec!["convert"], "INPUT"),
        (vec!["convert", "--bogus", &good], "--bogus"),
        (vec!["convert", &good, "--to", "xml"], "parquet"),
        (vec!["convert", &good, "--to", "csv"], "one --table"),
        (vec!["convert", &good, "--to", "parquet"], "-o"),
        (vec!["convert", &good, "-o", target], "several tables"),
        (vec!["convert", &good, "--table", "port"], "os_matches"),
        (vec!["convert", &good, "--table", "ports", "--columns", "prot"], "protocol"),
        (vec!["convert", &good, "--columns", "ip"], "--table"),
        (vec!["convert", &good, "--table", "ports", "--shape", "nested"], "--shape flat"),
        (vec!["convert", &good, "--events", "--shape", "flat"], "--events"),
        (vec!["convert", &good, "--to", "csv", "--shape", "flat", "-o", "x"], "jsonl"),
        (vec!["convert", &good, "-q", "-v"], "--verbose"),
        (vec!["convert", &good, "-o", "x.parquet.gz"], ".gz"),
        (vec!["convert", &good, "--table", "ports", "--columns", "ip,ip"], "twice"),
        (vec!["convert", &good, "--table", "hosts", "--columns", "ip_bytes"], "parquet"),
        (vec!["convert", &good, "-o", "x", "--to", "csv", "--rows-per-file", "9"], "parquet"),
        (vec!["convert", &good, "-o", "x", "--rows-per-file", "0"], "above 0"),
        (vec!["convert", &good, "--table", "ports", "--overwrite", "-o", "/dev/null"], "regular"),
        (vec!["convert", &good, "--report", "/"], "--report"),
        (vec!["convert", &good, "--max-value", "0"], "size"),
        (vec!["convert", &good, "--compression", "brotli"], "zstd"),
        (vec!["schema", "port"], "os_matches"),
        (vec!["frobnicate"], "frobnicate"),
    ] {
        let output = run(&args, 2);
        assert!(err(&output).contains(says), "{args:?}: {}", err(&output));
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn warnings_end_with_0_and_name_their_place() {
    let output = run(["convert", &path("31-")], 0);
    let place = "31-truncated-sigkill.xml:58: W_TRUNCATED the document ends before its end tag\n";
    assert!(err(&output).starts_with("warning: "), "{}", err(&output));
    assert!(err(&output).ends_with(place), "{}", err(&output));
    assert!(run(["convert", &path("01-")], 0).stderr.is_empty());
    let output = run(["convert", "-v", &path("31-")], 0);
    assert!(err(&output).ends_with(place) && err(&output).contains("inputs  1 read"));
    assert!(!output.stdout.is_empty());
    let output = run(["convert", "-vv", &path("31-"), &path("03-")], 0);
    let line = "03-lan-ping-sweep-verbose-down.xml: 1 scan, 64 hosts, 0 ports, 0 warnings";
    assert!(err(&output).contains(line), "{}", err(&output));
}

#[test]
fn an_input_that_is_refused_ends_with_1_and_the_rest_is_written() {
    let folder = folder();
    let bad = folder.path().join("bad.xml");
    fs::write(&bad, "<html>").unwrap();
    let (bad, good) = (bad.to_str().unwrap(), path("01-"));
    let missing = folder.path().join("missing.xml");
    let alone = run(["convert", &good], 0);
    for refused in [bad, missing.to_str().unwrap()] {
        let output = run(["convert", refused, &good], 1);
        assert_eq!(output.stdout, alone.stdout);
        assert!(err(&output).contains(refused), "{}", err(&output));
    }
    assert!(err(&run(["convert", bad, &good], 1)).contains("E_NOT_NMAP"));
    assert!(run(["convert", bad, &good, "-q"], 1).stderr.starts_with(b"error: "));
}

#[test]
fn no_usable_input_ends_with_3() {
    let folder = folder();
    let bad = folder.path().join("bad.xml");
    fs::write(&bad, "nothing of nmap").unwrap();
    run(["convert", bad.to_str().unwrap()], 3);
    run(["convert", folder.path().join("missing").to_str().unwrap()], 3);
    run(["inspect", bad.to_str().unwrap()], 3);
    // What is named itself is refused; what lies in a folder is left out.
    let output = run(["convert", folder.path().to_str().unwrap(), "-v"], 3);
    assert!(err(&output).contains("1 skipped"), "{}", err(&output));
    let output = run(["convert", folder.path().to_str().unwrap()], 3);
    assert_eq!(err(&output), "error: there is no nmap XML in the inputs\n");
}

#[test]
fn strict_reading_ends_with_3_and_keeps_whole_hosts() {
    let output = run(["convert", "--strict", &path("31-"), &path("01-")], 3);
    assert!(err(&output).contains("E_STRICT: W_TRUNCATED"), "{}", err(&output));
    let lenient = run(["convert", &path("31-"), &path("01-")], 0);
    let whole = |text: String| {
        let hosts = text.lines().filter(|l| l.contains("\"_type\":\"host\"")).map(str::to_owned);
        hosts.filter(|line| line.contains("\"complete\":true")).collect::<Vec<_>>()
    };
    assert!(!whole(out(&output)).is_empty());
    assert_eq!(whole(out(&output)), whole(out(&lenient)));
    run(["convert", "--strict", &path("01-")], 0);
}

#[test]
fn an_output_that_fails_ends_with_4_and_leaves_nothing() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = std::process::Command::new(assert_cmd::cargo::cargo_bin!("scanmill"))
        .arg("convert")
        .arg(super::fixtures())
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", err(&output));
    assert!(err(&output).contains("standard output"), "{}", err(&output));
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("x.jsonl");
    let output = run(["convert", &path("01-"), "-o", below.to_str().unwrap()], 4);
    assert!(err(&output).contains("x.jsonl"), "{}", err(&output));
    // As on a disk that fills up: no file may grow beyond a few blocks.
    for out in ["hosts.jsonl", "tables", "text --to=csv"] {
        let script = format!("trap '' XFSZ; ulimit -f 4; exec \"$0\" convert \"$1\" -o {out}");
        let output = std::process::Command::new("sh")
            .current_dir(folder.path())
            .args(["-c", &script])
            .arg(assert_cmd::cargo::cargo_bin!("scanmill"))
            .arg(super::fixtures())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(4), "{out}: {}", err(&output));
        assert_eq!(names(folder.path()), ["file"], "{out}");
    }
}

#[test]
fn quiet_is_silent_and_messages_can_be_json() {
    assert!(run(["convert", "-q", &path("31-")], 0).stderr.is_empty());
    let missing = "no-such-file.xml";
    let output = run(["convert", "--log-format", "json", "-v", &path("31-"), missing], 1);
    let messages = super::lines(&err(&output));
    assert!(messages.iter().all(|message| message["level"].is_string()), "{messages:?}");
    let warning = messages.iter().find(|message| message["code"] == "W_TRUNCATED").unwrap();
    assert_eq!((&warning["line"], &warning["count"]), (&58.into(), &1.into()));
    assert!(messages.iter().any(|message| message["level"] == "error"));
}

#[test]
fn the_environment_sets_options_and_arguments_win() {
    let run = |name: &str, value: &str, args: &[&str]| {
        let output =
            scanmill().env(name, value).arg("convert").arg(path("01-")).args(args).output();
        out(&output.unwrap())
    };
    assert!(run("SCANMILL_SHAPE", "flat", &[]).contains("\"_table\":\"ports\""));
    assert!(!run("SCANMILL_SHAPE", "flat", &["--shape", "nested"]).contains("_table"));
    let salted = run("SCANMILL_SCAN_SALT", "sensor-1", &[]);
    assert_eq!(salted, run("X", "x", &["--scan-salt", "sensor-1"]));
    assert_ne!(salted, run("X", "x", &[]));
}
