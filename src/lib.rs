//! scanmill turns nmap XML into normalized tables.
//!
//! It is a command and this library. The library is a series of stages, each of which can be used alone:
//!
//! ```text
//!  files, folders,   bytes    frames, tokens,   events   rows of ten    rows    JSONL, CSV,
//!  standard input  ─────────▶ repair, decoding ────────▶ tables or     ───────▶ Parquet
//!  [source]                   [xml]             [model]  nested lines           [format]
//!                                                        [table] [feed]          [output]
//!  └────────────────────────────── [pipeline] ─────────────────────────────────┘
//! ```
//!
//! # Hosts of a file
//!
//! ```
//! use scanmill::xml::{Options, Reader};
//!
//! let file = std::fs::File::open("fixtures/02-syn-versions-scripts.xml")?;
//! for host in Reader::new(file, Options::default()).hosts() {
//!     let host = host?;
//!     for port in host.ports.iter().filter(|port| port.state.as_str() == "open") {
//!         let service = port.services.first().and_then(|service| service.name.as_deref());
//!         println!("{} {} {}", host.ip().map_or("", |ip| &ip.text), port.number, service.unwrap_or("?"));
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Reader`](xml::Reader) accepts any [`std::io::Read`] and needs the memory of one host.
//! [`Reader::events`](xml::Reader::events) returns headers, tasks, hosts and the end of each scan.
//! [`Decoder`](xml::Decoder) returns them without I/O: the caller pushes bytes as they arrive.
//!
//! # A table of a file, as Arrow record batches
//!
//! ```
//! use scanmill::{pipeline::RecordBatchReader, table::Table, xml::{Options, Reader}};
//!
//! let file = std::fs::File::open("fixtures/04-all-options-lan.xml")?;
//! let reader = Reader::new(file, Options::default());
//! for batch in RecordBatchReader::new(reader, "04-all-options-lan.xml", Table::Services) {
//!     let batch = batch?;
//!     println!("{} rows of {} columns", batch.num_rows(), batch.num_columns());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`ops::read`](ops::read()) reads many inputs and any set of tables in one pass, on several threads.
//!
//! # Whole jobs
//!
//! [`ops`] has each command as a function: [`ops::convert`](ops::convert()), [`ops::merge`](ops::merge()) and
//! [`ops::history`](ops::history()) write files, folders and streams that are complete or absent.
//!
//! # Each document exactly once
//!
//! [`ops::ingest`](ops::ingest()) loads inputs into a dataset of partitioned Parquet with a log of commits, as
//! `scanmill ingest` does. [`ops::dataset`] answers questions about it and maintains it, and [`dataset::Dataset`] reads it.
//!
//! # Formats of your own
//!
//! A [`format::Format`] consists of an encoder, which runs on any thread, and a writer, which receives the chunks in
//! order. `examples/hosts_file.rs` implements a format outside the crate.
//!
//! # Several scans of one host
//!
//! [`merge::Merger`] takes the hosts of several scans and returns one record per host, chosen by a
//! [`merge::MergePolicy`]. [`diff::differences`] compares two mergers.
//!
//! # Running nmap
//!
//! [`scanner::Scanner`] runs the installed nmap: it checks targets, ports and arguments, passes on each host as soon as
//! it is complete, and has lookups for the results. [`scanner::AsyncScanner`] scans in the background. An
//! [`engine::Engine`] runs functions on hosts and ports as if they were scripts of nmap, during a scan or on a file.
//!
//! ```
//! use scanmill::{engine::{Engine, HostScript}, scanner::Scanner};
//!
//! let mut engine = Engine::new();
//! engine.host_script(HostScript::new("open_ports", |context| {
//!     let open = context.host().ports.iter().filter(|port| port.state.as_str() == "open");
//!     Ok(open.map(|port| port.number).collect::<Vec<_>>())
//! }))?;
//!
//! // `Scanner::new("127.0.0.1")?.with_ports("22,80")?.with_engine(engine)` and `run()` would scan.
//! let mut scanner = Scanner::from_xml("fixtures/08-tcp-udp-combined.xml")?;
//! scanner.run_engine(&engine)?;
//! for host in scanner.scanned_hosts()? {
//!     println!("{host} {:?}", scanner.host_script(host, "open_ports")?);
//! }
//! # Ok::<(), scanmill::error::Error>(())
//! ```
//!
//! # Watching a folder
//!
//! [`ops::watch`](ops::watch()) reads files that appear in a folder and appends lines to a feed, once per document.
//! [`pipeline::Pipeline::follow`] reads a file while it is written.
//!
//! # Events for SIEMs
//!
//! [`feed::Feed`] converts hosts and scans to nested lines, or to events of ECS, OCSF or CIM.
//! [`feed::ecs::changes`] converts differences to events. [`ops::feed`](ops::feed()) returns the lines of many inputs.
//!
//! # Terms
//!
//! The terms are those of nmap and Arrow. A *document* is one `nmaprun` element; an input may contain several. A *scan* is
//! the work of nmap that a document describes, identified by a scan ID (DATA_MODEL section 2). A *warning* reports damage
//! that reading recovered from: it has a code, the position of its first occurrence, and a count ([`error::DiagnosticCode`]). A
//! *cell* is the value of a column in a row.
//!
//! # Guarantees for any input
//!
//! No input causes a panic, complete hosts are not lost, and memory is limited ([`limits::Limits`]). The events do not
//! depend on the pieces in which bytes arrive. `docs/data-model.md` specifies the rules; comments call it DATA_MODEL.
//!
//! # Features
//!
//! `cli` (on by default) adds the command and its dependencies. A library disables it with `default-features = false`.

#[cfg(feature = "cli")]
pub mod cli;
mod codec;
pub mod dataset;
pub mod diff;
pub mod engine;
pub mod error;
pub mod exec;
pub mod feed;
pub mod filter;
pub mod format;
mod fs;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod getopt;
pub mod history;
pub mod limits;
pub mod merge;
pub mod model;
pub mod nse;
pub mod ops;
pub mod output;
pub mod pipeline;
mod process;
pub mod request;
pub mod scanner;
mod snapshot;
pub mod source;
pub mod table;
mod text;
pub mod watch;
pub mod xml;
