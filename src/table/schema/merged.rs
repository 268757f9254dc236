//! Tables that only a merge or a comparison writes.

use crate::{
    model::ChangedService,
    table::{
        ColumnType,
        row::{ChangeRow, ConflictRow},
    },
};

table! { CONFLICTS, "One row per value that lost to another one in a merge.", key ["host_key", "protocol", "port", "column", "item", "loser_scan_id"], Conflict(r: ConflictRow<'_>):
    "host_key" ColumnType::Utf8, ! "Identity of the host." => r.host_key;
    "protocol" ColumnType::Dictionary, ? "Protocol of the port; null for values of the host." => &r.conflict.protocol;
    "port" ColumnType::Int32, ? "Port number; null for values of the host." => r.conflict.port;
    "column" ColumnType::Dictionary, ! "Column of the value, such as state, service.version or script.http-title." => &r.conflict.column;
    "item" ColumnType::Utf8, ? "Name of the service, script or OS match, or type of the host names, that the value belongs to." => &r.conflict.item;
    "winner_scan_id" ColumnType::Utf8, ! "Scan of the winning value." => r.winner;
    "winner_value" ColumnType::Utf8, ? "Winning value; for a covered port its state, if the later look implies one." => &r.conflict.winner_value;
    "loser_scan_id" ColumnType::Utf8, ! "Scan of the losing value." => r.loser;
    "loser_value" ColumnType::Utf8, ? "Losing value." => &r.conflict.loser_value;
    "rule" ColumnType::Dictionary, ! "Rule that decided: the policy, or covered for a port that a later look covered and did not list." => &r.conflict.rule;
}

table! { CHANGES, "One row per difference between an older state and a newer one.", key ["host_key", "protocol", "port", "ports", "column"], Change(r: ChangeRow<'_>):
    "host_key" ColumnType::Utf8, ! "Identity of the host; for a host that moved, its identity in the newer state." => &r.0.host_key;
    "ip" ColumnType::Utf8, ? "IP address of the host." => &r.0.ip;
    "protocol" ColumnType::Dictionary, ? "Protocol of the port; null for values of the host." => &r.0.protocol;
    "port" ColumnType::Int32, ? "Port number; null for values of the host." => r.0.port;
    "ports" ColumnType::Utf8, ? "Ports that are not listed singly and that the change applies to, such as 1-21,23-100." => &r.0.ports;
    "kind" ColumnType::Dictionary, ! "appeared, first_seen (an open port that the older state never looked for), gone, changed, moved, or not_scanned (by the other state)." => r.0.kind.as_str();
    "column" ColumnType::Dictionary, ! "Column that differs, such as state, hostnames, service.version or script.http-title." => &r.0.column;
    "old" ColumnType::Utf8, ? "Value in the older state." => &r.0.old;
    "new" ColumnType::Utf8, ? "Value in the newer state." => &r.0.new;
    "old_scan_id" ColumnType::Utf8, ? "Scan that the older value comes from." => &r.0.old_scan_id;
    "new_scan_id" ColumnType::Utf8, ? "Scan that the newer value comes from." => &r.0.new_scan_id;
    "old_time" ColumnType::Timestamp, ? "Time at which the older value was last seen." => r.0.old_time;
    "new_time" ColumnType::Timestamp, ? "Time at which the newer value was last seen." => r.0.new_time;
    "old_service_name" ColumnType::Dictionary, ? "Name of the port's first service in the older state." => service(r.0.old_service.as_ref(), |s| &s.name);
    "old_service_product" ColumnType::Dictionary, ? "Product of the port's first service in the older state." => service(r.0.old_service.as_ref(), |s| &s.product);
    "old_service_version" ColumnType::Utf8, ? "Version of the port's first service in the older state." => service(r.0.old_service.as_ref(), |s| &s.version);
    "new_service_name" ColumnType::Dictionary, ? "Name of the port's first service in the newer state." => service(r.0.new_service.as_ref(), |s| &s.name);
    "new_service_product" ColumnType::Dictionary, ? "Product of the port's first service in the newer state." => service(r.0.new_service.as_ref(), |s| &s.product);
    "new_service_version" ColumnType::Utf8, ? "Version of the port's first service in the newer state." => service(r.0.new_service.as_ref(), |s| &s.version);
}

/// Returns a part of a service, if there is a service.
fn service(
    service: Option<&ChangedService>,
    part: fn(&ChangedService) -> &Option<String>,
) -> Option<&str> {
    service.and_then(|service| part(service).as_deref())
}
