//! A format that scanmill does not have, written outside the crate: open ports as a Markdown table.
//!
//! ```sh
//! cargo run --example markdown -- fixtures/08-tcp-udp-combined.xml
//! ```
//!
//! [`Rows`] encodes hosts on any number of threads, [`Markdown`] writes the chunks in the order of the inputs, and
//! [`Format`] ties the two.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example shows what it does")]

use std::{
    env,
    error::Error,
    fmt::Write as _,
    io::{self, Write as _},
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use scanmill::{
    error::{self, Result},
    format::{ChunkWriter, Emit, Format, ScanEncoder, Written},
    model::{Host, ScanActivity, ScanHeader, ScanSummary},
    pipeline::{Filters, Pipeline},
    source::{self, PathFilter},
    xml::Options,
};

/// Writes lines of a Markdown table to standard output.
struct Markdown;

/// Encodes the open ports of hosts as lines of a Markdown table.
#[derive(Default)]
struct Rows {
    text: String,
    written: Written,
}

impl Format for Markdown {
    type Encoder = Rows;

    fn encoder(&self) -> Rows {
        Rows::default()
    }
}

impl ScanEncoder for Rows {
    type Chunk = String;

    fn host(&mut self, _: &ScanHeader, host: &Host<'_>, _: Emit<'_, String>) -> Result<()> {
        let address = host.ip().map_or("(no address)", |address| &*address.text);
        for port in host.ports.iter().filter(|port| port.state.as_str() == "open") {
            let service = port.services.first().and_then(|service| service.name.as_deref());
            // A bar would end the cell.
            let service = service.unwrap_or_default().replace('|', "\\|");
            let (number, protocol) = (port.number, port.protocol.as_str());
            // A string takes every text.
            let _ = writeln!(self.text, "| {address} | {number}/{protocol} | {service} |");
            self.written.lines += 1;
        }
        Ok(())
    }

    fn activity(&mut self, _: &ScanHeader, _: i32, _: &ScanActivity) -> Result<()> {
        Ok(())
    }

    fn scan_end(&mut self, _: &str, _: ScanSummary) -> Result<()> {
        Ok(())
    }

    fn take_written(&mut self) -> Written {
        std::mem::take(&mut self.written)
    }

    fn buffered_bytes(&self) -> usize {
        self.text.len()
    }

    fn take(&mut self) -> Vec<String> {
        vec![std::mem::take(&mut self.text)]
    }
}

impl ChunkWriter for Markdown {
    type Chunk = String;

    fn write(&mut self, chunk: String) -> Result<()> {
        io::stdout()
            .write_all(chunk.as_bytes())
            .map_err(|error| error::Error::sink("standard output", error))
    }

    fn finish(self) -> Result<()> {
        Ok(())
    }
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let paths: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    println!("| Host | Port | Service |\n|---|---|---|");
    let stop = Arc::new(AtomicBool::new(false));
    let pipeline = Pipeline::new(Options::default(), Filters::default(), Markdown, stop);
    let mut pipeline = pipeline.with_threads(2)?;
    for input in source::discover(&paths, &PathFilter::default()) {
        match input {
            Ok(input) => pipeline.read(&input, &PathFilter::default())?,
            Err(error) => pipeline.refuse(error)?,
        }
    }
    let report = pipeline.finish()?;
    report.errors.iter().for_each(|error| eprintln!("{error}"));
    Ok(())
}
