//! What only a merge gives.

use super::{Cell, Cells, Column, Definition, Field, Inner, Kind, column, field, table};
use crate::{
    model::ChangedService,
    table::row::{ChangeRow, ConflictRow},
};

table! { CONFLICTS, "One row a value that lost in a merge against another one.", key ["host_key", "protocol", "port", "column", "item", "loser_scan_id"], Conflict(r: ConflictRow<'_>):
    "host_key" Kind::Utf8, ! "The host it is a value of." => r.host_key;
    "protocol" Kind::Dictionary, ? "Protocol of the port; null of a value of the host." => &r.conflict.protocol;
    "port" Kind::Int32, ? "Number of the port." => r.conflict.port;
    "column" Kind::Dictionary, ! "What it is a value of, such as state, service.version or script.http-title." => &r.conflict.column;
    "item" Kind::Utf8, ? "The name of the service, script or match, or the type of the host names, that it is a value of." => &r.conflict.item;
    "winner_scan_id" Kind::Utf8, ! "The scan of the value that stands." => Cell::Plain(r.winner);
    "winner_value" Kind::Utf8, ? "The value that stands; of a port that is covered its state, if the later look says it." => &r.conflict.winner_value;
    "loser_scan_id" Kind::Utf8, ! "The scan of the value that lost." => Cell::Plain(r.loser);
    "loser_value" Kind::Utf8, ? "The value that lost." => &r.conflict.loser_value;
    "rule" Kind::Dictionary, ! "Why: the policy, or covered for a port that a later look covered and did not list." => &r.conflict.rule;
}

table! { CHANGES, "One row per difference between an older state and a newer one.", key ["host_key", "protocol", "port", "ports", "column"], Change(r: ChangeRow<'_>):
    "host_key" Kind::Utf8, ! "The host; of one that moved, in the newer state." => &r.0.host_key;
    "ip" Kind::Utf8, ? "Its ip." => &r.0.ip;
    "protocol" Kind::Dictionary, ? "Protocol of the port; null of a value of the host." => &r.0.protocol;
    "port" Kind::Int32, ? "Number of the port." => r.0.port;
    "ports" Kind::Utf8, ? "Ports that are not listed singly and of which this is so, as 1-21,23-100." => &r.0.ports;
    "kind" Kind::Dictionary, ! "appeared, first_seen (an open port that the older state never looked for), gone, changed, moved, or not_scanned by the other state." => r.0.kind.as_str();
    "column" Kind::Dictionary, ! "What differs, such as state, hostnames, service.version or script.http-title." => &r.0.column;
    "old" Kind::Utf8, ? "The older value." => &r.0.old;
    "new" Kind::Utf8, ? "The newer value." => &r.0.new;
    "old_scan_id" Kind::Utf8, ? "The scan of the older value." => &r.0.old_scan_id;
    "new_scan_id" Kind::Utf8, ? "The scan of the newer value." => &r.0.new_scan_id;
    "old_time" Kind::Timestamp, ? "When the older value was last seen." => r.0.old_time;
    "new_time" Kind::Timestamp, ? "When the newer value was last seen." => r.0.new_time;
    "old_service_name" Kind::Dictionary, ? "Name of the port's first service in the older state." => service(r.0.old_service.as_ref(), |s| &s.name);
    "old_service_product" Kind::Dictionary, ? "Its product." => service(r.0.old_service.as_ref(), |s| &s.product);
    "old_service_version" Kind::Utf8, ? "Its version." => service(r.0.old_service.as_ref(), |s| &s.version);
    "new_service_name" Kind::Dictionary, ? "Name of the port's first service in the newer state." => service(r.0.new_service.as_ref(), |s| &s.name);
    "new_service_product" Kind::Dictionary, ? "Its product." => service(r.0.new_service.as_ref(), |s| &s.product);
    "new_service_version" Kind::Utf8, ? "Its version." => service(r.0.new_service.as_ref(), |s| &s.version);
}

/// A part of a service, if there is one.
fn service(
    service: Option<&ChangedService>,
    part: fn(&ChangedService) -> &Option<String>,
) -> Option<&str> {
    service.and_then(|service| part(service).as_deref())
}
