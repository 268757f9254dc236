//! Options from the environment.

use super::{CUT, Folder, GOOD, ends_as, program, xml};

/// Runs the command with these arguments and environment variables. It must end with exit code `code`.
fn ends_in(code: i32, variables: &[(&str, &str)], args: &[&str]) -> super::Ran {
    let mut command = program();
    command.envs(variables.iter().copied()).args(args);
    ends_as(code, command, b"")
}

#[test]
fn variables_stand_for_options() {
    let folder = Folder::new();
    let out = folder.path("ports.txt");
    let variables = [
        ("SCANMILL_TO", "csv"),
        ("SCANMILL_TABLE", "ports"),
        ("SCANMILL_COLUMNS", "port,state"),
        ("SCANMILL_STATE", "open"),
        ("SCANMILL_OUT", &out),
    ];
    ends_in(0, &variables, &["convert", &xml(GOOD)]);
    let csv = folder.read("ports.txt");
    assert_eq!(csv.lines().take(2).collect::<Vec<_>>(), ["port,state", "21,open"]);
    assert!(csv.lines().skip(1).all(|line| line.ends_with(",open")), "{csv}");
}

#[test]
fn an_option_overrides_its_variable() {
    let variables = [("SCANMILL_TO", "csv"), ("SCANMILL_COLUMNS", "ip")];
    let args = ["convert", &xml(GOOD), "--to", "jsonl", "--table", "ports", "--columns", "port"];
    let ran = ends_in(0, &variables, &args);
    assert_eq!(ran.lines()[0], r#"{"_table":"ports","port":21}"#);
}

#[test]
fn switches_accept_the_usual_words() {
    for (word, code) in [("1", 3), ("true", 3), ("yes", 3), ("0", 0), ("false", 0), ("no", 0)] {
        ends_in(code, &[("SCANMILL_STRICT", word)], &["convert", &xml(CUT)]);
    }
    let ran = ends_in(2, &[("SCANMILL_OVERWRITE", "perhaps")], &["convert", &xml(GOOD)]);
    assert!(ran.stderr.contains("perhaps"), "{}", ran.stderr);
}

#[test]
fn messages_obey_variables_too() {
    let args = ["convert", "missing.xml"];
    let ran = ends_in(3, &[("SCANMILL_LOG_FORMAT", "json")], &args);
    assert!(ran.stderr.starts_with(r#"{"code":"E_IO","level":"error""#), "{}", ran.stderr);
    let ran = ends_in(3, &[("SCANMILL_COLOR", "always")], &args);
    assert!(ran.stderr.starts_with('\u{1b}'), "{}", ran.stderr);
}
