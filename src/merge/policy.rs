//! By which rules hosts merge (docs/merge.md).

use std::{cmp::Ordering, fmt, str::FromStr, time::Duration};

use super::look::LookFacts;
use crate::{
    error::Error,
    model::{Identity, Port, PortState, Protocol, Service, Text},
};

/// Which of several records wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Precedence {
    /// That of the caller, the first scan; others fill its gaps.
    #[default]
    Caller,
    /// The first in the order of the arguments: the same, with the first input as caller.
    First,
    /// What is true now: the latest record. What a later look covers and does not list is gone, and what it did
    /// not look for stays.
    Latest,
    /// The one that knows most.
    Best,
}

impl Precedence {
    /// The name of the policy, as options and the table of conflicts have it.
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

    /// `caller`, `first`, `latest` or `best`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let all = [Self::Caller, Self::First, Self::Latest, Self::Best];
        all.into_iter().find(|policy| policy.name() == text).ok_or_else(|| {
            Error::usage(format!("no policy {text:?}: caller, first, latest or best"))
        })
    }
}

/// What may be taken from other scans than the caller's; all of it by default.
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
    /// All of operating system detection.
    pub os: bool,
    /// Requested targets that no scan looked at.
    pub non_scanned: bool,
    /// Host names, addresses and MAC of a host that the caller knows.
    pub names: bool,
    /// Uptime, distance, sequences and comment.
    pub details: bool,
}

impl MergeFlags {
    /// Whether ports of this protocol may be taken.
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

/// How scans merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct MergePolicy {
    /// Which record wins.
    pub precedence: Precedence,
    /// What may be taken.
    pub flags: MergeFlags,
    /// What makes two hosts the same.
    pub identity: Identity,
    /// With [`Precedence::Latest`]: whether a port stays that a later scan looked for and did not list.
    pub keep_covered: bool,
    /// With [`Precedence::Latest`]: whether looks at a host with another MAC address count as well.
    pub keep_identity: bool,
    /// Hosts and ports that were not seen for longer are left out, counted back from the newest look.
    pub max_age: Option<Duration>,
    /// Whether what lost is told.
    pub explain: bool,
}

impl MergePolicy {
    /// The policy with this precedence, all flags on, by IP address.
    #[must_use]
    pub fn new(precedence: Precedence) -> Self {
        Self { precedence, ..Self::default() }
    }

    /// The same with these flags.
    #[must_use]
    pub fn with_flags(self, flags: MergeFlags) -> Self {
        Self { flags, ..self }
    }

    /// The same with hosts told apart by this.
    #[must_use]
    pub fn with_identity(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// The same, with ports that a later scan did not find kept or not.
    #[must_use]
    pub fn with_keep_covered(self, keep_covered: bool) -> Self {
        Self { keep_covered, ..self }
    }

    /// The same, with looks at a host with another MAC address kept or not.
    #[must_use]
    pub fn with_keep_identity(self, keep_identity: bool) -> Self {
        Self { keep_identity, ..self }
    }

    /// The same, without hosts and ports that were not seen for longer than this, counted back from the newest
    /// look.
    #[must_use]
    pub fn with_max_age(self, max_age: Option<Duration>) -> Self {
        Self { max_age, ..self }
    }

    /// The same, with what lost told or not.
    #[must_use]
    pub fn with_explain(self, explain: bool) -> Self {
        Self { explain, ..self }
    }
}

/// Compares records of a port by what they know; less is better. Each has the facts of its look.
pub(super) fn compare_knowledge(
    (facts, port): (&LookFacts, &Port<'_>),
    (other, theirs): (&LookFacts, &Port<'_>),
) -> Ordering {
    let timed_out = facts.timed_out.cmp(&other.timed_out);
    let known = worth(theirs).cmp(&worth(port));
    timed_out.then(known).then(facts.order.cmp(&other.order))
}

/// How much a record of a port knows: of its best service, then whether the port is open.
fn worth(port: &Port<'_>) -> (Option<(u8, Option<i32>, usize)>, bool) {
    (port.services.iter().map(worth_of_service).max(), port.state == PortState::Open)
}

fn worth_of_service(service: &Service<'_>) -> (u8, Option<i32>, usize) {
    let method = match service.method.as_deref() {
        // As it was called before nmap 4.85.
        Some("probed" | "detection") => 3,
        _ if service.banner.is_some() => 2,
        Some("table") => 1,
        _ => 0,
    };
    let has = |text: &Option<Text<'_>>| usize::from(text.is_some());
    let known = has(&service.product)
        + has(&service.version)
        + has(&service.extra_info)
        + has(&service.hostname)
        + has(&service.os_type)
        + has(&service.device_type)
        + usize::from(!service.cpes.is_empty());
    (method, service.confidence, known)
}
