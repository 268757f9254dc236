//! Bytes to borrowed hosts.

use std::hint::black_box;

use criterion::Criterion;
use scanmill::{
    model::ScanEvent,
    xml::{Options, Reader},
};

use crate::{Input, group};

pub fn bench(criterion: &mut Criterion, input: &Input) {
    let mut group = group(criterion, "decode", input);
    group.bench_function(input.name, |b| b.iter(|| ports(black_box(input.text.as_bytes()))));
}

fn ports(bytes: &[u8]) -> usize {
    let mut reader = Reader::new(bytes, Options::default());
    let mut ports = 0;
    while let Ok(Some(event)) = reader.next_event() {
        if let ScanEvent::Host(host) = event {
            ports += host.ports.len();
        }
    }
    ports
}
