//! Output to a writer of the caller, in every format.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex},
};

use scanmill::{
    error::{Error, ErrorKind},
    feed::{Feed, ecs::Ecs},
    format::{HostFormat, TableFormat},
    ops::{self, ConvertOptions, Inputs, OutputOptions, TableLayout},
    output::{Output, PartitionBy},
    table::Table,
};

use crate::support::root;

/// Text that stays when its writer is dropped, and the number of times it was flushed.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<(Vec<u8>, usize)>>);

impl Shared {
    fn text(&self) -> Vec<u8> {
        self.0.lock().unwrap().0.clone()
    }

    fn flushes(&self) -> usize {
        self.0.lock().unwrap().1
    }

    /// Returns true if nothing else can write any more.
    fn is_closed(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Short writes are normal for sockets.
        self.0.lock().unwrap().0.write(&bytes[..bytes.len().min(1000)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap().1 += 1;
        Ok(())
    }
}

/// Writer whose disk is full after some bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(self.0);
        self.0 -= len;
        if len == 0 && !bytes.is_empty() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(len) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn convert(output: OutputOptions) -> Result<(), Error> {
    let inputs = Inputs::new([root().join("fixtures")]);
    ops::convert(&inputs, output, &ConvertOptions::default()).map(|_| ())
}

/// Returns an output for each format that writes a single file.
fn formats(destination: &dyn Fn() -> Output) -> Vec<OutputOptions> {
    let tables = |format, tables: &[Table]| {
        OutputOptions::tables(format, destination()).with_tables(tables.iter().copied())
    };
    vec![
        tables(TableFormat::Jsonl, &[]),
        tables(TableFormat::Json, &[]),
        tables(TableFormat::Csv, &[Table::Ports]),
        tables(TableFormat::Markdown, &[Table::Services]),
        tables(TableFormat::Parquet, &[Table::Hosts]),
        OutputOptions::feed(Feed::Nested { events: true }, destination()),
        OutputOptions::feed(Ecs::default().into(), destination()),
        OutputOptions::hosts(HostFormat::Json { activities: false }, destination()),
        OutputOptions::hosts(HostFormat::Xml, destination()),
        OutputOptions::hosts(HostFormat::Gnmap, destination()),
        OutputOptions::hosts(HostFormat::Markdown, destination()),
    ]
}

#[test]
fn a_writer_receives_the_bytes_of_a_file_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    for number in 0..formats(&|| Output::Stdout).len() {
        let written = Shared::default();
        let writer = written.clone();
        let mut to_writer = formats(&move || Output::writer(writer.clone()));
        let mut to_file = formats(&|| Output::File(file.clone()));
        let name = format!("{:?}", to_file[number].format);
        convert(to_writer.swap_remove(number)).unwrap();
        drop(to_writer);
        convert(to_file.swap_remove(number).with_overwrite(true)).unwrap();
        let (text, expected) = (written.text(), fs::read(&file).unwrap());
        assert!(text.len() > 1000 && text == expected, "{name}: {} bytes", text.len());
        assert!(written.flushes() > 0 && written.is_closed(), "{name}");
    }
}

#[test]
fn an_error_of_a_writer_is_an_output_error() {
    for room in [0, 100, 5000] {
        for output in formats(&|| Output::writer(Full(room))) {
            let name = format!("{:?} with room for {room} bytes", output.format);
            let error = convert(output).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Sink { .. }), "{name}: {error:?}");
            assert!(error.to_string().contains("the writer"), "{name}: {error}");
        }
    }
}

#[test]
fn a_writer_is_written_once_and_is_no_folder() {
    let refused = |output: OutputOptions| {
        let error = convert(output).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Usage { .. }), "{error:?}");
        error.to_string()
    };
    let destination = Output::writer(Vec::new());
    assert_eq!(destination, destination.clone());
    assert_ne!(destination, Output::writer(Vec::new()));
    convert(OutputOptions::tables(TableFormat::Jsonl, destination.clone())).unwrap();
    let again = refused(OutputOptions::tables(TableFormat::Jsonl, destination));
    assert!(again.contains("written once"), "{again}");
    for format in [TableFormat::Csv, TableFormat::Parquet] {
        let all = refused(OutputOptions::tables(format, Output::writer(Vec::new())));
        assert!(all.contains("one file per table"), "{all}");
    }
    let workbook = refused(OutputOptions::tables(TableFormat::Xlsx, Output::writer(Vec::new())));
    assert!(workbook.contains("needs a file"), "{workbook}");
    let mut layout = TableLayout::default();
    layout.partition_by = Some(PartitionBy::ScanDate);
    let partitions = OutputOptions::tables(TableFormat::Parquet, Output::writer(Vec::new()))
        .with_tables([Table::Hosts])
        .with_layout(layout);
    assert!(refused(partitions).contains("partitions need a folder"));
    assert!(!Path::new("the writer").exists());
}
