//! What is read: lists of names, patterns, compressed input.

use std::{fs, io::Write as _};

use super::{err, folder, out, path, run, scanmill};
use crate::support::fixture;

fn hosts(text: &str) -> usize {
    text.lines().filter(|line| line.contains("\"_type\":\"host\"")).count()
}

#[test]
fn names_come_from_a_list_too() {
    let list = format!("{}\n{}\n", path("01-"), path("03-"));
    let first = path("02-");
    for (arguments, expected) in [
        (vec!["convert", "--files-from", "-"], 65),
        (vec!["convert", "--files-from=-", &first], 66),
    ] {
        let output = scanmill().args(&arguments).write_stdin(list.as_bytes()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        assert_eq!(hosts(&out(&output)), expected, "{arguments:?}");
    }
    assert!(err(&run(["convert", "--files-from", "no-such-list"], 2)).contains("no-such-list"));
    run(["convert", &path("01-"), "--include", "["], 2);
}

#[test]
fn patterns_pick_files_of_folders_but_nothing_that_is_named() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("2024/old")).unwrap();
    for name in ["a.xml", "2024/b.xml", "2024/old/c.xml", "2024/d.nmap"] {
        fs::copy(path("01-"), folder.path().join(name)).unwrap();
    }
    let count = |args: &[&str]| {
        let root = folder.path().to_str().unwrap();
        hosts(&out(&run(["convert", root, "-q"].iter().copied().chain(args.iter().copied()), 0)))
    };
    assert_eq!(count(&[]), 4);
    assert_eq!(count(&["--include", "*.xml"]), 3);
    assert_eq!(count(&["--include", "2024/*"]), 2);
    assert_eq!(count(&["--include", "*.xml", "--exclude", "**/old/**"]), 2);
    assert_eq!(count(&["--exclude", "*", &path("02-")]), 1);
}

#[test]
fn compressed_input_comes_from_pipes_too() {
    let bytes = fixture("03-").bytes;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&bytes).unwrap();
    let packed = packed.finish().unwrap();
    let output = scanmill().args(["convert", "-"]).write_stdin(packed.clone()).output().unwrap();
    assert_eq!((output.status.code(), hosts(&out(&output))), (Some(0), 64));
    let cut = packed[..packed.len() * 3 / 4].to_vec();
    let output = scanmill().args(["convert", "-"]).write_stdin(cut).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert!(err(&output).contains("-: E_DECOMPRESS"), "{}", err(&output));
    assert!(hosts(&out(&output)) > 10);
}
