//! Memory limits of the lists of a host and of a scan (rule R10).
//!
//! XML can be far smaller than its parsed form: `<hop/>` has six bytes, and its entry in the list of hops takes ten
//! times as many. So a limit on the bytes of a host bounds its text, but not its lists. This module alone knows the
//! cost of an entry of each list: its size in the model, twice, because a growing list is copied from its old to its
//! new allocation, and the output that is produced from it before it can be freed. A new list in the model needs an
//! [`Entry`] here and a charge where it is read.
//!
//! All lists of a host share [`Limits::max_host_list_bytes`] bytes. When they are used up, no list grows any more: the
//! host is incomplete, and each omitted entry counts as `W_LIMIT`. Scripts of a scan and its `scaninfo` are charged to
//! [`Limits::max_scan_metadata_bytes`] in the same way, together with their text.

use super::{diagnostics::FrameDiagnostics, token::Attr};
use crate::{
    error::DiagnosticCode,
    limits::Limits,
    model::{
        Address, CowStr, ExtraPorts, ExtraReason, Hostname, OsClass, OsMatch, OsPortUsed, Port,
        ScanEvent, Script, ScriptNode, Service, Trace, TraceHop,
    },
};

/// Entry of a list in the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Address,
    Hostname,
    ExtraPorts,
    ExtraReason,
    Port,
    Service,
    Cpe,
    Script,
    /// A table or an elem of a script.
    ScriptNode,
    PortUsed,
    OsMatch,
    OsClass,
    Fingerprint,
    Trace,
    Hop,
    /// Statement about the scan: its ports, a task, a hint or a target.
    Activity,
}

/// Number of bytes that a table row takes until it is written, including its keys: measured in every format with hosts
/// that consist only of such rows.
const ROW: usize = 256;
/// Number of bytes of output that an entry takes which is part of another entry's row.
const PART: usize = 64;

impl Entry {
    /// Returns the memory in bytes charged for an entry, without its text.
    pub(super) const fn cost(self) -> usize {
        let (size, written) = match self {
            Self::Address => (size_of::<Address<'_>>(), PART),
            Self::Hostname => (size_of::<Hostname<'_>>(), PART),
            Self::ExtraPorts => (size_of::<ExtraPorts<'_>>(), PART),
            Self::ExtraReason => (size_of::<ExtraReason<'_>>(), PART),
            Self::Port => (size_of::<Port<'_>>(), ROW),
            Self::Service => (size_of::<Service<'_>>(), ROW),
            Self::Cpe | Self::Fingerprint => (size_of::<CowStr<'_>>(), PART),
            Self::Script => (size_of::<Script<'_>>(), ROW),
            Self::ScriptNode => (size_of::<ScriptNode<'_>>(), PART),
            Self::PortUsed => (size_of::<OsPortUsed<'_>>(), PART),
            Self::OsMatch => (size_of::<OsMatch<'_>>(), ROW),
            Self::OsClass => (size_of::<OsClass<'_>>(), ROW),
            Self::Trace => (size_of::<Trace<'_>>(), PART),
            Self::Hop => (size_of::<TraceHop<'_>>(), ROW),
            Self::Activity => (size_of::<ScanEvent<'_>>(), ROW),
        };
        size.saturating_mul(2).saturating_add(written)
    }
}

/// Memory left for the lists of a host.
#[derive(Debug)]
pub(super) struct Budget {
    cap: usize,
    spent: usize,
    full: bool,
}

impl Budget {
    pub(super) const fn new(cap: usize) -> Self {
        Self { cap, spent: 0, full: false }
    }

    /// Charges an entry with `text` bytes of its own. Returns false if it must be omitted.
    #[inline]
    pub(super) fn charge(
        &mut self,
        (entry, text): (Entry, usize),
        at: usize,
        diagnostics: &mut FrameDiagnostics,
    ) -> bool {
        let spent = self.spent.saturating_add(entry.cost()).saturating_add(text);
        if self.full || spent > self.cap {
            self.full = true;
            let cap = self.cap;
            diagnostics.add(DiagnosticCode::Limit, at, || {
                format!("a host whose lists take more than {cap} bytes of memory")
            });
            return false;
        }
        self.spent = spent;
        true
    }

    /// Returns true if any entry was omitted.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    /// Returns the number of bytes spent, for [`Self::refund`].
    pub(super) const fn spent(&self) -> usize {
        self.spent
    }

    /// Refunds everything spent since `spent` was returned, because none of it is kept.
    pub(super) fn refund(&mut self, spent: usize) {
        debug_assert!(spent <= self.spent, "a refund of what was not spent");
        self.spent = spent.min(self.spent);
    }
}

/// Returns the total length in bytes of the attribute values of a tag.
pub(super) fn text_of(attributes: &[Attr<'_>]) -> usize {
    attributes.iter().map(|attr| attr.raw.len()).fold(0, usize::saturating_add)
}

/// Returns the maximum number of ports per host, both listed ports and those expanded from counts.
pub(crate) fn most_ports(limits: &Limits) -> usize {
    let within = limits.max_host_list_bytes.checked_div(Entry::Port.cost());
    limits.max_ports.min(within.unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_all_ports_with_services_and_scripts_is_within_the_defaults() {
        let limits = Limits::default();
        let port = Entry::Port.cost() + Entry::Service.cost() + 2 * Entry::Cpe.cost();
        let scripts = 2 * Entry::Script.cost() + 20 * Entry::ScriptNode.cost();
        assert!(
            65_536 * (port + scripts) + 100_000 * Entry::ScriptNode.cost()
                < limits.max_host_list_bytes
        );
        assert!(100_000 * (Entry::ScriptNode.cost() + 32) < limits.max_scan_metadata_bytes);
        assert!(most_ports(&limits) >= 2 * 65_536);
    }

    #[test]
    fn entries_above_the_budget_are_omitted_and_refunds_count() {
        let mut diagnostics = FrameDiagnostics::new(0);
        let mut budget = Budget::new(Entry::Hop.cost() + Entry::Cpe.cost());
        assert!(budget.charge((Entry::Cpe, 0), 0, &mut diagnostics));
        let before = budget.spent();
        assert!(budget.charge((Entry::Hop, 0), 0, &mut diagnostics));
        budget.refund(before);
        assert!(budget.charge((Entry::Hop, 0), 0, &mut diagnostics) && !budget.is_full());
        assert!(diagnostics.is_empty());
        assert!(!budget.charge((Entry::Cpe, 0), 7, &mut diagnostics) && budget.is_full());
        assert!(!diagnostics.is_empty());
    }
}
