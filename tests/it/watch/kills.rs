//! Runs that are killed, run out of space, or rotate their feed.

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt as _, str, thread, time::Duration};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Place, expected, scan};
use crate::support;

/// Pseudo-random delays, the same in every test run.
struct Moments(u64);

impl Moments {
    fn next(&mut self, most: u64) -> Duration {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((self.0 >> 33) % most)
    }
}

/// Adds 200 files while runs with these options are killed 20 times, then reads the rest.
fn kill(args: &[&str], seed: u64) -> Place {
    let place = Place::new();
    let mut moments = Moments(seed);
    for round in 0..20 {
        let before = feed(&place);
        let watching = place.spawn(args);
        for number in round * 10..round * 10 + 10 {
            place.put(&format!("{number}.xml"), scan(number, hosts(number)));
        }
        // Every second run has written something.
        while round % 2 == 1 && feed(&place) == before {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(moments.next(120));
        watching.ended("KILL");
    }
    place.once(args);
    place
}

/// Returns the inode and the length of the feed.
fn feed(place: &Place) -> Option<(u64, u64)> {
    fs::metadata(place.path("feed.jsonl")).ok().map(|meta| (meta.ino(), meta.len()))
}

fn hosts(number: u32) -> u32 {
    number * 37 % 400
}

fn each_once() -> BTreeMap<String, usize> {
    (0..200).flat_map(|number| expected(number, hosts(number))).map(|id| (id, 1)).collect()
}

#[test]
fn twenty_kills_neither_repeat_nor_lose_lines() {
    let place = kill(&[], 1);
    assert!(place.ids() == each_once(), "{} ids", place.ids().len());
    assert_eq!(place.once(&[]), "");
    assert!(place.ids() == each_once(), "a run with nothing new");
}

#[test]
fn twenty_kills_lose_no_lines_from_rotated_files() {
    let place = kill(&["--rotate-size", "64K", "--keep", "1000"], 2);
    assert!(place.path("feed.jsonl.5").exists());
    assert!(place.ids() == each_once(), "{} ids", place.ids().len());
}

/// A state and a feed at a moment.
struct Moment {
    ledger: Vec<u8>,
    feed: Vec<u8>,
}

impl Moment {
    fn of(place: &Place) -> Self {
        let read = |name| fs::read(place.path(name)).unwrap();
        Self { ledger: read("in/.scanmill/ledger"), feed: read("feed.jsonl") }
    }

    /// Restores the files as a run leaves them that is killed after it has written its note: `written` bytes
    /// of the batch are in the feed.
    fn leave(&self, after: &Self, place: &Place, written: usize) {
        let (feed, state) = (place.path("feed.jsonl"), place.path("in/.scanmill"));
        let lines = &after.feed[self.feed.len()..];
        let file = fs::File::options().write(true).open(&feed).unwrap();
        file.set_len(u64::try_from(self.feed.len() + written).unwrap()).unwrap();
        fs::write(state.join("ledger"), &self.ledger).unwrap();
        fs::write(state.join("lines"), lines).unwrap();
        let note = note(place, (&self.feed, &after.feed), (&self.ledger, &after.ledger));
        fs::write(state.join("note"), note).unwrap();
    }
}

/// Returns the note of a batch between two moments of feed and ledger, as version 0.1.0 wrote it.
pub(super) fn note(place: &Place, feed: (&[u8], &[u8]), ledger: (&[u8], &[u8])) -> String {
    let meta = fs::metadata(place.path("feed.jsonl")).unwrap();
    let lines = &feed.1[feed.0.len()..];
    let entries = str::from_utf8(&ledger.1[ledger.0.len()..]).unwrap();
    let entries: Vec<Value> =
        entries.lines().map(|line| serde_json::from_str(&line[9..]).unwrap()).collect();
    let number = entries.last().unwrap()["number"].as_u64().unwrap();
    let digits = Sha256::digest(lines);
    let digits: Vec<_> = digits.iter().map(|byte| format!("{byte:02x}")).collect();
    let place = json!({ "device": meta.dev(), "inode": meta.ino(), "bytes": feed.0.len() });
    let note = json!({ "number": number, "place": place, "bytes": lines.len(),
        "digest": digits.concat(), "entries": entries });
    note.to_string()
}

#[test]
fn a_batch_left_unfinished_by_a_killed_run_is_completed() {
    let place = Place::new();
    place.put("1.xml", scan(1, 3));
    place.once(&[]);
    let before = Moment::of(&place);
    place.put("2.xml", scan(2, 5));
    place.once(&[]);
    let after = Moment::of(&place);
    let len = after.feed.len() - before.feed.len();
    for written in [0, 1, len / 2, len - 1, len] {
        before.leave(&after, &place, written);
        // The input is gone, but the note contains the lines.
        let _ = fs::remove_file(place.path("in/2.xml"));
        place.once(&[]);
        assert!(Moment::of(&place).feed == after.feed, "{written} of {len} bytes");
        assert!(!place.path("in/.scanmill/note").exists());
    }
    // The feed was rotated when it had 10 bytes of the batch.
    before.leave(&after, &place, 10);
    fs::rename(place.path("feed.jsonl"), place.path("feed.jsonl.1")).unwrap();
    place.once(&[]);
    assert!(fs::read(place.path("feed.jsonl.1")).unwrap() == after.feed);
    assert_eq!(fs::read(place.path("feed.jsonl")).unwrap(), b"");
    // A note restored from a batch that is in the ledger, or whose lines are gone, has no effect.
    fs::rename(place.path("feed.jsonl.1"), place.path("feed.jsonl")).unwrap();
    before.leave(&after, &place, len);
    fs::write(place.path("in/.scanmill/ledger"), &after.ledger).unwrap();
    fs::write(place.path("in/.scanmill/lines"), "other").unwrap();
    place.once(&[]);
    assert!(Moment::of(&place).feed == after.feed);
}

#[test]
fn a_file_size_limit_ends_the_run_and_loses_nothing() {
    let place = Place::new();
    place.put("1.xml", scan(1, 3));
    place.once(&[]);
    let before = fs::read(place.path("feed.jsonl")).unwrap();
    place.put("2.xml", scan(2, 50));
    let mut failed = 0;
    // Blocks of 512 bytes: the lines do not fit, or they fit and the feed does not.
    for blocks in [8, 30, 40, 42, 44] {
        let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let run = place.command(&["--once"]);
        let mut shell = support::command("sh");
        shell.current_dir(place.0.path()).args(["-c", &limited, "sh"]);
        let output = shell.arg(run.get_program()).args(run.get_args()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() {
            failed += 1;
            assert_eq!(output.status.code(), Some(4), "{said}");
            assert!(said.contains("cannot write"), "{said}");
            // The old content is unchanged.
            assert!(fs::read(place.path("feed.jsonl")).unwrap().starts_with(&before), "{blocks}");
        }
    }
    assert!(failed > 0);
    place.once(&[]);
    let all: BTreeMap<_, _> =
        expected(1, 3).into_iter().chain(expected(2, 50)).map(|id| (id, 1)).collect();
    assert_eq!(place.ids(), all);
}

#[test]
fn a_full_disk_loses_nothing_once_there_is_room_again() {
    let place = Place::new();
    for number in 0..40 {
        place.put(&format!("{number:02}.xml"), scan(number, 100));
    }
    fs::create_dir(place.path("small")).unwrap();
    let mut unshare = support::command("unshare");
    unshare.args(["-rm", "mount", "-t", "tmpfs", "none"]).arg(place.path("small"));
    if !unshare.output().is_ok_and(|output| output.status.success()) {
        // Mounting depends on the machine, not on installed programs, so this is no failure with `CI` set.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"SKIPPED a_full_disk_...: no file system may be mounted\n",
        );
        return;
    }
    let script = "mount -t tmpfs -o size=300k none small || exit 9
        \"$1\" watch in --once -o small/feed.jsonl --state-dir small/state; echo \"exit $?\"
        tail -c1 small/feed.jsonl | od -An -c
        mount -o remount,size=64m small || exit 9
        \"$1\" watch in --once -o small/feed.jsonl --state-dir small/state; echo \"exit $?\"
        cp small/feed.jsonl feed.jsonl";
    let program = place.command(&[]).get_program().to_owned();
    let mut unshare = support::command("unshare");
    unshare.current_dir(place.0.path()).args(["-rm", "sh", "-c", script, "sh"]);
    let said = support::output_of(unshare.arg(program));
    assert!(said.starts_with("exit 4\n"), "{said}");
    assert!(said.ends_with("exit 0\n"), "{said}");
    assert!(said.contains("\\n") || !said.contains('}'), "a line was cut: {said}");
    let all: BTreeMap<_, _> =
        (0..40).flat_map(|number| expected(number, 100)).map(|id| (id, 1)).collect();
    assert!(place.ids() == all, "{} ids", place.ids().len());
}
