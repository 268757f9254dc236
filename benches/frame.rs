//! Bytes to frames.

use std::hint::black_box;

use criterion::Criterion;
use scanmill::xml::probe;

use crate::{Input, group};

pub fn bench(criterion: &mut Criterion, input: &Input) {
    let mut group = group(criterion, "frame", input);
    group.bench_function(input.name, |b| {
        b.iter(|| probe::hosts_framed(black_box(input.text.as_bytes()), 64 << 10));
    });
}
