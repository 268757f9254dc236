//! Members of a host that the events of its ports and scripts repeat.

use super::event::hyphens;
use crate::{
    feed::{
        host_view::{HostView, ips, is_ip, macs},
        truncate::{MIN_LINE_BYTES, truncate_record, write_truncated},
    },
    model::Host,
    text::json::{ARRAY, OBJECT, key, write_array, write_container, write_members},
};

/// Initial capacity for repeated members, in bytes, which most of them do not exceed.
pub(super) const INITIAL_CAPACITY: usize = 512;

/// Parts of a host that the events of its ports and scripts repeat, written once.
pub(super) struct HostPrefix {
    /// Members `host` and `related`.
    pub(super) host: Vec<u8>,
    /// Members of `destination` without the port.
    pub(super) destination: Vec<u8>,
    /// True if a part of the host was cut.
    pub(super) cut: bool,
}

impl HostPrefix {
    /// Limits the repeated parts to a quarter of the shortest line, so that they do not take more space than the
    /// event.
    pub(super) fn of(view: &HostView<'_>, near: &HostView<'_>) -> Self {
        let (mut host, mut cut) = (Vec::with_capacity(INITIAL_CAPACITY), false);
        write_truncated(MIN_LINE_BYTES / 4, &mut host, &mut |limits, out| match limits {
            None => host_and_related(view, out),
            Some(limits) => {
                cut = true;
                let host = truncate_record(view.host, limits);
                host_and_related(&HostView { host: &host, ..*view }, out);
            }
        });
        Self { host, destination: destination(near), cut }
    }
}

/// Writes `host` and `related` for the events of ports and scripts.
fn host_and_related(view: &HostView<'_>, out: &mut Vec<u8>) {
    write_container(key!("host"), OBJECT, out, |out| identity(view, out));
    related(view.host, out);
}

/// Writes the identity of a host.
pub(super) fn identity(view: &HostView<'_>, out: &mut Vec<u8>) {
    write_members!(out, "id": &view.ids.host_key);
    write_array(key!("ip"), ips(view.host).map(|address| &address.text), out);
    write_container(key!("mac"), ARRAY, out, |out| {
        macs(view.host).for_each(|mac| hyphens(",", mac, out));
    });
    write_members!(out, "name": view.name().as_ref());
}

/// Returns the members of `destination` without the port.
pub(super) fn destination(view: &HostView<'_>) -> Vec<u8> {
    let (host, mut out) = (view.host, Vec::with_capacity(INITIAL_CAPACITY));
    let address = host.ip();
    write_members!(&mut out,
        "ip": address.filter(|address| address.ip.is_some()).map(|address| &address.text),
        "address": address.map_or(&*view.ids.host_key, |address| &address.text),
        "domain": view.plain_hostname().as_ref(),
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
