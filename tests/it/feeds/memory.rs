//! Events may be many times larger than their input without taking that much memory.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::Read as _,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use scanmill::{
    feed::Feed,
    format::{FeedSink, Format},
    merge::{MergePolicy, Merger, Precedence},
    output::{DocumentSink, Output, Temporaries},
    pipeline::{Filters, MergeInput, Pipeline},
    source::{self, PathFilter},
    xml::Options,
};
use sha2::{Digest as _, Sha256};

use super::all_of_ecs;
use crate::support::{peak_mib, tell_peak};

/// Writes a scan of `hosts` hosts with 10,000 open ports each, and names that every event repeats.
fn scan(path: &Path, hosts: u8, number: u8) {
    let mut text = format!(
        "<?xml version=\"1.0\"?><nmaprun scanner=\"nmap\" args=\"nmap {number}{}\" start=\"1\">",
        " x".repeat(4000)
    );
    for host in 0..hosts {
        let open = "<status state=\"up\"/><address addrtype=\"ipv4\"";
        write!(text, "<host>{open} addr=\"192.0.{number}.{host}\"/><hostnames>").unwrap();
        for name in 0..20 {
            write!(text, "<hostname name=\"{}{name}\"/>", "n".repeat(100)).unwrap();
        }
        text.push_str("</hostnames><ports>");
        for port in 1..10_000 {
            write!(text, "<port protocol=\"tcp\" portid=\"{port}\"><state state=\"open\"/></port>")
                .unwrap();
        }
        text.push_str("</ports></host>");
    }
    text.push_str("<runstats><finished time=\"2\" exit=\"success\"/></runstats></nmaprun>");
    fs::write(path, text).unwrap();
}

/// Reads a folder on `threads` threads and returns the pipeline.
fn read<F: Format>(from: &Path, format: F, threads: usize) -> Pipeline<F> {
    let stop = Arc::new(AtomicBool::new(false));
    let pipeline = Pipeline::new(Options::default(), Filters::default(), format, stop);
    let mut pipeline = pipeline.with_threads(threads).unwrap();
    for input in source::discover(&[from.to_owned()], &PathFilter::default()) {
        pipeline.read(&input.unwrap(), &PathFilter::default()).unwrap();
    }
    pipeline
}

/// Returns the bytes and the digest of the events of a folder, read on `threads` threads.
fn events(from: &Path, threads: usize, merge: bool) -> (usize, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let target = Output::File(path.clone());
    let sink = DocumentSink::open(&target, false, &Temporaries::default()).unwrap();
    let feed = FeedSink::new(sink, Feed::from(all_of_ecs()));
    let report = if merge {
        let input = MergeInput::new(Merger::new(MergePolicy::new(Precedence::Latest)));
        read(from, input, threads).merge_into(feed, None)
    } else {
        read(from, feed, threads).finish()
    };
    assert!(report.unwrap().errors.is_empty());
    let (mut digest, mut bytes) = (Sha256::new(), 0);
    let mut written = File::open(path).unwrap();
    let mut piece = vec![0; 1 << 16];
    while let got @ 1.. = written.read(&mut piece).unwrap() {
        digest.update(&piece[..got]);
        bytes += got;
    }
    (bytes, format!("{:x?}", digest.finalize()))
}

/// Checks the events of inputs, and the peak memory of producing them.
fn bounded(test: &str, most_mib: u64, inputs: fn(&Path), merge: bool) {
    let peak = peak_mib(test, || {
        let folder = tempfile::tempdir().unwrap();
        inputs(folder.path());
        let (bytes, one) = events(folder.path(), 1, merge);
        assert!(bytes > 128 << 20, "{bytes} bytes");
        for threads in [2, 8] {
            assert!(events(folder.path(), threads, merge).1 == one, "{threads} threads");
        }
        tell_peak();
    });
    if let Some(peak) = peak {
        assert!(peak <= most_mib, "{test} took {peak} MiB");
    }
}

#[test]
fn hosts_of_a_large_input() {
    let inputs = |folder: &Path| scan(&folder.join("large.xml"), 5, 2);
    bounded("feeds::memory::hosts_of_a_large_input", 110, inputs, false);
}

#[test]
fn many_small_inputs() {
    let inputs = |folder: &Path| {
        for number in 0..5 {
            scan(&folder.join(format!("{number}.xml")), 1, number);
        }
    };
    bounded("feeds::memory::many_small_inputs", 110, inputs, false);
}

#[test]
fn hosts_of_a_merge() {
    let inputs = |folder: &Path| scan(&folder.join("large.xml"), 5, 2);
    bounded("feeds::memory::hosts_of_a_merge", 110, inputs, true);
}
