//! Selects the looks at the device that has an address now, also where a saved state holds only some looks.
//!
//! Under `latest`, a look whose MAC address differs from that of the look before it, in time order, starts the host
//! anew. Of the looks in a saved state only three facts are known: the MAC address of their device, the latest look,
//! and the first look at the device. These facts are enough unless a new look falls between looks that were not kept.
//! Then the merge cannot continue this state and returns [`OutOfOrder`].

use super::{
    group::{Look, Rules},
    look::current_device,
    past::{Moment, Past},
    policy::Precedence,
};
use crate::model::{CowStr, Timestamp};

/// Error of a look that cannot be placed among the looks of a saved state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfOrder;

/// Looks at the device that has the address now.
#[derive(Debug)]
pub(super) struct Current<'a> {
    pub(super) looks: Vec<Look<'a>>,
    pub(super) pasts: Vec<Past<'a>>,
    /// MAC address of the device.
    pub(super) mac: Option<CowStr<'a>>,
    pub(super) begin: Option<Moment>,
}

/// Keeps only looks at the device that has the address now, if the policy distinguishes devices.
pub(super) fn current<'a>(
    looks: Vec<Look<'a>>,
    pasts: Vec<Past<'a>>,
    rules: Rules<'_>,
) -> Result<Current<'a>, OutOfOrder> {
    let mut current = Current { looks, pasts, mac: None, begin: None };
    let policy = rules.policy;
    if policy.precedence == Precedence::Latest
        && !policy.keep_identity
        && current.looks.len().saturating_add(current.pasts.len()) > 0
    {
        current.tell_devices_apart(rules)?;
    }
    let is_below = |past: &Past<'a>| {
        past.floor.is_some_and(|floor| {
            let key = floor.moment.key(rules);
            let below =
                |look: &Look<'a>| look.facts.moment() <= key || look.facts.last < floor.last;
            current.looks.iter().any(below)
        })
    };
    if current.pasts.iter().any(is_below) { Err(OutOfOrder) } else { Ok(current) }
}

type Key = (Option<Timestamp>, u64);

impl Current<'_> {
    fn tell_devices_apart(&mut self, rules: Rules<'_>) -> Result<(), OutOfOrder> {
        let begins = self.pasts.iter().filter_map(|past| past.begin);
        self.begin = begins.max_by_key(|begin| begin.key(rules));
        if let Some(begin) = self.begin {
            self.drop_earlier(begin.key(rules))?;
        }
        if self.pasts.iter().any(|past| self.has_other_within(past, rules)) {
            return Err(OutOfOrder);
        }
        let (pasts, looks) = (&self.pasts, &self.looks);
        let of_look = |place: usize| looks.get(place.checked_sub(pasts.len())?);
        let moment = |place: usize| -> Key {
            match pasts.get(place) {
                Some(past) => past.horizon.map(|horizon| horizon.key(rules)).unwrap_or_default(),
                None => of_look(place).map(|look| look.facts.moment()).unwrap_or_default(),
            }
        };
        let mac = |place: usize| match pasts.get(place) {
            Some(past) => past.mac.as_deref(),
            None => Some(&*of_look(place)?.host.mac()?.text),
        };
        let all = pasts.len().saturating_add(looks.len());
        let is_current = current_device(all, moment, mac);
        let (of_pasts, of_looks) = is_current.split_at_checked(pasts.len()).unwrap_or_default();
        if is_current.iter().any(|is_current| !is_current) {
            if of_pasts.iter().any(|is_current| *is_current) {
                // The new device appeared before looks that were not kept.
                return Err(OutOfOrder);
            }
            let mut of_looks = of_looks.iter().copied();
            self.looks.retain(|_| of_looks.next().unwrap_or_default());
            self.pasts.clear();
            let first = self.looks.iter().min_by_key(|look| look.facts.moment());
            self.begin = first.map(|look| Moment::of(&look.facts, rules));
        }
        let of_looks = self.looks.iter().find_map(|look| look.host.mac());
        let of_looks = of_looks.map(|address| address.text.clone());
        self.mac = of_looks.or_else(|| self.pasts.iter().find_map(|past| past.mac.clone()));
        Ok(())
    }

    /// Returns true if another device was seen before the latest look of a past. It is no longer known whether that was
    /// before or after the looks at the past's own device.
    fn has_other_within(&self, past: &Past<'_>, rules: Rules<'_>) -> bool {
        let (Some(own), Some(horizon)) = (past.mac.as_deref(), past.horizon) else { return false };
        let key = horizon.key(rules);
        let is_other = |look: &Look<'_>| {
            look.facts.moment() < key && look.host.mac().is_some_and(|mac| *mac.text != *own)
        };
        self.looks.iter().any(is_other)
    }

    /// Drops looks from before the device had the address.
    fn drop_earlier(&mut self, begin: Key) -> Result<(), OutOfOrder> {
        let known = self.pasts.iter().find_map(|past| past.mac.as_deref());
        let is_at_device = |look: &Look<'_>| {
            look.facts.moment() < begin
                && look.host.mac().is_some_and(|mac| Some(&*mac.text) == known)
        };
        if self.looks.iter().any(is_at_device) {
            // The device had the address earlier already, and looks from that time were dropped.
            return Err(OutOfOrder);
        }
        self.looks.retain(|look| look.facts.moment() >= begin);
        Ok(())
    }
}
