//! A port, and what was true of it from when to when.

use super::{
    span::{Confirmed, Moment},
    track::{Listing, Said, Track},
};
use crate::{
    merge::{Intervals, LookFacts, Packer},
    model::{IntervalService, Port, PortInterval, PortState, Protocol, ScanNumber, Service, Text},
};

/// Protocol and number.
pub(super) type PortKey<'b> = (Protocol<'b>, u16);

/// A port with what was true of it.
#[derive(Debug)]
pub(super) struct TrackedPort<'b> {
    pub(super) key: PortKey<'b>,
    pub(super) track: Track<'b>,
    /// The first look at the device that the track is of.
    pub(super) device: usize,
    /// The interval that is open, and its device.
    open: Option<(PortInterval<'b>, usize)>,
    closed: Intervals,
    /// What looks of this moment say that list it.
    pub(super) listed: Vec<(PortState<'b>, ScanNumber)>,
    /// The last look that lists it.
    listed_by: Option<usize>,
    /// Whether it is to be asked at the end of the moment.
    pub(super) is_touched: bool,
    /// Whether a look that covers it may decide.
    pub(super) is_watched: bool,
}

impl<'b> TrackedPort<'b> {
    /// A port that the look at this place is the first to list.
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

    /// Whether the look at this place lists it.
    pub(super) fn is_listed_by(&self, place: usize) -> bool {
        self.listed_by == Some(place)
    }

    /// Takes the port as the last of these looks lists it, which is at the device that begins with this look. What one
    /// entry repeats counts once.
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
        self.track.put(Said::Listed(listing), looks);
    }

    /// All looks of a moment have come: an interval goes on, ends or begins. Returns whether the port is there, and
    /// whether that began.
    pub(super) fn settle(
        &mut self,
        (looks, keep_covered): (&[LookFacts], bool),
        (moment, ip): (Moment, Option<&Text<'b>>),
        packer: &mut Packer,
    ) -> (bool, bool) {
        let of_device = self.device == moment.device;
        let now = self.track.stands(looks, keep_covered).filter(|_| of_device);
        let confirmed = Confirmed::by(now.map(|(listing, _)| &listing.state), &self.listed);
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

    /// Appends all its intervals, that which is open last.
    pub(super) fn finish(&self, packer: &mut Packer, to: &mut Intervals) {
        to.append(&self.closed);
        if let Some((open, _)) = &self.open {
            packer.port(open, to);
        }
    }
}

/// Whether a service has any value that rows list: one with a banner alone has none.
fn is_known(service: &Service<'_>) -> bool {
    let texts = [&service.name, &service.product, &service.version];
    texts.into_iter().any(Option::is_some) || !service.cpes.is_empty()
}

/// Whether an interval has what stands now.
fn is_same(
    open: &PortInterval<'_>,
    listing: &Listing<'_>,
    service: Option<&IntervalService<'_>>,
    ip: Option<&Text<'_>>,
) -> bool {
    open.state == listing.state
        && open.reason == listing.reason
        && open.service.as_ref() == service
        && open.ip.as_ref() == ip
}
