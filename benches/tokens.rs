//! Text to tokens, beside the floor F: quick-xml with all checks off.

use std::hint::black_box;

use criterion::Criterion;
use quick_xml::{Reader, events::Event};
use scanmill::xml::probe;

use crate::{Input, group};

pub fn bench(criterion: &mut Criterion, input: &Input) {
    let mut group = group(criterion, "tokens", input);
    // At the XML declaration the rest of a text goes to quick-xml; what begins with a host does not.
    let hosts = input.text.find("<host").and_then(|at| input.text.get(at..)).unwrap_or_default();
    group.bench_function(input.name, |b| b.iter(|| probe::attributes_read(black_box(hosts))));
    group.bench_function(format!("{}/quick_xml", input.name), |b| {
        b.iter(|| probe::attributes_read(black_box(&input.text)));
    });
    group.bench_function(format!("{}/floor", input.name), |b| {
        b.iter(|| floor(black_box(&input.text)));
    });
}

/// What `floor.rs` measures for whole files.
fn floor(text: &str) -> usize {
    let mut reader = Reader::from_reader(text.as_bytes());
    reader.config_mut().check_end_names = false;
    let mut found = 0;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag)) => {
                for attribute in tag.attributes().with_checks(false).flatten() {
                    black_box(&attribute.value);
                    found += 1;
                }
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(other) => {
                black_box(&other);
            }
        }
    }
}
