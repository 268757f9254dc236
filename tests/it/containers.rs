//! Compressed files and archives give the rows of the plain files, and hostile ones do no harm.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use flate2::{Compression, write::GzEncoder};
use scanmill::{
    format::Discard,
    limits::Limits,
    pipeline::{Filters, InputReport, Outcome, Pipeline, Report},
    source::{self, PathFilter},
    xml::Options,
};
use serde_json::Value;

use crate::support::{fixture, fixtures, rows_of};

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bz2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

type Files = [(String, Vec<u8>)];

fn tar(files: &Files) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len().try_into().unwrap());
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &**bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip(files: &Files) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        writer.start_file(name.as_str(), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Returns all fixtures, and a file that is not nmap XML.
fn plain() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> =
        fixtures().into_iter().map(|fixture| (fixture.name, fixture.bytes)).collect();
    files.push(("notes.txt".into(), b"no scan".to_vec()));
    files
}

fn read(path: &Path, limits: Limits) -> Report {
    read_picked(path, limits, &PathFilter::default())
}

fn read_picked(path: &Path, limits: Limits, pick: &PathFilter) -> Report {
    let options = Options::default().with_limits(limits);
    let stop = Arc::new(AtomicBool::new(false));
    let mut pipeline = Pipeline::new(options, Filters::default(), Discard, stop);
    for input in source::discover(&[path.to_owned()], &PathFilter::default()) {
        pipeline.read(&input.unwrap(), pick).unwrap();
    }
    pipeline.finish().unwrap()
}

/// Reads bytes as a file.
fn read_bytes(bytes: &[u8], limits: Limits) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("input");
    fs::write(&file, bytes).unwrap();
    read(&file, limits)
}

/// Returns all rows, without the names of their sources.
fn sourceless(path: &Path) -> Vec<Value> {
    let mut rows = rows_of(path);
    for row in &mut rows {
        row.as_object_mut().unwrap().remove("source");
    }
    rows
}

#[test]
fn every_container_gives_the_rows_of_the_plain_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let files = plain();
    fs::create_dir(at("plain")).unwrap();
    for (name, bytes) in &files {
        fs::write(at("plain").join(name), bytes).unwrap();
    }
    let expected = sourceless(&at("plain"));
    assert!(expected.len() > 2000);
    let packed = |pack: fn(&[u8]) -> Vec<u8>| -> Vec<(String, Vec<u8>)> {
        files.iter().map(|(name, bytes)| (format!("2024/{name}.packed"), pack(bytes))).collect()
    };
    for (name, bytes) in [
        ("files.tar", tar(&files)),
        ("files.tar.gz", gz(&tar(&files))),
        ("files.tar.bz2", bz2(&tar(&files))),
        ("files.tar.xz", xz(&tar(&files))),
        ("files.tar.zst", zst(&tar(&files))),
        ("files.zip", zip(&files)),
        ("gz.tar", tar(&packed(gz))),
        ("bz2.zip", zip(&packed(bz2))),
        ("xz.tar.gz", gz(&tar(&packed(xz)))),
        ("zip.tar.gz", gz(&tar(&[("inner.zip".into(), zip(&packed(zst)))]))),
    ] {
        fs::write(at(name), bytes).unwrap();
        assert!(sourceless(&at(name)) == expected, "{name} gives other rows");
        let report = read(&at(name), Limits::default());
        assert_eq!(report.count(Outcome::Skipped), 1, "{name}");
    }
    let sources = rows_of(&at("zip.tar.gz"));
    let source = sources.iter().rev().find_map(|row| row["source"].as_str()).unwrap();
    let inside = source.strip_prefix(at("zip.tar.gz").to_str().unwrap()).unwrap();
    assert_eq!(inside, "!inner.zip!2024/51-masscan-banners.xml.packed");
}

#[test]
fn members_of_one_compressed_file_are_concatenated() {
    let bytes = fixture("04-").bytes;
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    let whole = read_bytes(&bytes, Limits::default()).counts;
    for pack in [gz, bz2, xz, zst] {
        // Tapes are padded with zeros.
        let packed = [pack(head), pack(tail), vec![0; 512]].concat();
        let report = read_bytes(&packed, Limits::default());
        assert_eq!((report.counts, report.errors.len()), (whole, 0));
    }
    let skipped = b"\x50\x2a\x4d\x18\x04\0\0\0size".to_vec();
    let report = read_bytes(&[skipped, zst(&bytes)].concat(), Limits::default());
    assert_eq!((report.counts, report.errors.len()), (whole, 0));
}

#[test]
fn a_compressed_file_that_is_truncated_or_followed_by_junk_keeps_its_whole_part() {
    let bytes = fixture("03-").bytes;
    for pack in [gz, bz2, xz, zst] {
        let packed = pack(&bytes);
        let cut = read_bytes(&packed[..packed.len() - 5], Limits::default());
        assert_eq!(cut.count(Outcome::Refused), 1);
        let message = cut.errors[0].to_string();
        assert!(message.contains("E_DECOMPRESS"), "{message}");
        let junk = read_bytes(&[&packed, &b"junk after it"[..]].concat(), Limits::default());
        assert_eq!(junk.count(Outcome::Refused), 1);
        assert_eq!(junk.counts.hosts, 64);
    }
}

#[test]
fn one_bad_member_never_stops_the_rest() {
    let good = fixture("01-").bytes;
    let mut bad = gz(&good);
    bad.truncate(20);
    let files = [
        ("a.xml".into(), good.clone()),
        ("bad.xml.gz".into(), bad),
        ("x.rar".into(), b"Rar!\x1a\x07\x01\0".to_vec()),
        ("z.xml".into(), good),
    ];
    for bytes in [tar(&files), zip(&files)] {
        let report = read_bytes(&bytes, Limits::default());
        let outcomes: Vec<_> = report.inputs.iter().map(|input| input.outcome).collect();
        assert_eq!(outcomes, [Outcome::Read, Outcome::Refused, Outcome::Refused, Outcome::Read]);
        assert!(report.errors[0].to_string().contains("input!bad.xml.gz: E_DECOMPRESS"));
        assert!(report.errors[1].to_string().contains("RAR"));
    }
    // A truncated tar archive is reported, and the members before the cut are kept.
    let cut = tar(&files);
    let report = read_bytes(&cut[..cut.len() - 5000], Limits::default());
    assert!(report.counts.scans >= 1 && report.count(Outcome::Refused) >= 1);
}

/// Returns a zip archive as written to a stream: sizes and checksums follow the members.
fn streamed_zip(files: &Files) -> Vec<u8> {
    streamed_zip_as(zip::CompressionMethod::Deflated, files)
}

fn streamed_zip_as(method: zip::CompressionMethod, files: &Files) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new_stream(Vec::new());
    for (name, bytes) in files {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file(name.as_str(), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_truncated_zip_archive_is_read_by_local_headers() {
    let files = three();
    let whole = read_bytes(&tar(&files), Limits::default()).counts;
    let stored = |files: &Files| streamed_zip_as(zip::CompressionMethod::Stored, files);
    // Nested archives: their records must not be taken for those of the outer archive.
    let nested: Vec<_> = files
        .iter()
        .map(|file| (format!("{}.zip", file.0), stored(std::slice::from_ref(file))))
        .collect();
    let plain_names = ["01-.xml", "03-.xml", "08-.xml"].map(str::to_owned);
    let nested_names = plain_names.each_ref().map(|name| format!("{name}.zip!{name}"));
    for (kind, archive, names) in [
        ("known lengths", zip(&files), &plain_names),
        ("streamed", streamed_zip(&files), &plain_names),
        ("stored", stored(&files), &plain_names),
        ("nested", stored(&nested), &nested_names),
        ("nested with known lengths", stored_zip(&nested), &nested_names),
        ("nested after a program", [b"#!/bin/sh\n", &*stored(&nested)].concat(), &nested_names),
    ] {
        let list = entries(&archive).into_iter().nth_back(2).unwrap();
        for cut in [archive.len() - 30, list + 10, list] {
            for bytes in [archive[..cut].to_vec(), gz(&archive[..cut])] {
                let report = read_bytes(&bytes, Limits::default());
                assert_eq!(report.counts, whole, "{kind} cut at {cut}");
                assert_eq!(read_names(&report), names, "{kind} cut at {cut}");
                let [error] = &*report.errors else { panic!("{kind}: {:?}", report.errors) };
                let message = error.to_string();
                assert!(message.contains("list of members is missing"), "{kind}: {message}");
            }
        }
        // The cut is in the last member, whose beginning is read.
        let is_plain = matches!(kind, "known lengths" | "streamed");
        let report =
            read_bytes(&archive[..list - if is_plain { 200 } else { 2200 }], Limits::default());
        assert!(report.count(Outcome::Read) >= 2, "{kind}");
        // Of its three hosts, some come before the cut.
        assert!(report.counts.hosts > 65 && report.counts.hosts < whole.hosts, "{kind}");
        assert!(report.errors.iter().any(|error| error.to_string().contains("cut off")), "{kind}");
    }
}

/// Returns a zip archive of members that are not compressed, whose headers have their lengths.
fn stored_zip(files: &Files) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        writer.start_file(name.as_str(), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Returns the names of the inputs that were read, inside the archive.
fn read_names(report: &Report) -> Vec<String> {
    let read = report.inputs.iter().filter(|input| input.outcome == Outcome::Read);
    read.map(|input| input.name.split_once('!').unwrap().1.to_owned()).collect()
}

#[test]
fn the_end_of_a_zip_member_is_found_if_its_contents_are_not_read() {
    let mut large = b"a log ".repeat(7_000);
    // Records that are not those of the archive.
    large[20_100..20_104].copy_from_slice(b"PK\x07\x08");
    large[30_000..30_004].copy_from_slice(b"PK\x03\x04");
    let files = [
        vec![("a.log".into(), large), ("b/".into(), Vec::new())],
        vec![("b.xml".into(), [fixture("08-").bytes, vec![b' '; 30_000]].concat())],
        vec![("c.zip".into(), stored_zip(&three()[..1]))],
        three(),
    ]
    .concat();
    let limits = Limits::default().with_max_decompressed_bytes(20_000);
    let whole = read_bytes(&tar(&three()), limits.clone()).counts;
    assert!(whole.hosts >= 2);
    let pick = PathFilter::new(&["0*.xml".into()], &[]).unwrap();
    for (kind, archive) in [
        ("stored", streamed_zip_as(zip::CompressionMethod::Stored, &files)),
        ("deflated", streamed_zip(&files)),
        ("known lengths", stored_zip(&files)),
    ] {
        let list = entries(&archive).into_iter().nth_back(files.len() - 1).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("input");
        fs::write(&file, &archive[..list]).unwrap();
        let report = read_picked(&file, Limits::default(), &pick);
        assert_eq!(read_names(&report), ["01-.xml", "03-.xml", "08-.xml"], "{kind}");
        assert_eq!(report.errors.len(), 1, "{kind}: {:?}", report.errors);
        let report = read(&file, limits.clone());
        let names = read_names(&report);
        assert_eq!(names, ["c.zip!01-.xml", "01-.xml", "03-.xml", "08-.xml"], "{kind}");
    }
}

#[test]
fn a_zip_archive_that_is_cut_off_after_a_complete_one_is_reported() {
    let files = three();
    let cut = |archive: Vec<u8>| archive[..entries(&archive)[0]].to_vec();
    let [one, rest] = [zip(&files[..1]), cut(streamed_zip(&files[1..]))];
    for bytes in [[&*one, &rest].concat(), [&*rest, &one].concat()] {
        let report = read_bytes(&bytes, Limits::default());
        assert_eq!((report.count(Outcome::Read), report.counts.scans), (3, 3));
        let [error] = &*report.errors else { panic!("{:?}", report.errors) };
        assert!(error.to_string().contains("list of members is missing"), "{error}");
    }
}

#[test]
fn damage_in_a_zip_archive_that_is_cut_ends_one_member_only() {
    let files = three();
    let whole = read_bytes(&tar(&files), Limits::default()).counts;
    for method in [zip::CompressionMethod::Deflated, zip::CompressionMethod::Stored] {
        let archive = streamed_zip_as(method, &files);
        let headers = archive.windows(4).enumerate().filter(|(_, four)| *four == b"PK\x03\x04");
        let starts: Vec<_> = headers.map(|(at, _)| at).collect();
        let list = entries(&archive)[0];
        // Bytes of the first member, and junk between two.
        let mut damaged = archive[..list].to_vec();
        damaged[starts[1] - 600..starts[1] - 500].fill(b'P');
        let report = read_bytes(&damaged, Limits::default());
        assert!(report.counts.hosts >= 65 + 2, "{method:?}: {:?}", report.counts);
        assert!(!report.errors.is_empty());
        let junk = [&archive[..starts[1]], b"PK\x03junk", &archive[starts[1]..list]].concat();
        let report = read_bytes(&junk, Limits::default());
        assert_eq!(report.counts, whole, "{method:?}");
        assert!(report.errors[0].to_string().contains("list of members is missing"));
    }
}

#[test]
fn zip_archives_among_other_bytes_are_read() {
    let files = three();
    let whole = read_bytes(&tar(&files), Limits::default()).counts;
    let large = [b"#!/bin/sh\n", &*vec![b'#'; 200_000]].concat();
    let entries_of = |archive: &[u8], shift: usize| {
        // As `zip -A` does: the list counts from the beginning of the file.
        let mut archive = archive.to_vec();
        let end = archive.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap();
        let fields = entries(&archive).into_iter().map(|at| at + 42).chain([end + 16]);
        for at in fields.collect::<Vec<_>>() {
            let offset = u32::from_le_bytes(archive[at..at + 4].try_into().unwrap());
            let offset = offset + u32::try_from(shift).unwrap();
            archive[at..at + 4].copy_from_slice(&offset.to_le_bytes());
        }
        archive
    };
    for archive in [zip(&files), streamed_zip(&files)] {
        for before in [b"seventeen bytes.\n".to_vec(), b"MZ\x90\0".repeat(10), large.clone()] {
            for adjusted in [archive.clone(), entries_of(&archive, before.len())] {
                let bytes = [&*before, &adjusted, &[0; 700]].concat();
                let report = read_bytes(&bytes, Limits::default());
                assert_eq!((report.counts, report.errors.len()), (whole, 0), "{:?}", report.errors);
                // The other bytes count as one more file, which is not a scan.
                assert_eq!(report.count(Outcome::Skipped), 1);
                if before.starts_with(b"#!") {
                    let packed = read_bytes(&gz(&bytes), Limits::default());
                    assert_eq!((packed.counts, packed.errors.len()), (whole, 0));
                }
            }
        }
        // Scans before and after the archive are read, too.
        let scan = fixture("01-").bytes;
        let bytes = [b"log\n", &*scan, &archive, &scan].concat();
        let report = read_bytes(&bytes, Limits::default());
        assert_eq!(report.counts.hosts, whole.hosts + 2);
    }
    // A program without an archive is not a scan.
    for bytes in
        [large.clone(), b"MZ and nothing".to_vec(), [&*large, b"PK\x05\x06", &[0; 18]].concat()]
    {
        for bytes in [gz(&bytes), bytes] {
            let report = read_bytes(&bytes, Limits::default());
            assert_eq!((report.count(Outcome::Refused), report.errors.len()), (1, 1));
            assert!(report.errors[0].to_string().contains("E_NOT_NMAP"), "{:?}", report.errors);
        }
    }
}

/// Returns what a report says, without the name of the input.
fn said(report: &Report) -> (String, Vec<String>) {
    // A member that was left out is named in the text of the error.
    let folder = regex::Regex::new("/[^ ]*/input").unwrap();
    let errors = report.errors.iter().map(ToString::to_string);
    let errors = errors.map(|text| folder.replace_all(&text, "").into_owned()).collect();
    let mut warnings = report.warnings.clone();
    for warning in warnings.values_mut() {
        warning.input = warning.input.split_once("/input").unwrap().1.to_owned();
    }
    (format!("{:?} {warnings:?}", report.counts), errors)
}

#[test]
fn a_damaged_zip_archive_gives_the_same_in_a_file_and_in_a_stream() {
    let mut seed = 88_172_645_463_325_252_u64;
    let mut below = |most: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(most).unwrap()).unwrap()
    };
    // More than is read at once.
    let files = [
        three(),
        vec![("d.txt".into(), (0..90_000).map(|_| u8::try_from(below(256)).unwrap()).collect())],
    ];
    let files = files.concat();
    let mut wide = zip(&files);
    let end = wide.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap();
    let locator = [&b"PK\x06\x07"[..], &[0; 4], &[0xff; 8], &[1, 0, 0, 0]].concat();
    wide.splice(end..end, locator);
    for archive in [zip(&files), streamed_zip(&files), wide] {
        let list = entries(&archive)[0];
        for _ in 0..60 {
            let mut damaged = archive.clone();
            for _ in 0..=below(3) {
                let at = match below(4) {
                    0 => below(damaged.len()),
                    _ => list + below(damaged.len() - list),
                };
                damaged[at] = [0, 0xff, 0x7f, 1][below(4)];
            }
            if below(8) == 0 {
                damaged.truncate(below(damaged.len()));
            }
            let file = said(&read_bytes(&damaged, Limits::default()));
            let stream = said(&read_bytes(&gz(&damaged), Limits::default()));
            assert_eq!(file, stream);
        }
    }
}

#[test]
fn members_of_the_same_name_are_all_read() {
    let files: Vec<_> = [("a.xml", "01-"), ("b.xml", "03-")]
        .map(|(name, start)| (name.to_owned(), fixture(start).bytes))
        .into();
    let mut bytes = zip(&files);
    let renamed: Vec<_> = bytes
        .windows(5)
        .enumerate()
        .filter(|(_, name)| *name == b"b.xml")
        .map(|(at, _)| at)
        .collect();
    assert_eq!(renamed.len(), 2, "before the member and in the list");
    for at in renamed {
        bytes[at] = b'a';
    }
    for bytes in [gz(&bytes), bytes] {
        let report = read_bytes(&bytes, Limits::default());
        let names: Vec<_> =
            report.inputs.iter().map(|input| input.name.split_once('!').unwrap().1).collect();
        assert_eq!((names, report.counts.hosts), (vec!["a.xml", "a.xml"], 65));
        assert_eq!(report.errors.len(), 0);
    }
}

#[test]
fn a_zip_member_with_a_wrong_checksum_is_read_and_then_refused() {
    let mut bytes = zip(&[("a.xml".into(), fixture("01-").bytes)]);
    let list = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    bytes[list + 16] ^= 1;
    let report = read_bytes(&bytes, Limits::default());
    assert_eq!((report.counts.hosts, report.count(Outcome::Refused)), (1, 1));
    assert!(report.errors[0].to_string().contains("checksum"), "{}", report.errors[0]);
}

/// Returns the positions of the entries in the central directory of a zip archive.
fn entries(archive: &[u8]) -> Vec<usize> {
    let places = archive.windows(4).enumerate();
    places.filter(|(_, four)| *four == b"PK\x01\x02").map(|(at, _)| at).collect()
}

fn three() -> Vec<(String, Vec<u8>)> {
    ["01-", "03-", "08-"].map(|start| (format!("{start}.xml"), fixture(start).bytes)).into()
}

#[test]
fn members_missing_from_the_zip_directory_are_read() {
    let whole = read_bytes(&tar(&three()), Limits::default()).counts;
    for archive in [zip(&three()), streamed_zip(&three())] {
        let list = entries(&archive);
        let end = archive.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap();
        let ends = [list[1], list[2], end];
        for (from, to) in list.iter().zip(ends) {
            let mut lacking = [&archive[..*from], &archive[to..]].concat();
            let end = end - (to - from);
            let len = u32::try_from(end - list[0]).unwrap().to_le_bytes();
            lacking[end + 12..end + 16].copy_from_slice(&len);
            // With the right number of entries, and with wrong ones.
            for count in [2_u16, 1, 0] {
                lacking[end + 8..end + 10].copy_from_slice(&count.to_le_bytes());
                lacking[end + 10..end + 12].copy_from_slice(&count.to_le_bytes());
                let report = read_bytes(&lacking, Limits::default());
                assert_eq!((report.counts, report.errors.len()), (whole, 0), "{from}, {count}");
            }
        }
        // If the directory announces more entries than it has, the existing ones are read.
        let mut more = archive.clone();
        more[end + 10] = 9;
        let report = read_bytes(&more, Limits::default());
        assert_eq!(report.counts, whole);
        assert!(report.errors[0].to_string().contains("more members than it lists"));
    }
}

#[test]
fn zip_archives_one_after_another_are_all_read() {
    let files = three();
    let one = |at: usize| zip(&files[at..=at]);
    let empty = zip(&[]);
    let names = |bytes: &[u8]| -> Vec<String> {
        let report = read_bytes(bytes, Limits::default());
        assert_eq!(report.errors.len(), 0, "{:?}", report.errors);
        let name = |input: &InputReport| input.name.split_once('!').unwrap().1.to_owned();
        report.inputs.iter().map(name).collect()
    };
    let all = ["01-.xml", "03-.xml", "08-.xml"];
    assert_eq!(names(&[one(0), one(1), one(2)].concat()), all);
    assert_eq!(names(&[empty, one(0), streamed_zip(&files[1..])].concat()), all);
    assert_eq!(names(&gz(&[one(0), zip(&files[1..])].concat())), all);
    // A truncated archive after a complete one.
    let cut = one(2);
    let bytes = [zip(&files[..2]), cut[..entries(&cut)[0] + 20].to_vec()].concat();
    let report = read_bytes(&bytes, Limits::default());
    assert_eq!((report.count(Outcome::Read), report.counts.scans), (3, 3));
    assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
}

#[test]
fn members_of_a_zip_archive_that_overlap_are_refused() {
    // 5,000 entries for one member of 5 MB, and one good member.
    let big = [fixture("01-").bytes, vec![b' '; 5 << 20]].concat();
    let archive = zip(&[("a.xml".into(), big), ("b.xml".into(), fixture("03-").bytes)]);
    let list = entries(&archive);
    let end = archive.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap();
    let many = archive[list[0]..list[1]].repeat(4999);
    let mut bomb = [&archive[..list[1]], &many, &archive[list[1]..]].concat();
    let end = end + many.len();
    bomb[end + 8..end + 10].copy_from_slice(&5001_u16.to_le_bytes());
    bomb[end + 10..end + 12].copy_from_slice(&5001_u16.to_le_bytes());
    let len = u32::try_from(end - list[0]).unwrap().to_le_bytes();
    bomb[end + 12..end + 16].copy_from_slice(&len);
    for bytes in [gz(&bomb), bomb] {
        let report = ends_soon("members that overlap", &bytes);
        assert_eq!((report.counts.hosts, report.counts.scans), (65, 2));
        assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
        let message = report.errors[0].to_string();
        assert!(
            message.contains("overlap") && message.contains("a.xml and 4998 more"),
            "{message}"
        );
    }
}

/// Returns a tar member that follows a pax header with these records.
fn pax_tar(records: &[(&str, &[u8])], size: u64, bytes: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions(records.iter().copied()).unwrap();
    let mut archive = builder.into_inner().unwrap();
    archive.truncate(1024);
    let mut header = tar::Header::new_ustar();
    header.set_path("short.xml").unwrap();
    header.set_size(size);
    header.set_cksum();
    archive.extend_from_slice(header.as_bytes());
    archive.extend_from_slice(bytes);
    archive.resize(archive.len().next_multiple_of(512), 0);
    archive
}

#[test]
fn pax_headers_override_size_and_path_of_a_member() {
    let (one, other) = (fixture("01-").bytes, fixture("03-").bytes);
    let len = one.len().to_string();
    let records = [("size", len.as_bytes()), ("path", b"long/a.xml")];
    // The member's own header has no size, as with a member of 8 GiB or more.
    let archive = [pax_tar(&records, 0, &one), tar(&[("b.xml".into(), other)])].concat();
    let report = read_bytes(&archive, Limits::default());
    let names: Vec<_> =
        report.inputs.iter().map(|input| input.name.split_once('!').unwrap().1).collect();
    assert_eq!((names, report.counts.hosts), (vec!["long/a.xml", "b.xml"], 65));
    assert_eq!(report.errors.len(), 0, "{:?}", report.errors);
    let sparse = [("GNU.sparse.major", &b"1"[..]), ("GNU.sparse.name", b"holes.xml")];
    let report = read_bytes(&pax_tar(&sparse, len.parse().unwrap(), &one), Limits::default());
    let message = report.errors[0].to_string();
    assert!(message.contains("!holes.xml") && message.contains("sparse"), "{message}");
    assert_eq!(report.counts.hosts, 0);
}

#[test]
fn archives_one_after_another_in_a_file_are_all_read() {
    let files = ["01-", "03-"].map(|start| (format!("{start}.xml"), fixture(start).bytes));
    let [one, other] = files.map(|file| tar(&[file]));
    let report = read_bytes(&[&*one, &other, &[0; 1024]].concat(), Limits::default());
    assert_eq!((report.counts.hosts, report.errors.len()), (65, 0));
    let report = read_bytes(&[&*one, &[1; 512]].concat(), Limits::default());
    assert_eq!((report.counts.hosts, report.errors.len()), (1, 1));
}

/// Reads bytes within a multiple of the time that an ordinary file of that size takes. The limit is generous,
/// as tests share a machine.
fn ends_soon(what: &str, bytes: &[u8]) -> Report {
    let begun = std::time::Instant::now();
    let report = read_bytes(bytes, Limits::default());
    let elapsed = begun.elapsed();
    assert!(elapsed.as_secs() < 60, "{what}: {} bytes took {elapsed:?}", bytes.len());
    report
}

#[test]
fn many_empty_streams_take_time_proportional_to_their_bytes() {
    let good = fixture("08-").bytes;
    for (name, pack) in
        [("gzip", gz as fn(&[u8]) -> Vec<u8>), ("bzip2", bz2), ("xz", xz), ("zstd", zst)]
    {
        // Nearly 1 MB, for which bzip2 once took half a minute.
        let empty = pack(b"");
        let many = [empty.repeat(900_000 / empty.len()), pack(&good)].concat();
        let report = ends_soon(name, &many);
        assert_eq!((report.counts.hosts, report.errors.len()), (3, 0), "{name}");
        // In a compressed file, and as members of archives.
        ends_soon(name, &gz(&many));
        let members: Vec<_> = (0..4).map(|n| (format!("{n}.xml"), many.clone())).collect();
        // The ratio limit allows little output from archives that compress this well.
        let report = ends_soon(name, &zip(&members));
        assert!(report.counts.hosts >= 3, "{name}");
    }
    let skipped = b"\x50\x2a\x4d\x18\0\0\0\0".repeat(1 << 17);
    let report = ends_soon("frames that are skipped", &[skipped, zst(&good)].concat());
    assert_eq!((report.counts.hosts, report.errors.len()), (3, 0));
}

#[test]
fn many_tiny_streams_are_refused_where_decoder_setup_dominates() {
    // Each stream clears 3.6 MB of memory for a byte.
    let tiny = {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
        encoder.write_all(b" ").unwrap();
        encoder.finish().unwrap()
    };
    for bytes in
        [tiny.repeat(30_000), gz(&tiny.repeat(30_000)), zip(&[("a".into(), tiny.repeat(30_000))])]
    {
        let report = ends_soon("tiny streams", &bytes);
        let message = report.errors[0].to_string();
        assert!(message.contains("compressed streams of a few bytes"), "{message}");
    }
    // A log that was written a little at a time is not an attack.
    let bytes = fixture("03-").bytes;
    let log: Vec<u8> = bytes.chunks(1000).flat_map(bz2).collect();
    let report = read_bytes(&log.repeat(20), Limits::default());
    assert_eq!((report.counts.hosts, report.errors.len()), (20 * 64, 0));
}

#[test]
fn empty_members_take_time_proportional_to_their_bytes() {
    let mut builder = tar::Builder::new(Vec::new());
    for number in 0..20_000 {
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        builder.append_data(&mut header, format!("{number}"), io::empty()).unwrap();
    }
    let archive = builder.into_inner().unwrap();
    let report = ends_soon("tar", &gz(&archive));
    assert_eq!(report.inputs.len(), 20_000);
    let files: Vec<_> = (0..20_000).map(|number| (number.to_string(), Vec::new())).collect();
    let report = ends_soon("zip", &zip(&files));
    assert_eq!(report.inputs.len(), 20_000);
}

#[test]
fn nested_containers_share_the_cap_of_the_outermost() {
    let blanks = vec![b' '; 64 << 20];
    // Each layer alone stays below 1100 times its size.
    let inner = gz(&blanks);
    let many: Vec<_> = (0..500).map(|n| (format!("{n}.gz"), inner.clone())).collect();
    let report = read_bytes(&zst(&tar(&many)), Limits::default().with_max_compression_ratio(1100));
    let message = report.errors.last().map(ToString::to_string).unwrap_or_default();
    assert!(message.contains("1100 times"), "{message}");
    assert!(report.counts.bytes < 1 << 30, "{} bytes were read", report.counts.bytes);
}
