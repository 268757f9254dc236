//! Compaction, left-over files, and what the readers of a dataset see meanwhile.

use std::fs;

use super::{Place, Scan, files_below};

#[test]
fn small_files_are_joined_and_no_row_changes() {
    let place = Place::new();
    // Several runs a date, so that partitions have several files.
    for run in 0..4 {
        for second in [0, 1, 2, 30] {
            place.write(&format!("{run}-{second}.xml"), Scan::new(second + 60 * run, 3).xml());
            place.write("same-day.xml", Scan::new(run % 3, 2 + run).xml());
        }
        place.load(&[]);
    }
    let (before, rows) = (place.says(&["--files"]), place.rows());
    place.says(&["--compact"]);
    let after = place.says(&["--files"]);
    assert_eq!(place.rows(), rows);
    assert!(after.lines().count() < before.lines().count(), "{before}\n{after}");
    let mut partitions: Vec<_> =
        after.lines().map(|path| path.rsplit_once('/').unwrap().0).collect();
    let all = partitions.len();
    partitions.dedup();
    assert_eq!(partitions.len(), all, "one file a table and date is left");
    // Again there is nothing to do, and loading goes on.
    let commits = place.says(&["--list"]).lines().count();
    place.says(&["--compact"]);
    assert_eq!(place.says(&["--list"]).lines().count(), commits);
    assert_eq!(place.load(&[])["ingest"]["loaded"], 0);

    place.says(&["--vacuum"]);
    assert_eq!(place.rows(), rows);
    assert_eq!(place.says(&["--files"]), after);
    let parts = files_below(&place.lake()).into_iter();
    let parts = parts.filter(|path| path.extension().is_some_and(|end| end == "parquet"));
    assert_eq!(parts.count(), after.lines().count());
}

#[test]
fn left_over_files_are_told_and_removed_and_others_let_alone() {
    let place = Place::new();
    place.write("a.xml", Scan::new(1, 3).xml());
    place.load(&[]);
    let rows = place.rows();
    let partition = place.lake().join("hosts/scan_date=1999-01-01");
    fs::create_dir(&partition).unwrap();
    fs::write(partition.join("part-0123.parquet"), "never committed").unwrap();
    fs::write(place.lake().join("_scanmill/staging/1-0.parquet"), "in the making").unwrap();
    fs::write(place.lake().join("README"), "mine").unwrap();
    let status = place.says(&["--status"]);
    for line in [
        "orphans\t2\n",
        "orphans.bytes\t28\n",
        "orphan\thosts/scan_date=1999-01-01/part-0123.parquet\n",
        "rows.hosts\t3\n",
        "documents\t1\n",
    ] {
        assert!(status.contains(line), "{line:?} is missing in {status}");
    }
    // What is in use is not taken away from whoever uses it.
    let lock = fs::File::open(place.lake().join("_scanmill/lock")).unwrap();
    lock.lock_shared().unwrap();
    let busy = place.command(&["--vacuum"]).output().unwrap();
    assert_eq!(busy.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&busy.stderr).contains("another run"));
    lock.unlock().unwrap();

    place.says(&["--vacuum"]);
    assert!(place.says(&["--status"]).contains("orphans\t0\n"));
    assert!(place.lake().join("README").exists() && !partition.exists());
    assert_eq!(place.rows(), rows);
}
