//! Intervals of one port.

use super::{
    span::{Confirmation, Moment},
    track::{Listing, PortReport, Track},
};
use crate::{
    merge::{Intervals, LookFacts, Packer},
    model::{CowStr, IntervalService, Port, PortInterval, PortState, Protocol, ScanIndex, Service},
};

/// Protocol and number.
pub(super) type PortKey<'b> = (Protocol<'b>, u16);

/// Port with its intervals.
#[derive(Debug)]
pub(super) struct TrackedPort<'b> {
    pub(super) key: PortKey<'b>,
    pub(super) track: Track<'b>,
    /// Index of the first look at the device that the track belongs to.
    pub(super) device: usize,
    /// Open interval, and the device it belongs to.
    open: Option<(PortInterval<'b>, usize)>,
    closed: Intervals,
    /// States in the looks of the current moment that list the port, each with its scan.
    pub(super) listed: Vec<(PortState<'b>, ScanIndex)>,
    /// Index of the last look that lists the port.
    listed_by: Option<usize>,
    /// True if the port must be evaluated at the end of the moment.
    pub(super) is_touched: bool,
    /// True if a look that covers the port may change its result.
    pub(super) is_watched: bool,
}

impl<'b> TrackedPort<'b> {
    /// Creates a port that is first listed by the look at index `place`.
    pub(super) fn new(key: PortKey<'b>, place: usize, device: usize) -> Self {
        Self {
            key,
            track: Track::new(place),
            device,
            open: None,
            closed: Intervals::default(),
            listed: Vec::new(),
            listed_by: None,
            is_touched: false,
            is_watched: false,
        }
    }

    /// Returns true if the look at this index lists the port.
    pub(super) fn is_listed_by(&self, place: usize) -> bool {
        self.listed_by == Some(place)
    }

    /// Takes the port as the last of `looks` lists it. `device` is the first look at the current device. If one entry
    /// repeats the port, only its first record counts.
    pub(super) fn list(&mut self, port: Port<'b>, looks: &[LookFacts], device: usize) {
        let place = looks.len().saturating_sub(1);
        if self.device != device {
            (self.track, self.device) = (Track::new(place), device);
        }
        if self.listed_by.replace(place) == Some(place) {
            return;
        }
        let service = port.services.into_iter().next().filter(is_known).map(|service| {
            Box::new(IntervalService {
                name: service.name,
                product: service.product,
                version: service.version,
                cpes: service.cpes,
            })
        });
        self.listed.push((port.state.clone(), looks.last().map_or(0, |facts| facts.scan)));
        let listing = Listing { state: port.state, reason: port.reason, service };
        self.track.put(PortReport::Listed(listing), looks);
    }

    /// Extends, ends or begins an interval after all looks of a moment. Returns two flags: true if the port exists, and
    /// true if a new interval began.
    pub(super) fn settle(
        &mut self,
        (looks, keep_covered): (&[LookFacts], bool),
        (moment, ip): (Moment, Option<&CowStr<'b>>),
        packer: &mut Packer,
    ) -> (bool, bool) {
        let of_device = self.device == moment.device;
        let now = self.track.stands(looks, keep_covered).filter(|_| of_device);
        let confirmed = Confirmation::by(now.map(|(listing, _)| &listing.state), &self.listed);
        self.listed.clear();
        if let Some((open, device)) = &mut self.open {
            let stays = *device == moment.device
                && now.is_some_and(|(listing, service)| is_same(open, listing, service, ip));
            if stays {
                confirmed.extend(&mut open.span, moment);
                return (true, false);
            }
            moment.end(&mut open.span);
            packer.port(open, &mut self.closed);
        }
        let begun = now.map(|(listing, service)| PortInterval {
            ip: ip.cloned(),
            protocol: self.key.0.clone(),
            number: self.key.1,
            state: listing.state.clone(),
            reason: listing.reason.clone(),
            service: service.cloned(),
            span: confirmed.begin(moment),
        });
        self.open = begun.map(|begun| (begun, moment.device));
        (self.open.is_some(), self.open.is_some())
    }

    /// Appends all intervals of the port, the open one last.
    pub(super) fn finish(&self, packer: &mut Packer, to: &mut Intervals) {
        to.append(&self.closed);
        if let Some((open, _)) = &self.open {
            packer.port(open, to);
        }
    }
}

/// Returns true if a service has a value that rows list. A service with only a banner has none.
fn is_known(service: &Service<'_>) -> bool {
    let texts = [&service.name, &service.product, &service.version];
    texts.into_iter().any(Option::is_some) || !service.cpes.is_empty()
}

/// Returns true if an interval has the current values.
fn is_same(
    open: &PortInterval<'_>,
    listing: &Listing<'_>,
    service: Option<&IntervalService<'_>>,
    ip: Option<&CowStr<'_>>,
) -> bool {
    open.state == listing.state
        && open.reason == listing.reason
        && open.service.as_ref() == service
        && open.ip.as_ref() == ip
}
