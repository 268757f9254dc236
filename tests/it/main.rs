//! One integration binary: the library and the command on real and damaged input.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod chunking;
#[cfg(feature = "cli")]
mod cli;
mod formats;
mod golden;
mod hostile;
mod keys;
mod layering;
mod mutations;
mod oracle;
mod parity;
mod rules;
mod schemas;
mod support;
