//! Feeds for SIEMs: their options held against the format.

use super::args::{FeedArgs, Kind, LineArgs, OcsfVersion, To};
use crate::{
    error::{Error, Result},
    feed::{
        Feed, LINE, OS_MIN,
        cim::Cim,
        ecs::{Ecs, EventKind},
        ocsf::{Ocsf, Version},
    },
};

/// The feed of a format; `None` for formats of tables.
///
/// # Errors
/// A usage error for an option that the format does not have.
pub(super) fn feed(to: To, feed: &FeedArgs, line: &LineArgs) -> Result<Option<Feed>> {
    fits(to, feed, line)?;
    let os_min = feed.os_min.unwrap_or(OS_MIN);
    let max_line = line.max_line.unwrap_or(LINE);
    Ok(match to {
        To::Ecs => {
            let mut ecs = ecs(line);
            ecs.all_ports = feed.all_ports;
            ecs.script_events = feed.script_events;
            ecs.os_min = os_min;
            ecs.event_kind = match feed.event_kind {
                None | Some(Kind::State) => EventKind::State,
                Some(Kind::Asset) => EventKind::Asset,
            };
            Some(Feed::Ecs(ecs))
        }
        To::Ocsf => {
            let mut ocsf = Ocsf::default();
            ocsf.version = match feed.ocsf_version {
                Some(OcsfVersion::V1_6) => Version::V1_6,
                Some(OcsfVersion::V1_7) => Version::V1_7,
                None | Some(OcsfVersion::V1_8) => Version::V1_8,
            };
            ocsf.all_hosts = feed.all_hosts;
            ocsf.software_events = feed.software_events;
            ocsf.os_min = os_min;
            ocsf.bulk.clone_from(&line.bulk);
            ocsf.max_line = max_line;
            Some(Feed::Ocsf(ocsf))
        }
        To::Cim => {
            let mut cim = Cim::default();
            cim.hec = feed.hec;
            cim.os_min = os_min;
            cim.sensor.clone_from(&line.sensor);
            cim.max_line = max_line;
            Some(Feed::Cim(cim))
        }
        To::Jsonl | To::Csv | To::Parquet => None,
    })
}

/// What events of ECS say beside what was scanned.
pub(super) fn ecs(line: &LineArgs) -> Ecs {
    let mut ecs = Ecs::default();
    ecs.sensor.clone_from(&line.sensor);
    if let Some(namespace) = &line.namespace {
        ecs.namespace.clone_from(namespace);
    }
    ecs.bulk.clone_from(&line.bulk);
    ecs.max_line = line.max_line.unwrap_or(LINE);
    ecs
}

/// Whether an option of events is given.
pub(super) fn any(line: &LineArgs) -> bool {
    let LineArgs { sensor, namespace, bulk, max_line } = line;
    sensor.is_some() || namespace.is_some() || bulk.is_some() || max_line.is_some()
}

/// Refuses options that are not for this format.
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
        return Err(Error::usage("--sensor is for --to cim with --hec alone"));
    }
    Ok(())
}
