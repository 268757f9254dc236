//! A watch as a service: its reaction to signals, and its messages.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};

use serde_json::Value;

use super::{Place, Watching, expected, id, scan};

/// Reads the messages of a run, line by line.
struct Said(BufReader<std::process::ChildStderr>);

impl Said {
    fn of(watching: &mut Watching) -> Self {
        Self(BufReader::new(watching.0.stderr.take().unwrap()))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }
}

/// Returns a line without its time.
fn untimed(line: &str) -> &str {
    let (time, rest) = line.split_once(' ').unwrap();
    let form = time.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    assert_eq!(String::from_utf8(form.collect()).unwrap(), "0000-00-00T00:00:00Z", "{line}");
    rest
}

#[test]
fn a_folder_that_disappears_and_returns_is_reported_once_each_and_read_again() {
    for state in [&[][..], &["--state-dir", "state"]] {
        let place = Place::new();
        place.put("a.xml", scan(1, 2));
        let mut watching = place.spawn(state);
        let mut said = Said::of(&mut watching);
        place.wait_for(3);
        for number in 2..4 {
            fs::rename(place.path("in"), place.path("away")).unwrap();
            assert_eq!(
                untimed(&said.line()),
                "warning: in has disappeared: reading resumes when it returns\n"
            );
            fs::write(place.path("away/b.xml"), scan(number, 2)).unwrap();
            fs::rename(place.path("away"), place.path("in")).unwrap();
            assert_eq!(untimed(&said.line()), "warning: in has returned\n");
            place.wait_for(3 * usize::try_from(number).unwrap());
        }
        let seen: Vec<_> = place.lines().iter().map(id).collect();
        assert_eq!(seen, [expected(1, 2), expected(2, 2), expected(3, 2)].concat());
        assert_eq!(watching.ended_quietly("TERM"), Some(0));
        assert_eq!(said.line(), "", "there was no other message");
    }
}

#[test]
fn a_state_that_disappeared_with_its_folder_is_reported() {
    let place = Place::new();
    place.put("a.xml", scan(1, 2));
    let mut watching = place.spawn(&[]);
    let mut said = Said::of(&mut watching);
    place.wait_for(3);
    fs::rename(place.path("in"), place.path("away")).unwrap();
    said.line();
    fs::create_dir(place.path("in")).unwrap();
    let line = said.line();
    assert!(line.contains("the state of in has disappeared"), "{line}");
    said.line();
    place.put("b.xml", scan(2, 2));
    place.wait_for(6);
    // The new state contains it now.
    assert_eq!(watching.ended_quietly("TERM"), Some(0));
    place.once(&[]);
    assert_eq!(place.lines().len(), 6);
}

#[test]
fn hangup_reopens_and_locks_the_feed() {
    let place = Place::new();
    place.put("a.xml", scan(1, 2));
    let watching = place.spawn(&[]);
    place.wait_for(3);
    fs::rename(place.path("feed.jsonl"), place.path("feed.jsonl.1")).unwrap();
    watching.signal("HUP");
    wait_until(|| place.path("feed.jsonl").exists());
    place.put("b.xml", scan(2, 2));
    place.wait_for(3);
    let refused = place.once_ends(2, &["--state-dir", "state"]);
    assert!(refused.contains("another run writes"), "{refused}");
    // The old file is free: it may be compressed and removed.
    let old = fs::File::open(place.path("feed.jsonl.1")).unwrap();
    old.try_lock().unwrap();
    // A file that still has its name is continued.
    watching.signal("HUP");
    place.put("c.xml", scan(3, 2));
    place.wait_for(6);
    let seen: Vec<_> = place.lines().iter().map(id).collect();
    assert_eq!(seen, [expected(1, 2), expected(2, 2), expected(3, 2)].concat());
    assert_eq!(watching.ended("TERM"), (Some(0), String::new()));
}

#[test]
fn lines_have_the_time_as_text_and_as_json() {
    let place = Place::new();
    place.put("a.xml.gz", b"\x1f\x8b\x08 no gzip");
    let said = place.once_ends(1, &[]);
    assert!(untimed(&said).starts_with("error: in/a.xml.gz: E_DECOMPRESS"), "{said}");
    place.put("a.xml.gz", b"\x1f\x8b\x08 another");
    let said = place.once_ends(1, &["--log-format", "json"]);
    let line: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(line["level"], "error");
    untimed(&format!("{} ", line["time"].as_str().unwrap()));
    // Messages from before the watch begins have a time, too.
    let said = place.once_ends(2, &["--changes"]);
    assert!(untimed(&said).starts_with("error: "), "{said}");
}

fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn lines_of_another_writer_are_not_cut_after_a_crash() {
    let place = Place::new();
    place.put("1.xml", scan(1, 3));
    place.once(&[]);
    let before = fs::read(place.path("feed.jsonl")).unwrap();
    let state = |name: &str| place.path("in/.scanmill").join(name);
    let ledger = fs::read(state("ledger")).unwrap();
    place.put("2.xml", scan(2, 5));
    place.once(&[]);
    let after = fs::read(place.path("feed.jsonl")).unwrap();
    let all = fs::read(state("ledger")).unwrap();
    let note = super::kills::note(&place, (&before, &after), (&ledger, &all));
    for others in
        ["{\"scan_id\":\"other\"}\n", "{\"scan_id\":\"other\",\"rest\":1}\n{\"scan_id\":\"cut"]
    {
        for written in [0, 9, after.len() - before.len() - 1] {
            // A run was killed after `written` bytes, and another program appended its lines.
            let feed = [&after[..before.len() + written], others.as_bytes()].concat();
            fs::write(place.path("feed.jsonl"), &feed).unwrap();
            fs::write(state("ledger"), &ledger).unwrap();
            fs::write(state("lines"), &after[before.len()..]).unwrap();
            fs::write(state("note"), &note).unwrap();
            let said = place.once(&[]);
            assert!(said.contains("were appended again"), "{said}");
            let now = fs::read(place.path("feed.jsonl")).unwrap();
            // The whole batch again, on lines of its own.
            let end: &[u8] = if feed.ends_with(b"\n") { b"" } else { b"\n" };
            assert!(now == [&feed, end, &after[before.len()..]].concat(), "{written}");
            assert_eq!(place.once(&[]), "", "the warning is not repeated");
            assert_eq!(fs::read(place.path("feed.jsonl")).unwrap(), now);
        }
    }
    assert!(!Path::new(&state("note")).exists());
}

#[test]
fn a_hangup_before_the_watch_begins_has_no_effect() {
    use std::io::Write as _;
    for args in [&["watch", "in", "-o", "feed.jsonl", "--once"][..], &["inspect", "watch"]] {
        let place = Place::new();
        place.put("a.xml", scan(1, 2));
        place.put("../watch", scan(1, 2));
        let config = place.path("config");
        crate::support::output_of(crate::support::command("mkfifo").arg(&config));
        let program = place.command(&[]).get_program().to_owned();
        let mut command = crate::support::command(program);
        command.current_dir(place.path("")).arg("--config").arg(&config).args(args);
        let child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        let mut watching = Watching(child);
        // It reads its settings, and waits for them.
        let mut settings = fs::File::options().write(true).open(&config).unwrap();
        watching.signal("HUP");
        settings.write_all(b"threads = 1\n").unwrap();
        drop(settings);
        let status = watching.0.wait().unwrap();
        if args[0] == "watch" {
            assert_eq!(status.code(), Some(0));
            assert_eq!(place.lines().len(), 3);
        } else {
            // A process of another command with an argument `watch` ends as usual.
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(1));
        }
    }
}

#[test]
fn no_other_command_replaces_a_feed_that_is_written() {
    let place = Place::new();
    place.put("a.xml", scan(1, 2));
    let watching = place.spawn(&[]);
    place.wait_for(3);
    fs::write(place.path("b.xml"), scan(2, 2)).unwrap();
    let before = fs::read(place.path("feed.jsonl")).unwrap();
    let program = place.command(&[]).get_program().to_owned();
    std::os::unix::fs::symlink("feed.jsonl", place.path("link.jsonl")).unwrap();
    for args in [
        "convert b.xml -o feed.jsonl --overwrite",
        "convert b.xml -o link.jsonl --overwrite",
        "convert --follow b.xml -o feed.jsonl --overwrite",
        "convert b.xml -o other.jsonl --report feed.jsonl",
        "merge b.xml -o feed.jsonl --overwrite",
        "merge b.xml -o other.jsonl --report feed.jsonl",
        "diff b.xml in -o feed.jsonl --overwrite --to jsonl",
        "ingest b.xml --into dataset --report feed.jsonl",
        "scan 192.0.2.1 --nmap false --keep-xml feed.jsonl --overwrite",
        "scan 192.0.2.1 --nmap false -o feed.jsonl --overwrite",
    ] {
        let mut command = crate::support::command(&program);
        let output = command.current_dir(place.path("")).args(args.split(' ')).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args}: {said}");
        assert!(said.contains("another run writes"), "{args}: {said}");
        assert_eq!(fs::read(place.path("feed.jsonl")).unwrap(), before, "{args}");
    }
    place.put("c.xml", scan(3, 2));
    place.wait_for(6);
    assert_eq!(watching.ended("TERM").0, Some(0));
    // The feed is free then.
    let mut command = crate::support::command(&program);
    command.current_dir(place.path(""));
    command.args(["convert", "b.xml", "-o", "feed.jsonl", "--overwrite"]);
    crate::support::output_of(&mut command);
}

#[test]
fn a_rotated_file_that_another_run_writes_is_neither_renamed_nor_removed() {
    for (held, keep) in [("feed.jsonl.1", "3"), ("feed.jsonl.2", "2"), ("feed.jsonl.3", "1")] {
        let place = Place::new();
        // Rotated files without a gap.
        for number in 1..=3 {
            fs::write(place.path(&format!("feed.jsonl.{number}")), "{}\n").unwrap();
        }
        let file = fs::File::open(place.path(held)).unwrap();
        file.lock().unwrap();
        place.put("a.xml", scan(1, 2));
        let old = |number: u32| fs::read(place.path(&format!("feed.jsonl.{number}"))).unwrap();
        let before = [1, 2, 3].map(old);
        let rotating = ["--rotate-size", "1", "--keep", keep];
        let said = place.once_ends(2, &rotating);
        assert!(said.contains("another run writes") && said.contains(held), "{held}: {said}");
        assert_eq!([1, 2, 3].map(old), before, "{held}");
        drop(file);
        place.once(&rotating);
    }
}

#[test]
fn a_rotated_file_that_another_run_begins_to_write_stops_rotation() {
    let place = Place::new();
    place.put("a.xml", scan(1, 2));
    let mut watching = place.spawn(&["--rotate-size", "1"]);
    place.wait_for(3);
    fs::write(place.path("feed.jsonl.1"), "{}\n").unwrap();
    let file = fs::File::open(place.path("feed.jsonl.1")).unwrap();
    file.lock().unwrap();
    place.put("b.xml", scan(2, 2));
    let mut said = String::new();
    watching.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(watching.0.wait().unwrap().code(), Some(2), "{said}");
    assert!(said.contains("another run writes") && said.contains("feed.jsonl.1"), "{said}");
    assert_eq!(fs::read(place.path("feed.jsonl.1")).unwrap(), b"{}\n");
    // Documents that were read are not in the ledger, so the next run writes them.
    drop(file);
    fs::remove_file(place.path("feed.jsonl.1")).unwrap();
    place.once(&[]);
    assert_eq!(place.lines().len(), 6);
}

#[test]
fn a_state_that_cannot_be_read_is_named() {
    let place = Place::new();
    let changes = ["--changes", "--baseline", "events"];
    place.put("a.xml", scan(1, 2));
    place.once(&changes);
    let state = |name: &str| place.path("in/.scanmill").join(name);
    let hosts = fs::read_dir(state("hosts")).unwrap().map(|entry| entry.unwrap().path());
    let parts: Vec<_> = hosts.collect();
    let whole: Vec<_> = parts.iter().map(|part| fs::read(part).unwrap()).collect();
    for part in &parts {
        fs::write(part, "damaged").unwrap();
    }
    place.put("b.xml", scan(2, 2));
    let said = place.once_ends(3, &changes);
    assert!(said.contains("error: cannot read ") && said.contains("hint:"), "{said}");
    assert!(said.contains(".scanmill/hosts/") && !said.contains("cannot write"), "{said}");
    for (part, bytes) in parts.iter().zip(whole) {
        fs::write(part, bytes).unwrap();
    }
    for (name, bytes) in [("note", &b"{"[..]), ("ledger", b"no line\nof a ledger\n")] {
        let before = fs::read(state(name)).ok();
        fs::write(state(name), bytes).unwrap();
        let said = place.once_ends(3, &changes);
        assert!(said.contains("error: cannot read ") && said.contains(name), "{name}: {said}");
        match before {
            Some(before) => fs::write(state(name), before).unwrap(),
            None => fs::remove_file(state(name)).unwrap(),
        }
    }
    place.once(&changes);
}
