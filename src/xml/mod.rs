//! Turns the bytes of nmap's XML into events. [`Decoder`] is fed by its caller and does no I/O; [`Reader`] reads an
//! input.
//!
//! Damaged input follows the rules of `docs/data-model.md`, section 1: nothing that was complete is lost, and
//! everything that could not be used is reported.
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
mod diagnostics;
mod evidence;
mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod host;
mod lex;
mod names;
mod offset_map;
mod port;
#[doc(hidden)]
pub mod probe;
mod prolog;
mod reader;
mod repair;
mod scan;
mod scan_elements;
mod script;
mod skip;
mod source_encoding;
mod special_bytes;
mod text;
mod token;
mod transcode;
mod value;
mod walk;

pub(crate) use self::{
    batch::{HostDiagnostics, RawHostBatch},
    budget::most_ports,
    decode::BatchedEvent,
};
pub use self::{
    decode::Decoder,
    reader::{NamedReader, Reader},
};
use crate::limits::Limits;

/// Options for reading.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Limits on what is buffered (rule R10).
    pub limits: Limits,
    /// Combine UTF-8 that nmap wrote as one reference per byte (rule T4); true by default.
    pub text_repair: bool,
    /// End the input at the first warning.
    pub strict: bool,
    /// Compute the SHA-256 of each document's bytes.
    pub hash: bool,
    /// Text that distinguishes scans with the same command line, such as the name of a sensor; it is part of the scan
    /// ID.
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
    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Enables or disables the repair of rule T4.
    #[must_use]
    pub fn with_text_repair(mut self, on: bool) -> Self {
        self.text_repair = on;
        self
    }

    /// Enables or disables strict reading, which turns the first warning into an error.
    #[must_use]
    pub fn with_strict(mut self, on: bool) -> Self {
        self.strict = on;
        self
    }

    /// Enables or disables the SHA-256 of each document.
    #[must_use]
    pub fn with_hash(mut self, on: bool) -> Self {
        self.hash = on;
        self
    }

    /// Sets the salt of the scan IDs.
    #[must_use]
    pub fn with_salt(mut self, salt: impl Into<String>) -> Self {
        self.salt = salt.into();
        self
    }
}
