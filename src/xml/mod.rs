//! Bytes of nmap's XML to events, without I/O: [`Decoder`] is fed, [`Reader`] reads.
//!
//! The rules on damaged input are those of `docs/data-model.md`, section 1: nothing that was whole is
//! lost, and whatever could not be used is told.
//!
//! ```
//! use scanmill::{model::ScanEvent, xml::{Decoder, Options}};
//!
//! let mut decoder = Decoder::new(Options::default());
//! decoder.feed(br#"<nmaprun scanner="nmap" args="nmap -sn 192.0.2.1"><host><status state="up"/>"#);
//! decoder.feed(br#"<address addr="192.0.2.1" addrtype="ipv4"/></host>"#);
//! let mut addresses = Vec::new();
//! while let Some(event) = decoder.next_event()? {
//!     if let ScanEvent::Host(host) = event {
//!         addresses.extend(host.addresses.iter().map(|a| a.text.to_string()));
//!     }
//! }
//! assert_eq!(addresses, ["192.0.2.1"]);
//! # Ok::<(), scanmill::error::Error>(())
//! ```

mod batch;
mod budget;
mod context;
mod decode;
mod evidence;
mod floating;
mod form;
mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod host;
mod intake;
mod lex;
mod marks;
mod names;
mod notes;
mod places;
mod port;
#[doc(hidden)]
pub mod probe;
mod prolog;
mod reader;
mod repair;
mod run;
mod script;
mod skip;
mod text;
mod token;
mod value;
mod walk;

pub(crate) use self::budget::most_ports;
#[cfg(feature = "cli")]
pub(crate) use self::decode::{ESCAPED, QUOTED};
pub use self::{
    batch::{HostBatch, HostNotes},
    decode::{Decoder, Part},
    reader::Reader,
};
use crate::limits::Limits;

/// How input is read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Caps on what is buffered (rule R10).
    pub limits: Limits,
    /// Whether UTF-8 that nmap wrote one reference a byte is put together (rule T4); true by default.
    pub text_repair: bool,
    /// Whether the first warning ends the input (rule R11).
    pub strict: bool,
    /// Whether the SHA-256 of each document's bytes is taken.
    pub hash: bool,
    /// What tells scans of one command line apart, such as the name of a sensor: a part of the scan id.
    pub salt: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            text_repair: true,
            strict: false,
            hash: false,
            salt: String::new(),
        }
    }
}

impl Options {
    /// With these caps.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// With or without the repair of rule T4.
    #[must_use]
    pub fn with_text_repair(mut self, on: bool) -> Self {
        self.text_repair = on;
        self
    }

    /// With the first warning as an error, or not.
    #[must_use]
    pub fn with_strict(mut self, on: bool) -> Self {
        self.strict = on;
        self
    }

    /// With or without the SHA-256 of each document.
    #[must_use]
    pub fn with_hash(mut self, on: bool) -> Self {
        self.hash = on;
        self
    }

    /// With this salt of the scan ids.
    #[must_use]
    pub fn with_salt(mut self, salt: impl Into<String>) -> Self {
        self.salt = salt.into();
        self
    }
}
