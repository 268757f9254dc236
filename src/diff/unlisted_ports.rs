//! Differences between ports that neither of two states lists: ranges whose state lists name, and counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::{
    host::{ChangePlace, Changes, of_protocol},
    values::SideValue,
};
use crate::{
    merge::{HostSide, ListedRange},
    model::{ChangeKind, Protocol},
};

/// Ports that changed from one state to another.
struct Row<'l> {
    /// Claims of both states about the first of these ports.
    old: &'l ListedRange<'l>,
    new: &'l ListedRange<'l>,
    /// Ranges in ascending order, which are not adjacent to each other.
    ranges: Vec<(u16, u16)>,
}

impl<'l> Row<'l> {
    const fn new(old: &'l ListedRange<'l>, new: &'l ListedRange<'l>) -> Self {
        Self { old, new, ranges: Vec::new() }
    }

    fn add(&mut self, pieces: &[(u16, u16)]) {
        for (first, last) in pieces {
            match self.ranges.last_mut() {
                Some((_, end)) if end.checked_add(1) == Some(*first) => *end = *last,
                _ => self.ranges.push((*first, *last)),
            }
        }
    }

    /// Returns the ports in nmap's list format: `1-21,23`.
    fn list(&self) -> String {
        let mut list = String::new();
        for (first, last) in &self.ranges {
            let comma = if list.is_empty() { "" } else { "," };
            // Writing into a string cannot fail.
            let _ = if last == first {
                write!(list, "{comma}{first}")
            } else {
                write!(list, "{comma}{first}-{last}")
            };
        }
        list
    }
}

impl Changes<'_, '_> {
    /// Compares ports that neither state lists singly.
    pub(super) fn unlisted_ports(&mut self) {
        let pair = self.pair;
        let (Some(old), Some(new)) = (&pair.old, &pair.new) else { return };
        if old.counts_as(new) {
            return;
        }
        let (of_old, of_new) = (old.claims(), new.claims());
        for (protocol, before) in &of_old {
            if let Some(after) = of_new.get(protocol)
                && !before.are_same(after)
            {
                self.ranges(protocol, (&before.standing(), &after.standing()));
            }
        }
        self.counts(old, new);
    }

    /// Adds ports whose state differs, one change per pair of old and new state. Both lists are in order.
    fn ranges(&mut self, protocol: &str, (old, new): (&[ListedRange<'_>], &[ListedRange<'_>])) {
        let listed = self.listed(protocol);
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        let mut rows: BTreeMap<(Option<&str>, Option<&str>), Row<'_>> = BTreeMap::new();
        while let (Some(before), Some(after)) = (old.peek().copied(), new.peek().copied()) {
            let (first, last) = (before.first.max(after.first), before.last.min(after.last));
            if first <= last && before.state != after.state {
                let pieces = between((first, last), &listed);
                if !pieces.is_empty() {
                    let row = rows.entry((before.state, after.state));
                    row.or_insert_with(|| Row::new(before, after)).add(&pieces);
                }
            }
            if before.last <= after.last {
                old.next();
            }
            if after.last <= before.last {
                new.next();
            }
        }
        let mut rows: Vec<Row<'_>> = rows.into_values().collect();
        rows.sort_by_key(|row| row.ranges.first().copied());
        for row in rows {
            let said = |listed: &ListedRange<'_>| {
                SideValue::found(listed.state.unwrap_or_default(), Some(listed.scan), listed.time)
            };
            let states: Vec<&str> = [row.old.state, row.new.state].into_iter().flatten().collect();
            if self.context.options.shows_states(&states) {
                let list = row.list();
                let place = ChangePlace::Unlisted(Some(protocol), Some(&list));
                self.add(place, ChangeKind::Changed, "state", (said(row.old), said(row.new)));
            }
        }
    }

    /// Returns the numbers of the ports of a protocol that either state lists, in order.
    fn listed(&self, protocol: &str) -> Vec<u16> {
        let protocol = Protocol::from_name(protocol.into());
        let of_old = of_protocol(&self.ports.0, &protocol);
        let both = of_old.iter().chain(of_protocol(&self.ports.1, &protocol));
        let numbers: BTreeSet<u16> = both.map(|(port, _)| port.number).collect();
        numbers.into_iter().collect()
    }

    /// Adds changes of counts, for ports that a state counts without listing them.
    fn counts(&mut self, old: &HostSide<'_>, new: &HostSide<'_>) {
        let (of_old, mut of_new) = (old.counts(), new.counts());
        for (protocol, before) in of_old {
            let Some(after) = of_new.remove(&protocol) else { continue };
            let known = before.are_known && after.are_known;
            let both_listed = before.are_listed && after.are_listed;
            let name = protocol.as_deref();
            if !known || both_listed || !looked_at_the_same(name, old, new) {
                continue;
            }
            let (mut before, mut after) = (before.by_state, after.by_state);
            let free = (
                self.take_listed(name, old, (true, &mut before)),
                self.take_listed(name, new, (false, &mut after)),
            );
            let states = differing((&before, &after), free);
            let texts = (counted(&before), counted(&after));
            if states.is_empty()
                || texts.0 == texts.1
                || !self.context.options.shows_states(&states)
            {
                continue;
            }
            let said = |state: &HostSide<'_>, counts: String| SideValue {
                looked: true,
                ..SideValue::by(state.best_look(|_| true), Some(counts))
            };
            let values = (said(old, texts.0), said(new, texts.1));
            self.add(ChangePlace::Unlisted(name, None), ChangeKind::Changed, "extra_ports", values);
        }
    }

    /// Subtracts ports that only the other state lists from the counts of a state. Returns the number of such ports
    /// whose state is not known here.
    fn take_listed(
        &self,
        protocol: Option<&str>,
        state: &HostSide<'_>,
        (is_old, counts): (bool, &mut ByState),
    ) -> i64 {
        let (own, others) =
            if is_old { (&self.ports.0, &self.ports.1) } else { (&self.ports.1, &self.ports.0) };
        let Some(look) = state.looks.first() else { return 0 };
        let others = match protocol {
            Some(name) => of_protocol(others, &Protocol::from_name(name.into())),
            None => others,
        };
        let mut free = 0_i64;
        for (port, _) in others {
            let place = (&port.protocol, port.number);
            let is_own =
                own.binary_search_by(|(own, _)| (&own.protocol, own.number).cmp(&place)).is_ok();
            let covered = look.unlisted(&port.protocol, port.number);
            let Some(covered) = covered.filter(|_| !is_own) else { continue };
            match covered.state.and_then(|state| counts.get_mut(state)) {
                Some(count) => *count = count.saturating_sub(1),
                None => free = free.saturating_add(1),
            }
        }
        free
    }
}

/// Returns true if the scans that supply the host's state were asked to scan the same ports.
fn looked_at_the_same(protocol: Option<&str>, old: &HostSide<'_>, new: &HostSide<'_>) -> bool {
    let (Some(old), Some(new)) = (old.best_coverage(), new.best_coverage()) else { return false };
    match protocol {
        Some(name) => {
            old.of_protocol(name).next().is_some()
                && old.of_protocol(name).eq(new.of_protocol(name))
        }
        None => !old.is_empty() && old == new,
    }
}

/// Number of ports per state.
type ByState = BTreeMap<String, i64>;

/// Returns the states whose counts differ. Returns none if ports of unknown state explain the difference: `free_old`
/// and `free_new` are their numbers on each side.
fn differing<'c>(
    (before, after): (&'c ByState, &'c ByState),
    (free_old, free_new): (i64, i64),
) -> Vec<&'c str> {
    let states: BTreeSet<&'c String> = before.keys().chain(after.keys()).collect();
    let (mut more, mut less) = (0_i64, 0_i64);
    let mut differing = Vec::new();
    for state in states {
        let count = |of: &ByState| of.get(state).copied().unwrap_or_default();
        let difference = count(after).saturating_sub(count(before));
        more = more.saturating_add(difference.max(0));
        less = less.saturating_add(difference.min(0).saturating_neg());
        if difference != 0 {
            differing.push(state.as_str());
        }
    }
    if less <= free_old && more <= free_new {
        differing.clear();
    }
    differing
}

/// Formats counts as in `900 closed, 99 filtered`.
fn counted(counts: &ByState) -> String {
    let counts = counts.iter().filter(|(_, count)| **count > 0);
    let texts: Vec<String> = counts.map(|(state, count)| format!("{count} {state}")).collect();
    if texts.is_empty() { "0".to_owned() } else { texts.join(", ") }
}

/// Returns the parts of a range that contain none of `listed`, which is sorted.
fn between((first, last): (u16, u16), listed: &[u16]) -> Vec<(u16, u16)> {
    let mut pieces = Vec::new();
    let mut from = Some(first);
    let begin = listed.partition_point(|number| *number < first);
    for number in listed.iter().skip(begin).take_while(|number| **number <= last) {
        if let (Some(first), Some(before)) = (from, number.checked_sub(1))
            && first <= before
        {
            pieces.push((first, before));
        }
        from = number.checked_add(1);
    }
    if let Some(first) = from.filter(|first| *first <= last) {
        pieces.push((first, last));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_at_ports_that_are_listed() {
        assert_eq!(between((1, 100), &[22]), [(1, 21), (23, 100)]);
        assert_eq!(between((1, 100), &[1, 2, 100]), [(3, 99)]);
        assert_eq!(between((0, 65535), &[0, 65535]), [(1, 65534)]);
        assert_eq!(between((5, 5), &[5]), []);
        assert_eq!(between((5, 9), &[4, 10]), [(5, 9)]);
        assert_eq!(between((65535, 65535), &[]), [(65535, 65535)]);
    }
}
