//! Progress: on a terminal, without one, and when it would interfere with output.

use std::{io::Write as _, process::Stdio, thread, time::Duration};

use assert_cmd::cargo::cargo_bin;

use super::{CUT, Folder, GOOD, ends, program, xml};
use crate::support;

/// Returns the terminal output of a command that pauses in the middle of its input.
fn on_a_terminal(args: &str) -> String {
    let line = format!(
        "(cat {}; sleep 0.6; cat {}) | {} {args}",
        xml(CUT),
        xml(GOOD),
        cargo_bin!("scanmill").display()
    );
    let folder = Folder::new();
    let mut script = support::command("script");
    script.current_dir(folder.0.path()).args(["-qec", &line, "/dev/null"]);
    // It reads keyboard input, of which there is none.
    let output = script.stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_bar_is_drawn_on_a_terminal_and_cleared_before_the_summary() {
    let seen = on_a_terminal("convert - -o out");
    assert!(seen.contains("0/1 files -"), "{seen:?}");
    let (_, end) = seen.rsplit_once("files").unwrap();
    assert!(end.contains("inputs  1 read"), "{seen:?}");
    // The output after the last bar begins on a line that was cleared.
    assert!(end.contains("\u{1b}[2K"), "{seen:?}");
}

#[test]
fn hosts_are_text_on_a_terminal_unless_a_format_is_asked_for() {
    let seen = on_a_terminal("convert - -q");
    assert!(seen.contains("Scan report for ") && seen.contains("\u{1b}[32mopen"), "{seen:?}");
    assert!(!on_a_terminal("convert - -q --color never").contains("\u{1b}[32m"));
    for args in ["convert - -q --to jsonl", "convert - -q --table ports", "convert - -q --events"] {
        assert!(on_a_terminal(args).contains("{\"_t"), "{args}");
    }
}

#[test]
fn no_bar_is_drawn_where_it_would_interfere() {
    for args in [
        "convert - --to jsonl",
        "convert - -o out -q",
        "convert - -o out --progress never",
        "convert - -o out --log-format json",
    ] {
        let seen = on_a_terminal(args);
        assert!(!seen.contains("files"), "{args}: {seen:?}");
    }
    assert!(on_a_terminal("convert - --to jsonl --progress always").contains("files"));
    let ran = ends(0, &["convert", &xml(GOOD)]);
    assert_eq!(ran.stderr, "", "nothing is drawn without a terminal");
}

/// Returns the lines of progress of a command whose standard input stays open for a while.
fn progress_lines(args: &[&str]) -> Vec<String> {
    let mut child = program()
        .args(args)
        .args(["--progress", "always"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&std::fs::read(xml(GOOD)).unwrap()).unwrap();
    thread::sleep(Duration::from_millis(2600));
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    stderr.lines().filter(|line| line.starts_with("progress: ")).map(str::to_owned).collect()
}

#[test]
fn without_a_terminal_progress_is_printed_as_lines_on_request() {
    let folder = Folder::new();
    let lines = progress_lines(&["convert", "-", "-o", &folder.path("out")]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("0 of 1 files, -"), "{lines:?}");
}

#[test]
fn both_states_of_a_comparison_have_progress() {
    let lines = progress_lines(&["diff", &xml(GOOD), "-"]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("0 of 1 files, -"), "{lines:?}");
}
