use std::fs;

use scanmill::{
    error::{DiagnosticCode, Result},
    feed::ecs::Ecs,
    format::TableFormat,
    model::{ComparedScans, HostChanges},
    ops::{
        self, CancellationToken, ChangesWriter, DiffOptions, DiffOutcome, Inputs, OutputOptions,
    },
    output::Output,
};

use super::{DAYS, command, job, recorder};

fn days() -> [Inputs; 2] {
    DAYS.map(|day| Inputs::new([day]))
}

#[test]
fn differences_are_those_of_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let [old, new] = days();
    let file = |name: &str| Output::File(path(name));
    for (to, name, output) in [
        ("csv", "a.csv", OutputOptions::tables(TableFormat::Csv, file("b.csv"))),
        ("jsonl", "a.jsonl", OutputOptions::tables(TableFormat::Jsonl, file("b.jsonl"))),
        ("parquet", "a.parquet", OutputOptions::tables(TableFormat::Parquet, file("b.parquet"))),
        ("ecs", "a.ecs.jsonl", OutputOptions::feed(Ecs::default().into(), file("b.ecs.jsonl"))),
    ] {
        let by_command = path(name);
        let out = by_command.to_str().unwrap();
        assert_eq!(command(&["diff", DAYS[0], DAYS[1], "--all", "--to", to, "-o", out]), 1);
        let report = ops::diff(&old, &new, output, &DiffOptions::default()).unwrap();
        assert_eq!(report.outcome, DiffOutcome::Compared);
        assert!(report.changes > 0 && report.hosts > 0);
        let own = fs::read(path(&name.replacen('a', "b", 1))).unwrap();
        assert!(own == fs::read(&by_command).unwrap(), "{to}");
    }
}

/// Counts hosts and differences.
#[derive(Default)]
struct Counter<'c> {
    counts: (u64, u64),
    finished: Option<&'c mut (u64, u64)>,
}

impl ChangesWriter for Counter<'_> {
    fn host(&mut self, host: &HostChanges, scans: &ComparedScans) -> Result<()> {
        assert_eq!(scans.headers.len(), 2);
        self.counts.0 += 1;
        self.counts.1 += host.changes.len() as u64;
        Ok(())
    }

    fn finish(self) -> Result<()> {
        *self.finished.unwrap() = self.counts;
        Ok(())
    }
}

#[test]
fn differences_come_to_a_writer_or_one_by_one() {
    let [old, new] = days();
    let options = DiffOptions::default().with_job(job(2));
    let mut counts = (0, 0);
    let counter = Counter { finished: Some(&mut counts), ..Counter::default() };
    let report = ops::diff_into(&old, &new, counter, &options).unwrap();
    assert_eq!(counts, (report.hosts, report.changes + report.not_scanned));
    let mut changes = ops::changes(&old, &new, &options).unwrap();
    let each: Vec<HostChanges> = (&mut changes).map(|host| host.unwrap()).collect();
    assert_eq!(each.len() as u64, report.hosts);
    assert_eq!(changes.report().changes, report.changes);
    assert!(ops::changes(&old, &old, &options).unwrap().next().is_none());
}

#[test]
fn states_that_cannot_be_compared_are_told_by_the_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.csv");
    let [old, new] = days();
    let none = folder.path().join("none");
    fs::create_dir(&none).unwrap();
    let empty = Inputs::new([&none]);
    let missing = Inputs::new([folder.path().join("missing.xml")]);
    // Skipped files of an empty state are not its error.
    fs::write(none.join("notes.txt"), "no scan").unwrap();
    for (old, new, outcome, code) in [
        (&old, &missing, DiffOutcome::Refused, DiagnosticCode::Io),
        (&missing, &new, DiffOutcome::Refused, DiagnosticCode::Io),
        (&old, &empty, DiffOutcome::NoScan, DiagnosticCode::NotNmap),
        (&empty, &missing, DiffOutcome::NoScan, DiagnosticCode::NotNmap),
    ] {
        let output = OutputOptions::tables(TableFormat::Csv, Output::File(out.clone()));
        let report = ops::diff(old, new, output, &DiffOptions::default()).unwrap();
        assert_eq!(report.outcome, outcome);
        let error = ops::changes(old, new, &DiffOptions::default()).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.input().is_some(), "{error}");
    }
    let token = CancellationToken::new();
    let (progress, recorded) = recorder(Some(token.clone()));
    let job = job(1).with_cancellation(token).with_progress(progress);
    let output = OutputOptions::tables(TableFormat::Csv, Output::File(out));
    let report = ops::diff(&old, &new, output, &DiffOptions::default().with_job(job)).unwrap();
    assert_eq!((report.outcome, report.new.is_none()), (DiffOutcome::Cancelled, true));
    assert_eq!(*recorded.calls.lock().unwrap(), ["begin", "end"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    // An input that was refused before is not the reason why there are no differences.
    let token = CancellationToken::new();
    let (progress, _) = recorder(Some(token.clone()));
    let job = self::job(1).with_cancellation(token).with_progress(progress);
    let options = DiffOptions::default().with_job(job);
    let both = Inputs::new([folder.path().join("missing.xml"), DAYS[0].into()]);
    let error = ops::changes(&both, &new, &options).unwrap_err();
    assert_eq!(error.code(), DiagnosticCode::Cancelled, "{error}");
}
