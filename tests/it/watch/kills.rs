//! Runs that are killed, run out of space, or meet a feed that gives way.

use std::{collections::BTreeMap, fs, thread, time::Duration};

use super::{Place, expected, scan};
use crate::support;

/// Moments that look random, the same in every run of the tests.
struct Moments(u64);

impl Moments {
    fn next(&mut self, most: u64) -> Duration {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((self.0 >> 33) % most)
    }
}

/// Drops 200 files while runs with these options are killed 20 times, and reads what is left.
fn kill(args: &[&str], seed: u64) -> Place {
    let place = Place::new();
    let mut moments = Moments(seed);
    for round in 0..20 {
        let watching = place.spawn(args);
        for number in round * 10..round * 10 + 10 {
            place.put(&format!("{number}.xml"), scan(number, hosts(number)));
        }
        thread::sleep(moments.next(120));
        watching.ended("KILL");
    }
    place.once(args);
    place
}

fn hosts(number: u32) -> u32 {
    number * 37 % 400
}

fn each_once() -> BTreeMap<String, usize> {
    (0..200).flat_map(|number| expected(number, hosts(number))).map(|id| (id, 1)).collect()
}

#[test]
fn twenty_kills_repeat_nothing_and_lose_nothing() {
    let place = kill(&[], 1);
    assert!(place.ids() == each_once(), "{} ids", place.ids().len());
    assert_eq!(place.once(&[]), "");
    assert!(place.ids() == each_once(), "a run with nothing new");
}

#[test]
fn twenty_kills_lose_nothing_from_files_that_give_way() {
    let place = kill(&["--rotate-size", "64K", "--keep", "1000"], 2);
    assert!(place.path("feed.jsonl.10").exists());
    assert!(place.ids() == each_once(), "{} ids", place.ids().len());
}

#[test]
fn a_line_that_was_cut_is_completed_by_the_next_run() {
    // As a killed run leaves it: the note is there, and the feed has a part of the lines.
    let place = Place::new();
    place.put("1.xml", scan(1, 3));
    place.once(&[]);
    let before = fs::read(place.path("feed.jsonl")).unwrap();
    place.put("2.xml", scan(2, 50));
    let state = place.path("in/.scanmill");
    let ledger = fs::read(state.join("ledger")).unwrap();
    // A feed that may not be written: the run gets as far as the note.
    let limited = "trap '' XFSZ; ulimit -f 16; exec \"$@\"";
    let run = place.command(&["--once"]);
    let mut shell = support::command("sh");
    shell.current_dir(place.0.path()).args(["-c", limited, "sh"]);
    let output = shell.arg(run.get_program()).args(run.get_args()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("cannot write"), "{said}");
    // What was there is as it was, and no line is cut.
    let feed = fs::read(place.path("feed.jsonl")).unwrap();
    assert!(feed.starts_with(&before) && feed.ends_with(b"\n"));
    place.once(&[]);
    let all: BTreeMap<_, _> =
        expected(1, 3).into_iter().chain(expected(2, 50)).map(|id| (id, 1)).collect();
    assert_eq!(place.ids(), all);
    // The ledger only ever grows.
    assert!(fs::read(state.join("ledger")).unwrap().starts_with(&ledger));
}

#[test]
fn a_full_disk_loses_nothing_when_there_is_room_again() {
    let place = Place::new();
    for number in 0..40 {
        place.put(&format!("{number:02}.xml"), scan(number, 100));
    }
    fs::create_dir(place.path("small")).unwrap();
    let mut unshare = support::command("unshare");
    unshare.args(["-rm", "mount", "-t", "tmpfs", "none"]).arg(place.path("small"));
    if !unshare.output().is_ok_and(|output| output.status.success()) {
        // Mounting is a matter of the machine, not of what is installed.
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
