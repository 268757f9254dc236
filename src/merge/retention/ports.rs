//! Chooses the parts of ports that are kept; [`retention`](super) explains the rules.

use super::{
    super::{
        coverage::UnlistedState,
        facts::{PortSources, Sightings as _},
        host_look::Mark,
        ports::SamePort,
        saved_host::{Floor, LookMoment, SavedPort},
    },
    Keeper,
};
use crate::model::{Port, Protocol};

/// State of a port as one look shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PortSighting<'s> {
    /// The look lists the port in this state.
    Listed(&'s str),
    /// The look covers the port and does not list it; the state, if the look implies one.
    Covered(Option<&'s str>),
}

impl<'s> PortSighting<'s> {
    /// Returns the state, if it is known.
    fn known(self) -> Option<&'s str> {
        match self {
            Self::Listed(state) => Some(state),
            Self::Covered(state) => state,
        }
    }
}

impl<'a> SamePort<'_, 'a, '_> {
    /// Returns the protocol and number of the port.
    fn name(&self) -> Option<(Protocol<'a>, u16)> {
        self.records.first().map(|(_, port)| (port.protocol.clone(), port.number))
    }

    /// Returns the state of the port in a look; `None` if the look neither lists nor covers it.
    fn saw(&self, look: usize) -> Option<PortSighting<'_>> {
        if let Some(port) = self.port(look) {
            return Some(PortSighting::Listed(port.state.as_str()));
        }
        match self.unlisted_state(look) {
            UnlistedState::NotCovered => None,
            UnlistedState::Unknown => Some(PortSighting::Covered(None)),
            UnlistedState::Known(state) => Some(PortSighting::Covered(Some(state))),
        }
    }
}

impl<'a> Keeper<'a> {
    /// Keeps all parts of a port that can still matter.
    pub(in super::super) fn port(&mut self, port: &SamePort<'_, 'a, '_>, standing: PortSources) {
        let Some((protocol, number)) = port.name().filter(|_| self.on) else { return };
        let seen = port.origin(standing).seen;
        self.saved_host.ports.push(SavedPort { protocol, number, seen });
        self.keep_record(port, standing.state, true);
        if !port.group.is_latest() {
            return;
        }
        for source in [standing.services, standing.scripts] {
            self.keep_record(port, source, true);
        }
        let top = (0..standing.state).find(|look| port.saw(*look).is_some());
        if let Some(top) = top {
            self.keep_sight(port, top);
            self.keep_barrier(port, top);
            if port.group.rules.policy.keep_covered {
                let facts = port.facts(top);
                let moment = LookMoment::of(&facts, port.group.rules);
                self.raise(Floor { moment, last: None }, port.group.rules);
            }
        }
        self.keep_barrier(port, standing.state);
    }

    /// Keeps the first look below `from` that saw another state.
    fn keep_barrier(&mut self, port: &SamePort<'_, 'a, '_>, from: usize) {
        let Some(state) = port.saw(from).and_then(PortSighting::known) else { return };
        let differs = |look: &usize| {
            port.saw(*look).is_some_and(|saw| saw.known().is_none_or(|other| other != state))
        };
        let below = from.saturating_add(1)..self.looks.len();
        if let Some(barrier) = below.into_iter().find(differs) {
            self.keep_sight(port, barrier);
        }
    }

    /// Keeps the state of a port in one look.
    fn keep_sight(&mut self, port: &SamePort<'_, 'a, '_>, place: usize) {
        match port.saw(place) {
            Some(PortSighting::Listed(_)) => self.keep_record(port, place, false),
            Some(PortSighting::Covered(state)) => {
                let Some((protocol, number)) = port.name() else { return };
                let state = state.map(|state| state.to_owned().into());
                let mark = Mark { protocol, number, state };
                if let Some(kept) = self.stay(place)
                    && kept.marks.last().is_none_or(|last| *last != mark)
                {
                    kept.marks.push(mark);
                }
            }
            None => {}
        }
    }

    /// Keeps the record of a port: all of it, or the state only.
    fn keep_record(&mut self, port: &SamePort<'_, 'a, '_>, place: usize, whole: bool) {
        let Some(record) = port.port(place) else { return };
        let is_same =
            |kept: &Port<'a>| kept.number == record.number && kept.protocol == record.protocol;
        let Some(kept) = self.stay(place) else { return };
        if kept.host.ports.last().is_some_and(is_same) {
            // The whole record is always pushed before the one with only the state.
            return;
        }
        kept.host.ports.push(if whole {
            record.clone()
        } else {
            Port { services: Vec::new(), scripts: Vec::new(), owner: None, ..record.clone() }
        });
    }
}
