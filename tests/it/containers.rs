//! Compressed files and archives give what the plain files give, and never harm.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use flate2::{Compression, write::GzEncoder};
use scanmill::{
    limits::Limits,
    pipeline::{Destination, Filters, Outcome, Pipeline, Report},
    source::{self, Pick},
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

/// All fixtures, and a file that is none of nmap's.
fn plain() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> =
        fixtures().into_iter().map(|fixture| (fixture.name, fixture.bytes)).collect();
    files.push(("notes.txt".into(), b"no scan".to_vec()));
    files
}

fn read(path: &Path, limits: Limits) -> Report {
    let options = Options::default().with_limits(limits);
    let stop = Arc::new(AtomicBool::new(false));
    let mut pipeline = Pipeline::new(options, Filters::default(), Destination::Nothing, stop);
    for input in source::discover(&[path.to_owned()], &Pick::default()) {
        pipeline.read(&input.unwrap(), &Pick::default()).unwrap();
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

/// All rows but for where they come from.
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
fn members_of_one_compressed_file_stand_one_behind_the_other() {
    let bytes = fixture("04-").bytes;
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    let whole = read_bytes(&bytes, Limits::default()).counts;
    for pack in [gz, bz2, xz, zst] {
        // Tapes pad with zeros.
        let packed = [pack(head), pack(tail), vec![0; 512]].concat();
        let report = read_bytes(&packed, Limits::default());
        assert_eq!((report.counts, report.errors.len()), (whole, 0));
    }
    let skipped = b"\x50\x2a\x4d\x18\x04\0\0\0size".to_vec();
    let report = read_bytes(&[skipped, zst(&bytes)].concat(), Limits::default());
    assert_eq!((report.counts, report.errors.len()), (whole, 0));
}

#[test]
fn a_compressed_file_that_is_cut_or_followed_by_junk_gives_what_is_whole() {
    let bytes = fixture("03-").bytes;
    for pack in [gz, bz2, xz, zst] {
        let packed = pack(&bytes);
        let cut = read_bytes(&packed[..packed.len() - 5], Limits::default());
        assert_eq!(cut.count(Outcome::Refused), 1);
        let message = cut.errors[0].to_string();
        assert!(message.contains("E_DECOMPRESS"), "{message}");
        let junk = read_bytes(&[&packed, &b"junk behind it"[..]].concat(), Limits::default());
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
    // A tar archive that is cut tells of it, and keeps what came before.
    let cut = tar(&files);
    let report = read_bytes(&cut[..cut.len() - 5000], Limits::default());
    assert!(report.counts.scans >= 1 && report.count(Outcome::Refused) >= 1);
    // What a zip archive lists is at its end.
    let cut = zip(&files);
    let report = read_bytes(&cut[..cut.len() - 30], Limits::default());
    assert_eq!(report.count(Outcome::Refused), 1);
}

#[test]
fn bombs_end_at_their_cap() {
    let refused = |bytes: &[u8], limits: Limits, says: &str| {
        let report = read_bytes(bytes, limits);
        let message = report.errors.first().map(ToString::to_string).unwrap_or_default();
        assert!(message.contains("E_DECOMPRESS") && message.contains(says), "{message}");
    };
    let blanks = vec![b' '; 8 << 20];
    refused(&zst(&blanks), Limits::default(), "1000 times");
    refused(&bz2(&blanks), Limits::default(), "1000 times");
    refused(&xz(&blanks), Limits::default(), "1000 times");
    refused(&gz(&blanks), Limits::default().with_ratio(100), "100 times");
    refused(
        &zip(&[("a.xml".into(), blanks.clone())]),
        Limits::default().with_ratio(100),
        "100 times",
    );
    refused(&gz(&blanks), Limits::default().with_decompressed(1 << 20), "more than 1048576 bytes");
    refused(&tar(&[("a.xml.zst".into(), zst(&blanks))]), Limits::default(), "1000 times");
    let mut nested = fixture("01-").bytes;
    for _ in 0..5 {
        nested = gz(&nested);
    }
    refused(&nested, Limits::default(), "more than 4 containers");
    assert_eq!(read_bytes(&nested, Limits::default().with_nesting(5)).counts.scans, 1);
    let many: Vec<_> = (0..5).map(|n| (format!("{n}.xml"), fixture("01-").bytes)).collect();
    for bytes in [tar(&many), zip(&many)] {
        refused(&bytes, Limits::default().with_members(3), "more than 3 members");
        assert_eq!(read_bytes(&bytes, Limits::default().with_members(3)).counts.scans, 3);
    }
    refused(&gz(&zip(&many)), Limits::default().with_zip(1000), "held");
}

#[test]
fn names_of_members_are_long_strange_and_harmless() {
    let long = format!("{}/x.xml", "d".repeat(300));
    let good = fixture("01-").bytes;
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(good.len().try_into().unwrap());
    builder.append_data(&mut header, &long, &*good).unwrap();
    builder.append_pax_extensions([("path", &b"p/\xff\xfe.xml"[..])]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_size(good.len().try_into().unwrap());
    header.set_path("short").unwrap();
    header.set_cksum();
    builder.append(&header, &*good).unwrap();
    let mut evil = tar::Header::new_gnu();
    evil.as_old_mut().name[..19].copy_from_slice(b"../../../etc/passwd");
    evil.set_size(good.len().try_into().unwrap());
    evil.set_cksum();
    builder.append(&evil, &*good).unwrap();
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    builder.append_link(&mut link, "link.xml", "/etc/passwd").unwrap();
    let report = read_bytes(&builder.into_inner().unwrap(), Limits::default());
    let names: Vec<_> =
        report.inputs.iter().map(|input| input.name.split_once('!').unwrap().1).collect();
    assert_eq!(names, [long.as_str(), "p/\\xFF\\xFE.xml", "../../../etc/passwd"]);
    assert_eq!((report.counts.scans, report.errors.len()), (3, 0));
}
