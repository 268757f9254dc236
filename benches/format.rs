//! Hosts to the bytes of each format.

use std::hint::black_box;

use criterion::Criterion;
use scanmill::{
    error::Result,
    feed::{Feed, cim::Cim, ecs::Ecs, ocsf::Ocsf},
    format::{self, RowEncoder as _, RowFormat, RowFormatVisitor, SinkOptions, TableFormat},
    output::Output,
    table::host_rows,
};

use crate::{Input, group};

pub fn bench(criterion: &mut Criterion, input: &Input) {
    let mut group = group(criterion, "format", input);
    for (name, feed) in [
        ("nested", Feed::Nested { events: false }),
        ("ecs", Feed::from(Ecs::default())),
        ("ocsf", Feed::from(Ocsf::default())),
        ("cim", Feed::from(Cim::default())),
    ] {
        group.bench_function(format!("{}/{name}", input.name), |b| b.iter(|| lines(&feed, input)));
    }
    for format in [TableFormat::Jsonl, TableFormat::Csv, TableFormat::Parquet] {
        let name = format!("{}/{}", input.name, format.extension());
        group.bench_function(name, |b| {
            b.iter(|| assert!(tables(input, format).is_ok(), "generated hosts are written"));
        });
    }
}

fn lines(feed: &Feed, input: &Input) -> usize {
    let mut lines = Vec::new();
    let mut bytes = 0;
    for host in &input.hosts {
        lines.clear();
        feed.host(&input.run, host, &mut lines);
        bytes += black_box(&lines).len();
    }
    bytes
}

fn tables(input: &Input, format: TableFormat) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let output = Output::Dir(folder.path().join("out"));
    format::open(format, &output, SinkOptions::default(), Hosts(input))
}

/// Writes the hosts of an input in any format of rows.
struct Hosts<'i>(&'i Input);

impl RowFormatVisitor for Hosts<'_> {
    type Output = ();

    fn visit<F: RowFormat + 'static>(self, mut format: F) -> Result<()> {
        let mut rows = format.row_encoder();
        for host in &self.0.hosts {
            host_rows(&self.0.run, host, &mut |row| rows.row(row))?;
            for chunk in rows.take() {
                format.write(chunk)?;
            }
        }
        for chunk in rows.finish()? {
            format.write(chunk)?;
        }
        format.finish()
    }
}
