//! Members of a host that the events of its ports and scripts repeat.

use super::event::hyphens;
use crate::{
    feed::{
        line::{LEAST_LINE, clipped, fit},
        subject::{Subject, ips, is_ip, macs},
    },
    text::json::{ARRAY, OBJECT, key, write_array, write_container, write_members},
    model::Host,
};

/// Initial capacity for a repeated piece, in bytes. Most pieces fit.
pub(super) const PIECE: usize = 512;

/// Parts of a host that the events of its ports and scripts repeat, written once.
pub(super) struct Shared {
    /// Members `host` and `related`.
    pub(super) host: Vec<u8>,
    /// Members of `destination` without the port.
    pub(super) destination: Vec<u8>,
    /// True if a part of the host was cut.
    pub(super) cut: bool,
}

impl Shared {
    /// Limits the repeated parts to a quarter of the shortest line, so that they do not take more space than the
    /// event.
    pub(super) fn of(subject: &Subject<'_>, near: &Subject<'_>) -> Self {
        let (mut host, mut cut) = (Vec::with_capacity(PIECE), false);
        fit(LEAST_LINE / 4, &mut host, &mut |caps, out| match caps {
            None => of_host(subject, out),
            Some(caps) => {
                cut = true;
                let host = clipped(subject.host, caps);
                of_host(&Subject { host: &host, ..*subject }, out);
            }
        });
        Self { host, destination: destination(near), cut }
    }
}

/// Writes `host` and `related` for the events of ports and scripts.
fn of_host(subject: &Subject<'_>, out: &mut Vec<u8>) {
    write_container(key!("host"), OBJECT, out, |out| known_by(subject, out));
    related(subject.host, out);
}

/// Writes the identity of a host.
pub(super) fn known_by(subject: &Subject<'_>, out: &mut Vec<u8>) {
    write_members!(out, "id": &subject.ids.host_key);
    write_array(key!("ip"), ips(subject.host).map(|address| &address.text), out);
    write_container(key!("mac"), ARRAY, out, |out| {
        macs(subject.host).for_each(|mac| hyphens(",", mac, out));
    });
    write_members!(out, "name": subject.name().as_ref());
}

/// Returns the members of `destination` without the port.
pub(super) fn destination(subject: &Subject<'_>) -> Vec<u8> {
    let (host, mut out) = (subject.host, Vec::with_capacity(PIECE));
    let address = host.ip();
    write_members!(&mut out,
        "ip": address.filter(|address| address.ip.is_some()).map(|address| &address.text),
        "address": address.map_or(&*subject.ids.host_key, |address| &address.text),
        "domain": subject.plain_hostname().as_ref(),
    );
    if let Some(mac) = host.mac() {
        hyphens(key!("mac"), &mac.text, &mut out);
    }
    out
}

/// Writes all addresses and names of a host, its routes and its answers, sorted and without duplicates.
pub(super) fn related(host: &Host<'_>, out: &mut Vec<u8>) {
    let hops = || host.traces.iter().flat_map(|trace| &trace.hops);
    let others = hops().filter_map(|hop| hop.ip.as_deref());
    let others = others.chain(host.ports.iter().filter_map(|port| port.reason_ip.as_deref()));
    let mut addresses: Vec<&str> = ips(host).map(|address| &*address.text).collect();
    addresses.extend(others.filter(|text| is_ip(text)));
    let names = host.hostnames.iter().map(|name| &*name.name);
    let mut names: Vec<&str> =
        names.chain(hops().filter_map(|hop| hop.hostname.as_deref())).collect();
    for texts in [&mut addresses, &mut names] {
        texts.sort_unstable();
        texts.dedup();
    }
    write_container(key!("related"), OBJECT, out, |out| {
        write_array(key!("ip"), addresses, out);
        write_array(key!("hosts"), names, out);
    });
}
