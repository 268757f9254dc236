//! Faults while a dataset is written: afterwards the dataset is at the previous commit or the next one, every
//! file under its final name is complete, and no document is loaded twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{Tree, Trial, folder, tree};

/// Returns a scan that started in second `second`, without its last `cut` bytes.
fn scan(second: u32, hosts: u32, cut: usize) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\"?>\n<nmaprun scanner=\"nmap\" args=\"nmap\" start=\"{}\">\n",
        1_600_000_000 + second
    );
    for host in 0..hosts {
        writeln!(xml,
            "<host><status state=\"up\"/><address addr=\"192.0.2.{host}\" addrtype=\"ipv4\"/><ports><port \
             protocol=\"tcp\" portid=\"80\"><state state=\"open\"/><service name=\"http\"/></port></ports></host>"
        ).unwrap();
    }
    xml.push_str(
        "<runstats><finished time=\"1600000100\" exit=\"success\"/></runstats></nmaprun>\n",
    );
    xml.truncate(xml.len() - cut);
    xml
}

/// Returns a folder with these inputs and a dataset into which `ingest` has loaded other inputs before.
fn before(loaded: &[&[(&str, String)]], inputs: &[(&str, String)]) -> Tree {
    let folder = folder();
    let input = folder.path().join("in");
    for files in loaded {
        put(&input, files);
        let args = ["-q", "ingest", "in", "--into", "dataset"];
        let trial = Trial { name: "before", args: &args, before: &Tree::new(), stride: 1 };
        let ended = trial.run(folder.path(), "");
        assert_eq!(ended.code, Some(0), "{}", ended.said);
    }
    put(&input, inputs);
    tree(folder.path())
}

fn put(folder: &Path, files: &[(&str, String)]) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir(folder).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
}

/// Returns the log of a dataset without times: its commits, and the files of the newest one with their bytes.
fn content(dataset: &Path) -> (Vec<Value>, BTreeMap<String, Vec<u8>>) {
    let mut commits = Vec::new();
    let mut live = BTreeSet::new();
    for number in 1.. {
        let Ok(text) = fs::read(dataset.join(format!("_scanmill/{number}.json"))) else { break };
        let mut commit: Value = serde_json::from_slice(&text).unwrap();
        for path in commit["removed"].as_array().into_iter().flatten() {
            live.remove(path.as_str().unwrap());
        }
        for file in commit["files"].as_array().into_iter().flatten() {
            live.insert(file["path"].as_str().unwrap().to_owned());
        }
        commit.as_object_mut().unwrap().remove("time");
        commits.push(commit);
    }
    let bytes = |path: String| {
        let bytes = fs::read(dataset.join(&path));
        (path.clone(), bytes.unwrap_or_else(|error| panic!("{path}: {error}")))
    };
    (commits, live.into_iter().map(bytes).collect())
}

/// Returns the files of a dataset that are being written.
fn staged(dataset: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dataset.join("_scanmill/staging"));
    entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

/// Checks each fault of a trial on a dataset.
fn check(trial: Trial<'_>) {
    let whole = trial.prepare();
    let mut valid = vec![content(&whole.path().join("dataset"))];
    assert_eq!(trial.run(whole.path(), "").code, Some(0));
    let new = content(&whole.path().join("dataset"));
    // Each commit of the run is a valid state.
    valid.push(new.clone());
    trial.every(|case| {
        let (what, dataset) = (&case.what, case.path("dataset"));
        let found = content(&dataset);
        assert!(valid.contains(&found), "{what}: {:?} is neither old nor new", found.0);
        if case.ended.code.is_some() && case.call.0 != "remove" {
            assert_eq!(staged(&dataset), [""; 0].map(PathBuf::from), "{what}: {}", case.ended.said);
        }
        if case.ended.code == Some(0) {
            assert!(found == new, "{what}: no message, and nothing new");
            return;
        }
        let ended = trial.run(case.folder.path(), "");
        assert_eq!(ended.code, Some(0), "{what}, again: {}", ended.said);
        assert!(content(&dataset) == new, "{what}: the dataset differs in the end");
        assert_eq!(staged(&dataset), [""; 0].map(PathBuf::from), "{what}, again");
    });
}

#[test]
fn a_new_dataset_has_all_of_a_commit_or_nothing() {
    let before = before(&[], &[("a.xml", scan(1, 1, 0))]);
    let args = ["-q", "ingest", "in", "--into", "dataset", "-j1"];
    check(Trial { name: "new dataset", args: &args, before: &before, stride: 7 });
}

#[test]
fn a_better_copy_replaces_the_poorer_one_in_one_step() {
    let poor = [("a.xml", scan(1, 2, 150)), ("b.xml", scan(2, 1, 0))];
    let before = before(&[&poor], &[("a.xml", scan(1, 2, 0))]);
    let args = ["-q", "ingest", "in", "--into", "dataset", "-j1"];
    check(Trial { name: "better copy", args: &args, before: &before, stride: 17 });
}

#[test]
fn files_are_compacted_in_one_step_and_removed_afterwards() {
    let loads: Vec<_> = (0..2).map(|n| [("a.xml", scan(n, 2, 0))]).collect();
    let loads: Vec<&[_]> = loads.iter().map(|load| &load[..]).collect();
    let before = before(&loads, &[]);
    let args = ["-q", "ingest", "--compact", "--into", "dataset", "-j1"];
    check(Trial { name: "compact", args: &args, before: &before, stride: 17 });

    // Compaction leaves the old files, which vacuum removes.
    let folder = folder();
    super::plant(&before, folder.path());
    let trial = Trial { name: "compact", args: &args, before: &before, stride: 1 };
    assert_eq!(trial.run(folder.path(), "").code, Some(0));
    let before = tree(folder.path());
    let args = ["-q", "ingest", "--vacuum", "--into", "dataset"];
    let trial = Trial { name: "vacuum", args: &args, before: &before, stride: 3 };
    let (clean, calls) = trial.clean("");
    assert!(calls.iter().filter(|(name, _)| name == "remove").count() > 10, "{calls:?}");
    let faults = [
        ("before", ""),
        ("after", ""),
        ("from errno=EROFS", "remove"),
        ("short", "remove"),
        ("die", ""),
        ("tear", "remove"),
    ];
    // The command writes nothing.
    trial.every_of(&faults, |case| {
        let found = content(&case.path("dataset"));
        assert!(found == content(&folder.path().join("dataset")), "{}", case.what);
        let ended = trial.run(case.folder.path(), "");
        assert_eq!(ended.code, Some(0), "{}, again: {}", case.what, ended.said);
        assert!(tree(case.folder.path()) == clean, "{}: something is left", case.what);
    });
}
