//! A watched folder: each document is written to the feed once, whatever happens.

mod changes;
mod copies;
mod heartbeat;
mod kills;
mod library;
mod metrics;
mod runs;
mod service;
mod status;
mod unit;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

use crate::support;

/// Returns the document of scan `number` with `hosts` hosts.
fn scan(number: u32, hosts: u32) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\"?>\n<nmaprun scanner=\"nmap\" version=\"7.94\" args=\"nmap {number}\" \
         start=\"{}\">\n",
        1_700_000_000 + number
    );
    for host in 0..hosts {
        writeln!(
            xml,
            "<host><status state=\"up\" reason=\"syn-ack\"/><address addr=\"192.0.2.{}\" \
             addrtype=\"ipv4\"/><ports><port protocol=\"tcp\" portid=\"80\"><state state=\"open\" \
             reason=\"syn-ack\"/></port></ports></host>",
            host % 250
        )
        .unwrap();
    }
    write!(
        xml,
        "<runstats><finished time=\"{}\" exit=\"success\"/><hosts up=\"{hosts}\" down=\"0\" \
         total=\"{hosts}\"/></runstats>\n</nmaprun>\n",
        1_700_000_100 + number
    )
    .unwrap();
    xml
}

/// A folder that contains the watched folder, `in`, and the feed.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.path("in")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts a complete file into the folder.
    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path("coming"), bytes).unwrap();
        fs::rename(self.path("coming"), self.path("in").join(name)).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = support::command(cargo_bin!("scanmill"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SCANMILL_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.0.path()).args(["watch", "in", "-o", "feed.jsonl"]).args(args);
        command
    }

    /// Reads the present files with these options, and returns the messages.
    fn once(&self, args: &[&str]) -> String {
        self.once_ends(0, args)
    }

    fn once_ends(&self, code: i32, args: &[&str]) -> String {
        let output = self.command(args).args(["--once", "--settle", "0s"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout), (Some(code), Vec::new()), "{said}");
        said
    }

    fn spawn(&self, args: &[&str]) -> Watching {
        let mut command = self.command(args);
        Watching(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Returns all lines of the feed, those of rotated files first. Each must be complete.
    fn lines(&self) -> Vec<Value> {
        // A killed run may leave a gap in the numbers.
        let old = (1..1000).rev().map(|number| self.path(&format!("feed.jsonl.{number}")));
        let mut files: Vec<PathBuf> = old.filter(|path| path.exists()).collect();
        files.push(self.path("feed.jsonl"));
        let texts = files.iter().map(|path| fs::read_to_string(path).unwrap_or_default());
        let all: String = texts.collect();
        assert!(all.is_empty() || all.ends_with('\n'), "the last line is cut");
        all.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Counts the lines of the feed per ID.
    fn ids(&self) -> BTreeMap<String, usize> {
        let mut ids = BTreeMap::new();
        for line in self.lines() {
            *ids.entry(id(&line)).or_default() += 1;
        }
        ids
    }

    /// Waits until the feed has `lines` lines.
    fn wait_for(&self, lines: usize) {
        let feed = || fs::read(self.path("feed.jsonl")).unwrap_or_default();
        // Bytes after the last line end are an unfinished line, or none.
        while feed().split(|byte| *byte == b'\n').count() <= lines {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Returns the ID that identifies a line: that of its host, otherwise that of its scan.
fn id(line: &Value) -> String {
    let id = line["host_id"].as_str().or(line["scan_id"].as_str());
    id.unwrap_or_else(|| panic!("{line} has no id")).to_owned()
}

/// Returns the IDs of all lines of a document.
fn expected(number: u32, hosts: u32) -> Vec<String> {
    let args = format!("nmap {number}");
    let start = (1_700_000_000 + number).to_string();
    let id = scanmill::model::scan_id("nmap", "7.94", &args, &start, "", ["", "/", ""]);
    let of_hosts = (0..hosts).map(|host| format!("{id}-h{host}"));
    of_hosts.chain(std::iter::once(id.clone())).collect()
}

/// A watch that keeps running. It is killed at the end of the test.
struct Watching(Child);

impl Watching {
    fn signal(&self, name: &str) {
        let mut kill = support::command("kill");
        support::output_of(kill.args([&format!("-{name}"), &self.0.id().to_string()]));
    }

    /// Sends a signal, and returns the exit code.
    fn ended_quietly(mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
        self.0.wait().unwrap().code()
    }

    /// Sends a signal, and returns the exit code and the messages.
    fn ended(mut self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        let status = self.0.wait().unwrap();
        let mut said = String::new();
        let mut stderr = self.0.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
        (status.code(), said)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
