//! Limits of the machine: no more threads, no larger files, no more open files.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use super::{Folder, GOOD, ends_as, program, xml};
use crate::support;

/// Creates a folder that every user may write to, for a user who may not start a second thread.
fn open_to_all() -> Folder {
    let folder = Folder::new();
    fs::set_permissions(folder.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

/// Returns a command that may not start a second thread, or `None` if the tests cannot run as another user.
fn without_threads(folder: &Folder, args: &[&str]) -> Option<Command> {
    let mut command = support::command("prlimit");
    let other = ["--nproc=1", "setpriv", "--reuid=64321", "--regid=64321", "--clear-groups"];
    command.args(other).arg(program().get_program()).args(args);
    command.current_dir(folder.path(""));
    let mut tried = support::command("prlimit");
    let works = tried.args(other).arg(program().get_program()).arg("--version").output();
    works.is_ok_and(|tried| tried.status.success()).then_some(command)
}

#[test]
fn without_a_second_thread_the_first_one_does_everything() {
    let folder = open_to_all();
    let good = fs::read_to_string(xml(GOOD)).unwrap();
    let paths: Vec<_> = (0..40).map(|n| folder.write(&format!("{n:02}.xml"), &good)).collect();
    let inputs: Vec<&str> = paths.iter().map(String::as_str).collect();
    // Large enough to be decompressed ahead.
    let many = good.repeat(400);
    let large = folder.write("large.xml", &many);
    support::output_of(support::command("gzip").arg(&large));
    let large = format!("{large}.gz");
    let mut runs = vec![
        [&["convert", "-j", "4"], &*inputs].concat(),
        vec!["convert", "-j", "4", &large, "-o", "OUT"],
        [&["convert", "-j", "4", "-o", "OUT"], &*inputs].concat(),
        [&["merge", "-j", "4"], &*inputs].concat(),
        vec!["diff", &large, inputs[0]],
        vec!["inspect", "--json", inputs[0]],
        vec!["ingest", "-j", "4", "--into", "OUT", inputs[0], inputs[1]],
        vec!["watch", ".", "--once", "--settle", "0s", "--state-dir", "STATE", "-o", "OUT"],
    ];
    runs.push(vec!["convert", "--progress", "always", inputs[0]]);
    for (number, run) in runs.iter().enumerate() {
        let named = |who: &str| {
            let name = |arg: &&str| match *arg {
                "OUT" => format!("{who}-{number}"),
                "STATE" => format!("{who}-state"),
                other => other.to_owned(),
            };
            run.iter().map(name).collect::<Vec<_>>()
        };
        let args = named("single");
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let Some(mut command) = without_threads(&folder, &args) else {
            return support::skip("without_a_second_thread_...", "it needs other user IDs");
        };
        let single = command.output().unwrap();
        let said = String::from_utf8_lossy(&single.stderr).into_owned();
        let args = named("many");
        let many = program().current_dir(folder.path("")).args(&args).output().unwrap();
        assert_eq!(single.status.code(), many.status.code(), "{args:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
        assert!(run[0] == "inspect" || single.stdout == many.stdout, "{args:?}");
    }
    let read = |name: &str| fs::read(folder.path(name)).unwrap();
    assert_eq!(read("single-1/ports.parquet"), read("many-1/ports.parquet"));
    assert_eq!(read("single-7").len(), read("many-7").len());
}

#[test]
fn engine_programs_need_threads_and_report_it() {
    let folder = open_to_all();
    let toml = "[[host_script]]\nname = \"s\"\ncommand = [\"true\"]\n";
    let (toml, xml) = (folder.write("e.toml", toml), xml(GOOD));
    let args = ["convert", "-v", &xml, "--engine", &toml];
    let Some(mut command) = without_threads(&folder, &args) else {
        return support::skip("engine_programs_...", "it needs other user IDs");
    };
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(0), "{said}");
    assert!(said.contains("no thread") && !said.contains("panicked"), "{said}");
}

#[test]
fn no_more_memory_is_planned_than_the_process_may_have() {
    let limited = |args: &[&str]| {
        let mut command = support::command("prlimit");
        command.arg("--as=1073741824").arg(program().get_program());
        command.args(["-q", "convert", &xml(GOOD)]).args(args);
        command
    };
    let ran = ends_as(2, limited(&["--memory", "2G"]), b"");
    assert!(ran.stderr.contains("ulimit -v"), "{}", ran.stderr);
    for args in [&[][..], &["--memory", "512M"]] {
        assert_eq!(ends_as(0, limited(args), b"").lines().len(), 4, "{args:?}");
    }
}

#[test]
fn a_file_size_limit_is_reported_as_a_full_disk() {
    let folder = Folder::new();
    let document = fs::read_to_string(xml(GOOD)).unwrap();
    let body = document.repeat(60);
    let large = folder.write("large.xml", body);
    let args: [&[&str]; 5] = [
        &["-o", "out.jsonl"],
        &["-o", "out.jsonl.gz"],
        &["-o", "out.csv", "--table", "ports"],
        &["-o", "out.parquet", "--table", "ports"],
        &["-o", "tables"],
    ];
    for args in args {
        let mut shell = support::command("sh");
        shell.current_dir(folder.path(""));
        shell.args(["-c", "ulimit -f 1; exec \"$@\"", "sh"]).arg(program().get_program());
        let ran = ends_as(
            4,
            {
                shell.args(["convert", &large]).args(args);
                shell
            },
            b"",
        );
        assert!(ran.stderr.contains("error: cannot write") && ran.stderr.contains("too large"));
        assert_eq!(folder.names(""), ["large.xml"], "{args:?}");
    }
}

#[test]
fn a_limit_on_open_files_is_an_error_and_not_a_panic() {
    let folder = Folder::new();
    let good = xml(GOOD);
    for most in 3..24 {
        for (number, args) in [
            &["convert", &*good][..],
            &["convert", &good, "-o", "tables"],
            &["ingest", &good, "--into", "dataset"],
        ]
        .iter()
        .enumerate()
        {
            let mut shell = support::command("sh");
            let limited = format!("ulimit -n {most}; exec \"$@\"");
            shell.current_dir(folder.path("")).args(["-c", &limited, "sh"]);
            shell.arg(program().get_program()).args(*args);
            let ran = shell.output().unwrap();
            let said = String::from_utf8_lossy(&ran.stderr).into_owned();
            let code = ran.status.code();
            // The dynamic loader needs one or two open files itself.
            let begun = code != Some(127);
            assert!(!begun || matches!(code, Some(0 | 3 | 4)), "{most} {number}: {code:?} {said}");
            assert!(!said.contains("panicked"), "{most}: {said}");
            if code == Some(4) {
                assert!(!fs::exists(folder.path("tables")).unwrap(), "{most}");
            }
            let _ = fs::remove_dir_all(folder.path("tables"));
            let _ = fs::remove_dir_all(folder.path("dataset"));
        }
    }
}
