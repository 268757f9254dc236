//! What was true when.

use super::{
    Cell, Cells, Column, Definition, Field, Inner, Kind, column, field, hosts::host_state, ports,
    table,
};
use crate::table::interval::{HostIntervalRow, PortIntervalRow};

table! { HOST_HISTORY, "One row per interval in which the listed values of a host did not change.", key ["host_key", "valid_from"], HostInterval(r: HostIntervalRow<'_>):
    "host_key" Kind::Utf8, ! "Identity across scans: `ip:`, `mac:`, `name:` or `idx:` and a text." => r.host_key;
    "ip" Kind::Utf8, ? "First address of type ipv4 or ipv6, without its zone." => &r.interval.ip;
    "mac" Kind::Utf8, ? "First MAC address, upper case with colons." => &r.interval.mac;
    "hostname" Kind::Utf8, ? "First name of type user, else first PTR, else first name." => &r.interval.hostname;
    "state" Kind::Dictionary, ! "up, down, unknown or skipped." => host_state(&r.interval.state);
    "os_name" Kind::Utf8, ? "Name of the best match of the operating system." => &r.interval.os_name;
    "valid_from" Kind::Timestamp, ? "The first look with these values; null if it has no time." => r.interval.span.valid_from;
    "last_seen" Kind::Timestamp, ? "The last look that confirmed them." => r.interval.span.last_seen;
    "valid_to" Kind::Timestamp, ? "The first later look that contradicts them; null while they are true." => r.interval.span.valid_to;
    "looks" Kind::Int64, ! "How many looks confirmed them." => r.interval.span.looks;
    "first_scan_id" Kind::Utf8, ! "The scan of the first of these looks." => Cell::Plain(r.scans.first);
    "last_scan_id" Kind::Utf8, ! "The scan of the last of these looks." => Cell::Plain(r.scans.last);
    "ended_by_scan_id" Kind::Utf8, ? "The scan that contradicts them." => r.scans.ended_by.map_or(Cell::Null, Cell::Plain);
}

table! { PORT_HISTORY, "One row per interval in which the listed values of a port did not change.", key ["host_key", "protocol", "port", "valid_from"], PortInterval(r: PortIntervalRow<'_>):
    "host_key" Kind::Utf8, ! "The host it belongs to." => r.host_key;
    "ip" Kind::Utf8, ? "The host's ip at that time." => &r.interval.ip;
    "protocol" Kind::Dictionary, ! "tcp, udp, sctp, ip or what masscan wrote, in lower case." => ports::protocol(&r.interval.protocol);
    "port" Kind::Int32, ! "Port number; for ip the IP protocol number." => i32::from(r.interval.number);
    "state" Kind::Dictionary, ! "open, closed, filtered, unfiltered, open|filtered or closed|filtered." => ports::state(&r.interval.state);
    "reason" Kind::Dictionary, ? "Why, such as syn-ack." => &r.interval.reason;
    "service_name" Kind::Dictionary, ? "Name of its first service, from the port table or from the answer." => r.service().and_then(|s| s.name.as_deref());
    "service_product" Kind::Dictionary, ? "Product of its first service." => r.service().and_then(|s| s.product.as_deref());
    "service_version" Kind::Utf8, ? "Version of its first service." => r.service().and_then(|s| s.version.as_deref());
    "service_cpes" Kind::Texts, ! "CPE 2.2 URIs of its first service." => Cell::List(r.cpes());
    "valid_from" Kind::Timestamp, ? "The first look with these values; null if it has no time." => r.interval.span.valid_from;
    "last_seen" Kind::Timestamp, ? "The last look that confirmed them." => r.interval.span.last_seen;
    "valid_to" Kind::Timestamp, ? "The first later look that contradicts them; null while they are true." => r.interval.span.valid_to;
    "looks" Kind::Int64, ! "How many looks confirmed them." => r.interval.span.looks;
    "first_scan_id" Kind::Utf8, ! "The scan of the first of these looks." => Cell::Plain(r.scans.first);
    "last_scan_id" Kind::Utf8, ! "The scan of the last of these looks." => Cell::Plain(r.scans.last);
    "ended_by_scan_id" Kind::Utf8, ? "The scan that contradicts them." => r.scans.ended_by.map_or(Cell::Null, Cell::Plain);
}
