//! Written documents are not written again: copies, files that grow, truncated files.

use std::fs;

use flate2::{Compression, write::GzEncoder};

use super::{Place, expected, id, scan};

fn ids(place: &Place) -> Vec<String> {
    place.lines().iter().map(id).collect()
}

#[test]
fn copies_under_any_name_and_compression_add_nothing() {
    let place = Place::new();
    place.put("a.xml", scan(1, 3));
    place.once(&[]);
    assert_eq!(ids(&place), expected(1, 3));
    fs::rename(place.path("in/a.xml"), place.path("in/b.xml")).unwrap();
    fs::create_dir(place.path("in/deeper")).unwrap();
    place.put("deeper/c.xml", scan(1, 3));
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut packed, scan(1, 3).as_bytes()).unwrap();
    place.put("d.xml.gz", packed.finish().unwrap());
    // Other bytes for the same scan with the same hosts.
    place.put("e.xml", scan(1, 3).replace("?>\n", "?>\n\n"));
    place.once(&[]);
    assert_eq!(ids(&place), expected(1, 3));
}

#[test]
fn a_file_that_grew_gives_its_new_documents() {
    let place = Place::new();
    place.put("a.xml", scan(1, 3));
    place.once(&[]);
    place.put("a.xml", scan(1, 3) + &scan(2, 2));
    place.once(&[]);
    assert_eq!(ids(&place), [expected(1, 3), expected(2, 2)].concat());
}

#[test]
fn a_truncated_scan_adds_its_new_hosts_as_it_grows() {
    let whole = scan(1, 5);
    let ends: Vec<usize> =
        whole.match_indices("</host>").map(|(at, text)| at + text.len()).collect();
    let all = expected(1, 5);
    let place = Place::new();
    place.put("a.xml", &whole[..ends[1]]);
    place.once(&[]);
    // The scan itself is written, too, as truncated.
    assert_eq!(ids(&place), [&all[..2], &all[5..]].concat());
    assert_eq!(place.lines()[2]["truncated"], true);
    // The fourth host is truncated, so it comes again when it is complete.
    place.put("a.xml", &whole[..ends[2] + 30]);
    place.once(&[]);
    assert_eq!(ids(&place)[3..], [&all[2..4], &all[5..]].concat());
    place.put("a.xml", &whole);
    place.once(&[]);
    let lines = place.lines();
    let last: Vec<_> = lines[6..].iter().map(id).collect();
    assert_eq!(last, all[3..]);
    assert_eq!((&lines[4]["complete"], &lines[6]["complete"]), (&false.into(), &true.into()));
    for done in &all[..3] {
        assert_eq!(lines.iter().filter(|line| id(line) == *done).count(), 1);
    }
    // A poorer copy adds nothing.
    place.put("b.xml", &whole[..ends[3]]);
    place.once(&[]);
    assert_eq!(place.lines(), lines);
}

#[test]
fn two_different_finished_scans_with_the_same_id_are_both_written() {
    let place = Place::new();
    place.put("a.xml", scan(1, 2));
    place.once(&[]);
    place.put("b.xml", scan(1, 2).replace("192.0.2.", "198.51.100."));
    place.once(&[]);
    assert_eq!(place.lines().len(), 6);
    assert_eq!(place.lines()[3]["ip"], "198.51.100.0");
}

#[test]
fn an_archive_gives_each_of_its_documents_once() {
    let place = Place::new();
    let mut tar = tar::Builder::new(Vec::new());
    for number in [1, 2, 1, 3] {
        let xml = scan(number, number);
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(xml.len()).unwrap());
        header.set_cksum();
        tar.append_data(&mut header, format!("{number}.xml"), xml.as_bytes()).unwrap();
    }
    place.put("all.tar", tar.into_inner().unwrap());
    place.put("0.xml", scan(2, 2));
    place.once(&[]);
    assert_eq!(ids(&place), [expected(2, 2), expected(1, 1), expected(3, 3)].concat());
}
