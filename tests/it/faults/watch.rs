//! Watched folders under faults: each line is in the feed once, however the command ended.

use std::{fmt::Write as _, fs};

use super::{Tree, Trial, folder, tree};

/// Returns the lines of a feed and of its rotated files, oldest first.
fn lines(tree: &Tree) -> Vec<String> {
    let mut files: Vec<(u32, &Vec<u8>)> = Vec::new();
    for (path, bytes) in tree {
        let name = path.to_str().unwrap();
        if name == "feed.jsonl.new" {
            assert_eq!(
                bytes.as_deref(),
                Some(&b""[..]),
                "a file without the feed's name has lines"
            );
        } else if let (Some(rest), Some(bytes)) = (name.strip_prefix("feed.jsonl"), bytes) {
            let number = rest.strip_prefix('.').map_or(0, |number| number.parse().unwrap());
            files.push((number, bytes));
        }
    }
    files.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    // An interrupted rotation leaves one file under two names: no two files have the same lines.
    files.dedup_by(|newer, older| newer.1 == older.1 && !newer.1.is_empty());
    let text =
        files.iter().map(|(_, bytes)| std::str::from_utf8(bytes).unwrap()).collect::<String>();
    text.lines().map(str::to_owned).collect()
}

fn check(trial: Trial<'_>) {
    let (clean, calls) = trial.clean("");
    let expected = lines(&clean);
    assert!(expected.len() > 3 && calls.iter().any(|(name, _)| name == "rename"), "{calls:?}");
    let old = lines(trial.before);
    trial.every(|case| {
        let (what, found) = (&case.what, lines(&case.tree("")));
        // The next run completes a truncated line; all lines before it are already final.
        let whole = found.iter().zip(&expected).take_while(|(a, b)| a == b).count();
        let rest = found.get(whole..).unwrap_or_default();
        let is_cut = |line: &String| expected.get(whole).is_some_and(|all| all.starts_with(line));
        assert!(
            rest.len() <= 1 && rest.iter().all(is_cut),
            "{what}: {rest:?} is no line of the feed"
        );
        assert!(whole >= old.len(), "{what}: old lines are gone");
        if case.ended.code.is_some() {
            assert!(rest.is_empty(), "{what}: a line is cut, {}", case.ended.said);
        }
        if case.ended.code == Some(0) && found == expected {
            return;
        }
        let ended = trial.run(case.folder.path(), "");
        assert_eq!(ended.code, Some(0), "{what}, again: {}", ended.said);
        assert_eq!(lines(&case.tree("")), expected, "{what}, again");
    });
}

fn scan(number: u32, hosts: u32) -> String {
    let mut xml = format!("<nmaprun scanner=\"nmap\" start=\"{}\">\n", 1_700_000_000 + number);
    for host in 0..hosts {
        writeln!(xml,
            "<host><status state=\"up\"/><address addr=\"192.0.2.{host}\" addrtype=\"ipv4\"/><ports><port \
             protocol=\"tcp\" portid=\"{}\"><state state=\"open\"/></port></ports></host>",
            80 + number
        ).unwrap();
    }
    xml.push_str("<runstats><finished time=\"1700000100\"/></runstats></nmaprun>\n");
    xml
}

#[test]
fn each_line_is_once_in_a_rotating_feed() {
    let folder = folder();
    fs::create_dir(folder.path().join("in")).unwrap();
    let put =
        |name: &str, text: String| fs::write(folder.path().join("in").join(name), text).unwrap();
    put("a.xml", scan(1, 2));
    let args = ["-q", "watch", "in", "-o", "feed.jsonl", "--once", "--settle", "0s"];
    let first = Trial { name: "first", args: &args, before: &Tree::new(), stride: 1 };
    assert_eq!(first.run(folder.path(), "").code, Some(0));
    put("b.xml", scan(2, 2));
    put("c.xml", scan(3, 1));
    let before = tree(folder.path());
    let args = [&args[..], &["--rotate-size", "100", "--keep", "9"]].concat();
    let trial = Trial { name: "rotation", args: &args, before: &before, stride: 1 };
    check(trial);
    let expected = lines(&trial.clean("").0);
    // An input that cannot be read now is read by the next run, after the others.
    let sorted = |mut lines: Vec<String>| {
        lines.sort_unstable();
        lines
    };
    let expected = sorted(expected);
    trial.each_of("before", "", super::is_on_input, |case| {
        let ended = trial.run(case.folder.path(), "");
        assert_eq!(ended.code, Some(0), "{}, again: {}", case.what, ended.said);
        let found = sorted(lines(&case.tree("")));
        assert_eq!(found, expected, "{}, again, {:?}", case.what, case.ended);
    });
    let args = [&args[..], &["--changes", "--baseline", "events"]].concat();
    let _ = fs::remove_dir_all(folder.path().join("in/.scanmill"));
    let _ = fs::remove_file(folder.path().join("feed.jsonl"));
    let before = tree(folder.path());
    check(Trial { name: "changes", args: &args, before: &before, stride: 1 });
}
