//! Jobs of the library on datasets: their results equal those of the command.

use std::fs;

use scanmill::{
    dataset::{Operation, TableOptions},
    error::{ErrorKind, Result},
    model::Timestamp,
    ops::{self, CancellationToken, CompactOptions, IngestOptions, Inputs, JobOptions, JobStatus},
    table::Table,
};

use super::{Place, Scan, files_below, rows_of};
use crate::support;

/// Options with a fixed time, so that logs can be compared.
fn options() -> IngestOptions {
    IngestOptions::default().with_time(Timestamp::from_seconds(1_700_000_000).unwrap())
}

/// A folder with all fixtures, a truncated copy and a file of another kind as inputs.
fn inputs() -> Place {
    let place = Place::new();
    for fixture in support::fixtures() {
        place.write(&fixture.name, &fixture.bytes);
    }
    place.write("cut.xml", Scan::cut(1, 4).xml());
    place.write("whole.xml", Scan::new(1, 9).xml());
    place.write("notes.txt", "mine");
    place
}

#[test]
fn loading_gives_the_dataset_and_the_report_of_the_command() {
    let place = inputs();
    let said = place.load(&[]);
    let dataset = place.0.path().join("by-library");
    let read = Inputs::new([place.input("")]);
    let report = ops::ingest(&read, &dataset, &options()).unwrap();
    assert_eq!(report.status(), JobStatus::Complete);
    let mut mine = serde_json::to_value(&report).unwrap();
    // The command was given a relative path.
    let text =
        mine.to_string().replace(place.input("").to_str().unwrap(), "in/").replace("in//", "in/");
    mine = serde_json::from_str(&text).unwrap();
    assert_eq!(mine["ingest"], said["ingest"]);
    assert_eq!(mine["rows"], said["rows"]);
    assert_eq!(mine["inputs"], said["inputs"]);
    let files = |dataset: &std::path::Path| ops::dataset::files(dataset, None).unwrap().len();
    assert_eq!(files(&dataset), files(&place.dataset()));
    assert_eq!(rows_of(&dataset).len(), place.rows().len());

    let again = ops::ingest(&read, &dataset, &options()).unwrap();
    assert_eq!((again.loaded.loaded, again.loaded.commits.len()), (0, 0));
    let commits = ops::dataset::commits(&dataset).unwrap().into_result().unwrap();
    assert!(commits.iter().all(|commit| commit.time == "2023-11-14T22:13:20Z"));
}

#[test]
fn a_damaged_dataset_still_answers_what_its_log_says() {
    let place = Place::new();
    place.write("a.xml", Scan::new(1, 3).xml());
    ops::ingest(&Inputs::new([place.input("")]), place.dataset(), &options()).unwrap();
    let rows = || {
        let batches = ops::dataset::table(place.dataset(), Table::Hosts, &TableOptions::default());
        batches.unwrap().map(|batch| batch.map(|batch| batch.num_rows())).sum::<Result<usize>>()
    };
    assert_eq!(rows().unwrap(), 3);
    let part = files_below(&place.dataset().join("hosts")).pop().unwrap();
    fs::write(part, "damaged").unwrap();
    let status = ops::dataset::status(place.dataset()).unwrap();
    assert!(status.value.documents == 1 && status.damage.is_some());
    let commits = ops::dataset::commits(place.dataset()).unwrap();
    assert!(commits.value.len() == 1 && commits.into_result().is_err());
    assert!(ops::dataset::files(place.dataset(), None).is_err());
    assert!(rows().is_err());
}

#[test]
fn maintenance_does_what_the_command_does() {
    let place = Place::new();
    for second in 0..4 {
        place.write("a.xml", Scan::new(second, 3).xml());
        ops::ingest(&Inputs::new([place.input("")]), place.dataset(), &options()).unwrap();
    }
    let rows = place.rows();
    let report = ops::dataset::compact(place.dataset(), &CompactOptions::default()).unwrap();
    assert!(report.made > 0 && report.removed > report.made, "{report:?}");
    assert_eq!(place.rows(), rows);
    let commits = ops::dataset::commits(place.dataset()).unwrap().into_result().unwrap();
    assert_eq!(commits.last().unwrap().operation, Operation::Compact);
    assert_eq!(place.says(&["--list"]).lines().count(), commits.len() + 1);

    let status = ops::dataset::status(place.dataset()).unwrap().value;
    assert_eq!(status.orphans.len() as u64, report.removed);
    let vacuumed = ops::dataset::vacuum(place.dataset()).unwrap();
    assert_eq!(vacuumed.files, report.removed);
    assert_eq!(place.rows(), rows);
}

#[test]
fn a_job_that_cannot_work_changes_nothing() {
    let place = Place::new();
    place.write("a.xml", Scan::new(1, 3).xml());
    let read = Inputs::new([place.input("")]);

    // An input cannot be the dataset, and a dataset in a folder that is read is left out.
    let error = ops::ingest(&read, place.input(""), &options()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Usage(_)), "{error}");
    let inside = place.input("dataset");
    for loaded in [1, 0] {
        assert_eq!(ops::ingest(&read, &inside, &options()).unwrap().loaded.loaded, loaded);
    }

    let token = CancellationToken::new();
    token.cancel();
    let job = JobOptions::default().with_cancellation(token);
    let cancelled = ops::ingest(&read, place.dataset(), &options().with_job(job)).unwrap();
    assert_eq!(cancelled.status(), JobStatus::Cancelled);
    assert_eq!(cancelled.loaded.commits, [0; 0]);
    assert!(!place.dataset().exists(), "a dataset without a commit is removed");

    let none = ops::ingest(&Inputs::new([place.input("none.xml")]), place.dataset(), &options());
    assert_eq!(none.unwrap().status(), JobStatus::NoInput);
    assert!(!place.dataset().exists());
    for error in [
        ops::dataset::status(place.dataset()).map(drop),
        ops::dataset::compact(place.dataset(), &CompactOptions::default()).map(drop),
        ops::dataset::vacuum(place.dataset()).map(drop),
    ] {
        assert!(matches!(error.unwrap_err().kind(), ErrorKind::Usage(_)));
    }
    assert!(!place.dataset().exists());
}
