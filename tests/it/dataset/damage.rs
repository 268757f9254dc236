//! Datasets with changed bytes: an error that names the file, never a panic.

use std::{
    fs,
    path::{Path, PathBuf},
};

use scanmill::{
    dataset::Dataset,
    error::Result,
    model::EventSource as _,
    ops::{self, CompactOptions},
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Place, Scan, files_below};

/// Pseudo-random numbers, the same in every test run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(most.max(1)).unwrap()).unwrap()
    }

    /// Flips, overwrites, removes or adds some bytes.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        match self.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_slice(&[0; 9]),
            2 => {
                let end = bytes.len().min(at + 1 + self.below(40));
                bytes[at..end].fill(0xff);
            }
            3 => {
                bytes.remove(at);
            }
            _ => bytes[at] ^= 1 << self.below(8),
        }
    }
}

/// Counts the hosts of a dataset.
fn hosts(dataset: &Path) -> Result<usize> {
    let mut replay = Dataset::open(dataset)?.replay()?;
    let mut hosts = 0;
    while let Some((_, event)) = replay.next_event()? {
        hosts += usize::from(matches!(event, scanmill::model::ScanEvent::Host(_)));
    }
    Ok(hosts)
}

fn compact(dataset: &Path) -> Result<()> {
    ops::dataset::compact(dataset, &CompactOptions::default()).map(drop)
}

/// Creates a dataset of two commits with two files for each table.
fn dataset() -> (Place, Vec<PathBuf>) {
    let place = Place::in_memory();
    for second in [0, 1] {
        place.write("a.xml", Scan::new(second, 5).xml());
        place.load(&[]);
    }
    let mut files = files_below(&place.dataset());
    files.retain(|path| path.extension().is_some_and(|ending| ending != "lock"));
    files.sort();
    assert!(files.len() > 10, "{files:?}");
    (place, files)
}

#[test]
fn a_changed_byte_anywhere_is_an_error_that_names_the_file_or_changes_nothing() {
    let (place, files) = dataset();
    let mut numbers = Numbers(18);
    for path in &files {
        let whole = fs::read(path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        for _ in 0..12 {
            let mut changed = whole.clone();
            numbers.change(&mut changed);
            fs::write(path, &changed).unwrap();
            for result in [hosts(&place.dataset()).map(drop), compact(&place.dataset())] {
                match result {
                    Err(error) if name.ends_with("parquet") => {
                        let said = format!("{error} {:?}", std::error::Error::source(&error));
                        assert!(said.contains(name) && said.contains("damaged"), "{said}");
                    }
                    // A log may remain valid, with other files or documents.
                    _ => assert!(name.ends_with("json") || changed == whole, "{name}"),
                }
                // Removes everything written because of a changed log.
                let log = place.dataset().join("_scanmill");
                fs::remove_file(log.join("3.json")).unwrap_or_default();
                fs::write(log.join("newest"), "{\"commit\":2}\n").unwrap();
            }
        }
        fs::write(path, whole).unwrap();
    }
    assert_eq!(hosts(&place.dataset()).unwrap(), 10);
}

/// Updates the digest and length of a file in the log to those of its bytes.
fn vouch(dataset: &Path, path: &Path, bytes: &[u8]) {
    let below = path.strip_prefix(dataset).unwrap().to_str().unwrap();
    for number in 1..=2 {
        let commit = dataset.join(format!("_scanmill/{number}.json"));
        let mut log: Value = serde_json::from_slice(&fs::read(&commit).unwrap()).unwrap();
        for file in log["files"].as_array_mut().unwrap() {
            if file["path"] == below {
                let digest: Vec<_> =
                    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                file["sha256"] = digest.concat().into();
                file["bytes"] = bytes.len().into();
            }
        }
        fs::write(commit, log.to_string()).unwrap();
    }
}

#[test]
fn a_changed_file_with_a_valid_digest_fails_only_its_input() {
    let (place, files) = dataset();
    let dataset = place.dataset();
    let logs =
        [1, 2].map(|number| fs::read(dataset.join(format!("_scanmill/{number}.json"))).unwrap());
    let mut numbers = Numbers(4);
    let mut errors = 0;
    for path in
        files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "parquet"))
    {
        let whole = fs::read(path).unwrap();
        for _ in 0..12 {
            let mut changed = whole.clone();
            numbers.change(&mut changed);
            fs::write(path, &changed).unwrap();
            vouch(&dataset, path, &changed);
            // Changed text is different text. A file that is not one of this table is refused.
            errors += usize::from(hosts(&dataset).is_err());
        }
        fs::write(path, whole).unwrap();
        for (number, log) in (1..).zip(&logs) {
            fs::write(dataset.join(format!("_scanmill/{number}.json")), log).unwrap();
        }
    }
    assert!(errors > 50, "{errors}");
    assert_eq!(hosts(&dataset).unwrap(), 10);
}

#[test]
fn a_log_cannot_name_a_file_outside_of_its_dataset() {
    let (place, _) = dataset();
    let path = place.dataset().join("_scanmill/2.json");
    let log = fs::read_to_string(&path).unwrap();
    for outside in ["../hosts/", "/hosts/", "./../../x/"] {
        fs::write(&path, log.replacen("hosts/", outside, 1)).unwrap();
        let error = hosts(&place.dataset()).unwrap_err().to_string();
        assert!(error.contains("2.json"), "{error}");
    }
}

/// Returns standard output, standard error and the exit code of a command that runs next to a dataset.
pub(super) fn runs(place: &Place, args: &str) -> (String, String, Option<i32>) {
    let mut command = crate::support::command(assert_cmd::cargo::cargo_bin!("scanmill"));
    let output = command.current_dir(place.0.path()).args(args.split(' ')).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[test]
fn a_missing_or_truncated_file_is_named_by_every_command() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 3] = [
        ("missing", |path| fs::remove_file(path).unwrap()),
        ("0 bytes", |path| fs::write(path, "").unwrap()),
        ("not a file", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        }),
    ];
    for (word, change) in changes {
        let (place, files) = dataset();
        let path =
            files.iter().find(|path| path.to_str().unwrap().contains("dataset/ports/")).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        change(path);
        place.write("b.xml", Scan::new(9, 2).xml());
        let all = || super::files_below(&place.dataset());
        let before = all();
        for args in [
            "ingest in --into dataset",
            "ingest --files --into dataset",
            "ingest --status --into dataset",
            "ingest --list --into dataset",
            "ingest --vacuum --into dataset",
            "ingest --compact --into dataset",
            "convert dataset",
            "merge dataset",
            "diff dataset in/b.xml",
        ] {
            let (stdout, said, code) = runs(&place, args);
            assert_eq!(code, Some(3), "{word}, {args}: {said}");
            assert!(said.contains(name) && said.contains("E_IO"), "{word}, {args}: {said}");
            let is_shown = args.contains("--status") || args.contains("--list");
            assert_eq!(stdout.is_empty(), !is_shown, "{word}, {args}: {stdout}");
            assert_eq!(all(), before, "{word}, {args}");
        }
        let said = runs(&place, "ingest --files --into dataset").1;
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn several_files_that_are_missing_are_counted() {
    let (place, files) = dataset();
    for path in files.iter().filter(|path| path.to_str().unwrap().contains("/ports/")) {
        fs::remove_file(path).unwrap();
    }
    let (_, said, code) = runs(&place, "ingest --files --into dataset");
    assert_eq!(code, Some(3));
    assert!(said.contains("(the first of 2 such files)"), "{said}");
}

#[test]
fn a_dataset_whose_log_and_rows_disagree_is_named_by_merge_and_convert() {
    // A scan that is in the log and not in the tables.
    let (place, _) = dataset();
    let log = place.dataset().join("_scanmill/2.json");
    let text = fs::read_to_string(&log).unwrap();
    let commit: Value = serde_json::from_str(&text).unwrap();
    let id = commit["documents"][0]["scan_id"].as_str().unwrap();
    fs::write(&log, text.replace(id, &"0".repeat(32))).unwrap();
    for args in ["merge dataset", "convert dataset", "diff dataset in"] {
        let (_, said, code) = runs(&place, args);
        let expected = if args.starts_with("diff") { 3 } else { 1 };
        assert_eq!(code, Some(expected), "{args}: {said}");
        assert!(said.contains("_scanmill/2.json: E_IO") && said.contains("scan 0000"), "{said}");
    }
    let log = place.dataset().join("_scanmill/1.json");
    let text = fs::read_to_string(&log).unwrap();
    let commit: Value = serde_json::from_str(&text).unwrap();
    let id = commit["documents"][0]["scan_id"].as_str().unwrap();
    fs::write(&log, text.replace(id, &"1".repeat(32))).unwrap();
    for args in ["merge dataset", "convert dataset"] {
        let (stdout, said, code) = runs(&place, args);
        assert_eq!((code, &*stdout), (Some(3), ""), "{args}: {said}");
        assert!(said.contains("_scanmill/1.json: E_IO"), "{args}: {said}");
    }
}

#[test]
fn a_dataset_that_fails_inside_a_scan_ends_only_that_scan() {
    let place = Place::in_memory();
    // Ports in a later row group than the first hosts, so that some hosts are read before the rows fail.
    place.write("a.xml", Scan::new(0, 9000).xml());
    place.load(&[]);
    let (_, scan_of_other) = (place.write("../other.xml", Scan::new(1, 3).xml()), 3);
    let ports = super::files_below(&place.dataset()).into_iter();
    let mut ports = ports.filter(|path| path.to_str().unwrap().contains("/ports/"));
    let path = ports.next().unwrap();
    let whole = fs::read(&path).unwrap();
    let log = place.dataset().join("_scanmill/1.json");
    let logged = fs::read(&log).unwrap();
    let mut numbers = Numbers(7);
    let mut cut = 0;
    for _ in 0..40 {
        let mut changed = whole.clone();
        let at = whole.len() / 4 + numbers.below(whole.len() / 2);
        changed[at] ^= 0x55;
        fs::write(&path, &changed).unwrap();
        fs::write(&log, &logged).unwrap();
        vouch_one(&place.dataset(), &path, &changed);
        let (stdout, said, code) = runs(&place, "merge dataset other.xml");
        assert!(!said.contains("panicked") && !said.contains("has not ended"), "{said}");
        if code == Some(0) {
            continue;
        }
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(path.file_name().unwrap().to_str().unwrap()), "{said}");
        let lines: Vec<Value> =
            stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let scans: Vec<_> = lines.iter().filter(|line| line["_type"] == "scan").collect();
        cut += usize::from(scans.iter().any(|scan| scan["truncated"] == true));
        // The hosts of the other input belong to its own scan.
        let other = scans.iter().find(|scan| scan["source"] == "other.xml").unwrap();
        assert_eq!(other["truncated"], false);
        assert_eq!(other["hosts_seen"], scan_of_other, "{other}");
    }
    assert!(cut > 0, "no file failed in the middle");
}

/// Updates the digest and length of a file in the first commit to those of its bytes.
fn vouch_one(dataset: &Path, path: &Path, bytes: &[u8]) {
    let second = dataset.join("_scanmill/2.json");
    fs::copy(dataset.join("_scanmill/1.json"), &second).unwrap();
    vouch(dataset, path, bytes);
    fs::remove_file(second).unwrap();
}
