//! The systemd unit in `packaging/systemd`.

use std::fs;

use assert_cmd::cargo::cargo_bin;

use super::{Place, scan};
use crate::support::{self, root};

fn unit() -> String {
    fs::read_to_string(root().join("packaging/systemd/scanmill-watch.service")).unwrap()
}

/// Returns the value of a setting, which must occur once.
fn setting<'u>(unit: &'u str, name: &str) -> &'u str {
    let values: Vec<_> =
        unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect();
    assert_eq!(values.len(), 1, "{name}: {values:?}");
    values[0]
}

#[test]
fn systemd_accepts_the_unit() {
    let tried = support::command("systemd-analyze").arg("--version").output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        return support::skip("systemd_accepts_the_unit", "there is no systemd-analyze");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scanmill-watch.service");
    // It must name a program that exists.
    let program = cargo_bin!("scanmill").display().to_string();
    let verify = |unit: &str| {
        fs::write(&path, unit.replace("/usr/bin/scanmill", &program)).unwrap();
        let output = support::command("systemd-analyze").arg("verify").arg(&path).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (accepted, said) = verify(&unit());
    assert!(accepted && said.is_empty(), "{said}");
    let (_, said) = verify(&unit().replace("ProtectClock=", "ProtectClocks="));
    assert!(said.contains("ProtectClocks"), "{said}");
}

/// Runs the command of the unit with its own options, in other folders.
#[test]
fn the_command_of_the_unit_writes_its_feed_and_metrics() {
    let unit = unit();
    let place = Place::new();
    place.put("a.xml", scan(1, 2));
    let name = setting(&unit, "StateDirectory");
    for folder in ["var/lib", "var/log", "run"] {
        fs::create_dir_all(place.path(folder).join(name)).unwrap();
    }
    let below = |word: &str| match word {
        "/var/spool/nmap" => "in".to_owned(),
        word => word.trim_start_matches('/').to_owned(),
    };
    let mut words = setting(&unit, "ExecStart").split(' ');
    assert_eq!(words.next(), Some("/usr/bin/scanmill"));
    let mut command = support::command(cargo_bin!("scanmill"));
    command.current_dir(place.path("")).args(words.map(below)).arg("--once");
    support::output_of(&mut command);
    let feed = fs::read_to_string(place.path("var/log").join(name).join("feed.jsonl")).unwrap();
    assert!(feed.lines().count() > 2);
    let metrics = fs::read_to_string(place.path("run").join(name).join("scanmill.prom")).unwrap();
    assert!(metrics.contains("scanmill_watch_documents_total"), "{metrics}");
    assert!(place.path("var/lib").join(name).join("watch/ledger").exists());
    assert!(setting(&unit, "ExecReload").ends_with("-HUP $MAINPID"));
    let own = ["StateDirectory", "LogsDirectory", "RuntimeDirectory"].map(|at| setting(&unit, at));
    assert_eq!(own, [name; 3]);
}
