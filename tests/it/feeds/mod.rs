//! Feeds for SIEMs: they conform to the schemas of ECS and OCSF, for any input.

#[cfg(feature = "cli")]
mod command;
mod ecs;
mod golden;
#[cfg(feature = "cli")]
mod library;
mod lines;
mod memory;
mod ocsf;

use std::fs;

use scanmill::{
    feed::Feed,
    merge::{MergePolicy, Merger, Precedence},
    model::{ScanEvent, ScanHeader},
    xml::{Options, Reader},
};
use serde_json::Value;

use crate::support::root;

/// Returns the lines of a document.
fn lines(feed: &Feed, bytes: &[u8]) -> String {
    let (mut out, mut run) = (Vec::new(), ScanHeader::default());
    let mut written = 0;
    for event in Reader::new(bytes, Options::default()).events() {
        written += match event.unwrap() {
            ScanEvent::ScanStart(header) => {
                run = header;
                0
            }
            ScanEvent::Host(host) => feed.host(&run, &host, &mut out),
            ScanEvent::ScanEnd(record) => feed.scan("a.xml", &record, &mut out),
            _ => 0,
        };
    }
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.lines().count() as u64, written, "the number of lines is returned");
    text
}

/// Returns the lines of a merge of documents.
fn merged_lines(feed: &Feed, documents: &[&[u8]]) -> String {
    let mut merger = Merger::new(MergePolicy::new(Precedence::Latest));
    for (number, bytes) in documents.iter().enumerate() {
        for event in Reader::new(*bytes, Options::default().with_hash(true)).events() {
            match event.unwrap() {
                ScanEvent::Host(host) => merger.host(&host).unwrap(),
                ScanEvent::ScanEnd(record) => merger.end_scan(&format!("{number}.xml"), *record),
                _ => {}
            }
        }
    }
    let all = merger.finish().unwrap();
    let runs: Vec<_> = all.scans().iter().map(|scan| scan.record.header.clone()).collect();
    let runs: Vec<&ScanHeader> = runs.iter().collect();
    let (mut out, mut hosts) = (Vec::new(), all.hosts().unwrap());
    while let Some(host) = hosts.next().unwrap() {
        feed.merged(&host.host(), &runs, &mut out);
    }
    String::from_utf8(out).unwrap()
}

fn values(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Reads a schema file of ECS or OCSF.
fn schema(name: &str) -> Value {
    let path = root().join("tests/data/siem").join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Returns ECS with every kind of event.
fn all_of_ecs() -> scanmill::feed::ecs::Ecs {
    let mut ecs = scanmill::feed::ecs::Ecs::default();
    ecs.all_ports = true;
    ecs.script_events = true;
    ecs.sensor = Some("probe 1".into());
    ecs
}

/// Returns OCSF of a version with every kind of event.
fn all_of_ocsf(version: scanmill::feed::ocsf::Version) -> scanmill::feed::ocsf::Ocsf {
    let mut ocsf = scanmill::feed::ocsf::Ocsf::default();
    ocsf.version = version;
    ocsf.all_hosts = true;
    ocsf.software_events = true;
    ocsf
}
