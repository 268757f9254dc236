//! scanmill turns nmap XML into normalized tables.

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
