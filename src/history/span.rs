//! Begin and end of intervals, and the looks that confirm them.

use crate::model::{ScanIndex, Span, Timestamp};

/// All looks at a host with one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) time: Option<Timestamp>,
    /// Scan of the last of these looks.
    pub(super) last: ScanIndex,
    /// Index of the first look at the device that has the address at this time.
    pub(super) device: usize,
}

impl Moment {
    /// Ends an interval.
    pub(super) fn end(self, span: &mut Span) {
        (span.valid_to, span.ended_by) = (self.time, Some(self.last));
    }
}

/// Looks of a moment that confirm the current state.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Confirmation {
    looks: i64,
    first: ScanIndex,
    last: ScanIndex,
}

impl Confirmation {
    /// Returns the looks whose state equals `state`. `said` holds the state and the scan of each look that has one.
    pub(super) fn by<S: PartialEq>(state: Option<&S>, said: &[(S, ScanIndex)]) -> Self {
        let mut confirmed = Self::default();
        for (_, scan) in said.iter().filter(|(found, _)| Some(found) == state) {
            if confirmed.looks == 0 {
                confirmed.first = *scan;
            }
            confirmed.looks = confirmed.looks.saturating_add(1);
            confirmed.last = *scan;
        }
        confirmed
    }

    /// Begins an interval. If no look confirms it (an address changed), the last look of the moment counts as one.
    pub(super) fn begin(self, moment: Moment) -> Span {
        let Self { looks, first, last } = match self.looks {
            0 => Self { looks: 1, first: moment.last, last: moment.last },
            _ => self,
        };
        Span {
            valid_from: moment.time,
            last_seen: moment.time,
            valid_to: None,
            looks,
            first_scan: first,
            last_scan: last,
            ended_by: None,
        }
    }

    /// Extends an interval.
    pub(super) fn extend(self, span: &mut Span, moment: Moment) {
        if self.looks > 0 {
            span.looks = span.looks.saturating_add(self.looks);
            (span.last_seen, span.last_scan) = (moment.time, self.last);
        }
    }
}
