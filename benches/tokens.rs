//! Text to tokens, compared with the floor F: quick-xml with all checks off.

use std::hint::black_box;

use criterion::Criterion;
use quick_xml::{Reader, events::Event};
use scanmill::xml::probe;

use crate::{Input, group};

pub fn bench(criterion: &mut Criterion, input: &Input) {
    let mut group = group(criterion, "tokens", input);
    // From the XML declaration on, quick-xml reads the text; text that begins with a host is read by the fast
    // path.
    let hosts = input.text.find("<host").and_then(|at| input.text.get(at..)).unwrap_or_default();
    group.bench_function(input.name, |b| b.iter(|| probe::attributes_read(black_box(hosts))));
    group.bench_function(format!("{}/quick_xml", input.name), |b| {
        b.iter(|| probe::attributes_read(black_box(&input.text)));
    });
    group.bench_function(format!("{}/floor", input.name), |b| {
        b.iter(|| floor(black_box(&input.text)));
    });
}

/// Does for text in memory what `floor.rs` measures for whole files.
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
