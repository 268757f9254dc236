//! Copies of a scan: identical bytes, poorer and better copies, and different scans with the same ID.

use std::{fs, io::Write as _};

use proptest::prelude::*;
use scanmill::{
    dataset::Dataset,
    merge::{MergePolicy, Merger, Precedence},
    model::{EventSource as _, ScanEvent},
    ops::{self, IngestOptions, Inputs},
    xml::{Options, Reader},
};
use serde_json::{Value, json};

use super::{End, Place, Scan};

/// Returns the values of a column of a table, sorted.
fn values(place: &Place, table: &str, column: &str) -> Vec<String> {
    let start = format!("{table}/");
    let key = format!("{column}: \"");
    let mut values: Vec<_> = place
        .rows()
        .iter()
        .filter(|row| row.starts_with(&start))
        .map(|row| {
            let from = row.find(&key).unwrap() + key.len();
            row[from..].split('"').next().unwrap().to_owned()
        })
        .collect();
    values.sort_unstable();
    values
}

fn commits(place: &Place) -> usize {
    place.says(&["--list"]).lines().count() - 1
}

#[test]
fn loaded_documents_are_not_loaded_again_from_other_paths() {
    let place = Place::new();
    let xml = Scan::new(1, 5).xml();
    place.write("a.xml", &xml);
    let report = place.load(&[]);
    assert_eq!(report["ingest"]["loaded"], 1);
    let rows = place.rows();

    // The file itself is not even read.
    let report = place.load(&[]);
    assert_eq!(report["inputs"][0]["outcome"], "known");
    assert_eq!(commits(&place), 1);

    // The document under another name, compressed, and after another document.
    place.write("b.xml", &xml);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(xml.as_bytes()).unwrap();
    place.write("c.xml.gz", packed.finish().unwrap());
    place.write("d.xml", format!("{}{xml}", Scan::new(2, 1).xml()));
    let report = place.load(&[]);
    assert_eq!((&report["ingest"]["known"], &report["ingest"]["loaded"]), (&json!(2), &json!(1)));
    assert_eq!(values(&place, "scans", "source"), ["in/a.xml", "in/d.xml"]);
    assert!(rows.iter().all(|row| place.rows().contains(row)));

    // Now their digests are known, too.
    assert_eq!(commits(&place), 2);
    let outcomes = |report: &Value| -> Vec<Value> {
        report["inputs"].as_array().unwrap().iter().map(|input| input["outcome"].clone()).collect()
    };
    assert_eq!(outcomes(&place.load(&[])), ["known"; 4]);
    assert_eq!(commits(&place), 2);
}

#[test]
fn a_scan_that_grows_is_stored_once() {
    let place = Place::new();
    let whole = Scan::new(1, 9).xml();
    let mut loaded = Vec::new();
    for xml in [Scan::cut(1, 3).xml(), Scan::cut(1, 7).xml(), whole.clone(), Scan::cut(1, 8).xml()]
    {
        place.write("scan.xml", &xml);
        place.write("other.xml", Scan::new(2, 4).xml());
        let report = place.load(&[]);
        loaded.push((report["ingest"]["replaced"].clone(), values(&place, "hosts", "ip").len()));
    }
    assert_eq!(loaded, [(json!(0), 7), (json!(1), 11), (json!(1), 13), (json!(0), 13)]);

    let alone = Place::new();
    alone.write("scan.xml", &whole);
    alone.write("other.xml", Scan::new(2, 4).xml());
    alone.load(&[]);
    assert_eq!(place.rows(), alone.rows());
    // Files that were replaced stay until vacuum removes them.
    assert!(!place.says(&["--status"]).contains("orphans\t0\n"));
    place.says(&["--vacuum"]);
    assert!(place.says(&["--status"]).contains("orphans\t0\n"));
    assert_eq!(place.rows(), alone.rows());
}

#[test]
fn the_best_copy_wins_in_any_order_within_a_run() {
    let best = Scan::new(1, 9).xml();
    let expected = {
        let place = Place::new();
        place.write("best.xml", &best);
        place.load(&[]);
        let row = |row: &String| row.replace("in/best.xml", "");
        place.rows().iter().map(row).collect::<Vec<_>>()
    };
    let copies = [Scan::cut(1, 3).xml(), best.clone(), Scan::cut(1, 9).xml()];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]] {
        // In memory, and in files of their own because of their size.
        for size in ["64M", "1K"] {
            let place = Place::new();
            for (name, copy) in order.iter().enumerate() {
                place.write(&format!("{name}.xml"), &copies[*copy]);
            }
            let report = place.load(&["--commit-size", size]);
            let name = order.iter().position(|copy| *copy == 1).unwrap();
            let row = |row: &String| row.replace(&format!("in/{name}.xml"), "");
            let rows: Vec<_> = place.rows().iter().map(row).collect();
            assert_eq!(rows, expected, "{order:?} {size}");
            assert!(report["warnings"]["W_DUP_SCAN"]["count"].as_i64().unwrap() >= 1);
            let said = report["warnings"]["W_DUP_SCAN"]["detail"].as_str().unwrap();
            assert!(said.ends_with(&format!("the one in in/{name}.xml is used")), "{said}");
        }
    }
}

#[test]
fn finished_scans_with_the_same_id_and_other_hosts_are_kept_apart() {
    let first = Scan::new(1, 4);
    let other = Scan { last: 8443, ..Scan::new(1, 4) };
    for size in ["64M", "1K"] {
        let place = Place::new();
        place.write("a.xml", first.xml());
        place.load(&["--commit-size", size]);
        place.write("b.xml", other.xml());
        // Equals the first one apart from a comment, so it is no better.
        place.write("c.xml", format!("<!-- again -->{}", first.xml()));
        let report = place.load(&["--commit-size", size]);
        let collision = &report["warnings"]["W_ID_COLLISION"];
        assert_eq!((&collision["count"], &collision["input"]), (&json!(1), &json!("in/b.xml")));
        assert_eq!(report["ingest"]["no_better"], 1);
        let said = report["warnings"]["W_DUP_SCAN"]["detail"].as_str().unwrap();
        assert!(said.ends_with("the one in in/a.xml is used"), "{said}");

        let ids = values(&place, "scans", "scan_id");
        let sums = values(&place, "scans", "content_sha256");
        let [own, renamed] = ids.as_slice() else { panic!("{ids:?}") };
        assert_eq!(own.len(), 32);
        let suffix = renamed.strip_prefix(&format!("{own}-x")).unwrap();
        assert!(sums.iter().any(|sum| &sum[..8] == suffix), "{renamed} {sums:?}");
        // Everything below the scan has the new ID.
        for table in ["hosts", "ports", "services", "scripts"] {
            let hosts = values(&place, table, "host_id");
            let of_scan = |id: &str| {
                hosts.iter().filter(|host| host.rsplit_once("-h").unwrap().0 == id).count()
            };
            assert_eq!(of_scan(own), of_scan(renamed), "{table}");
            assert_eq!(of_scan(own) * 2, hosts.len(), "{table}");
        }

        // Both are known now. A truncated copy is a copy of whichever is loaded.
        place.write("d.xml", Scan::cut(1, 2).xml());
        let report = place.load(&["--commit-size", size]);
        assert_eq!(
            (&report["ingest"]["loaded"], &report["ingest"]["no_better"]),
            (&json!(0), &json!(1))
        );
        assert_eq!(values(&place, "scans", "scan_id"), ids);
    }
}

#[test]
fn a_refused_input_is_read_again() {
    let place = Place::new();
    let xml = Scan::new(1, 50).xml();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(xml.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    place.write("a.xml.gz", &packed[..packed.len() / 2]);
    let status = place.command(&["in"]).output().unwrap().status;
    assert_eq!(status.code(), Some(1));
    let hosts = values(&place, "hosts", "ip").len();
    assert!((1..50).contains(&hosts), "{hosts} hosts were whole");
    // The second time nothing is new, and the file is still broken.
    let again = place.command(&["in"]).output().unwrap();
    assert!(String::from_utf8_lossy(&again.stderr).contains("E_DECOMPRESS"));
    assert_eq!((values(&place, "hosts", "ip").len(), commits(&place)), (hosts, 1));

    place.write("a.xml.gz", &packed);
    assert_eq!(place.load(&[])["ingest"]["replaced"], 1);
    assert_eq!(values(&place, "hosts", "ip").len(), 50);
}

#[test]
fn a_dataset_is_not_created_in_a_folder_of_other_files() {
    let place = Place::new();
    place.write("a.xml", Scan::new(1, 1).xml());
    let ends = |args: &[&str]| place.command(args).output().unwrap().status.code();
    assert_eq!(ends(&["--list"]), Some(2));
    fs::create_dir(place.dataset()).unwrap();
    fs::write(place.dataset().join("notes.txt"), "mine").unwrap();
    assert_eq!(ends(&["in"]), Some(2));
    fs::remove_file(place.dataset().join("notes.txt")).unwrap();
    assert_eq!(ends(&["in"]), Some(0));
    // A log that has lost a commit is not mistaken for a shorter one.
    place.write("b.xml", Scan::new(2, 1).xml());
    assert_eq!(ends(&["in"]), Some(0));
    fs::remove_file(place.dataset().join("_scanmill/1.json")).unwrap();
    assert_eq!(ends(&["--files"]), Some(3));
    fs::write(place.dataset().join("_scanmill/1.json"), "{\"format\": 2}").unwrap();
    assert_eq!(ends(&["in"]), Some(3));
    fs::write(place.dataset().join("_scanmill/1.json"), "{\"format\":2,\"schema_version\":\"1\"}")
        .unwrap();
    assert_eq!(ends(&["in"]), Some(2));
}

#[test]
fn a_dataset_among_the_inputs_is_not_read() {
    let place = Place::new();
    place.write("a.xml", Scan::new(1, 2).xml());
    let dataset = place.input("dataset");
    for run in 0..2 {
        let mut command = place.command_into(&dataset, &["in", "-v"]);
        let stderr = String::from_utf8(command.output().unwrap().stderr).unwrap();
        assert!(!stderr.contains("skipped"), "{run}: {stderr}");
    }
    assert!(
        dataset.join("_scanmill/1.json").exists() && !dataset.join("_scanmill/2.json").exists()
    );
}

/// Returns the names of the documents that a merge uses, in order.
fn used_by_merge(documents: &[String]) -> Vec<String> {
    let mut merger = Merger::new(MergePolicy::new(Precedence::Latest));
    for (name, xml) in documents.iter().enumerate() {
        let mut reader = Reader::new(xml.as_bytes(), Options::default().with_hash(true));
        while let Some(event) = reader.next_event().unwrap() {
            match event {
                ScanEvent::Host(host) => merger.host(&host).unwrap(),
                ScanEvent::ScanEnd(record) => merger.end_scan(&format!("{name}.xml"), *record),
                _ => {}
            }
        }
    }
    let result = merger.finish().unwrap();
    result.scans().iter().filter(|scan| scan.used).map(|scan| scan.source.clone()).collect()
}

/// Returns the names of the documents that a dataset has after loading them in runs of `at_once`, in order.
fn kept_by_dataset(documents: &[String], at_once: usize) -> Vec<String> {
    let place = Place::in_memory();
    let names = (0..).map(|name| format!("{name}.xml"));
    let paths: Vec<_> = names.zip(documents).map(|(name, xml)| place.write(&name, xml)).collect();
    for run in paths.chunks(at_once) {
        ops::ingest(&Inputs::new(run), place.dataset(), &IngestOptions::default()).unwrap();
    }
    let mut replay = Dataset::open(&place.dataset()).unwrap().replay().unwrap();
    let mut kept = Vec::new();
    while let Some((source, event)) = replay.next_event().unwrap() {
        if matches!(event, ScanEvent::ScanEnd(_)) {
            kept.push(source.rsplit('/').next().unwrap().to_owned());
        }
    }
    kept
}

/// Document of the scan of one second: finished or not, with this number of hosts and this last port.
fn copy_of_a_scan() -> impl Strategy<Value = String> {
    (any::<bool>(), 0_u32..4, 0_u16..2, any::<u64>()).prop_map(|(is_cut, hosts, last, number)| {
        let end = if is_cut { End::Cut } else { End::Finished };
        let xml = Scan { last: 443 + last, end, ..Scan::new(1, hosts) }.xml();
        // Documents with equal bytes are one document.
        format!("<!-- {number} -->{xml}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_merge_and_a_dataset_use_the_same_copies(
        documents in prop::collection::vec(copy_of_a_scan(), 1..6),
        at_once in 1_usize..6,
    ) {
        prop_assert_eq!(used_by_merge(&documents), kept_by_dataset(&documents, at_once));
    }
}
