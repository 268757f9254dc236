//! Hosts to one-line JSON documents, written straight from the borrowed host.
//!
//! A feed takes hosts, not rows: what belongs to a host stands in its line. [`nested`] is scanmill's own
//! shape (data model, section 4).

pub mod nested;
