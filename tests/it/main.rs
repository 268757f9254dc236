//! One integration binary: the library and the command on real and damaged input.

mod chunking;
mod oracle;
mod rules;
mod support;
