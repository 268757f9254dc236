//! Feeds for SIEMs, created from their options, which must fit the format.

use super::args::{FeedArgs, Kind, LineArgs, OcsfVersion, To};
use crate::{
    error::{Error, Result},
    feed::{
        DEFAULT_MAX_LINE_BYTES, DEFAULT_MIN_OS_ACCURACY, Feed,
        cim::Cim,
        ecs::{Ecs, EventKind},
        ocsf::{Ocsf, Version},
    },
};

/// Returns the feed of a format, or `None` for formats of tables.
///
/// # Errors
/// Returns a usage error for an option that the format does not have.
pub(super) fn feed(to: To, feed: &FeedArgs, line: &LineArgs) -> Result<Option<Feed>> {
    fits(to, feed, line)?;
    let min_os_accuracy = feed.os_min.unwrap_or(DEFAULT_MIN_OS_ACCURACY);
    let max_line_bytes = line.max_line.unwrap_or(DEFAULT_MAX_LINE_BYTES);
    Ok(match to {
        To::Ecs => Some(Feed::from(Ecs {
            all_ports: feed.all_ports,
            script_events: feed.script_events,
            min_os_accuracy,
            event_kind: match feed.event_kind {
                None | Some(Kind::State) => EventKind::State,
                Some(Kind::Asset) => EventKind::Asset,
            },
            ..ecs(line)
        })),
        To::Ocsf => Some(Feed::from(Ocsf {
            version: match feed.ocsf_version {
                Some(OcsfVersion::V1_6) => Version::V1_6,
                Some(OcsfVersion::V1_7) => Version::V1_7,
                None | Some(OcsfVersion::V1_8) => Version::V1_8,
            },
            all_hosts: feed.all_hosts,
            software_events: feed.software_events,
            min_os_accuracy,
            bulk: line.bulk.clone(),
            max_line_bytes,
        })),
        To::Cim => Some(Feed::from(Cim {
            min_os_accuracy,
            hec: feed.hec,
            sensor: line.sensor.clone(),
            max_line_bytes,
        })),
        To::Jsonl
        | To::Json
        | To::Csv
        | To::Parquet
        | To::Arrow
        | To::Xlsx
        | To::Sqlite
        | To::Xml
        | To::Gnmap
        | To::Markdown
        | To::Text => None,
    })
}

/// Returns the settings of ECS events that `convert` and `diff` share.
pub(super) fn ecs(line: &LineArgs) -> Ecs {
    let defaults = Ecs::default();
    Ecs {
        sensor: line.sensor.clone(),
        namespace: line.namespace.clone().unwrap_or(defaults.namespace),
        bulk: line.bulk.clone(),
        max_line_bytes: line.max_line.unwrap_or(DEFAULT_MAX_LINE_BYTES),
        ..Ecs::default()
    }
}

/// Returns true if any option for lines of events is given.
pub(super) fn any(line: &LineArgs) -> bool {
    let LineArgs { sensor, namespace, bulk, max_line } = line;
    sensor.is_some() || namespace.is_some() || bulk.is_some() || max_line.is_some()
}

/// Refuses options that belong to other formats.
fn fits(to: To, feed: &FeedArgs, line: &LineArgs) -> Result<()> {
    for (given, option, formats) in [
        (feed.all_ports, "--all-ports", &[To::Ecs] as &[To]),
        (feed.all_hosts, "--all-hosts", &[To::Ocsf]),
        (feed.script_events, "--script-events", &[To::Ecs]),
        (feed.software_events, "--software-events", &[To::Ocsf]),
        (feed.os_min.is_some(), "--os-min", &[To::Ecs, To::Ocsf, To::Cim]),
        (feed.event_kind.is_some(), "--event-kind", &[To::Ecs]),
        (feed.ocsf_version.is_some(), "--ocsf-version", &[To::Ocsf]),
        (feed.hec, "--hec", &[To::Cim]),
        (line.sensor.is_some(), "--sensor", &[To::Ecs, To::Cim]),
        (line.namespace.is_some(), "--namespace", &[To::Ecs]),
        (line.bulk.is_some(), "--bulk", &[To::Ecs, To::Ocsf]),
        (line.max_line.is_some(), "--max-line", &[To::Ecs, To::Ocsf, To::Cim]),
    ] {
        if given && !formats.contains(&to) {
            let names: Vec<_> = formats.iter().map(|format| format.name()).collect();
            return Err(Error::usage(format!("{option} is for --to {}", names.join(" or "))));
        }
    }
    if line.sensor.is_some() && to == To::Cim && !feed.hec {
        return Err(Error::usage("with --to cim, --sensor needs --hec"));
    }
    Ok(())
}
