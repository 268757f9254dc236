//! By which rules hosts merge (DATA_MODEL section 5).

use std::{cmp::Ordering, fmt, str::FromStr};

use crate::{
    error::Error,
    model::{Host, Identity, Port, PortState, Service, Text, Timestamp},
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
    /// The one whose host was scanned last. What a later scan looked for and did not list is gone.
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

    /// The same, with what lost told or not.
    #[must_use]
    pub fn with_explain(self, explain: bool) -> Self {
        Self { explain, ..self }
    }
}

/// A host with what decides its rank.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rank {
    timed_out: bool,
    time: Option<Timestamp>,
    listed: i32,
    /// Place in the order of the arguments.
    order: u64,
}

impl Rank {
    /// `scan_time` is the end of its scan, else its start.
    pub(super) fn of(host: &Host<'_>, scan_time: Option<Timestamp>, order: u64) -> Self {
        Self {
            timed_out: host.timed_out == Some(true),
            time: host.end_time.or(scan_time),
            listed: host.ports_listed,
            order,
        }
    }

    /// Less is better.
    pub(super) fn compare(&self, other: &Self, precedence: Precedence) -> Ordering {
        let earlier = self.order.cmp(&other.order);
        let timed_out = self.timed_out.cmp(&other.timed_out);
        match precedence {
            Precedence::Caller | Precedence::First => earlier,
            Precedence::Latest => {
                timed_out.then(other.time.cmp(&self.time)).then(earlier.reverse())
            }
            Precedence::Best => timed_out.then(other.listed.cmp(&self.listed)).then(earlier),
        }
    }

    /// Whether this host was looked at behind another one, even if that one ranks below it.
    pub(super) fn is_later(&self, other: &Self) -> bool {
        (self.time, self.order) > (other.time, other.order)
    }

    /// Less is better: by the records of a port where the policy looks at them.
    pub(super) fn compare_ports(
        (rank, port): (&Self, &Port<'_>),
        (other, theirs): (&Self, &Port<'_>),
        precedence: Precedence,
    ) -> Ordering {
        if precedence == Precedence::Best {
            let timed_out = rank.timed_out.cmp(&other.timed_out);
            let known = worth(theirs).cmp(&worth(port));
            return timed_out.then(known).then(rank.order.cmp(&other.order));
        }
        rank.compare(other, precedence)
    }
}

/// How much a record of a port knows: of its best service, then whether the port is open.
fn worth(port: &Port<'_>) -> (Option<(u8, Option<i32>, usize)>, bool) {
    (port.services.iter().map(worth_of_service).max(), port.state == PortState::Open)
}

fn worth_of_service(service: &Service<'_>) -> (u8, Option<i32>, usize) {
    let method = match service.method.as_deref() {
        // As it was called before nmap 4.85.
        Some("probed" | "detection") => 2,
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
