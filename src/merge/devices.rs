//! Selects the looks at the device that has an address now, also where a saved state holds only some looks.
//!
//! Under `latest`, a look whose MAC address differs from that of the look before it, in time order, starts the host
//! anew. Of the looks in a saved state only three facts are known: the MAC address of their device, the latest look,
//! and the first look at the device. These facts are enough unless a new look falls between looks that were not kept.
//! Then the merge cannot continue this state and returns [`OutOfOrder`].

use super::{
    facts::current_device,
    host_look::{HostLook, Rules},
    policy::Precedence,
    saved_host::{LookMoment, SavedHost},
};
use crate::model::{CowStr, Timestamp};

/// Error of a look that cannot be placed among the looks of a saved state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfOrder;

/// Looks at the device that has the address now.
#[derive(Debug)]
pub(super) struct CurrentLooks<'a> {
    pub(super) looks: Vec<HostLook<'a>>,
    pub(super) saved_hosts: Vec<SavedHost<'a>>,
    /// MAC address of the device.
    pub(super) mac: Option<CowStr<'a>>,
    pub(super) begin: Option<LookMoment>,
}

/// Keeps only looks at the device that has the address now, if the policy distinguishes devices.
pub(super) fn current<'a>(
    looks: Vec<HostLook<'a>>,
    saved_hosts: Vec<SavedHost<'a>>,
    rules: Rules<'_>,
) -> Result<CurrentLooks<'a>, OutOfOrder> {
    let mut current = CurrentLooks { looks, saved_hosts, mac: None, begin: None };
    let policy = rules.policy;
    if policy.precedence == Precedence::Latest
        && !policy.keep_identity
        && current.looks.len().saturating_add(current.saved_hosts.len()) > 0
    {
        current.drop_other_devices(rules)?;
    }
    let is_below = |saved_host: &SavedHost<'a>| {
        saved_host.floor.is_some_and(|floor| {
            let key = floor.moment.key(rules);
            let below =
                |look: &HostLook<'a>| look.facts.moment() <= key || look.facts.last < floor.last;
            current.looks.iter().any(below)
        })
    };
    if current.saved_hosts.iter().any(is_below) { Err(OutOfOrder) } else { Ok(current) }
}

type Key = (Option<Timestamp>, u64);

impl CurrentLooks<'_> {
    fn drop_other_devices(&mut self, rules: Rules<'_>) -> Result<(), OutOfOrder> {
        let begins = self.saved_hosts.iter().filter_map(|saved_host| saved_host.begin);
        self.begin = begins.max_by_key(|begin| begin.key(rules));
        if let Some(begin) = self.begin {
            self.drop_earlier(begin.key(rules))?;
        }
        if self.saved_hosts.iter().any(|saved_host| self.has_other_within(saved_host, rules)) {
            return Err(OutOfOrder);
        }
        let (saved_hosts, looks) = (&self.saved_hosts, &self.looks);
        let of_look = |place: usize| looks.get(place.checked_sub(saved_hosts.len())?);
        let moment = |place: usize| -> Key {
            match saved_hosts.get(place) {
                Some(saved_host) => {
                    saved_host.horizon.map(|horizon| horizon.key(rules)).unwrap_or_default()
                }
                None => of_look(place).map(|look| look.facts.moment()).unwrap_or_default(),
            }
        };
        let mac = |place: usize| match saved_hosts.get(place) {
            Some(saved_host) => saved_host.mac.as_deref(),
            None => Some(&*of_look(place)?.host.mac()?.text),
        };
        let all = saved_hosts.len().saturating_add(looks.len());
        let is_current = current_device(all, moment, mac);
        let (of_saved, of_looks) =
            is_current.split_at_checked(saved_hosts.len()).unwrap_or_default();
        if is_current.iter().any(|is_current| !is_current) {
            if of_saved.iter().any(|is_current| *is_current) {
                // The new device appeared before looks that were not kept.
                return Err(OutOfOrder);
            }
            let mut of_looks = of_looks.iter().copied();
            self.looks.retain(|_| of_looks.next().unwrap_or_default());
            self.saved_hosts.clear();
            let first = self.looks.iter().min_by_key(|look| look.facts.moment());
            self.begin = first.map(|look| LookMoment::of(&look.facts, rules));
        }
        let of_looks = self.looks.iter().find_map(|look| look.host.mac());
        let of_looks = of_looks.map(|address| address.text.clone());
        self.mac = of_looks
            .or_else(|| self.saved_hosts.iter().find_map(|saved_host| saved_host.mac.clone()));
        Ok(())
    }

    /// Returns true if another device was seen before the latest look of a saved host. It is no longer known if that
    /// was before or after the looks at the saved host's own device.
    fn has_other_within(&self, saved_host: &SavedHost<'_>, rules: Rules<'_>) -> bool {
        let (Some(own), Some(horizon)) = (saved_host.mac.as_deref(), saved_host.horizon) else {
            return false;
        };
        let key = horizon.key(rules);
        let is_other = |look: &HostLook<'_>| {
            look.facts.moment() < key && look.host.mac().is_some_and(|mac| *mac.text != *own)
        };
        self.looks.iter().any(is_other)
    }

    /// Drops looks from before the device had the address.
    fn drop_earlier(&mut self, begin: Key) -> Result<(), OutOfOrder> {
        let known = self.saved_hosts.iter().find_map(|saved_host| saved_host.mac.as_deref());
        let is_at_device = |look: &HostLook<'_>| {
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
