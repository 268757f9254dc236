//! scanmill turns what nmap saw into normalized tables that can be trusted and queried.
//!
//! It is a command and this library. The stages stand in a row, and each can be used alone:
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
//! [`Reader`](xml::Reader) takes anything that can be read and needs the memory of one host.
//! [`Reader::events`](xml::Reader::events) gives headers, tasks, hosts and the end of each scan;
//! [`Decoder`](xml::Decoder) does the same without I/O, fed with bytes as they come.
//!
//! # A table of a file, as Arrow record batches
//!
//! ```
//! use scanmill::{pipeline::Batches, table::Table, xml::{Options, Reader}};
//!
//! let file = std::fs::File::open("fixtures/04-all-options-lan.xml")?;
//! let reader = Reader::new(file, Options::default());
//! for batch in Batches::new(reader, "04-all-options-lan.xml", Table::Services) {
//!     let batch = batch?;
//!     println!("{} rows of {} columns", batch.num_rows(), batch.num_columns());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`ops::read`](ops::read()) does so for many inputs and any set of tables at once, on several threads.
//!
//! # Each document exactly once
//!
//! [`ops::ingest`](ops::ingest()) loads inputs into a dataset of partitioned Parquet with a log of commits, as
//! `scanmill ingest` does. [`ops::dataset`] answers questions about it and maintains it, and [`dataset::Dataset`] reads it.
//!
//! # Formats of your own
//!
//! A [`format::Format`] is an encoder that works on any thread and a writer that gets its chunks in order.
//! `examples/markdown.rs` has one that is written outside the crate.
//!
//! # Several scans of one host
//!
//! [`merge::Merger`] takes the hosts of scans as they come and gives one host for each that they saw, by a
//! [`merge::MergePolicy`]. [`diff::differences`] compares two of them.
//!
//! # Running nmap
//!
//! [`scanner::Scanner`] runs the nmap that is installed: targets, ports and arguments are checked, hosts come as they
//! close, and afterwards all that was found is looked up. [`scanner::AsyncScanner`] does so in the background. An
//! [`engine::Engine`] runs functions on hosts and ports as if they were scripts of nmap, live or on what a file
//! tells.
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
//! # A feed that runs by itself
//!
//! [`ops::watch`](ops::watch()) turns files that are dropped into a folder into lines of a feed, each document once.
//! [`pipeline::Pipeline::follow`] reads a file while it is written.
//!
//! # Events for SIEMs
//!
//! [`feed::Feed`] says which documents are made of hosts and scans: nested lines, or events of ECS, OCSF or CIM.
//! [`feed::ecs::changes`] makes events of differences. [`ops::feed`](ops::feed()) returns the lines of many inputs.
//!
//! # Words
//!
//! They are nmap's and Arrow's own. A *document* is one `nmaprun` element; an input may hold several. A
//! *scan* is what a document tells, with the id that DATA_MODEL section 2 gives it. A *run* is nmap's
//! work on it: header, tasks, statistics. A *warning* is damage that was read around: it has a code, a
//! first place and a count ([`error::DiagnosticCode`]). A *cell* is the value of a column in a row.
//!
//! # What holds on any input
//!
//! Nothing panics, nothing is lost that was whole, and memory has caps with names ([`limits::Limits`]).
//! However the bytes are cut into pieces, the events are the same. The rules are those of
//! `docs/data-model.md`; where a comment says DATA_MODEL, it means that document.
//!
//! # Features
//!
//! `cli` (on by default) is the command and what it needs; a library does without it by
//! `default-features = false`.

mod bytes;
#[cfg(feature = "cli")]
pub mod cli;
mod codec;
pub mod dataset;
pub mod diff;
pub mod engine;
pub mod error;
pub mod exec;
pub mod feed;
pub mod format;
mod fs;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod getopt;
pub mod history;
mod json;
pub mod limits;
pub mod merge;
pub mod model;
pub mod ops;
pub mod output;
pub mod pipeline;
mod process;
pub mod request;
pub mod scanner;
mod snapshot;
pub mod source;
pub mod table;
pub mod watch;
pub mod xml;
