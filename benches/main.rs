//! Each stage alone, then the whole pipeline, in bytes of XML per second: `cargo bench`, or `cargo bench --
//! decode` for one stage. Inputs are generated from fixed seeds.

mod decode;
mod end_to_end;
mod format;
mod frame;
mod generator;
mod merge;
mod table;
mod tokens;

use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use scanmill::{
    model::{Host, ScanEvent, ScanHeader},
    xml::{Options, Reader},
};

use self::generator::Kind;

/// Bytes of each input: larger than the caches, and read in a fraction of a second.
const SIZE: u64 = 16 << 20;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for (name, kind) in [("rich", Kind::Rich), ("sweep", Kind::Sweep), ("masscan", Kind::Masscan)] {
        let input = Input::new(name, kind);
        frame::bench(&mut criterion, &input);
        tokens::bench(&mut criterion, &input);
        decode::bench(&mut criterion, &input);
        table::bench(&mut criterion, &input);
        format::bench(&mut criterion, &input);
        end_to_end::bench(&mut criterion, &input);
        merge::bench(&mut criterion, &input);
    }
    criterion.final_summary();
}

/// A generated document, as text and as hosts.
struct Input {
    name: &'static str,
    text: String,
    run: ScanHeader,
    hosts: Vec<Host<'static>>,
}

impl Input {
    fn new(name: &'static str, kind: Kind) -> Self {
        let mut bytes = Vec::new();
        // Writing to a `Vec` cannot fail.
        let _ = generator::write(kind, 1, SIZE, &mut bytes);
        let mut input = Self {
            name,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            run: ScanHeader::default(),
            hosts: Vec::new(),
        };
        let reader = Reader::new(input.text.as_bytes(), Options::default());
        for event in reader.events().flatten() {
            match event {
                ScanEvent::ScanStart(run) => input.run = run,
                ScanEvent::Host(host) => input.hosts.push(*host),
                _ => {}
            }
        }
        assert!(input.hosts.len() > 100, "the generated {name} input cannot be read");
        input
    }
}

/// Returns a group of benchmarks of one stage, measured in bytes of XML.
fn group<'c>(
    criterion: &'c mut Criterion,
    stage: &str,
    input: &Input,
) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(stage);
    group.throughput(Throughput::Bytes(input.text.len() as u64));
    group.sample_size(10).warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_secs(3));
    group
}
