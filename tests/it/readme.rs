//! Runs the examples of README.md, docs/merge.md and docs/history.md, and compares their output with the
//! pages. `docs.rs` checks links, options and names.

use std::fs;

use crate::support::{command, output_of, root};

#[test]
fn the_readme_shows_the_summary_of_the_fixtures() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let shown = readme.split("```text\n   inputs").nth(1).and_then(|rest| rest.split("```").next());
    let shown = format!("   inputs{}", shown.unwrap());
    let out = tempfile::tempdir().unwrap();
    let run = assert_cmd::cargo::cargo_bin_cmd!("scanmill")
        .current_dir(root())
        .args(["convert", "fixtures", "-v", "-o"])
        .arg(out.path().join("tables"))
        .output()
        .unwrap();
    assert!(run.status.success());
    let printed = String::from_utf8(run.stderr).unwrap();
    // The duration differs each time.
    let lasting = |text: &str| {
        let lines = text.lines().map(|line| line.split(" in ").next().unwrap_or_default());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lasting(&printed), lasting(&shown));
}

#[test]
fn merging_and_comparing_print_what_is_shown() {
    let printed = |args: &[&str]| {
        let run = assert_cmd::cargo::cargo_bin_cmd!("scanmill")
            .current_dir(root())
            .args(args)
            .output()
            .unwrap();
        String::from_utf8(run.stdout).unwrap()
    };
    let series: Vec<String> = (40..=46)
        .map(|number| {
            let mut names = fs::read_dir(root().join("fixtures")).unwrap();
            let found = names.find_map(|entry| {
                let name = entry.unwrap().file_name().into_string().unwrap();
                name.starts_with(&format!("{number}-")).then_some(name)
            });
            format!("fixtures/{}", found.unwrap())
        })
        .collect();
    let mut args = vec!["merge", "--policy", "latest"];
    args.extend(series.iter().map(String::as_str));
    args.extend(["--table", "hosts", "--to", "csv", "--columns", "ip,state,mac,seen"]);
    let merged = printed(&args);
    let changed = ["diff", &series[1], &series[4], "--ignore", "not_scanned", "--to", "text"];
    let changed = printed(&changed);
    let differ = printed(&["diff", &series[1], &series[4], "--to", "text"]);
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let head = changed.lines().take(3).collect::<Vec<_>>().join("\n");
    assert!(readme.contains(&format!("```text\n{merged}{head}\n```")), "{merged}{head}");
    let page = fs::read_to_string(root().join("docs/merge.md")).unwrap();
    assert!(page.contains(&format!("```text\n{differ}```")), "{differ}");
}

/// Returns the commands in shell blocks that a block of text follows, each with that text.
fn shown_commands(page: &str) -> Vec<(String, String)> {
    let mut shown = Vec::new();
    for block in page.split("```sh\n").skip(1) {
        let Some((command, rest)) = block.split_once("```\n\n```text\n") else { continue };
        if let Some(text) = rest.split("```").next().filter(|_| !command.contains("```")) {
            shown.push((command.replace("\\\n", " "), text.to_owned()));
        }
    }
    shown
}

#[test]
fn examples_print_what_is_shown() {
    let read = |page: &str| fs::read_to_string(root().join(page)).unwrap();
    let mut shown = shown_commands(&read("docs/merge.md"));
    let of_history = shown_commands(&read("docs/history.md"));
    assert!(!of_history.is_empty());
    shown.extend(of_history);
    for policy in ["caller", "first", "latest", "best"] {
        let option = format!("--policy {policy} ");
        assert!(shown.iter().any(|(command, _)| command.contains(&option)), "{policy}");
    }
    for (command, text) in shown {
        let mut words = command.split_whitespace();
        assert_eq!(words.next(), Some("scanmill"), "{command}");
        let run = assert_cmd::cargo::cargo_bin_cmd!("scanmill")
            .current_dir(root())
            .args(words)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(run.stdout).unwrap(), text, "{command}");
    }
}

#[test]
fn looking_at_scans_prints_what_is_shown() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, section) = readme.split_once("### Look at scans\n").unwrap();
    let (section, _) = section.split_once("\n### ").unwrap();
    let program = assert_cmd::cargo::cargo_bin!("scanmill");
    let mut shown = 0;
    for block in section.split("```sh\n").skip(1) {
        let (commands, rest) = block.split_once("```\n\n```text\n").unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        // `$0` is the first argument after the script.
        let script = format!("PATH=\"$0:$PATH\"\n{commands}");
        let mut shell = command("sh");
        shell.current_dir(root()).env("LC_ALL", "C").args(["-c", &script]);
        shell.arg(program.parent().unwrap());
        assert_eq!(output_of(&mut shell), text, "{commands}");
        shown += 1;
    }
    assert_eq!(shown, 3);
}
