//! Files that are followed while they are written. Each step waits for the result of the previous one, so
//! nothing depends on time.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::MetadataExt as _,
};

use super::{
    Folder, GOOD, ends, json_lines,
    live::{Live, pieces},
    refuses, xml,
};
use crate::support;

/// A file that is written piece by piece.
struct Written {
    file: File,
    path: String,
}

impl Written {
    fn new(folder: &Folder) -> Self {
        let path = folder.path("scan.xml");
        Self { file: File::create(&path).unwrap(), path }
    }

    fn write(&mut self, text: &str) {
        self.file.write_all(text.as_bytes()).unwrap();
    }
}

/// Returns the output for the whole file.
fn whole(path: &str) -> String {
    ends(0, &["convert", path]).stdout
}

#[test]
fn hosts_come_out_as_they_are_written_and_the_run_ends_with_the_document() {
    let folder = Folder::new();
    let mut written = Written::new(&folder);
    let mut live = Live::start(&["convert", "--follow", &written.path]);
    let mut all = String::new();
    let pieces = pieces();
    for piece in &pieces[..3] {
        // A host comes only when the last byte of its end tag is there.
        let (start, end) = piece.split_at(piece.len() - 1);
        written.write(start);
        written.write(end);
        all += &live.line();
    }
    written.write(&pieces[3]);
    let (rest, code) = live.finished();
    all += &rest;
    assert_eq!((all, code), (whole(&written.path), Some(0)));
}

#[test]
fn a_file_that_is_not_there_is_waited_for() {
    let folder = Folder::new();
    let path = folder.path("scan.xml");
    let live = Live::start(&["convert", "--follow", &path]);
    fs::copy(xml(GOOD), &path).unwrap();
    assert_eq!(live.finished(), (whole(&path), Some(0)));
}

#[test]
fn a_complete_file_is_read_and_the_command_ends() {
    for name in [GOOD, "34-append-output-two-documents.xml", "02-syn-versions-scripts.xml"] {
        let path = xml(name);
        assert_eq!(ends(0, &["convert", "--follow", &path]).stdout, whole(&path), "{name}");
    }
}

#[test]
fn a_new_file_of_the_same_name_is_read_after_the_old_one() {
    let folder = Folder::new();
    let mut written = Written::new(&folder);
    let mut live = Live::start(&["convert", "--follow", &written.path]);
    let pieces = pieces();
    written.write(&pieces[0]);
    assert_eq!(json_lines(&live.line())[0]["ip"], "192.0.2.30");
    fs::rename(&written.path, folder.path("old.xml")).unwrap();
    // Data that is still written to the old file is not lost.
    written.write(&pieces[1]);
    assert_eq!(json_lines(&live.line())[0]["ip"], "192.0.2.40");
    fs::copy(xml("02-syn-versions-scripts.xml"), folder.path("new.xml")).unwrap();
    fs::rename(folder.path("new.xml"), &written.path).unwrap();
    let (rest, code) = live.finished();
    let lines = json_lines(&rest);
    assert_eq!((&lines[0]["_type"], &lines[0]["truncated"]), (&"scan".into(), &true.into()));
    let after: String = rest.split_inclusive('\n').skip(1).collect();
    assert_eq!((after, code), (whole(&written.path), Some(0)));
}

#[test]
fn a_truncated_and_rewritten_file_is_read_again() {
    let folder = Folder::new();
    let mut written = Written::new(&folder);
    let mut live = Live::start(&["convert", "--follow", &written.path]);
    written.write(&pieces()[0]);
    written.write(&pieces()[1]);
    live.line();
    live.line();
    let other = fs::read(xml("27-error-bad-interface.xml")).unwrap();
    assert!(
        other.len() < pieces()[0].len(),
        "the new file must be shorter than the part already read"
    );
    fs::write(&written.path, other).unwrap();
    let (rest, code) = live.finished();
    assert_eq!(json_lines(&rest)[0]["truncated"], true);
    let after: String = rest.split_inclusive('\n').skip(1).collect();
    assert_eq!((after, code), (whole(&written.path), Some(0)));
}

#[test]
fn an_interrupted_run_keeps_the_whole_hosts() {
    for name in ["INT", "TERM"] {
        let folder = Folder::new();
        let mut written = Written::new(&folder);
        let out = folder.path("out.jsonl");
        for args in [&[][..], &["-o", &out]] {
            let mut live = Live::start(&[&["convert", "--follow", &written.path], args].concat());
            written.file.set_len(0).unwrap();
            let mut all = File::options().append(true).open(&written.path).unwrap();
            let pieces = pieces();
            let half = &pieces[2][..pieces[2].len() / 2];
            all.write_all([&pieces[0], &pieces[1], half].concat().as_bytes()).unwrap();
            let mut text = String::new();
            if args.is_empty() {
                text = live.line() + &live.line();
            } else {
                // The feed has its final name from the start.
                while text.lines().count() < 2 {
                    text = fs::read_to_string(&out).unwrap_or_default();
                }
            }
            live.signal(name);
            let (rest, code) = live.interrupted();
            assert_eq!((&*rest, code), ("", Some(130)));
            if !args.is_empty() {
                text = folder.read("out.jsonl");
            }
            let ips: Vec<_> = json_lines(&text).iter().map(|line| line["ip"].clone()).collect();
            assert_eq!(ips, ["192.0.2.30", "192.0.2.40"]);
            written = Written::new(&folder);
        }
    }
}

#[test]
fn tables_of_a_followed_file_are_written_when_it_ends() {
    let folder = Folder::new();
    let mut written = Written::new(&folder);
    let out = folder.path("ports.csv");
    let live = Live::start(&["convert", "--follow", &written.path, "--table", "ports", "-o", &out]);
    for piece in pieces() {
        written.write(&piece);
    }
    assert_eq!(live.finished(), (String::new(), Some(0)));
    assert_eq!(folder.read("ports.csv").lines().count(), 22);
}

#[test]
fn inputs_that_cannot_be_followed_are_refused() {
    let folder = Folder::new();
    let good = xml(GOOD);
    let pipe = folder.path("pipe");
    support::output_of(support::command("mkfifo").arg(&pipe));
    refuses(&["convert", "--follow", "-"], &["- cannot be followed"]);
    refuses(&["convert", "--follow", &pipe], &["cannot be followed"]);
    refuses(&["convert", "--follow", &folder.path("")], &["cannot be followed"]);
    refuses(&["convert", "--follow", &folder.path("none/a.xml")], &["its folder is missing"]);
    refuses(&["convert", "--follow", &good, &good], &["a single file"]);
    refuses(&["merge", "--follow", &good], &["--follow is for convert"]);
    let packed = folder.write("a.xml.gz", b"\x1f\x8b\x08rest");
    let ran = ends(3, &["convert", "--follow", &packed]);
    assert!(ran.stderr.contains("E_DECOMPRESS"), "{}", ran.stderr);
}

/// Returns true if a process holds a lock on the file, according to the system's list of locks.
fn is_locked(path: &str) -> bool {
    let Ok(meta) = fs::metadata(path) else { return false };
    let inode = format!(":{} ", meta.ino());
    fs::read_to_string("/proc/locks").unwrap().lines().any(|line| line.contains(&inode))
}

#[test]
fn a_feed_that_is_replaced_stays_until_something_is_read() {
    let folder = Folder::new();
    let junk = folder.write("junk.xml", b"\x1f\x8b\x08 no gzip");
    let out = folder.write("out.jsonl", "{\"old\":1}\n");
    for name in ["out.jsonl", "new.jsonl", "new.jsonl.gz", "new.jsonl.zst"] {
        let out = folder.path(name);
        ends(3, &["convert", "--follow", &junk, "--overwrite", "-o", &out]);
        assert_eq!(folder.read("out.jsonl"), "{\"old\":1}\n", "{name}");
    }
    assert_eq!(folder.names(""), ["junk.xml", "out.jsonl"]);
    // The command is stopped before it has read anything.
    let mut written = Written::new(&folder);
    for name in ["out.jsonl", "new.jsonl"] {
        let args = ["convert", "--follow", &written.path, "--overwrite", "-o", &folder.path(name)];
        let live = Live::start(&args);
        // The command takes the lock when it is about to read. Trying to take it from here could get in its
        // way.
        let mut looks = 0;
        while looks < 5 {
            std::thread::sleep(std::time::Duration::from_millis(10));
            looks = if is_locked(&folder.path(name)) { looks + 1 } else { 0 };
        }
        live.signal("INT");
        assert_eq!(live.interrupted().1, Some(130));
        assert_eq!(folder.read("out.jsonl"), "{\"old\":1}\n");
    }
    assert_eq!(folder.names(""), ["junk.xml", "out.jsonl", "scan.xml"]);
    // The first line replaces the old content.
    let live = Live::start(&["convert", "--follow", &written.path, "--overwrite", "-o", &out]);
    for piece in pieces() {
        written.write(&piece);
    }
    assert_eq!(live.finished().1, Some(0));
    assert_eq!(folder.read("out.jsonl"), whole(&written.path));
}

#[test]
fn a_feed_on_a_full_disk_ends_with_its_last_whole_line() {
    let folder = Folder::new();
    let all = ends(0, &["convert", &xml("04-all-options-lan.xml")]).stdout;
    for (name, options) in [("out.jsonl", ""), ("over.jsonl", "--overwrite"), ("out.jsonl.gz", "")]
    {
        folder.write("over.jsonl", "{\"old\":1}\n");
        let room = if name.ends_with("gz") { 600 } else { all.len() * 3 / 4 };
        let script = format!("exec \"$0\" convert --follow \"$1\" -o {name} {options}");
        let mut shell = support::command("prlimit");
        shell.arg(format!("--fsize={room}")).args(["sh", "-c", &script]);
        shell.current_dir(folder.path(""));
        shell.arg(assert_cmd::cargo::cargo_bin!("scanmill")).arg(xml("04-all-options-lan.xml"));
        let ran = super::ends_as(4, shell, b"");
        assert!(ran.stderr.contains("error: cannot write"), "{}", ran.stderr);
        if name.ends_with("gz") {
            let unpacked = support::command("gzip").arg("-dc").arg(folder.path(name)).output();
            let text = unpacked.unwrap().stdout;
            assert!(all.as_bytes().starts_with(&text), "{name}");
            continue;
        }
        let found = folder.read(name);
        let lines = found.lines().count();
        assert!(found.ends_with('\n') && all.starts_with(&found) && lines > 0, "{name}: {lines}");
        assert!(found.len() < all.len(), "the disk was never full");
    }
}
