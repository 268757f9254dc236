//! Facts that NSE scripts report: certificates, vulnerabilities, titles of web pages and fingerprints of SSH keys.
//!
//! A script writes its result twice: as text for people, and since nmap 6.25 as tables and elements. This module reads
//! the second form, and the first where a script has only that (`vulscan`, and `vulners` before nmap 7.80). docs/scripts.md
//! lists the keys that are read per script; a test compares that list with fixtures.
//!
//! ```text
//! Script ──▶ structured (one tree, also for JSON text of datasets and engines) ──▶ certificate, vulnerability, summary
//! ```
//!
//! The readers are pure functions of one [`Script`](crate::model::Script): they keep no state and never fail. A result that does not have the
//! expected form gives fewer values, not an error, because scripts of other authors may have the same name. The tables
//! `open_services`, `certificates` and `vulnerabilities` and the feeds show what is returned here, so both agree.
//!
//! nmap writes bytes that are not ASCII as `\xNN`. `text` decodes the characters that such bytes encode. It is
//! applied to the values returned here only; `output` and `data` of the table `scripts` stay as nmap wrote them.
//!
//! To read another script, add a reader that takes the script, and list its keys in docs/scripts.md.

mod certificate;
mod structured;
mod summary;
mod text;
mod vulnerability;

pub(crate) use self::summary::{PortSummary, port_summary};
pub use self::{
    certificate::{Certificate, DistinguishedName},
    vulnerability::Vulnerability,
};
