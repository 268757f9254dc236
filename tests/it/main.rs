//! One integration binary: the library and the command on real and damaged input.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod chunking;
mod hostile;
mod mutations;
mod oracle;
mod rules;
mod support;
