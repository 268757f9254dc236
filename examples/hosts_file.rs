//! A format that scanmill does not have, written outside the crate: names of hosts as lines of `/etc/hosts`.
//!
//! ```sh
//! cargo run --example hosts_file -- fixtures/08-tcp-udp-combined.xml
//! ```
//!
//! [`Lines`] encodes hosts on any number of threads, [`HostsFile`] writes the chunks in the order of the inputs, and
//! [`Format`] ties the two.

#![expect(clippy::print_stderr, reason = "an example shows what it does")]

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

/// Writes lines of a hosts file to standard output.
struct HostsFile;

/// Encodes the addresses and names of hosts as lines of a hosts file.
#[derive(Default)]
struct Lines {
    text: String,
    written: Written,
}

impl Format for HostsFile {
    type Encoder = Lines;

    fn encoder(&self) -> Lines {
        Lines::default()
    }
}

impl ScanEncoder for Lines {
    type Chunk = String;

    fn host(&mut self, _: &ScanHeader, host: &Host<'_>, _: Emit<'_, String>) -> Result<()> {
        let Some(address) = host.ip() else { return Ok(()) };
        // A name with a blank or a line break would be several names or lines.
        let names = host.hostnames.iter().map(|name| &*name.name);
        let names: Vec<&str> = names.filter(|name| !name.contains(char::is_whitespace)).collect();
        if !names.is_empty() {
            // A string takes every text.
            let _ = writeln!(self.text, "{} {}", address.text, names.join(" "));
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

impl ChunkWriter for HostsFile {
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
    let stop = Arc::new(AtomicBool::new(false));
    let pipeline = Pipeline::new(Options::default(), Filters::default(), HostsFile, stop);
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
