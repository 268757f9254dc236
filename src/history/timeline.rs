//! The looks at one host, one after another, to what was true from when to when.
//!
//! Looks with one time are one moment: what stands is asked when the last of them came ([`Timeline::settle`]), and
//! where it differs from before, or another device began, an interval ends and the next begins. Only ports are
//! asked of which a look of the moment says something: those that it lists, those that it covers and an earlier look
//! lists, and all that are there when the device or its address changes.
//!
//! A port is *watched* while a look that covers it may decide. Of a look that covers anything, the smaller is gone
//! through: the ports that are watched, or the lists of ports that it covers. So a quick look at a few ports costs
//! little, however many ports are known.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    host::HostTrack,
    port::{PortKey, TrackedPort},
    span::{Confirmed, Moment},
    track::Said,
};
use crate::{
    merge::{
        Device, Intervals, Look, LookCoverage, LookFacts, PackedHistory, Packer, Series,
        UnlistedState,
    },
    model::{HostInterval, HostState, Port, PortState, Protocol, ScanNumber, Text},
};

/// So many ports are gone through, whatever a look covers.
const FEW: usize = 32;

/// What was true of a host so far.
pub(super) struct Timeline<'s, 'b> {
    series: &'s Series<'s, 'b>,
    packer: Packer,
    /// All looks so far.
    looks: Vec<LookFacts>,
    device: Device<Text<'b>>,
    /// The first look at the device.
    begun: usize,
    host: HostTrack<'b>,
    /// The interval of the host that is open, and its device.
    open: Option<(HostInterval<'b>, usize)>,
    closed: Intervals,
    /// What the looks of this moment say of the host.
    states: Vec<(HostState<'b>, ScanNumber)>,
    ports: Vec<TrackedPort<'b>>,
    numbers: BTreeMap<PortKey<'b>, usize>,
    touched: Vec<usize>,
    watched: BTreeSet<(PortKey<'b>, usize)>,
    /// Ports that are there, and maybe some that have gone.
    there: Vec<usize>,
    /// What earlier looks covered, as far as it was asked.
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
    pub(super) fn take(&mut self, mut look: Look<'b>) {
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

    /// Another device has the address from the last look on.
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

    /// Has all ports asked that are there.
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

    /// The last look lists a port.
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

    /// The last look covers what it does not list.
    fn cover(&mut self, look: &Look<'b>) {
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

    /// All looks of a moment have come.
    pub(super) fn settle(&mut self) {
        let Some(last) = self.looks.last() else { return };
        let moment = Moment { time: last.time, last: last.scan, device: self.begun };
        let ip = self.settle_host(moment);
        for number in std::mem::take(&mut self.touched) {
            self.ask_earlier(number);
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
    }

    /// Returns the address that the host has now.
    fn settle_host(&mut self, moment: Moment) -> Option<Text<'b>> {
        let states = std::mem::take(&mut self.states);
        let now = self.host.values()?;
        let confirmed = Confirmed::by(Some(&now.state), &states);
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

    /// Asks what looks covered before the first that lists a port, if that may decide.
    fn ask_earlier(&mut self, number: usize) {
        let Some(port) = self.ports.get_mut(number) else { return };
        if port.device != self.begun || !port.track.asks_earlier(&self.looks) {
            return;
        }
        let earlier = self.looks.iter().enumerate().take(port.track.begun).skip(self.begun);
        let places = earlier.rev().filter(|(_, facts)| facts.whole).map(|(place, _)| place);
        let mut covered = Vec::new();
        for place in places {
            let open = || self.series.open(place).map(|look| self.series.coverage(&look));
            let Some(coverage) = self.coverage.entry(place).or_insert_with(open) else { continue };
            let (protocol, number) = &port.key;
            if let Some(said) = said(coverage.unlisted_state(protocol, *number)) {
                covered.push((place, said));
            }
        }
        port.track.put_earlier(covered, &self.looks);
    }

    /// All looks have come.
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

/// What a look says of a port that it does not list; `None` if it does not cover it.
fn said(unlisted: UnlistedState<'_>) -> Option<Said<'static>> {
    match unlisted {
        UnlistedState::NotCovered => None,
        UnlistedState::Unknown => Some(Said::Covered(None)),
        UnlistedState::Known(state) => {
            Some(Said::Covered(Some(PortState::from_name(state.to_owned().into()))))
        }
    }
}
