//! Whole jobs as function calls: what a command of scanmill does, without arguments, terminal or exit codes.
//!
//! [`read`](read()) turns inputs into Arrow record batches of any set of tables, in one pass. It is what a program that
//! embeds scanmill, or a binding to another language, starts with.

mod read;

pub use self::read::{ReadBatches, ReadOptions, TableBatch, read};
