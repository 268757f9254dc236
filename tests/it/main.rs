//! Integration tests in one binary: the library and the command on real and damaged input.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod chunking;
#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "cli")]
mod clients;
mod containers;
#[cfg(feature = "cli")]
mod dataset;
mod diff;
mod docs;
mod encodings;
mod engine;
#[cfg(all(feature = "cli", debug_assertions))]
mod faults;
mod feeds;
mod filters;
mod formats;
mod golden;
mod history;
mod host_text;
mod hostile;
#[cfg(feature = "cli")]
mod inspect;
mod keys;
mod layering;
mod looks;
mod merge;
mod mutations;
#[cfg(feature = "cli")]
mod ops;
mod oracle;
mod parity;
#[cfg(feature = "cli")]
mod readme;
mod rules;
mod scanner;
mod schemas;
#[cfg(feature = "cli")]
mod single_files;
mod starts;
mod state;
mod support;
mod tables;
mod threads;
#[cfg(feature = "cli")]
mod truth;
#[cfg(feature = "cli")]
mod watch;
mod writers;
mod xml_output;
