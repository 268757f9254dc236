//! Results of operating system detection.

use std::cmp::Reverse;

use super::{CowStr, PortState, record::record};

record! {
    /// Operating system detection (element `os`).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct OsDetection<'a> {
        /// Ports that the detection used.
        pub ports_used: Vec<OsPortUsed<'a>>,
        /// Matches in document order.
        pub matches: Vec<OsMatch<'a>>,
        /// Classes in document order, both those of matches and those without a match.
        pub classes: Vec<OsClass<'a>>,
        /// Fingerprints.
        pub fingerprints: Vec<CowStr<'a>>,
    }
}

impl<'a> OsDetection<'a> {
    /// Returns the match with the best accuracy, the first of equal ones, and its index.
    #[must_use]
    pub fn best_match(&self) -> Option<(usize, &OsMatch<'a>)> {
        // Of equal items, `min_by_key` returns the first.
        self.matches.iter().enumerate().min_by_key(|(_, found)| Reverse(found.accuracy))
    }

    /// Returns true if nothing was detected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ports_used.is_empty()
            && self.matches.is_empty()
            && self.classes.is_empty()
            && self.fingerprints.is_empty()
    }
}

record! {
    /// Port that operating system detection used (element `portused`).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct OsPortUsed<'a> {
        /// State of the port.
        pub state: Option<PortState<'a>>,
        /// Protocol of the port.
        pub proto: Option<CowStr<'a>>,
        /// Number of the port.
        pub port: Option<i32>,
    }
}

record! {
    /// Operating system that matches (element `osmatch`).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct OsMatch<'a> {
        /// Name of the operating system.
        pub name: Option<CowStr<'a>>,
        /// Accuracy of the match, in percent.
        pub accuracy: Option<i32>,
        /// Line in nmap-os-db.
        pub line: Option<i32>,
    }
}

record! {
    /// Class of operating systems (element `osclass`).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct OsClass<'a> {
        /// Index in [`OsDetection::matches`] of the match it belongs to; `None` if the class is directly in the element
        /// `os`.
        pub match_index: Option<i32>,
        /// Kind of device, such as `general purpose`.
        pub kind: Option<CowStr<'a>>,
        /// Vendor.
        pub vendor: Option<CowStr<'a>>,
        /// Family, such as `Linux`.
        pub family: Option<CowStr<'a>>,
        /// Generation, such as `5.X`.
        pub generation: Option<CowStr<'a>>,
        /// Accuracy of the class, in percent.
        pub accuracy: Option<i32>,
        /// `cpe:/` 2.2 URIs.
        pub cpes: Vec<CowStr<'a>>,
    }
}

record! {
    /// Generation of TCP initial sequence numbers (element `tcpsequence`).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct TcpSequence<'a> {
        /// Difficulty index.
        pub index: Option<i64>,
        /// Difficulty in words.
        pub difficulty: Option<CowStr<'a>>,
        /// Class (before nmap 4.62).
        pub class: Option<CowStr<'a>>,
        /// Observed values, in hexadecimal.
        pub values: Option<CowStr<'a>>,
    }
}

record! {
    /// Generation of numbers (elements `ipidsequence` and `tcptssequence`).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Sequence<'a> {
        /// Class.
        pub class: Option<CowStr<'a>>,
        /// Observed values, in hexadecimal.
        pub values: Option<CowStr<'a>>,
    }
}
