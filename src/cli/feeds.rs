//! Feeds for SIEMs, created from their options, which must fit the format.

use super::args::{EventKindArg, FeedArgs, FormatArg, LineArgs, OcsfVersion};
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
pub(super) fn feed(to: FormatArg, feed: &FeedArgs, line: &LineArgs) -> Result<Option<Feed>> {
    check_options(to, feed, line)?;
    let min_os_accuracy = feed.os_min.unwrap_or(DEFAULT_MIN_OS_ACCURACY);
    let max_line_bytes = line.max_line.unwrap_or(DEFAULT_MAX_LINE_BYTES);
    Ok(match to {
        FormatArg::Ecs => Some(Feed::from(Ecs {
            all_ports: feed.all_ports,
            script_events: feed.script_events,
            min_os_accuracy,
            event_kind: match feed.event_kind {
                None | Some(EventKindArg::State) => EventKind::State,
                Some(EventKindArg::Asset) => EventKind::Asset,
            },
            ..ecs(line)
        })),
        FormatArg::Ocsf => Some(Feed::from(Ocsf {
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
        FormatArg::Cim => Some(Feed::from(Cim {
            min_os_accuracy,
            hec: feed.hec,
            sensor: line.sensor.clone(),
            max_line_bytes,
        })),
        FormatArg::Jsonl
        | FormatArg::Json
        | FormatArg::Csv
        | FormatArg::Parquet
        | FormatArg::Arrow
        | FormatArg::Xlsx
        | FormatArg::Sqlite
        | FormatArg::Xml
        | FormatArg::Gnmap
        | FormatArg::Markdown
        | FormatArg::Text => None,
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
pub(super) fn has_line_option(line: &LineArgs) -> bool {
    let LineArgs { sensor, namespace, bulk, max_line } = line;
    sensor.is_some() || namespace.is_some() || bulk.is_some() || max_line.is_some()
}

/// Refuses options that belong to other formats.
fn check_options(to: FormatArg, feed: &FeedArgs, line: &LineArgs) -> Result<()> {
    for (given, option, formats) in [
        (feed.all_ports, "--all-ports", &[FormatArg::Ecs] as &[FormatArg]),
        (feed.all_hosts, "--all-hosts", &[FormatArg::Ocsf]),
        (feed.script_events, "--script-events", &[FormatArg::Ecs]),
        (feed.software_events, "--software-events", &[FormatArg::Ocsf]),
        (feed.os_min.is_some(), "--os-min", &[FormatArg::Ecs, FormatArg::Ocsf, FormatArg::Cim]),
        (feed.event_kind.is_some(), "--event-kind", &[FormatArg::Ecs]),
        (feed.ocsf_version.is_some(), "--ocsf-version", &[FormatArg::Ocsf]),
        (feed.hec, "--hec", &[FormatArg::Cim]),
        (line.sensor.is_some(), "--sensor", &[FormatArg::Ecs, FormatArg::Cim]),
        (line.namespace.is_some(), "--namespace", &[FormatArg::Ecs]),
        (line.bulk.is_some(), "--bulk", &[FormatArg::Ecs, FormatArg::Ocsf]),
        (line.max_line.is_some(), "--max-line", &[FormatArg::Ecs, FormatArg::Ocsf, FormatArg::Cim]),
    ] {
        if given && !formats.contains(&to) {
            let names: Vec<_> = formats.iter().map(|format| format.name()).collect();
            return Err(Error::usage(format!("{option} is for --to {}", names.join(" or "))));
        }
    }
    if line.sensor.is_some() && to == FormatArg::Cim && !feed.hec {
        return Err(Error::usage("with --to cim, --sensor needs --hec"));
    }
    Ok(())
}
