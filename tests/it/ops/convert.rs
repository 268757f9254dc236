use std::{fs, path::Path, sync::atomic::Ordering};

use scanmill::{
    feed::Feed,
    format::{Discard, TableFormat},
    ops::{self, CancellationToken, ConvertOptions, Inputs, JobStatus, OutputOptions},
    output::Output,
    source::PathFilter,
    table::Table,
};

use super::{as_json, command, exit_code, files, job, read_json, recorder};

fn xml_files() -> Inputs {
    Inputs::new(["fixtures"]).with_pick(PathFilter::new(&["*.xml".to_owned()], &[]).unwrap())
}

#[test]
fn a_folder_of_tables_is_that_of_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (name, format) in [("csv", TableFormat::Csv), ("parquet", TableFormat::Parquet)] {
        let (by_command, json) = (path(&format!("{name}-command")), path(&format!("{name}.json")));
        let out = by_command.to_str().unwrap();
        let report = json.to_str().unwrap();
        let code = command(&[
            "convert",
            "fixtures",
            "--include",
            "*.xml",
            "--to",
            name,
            "-o",
            out,
            "--report",
            report,
        ]);
        for threads in [1, 3] {
            let dir = path(&format!("{name}-{threads}"));
            let output = OutputOptions::tables(format, Output::Dir(dir.clone()));
            let options = ConvertOptions::default().with_job(job(threads));
            let report = ops::convert(&xml_files(), output, &options).unwrap();
            assert_eq!(exit_code(&report), code);
            assert_eq!(as_json(&report), read_json(&json));
            assert!(files(&dir) == files(&by_command), "{name} with {threads} threads");
        }
    }
}

#[test]
fn a_feed_is_that_of_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let (own, other) = (folder.path().join("a.jsonl"), folder.path().join("b.jsonl"));
    command(&["convert", "fixtures", "--include", "*.xml", "-o", other.to_str().unwrap()]);
    let output = OutputOptions::feed(Feed::Nested { events: false }, Output::File(own.clone()));
    ops::convert(&xml_files(), output, &ConvertOptions::default()).unwrap();
    assert!(fs::read(own).unwrap() == fs::read(other).unwrap());
}

#[test]
fn a_cancelled_job_leaves_no_file_and_keeps_the_one_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ports.csv");
    let output = OutputOptions::tables(TableFormat::Csv, Output::File(path.clone()))
        .with_tables([Table::Ports])
        .with_overwrite(true);
    let convert = |token: CancellationToken| {
        let (progress, recorded) = recorder(Some(token.clone()));
        let job = job(1).with_cancellation(token).with_progress(progress);
        let options = ConvertOptions::default().with_job(job);
        let report = ops::convert(&xml_files(), output.clone(), &options).unwrap();
        assert_eq!(JobStatus::from(&report), JobStatus::Cancelled);
        recorded
    };
    let recorded = convert(CancellationToken::new());
    assert_eq!(recorded.inputs.load(Ordering::Relaxed), 1);
    assert_eq!(*recorded.calls.lock().unwrap(), ["begin", "end"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    fs::write(&path, "old").unwrap();
    convert(CancellationToken::new());
    assert_eq!(fs::read(&path).unwrap(), b"old");
}

#[test]
fn progress_counts_each_byte_once() {
    for threads in [1, 3] {
        let (progress, recorded) = recorder(None);
        let options = ConvertOptions::default().with_job(job(threads).with_progress(progress));
        let report = ops::convert_into(&xml_files(), Discard, &options).unwrap();
        let totals = *recorded.totals.lock().unwrap();
        let len = |entry: fs::DirEntry| entry.metadata().unwrap().len();
        let xml = |entry: &fs::DirEntry| {
            Path::new(&entry.file_name()).extension().is_some_and(|extension| extension == "xml")
        };
        let entries = fs::read_dir("fixtures").unwrap().map(|entry| entry.unwrap()).filter(xml);
        assert_eq!(totals.bytes, Some(entries.map(len).sum()));
        assert_eq!(totals.inputs, recorded.inputs.load(Ordering::Relaxed));
        assert_eq!(recorded.bytes.load(Ordering::Relaxed), totals.bytes.unwrap());
        assert_eq!(*recorded.calls.lock().unwrap(), ["begin", "end"]);
        assert_eq!(report.inputs.len() as u64, totals.inputs);
    }
}

#[test]
fn outputs_that_would_replace_an_input_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    fs::copy("fixtures/01-tcp-connect-default.xml", &path).unwrap();
    let before = fs::read(&path).unwrap();
    let convert = |output: OutputOptions| {
        let output = output.with_overwrite(true);
        let inputs = Inputs::new([&path]);
        ops::convert(&inputs, output, &ConvertOptions::default()).unwrap_err().to_string()
    };
    let nested = Feed::Nested { events: false };
    let error = convert(OutputOptions::feed(nested, Output::File(path.clone())));
    assert!(error.starts_with("output ") && error.ends_with(" is an input"), "{error}");
    let tables = OutputOptions::tables(TableFormat::Csv, Output::Dir(folder.path().into()));
    assert!(convert(tables).contains("contains the input"));
    let history = OutputOptions::tables(TableFormat::Csv, Output::Dir(folder.path().join("x")));
    assert!(convert(history.with_tables([Table::PortHistory])).contains("no table port_history"));
    assert_eq!(fs::read(&path).unwrap(), before);
}
