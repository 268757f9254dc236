use std::fs;

use scanmill::{
    feed::Feed,
    format::TableFormat,
    ops::{self, CancellationToken, HistoryOptions, Inputs, JobStatus, OutputOptions},
    output::Output,
};

use super::{DAYS, as_json, command, exit_code, files, job, read_json, recorder};

#[test]
fn a_history_is_that_of_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (by_command, json) = (path("command"), path("report.json"));
    let code = command(&[
        "history",
        DAYS[0],
        DAYS[1],
        "--to",
        "csv",
        "-o",
        by_command.to_str().unwrap(),
        "--report",
        json.to_str().unwrap(),
    ]);
    for threads in [1, 3] {
        let dir = path(&threads.to_string());
        let output = OutputOptions::tables(TableFormat::Csv, Output::Dir(dir.clone()));
        let options = HistoryOptions::default().with_job(job(threads));
        let report = ops::history(&Inputs::new(DAYS), output, &options).unwrap();
        assert_eq!(exit_code(&report), code);
        assert_eq!(as_json(&report), read_json(&json));
        assert!(report.rows["host_history"] > 0);
        assert!(files(&dir) == files(&by_command), "{threads} threads");
    }
}

#[test]
fn a_cancelled_history_leaves_no_file_and_a_feed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let token = CancellationToken::new();
    let (progress, _) = recorder(Some(token.clone()));
    let job = job(1).with_cancellation(token).with_progress(progress);
    let options = HistoryOptions::default().with_job(job);
    let output = OutputOptions::tables(TableFormat::Csv, Output::Dir(folder.path().join("out")));
    let report = ops::history(&Inputs::new(DAYS), output, &options).unwrap();
    assert_eq!(JobStatus::from(&report), JobStatus::Cancelled);
    let nested = Feed::Nested { events: false };
    let output = OutputOptions::feed(nested, Output::File(folder.path().join("out")));
    assert!(ops::history(&Inputs::new(DAYS), output, &options).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
