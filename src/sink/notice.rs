//! What a sink that keeps documents apart is told between pieces of output.

use crate::{error::Position, table::Table};

/// Said to a sink between pieces, in the order of what is read; see
/// [`Sink::takes_notices`](super::Sink::takes_notices).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// A document has ended.
    Document(Box<Document>),
    /// An input was refused, or an error ended it.
    Refused,
    /// All that was read before [`Pipeline::mark`](crate::pipeline::Pipeline::mark) was called with this
    /// number has been told.
    Mark(u64),
}

/// What is known of a document at its end.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Document {
    /// Name of its input as given.
    pub source: String,
    /// Its place among the documents of the input, from 0.
    pub doc_index: i32,
    /// Where it begins in its input.
    pub position: Position,
    /// The id of its scan; `None` if there is no scan in it.
    pub scan_id: Option<String>,
    /// The UTC date of the scan's start, else of its end, as `2024-01-31`.
    pub scan_date: Option<String>,
    /// Whether a `finished` element was read.
    pub finished: bool,
    /// Whether it ends before its end tag.
    pub truncated: bool,
    /// Host elements that were not cut.
    pub whole_hosts: u64,
    /// SHA-256 of its bytes in hexadecimal. `None` for rows of a document whose end was not read.
    pub sha256: Option<String>,
    /// Rows a table, by [`Table::number`]: those that were encoded since the document before it.
    pub rows: [u64; Table::ALL.len()],
}
