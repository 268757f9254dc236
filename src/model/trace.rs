//! Routes to a host.

use super::{CowStr, record::record};

record! {
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
}

record! {
    /// One hop of a route (element `hop`).
    #[derive(Debug, Clone, PartialEq, Default)]
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
}
