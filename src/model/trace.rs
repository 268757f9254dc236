//! Routes to a host.

use super::{CowStr, owned_opt};

/// Route to a host (element `trace`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace<'a> {
    /// Protocol of the probes.
    pub proto: Option<CowStr<'a>>,
    /// Port of the probes.
    pub port: Option<i32>,
    /// Hops that answered, in document order: `ttl` may have gaps.
    pub hops: Vec<TraceHop<'a>>,
}

impl Trace<'_> {
    /// Converts to a trace that owns its text.
    #[must_use]
    pub fn into_owned(self) -> Trace<'static> {
        Trace {
            proto: owned_opt(self.proto),
            port: self.port,
            hops: self.hops.into_iter().map(TraceHop::into_owned).collect(),
        }
    }
}

/// One hop of a route (element `hop`).
#[derive(Debug, Clone, PartialEq)]
pub struct TraceHop<'a> {
    /// Distance from the scanner in hops.
    pub ttl: Option<i32>,
    /// Round trip time in milliseconds.
    pub rtt_ms: Option<f64>,
    /// Address that answered.
    pub ip: Option<CowStr<'a>>,
    /// Host name of that address.
    pub hostname: Option<CowStr<'a>>,
}

impl TraceHop<'_> {
    /// Converts to a hop that owns its text.
    #[must_use]
    pub fn into_owned(self) -> TraceHop<'static> {
        TraceHop {
            ttl: self.ttl,
            rtt_ms: self.rtt_ms,
            ip: owned_opt(self.ip),
            hostname: owned_opt(self.hostname),
        }
    }
}
