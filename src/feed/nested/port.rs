//! Port with its services, as part of the line of a host.

use super::{members, script};
use crate::{
    model::Port,
    text::json::{key, write_members, write_objects},
};

pub(in crate::feed) fn port(port: &Port<'_>, out: &mut Vec<u8>) {
    port_members(port, out);
    write_objects(key!("services"), &port.services, out, members);
    write_objects(key!("scripts"), &port.scripts, out, script);
}

/// Writes the values of a port without its services and scripts.
pub(super) fn port_members(port: &Port<'_>, out: &mut Vec<u8>) {
    members(port, out);
    write_members!(out, "expanded": port.expanded.then_some(true));
}
