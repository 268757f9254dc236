//! scanmill turns nmap XML into normalized tables.

pub mod error;
pub mod feed;
pub mod limits;
pub mod model;
pub mod xml;
