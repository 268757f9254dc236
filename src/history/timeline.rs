//! Converts the looks at one host, one after another, to intervals.
//!
//! Looks with equal times form one moment. The result is evaluated after the last look of a moment
//! ([`Timeline::settle`]). If it differs from before, or another device began, an interval ends and the next one
//! begins. Only ports that a look of the moment can affect are evaluated: those it lists, those it covers that an
//! earlier look lists, and all existing ports when the device or its address changes.
//!
//! A port is *watched* while a look that covers it may change its result. For a look that covers anything, the code
//! iterates over the smaller of two sets: the watched ports, or the lists of ports that the look covers. So a quick
//! look at a few ports is cheap, however many ports are known.

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry};

use super::{
    host::HostTrack,
    port::{PortKey, TrackedPort},
    span::{Confirmation, Moment},
    track::PortReport,
};
use crate::{
    error::Result,
    merge::{
        Device, HostLook, Intervals, LookCoverage, LookFacts, PackedHistory, Packer, Series,
        UnlistedState,
    },
    model::{CowStr, HostInterval, HostState, Port, PortState, Protocol, ScanIndex},
};

/// Number of watched ports up to which all of them are checked, without comparing it with the lists of a look.
const FEW: usize = 32;

/// History of one host up to the current look.
pub(super) struct Timeline<'s, 'b> {
    series: &'s Series<'s, 'b>,
    packer: Packer,
    /// Facts about all looks so far.
    looks: Vec<LookFacts>,
    device: Device<CowStr<'b>>,
    /// Index of the first look at the current device.
    begun: usize,
    host: HostTrack<'b>,
    /// Open interval of the host, and the device it belongs to.
    open: Option<(HostInterval<'b>, usize)>,
    closed: Intervals,
    /// States of the host in the looks of the current moment, each with its scan.
    states: Vec<(HostState<'b>, ScanIndex)>,
    ports: Vec<TrackedPort<'b>>,
    numbers: BTreeMap<PortKey<'b>, usize>,
    touched: Vec<usize>,
    watched: BTreeSet<(PortKey<'b>, usize)>,
    /// Ports that exist, and possibly some that are gone.
    there: Vec<usize>,
    /// Coverage of earlier looks, as far as it was needed.
    coverage: HashMap<usize, Option<LookCoverage<'b>>>,
}

impl<'s, 'b> Timeline<'s, 'b> {
    pub(super) fn new(series: &'s Series<'s, 'b>) -> Self {
        Self {
            series,
            packer: Packer::default(),
            looks: Vec::with_capacity(series.len()),
            device: Device::default(),
            begun: 0,
            host: HostTrack::default(),
            open: None,
            closed: Intervals::default(),
            states: Vec::new(),
            ports: Vec::new(),
            numbers: BTreeMap::new(),
            touched: Vec::new(),
            watched: BTreeSet::new(),
            there: Vec::new(),
            coverage: HashMap::new(),
        }
    }

    /// Takes the next look.
    pub(super) fn take(&mut self, mut look: HostLook<'b>) {
        self.looks.push(look.facts);
        let mac = look.host.mac().map(|address| address.text.clone());
        if !self.series.policy().keep_identity && self.device.begins(mac) {
            self.begin_device();
        }
        self.host.put(&look);
        self.states.push((look.host.status.state.clone(), look.facts.scan));
        for port in std::mem::take(&mut look.host.ports) {
            self.list(port);
        }
        if look.facts.whole {
            self.cover(&look);
        }
    }

    /// Starts another device, which has the address from the last look on.
    fn begin_device(&mut self) {
        self.begun = self.looks.len().saturating_sub(1);
        self.host = HostTrack::default();
        self.states.clear();
        for (_, number) in std::mem::take(&mut self.watched) {
            if let Some(port) = self.ports.get_mut(number) {
                port.is_watched = false;
            }
        }
        for number in &self.touched {
            if let Some(port) = self.ports.get_mut(*number) {
                port.listed.clear();
            }
        }
        self.touch_all();
    }

    /// Marks all existing ports for evaluation.
    fn touch_all(&mut self) {
        for number in std::mem::take(&mut self.there) {
            self.touch(number);
        }
    }

    fn touch(&mut self, number: usize) {
        if let Some(port) = self.ports.get_mut(number)
            && !std::mem::replace(&mut port.is_touched, true)
        {
            self.touched.push(number);
        }
    }

    /// Takes a port that the last look lists.
    fn list(&mut self, port: Port<'b>) {
        let key = (port.protocol.clone(), port.number);
        let number = if let Some(number) = self.numbers.get(&key) {
            *number
        } else {
            let (number, place) = (self.ports.len(), self.looks.len().saturating_sub(1));
            self.ports.push(TrackedPort::new(key.clone(), place, self.begun));
            self.numbers.insert(key.clone(), number);
            number
        };
        self.touch(number);
        let Some(tracked) = self.ports.get_mut(number) else { return };
        tracked.list(port, &self.looks, self.begun);
        if !std::mem::replace(&mut tracked.is_watched, true) {
            self.watched.insert((key, number));
        }
    }

    /// Takes the coverage of the last look, for ports that it does not list.
    fn cover(&mut self, look: &HostLook<'b>) {
        let place = self.looks.len().saturating_sub(1);
        let (ports, watched) = (&self.ports, &self.watched);
        let is_unlisted =
            |number: usize| ports.get(number).is_some_and(|port| !port.is_listed_by(place));
        if !watched.iter().any(|(_, number)| is_unlisted(*number)) {
            return;
        }
        let coverage = self.series.coverage(look);
        let mut asked: Vec<&(PortKey<'b>, usize)> = Vec::new();
        if watched.len() <= FEW || watched.len() <= coverage.ranges().count() {
            asked.extend(watched);
        } else {
            for (protocol, range) in coverage.ranges() {
                let protocol = Protocol::from_name(protocol.as_str().to_owned().into());
                let from = ((protocol.clone(), *range.start()), 0);
                let to = ((protocol, *range.end()), usize::MAX);
                asked.extend(watched.range(from..=to));
            }
            asked.sort_unstable();
            asked.dedup();
        }
        let covered = asked.into_iter().filter(|(_, number)| is_unlisted(*number));
        let covered: Vec<_> = covered
            .filter_map(|((protocol, port), number)| {
                Some((*number, said(coverage.unlisted_state(protocol, *port))?))
            })
            .collect();
        for (number, said) in covered {
            self.touch(number);
            if let Some(port) = self.ports.get_mut(number) {
                port.track.put(said, &self.looks);
            }
        }
    }

    /// Evaluates a moment after all its looks have come.
    ///
    /// # Errors
    /// Returns an error if a record of an earlier look cannot be decoded.
    pub(super) fn settle(&mut self) -> Result<()> {
        let Some(last) = self.looks.last() else { return Ok(()) };
        let moment = Moment { time: last.time, last: last.scan, device: self.begun };
        let ip = self.settle_host(moment);
        for number in std::mem::take(&mut self.touched) {
            self.ask_earlier(number)?;
            let keep_covered = self.series.policy().keep_covered;
            let Some(port) = self.ports.get_mut(number) else { continue };
            port.is_touched = false;
            let looks = (self.looks.as_slice(), keep_covered);
            let (is_there, begins) = port.settle(looks, (moment, ip.as_ref()), &mut self.packer);
            if begins {
                self.there.push(number);
            }
            if port.is_watched && port.track.is_settled(is_there && !keep_covered) {
                port.is_watched = false;
                self.watched.remove(&(port.key.clone(), number));
            }
        }
        Ok(())
    }

    /// Evaluates the host and returns its current address.
    fn settle_host(&mut self, moment: Moment) -> Option<CowStr<'b>> {
        let states = std::mem::take(&mut self.states);
        let now = self.host.values()?;
        let confirmed = Confirmation::by(Some(&now.state), &states);
        let ip = now.ip.clone();
        if let Some((open, device)) = &mut self.open {
            if *device == moment.device && now.is_in(open) {
                confirmed.extend(&mut open.span, moment);
                return ip;
            }
            moment.end(&mut open.span);
            self.packer.host(open, &mut self.closed);
            if open.ip != now.ip {
                self.touch_all();
            }
        }
        self.open = Some((now.into_interval(confirmed.begin(moment)), moment.device));
        ip
    }

    /// Loads the coverage of looks from before the first one that lists the port, if it can change the result.
    fn ask_earlier(&mut self, number: usize) -> Result<()> {
        let Some(port) = self.ports.get_mut(number) else { return Ok(()) };
        if port.device != self.begun || !port.track.asks_earlier(&self.looks) {
            return Ok(());
        }
        let earlier = self.looks.iter().enumerate().take(port.track.begun).skip(self.begun);
        let places = earlier.rev().filter(|(_, facts)| facts.whole).map(|(place, _)| place);
        let mut covered = Vec::new();
        for place in places {
            let coverage = match self.coverage.entry(place) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let look = self.series.open(place)?;
                    new.insert(look.map(|look| self.series.coverage(&look)))
                }
            };
            let Some(coverage) = coverage else { continue };
            let (protocol, number) = &port.key;
            if let Some(said) = said(coverage.unlisted_state(protocol, *number)) {
                covered.push((place, said));
            }
        }
        port.track.put_earlier(covered, &self.looks);
        Ok(())
    }

    /// Ends the input and returns the history.
    pub(super) fn finish(mut self) -> PackedHistory {
        if let Some((open, _)) = &self.open {
            self.packer.host(open, &mut self.closed);
        }
        let mut ports = Intervals::default();
        for number in self.numbers.values() {
            if let Some(port) = self.ports.get(*number) {
                port.finish(&mut self.packer, &mut ports);
            }
        }
        PackedHistory { host: self.closed, ports }
    }
}

/// Returns the information about a port that a look does not list; `None` if the look does not cover it.
fn said(unlisted: UnlistedState<'_>) -> Option<PortReport<'static>> {
    match unlisted {
        UnlistedState::NotCovered => None,
        UnlistedState::Unknown => Some(PortReport::Covered(None)),
        UnlistedState::Known(state) => {
            Some(PortReport::Covered(Some(PortState::from_name(state.to_owned().into()))))
        }
    }
}
