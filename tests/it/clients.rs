//! rsyslog and syslog-ng read the feeds with the configurations that `docs/clients` shows: nothing is lost,
//! and nothing is truncated silently. `tests/clients/fetch` unpacks the programs without installing them.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Map, Value};

use crate::support::{command, fixtures, output_of, root, skip};

/// Time that a client may take for a feed: it polls, and the machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// The user `nobody`. A client runs as this user when the tests run as root.
const NOBODY: u32 = 65534;

/// Feeds, each given by its arguments for `convert`.
const FEEDS: [&[&str]; 4] = [
    &["--to", "jsonl"],
    &["--to", "ecs", "--all-ports", "--script-events"],
    &["--to", "ocsf", "--all-hosts", "--software-events"],
    &["--to", "cim"],
];

#[test]
fn rsyslog_preserves_every_event_of_every_feed() {
    let Some(place) = Place::of("rsyslog") else { return };
    let wanted = place.feed();
    let client = place.start(&["-n", "-i", &place.path("pid"), "-f", &place.path("client.conf")]);
    let got = place.lines_of("events.jsonl", wanted.len());
    stop(client);
    assert!(!place.folder.path().join("refused.txt").exists(), "lines were refused");
    for (number, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
        assert_eq!(parsed(got), parsed(wanted), "line {number}");
    }
}

#[test]
fn syslog_ng_preserves_and_parses_every_line_of_every_feed() {
    let Some(place) = Place::of("syslog-ng-core") else { return };
    let wanted = place.feed();
    let client = place.start(&[
        "--foreground",
        "--no-caps",
        "--cfgfile",
        &place.path("client.conf"),
        "--persist-file",
        &place.path("persist"),
        "--control",
        &place.path("control"),
        "--pidfile",
        &place.path("pid"),
    ]);
    let lines = place.lines_of("lines.jsonl", wanted.len());
    let events = place.lines_of("events.jsonl", wanted.len());
    stop(client);
    assert!(lines == wanted, "lines differ");
    for (number, (event, wanted)) in events.iter().zip(&wanted).enumerate() {
        let (event, wanted) = (parsed(event), nested(parsed(wanted)));
        assert!(has(&event, &wanted), "line {number}: {event} for {wanted}");
    }
}

/// A client, unpacked into a folder of its own, with its configuration and a feed.
struct Place {
    client: &'static str,
    folder: tempfile::TempDir,
}

impl Place {
    /// Sets up a client. Returns `None` if it was not unpacked, after reporting that the test is skipped.
    fn of(client: &'static str) -> Option<Self> {
        let unpacked = root().join("target/clients").join(client);
        if !root().join("target/clients/complete").exists() {
            skip(client, "it was not unpacked from Debian's packages (tests/clients/fetch)");
            return None;
        }
        let place = Self { client, folder: tempfile::tempdir().unwrap() };
        // The client's user must be able to read the folder, whatever the owner of the original.
        output_of(command("cp").arg("-R").arg(unpacked).arg(place.folder.path().join("client")));
        let name = client.trim_end_matches("-core");
        let config = fs::read_to_string(root().join(format!("docs/clients/{name}.conf"))).unwrap();
        let folder = place.folder.path().to_str().unwrap();
        let config =
            config.replace("/var/log/scanmill", folder).replace("/var/spool/rsyslog", folder);
        fs::write(place.path("client.conf"), config).unwrap();
        Some(place)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes all feeds of all fixtures and of a scan that is difficult for clients. Returns their lines.
    fn feed(&self) -> Vec<String> {
        fs::write(self.path("hard.xml"), hard()).unwrap();
        let mut feed = String::new();
        for arguments in FEEDS {
            let mut convert = command(assert_cmd::cargo::cargo_bin!("scanmill"));
            convert.args(["convert", "-q"]).args(arguments);
            convert.arg(root().join("fixtures")).arg(self.path("hard.xml"));
            feed.push_str(&output_of(&mut convert));
        }
        fs::write(self.path("feed.jsonl"), &feed).unwrap();
        let lines: Vec<String> = feed.lines().map(str::to_owned).collect();
        assert!(lines.len() >= FEEDS.len() * fixtures().len());
        lines
    }

    /// Starts the client, as `nobody` if the tests run as root.
    fn start(&self, arguments: &[&str]) -> Child {
        let client = self.folder.path().join("client");
        let libraries = client.join("usr/lib/x86_64-linux-gnu");
        let (program, modules) = match self.client {
            "rsyslog" => ("usr/sbin/rsyslogd", ("-M".to_owned(), found(&client, "imfile.so"))),
            _ => {
                ("usr/sbin/syslog-ng", ("--module-path".to_owned(), found(&client, "libaffile.so")))
            }
        };
        let mut start = if fs::metadata(self.folder.path()).unwrap().uid() == 0 {
            fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
            chown(self.folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
            let mut start = command("setpriv");
            let user = [format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")];
            start.args(user).arg("--clear-groups").arg(client.join(program));
            start
        } else {
            command(client.join(program))
        };
        let own =
            [libraries, client.join("usr/lib/syslog-ng"), client.join("lib/x86_64-linux-gnu")];
        start.env("LD_LIBRARY_PATH", std::env::join_paths(own).unwrap());
        start.args(arguments).arg(modules.0).arg(modules.1);
        let said = fs::File::create(self.folder.path().join("said.txt")).unwrap();
        start.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        start.spawn().unwrap()
    }

    /// Returns the lines of a file that the client writes, once it has `count` lines.
    fn lines_of(&self, name: &str, count: usize) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let text = fs::read_to_string(self.path(name)).unwrap_or_default();
            if text.ends_with('\n') && text.lines().count() >= count {
                assert_eq!(text.lines().count(), count, "{name}");
                return text.lines().map(str::to_owned).collect();
            }
            let said = || fs::read_to_string(self.path("said.txt")).unwrap_or_default();
            let lines = text.lines().count();
            assert!(begun.elapsed() < PATIENCE, "{lines} of {count} lines: {}", said());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Returns the folder that contains a file of this name.
fn found(folder: &Path, name: &str) -> PathBuf {
    let list = output_of(command("find").arg(folder).args(["-name", name, "-printf", "%h"]));
    PathBuf::from(list)
}

fn stop(mut client: Child) {
    client.kill().unwrap();
    client.wait().unwrap();
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

/// Returns an object in the form of syslog-ng, where a dot in a key separates nested keys.
fn nested(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let mut all = Map::new();
    for (key, value) in members {
        let mut place = &mut all;
        let (path, last) = key.rsplit_once('.').map_or((None, &*key), |(p, l)| (Some(p), l));
        for part in path.into_iter().flat_map(|path| path.split('.')) {
            let inner = place.entry(part).or_insert_with(|| Value::Object(Map::new()));
            place = inner.as_object_mut().unwrap();
        }
        place.insert(last.to_owned(), nested(value));
    }
    Value::Object(all)
}

/// Returns true if syslog-ng has a value: leaves and lists are strings there, and numbers have six decimals.
fn has(got: &Value, wanted: &Value) -> bool {
    let text = got.as_str().unwrap_or_default();
    match wanted {
        Value::Object(members) => got.as_object().is_some_and(|own| {
            let of_both = |(name, value)| own.get(name).is_some_and(|own| has(own, value));
            own.len() == members.len() && members.iter().all(of_both)
        }),
        Value::String(wanted) => text == wanted,
        Value::Number(wanted) => text
            .parse::<f64>()
            .is_ok_and(|got| wanted.as_f64().is_some_and(|wanted| (got - wanted).abs() < 1e-6)),
        Value::Array(wanted) if wanted.iter().all(Value::is_string) => {
            items(text).iter().eq(wanted.iter().filter_map(Value::as_str))
        }
        Value::Array(_) => serde_json::from_str::<Value>(text).is_ok_and(|got| got == *wanted),
        Value::Bool(wanted) => text == wanted.to_string(),
        Value::Null => false,
    }
}

/// Returns the items of a list of strings as syslog-ng writes it: separated by commas, and quoted where
/// necessary.
fn items(list: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (mut item, mut end) = (String::new(), None);
        let mut chars = rest.char_indices().skip(usize::from(quote.is_some()));
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if quote == Some('"') => {
                    let (_, escaped) = chars.next().unwrap();
                    item.push(match escaped {
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        other => other,
                    });
                }
                c if Some(c) == quote || (quote.is_none() && c == ',') => {
                    end = Some(at);
                    break;
                }
                c => item.push(c),
            }
        }
        items.push(item);
        rest = end.map_or("", |end| rest[end..].trim_start_matches(['"', '\'']));
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    items
}

/// Returns a scan with umlauts, quotes, control characters, line ends and outputs of 100 KB.
fn hard() -> String {
    let long = "0123456789abcdef&#xfc; &quot;'\\ ".repeat(4000);
    let odd = "Gr&#xc3;&#xbc;&#xc3;&#x9f;e &quot;q&quot; &apos; \\ &#9; &#10; &#1; \u{1f642} %m $MSG ${HOST} @cee:";
    format!(
        r#"<?xml version="1.0"?><nmaprun scanner="nmap" args="nmap -A" start="1700000000" version="7.94">
<host starttime="1700000001" endtime="1700000002"><status state="up" reason="reset"/>
<address addr="192.0.2.77" addrtype="ipv4"/><hostnames><hostname name="büro.example" type="PTR"/></hostnames>
<ports><port protocol="tcp" portid="80"><state state="open"/>
<service name="http" product="{odd}" method="probed" conf="10"/>
<script id="long" output="{long}"><elem key="größe">{odd}</elem></script></port></ports>
<hostscript><script id="odd" output="{odd}"/></hostscript></host>
<runstats><finished time="1700000003" exit="success"/></runstats></nmaprun>"#
    )
}
