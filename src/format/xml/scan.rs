//! Start and end of a document: those of its scan, or those that several scans have in common.
//!
//! One document can hold the hosts of several scans. Its header states what holds for all of them: values on which they
//! agree, the earliest start and the latest end, sums of times and counts. So `scaninfo` never claims that a host was
//! looked at more closely than it was. The text of `args` names the command and a digest of the scans, so that documents
//! of different scans have different scan IDs. Only sums and common values are kept, however many scans there are.

use super::{
    HostCounts,
    element::{Required, attributes},
    host::empty,
    script::scripts,
};
use crate::model::{HostTotals, ScanInfo, ScanStats, ScanSummary, Timestamp, id_of_parts};

/// Value of `xmloutputversion` in documents of several scans that disagree: that of current nmap.
const XML_VERSION: &str = "1.05";

/// Scans of a document.
#[derive(Debug, Default)]
pub(super) struct DocumentScans {
    first: Option<Box<ScanSummary>>,
    /// Common values, if there are several scans.
    common: Option<Box<CommonScan>>,
}

impl DocumentScans {
    /// Adds a scan. Returns it if it is not the first one: its scripts belong to the hosts before this point.
    pub(super) fn add(&mut self, scan: Box<ScanSummary>) -> Option<Box<ScanSummary>> {
        let Some(first) = &self.first else {
            self.first = Some(scan);
            return None;
        };
        let common = self.common.get_or_insert_with(|| Box::new(CommonScan::of(first)));
        common.add(&scan);
        Some(scan)
    }

    /// Writes everything before the hosts. `command` is the name of the command that writes the document.
    pub(super) fn write_start(&self, command: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(
            b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE nmaprun>\n<nmaprun",
        );
        let nothing = ScanSummary::default();
        let first = self.first.as_deref().unwrap_or(&nothing);
        match &self.common {
            Some(common) => common.write_start(command, out),
            None if self.first.is_none() => {
                attributes!(out,
                    "scanner": "nmap",
                    "version": "",
                    "xmloutputversion": XML_VERSION,
                );
                write_levels(&[], None, None, out);
            }
            None => {
                let header = &first.header;
                attributes!(out,
                    "scanner": Required(&header.scanner),
                    "args": &header.args,
                    "start": header.start_time,
                    "startstr": &header.start_str,
                    "version": Required(&header.scanner_version),
                    "profile_name": &header.profile_name,
                    "xmloutputversion": Required(&header.xml_version),
                );
                write_levels(&first.scan_info, first.verbosity, first.debugging, out);
            }
        }
        scripts("prescript", &first.pre_scripts, out);
    }

    /// Writes everything after the hosts. `counts` are those of the hosts of a merge.
    pub(super) fn write_end(&self, counts: Option<HostCounts>, out: &mut Vec<u8>) {
        if let Some(first) = &self.first {
            scripts("postscript", &first.post_scripts, out);
        }
        match (&self.common, &self.first) {
            (Some(common), _) => common.write_end(counts, out),
            (None, Some(only)) => {
                let stats = &only.stats;
                let totals = counts.map_or(stats.hosts, HostCounts::totals);
                let has_totals = stats.hosts != HostTotals::default();
                // A scan that did not finish has no end.
                write_stats(stats.finished.then_some(stats), has_totals.then_some(totals), out);
            }
            (None, None) => {}
        }
        out.extend_from_slice(b"</nmaprun>\n");
    }
}

/// Writes the end of the start tag, and the elements that follow it.
fn write_levels(
    infos: &[ScanInfo],
    verbosity: Option<i32>,
    debugging: Option<i32>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b">\n");
    for info in infos {
        empty("<scaninfo", out, |out| {
            attributes!(out,
                "type": &info.kind,
                "scanflags": &info.scan_flags,
                "protocol": &info.protocol,
                "numservices": Required(info.num_services),
                "services": Required(&info.services),
            );
        });
    }
    empty("<verbose", out, |out| attributes!(out, "level": verbosity));
    empty("<debugging", out, |out| attributes!(out, "level": debugging));
}

/// Writes the end of a scan.
fn write_stats(finished: Option<&ScanStats>, totals: Option<HostTotals>, out: &mut Vec<u8>) {
    if finished.is_none() && totals.is_none() {
        return;
    }
    out.extend_from_slice(b"<runstats>");
    if let Some(stats) = finished {
        empty("<finished", out, |out| {
            attributes!(out,
                "time": Required(stats.end_time),
                "timestr": &stats.end_str,
                "summary": &stats.summary,
                "elapsed": Required(stats.elapsed_s),
                "exit": &stats.exit_status,
                "errormsg": &stats.error_message,
            );
        });
        out.pop();
    }
    let totals = totals.unwrap_or_default();
    empty("<hosts", out, |out| {
        attributes!(out, "up": totals.up, "down": totals.down, "total": Required(totals.total));
    });
    out.extend_from_slice(b"</runstats>\n");
}

/// Values of several scans.
#[derive(Debug)]
struct CommonScan {
    scans: u64,
    /// Digest of the IDs of the scans, in order.
    digest: String,
    scanner: Option<String>,
    version: Option<String>,
    xml_version: Option<String>,
    scan_info: Vec<ScanInfo>,
    verbosity: Option<i32>,
    debugging: Option<i32>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    elapsed_s: Option<f64>,
    hosts: HostTotals,
    /// Number of scans without an end, and of those that reported a failure.
    unfinished: u64,
    failed: u64,
}

impl CommonScan {
    fn of(first: &ScanSummary) -> Self {
        let ScanSummary { header, stats, .. } = first;
        Self {
            scans: 1,
            digest: header.scan_id.clone(),
            scanner: header.scanner.clone(),
            version: header.scanner_version.clone(),
            xml_version: header.xml_version.clone(),
            scan_info: first.scan_info.clone(),
            verbosity: first.verbosity,
            debugging: first.debugging,
            start: header.start_time,
            end: stats.end_time,
            elapsed_s: stats.elapsed_s,
            hosts: stats.hosts,
            unfinished: u64::from(!stats.finished),
            failed: u64::from(stats.failed()),
        }
    }

    fn add(&mut self, scan: &ScanSummary) {
        let ScanSummary { header, stats, .. } = scan;
        self.scans = self.scans.saturating_add(1);
        self.digest = id_of_parts(&[&self.digest, &header.scan_id]);
        keep_common(&mut self.scanner, header.scanner.as_ref());
        keep_common(&mut self.version, header.scanner_version.as_ref());
        keep_common(&mut self.xml_version, header.xml_version.as_ref());
        self.scan_info.retain(|info| scan.scan_info.contains(info));
        keep_common(&mut self.verbosity, scan.verbosity.as_ref());
        keep_common(&mut self.debugging, scan.debugging.as_ref());
        self.start = self.start.into_iter().chain(header.start_time).min();
        self.end = self.end.max(stats.end_time);
        self.elapsed_s = sum(self.elapsed_s, stats.elapsed_s, |a, b| a + b);
        let add = |a, b| sum(a, b, i64::saturating_add);
        self.hosts = HostTotals {
            up: add(self.hosts.up, stats.hosts.up),
            down: add(self.hosts.down, stats.hosts.down),
            total: add(self.hosts.total, stats.hosts.total),
        };
        self.unfinished = self.unfinished.saturating_add(u64::from(!stats.finished));
        self.failed = self.failed.saturating_add(u64::from(stats.failed()));
    }

    fn write_start(&self, command: &str, out: &mut Vec<u8>) {
        let args = format!("scanmill {command}: {} scans, {}", self.scans, self.digest);
        attributes!(out,
            "scanner": self.scanner.as_deref().unwrap_or("nmap"),
            "args": &args,
            "start": self.start,
            "version": Required(&self.version),
            "xmloutputversion": self.xml_version.as_deref().unwrap_or(XML_VERSION),
        );
        write_levels(&self.scan_info, self.verbosity, self.debugging, out);
    }

    fn write_end(&self, counts: Option<HostCounts>, out: &mut Vec<u8>) {
        let Self { scans, unfinished, failed, .. } = self;
        let message = match (unfinished, failed) {
            (0, 0) => None,
            (_, 0) => Some(format!("{unfinished} of {scans} scans did not finish")),
            (0, _) => Some(format!("{failed} of {scans} scans failed")),
            _ => Some(format!("{failed} of {scans} scans failed, and {unfinished} did not finish")),
        };
        let stats = ScanStats {
            finished: true,
            end_time: self.end.or(self.start),
            elapsed_s: self.elapsed_s,
            exit_status: Some(if message.is_some() { "error" } else { "success" }.to_owned()),
            error_message: message,
            ..ScanStats::default()
        };
        let totals = counts.map_or(self.hosts, HostCounts::totals);
        // Without any time of a scan, the document has no end either.
        let finished = stats.end_time.is_some().then_some(&stats);
        write_stats(finished, Some(totals), out);
    }
}

/// Keeps a value if another one is the same.
fn keep_common<T: PartialEq>(value: &mut Option<T>, other: Option<&T>) {
    if value.as_ref() != other {
        *value = None;
    }
}

/// Adds the values that are set.
fn sum<T>(a: Option<T>, b: Option<T>, add: impl FnOnce(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(add(a, b)),
        (a, b) => a.or(b),
    }
}
