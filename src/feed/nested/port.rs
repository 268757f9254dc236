//! Port with its services, as part of the line of a host.

use super::script;
use crate::{
    json::{key, list, objects, put},
    model::{Port, Service},
};

pub(in crate::feed) fn port(port: &Port<'_>, out: &mut Vec<u8>) {
    port_facts(port, out);
    objects(key!("services"), &port.services, out, service);
    objects(key!("scripts"), &port.scripts, out, script);
}

/// Writes the values of a port without its services and scripts.
pub(super) fn port_facts(port: &Port<'_>, out: &mut Vec<u8>) {
    put!(out,
        "protocol": port.protocol.as_str(),
        "port": i64::from(port.number),
        "state": port.state.as_str(),
        "reason": &port.reason,
        "reason_ttl": port.reason_ttl,
        "reason_ip": &port.reason_ip,
        "owner": &port.owner,
        "expanded": port.expanded.then_some(true),
    );
}

pub(in crate::feed) fn service(service: &Service<'_>, out: &mut Vec<u8>) {
    put!(out,
        "name": &service.name,
        "product": &service.product,
        "version": &service.version,
        "extra_info": &service.extra_info,
        "hostname": &service.hostname,
        "os_type": &service.os_type,
        "device_type": &service.device_type,
        "method": &service.method,
        "confidence": service.confidence,
        "tunnel": &service.tunnel,
        "rpc_proto": &service.rpc_proto,
        "rpc_num": service.rpc_num,
        "low_ver": service.low_ver,
        "high_ver": service.high_ver,
    );
    list(key!("cpes"), &service.cpes, out);
    put!(out, "fingerprint": &service.fingerprint, "banner": &service.banner);
}
