use std::fs;

use scanmill::{
    format::TableFormat,
    merge::{MergePolicy, Precedence},
    ops::{self, CancellationToken, Inputs, JobStatus, MergeOptions, OutputOptions},
    output::Output,
};

use super::{DAYS, as_json, command, exit_code, files, job, read_json, recorder};

fn best() -> MergePolicy {
    MergePolicy::new(Precedence::Best).with_explain(true)
}

#[test]
fn a_merge_is_that_of_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (by_command, json) = (path("command"), path("report.json"));
    let code = command(&[
        "merge",
        DAYS[0],
        DAYS[1],
        "--policy",
        "best",
        "--explain",
        "--to",
        "parquet",
        "-o",
        by_command.to_str().unwrap(),
        "--report",
        json.to_str().unwrap(),
    ]);
    for threads in [1, 3] {
        let dir = path(&threads.to_string());
        let output = OutputOptions::tables(TableFormat::Parquet, Output::Dir(dir.clone()));
        let options = MergeOptions::default().with_policy(best()).with_job(job(threads));
        let report = ops::merge(&Inputs::new(DAYS), output, &options).unwrap();
        assert_eq!(exit_code(&report), code);
        assert_eq!(as_json(&report), read_json(&json));
        assert!(report.rows["conflicts"] > 0);
        assert!(files(&dir) == files(&by_command), "{threads} threads");
    }
}

#[test]
fn a_state_is_continued() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let merge = |inputs: &[&str], name: &str| {
        let output = OutputOptions::tables(TableFormat::Csv, Output::Dir(path(name)));
        let options = MergeOptions::default()
            .with_policy(MergePolicy::new(Precedence::Latest))
            .with_state(path(&format!("{name}.state")));
        ops::merge(&Inputs::new(inputs), output, &options).unwrap()
    };
    merge(&DAYS, "whole");
    merge(&DAYS[..1], "first");
    fs::rename(path("first.state"), path("second.state")).unwrap();
    merge(&DAYS[1..], "second");
    let table = |name: &str, table: &str| fs::read(path(name).join(table)).unwrap();
    for name in ["hosts.csv", "ports.csv", "services.csv"] {
        assert!(table("whole", name) == table("second", name), "{name}");
    }
}

#[test]
fn hosts_come_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = OutputOptions::tables(TableFormat::Csv, Output::Dir(folder.path().join("out")));
    let (inputs, options) = (Inputs::new(DAYS), MergeOptions::default());
    let report = ops::merge(&inputs, output, &options).unwrap();
    let mut hosts = ops::merged_hosts(&inputs, &options).unwrap();
    let (mut count, mut ports) = (0, 0);
    while let Some(record) = hosts.next_host().unwrap() {
        count += 1;
        ports += record.host().host.ports.len() as u64;
    }
    assert_eq!((count, ports), (report.rows["hosts"], report.rows["ports"]));
    assert_eq!(hosts.scans().len(), 2);
    assert!(ops::merged_hosts(&inputs, &options.with_state("state")).is_err());
}

#[test]
fn a_cancelled_merge_leaves_neither_output_nor_state() {
    let folder = tempfile::tempdir().unwrap();
    let output = OutputOptions::tables(TableFormat::Csv, Output::Dir(folder.path().join("out")));
    let token = CancellationToken::new();
    let (progress, recorded) = recorder(Some(token.clone()));
    let job = job(2).with_cancellation(token).with_progress(progress);
    let options = MergeOptions::default().with_state(folder.path().join("state")).with_job(job);
    let report = ops::merge(&Inputs::new(DAYS), output, &options).unwrap();
    assert_eq!(JobStatus::from(&report), JobStatus::Cancelled);
    assert_eq!(*recorded.calls.lock().unwrap(), ["begin", "end"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
