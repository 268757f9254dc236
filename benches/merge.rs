//! Three scans of the same hosts, merged into one record per host in memory and spilled, then into intervals;
//! and two of them compared.

use criterion::Criterion;
use scanmill::{
    diff::differences,
    history::Histories,
    merge::{MergePolicy, Merged, Merger, Precedence},
    model::{ScanHeader, ScanSummary},
};

use crate::{Input, group};

pub fn bench(criterion: &mut Criterion, input: &Input) {
    let mut group = group(criterion, "merge", input);
    let policy = MergePolicy::new(Precedence::Latest);
    group.bench_function(format!("{}, held", input.name), |b| {
        b.iter(|| hosts(merger(input, 3, Merger::new(policy))));
    });
    // About twenty spills.
    group.bench_function(format!("{}, spilled", input.name), |b| {
        b.iter(|| hosts(merger(input, 3, Merger::with_memory(policy, 2 << 20, None))));
    });
    group.bench_function(format!("{}, history", input.name), |b| {
        b.iter(|| intervals(merger(input, 3, Merger::new(policy))));
    });
    group.bench_function(format!("{}, compared", input.name), |b| {
        let state = || merger(input, 1, Merger::new(policy));
        b.iter(|| differences(state(), state()).map_or(0, Iterator::count));
    });
    group.finish();
}

/// Adds `scans` scans of all hosts.
fn merger(input: &Input, scans: u32, mut merger: Merger) -> Merger {
    for number in 0..scans {
        for host in &input.hosts {
            assert!(merger.host(host).is_ok(), "temporary files can be written");
        }
        let header = ScanHeader { scan_id: number.to_string(), ..ScanHeader::default() };
        merger.end_scan("bench", ScanSummary { header, has_scan: true, ..ScanSummary::default() });
    }
    merger
}

fn hosts(merger: Merger) -> usize {
    let Ok(mut hosts) = merger.finish().and_then(Merged::hosts) else { return 0 };
    let mut count = 0;
    while let Ok(Some(record)) = hosts.next() {
        count += record.host().host.ports.len();
    }
    count
}

fn intervals(merger: Merger) -> usize {
    let Ok(mut histories) = merger.finish().and_then(Histories::of) else { return 0 };
    let mut count = 0;
    while let Ok(Some(history)) = histories.next() {
        count += history.host().count() + history.ports().count();
    }
    count
}
