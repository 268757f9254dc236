//! A file to the files of each format, as the command converts it.

use std::{
    fs,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use criterion::Criterion;
use scanmill::{
    error::Result,
    feed::Feed,
    format::{self, FeedSink, Format, RowFormat, RowFormatVisitor, SinkOptions, TableFormat},
    output::{DocumentSink, Output, Temporaries},
    pipeline::{Filters, Pipeline},
    source::{self, PathFilter},
    xml::Options,
};

use crate::{Input, group};

pub fn bench(criterion: &mut Criterion, input: &Input) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let file = folder.path().join("input.xml");
    if fs::write(&file, &input.text).is_err() {
        return;
    }
    let mut group = group(criterion, "end_to_end", input);
    for format in
        [None, Some(TableFormat::Jsonl), Some(TableFormat::Csv), Some(TableFormat::Parquet)]
    {
        let name = format.map_or("nested", TableFormat::extension);
        group.bench_function(format!("{}/{name}", input.name), |b| {
            b.iter(|| assert!(convert(&file, format).is_ok(), "a generated file is converted"));
        });
    }
}

fn convert(file: &Path, format: Option<TableFormat>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    if let Some(format) = format {
        let output = Output::Dir(folder.path().join("out"));
        return format::open(format, &output, SinkOptions::default(), Convert(file));
    }
    let output = Output::File(folder.path().join("out.jsonl"));
    let sink = DocumentSink::open(&output, false, &Temporaries::default())?;
    read(file, FeedSink::new(sink, Feed::Nested { events: false }))
}

/// Converts a file to any format of rows.
struct Convert<'p>(&'p Path);

impl RowFormatVisitor for Convert<'_> {
    type Output = ();

    fn visit<F: RowFormat + 'static>(self, format: F) -> Result<()> {
        read(self.0, format)
    }
}

fn read(file: &Path, format: impl Format) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut pipeline = Pipeline::new(Options::default(), Filters::default(), format, stop);
    for input in source::discover(&[file.to_owned()], &PathFilter::default()) {
        pipeline.read(&input?, &PathFilter::default())?;
    }
    pipeline.finish().map(|_| ())
}
