//! Random damage: no panic, no hang, the same events for any pieces, and damage inside one host leaves the
//! others as they were (rule R3).

use std::{ops::Range, sync::LazyLock};

use proptest::{prelude::*, sample::Index};
use scanmill::{error::DiagnosticCode, limits::Limits, model::Host, xml::Options};

use crate::support::{Fixture, Outcome, damaged, fixtures};

static FIXTURES: LazyLock<Vec<Fixture>> =
    LazyLock::new(|| fixtures().into_iter().chain(damaged()).collect());

/// A fixture and the byte ranges of its hosts.
type Hosts = (&'static Fixture, Vec<Range<usize>>);

/// Well-formed fixtures with several hosts.
static HOSTS: LazyLock<Vec<Hosts>> = LazyLock::new(|| {
    let found = FIXTURES.iter().filter(|fixture| fixture.is_well_formed());
    let found =
        found.filter(|fixture| fixture.name.starts_with(|first: char| first.is_ascii_digit()));
    let found: Vec<_> = found.map(|fixture| (fixture, host_ranges(&fixture.bytes))).collect();
    let several: Vec<_> = found.into_iter().filter(|(_, hosts)| hosts.len() >= 2).collect();
    assert!(several.len() >= 10, "fixtures of several hosts are missing");
    several
});

/// Those fixtures as masscan and old versions of nmap write them, without DOCTYPE and comments, and some
/// without an XML declaration.
static PLAIN: LazyLock<Vec<Hosts>> = LazyLock::new(|| {
    let plain = HOSTS.iter().enumerate().map(|(number, (fixture, _))| {
        let text = String::from_utf8_lossy(&fixture.bytes);
        let from = text.find(if number % 3 == 0 { "<nmaprun" } else { "<?xml" }).unwrap();
        let kept = text[from..].lines().filter(|line| {
            !["<!DOCTYPE", "<!--", "<?xml-"].iter().any(|start| line.starts_with(start))
        });
        let bytes = kept.flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect::<Vec<_>>();
        let ranges = host_ranges(&bytes);
        let (name, path) = (format!("{} without DOCTYPE", fixture.name), fixture.path.clone());
        let fixture: &'static Fixture = Box::leak(Box::new(Fixture { name, path, bytes }));
        (fixture, ranges)
    });
    plain.collect()
});

const PROGRESS: &[u8] =
    b"<taskprogress task=\"SYN Stealth Scan\" time=\"1700000000\" percent=\"12.34\"/>\n";

/// Markup that has a meaning wherever it occurs.
const SPLICES: [&[u8]; 28] = [
    PROGRESS,
    b"<host>",
    b"</host>",
    b"<nmaprun scanner=\"nmap\" args=\"x\">",
    b"</nmaprun>",
    b"<?xml version=\"1.0\"?>",
    b"<!DOCTYPE nmaprun [<!ENTITY a \"b\">]>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?",
    b"\"",
    b"&#xe2;&#x82;&#xac;",
    b"\0",
    b"\xff\xfe<",
    b"\xef\xbb\xbf",
    b"<",
    b"'",
    b"<host ",
    b"<host/>",
    b"</host ",
    b"<nmaprun",
    b"<!DOCTYPE nmaprun",
    b"?>",
    b"<unknown ",
    b"<unknown=\"x\">",
    b"<5 ",
];

#[derive(Debug, Clone)]
enum Damage {
    Delete(Index, usize),
    Duplicate(Index, usize),
    Insert(Index, Vec<u8>),
    Flip(Index, u8),
    Splice(Index, usize),
    Cut(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), 1_usize..200).prop_map(|(at, len)| Damage::Delete(at, len)),
        (any::<Index>(), 1_usize..2000).prop_map(|(at, len)| Damage::Duplicate(at, len)),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, mask)| Damage::Flip(at, mask)),
        (any::<Index>(), 0..SPLICES.len()).prop_map(|(at, which)| Damage::Splice(at, which)),
        any::<Index>().prop_map(Damage::Cut),
    ]
}

/// Random limits, some of which small inputs reach.
fn limits() -> impl Strategy<Value = Limits> {
    let cap = || prop_oneof![Just(1 << 20), 1_usize..30, 30_usize..2000];
    (cap(), cap(), cap(), cap()).prop_map(|(tag, pending, host, markup)| {
        let mut limits = Limits::default()
            .with_max_tag_bytes(tag)
            .with_max_pending_bytes(pending)
            .with_max_host_bytes(host);
        limits.max_markup_bytes = markup;
        limits
    })
}

impl Damage {
    /// Applies the damage to the bytes within a range.
    fn apply(&self, bytes: &mut Vec<u8>, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let place = |at: &Index| range.start + at.index(range.len());
        let part = |at: &Index, len: usize| place(at)..(place(at) + len).min(range.end);
        match self {
            Self::Delete(at, len) => drop(bytes.drain(part(at, *len))),
            Self::Duplicate(at, len) => {
                let copy = bytes[part(at, *len)].to_vec();
                let end = part(at, *len).end;
                bytes.splice(end..end, copy);
            }
            Self::Insert(at, new) => drop(bytes.splice(place(at)..place(at), new.iter().copied())),
            Self::Flip(at, mask) => bytes[place(at)] ^= mask,
            Self::Splice(at, which) => {
                bytes.splice(place(at)..place(at), SPLICES[*which].iter().copied());
            }
            Self::Cut(at) => drop(bytes.drain(place(at)..range.end)),
        }
    }
}

/// Well-formed fixtures with their outcomes.
static READ: LazyLock<Vec<(&Fixture, Outcome)>> = LazyLock::new(|| {
    let whole = FIXTURES.iter().filter(|fixture| {
        fixture.is_well_formed() && fixture.name.starts_with(|first: char| first.is_ascii_digit())
    });
    whole.map(|fixture| (fixture, Outcome::of(&fixture.bytes))).collect()
});

/// A byte that replaces another.
#[derive(Debug, Clone, Copy)]
enum New {
    Byte(u8),
    Flip(u8),
}

impl New {
    const fn of(self, old: u8) -> u8 {
        match self {
            Self::Byte(new) => new,
            Self::Flip(mask) => old ^ mask,
        }
    }
}

/// Returns what `after` lacks from `before`, unless `after` has a warning or error that `before` lacks.
fn lost_silently(before: &Outcome, after: &Outcome) -> Option<String> {
    if after.error.is_some() || after.warnings() != before.warnings() {
        return None;
    }
    let lines = |outcome: &Outcome| {
        let lines = outcome.nested("x");
        let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap());
        serde_json::Value::Array(lines.collect())
    };
    lost_of((&lines(before), &lines(after)), &mut String::from("line"))
}

/// Returns the path of a list that is shorter in the second value, or of a record that is missing there.
fn lost_of(
    (before, after): (&serde_json::Value, &serde_json::Value),
    place: &mut String,
) -> Option<String> {
    use serde_json::Value;
    let len = place.len();
    let mut inner = |name: String, pair: (&Value, &Value)| {
        place.push_str(&name);
        let lost = lost_of(pair, place);
        place.truncate(len);
        lost
    };
    match (before, after) {
        (Value::Array(before), Value::Array(after)) if after.len() >= before.len() => {
            let mut pairs = before.iter().zip(after).enumerate();
            pairs.find_map(|(number, pair)| inner(format!("[{number}]"), pair))
        }
        (Value::Object(before), Value::Object(after)) => {
            before.iter().find_map(|(name, value)| {
                let other = after.get(name).unwrap_or(&Value::Null);
                // A changed key turns an object into a list.
                if name == "data" && values(other) >= values(value) {
                    return None;
                }
                inner(format!(".{name}"), (value, other))
            })
        }
        (Value::Array(list), _) if list.is_empty() => None,
        (Value::Array(_) | Value::Object(_), _) => Some(place.clone()),
        _ => None,
    }
}

/// Counts the values that are not lists or objects.
fn values(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(list) => list.iter().map(values).sum(),
        serde_json::Value::Object(map) => map.values().map(values).sum(),
        serde_json::Value::Null => 0,
        _ => 1,
    }
}

/// Returns the ranges from each `<host` to the end of its `</host>`.
fn host_ranges(bytes: &[u8]) -> Vec<Range<usize>> {
    let places = |tag: &'static [u8]| {
        let windows = bytes.windows(tag.len()).enumerate();
        windows.filter(move |(_, window)| *window == tag).map(|(at, _)| at)
    };
    let mut starts: Vec<_> = places(b"<host ").chain(places(b"<host>")).collect();
    starts.sort_unstable();
    starts.into_iter().zip(places(b"</host>").map(|at| at + 7)).map(|(a, b)| a..b).collect()
}

/// Returns all hosts except the damaged one, which may have vanished or split.
fn others(hosts: &[&Host<'static>], damaged: usize, behind: usize) -> Vec<Host<'static>> {
    let last = hosts.len().saturating_sub(behind).max(damaged.min(hosts.len()));
    let kept = hosts.iter().take(damaged).chain(&hosts[last..]);
    // An extra or missing host before it changes only a host's index.
    kept.map(|host| Host { index: 0, ..(*host).clone() }).collect()
}

/// A few seconds of cases; `PROPTEST_CASES` raises the number.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(2000), ..config }
}

/// Describes the first difference between two outcomes.
fn first_difference(a: &Outcome, b: &Outcome) -> String {
    let pairs = a.events.iter().zip(&b.events);
    match pairs.enumerate().find(|(_, (a, b))| a != b) {
        Some((number, (a, b))) => format!("event {number}\n{a:?}\n{b:?}"),
        None => format!(
            "{} events, {:?}; {} events, {:?}",
            a.events.len(),
            a.error,
            b.events.len(),
            b.error
        ),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn damage_never_panics_and_pieces_give_the_whole(
        which in any::<Index>(),
        damages in prop::collection::vec(damage(), 1..6),
        piece in 1_usize..500,
    ) {
        let fixture = which.get(&FIXTURES);
        let mut bytes = fixture.bytes.clone();
        for damage in &damages {
            let all = 0..bytes.len();
            damage.apply(&mut bytes, all);
        }
        let whole = Outcome::of(&bytes);
        let pieces = Outcome::of_pieces(bytes.chunks(piece));
        prop_assert!(
            whole == pieces,
            "{} in pieces of {piece}: {}",
            fixture.name,
            first_difference(&whole, &pieces)
        );
        for line in whole.nested(&fixture.name).lines() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
        }
        let seen: i64 = whole.runs().iter().map(|run| run.hosts_seen).sum();
        prop_assert_eq!(usize::try_from(seen).unwrap(), whole.hosts().len());
    }

    #[test]
    fn strict_reading_hashes_and_limits_do_not_depend_on_pieces(
        which in any::<Index>(),
        window in prop::option::of((any::<Index>(), 100_usize..3000)),
        damages in prop::collection::vec(damage(), 0..5),
        cuts in prop::collection::vec(1_usize..65, 1..20),
        strict in any::<bool>(),
        limits in prop::option::of(limits()),
    ) {
        let fixture = which.get(&FIXTURES);
        let mut bytes = fixture.bytes.clone();
        if let Some((at, len)) = window {
            let at = at.index(bytes.len());
            let part = &bytes[at..(at + len).min(bytes.len())];
            bytes = [b"<nmaprun scanner=\"nmap\">", part].concat();
        }
        for damage in &damages {
            let all = 0..bytes.len();
            damage.apply(&mut bytes, all);
        }
        let options = Options::default()
            .with_strict(strict)
            .with_hash(true)
            .with_limits(limits.unwrap_or_default());
        let whole = Outcome::of_pieces_with([&*bytes].into_iter(), options.clone());
        let mut rest = &*bytes;
        let pieces = cuts.iter().cycle().map_while(|len| {
            let (now, later) = rest.split_at((*len).min(rest.len()));
            rest = later;
            (!now.is_empty()).then_some(now)
        });
        let pieces = Outcome::of_pieces_with(pieces, options.clone());
        prop_assert!(
            whole == pieces,
            "{} in pieces of {cuts:?}, {options:?}: {}\n{}",
            fixture.name,
            first_difference(&whole, &pieces),
            String::from_utf8_lossy(&bytes)
        );
    }

    /// Whatever is inserted into a file or replaced in it, a host outside of the damage is read unchanged or
    /// counted as hidden. That the whole file is refused does not excuse a loss: in a folder such a file is
    /// skipped without a message.
    #[test]
    fn no_damage_hides_a_host_silently(
        which in any::<Index>(),
        at in any::<Index>(),
        early in any::<bool>(),
        plain in any::<bool>(),
        gone in 0_usize..4,
        new in prop_oneof![
            prop::collection::vec(0..SPLICES.len(), 0..3)
                .prop_map(|parts| parts.iter().map(|part| SPLICES[*part]).collect::<Vec<_>>().concat()),
            prop::collection::vec(any::<u8>(), 1..3),
        ],
    ) {
        let (fixture, ranges) = which.get(if plain { &PLAIN } else { &HOSTS });
        let len = fixture.bytes.len();
        // Often in the header.
        let at = at.index(if early { ranges[0].start } else { len });
        let end = (at + gone).min(len);
        let mut bytes = fixture.bytes.clone();
        bytes.splice(at..end, new.iter().copied());
        let (before, after) = (Outcome::of(&fixture.bytes), Outcome::of(&bytes));
        let same = |a: &Host<'static>, b: &Host<'static>| Host { index: 0, ..a.clone() } == Host { index: 0, ..b.clone() };
        let (hosts, found) = (before.hosts(), after.hosts());
        let lost = hosts.iter().zip(ranges).filter(|(host, range)| {
            let outside = range.end <= at || range.start >= end;
            outside && !found.iter().any(|found| same(found, host))
        });
        let lost = lost.count();
        let warnings = after.warnings();
        let hidden = warnings.iter().filter(|(code, _)| *code == DiagnosticCode::Hidden);
        let hidden = usize::try_from(hidden.map(|(_, count)| count).sum::<i64>()).unwrap();
        prop_assert!(
            lost <= hidden,
            "{} with {:?} for {gone} bytes at {at}: {lost} hosts lost, {warnings:?}",
            fixture.name,
            String::from_utf8_lossy(&new)
        );
    }

    /// A single changed byte: any loss that exceeds the value it is in is reported.
    #[test]
    fn no_changed_byte_loses_anything_silently(
        which in any::<Index>(),
        at in any::<Index>(),
        new in prop_oneof![
            any::<u8>().prop_map(New::Byte),
            (0_u8..8).prop_map(|bit| New::Flip(1 << bit)),
            prop::sample::select(b"<>/\"'=&!? \n-x".to_vec()).prop_map(New::Byte),
        ],
    ) {
        let (fixture, read) = which.get(&READ);
        let at = at.index(fixture.bytes.len());
        let mut bytes = fixture.bytes.clone();
        bytes[at] = new.of(bytes[at]);
        let after = Outcome::of(&bytes);
        if let Some(lost) = lost_silently(read, &after) {
            let from = at.saturating_sub(60);
            let around = bytes.get(from..(at + 60).min(bytes.len())).unwrap_or_default();
            let around = String::from_utf8_lossy(around);
            prop_assert!(false, "{} with {new:?} at {at}: {lost}\n{around}", fixture.name);
        }
    }

    #[test]
    fn a_progress_line_spliced_into_a_host_does_not_affect_the_others(
        which in any::<Index>(),
        host in any::<Index>(),
        at in any::<Index>(),
    ) {
        let (fixture, ranges) = which.get(&HOSTS);
        let damaged = host.index(ranges.len());
        let range = ranges[damaged].clone();
        let at = range.start + at.index(range.len());
        let mut bytes = fixture.bytes.clone();
        bytes.splice(at..at, PROGRESS.iter().copied());
        let (before, after) = (Outcome::of(&fixture.bytes), Outcome::of(&bytes));
        let behind = ranges.len() - damaged - 1;
        prop_assert_eq!(
            others(&after.hosts(), damaged, behind),
            others(&before.hosts(), damaged, behind),
            "{} at byte {}", &fixture.name, at
        );
        let is_spliced = |event: &scanmill::model::ScanEvent<'_>| format!("{event:?}").contains("12.34");
        prop_assert!(after.events.iter().any(is_spliced), "{}: the line itself is read", fixture.name);
    }

    #[test]
    fn damage_inside_a_host_does_not_affect_the_others(
        which in any::<Index>(),
        host in any::<Index>(),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let (fixture, ranges) = which.get(&HOSTS);
        let damaged = host.index(ranges.len());
        let range = ranges[damaged].clone();
        let mut part = fixture.bytes[range.clone()].to_vec();
        for damage in damages {
            let all = 0..part.len();
            damage.apply(&mut part, all);
        }
        if !stays_inside(&part) {
            return Ok(());
        }
        let mut bytes = fixture.bytes.clone();
        bytes.splice(range, part);
        let (before, after) = (Outcome::of(&fixture.bytes), Outcome::of(&bytes));
        let behind = ranges.len() - damaged - 1;
        prop_assert_eq!(
            others(&after.hosts(), damaged, behind),
            others(&before.hosts(), damaged, behind),
            "{}", &fixture.name
        );
    }
}

/// Cases found by mutation, which were once read differently in whole and in pieces.
#[test]
fn pieces_that_end_after_a_tag_change_nothing() {
    const HEAD: &[u8] = b"<?xml version=\"1.0\"?><nmaprun scanner=\"nmap\" args=\"x\">";
    let prescript = b"<prescript><script output=\"\"/><script id=\"a\" output=\"\"><table>\
        <elem key=\"k\">1</elem>\n<elem key=\"k\">2</elem></table></script></prescript>";
    let rests: [&[u8]; 9] = [
        b"<verbose level=\"1\"/>\x80<debugging level=\"1\"/></nmaprun>",
        b"</nmaprun>\x80</runstats><address addr=\"\x80\"/>\x80",
        b"</nmaprun>text\x80<bad \"<bad <x/>",
        b"<verbose le\0vel=\"1\"/><debugging\0 level=\"\x01\"/>",
        b"<sk=\"ARP Ping Scan\" time=\"1\"/>\n text <verbose level=\"1\"/>",
        b"<scaninfo type=\"syn<verbose/></-ostnames></1a><debugging/>",
        b"<host<verbose level=\"1\"/><host><address addr=\"192.0.2.1\"/></host>",
        "<verbose level=\"1\"/>\u{e9}\u{20ac}\u{1f600}<debugging/>".as_bytes(),
        prescript,
    ];
    let broken_start: &[u8] =
        b"<?xml version=\"1.0\"?><nmaprun<taskend task=\"a\"/> scanner=\"nmap\"";
    let texts = rests.iter().map(|rest| [HEAD, rest].concat()).chain([broken_start.to_vec()]);
    for text in texts {
        let whole = Outcome::of(&text);
        for size in 1..text.len() {
            let pieces = Outcome::of_pieces(text.chunks(size));
            let shown = String::from_utf8_lossy(&text);
            assert!(
                whole == pieces,
                "{shown} in pieces of {size}: {}",
                first_difference(&whole, &pieces)
            );
        }
    }
}

/// With limits: an end tag that exceeds the cap on tags ends nothing, and gives one warning, however the
/// bytes arrive.
#[test]
fn an_end_tag_that_exceeds_the_cap_is_dropped_for_any_pieces() {
    let hosts = b"<nmaprun scanner=\"nmap\" args=\"x\"><host>< addr=\"192.0.2.48\" addrtype=\"ipv4\"/>\n</host>\n\
        <host><status state=\"up\"/></host   ><host>\n<hop ttl=\"1\"/></trace  \"  ><times to=\"1\"/></host>\n\
        <hosthint>\n</<nmaprunhostnames>\n</hostnames>\n</hosthint>\n\
        <host><a\xcb\xc1('k></c\xcb\xc1(uH\"kpe></host>\"</c\xcb\xc1(uHkpe></nmaprun>";
    for (tag, host) in [
        (6, 44),
        (7, 44),
        (8, 60),
        (6, 1 << 20),
        (7, 1 << 20),
        (9, 1 << 20),
        (14, 1 << 20),
        (20, 1 << 20),
    ] {
        let limits = Limits::default().with_max_tag_bytes(tag).with_max_host_bytes(host);
        let options = Options::default().with_limits(limits);
        let whole = Outcome::of_pieces_with([&hosts[..]].into_iter(), options.clone());
        for size in 1..hosts.len() {
            let pieces = Outcome::of_pieces_with(hosts.chunks(size), options.clone());
            let difference = first_difference(&whole, &pieces);
            assert!(whole == pieces, "tags of {tag} bytes in pieces of {size}: {difference}");
        }
        let said = format!("{:?}", whole.runs());
        assert!(!said.contains("markup that cannot be read"), "{said}");
    }
}

/// Returns true if the damage contains no markup that legitimately extends past its host: that hides a
/// `<host`, ends the scan or begins another.
fn stays_inside(part: &[u8]) -> bool {
    let far: [&[u8]; 5] = [b"<!", b"<?", b"<nmaprun", b"</nmaprun", b"<host"];
    let found = |tag: &[u8]| part.windows(tag.len()).filter(|window| *window == tag).count();
    let hosts = found(b"<host ") + found(b"<host>") + found(b"<host\t") + found(b"<host\n");
    far[..4].iter().all(|tag| found(tag) == 0) && hosts <= 1
}
