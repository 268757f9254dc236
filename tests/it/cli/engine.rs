//! `--engine`: programs that run as scripts of hosts and ports.

use std::fs;

use serde_json::{Value, json};

use super::{
    Folder, GOOD, Ran, ends, ends_as, program, refuses,
    scan::{Scanning, fifo, script},
    xml,
};
use crate::support;

/// Returns a document with one host with one open port that contains `element`.
fn document(element: &str) -> String {
    format!(
        r#"<nmaprun scanner="nmap" args="nmap" start="1700000000" version="7.94"><host><status state="up"/>{element}<ports><port protocol="tcp" portid="25"><state state="open"/></port><port protocol="tcp" portid="26"><state state="closed"/></port></ports></host><runstats><finished exit="success"/></runstats></nmaprun>"#
    )
}

const ADDRESS: &str = r#"<address addr="192.0.2.1" addrtype="ipv4"/>"#;

/// Runs a program as a script of port 25 of a host. Returns the line of the host and the result of the
/// command.
fn on_port(folder: &Folder, program: &str, entry: &str, element: &str) -> (Value, Ran) {
    script(folder, "p.sh", program);
    let toml = format!("[[port_script]]\nname = \"s\"\nports = \"1-100\"\n{entry}\n");
    let (toml, xml) = (folder.write("e.toml", toml), folder.write("a.xml", document(element)));
    let ran = ends(0, &["convert", &xml, "--engine", &toml]);
    (ran.json()[0].clone(), ran)
}

#[test]
fn output_of_programs_becomes_scripts_in_every_format() {
    let folder = Folder::new();
    script(
        &folder,
        "port.sh",
        r#"printf '{"args": ["%s", "%s"], "env": "%s %s %s %s"}' "$1" "$2" "$SCANMILL_TARGET" "$SCANMILL_PORT" "$SCANMILL_PROTO" "$SCANMILL_STATE""#,
    );
    script(&folder, "host.sh", "tr -d '\\n' | wc -l; echo \"$1${SCANMILL_PORT-none}\"");
    let toml = folder.write(
        "e.toml",
        r#"workers = 2
[[port_script]]
name = "ports"
ports = "20-30"
proto = "tcp"
states = ["open", "closed"]
targets = "192.0.2.0/24"
command = ["./port.sh", "{target}:{port}", "--is={state}/{proto}"]
output = "json"
timeout = "1m"

[[host_script]]
name = "host"
command = ["./host.sh", "{target}"]
"#,
    );
    let xml = folder.write("a.xml", document(ADDRESS));
    let ran = ends(0, &["convert", &xml, "--engine", &toml]);
    assert_eq!(ran.stderr, "");
    let host = &ran.json()[0];
    let data = json!({ "args": ["192.0.2.1:25", "--is=open/tcp"], "env": "192.0.2.1 25 tcp open" });
    let script =
        json!({ "name": "ports", "output": data.to_string(), "data": data, "origin": "engine" });
    assert_eq!(host["ports"][0]["scripts"], json!([script]));
    assert_eq!(host["ports"][1]["scripts"][0]["data"]["env"], "192.0.2.1 26 tcp closed");
    let text = "0\n192.0.2.1none";
    let script = json!({ "name": "host", "output": text, "data": text, "origin": "engine" });
    assert_eq!(host["scripts"], json!([script]));
    let csv = ["--table", "scripts", "--to", "csv", "--columns", "port,scope,name,origin"];
    let csv = ends(0, &[&["convert", &xml, "--engine", &toml], &csv[..]].concat());
    let rows =
        "port,scope,name,origin\n25,port,ports,engine\n26,port,ports,engine\n,host,host,engine\n";
    assert_eq!(csv.stdout, rows);
    // Programs see ports that are filtered out later, but no hosts that are.
    let open = ends(0, &["convert", &xml, "--engine", &toml, "--state", "open", "--up"]);
    assert_eq!(open.json()[0]["scripts"], host["scripts"]);
    // They run once per merged host, however many scans saw it.
    let merged = ends(0, &["merge", &xml, &xml, "--engine", &toml]);
    let line = &merged.json()[0];
    assert_eq!(line["scripts"][0]["output"], text);
    assert_eq!(line["scripts"][0]["scan_id"], line["scan"]["scan_id"]);
    let mut of_port = host["ports"][0]["scripts"].clone();
    of_port[0]["scan_id"] = line["scan"]["scan_id"].clone();
    assert_eq!(line["ports"][0]["scripts"], of_port);
}

#[test]
fn a_program_gets_the_host_as_a_nested_line() {
    let folder = Folder::new();
    let (line, ran) = on_port(&folder, "cat", "command = [\"./p.sh\"]\noutput = \"json\"", ADDRESS);
    let script = &line["ports"][0]["scripts"][0];
    let plain = ends(0, &["convert", &folder.path("a.xml")]);
    assert_eq!(script["data"], plain.json()[0], "{}", ran.stderr);
    let xml = folder.path("a.xml");
    let merged = ends(0, &["merge", &xml, "--engine", &folder.path("e.toml")]);
    let mut shown = plain.json()[0].clone();
    // The ids of a single scan would be wrong here.
    for id in ["host_id", "host_index"] {
        shown.as_object_mut().unwrap().remove(id).unwrap();
    }
    assert_eq!(merged.json()[0]["ports"][0]["scripts"][0]["data"], shown);
}

#[test]
fn a_program_that_fails_is_a_warning_and_does_not_affect_others() {
    for (program, entry, warning) in [
        (
            "echo >&2; echo 'a \u{1b}[31m' >&2; echo b >&2; exit 3",
            "",
            "exit code 3: a \\u{1b}[31m\n",
        ),
        ("kill -9 $$", "", "signal 9 ended it\n"),
        (
            "echo slow >&2; exec sleep 1000",
            "timeout = \"300ms\"",
            "it took more than 0.3 s: slow\n",
        ),
        ("cat /dev/zero", "", "it wrote more than 8388608 bytes"),
        ("echo '{'", "output = \"json\"", "its output is not JSON"),
        ("true", "output = \"json\"", "its output is not JSON"),
    ] {
        let folder = Folder::new();
        let ok = "\n[[port_script]]\nname = \"ok\"\nports = \"25\"\ncommand = [\"echo\", \"fine\"]";
        let entry = format!("command = [\"./p.sh\"]\n{entry}{ok}");
        let (line, ran) = on_port(&folder, program, &entry, ADDRESS);
        let scripts = line["ports"][0]["scripts"].as_array().unwrap();
        assert_eq!(scripts.len(), 1, "{program}");
        assert_eq!(scripts[0]["output"], "fine");
        let begin = "warning: s on 192.0.2.1 25/tcp: ";
        assert!(ran.stderr.starts_with(begin), "{program}: {}", ran.stderr);
        assert!(ran.stderr.contains(warning), "{program}: {}", ran.stderr);
    }
    let folder = Folder::new();
    let (_, ran) = on_port(&folder, "true", "command = [\"./none.sh\"]", ADDRESS);
    assert!(ran.stderr.contains("none.sh: No such file"), "{}", ran.stderr);
}

#[test]
fn failures_are_counted_in_report_and_summary() {
    let folder = Folder::new();
    let toml = "[[host_script]]\nname = \"no\"\ncommand = [\"false\"]\n";
    let (toml, report) = (folder.write("e.toml", toml), folder.path("report.json"));
    let ran = ends(0, &["convert", &xml(GOOD), "--engine", &toml, "--report", &report, "-v"]);
    assert!(
        ran.stderr.contains("   engine  no on 192.0.2.30 (3 times): it ended"),
        "{}",
        ran.stderr
    );
    let report: Value = serde_json::from_str(&folder.read("report.json")).unwrap();
    let message = "it ended with exit code 1";
    assert_eq!(
        report["engine"],
        json!({ "no": { "count": 3, "target": "192.0.2.30", "message": message } })
    );
    let ran = ends(0, &["convert", &xml(GOOD), "--engine", &toml, "--log-format", "json"]);
    let warning: Value = serde_json::from_str(ran.stderr.lines().next().unwrap()).unwrap();
    assert_eq!((&warning["script"], &warning["count"]), (&json!("no"), &json!(3)));
}

#[test]
fn a_program_need_not_read_its_input() {
    let folder = Folder::new();
    // More than a pipe holds.
    let names = "<hostnames><hostname name=\"a.example\"/></hostnames>".to_owned();
    let comment = format!(
        "{ADDRESS}{names}<os><osfingerprint fingerprint=\"{}\"/></os>",
        "x".repeat(300_000)
    );
    let (line, ran) = on_port(&folder, "exec <&-; echo done", "command = [\"./p.sh\"]", &comment);
    assert_eq!(line["ports"][0]["scripts"][0]["output"], "done", "{}", ran.stderr);
}

#[test]
fn scanned_text_reaches_a_program_as_plain_arguments() {
    let folder = Folder::new();
    let name = "$(touch pwned);`id`|'&quot; *";
    let element = format!("<hostnames><hostname name=\"{name}\"/></hostnames>");
    let program = "printf '<%s>' \"$@\" \"$SCANMILL_TARGET\"";
    let entry = "command = [\"./p.sh\", \"{target}\", \"of {target}\", \"{targets}\"]";
    let (line, ran) = on_port(&folder, program, entry, &element);
    let shown = name.replace("&quot;", "\"");
    let expected = format!("<{shown}><of {shown}><{{targets}}><{shown}>");
    assert_eq!(line["ports"][0]["scripts"][0]["output"], expected.as_str(), "{}", ran.stderr);
    assert!(!folder.names("").contains(&"pwned".to_owned()));
    let element = "<hostnames><hostname name=\"-oProxyCommand=x\"/></hostnames>";
    let (line, ran) = on_port(&folder, program, entry, element);
    assert!(line["ports"][0]["scripts"].is_null());
    assert!(ran.stderr.contains("would take for an option"), "{}", ran.stderr);
}

#[test]
fn the_number_of_threads_does_not_change_the_output() {
    let folder = Folder::new();
    let toml = r#"workers = 3
[[host_script]]
name = "key"
command = ["sh", "-c", "case $SCANMILL_TARGET in *.30) exit 1;; esac; echo $SCANMILL_TARGET"]
"#;
    let toml = folder.write("e.toml", toml);
    let fixtures = support::root().join("fixtures");
    let run = |threads: &str| {
        let fixtures = fixtures.to_str().unwrap();
        let ran = ends(0, &["convert", fixtures, "--engine", &toml, "-j", threads]);
        (ran.stdout, ran.stderr)
    };
    let one = run("1");
    assert!(one.0.matches("\"origin\":\"engine\"").count() > 20 && one.1.contains("key on "));
    assert_eq!(run("4"), one);
}

#[test]
fn a_host_is_written_before_programs_run_on_the_next() {
    let folder = Folder::new();
    let go = fifo(&folder, "go");
    script(&folder, "p.sh", &format!("case $1 in *.2) read x < '{go}';; esac; echo ran"));
    let toml = "[[host_script]]\nname = \"s\"\ncommand = [\"./p.sh\", \"{target}\"]\n";
    let toml = folder.write("e.toml", toml);
    let two = document(ADDRESS).replace(
        "<runstats>",
        "<host><status state=\"up\"/><address addr=\"192.0.2.2\" addrtype=\"ipv4\"/></host><runstats>",
    );
    let two = folder.write("two.xml", two);
    let nmap = script(&folder, "nmap", &format!("cat '{two}'"));
    let mut scan = Scanning::start(&["--nmap", &nmap, "--engine", &toml]);
    assert!(scan.line().contains("\"ip\":\"192.0.2.1\""));
    fs::write(&go, "x\n").unwrap();
    let (rest, stderr, code) = scan.finished();
    assert!(rest.contains("\"output\":\"ran\""), "{rest}");
    assert_eq!((stderr.as_str(), code), ("", Some(0)));
}

#[test]
fn an_invalid_file_is_refused_with_file_line_and_key() {
    let folder = Folder::new();
    let good = xml(GOOD);
    let begin = "[[port_script]]\nname = \"s\"\nports = \"25\"\ncommand = [\"true\"]\n";
    for (more, words) in [
        ("portz = \"1\"", &["e.toml:5: ", "portz"][..]),
        ("timeout = \"soon\"", &["e.toml:5: timeout: ", "soon"]),
        ("proto = \"http\"", &["e.toml:5: proto: ", "http"]),
        ("states = [\"ajar\"]", &["e.toml:5: states: ", "ajar"]),
        ("= 1", &["e.toml:5: "]),
    ] {
        let toml = folder.write("e.toml", format!("{begin}{more}\n"));
        for command in ["convert", "merge"] {
            refuses(&[command, &good, "--engine", &toml], words);
        }
        refuses(&["scan", "192.0.2.1", "--dry-run", "--engine", &toml], words);
    }
    refuses(&["convert", &good, "--engine", &folder.path("none.toml")], &["none.toml"]);
}

#[test]
fn programs_of_a_host_run_in_parallel() {
    let folder = Folder::new();
    fs::create_dir(folder.path("up")).unwrap();
    // Each waits for the other.
    let waits = "touch up/$1; while [ $(ls up | wc -l) -lt 2 ]; do sleep 0.01; done; echo $1";
    script(&folder, "p.sh", &format!("cd '{}'; {waits}", folder.path("")));
    let toml = "workers = 2\n[[port_script]]\nname = \"s\"\nports = \"1-100\"\nstates = [\"open\", \"closed\"]\ncommand = [\"./p.sh\", \"{port}\"]\n";
    let (toml, xml) = (folder.write("e.toml", toml), folder.write("a.xml", document(ADDRESS)));
    let ran = ends(0, &["convert", &xml, "--engine", &toml, "-j", "1"]);
    let ports = &ran.json()[0]["ports"];
    let outputs = [0, 1].map(|port| ports[port]["scripts"][0]["output"].clone());
    assert_eq!((outputs, ran.stderr.as_str()), ([json!("25"), json!("26")], ""));
}

#[test]
fn a_program_does_not_see_variables_of_scanmill() {
    let folder = Folder::new();
    script(&folder, "p.sh", "env | grep ^SCANMILL_ | sort | tr '\\n' ' '");
    let toml = "[[host_script]]\nname = \"s\"\ncommand = [\"./p.sh\"]\n";
    let (toml, xml) = (folder.write("e.toml", toml), folder.write("a.xml", document(ADDRESS)));
    let mut command = program();
    command.env("SCANMILL_STATE", "open").args(["convert", &xml, "--engine", &toml]);
    let ran = ends_as(0, command, b"");
    assert_eq!(ran.json()[0]["scripts"][0]["output"], "SCANMILL_TARGET=192.0.2.1 ");
}

/// Returns true if the process runs whose ID is in the file `name`.
fn is_running(folder: &Folder, name: &str) -> bool {
    let pid = fs::read_to_string(folder.path(name)).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with(['Z', 'X']))
}

/// Returns a program that starts another one in a session of its own. The other one writes its process ID to
/// `pid`, and the program waits for that.
fn leaving(start: &str, inner: &str, then: &str) -> String {
    let inner = format!("sh -c 'echo $$ > pid.tmp; mv pid.tmp pid; {inner}'");
    let start = start.replace("INNER", &inner);
    format!("cd \"${{0%/*}}\"\n{start}\nwhile [ ! -s pid ]; do sleep 0.01; done\n{then}")
}

#[test]
fn a_process_that_leaves_its_session_does_not_outlive_its_program() {
    let entry = "command = [\"./p.sh\"]\ntimeout = \"600ms\"";
    let clear = "(env -i /usr/bin/setsid INNER > /dev/null 2>&1 &)";
    for (start, inner, then, late) in [
        // It exceeds the time limit together with its program.
        ("setsid INNER &", "exec sleep 1000", "wait", true),
        ("setsid INNER > /dev/null 2>&1 &", "exec sleep 1000", "sleep 1000", true),
        // Its program ends well before the limit.
        ("(setsid INNER > /dev/null 2>&1 &)", "exec sleep 1000", "echo well", false),
        ("(setsid INNER &)", "exec sleep 1000", "echo well", false),
        (clear, "exec sleep 1000", "echo well", false),
        (clear, "trap \"\" TERM; sleep 1000 & exec sleep 1000", "sleep 1000", true),
        // Only the time limit ends a program that writes forever.
        ("(setsid INNER &)", "while :; do echo x; sleep 0.05; done", "echo well", true),
        ("(setsid INNER &)", "while :; do echo x >&2; sleep 0.05; done", "echo well", true),
    ] {
        let folder = Folder::new();
        let (line, ran) = on_port(&folder, &leaving(start, inner, then), entry, ADDRESS);
        assert!(!is_running(&folder, "pid"), "{start} {inner} {then}");
        assert_eq!(ran.stderr.contains("more than 0.6 s"), late, "{start} {inner}: {}", ran.stderr);
        let scripts = &line["ports"][0]["scripts"];
        assert_eq!(scripts[0]["output"] == "well", !late, "{scripts}");
    }
}

#[test]
fn a_program_does_not_end_processes_of_another_one() {
    let folder = Folder::new();
    script(&folder, "quick.sh", "(setsid sleep 1000 > /dev/null 2>&1 &); sleep 1000");
    let start = "(setsid INNER > /dev/null 2>&1 &)";
    let slow = leaving(
        start,
        "sleep 1; echo done > out",
        "while [ ! -s out ]; do sleep 0.02; done; cat out",
    );
    script(&folder, "slow.sh", &slow);
    let toml = "workers = 4\n".to_owned()
        + &["a", "b", "c"].map(|name| format!(
            "[[port_script]]\nname = \"{name}\"\nports = \"25\"\ncommand = [\"./quick.sh\"]\ntimeout = \"200ms\"\n"
        )).concat()
        + "[[port_script]]\nname = \"slow\"\nports = \"25\"\ncommand = [\"./slow.sh\"]\n";
    let (toml, xml) = (folder.write("e.toml", toml), folder.write("a.xml", document(ADDRESS)));
    let ran = ends(0, &["convert", &xml, "--engine", &toml]);
    let scripts = &ran.json()[0]["ports"][0]["scripts"];
    assert_eq!((&scripts[0]["name"], &scripts[0]["output"]), (&json!("slow"), &json!("done")));
    assert_eq!(ran.stderr.matches("more than 0.2 s").count(), 3, "{}", ran.stderr);
}

#[test]
fn a_process_that_leaves_its_session_ends_when_the_command_is_stopped() {
    for signal in ["TERM", "INT"] {
        let folder = Folder::new();
        let program_text = leaving("setsid INNER &", "trap \"\" TERM; exec sleep 1000", "wait");
        script(&folder, "p.sh", &program_text);
        let toml = "[[host_script]]\nname = \"s\"\ncommand = [\"./p.sh\"]\n";
        let (toml, xml) = (folder.write("e.toml", toml), folder.write("a.xml", document(ADDRESS)));
        let mut run = program();
        let mut run = run.args(["convert", &xml, "--engine", &toml]).spawn().unwrap();
        while !fs::exists(folder.path("pid")).unwrap() {
            assert!(run.try_wait().unwrap().is_none(), "it has ended");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let pid = run.id().to_string();
        support::output_of(support::command("kill").args([&format!("-{signal}"), &pid]));
        assert_eq!(run.wait().unwrap().code(), Some(130));
        assert!(!is_running(&folder, "pid"), "{signal}");
    }
}
