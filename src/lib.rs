//! scanmill turns nmap XML into normalized tables.

mod bytes;
#[cfg(feature = "cli")]
pub mod cli;
pub mod error;
pub mod feed;
mod json;
pub mod limits;
pub mod model;
pub mod pipeline;
pub mod sink;
pub mod source;
pub mod table;
pub mod xml;
