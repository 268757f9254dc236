//! Reviewed events of ten fixtures in each format.

use std::fmt::Write as _;

use scanmill::feed::{Feed, cim::Cim, ecs::Ecs, ocsf::Version};

use super::{all_of_ecs, all_of_ocsf, lines, values};
use crate::support::fixture;

const FIXTURES: [&str; 10] = ["02-", "07-", "09-", "10-", "14-", "15-", "18-", "28-", "37-", "51-"];

/// Compares events, formatted for reading, with their snapshot; of many similar ones, the first ones.
fn reviewed(name: &str, feed: &Feed, most: usize) {
    for start in FIXTURES {
        let events = values(&lines(feed, &fixture(start).bytes));
        let mut text = format!("{} events\n", events.len());
        for mut event in events.into_iter().take(most) {
            // The version changes with each release.
            let version = "/metadata/transformation_info_list/0/product/version";
            if let Some(version) = event.pointer_mut(version) {
                *version = "VERSION".into();
            }
            writeln!(text, "{event:#}").unwrap();
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_snapshot_path("../snapshots/feeds");
        settings.bind(|| insta::assert_snapshot!(format!("{start}{name}"), text));
    }
}

#[test]
fn ecs() {
    reviewed("ecs", &Feed::from(Ecs::default()), 4);
}

#[test]
fn ecs_with_all_events() {
    let events = values(&lines(&Feed::from(all_of_ecs()), &fixture("28-").bytes));
    let scripts: Vec<_> =
        events.iter().filter(|e| e["event"]["dataset"] == "nmap.script").collect();
    let mut text = String::new();
    for event in scripts {
        writeln!(text, "{event:#}").unwrap();
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("../snapshots/feeds");
    settings.bind(|| insta::assert_snapshot!("28-scripts-ecs", text));
}

#[test]
fn ocsf() {
    reviewed("ocsf", &Feed::from(all_of_ocsf(Version::V1_8)), 2);
}

#[test]
fn cim() {
    reviewed("cim", &Feed::from(Cim::default()), 3);
}
