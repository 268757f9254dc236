//! The rules of docs/merge.md and docs/history.md have a second implementation in Python, written only from
//! these documents. It is compared with the command on random series of scans: every table, field by field. A
//! failure prints the smallest series that shows it. CONTRIBUTING.md shows how to try other series.

use crate::support::{command, root, skip};

const ORACLE: &str = "tests/oracle/truth";

#[test]
fn merges_of_random_series_follow_the_document() {
    agrees("merge", 2000);
}

#[test]
fn merges_that_go_on_with_a_state_follow_the_document() {
    agrees("state", 500);
}

#[test]
fn histories_of_random_series_follow_the_document() {
    agrees("history", 800);
}

#[test]
fn differences_of_random_series_follow_the_document() {
    agrees("diff", 800);
}

fn agrees(what: &str, series: u32) {
    if !command("python3").arg("--version").output().is_ok_and(|o| o.status.success()) {
        skip(what, "python3 is not installed");
        return;
    }
    let mut oracle = command("python3");
    oracle.arg(root().join(ORACLE)).args([what, "--binary", env!("CARGO_BIN_EXE_scanmill")]);
    let output = oracle.args(["--series", &series.to_string(), "--seed", "1"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
