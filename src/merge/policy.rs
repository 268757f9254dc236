//! Options that decide how hosts merge (docs/merge.md).

use std::{fmt, str::FromStr, time::Duration};

use crate::{
    error::Error,
    model::{Identity, Protocol},
};

/// Rule that chooses the winning record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Precedence {
    /// The caller's record, that is the first scan's, wins; other scans fill its gaps.
    #[default]
    Caller,
    /// The first record in the order of the arguments wins. Equals [`Precedence::Caller`] with the first input as
    /// caller.
    First,
    /// The latest record wins, so that the result is what is true now. A port that a later look covers and does not
    /// list is removed; information that a later look did not ask for stays.
    Latest,
    /// The record with the most information wins.
    Best,
}

impl Precedence {
    /// Returns the name of the policy, as used in options and in the table `conflicts`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::First => "first",
            Self::Latest => "latest",
            Self::Best => "best",
        }
    }
}

impl fmt::Display for Precedence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precedence {
    type Err = Error;

    /// Parses `caller`, `first`, `latest` or `best`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let all = [Self::Caller, Self::First, Self::Latest, Self::Best];
        all.into_iter().find(|policy| policy.name() == text).ok_or_else(|| {
            Error::usage(format!("unknown policy {text:?}: use caller, first, latest or best"))
        })
    }
}

/// Parts that may be taken from other scans than the caller's; all of them by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of Nmapthon's merge")]
pub struct MergeFlags {
    /// TCP ports.
    pub tcp: bool,
    /// UDP ports.
    pub udp: bool,
    /// SCTP ports.
    pub sctp: bool,
    /// IP protocols.
    pub ip: bool,
    /// Host scripts; port scripts follow their port.
    pub scripts: bool,
    /// Routes.
    pub trace: bool,
    /// All results of operating system detection.
    pub os: bool,
    /// Requested targets that no scan looked at.
    pub non_scanned: bool,
    /// Host names, addresses and MAC of a host that the caller knows.
    pub names: bool,
    /// Uptime, distance, sequences and comment.
    pub details: bool,
}

impl MergeFlags {
    /// Returns true if ports of this protocol may be taken.
    pub(super) fn takes(&self, protocol: &Protocol<'_>) -> bool {
        match protocol {
            Protocol::Tcp => self.tcp,
            Protocol::Udp => self.udp,
            Protocol::Sctp => self.sctp,
            Protocol::Ip => self.ip,
            Protocol::Other(_) => true,
        }
    }
}

impl Default for MergeFlags {
    fn default() -> Self {
        Self {
            tcp: true,
            udp: true,
            sctp: true,
            ip: true,
            scripts: true,
            trace: true,
            os: true,
            non_scanned: true,
            names: true,
            details: true,
        }
    }
}

/// Complete set of rules by which scans merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct MergePolicy {
    /// Rule that chooses the winning record.
    pub precedence: Precedence,
    /// Parts that may be taken from other scans than the caller's.
    pub flags: MergeFlags,
    /// Identity by which two hosts are the same.
    pub identity: Identity,
    /// With [`Precedence::Latest`]: keep ports that a later scan looked for and did not list.
    pub keep_covered: bool,
    /// With [`Precedence::Latest`]: count looks at a host with another MAC address too.
    pub keep_identity: bool,
    /// Maximum time since a host or port was last seen, counted back from the newest look. Older ones are left out.
    pub max_age: Option<Duration>,
    /// True if conflicts are recorded.
    pub explain: bool,
}

impl MergePolicy {
    /// Creates a policy with this precedence and all flags on. Hosts are identified by IP address.
    #[must_use]
    pub fn new(precedence: Precedence) -> Self {
        Self { precedence, ..Self::default() }
    }

    /// Sets the flags.
    #[must_use]
    pub fn with_flags(self, flags: MergeFlags) -> Self {
        Self { flags, ..self }
    }

    /// Sets the identity by which two hosts are the same.
    #[must_use]
    pub fn with_identity(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// Keeps or drops ports that a later scan looked for and did not list.
    #[must_use]
    pub fn with_keep_covered(self, keep_covered: bool) -> Self {
        Self { keep_covered, ..self }
    }

    /// Includes or excludes looks at a host with another MAC address.
    #[must_use]
    pub fn with_keep_identity(self, keep_identity: bool) -> Self {
        Self { keep_identity, ..self }
    }

    /// Sets the maximum time since a host or port was last seen, counted back from the newest look.
    #[must_use]
    pub fn with_max_age(self, max_age: Option<Duration>) -> Self {
        Self { max_age, ..self }
    }

    /// Turns the recording of conflicts on or off.
    #[must_use]
    pub fn with_explain(self, explain: bool) -> Self {
        Self { explain, ..self }
    }
}
