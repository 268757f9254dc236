//! The summary of inputs from a program: it is what `inspect --json` prints.

use assert_cmd::cargo::cargo_bin;
use scanmill::{
    error::ErrorKind,
    ops::{self, Inputs, InspectOptions, JobOptions, JobStatus, MemoryBudget},
};
use serde_json::Value;

use crate::support::{command, root};

#[test]
fn the_summary_is_that_of_the_command() {
    let mut inspect = command(cargo_bin!("scanmill"));
    let said =
        inspect.current_dir(root()).args(["inspect", "--json", "fixtures"]).output().unwrap();
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    let inspection = ops::inspect(&Inputs::new(["fixtures"]), &InspectOptions::default()).unwrap();
    assert_eq!(serde_json::to_value(&inspection.summary).unwrap(), said["found"]);
    assert_eq!(inspection.report.counts.hosts, said["report"]["hosts"].as_u64().unwrap());
    assert_eq!(inspection.summary.scans.len(), inspection.summary.scan_count);

    let few = InspectOptions::default().with_max_scans(3);
    let few = ops::inspect(&Inputs::new(["fixtures"]), &few).unwrap().summary;
    assert_eq!((few.scans.len(), few.scan_count), (3, inspection.summary.scan_count));
    assert_eq!(few.hosts, inspection.summary.hosts);
}

#[test]
fn a_summary_that_needs_too_much_memory_is_an_error() {
    use std::fmt::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let mut xml = String::from("<nmaprun scanner=\"nmap\" args=\"\" start=\"1\" version=\"7\">");
    for number in 0..60_000 {
        let product = format!("product {number} {}", "x".repeat(200));
        write!(
            xml,
            "<host><status state=\"up\"/><ports><port protocol=\"tcp\" portid=\"80\"><state \
             state=\"open\"/><service name=\"http\" product=\"{product}\"/></port></ports></host>"
        )
        .unwrap();
    }
    xml.push_str("</nmaprun>");
    std::fs::write(folder.path().join("a.xml"), xml).unwrap();
    let inputs = Inputs::new([folder.path()]);
    let budget = MemoryBudget::new(Some(MemoryBudget::MIN_BYTES), 1).unwrap();
    let options = InspectOptions::default().with_job(JobOptions::new(budget));
    let error = ops::inspect(&inputs, &options).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::MemoryLimit(_)), "{error}");
    let enough = ops::inspect(&inputs, &InspectOptions::default()).unwrap();
    assert_eq!((enough.status(), enough.summary.services.len()), (JobStatus::Complete, 60_000));
}
