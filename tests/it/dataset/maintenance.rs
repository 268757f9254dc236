//! Compaction, vacuum, and the view of readers in the meantime.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use super::{Place, Scan, files_below};

/// A valid name for a part of a dataset.
const PART: &str = "part-0123456789abcdef0123456789abcdef.parquet";

/// Returns a file of the dataset.
fn a_part(place: &Place) -> PathBuf {
    place.dataset().join(place.says(&["--files", "--table", "hosts"]).lines().next().unwrap())
}

#[test]
fn small_files_are_compacted_and_no_row_changes() {
    let place = Place::new();
    // Several runs per date, so that partitions have several files.
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
    assert_eq!(partitions.len(), all, "one file per table and date is left");
    // The second time there is nothing to do, and loading still works.
    let commits = place.says(&["--list"]).lines().count();
    place.says(&["--compact"]);
    assert_eq!(place.says(&["--list"]).lines().count(), commits);
    assert_eq!(place.load(&[])["ingest"]["loaded"], 0);

    place.says(&["--vacuum"]);
    assert_eq!(place.rows(), rows);
    assert_eq!(place.says(&["--files"]), after);
    let parts = files_below(&place.dataset()).into_iter();
    let parts = parts.filter(|path| path.extension().is_some_and(|end| end == "parquet"));
    assert_eq!(parts.count(), after.lines().count());
}

#[test]
fn orphans_are_reported_and_removed_and_other_files_are_kept() {
    let place = Place::new();
    place.write("a.xml", Scan::new(1, 3).xml());
    place.load(&[]);
    let rows = place.rows();
    let partition = place.dataset().join("hosts/scan_date=1999-01-01");
    fs::create_dir(&partition).unwrap();
    let never = partition.join(PART);
    let bytes = fs::copy(a_part(&place), &never).unwrap();
    fs::write(place.dataset().join("_scanmill/staging/1-0.parquet"), "PAR1 in the making").unwrap();
    fs::write(place.dataset().join("README"), "mine").unwrap();
    let status = place.says(&["--status"]);
    for line in [
        "orphans\t2\n",
        &format!("orphans.bytes\t{}\n", bytes + 18),
        &format!("orphan\thosts/scan_date=1999-01-01/{PART}\n"),
        "rows.hosts\t3\n",
        "documents\t1\n",
    ] {
        assert!(status.contains(line), "{line:?} is missing in {status}");
    }
    // Files in use are not removed.
    let lock = fs::File::open(place.dataset().join("_scanmill/lock")).unwrap();
    lock.lock_shared().unwrap();
    let busy = place.command(&["--vacuum"]).output().unwrap();
    assert_eq!(busy.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&busy.stderr).contains("another run"));
    lock.unlock().unwrap();

    place.says(&["--vacuum"]);
    assert!(place.says(&["--status"]).contains("orphans\t0\n"));
    assert!(place.dataset().join("README").exists() && !partition.exists());
    assert_eq!(place.rows(), rows);
}

#[test]
fn vacuum_removes_only_files_of_scanmill_and_follows_no_links() {
    let place = Place::new();
    place.write("a.xml", Scan::new(1, 3).xml());
    place.load(&[]);
    let (dataset, ours) = (place.dataset(), a_part(&place));
    let outside = place.0.path().join("outside");
    fs::create_dir_all(outside.join("scan_date=1999-01-01")).unwrap();
    fs::copy(&ours, outside.join("scan_date=1999-01-01").join(PART)).unwrap();
    fs::copy(&ours, outside.join(PART)).unwrap();
    fs::write(outside.join("1-0.parquet"), "PAR1").unwrap();
    let partition = dataset.join("ports/scan_date=1999-01-01");
    fs::create_dir(&partition).unwrap();
    let whole = fs::read(&ours).unwrap();
    // A valid file that something else wrote, and a file that only has a valid name.
    let place_of = |text: &[u8]| whole.windows(text.len()).rposition(|part| part == text).unwrap();
    let mut other = whole.clone();
    let at = place_of(b"scanmill 0.");
    other[at..at + 8].copy_from_slice(b"otherone");
    fs::write(partition.join(PART), &other).unwrap();
    let mut other = whole.clone();
    let at = place_of(b"scanmill.schema_version");
    other[at..at + 8].copy_from_slice(b"otherone");
    fs::write(partition.join(PART.replace('0', "1")), &other).unwrap();
    fs::write(partition.join(PART.replace('0', "2")), "my notes").unwrap();
    fs::write(partition.join(PART.replace('0', "3")), &whole[..whole.len() - 9]).unwrap();
    fs::copy(&ours, partition.join("part-mine.parquet")).unwrap();
    fs::copy(&ours, partition.join("mine.parquet")).unwrap();
    symlink(&ours, partition.join(PART.replace('0', "4"))).unwrap();
    fs::create_dir(dataset.join("hosts/mine")).unwrap();
    fs::copy(&ours, dataset.join("hosts/mine").join(PART)).unwrap();
    symlink(outside.join("scan_date=1999-01-01"), dataset.join("hosts/scan_date=1999-01-01"))
        .unwrap();
    let staging = dataset.join("_scanmill/staging");
    for name in ["notes.txt", "1-0.txt", "a-0.parquet", "1-0.parquet", "2-0.json"] {
        fs::write(staging.join(name), "my notes").unwrap();
    }
    symlink(&ours, staging.join("3-0.parquet")).unwrap();
    let before = files_below(place.0.path());
    assert!(place.says(&["--status"]).contains("orphans\t0\n"));
    place.says(&["--vacuum"]);
    // Loading removes temporary files of killed runs, but not these.
    place.load(&[]);
    assert_eq!(files_below(place.0.path()), before);
    // A table or the folder of temporary files that is a link is not touched either.
    fs::rename(&staging, outside.join("staging")).unwrap();
    symlink(outside.join("staging"), &staging).unwrap();
    fs::write(outside.join("staging/9-0.parquet"), "PAR1").unwrap();
    place.says(&["--vacuum"]);
    assert!(outside.join("staging/9-0.parquet").exists());
}

#[test]
fn a_dataset_is_created_at_the_target_of_a_link() {
    let place = Place::new();
    place.write("a.xml", Scan::new(1, 2).xml());
    let disk = place.0.path().join("disk");
    symlink(disk.join("real"), place.dataset()).unwrap();
    let refused = place.command(&["in"]).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("is a link to") && said.contains("there is no folder"), "{said}");
    assert!(!disk.exists());
    fs::create_dir(&disk).unwrap();
    // Without a scan nothing is left, and the link stays.
    let junk = place.0.path().join("junk");
    fs::write(&junk, "junk").unwrap();
    let ran = place.command(&["junk"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(3));
    assert_eq!(fs::read_dir(&disk).unwrap().count(), 0);
    assert!(fs::symlink_metadata(place.dataset()).unwrap().is_symlink());
    place.load(&[]);
    assert!(disk.join("real/_scanmill/1.json").is_file());
    assert_eq!(place.rows().len(), place.rows().len().max(3));
}
