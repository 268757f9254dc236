//! Scans with a fake nmap, with the real one on loopback and in namespaces, and from fixtures.

mod background;
mod fake;
mod grammar;
mod job;
mod lookups;
mod merging;
mod namespaces;
mod real;

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use scanmill::scanner::Scanner;

use crate::support::{command, output_of, skip};

/// The beginning of nmap's output.
const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -oX - 192.0.2.1" start="1700000000" startstr="Tue Nov 14 22:13:20 2023" version="7.93" xmloutputversion="1.05">
<scaninfo type="connect" protocol="tcp" numservices="4" services="22,80-81,443"/>
"#;

/// The end of nmap's output.
const TAIL: &str = r#"<runstats><finished time="1700000009" timestr="Tue Nov 14 22:13:29 2023" summary="all done" elapsed="9" exit="success"/><hosts up="1" down="0" total="1"/></runstats>
</nmaprun>
"#;

/// Returns a host as nmap writes it.
fn host(number: u8) -> String {
    format!(
        r#"<host starttime="1700000001" endtime="1700000002"><status state="up" reason="echo-reply"/><address addr="192.0.2.{number}" addrtype="ipv4"/><ports><extraports state="closed" count="2"><extrareasons reason="reset" count="2" proto="tcp" ports="80-81"/></extraports><port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/><service name="ssh" method="table" conf="3"/></port></ports></host>
"#
    )
}

/// A shell script that stands in for nmap.
struct Fake(tempfile::TempDir);

impl Fake {
    /// Creates a script. `SAY name` in it writes the text of that name.
    fn new(script: &str, texts: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in texts {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let begin = "#!/bin/sh\ncd \"$(dirname \"$0\")\"\nSAY() { cat \"$1\"; }\n";
        let draft = folder.path().join("draft");
        fs::write(&draft, format!("{begin}{script}\n")).unwrap();
        // A child process writes the script: if this process had it open for writing, executing it could
        // fail.
        output_of(
            command("install").args(["-m", "755"]).arg(&draft).arg(folder.path().join("nmap")),
        );
        Self(folder)
    }

    /// Creates a script that writes `xml` and succeeds.
    fn saying(xml: &str) -> Self {
        Self::new("SAY xml", &[("xml", xml)])
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("nmap")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn scanner(&self) -> Scanner {
        Scanner::new("192.0.2.1-9").unwrap().with_nmap(self.path())
    }
}

/// Returns true if a process exists, including as a zombie.
fn exists(pid: &str) -> bool {
    !pid.trim().is_empty() && Path::new("/proc").join(pid.trim()).exists()
}

/// Waits until a process, which need not be a child, has ended. Returns false if it does not within some
/// seconds.
fn ends(pid: &str) -> bool {
    let is_running = || {
        let stat = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"));
        let state =
            |stat: &str| stat.rsplit(") ").next().unwrap_or_default().starts_with(['Z', 'X']);
        stat.is_ok_and(|stat| !state(&stat))
    };
    assert!(!pid.trim().is_empty());
    comes_true(|| !is_running())
}

/// Waits until a condition is true. Returns false if it does not become true in time.
fn comes_true(mut is_true: impl FnMut() -> bool) -> bool {
    (0..1000).any(|_| {
        let now = is_true();
        if !now {
            thread::sleep(Duration::from_millis(10));
        }
        now
    })
}

/// Returns true if the real nmap is installed; otherwise reports that the test is skipped.
fn has_nmap(test: &str) -> bool {
    let found = command("nmap").arg("--version").output().is_ok_and(|done| done.status.success());
    if !found {
        skip(test, "nmap is missing");
    }
    found
}

/// Returns true if the tests run as root; otherwise reports that the test is skipped.
fn is_root(test: &str) -> bool {
    let root = output_of(command("id").arg("-u")).trim() == "0";
    if !root {
        skip(test, "only root may send raw packets");
    }
    root
}
