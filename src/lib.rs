//! scanmill turns nmap XML into normalized tables.

pub mod error;
pub mod feed;
mod json;
pub mod limits;
pub mod model;
pub mod sink;
pub mod table;
pub mod xml;
