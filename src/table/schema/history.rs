//! Tables of a history.

use crate::table::{
    Cell, ColumnType,
    interval::{HostIntervalRow, PortIntervalRow},
};

table! { HOST_HISTORY, "One row per interval in which the listed values of a host did not change.", key ["host_key", "valid_from"], HostInterval(r: HostIntervalRow<'_>):
    "host_key" ColumnType::Utf8, ! "Identity across scans: `ip:`, `mac:`, `name:` or `idx:` and a text." => r.host_key;
    "ip" ColumnType::Utf8, ? "First address of type ipv4 or ipv6, without its zone." => &r.interval.ip;
    "mac" ColumnType::Utf8, ? "First MAC address, upper case with colons." => &r.interval.mac;
    "hostname" ColumnType::Utf8, ? "Name to show: the first of type user, or the first of type PTR, or the first." => &r.interval.hostname;
    "state" ColumnType::Dictionary, ! "up, down, unknown or skipped." => &r.interval.state;
    "os_name" ColumnType::Utf8, ? "Name of the best OS match." => &r.interval.os_name;
    "valid_from" ColumnType::Timestamp, ? "Time of the first look with these values; null if it has no time." => r.interval.span.valid_from;
    "last_seen" ColumnType::Timestamp, ? "Time of the last look that confirmed these values." => r.interval.span.last_seen;
    "valid_to" ColumnType::Timestamp, ? "Time of the first later look that contradicts these values; null while they are current." => r.interval.span.valid_to;
    "looks" ColumnType::Int64, ! "Number of looks that confirmed these values." => r.interval.span.looks;
    "first_scan_id" ColumnType::Utf8, ! "Scan of the first of these looks." => r.scans.first;
    "last_scan_id" ColumnType::Utf8, ! "Scan of the last of these looks." => r.scans.last;
    "ended_by_scan_id" ColumnType::Utf8, ? "Scan that contradicts these values." => r.scans.ended_by;
}

table! { PORT_HISTORY, "One row per interval in which the listed values of a port did not change.", key ["host_key", "protocol", "port", "valid_from"], PortInterval(r: PortIntervalRow<'_>):
    "host_key" ColumnType::Utf8, ! "Identity of the host." => r.host_key;
    "ip" ColumnType::Utf8, ? "First IP address of the host during the interval." => &r.interval.ip;
    "protocol" ColumnType::Dictionary, ! "tcp, udp, sctp, ip or the name that masscan wrote, in lower case." => &r.interval.protocol;
    "port" ColumnType::Int32, ! "Port number; for ip the IP protocol number." => i32::from(r.interval.number);
    "state" ColumnType::Dictionary, ! "open, closed, filtered, unfiltered, open|filtered or closed|filtered." => &r.interval.state;
    "reason" ColumnType::Dictionary, ? "Reason for the state, such as syn-ack." => &r.interval.reason;
    "service_name" ColumnType::Dictionary, ? "Name of the first service, from the port table or from the answer." => r.service().and_then(|s| s.name.as_deref());
    "service_product" ColumnType::Dictionary, ? "Product of the first service." => r.service().and_then(|s| s.product.as_deref());
    "service_version" ColumnType::Utf8, ? "Version of the first service." => r.service().and_then(|s| s.version.as_deref());
    "service_cpes" ColumnType::Texts, ! "CPE 2.2 URIs of the first service." => Cell::List(r.cpes());
    "valid_from" ColumnType::Timestamp, ? "Time of the first look with these values; null if it has no time." => r.interval.span.valid_from;
    "last_seen" ColumnType::Timestamp, ? "Time of the last look that confirmed these values." => r.interval.span.last_seen;
    "valid_to" ColumnType::Timestamp, ? "Time of the first later look that contradicts these values; null while they are current." => r.interval.span.valid_to;
    "looks" ColumnType::Int64, ! "Number of looks that confirmed these values." => r.interval.span.looks;
    "first_scan_id" ColumnType::Utf8, ! "Scan of the first of these looks." => r.scans.first;
    "last_scan_id" ColumnType::Utf8, ! "Scan of the last of these looks." => r.scans.last;
    "ended_by_scan_id" ColumnType::Utf8, ? "Scan that contradicts these values." => r.scans.ended_by;
}
