//! Watching from a program: the feed is that of the command.

use std::fs;

use scanmill::{
    feed::Feed,
    ops::{self, CancellationToken, JobStatus, WatchControl},
    watch::{Baseline, ChangeFormat, WatchEvent, WatchMode, WatchOptions},
};

use super::{Place, scan};

fn options(place: &Place, mode: WatchMode, name: &str) -> WatchOptions {
    let mut options =
        WatchOptions::new(&place.path("in"), &place.path("by-library.jsonl"), mode, name);
    options.state = Some(place.path("state"));
    options.settle = std::time::Duration::ZERO;
    options
}

fn once() -> WatchControl {
    WatchControl::new(CancellationToken::new()).with_once(true)
}

#[test]
fn the_feed_is_that_of_the_command_and_each_document_is_in_it_once() {
    let place = Place::new();
    place.put("a.xml", scan(1, 3));
    place.put("b.xml", scan(2, 2));
    place.put("notes.txt", "mine");
    let feed = || WatchMode::Events(Feed::Nested { events: false });
    let mut reports = 0;
    let report = ops::watch(options(&place, feed(), "jsonl"), &once(), &mut |event| {
        reports += usize::from(matches!(event, WatchEvent::Read(_)));
    })
    .unwrap();
    assert_eq!((report.read, report.refused, reports), (2, 0, 3));
    assert_eq!(report.status(), JobStatus::Complete);
    place.once(&[]);
    let of_command = fs::read_to_string(place.path("feed.jsonl")).unwrap();
    let mine = || fs::read_to_string(place.path("by-library.jsonl")).unwrap();
    // The name of an input is the path as it was given.
    let folder = format!("{}/", place.path("in").display());
    assert_eq!(mine().replace(&folder, "in/"), of_command);

    let again = ops::watch(options(&place, feed(), "jsonl"), &once(), &mut |_| {}).unwrap();
    assert_eq!(again.read, 0);
    place.put("c.xml", "no XML at all");
    let refused = ops::watch(options(&place, feed(), "jsonl"), &once(), &mut |_| {}).unwrap();
    assert_eq!((refused.read, mine().replace(&folder, "in/")), (0, of_command));
    // Another feed cannot use the state.
    let other = ops::watch(options(&place, feed(), "ecs"), &once(), &mut |_| {});
    assert!(other.unwrap_err().to_string().contains("belongs to a feed of jsonl"));
}

#[test]
fn changes_are_those_of_the_command() {
    let place = Place::new();
    let mode = || WatchMode::Changes(ChangeFormat::Rows, Baseline::Events);
    for hosts in [1, 3] {
        place.put("a.xml", scan(hosts, hosts));
        ops::watch(options(&place, mode(), "jsonl changes"), &once(), &mut |_| {}).unwrap();
        place.once(&["--changes", "--baseline", "events"]);
    }
    let [mine, of_command] = ["by-library.jsonl", "feed.jsonl"]
        .map(|name| fs::read_to_string(place.path(name)).unwrap());
    assert!(mine.lines().count() > 4);
    assert_eq!(mine, of_command);
}

#[test]
fn a_file_that_is_no_feed_is_not_appended_to() {
    let place = Place::new();
    place.put("a.xml", scan(1, 1));
    fs::write(place.path("by-library.jsonl"), "mine\n").unwrap();
    let mode = WatchMode::Events(Feed::Nested { events: false });
    let error = ops::watch(options(&place, mode, "jsonl"), &once(), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("does not begin as a feed"), "{error}");
    assert_eq!(fs::read_to_string(place.path("by-library.jsonl")).unwrap(), "mine\n");

    let token = CancellationToken::new();
    token.cancel();
    fs::remove_file(place.path("by-library.jsonl")).unwrap();
    let mode = WatchMode::Events(Feed::Nested { events: false });
    let report =
        ops::watch(options(&place, mode, "jsonl"), &WatchControl::new(token), &mut |_| {}).unwrap();
    assert_eq!((report.status(), report.read), (JobStatus::Cancelled, 0));
}
