//! A dataset as an input of the commands that read scans.

use std::{fs, path::Path};

use assert_cmd::cargo::cargo_bin;

use super::{Place, Scan, files_below};
use crate::support;

/// Result of a command: exit code, files of its folder, and messages.
type Made = (Option<i32>, Vec<(String, Vec<u8>)>, String);

fn made(place: &Place, args: &[&str]) -> Made {
    let out = place.0.path().join("out");
    let mut command = support::command(cargo_bin!("scanmill"));
    command.current_dir(place.0.path()).args(args).args(["--to", "csv", "-o"]).arg(&out);
    let output = command.output().unwrap();
    let files = if out.is_dir() { files_below(&out) } else { Vec::new() };
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let files = files.iter().map(|path| (name(path), fs::read(path).unwrap())).collect();
    let _ = fs::remove_dir_all(&out);
    (output.status.code(), files, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Asserts that two commands write the same.
fn same(place: &Place, one: &[&str], other: &[&str]) {
    let ((a, files, said), (b, others, told)) = (made(place, one), made(place, other));
    assert_eq!((a, said), (b, told), "{other:?}");
    assert!(files.len() > 9, "{one:?}");
    for ((name, bytes), (_, expected)) in files.iter().zip(&others) {
        assert!(bytes == expected, "{name} of {other:?}");
    }
}

#[test]
fn every_fixture_survives_a_dataset_unchanged() {
    let place = Place::new();
    for fixture in support::fixtures() {
        place.write("a.xml", &fixture.bytes);
        let _ = fs::remove_dir_all(place.dataset());
        support::output_of(&mut place.command(&["-q", "in/a.xml"]));
        same(&place, &["convert", "dataset"], &["convert", "in/a.xml", "--hash"]);
    }
}

#[test]
fn a_dataset_merges_and_differs_like_its_documents() {
    let place = Place::new();
    for fixture in support::fixtures() {
        // Copies of the truncated scan come in the order of loading.
        if !["31-", "35-", "37-", "38-"].iter().any(|copy| fixture.name.starts_with(copy)) {
            place.write(&fixture.name, &fixture.bytes);
        }
    }
    place.load(&[]);
    for policy in ["caller", "first", "latest", "best"] {
        let merge = ["merge", "--explain", "--policy", policy];
        same(&place, &[&merge[..], &["dataset"]].concat(), &[&merge[..], &["in"]].concat());
    }
    // Scans that are in both inputs count once.
    let both = made(&place, &["-q", "merge", "dataset", "in"]).1;
    let once = made(&place, &["-q", "merge", "in"]).1;
    for ((name, bytes), (_, expected)) in both.iter().zip(&once) {
        assert!(bytes == expected || ["scans.csv", "warnings.csv"].contains(&&**name), "{name}");
    }
    let diff = |old: &str, new: &str| {
        let mut command = support::command(cargo_bin!("scanmill"));
        command.current_dir(place.0.path()).args(["diff", old, new]);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(diff("dataset", "in"), (Some(0), String::new()));
    let fixture = "in/44-merge-day2-changed.xml";
    assert_eq!(diff("dataset", fixture), diff("in", fixture));
    assert_eq!(diff("dataset", fixture).0, Some(1));
}

#[test]
fn the_way_a_dataset_was_loaded_does_not_change_a_merge() {
    // A truncated copy, another scan, the complete copy, a scan with the same ID and other hosts, and a copy
    // of that one.
    let collided = Scan { last: 8443, ..Scan::new(1, 5) };
    let docs = [
        Scan::cut(1, 3).xml(),
        Scan { last: 22, ..Scan::new(2, 7) }.xml(),
        Scan::new(1, 5).xml(),
        collided.xml(),
        format!("<!-- again -->{}", collided.xml()),
    ];
    for steps in [false, true] {
        for size in ["64M", "1"] {
            let place = Place::new();
            for (name, doc) in docs.iter().enumerate() {
                place.write(&format!("{name}.xml"), doc);
                if steps {
                    place.load(&["--commit-size", size]);
                }
            }
            place.load(&["--commit-size", size]);
            let merge = |policy: &str, inputs: &[&str]| {
                let args = ["-q", "merge", "--explain", "--policy", policy];
                let (code, mut files, said) = made(&place, &[&args[..], inputs].concat());
                assert_eq!((code, &*said), (Some(0), ""));
                // Copies that are not in the dataset have warnings of their own.
                files.retain(|(name, _)| {
                    !["_scanmill.json", "warnings.csv"].contains(&name.as_str())
                });
                files
            };
            for policy in ["caller", "latest", "best"] {
                let expected = merge(policy, &["in"]);
                assert_eq!(expected.len(), 10);
                assert!(merge(policy, &["dataset"]) == expected, "{policy} {steps} {size}");
                let rows = |files: &[(String, Vec<u8>)]| {
                    files
                        .iter()
                        .filter(|(name, _)| name != "scans.csv")
                        .cloned()
                        .collect::<Vec<_>>()
                };
                let both = merge(policy, &["dataset", "in/3.xml", "in/4.xml", "in/0.xml"]);
                assert!(rows(&both) == rows(&expected), "{policy} {steps} {size}");
            }
        }
    }
}

#[test]
fn replaced_copies_and_compaction_do_not_change_the_order() {
    let place = Place::new();
    place.write("1.xml", Scan::cut(1, 3).xml());
    place.write("2.xml", Scan::new(2, 40).xml());
    place.load(&[]);
    place.write("3.xml", Scan::new(0, 2).xml());
    place.load(&[]);
    place.write("1.xml", Scan::new(1, 5).xml());
    place.load(&["--commit-size", "1"]);
    let inputs = ["-q", "convert", "in/1.xml", "in/2.xml", "in/3.xml", "--hash"];
    same(&place, &["convert", "dataset"], &inputs);
    place.says(&["--compact"]);
    same(&place, &["convert", "dataset"], &inputs);
    place.says(&["--vacuum"]);
    same(&place, &["convert", "dataset", "-j", "3"], &inputs);
    let mut command = support::command(cargo_bin!("scanmill"));
    let shown = support::output_of(command.arg("inspect").arg(place.dataset()));
    assert!(shown.contains("3 scans, 47 hosts"), "{shown}");
}

#[test]
fn lost_or_broken_files_are_errors_of_that_input() {
    let place = Place::new();
    let xml = place.write("a.xml", Scan::new(1, 600).xml());
    place.load(&[]);
    let part = |table: &str| files_below(&place.dataset().join(table)).pop().unwrap();
    let whole = fs::read(part("ports")).unwrap();
    for broken in [&whole[..whole.len() / 2], b"", b"PAR1"] {
        fs::write(part("ports"), broken).unwrap();
        let (code, _, said) = made(&place, &["convert", "dataset"]);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("ports/scan_date=") && said.contains("E_IO"), "{said}");
        let (code, files, _) = made(&place, &["convert", "dataset", xml.to_str().unwrap()]);
        // Ten tables and the marker of the folder.
        assert_eq!((code, files.len()), (Some(1), 11));
    }
    // The log has the digest of each file, so damage in the middle is noticed before anything is read.
    let mut damaged = whole.clone();
    let middle = damaged.len() / 3;
    damaged[middle..middle + 40].fill(0xff);
    fs::write(part("ports"), damaged).unwrap();
    let (code, _, said) = made(&place, &["convert", "dataset"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("ports/scan_date=") && said.contains("damaged"), "{said}");
    fs::remove_file(part("ports")).unwrap();
    assert_eq!(made(&place, &["merge", "dataset"]).0, Some(3));
    fs::write(place.dataset().join("_scanmill/1.json"), "{}").unwrap();
    assert_eq!(made(&place, &["merge", "dataset"]).0, Some(3));
}
