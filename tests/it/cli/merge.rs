//! `merge`, `diff` and `convert --dedup`.

use std::{fs, os::unix::fs::PermissionsExt as _};

use assert_cmd::cargo::cargo_bin;

use super::{Folder, ends, ends_as, program, refuses, xml};
use crate::support;

const DAY1: &str = "41-merge-day1-versions-os.xml";
const DAY2: &str = "44-merge-day2-changed.xml";

/// Returns the XML of a sweep over `hosts` hosts with two ports each. Scans of different `salt` are different
/// scans.
fn sweep(hosts: u32, salt: &str) -> String {
    use std::fmt::Write as _;
    let mut text = format!("<nmaprun scanner=\"nmap\" args=\"nmap {salt}\" start=\"1700000000\">");
    for n in 0..hosts {
        let (b, c, d) = (n >> 16, n >> 8 & 255, n & 255);
        let _ = write!(
            text,
            "<host endtime=\"1700000100\"><status state=\"up\" reason=\"echo-reply\"/>\
             <address addr=\"10.{b}.{c}.{d}\" addrtype=\"ipv4\"/><ports>\
             <port protocol=\"tcp\" portid=\"22\"><state state=\"open\" reason=\"syn-ack\"/>\
             <service name=\"ssh\" product=\"{salt} {n}\" method=\"probed\" conf=\"10\"/></port>\
             <port protocol=\"tcp\" portid=\"80\"><state state=\"closed\" reason=\"reset\"/></port>\
             </ports></host>"
        );
    }
    text.push_str("<runstats><finished time=\"1700000200\"/></runstats></nmaprun>");
    text
}

#[test]
fn the_result_is_the_same_for_any_number_of_threads_and_any_memory() {
    let folder = Folder::new();
    let inputs = [
        folder.write("a.xml", sweep(40_000, "a")),
        folder.write("b.xml", sweep(30_000, "b")),
        support::root().join("fixtures").to_str().unwrap().to_owned(),
    ];
    let mut first: Option<Vec<(String, Vec<u8>)>> = None;
    for (n, options) in [
        &["-j1"][..],
        &["-j2"],
        &["-j8"],
        &["-j2", "--memory", "128M"],
        &["-j1", "--memory", "128M"],
    ]
    .iter()
    .enumerate()
    {
        for format in ["csv", "parquet"] {
            let out = folder.path(&format!("{format}{n}"));
            let mut args = vec!["-q", "merge", "--policy", "latest", "--explain"];
            args.extend(inputs.iter().map(String::as_str));
            args.extend(["--to", format, "-o", &out]);
            args.extend(options.iter());
            ends(0, &args);
        }
        let mut files = Vec::new();
        for format in ["csv", "parquet"] {
            let inside = format!("{format}{n}");
            for name in folder.names(&inside) {
                files.push((format!("{format}/{name}"), folder.bytes(&format!("{inside}/{name}"))));
            }
        }
        assert_eq!(files.len(), 24);
        match &first {
            None => first = Some(files),
            Some(first) => {
                for ((name, bytes), (_, expected)) in files.iter().zip(first) {
                    assert!(bytes == expected, "{name} differs with {options:?}");
                }
            }
        }
    }
}

/// Writes scans that do not fit into the smallest memory, and returns their paths.
fn large(folder: &Folder) -> [String; 2] {
    [folder.write("a.xml", sweep(150_000, "a")), folder.write("b.xml", sweep(150_000, "b"))]
}

#[test]
fn spilled_data_leaves_no_files() {
    let folder = Folder::new();
    let [a, b] = large(&folder);
    fs::create_dir(folder.path("temp")).unwrap();
    let (held, spilled) = (folder.path("held"), folder.path("spilled"));
    ends(0, &["-q", "merge", &a, &b, "-o", &held]);
    let least = ["--memory", "128M", "--temp-dir", &folder.path("temp")];
    ends(0, &[&["-q", "merge", &a, &b, "-o", &spilled][..], &least].concat());
    for name in folder.names("held") {
        let bytes = |dir: &str| folder.bytes(&format!("{dir}/{name}"));
        assert!(bytes("held") == bytes("spilled"), "{name}");
    }
    assert_eq!(folder.names("temp"), [""; 0]);

    // If it cannot write temporary files, or not enough of them, it ends with 4 and leaves nothing.
    let none = folder.path("none");
    let options = ["--memory", "128M", "--temp-dir", &none, "-o", &none];
    let ran = ends(4, &[&["-q", "merge", &a, &b][..], &options].concat());
    assert!(ran.stderr.contains("temporary file in"), "{}", ran.stderr);
    let mut command = support::command("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"]);
    command.arg(cargo_bin!("scanmill"));
    command.args(["-q", "merge", &a, &b, "--to", "jsonl", "--memory", "128M"]);
    command.args(["--temp-dir", &folder.path("temp")]);
    ends_as(4, command, b"");
    assert_eq!(folder.names("temp"), [""; 0]);
}

#[test]
fn columns_and_tables_of_a_merge_are_those_of_its_schema() {
    let (one, two) = (xml(DAY1), xml(DAY2));
    let columns = ["--table", "hosts", "--columns", "ip,seen,scan_ids"];
    let ran = ends(0, &[&["merge", &one, &two][..], &columns].concat());
    assert_eq!(ran.json()[0]["seen"], 2);
    assert_eq!(ran.json()[0]["scan_ids"].as_array().unwrap().len(), 2);
    refuses(&[&["convert", &one][..], &columns].concat(), &["\"seen\"", "table hosts"]);
    refuses(&["merge", &one, "--table", "conflicts"], &["--explain"]);
    refuses(&["merge", &one, "--policy", "worst"], &["caller, first, latest or best"]);
    let ran = ends(0, &["merge", &one, &two, "--explain", "--table", "conflicts", "--to", "csv"]);
    let printed = ends(0, &["schema", "--merged", "conflicts", "--format", "json-schema"]);
    let schema: serde_json::Value = serde_json::from_str(&printed.stdout).unwrap();
    let header = ran.lines()[0].to_owned();
    let names = schema["required"].as_array().unwrap();
    let names: Vec<_> = names.iter().filter_map(|name| name.as_str()).collect();
    assert_eq!(names[1..].join(","), header);
    // Flat lines fit the schema, with the extra columns.
    let flat = ends(0, &["merge", &one, &two, "--explain", "--to", "jsonl", "--shape", "flat"]);
    let printed = ends(0, &["schema", "--merged", "--format", "json-schema"]);
    let schema: serde_json::Value = serde_json::from_str(&printed.stdout).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for line in flat.json() {
        assert!(schema.is_valid(&line), "{line}");
    }
}

#[test]
fn nested_lines_of_a_merge_fit_their_schema() {
    let path = support::root().join("schemas/merged/json-schema/nested.json");
    let schema: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let fixtures = support::root().join("fixtures");
    let ran = ends(0, &["merge", "--policy", "best", "--explain", fixtures.to_str().unwrap()]);
    let lines = ran.json();
    let has = |member: &str| lines.iter().any(|line| !line[member].is_null());
    assert!(lines.len() > 100 && has("conflicts") && has("scripts") && has("trace"));
    for line in lines {
        let wrong: Vec<_> = schema.iter_errors(&line).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?}: {line}");
    }
}

#[test]
fn filters_apply_to_the_merged_result() {
    let (one, two) = (xml(DAY1), xml("46-merge-day3-host-down.xml"));
    let ran = ends(0, &["merge", &one, &two, "--policy", "latest", "--up", "--table", "hosts"]);
    assert_eq!(ran.lines().len(), 1, "the host that went down is not up");
    let options = ["--state", "open", "--table", "ports"];
    let ran = ends(0, &[&["merge", &one, &two][..], &options].concat());
    assert!(ran.json().iter().all(|port| port["state"] == "open") && ran.lines().len() > 3);
}

#[test]
fn one_input_that_cannot_be_read_does_not_stop_the_others() {
    let folder = Folder::new();
    let none = folder.path("none.xml");
    let ran = ends(1, &["merge", &xml(DAY1), &none, &xml(DAY2)]);
    assert!(ran.stderr.contains("E_IO") && ran.lines().len() > 2);
    ends(3, &["merge", &none]);
    let text = folder.write("no.xml", "no xml");
    ends(3, &["merge", &text]);
}

#[test]
fn finished_scans_that_share_an_id_are_reported() {
    let folder = Folder::new();
    let a = folder.write("a.xml", sweep(2, "same"));
    let b = folder.write("b.xml", sweep(3, "same"));
    let ran = ends(0, &["merge", &a, &b, &a, "--table", "scans,hosts"]);
    assert!(ran.stderr.contains("W_ID_COLLISION") && ran.stderr.contains("W_DUP_SCAN"));
    let ids: Vec<_> = ran
        .json()
        .iter()
        .filter(|row| row["_table"] == "scans")
        .map(|row| row["scan_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    assert!(ids[1].starts_with(&format!("{}-x", ids[0])));
}

#[test]
fn newer_records_that_lose_by_default_give_a_hint() {
    let folder = Folder::new();
    let doc = |start: u32, state: &str| {
        format!(
            "<nmaprun args=\"nmap\" start=\"{start}\"><host endtime=\"{start}\"><status state=\"up\"/>\
             <address addr=\"192.0.2.1\"/><ports><port protocol=\"tcp\" portid=\"80\"><state \
             state=\"{state}\"/></port></ports></host></nmaprun>"
        )
    };
    let (old, new) =
        (folder.write("old", doc(100, "open")), folder.write("new", doc(200, "closed")));
    let told = |args: &[&str]| ends(0, &[&["merge"][..], args].concat()).stderr;
    let said = told(&[&old, &new]);
    let hint = "hint: 1 newer record of a port lost to an older one: --policy latest shows the current state";
    assert!(said.contains(hint), "{said}");
    for args in [
        &[&*old, &*new, "--policy", "caller"][..],
        &[&*new, &*old],
        &[&*old, &*old],
        &["-q", &*old, &*new],
    ] {
        assert!(!told(args).contains("hint"), "{args:?}");
    }
    let report = folder.path("report.json");
    told(&[&old, &new, "--report", &report]);
    let report: serde_json::Value = serde_json::from_str(&folder.read("report.json")).unwrap();
    assert_eq!(report["outdated"], 1);
    // Both sides of the limit of --max-age.
    let rows = |age: &str| {
        let args = ["merge", "-q", "--policy", "latest", "--max-age", age, &old, &new];
        ends(0, &[&args[..], &["--table", "ports"]].concat()).lines().len()
    };
    assert_eq!((rows("1m"), rows("2m")), (1, 1));
    refuses(&["merge", &old, &new, "--max-age", "30"], &["no unit"]);
}

#[test]
fn a_mac_address_at_several_ip_addresses_is_reported() {
    let folder = Folder::new();
    let host = |ip: &str| {
        format!(
            "<host><status state=\"up\"/><address addr=\"{ip}\"/><address addr=\"00:00:5E:00:53:01\" \
             addrtype=\"mac\"/></host>"
        )
    };
    let doc =
        format!("<nmaprun args=\"nmap\">{}{}</nmaprun>", host("192.0.2.1"), host("192.0.2.2"));
    let doc = folder.write("router.xml", doc);
    let ran = ends(0, &["merge", &doc, "--identity", "mac", "--table", "hosts"]);
    assert!(ran.stderr.contains("W_SHARED_MAC"), "{}", ran.stderr);
    let keys: Vec<_> = ran.json().iter().map(|row| row["host_key"].clone()).collect();
    assert_eq!(keys, ["mac:00:00:5E:00:53:01@192.0.2.1", "mac:00:00:5E:00:53:01@192.0.2.2"]);
    let ran = ends(0, &["-q", "merge", &doc, "--identity", "mac", "--table", "warnings"]);
    assert_eq!(ran.json()[0]["code"], "W_SHARED_MAC");
    assert!(!ends(0, &["merge", &doc]).stderr.contains("W_SHARED_MAC"));
}

#[test]
fn dedup_skips_documents_that_were_read_in_full() {
    let folder = Folder::new();
    let whole = sweep(9_000, "a");
    let large = folder.write("large.xml", &whole);
    let cut = folder.write("cut.xml", &whole[..whole.len() / 2]);
    let small = folder.write("small.xml", sweep(3, "b"));
    for threads in ["-j1", "-j2", "-j8"] {
        let count = |inputs: &[&String]| {
            let mut args = vec!["convert", threads, "--dedup", "--table", "hosts"];
            args.extend(inputs.iter().map(|path| path.as_str()));
            let ran = ends(0, &args);
            (ran.lines().len(), ran.stderr.contains("W_DUP_SCAN"))
        };
        assert_eq!(count(&[&large, &large]), (9_000, true), "{threads}");
        assert_eq!(count(&[&small, &large, &small]), (9_003, true), "{threads}");
        assert_eq!(count(&[&small, &small]), (3, true), "{threads}");
        let (hosts, told) = count(&[&cut, &large]);
        assert!(hosts > 9_000 && told, "a truncated copy does not count: {threads} {hosts}");
    }
}

#[test]
fn differences_end_with_1_and_none_with_0() {
    let (one, two) = (xml(DAY1), xml(DAY2));
    assert_eq!(ends(0, &["diff", &one, &one]).stdout, "");
    let rows = ends(1, &["diff", &one, &two]);
    assert!(
        rows.json().iter().any(|row| row["column"] == "service.product" && row["port"] == 8080)
    );
    let text = ends(1, &["diff", &one, &two, "--to", "text"]);
    assert!(text.stdout.contains("  ~ 80/tcp open -> closed\n"), "{}", text.stdout);
    let colors = ends(1, &["diff", &one, &two, "--to", "text", "--color", "always"]);
    assert!(colors.stdout.contains("\x1b[33m  ~ 80/tcp open -> closed\x1b[0m\n"));
    let csv = ends(1, &["diff", &one, &two, "--to", "csv"]);
    assert!(csv.stdout.starts_with("host_key,ip,protocol,port,ports,kind,column,old,new,"));
    let folder = Folder::new();
    for name in ["d.txt", "d.jsonl", "d.csv", "d.parquet"] {
        let out = folder.path(name);
        ends(1, &["diff", &one, &two, "-o", &out]);
        refuses(&["diff", &one, &two, "-o", &out], &["--overwrite"]);
        ends(1, &["diff", &one, &two, "-o", &out, "--overwrite", "-j1", "--memory", "128M"]);
    }
    assert_eq!(folder.read("d.txt"), text.stdout);
    assert_eq!(folder.read("d.csv"), csv.stdout);
}

#[test]
fn errors_of_a_state_are_not_differences() {
    let folder = Folder::new();
    let (one, none) = (xml(DAY1), folder.path("none"));
    ends(3, &["diff", &one, &none]);
    ends(3, &["diff", &none, &one]);
    let mixed = folder.path("mixed");
    fs::create_dir(&mixed).unwrap();
    fs::copy(&one, format!("{mixed}/a.xml")).unwrap();
    fs::create_dir(format!("{mixed}/locked")).unwrap();
    let locked = format!("{mixed}/locked");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o0)).unwrap();
    if fs::read_dir(&locked).is_err() {
        ends(3, &["diff", &one, &mixed]);
    }
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
    refuses(&["diff", &one], &["OLD"]);
    refuses(&["diff", &one, &one, "--to", "parquet"], &["-o"]);
    refuses(&["diff", &one, &one, "-o", &mixed], &["folder"]);
    let empty = folder.write("empty.xml", "");
    let ran = ends(3, &["diff", &one, &empty, "-o", &folder.path("d.csv")]);
    assert!(ran.stderr.contains("empty.xml holds no scan"), "{}", ran.stderr);
    assert!(fs::metadata(folder.path("d.csv")).is_err());
}

#[test]
fn hosts_in_different_zones_are_shown_with_their_zone() {
    let folder = Folder::new();
    let with = |start: &str, zone: &str| {
        let doc = format!(
            "<nmaprun args=\"nmap\" start=\"{start}\"><host><status state=\"up\"/>\
             <address addr=\"fe80::1%{zone}\"/></host></nmaprun>"
        );
        folder.write(&format!("{zone}.xml"), doc)
    };
    let (old, new) = (with("1", "eth0"), with("2", "eth1"));
    let ran = ends(1, &["diff", &old, &new, "--to", "text"]);
    assert_eq!(ran.stdout, "+ host fe80::1%eth1 up\n- host fe80::1%eth0 up\n2 hosts\n");
}

#[test]
fn text_of_scans_is_escaped_on_a_terminal() {
    let folder = Folder::new();
    let with = |start: &str, name: &str| {
        format!(
            "<nmaprun args=\"nmap\" start=\"{start}\"><host><status state=\"up\"/>\
             <address addr=\"192.0.2.1\"/><hostnames><hostname name=\"{name}\"/></hostnames></host></nmaprun>"
        )
    };
    let old = folder.write("old.xml", with("1", "a"));
    let new = folder.write("new.xml", with("2", "b&#27;[31m&#x202e;"));
    let ran = ends(1, &["diff", &old, &new, "--to", "text"]);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stdout.contains('\u{202e}'), "{}", ran.stdout);
    let mut command = program();
    command.args(["diff", &old, "-", "--to", "text"]);
    let piped = ends_as(1, command, with("2", "c").as_bytes());
    assert!(piped.stdout.contains("hostnames a -> c"), "{}", piped.stdout);
}

/// Returns the paths of the merge series, oldest first.
fn series() -> Vec<String> {
    let names = [
        "40-merge-day1-fast-syn.xml",
        "41-merge-day1-versions-os.xml",
        "42-merge-connect-unprivileged-view.xml",
        "44-merge-day2-changed.xml",
        "46-merge-day3-host-down.xml",
    ];
    names.iter().map(|name| format!("{}/fixtures/{name}", support::root().display())).collect()
}

#[test]
fn nightly_merges_with_a_state_equal_one_merge_of_everything() {
    let folder = Folder::new();
    let series = series();
    for policy in ["caller", "first", "latest", "best"] {
        let (state, out) = (folder.path(&format!("{policy}.state")), folder.path(policy));
        for (night, file) in series.iter().enumerate() {
            let args = ["-q", "merge", "--policy", policy, "--state", &state, "--to", "csv"];
            ends(0, &[&args[..], &["-o", &out, "--overwrite", file]].concat());
            let whole = folder.path("whole");
            let mut args = vec!["-q", "merge", "--policy", policy, "--to", "csv", "--overwrite"];
            args.extend(["-o", &whole]);
            args.extend(series[..=night].iter().map(String::as_str));
            ends(0, &args);
            for table in ["scans", "hosts", "ports", "services", "scripts", "warnings", "events"] {
                let read = |of: &str| fs::read_to_string(format!("{of}/{table}.csv")).unwrap();
                assert_eq!(read(&out), read(&whole), "{policy}, night {night}, {table}");
            }
        }
    }
}

#[test]
fn a_scan_of_the_state_counts_once_and_a_better_copy_of_it_is_refused() {
    let folder = Folder::new();
    let (state, out) = (folder.path("s.state"), folder.path("out.jsonl"));
    let whole = sweep(5, "a");
    let cut = folder.write("cut.xml", &whole[..whole.len() - 200]);
    let file = folder.write("a.xml", &whole);
    let other = folder.write("b.xml", sweep(3, "b"));
    let merge = |input: &str| {
        let args = ["merge", "--state", &state, "-o", &out, "--overwrite", input];
        program().args(args).output().unwrap()
    };
    assert_eq!(merge(&file).status.code(), Some(0));
    let first = fs::read(&out).unwrap();
    let again = merge(&file);
    assert!(String::from_utf8_lossy(&again.stderr).contains("W_DUP_SCAN"), "{again:?}");
    assert_eq!(merge(&cut).status.code(), Some(0), "a poorer copy counts for nothing");
    assert_eq!(hosts(&fs::read(&out).unwrap()), hosts(&first));
    // Diagnostics of scans that are in the state are not repeated.
    let third = merge(&other);
    assert!(!String::from_utf8_lossy(&third.stderr).contains("W_DUP_SCAN"), "{third:?}");
    let begun = folder.path("begun.state");
    let to_begun = |input: &str| {
        let args = ["merge", "--state", &begun, "-o", &out, "--overwrite", input];
        program().args(args).output().unwrap()
    };
    assert_eq!(to_begun(&cut).status.code(), Some(0));
    let before = (fs::read(&begun).unwrap(), fs::read(&out).unwrap());
    let refused = to_begun(&file);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("merge all inputs again") && said.contains("cut.xml"), "{said}");
    assert_eq!((fs::read(&begun).unwrap(), fs::read(&out).unwrap()), before);
}

/// Returns the lines of hosts.
fn hosts(lines: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(lines);
    text.lines().filter(|line| line.contains("\"host_key\"")).map(str::to_owned).collect()
}

#[test]
fn a_state_needs_the_same_options_and_other_files_are_not_overwritten() {
    let folder = Folder::new();
    let (state, out) = (folder.path("s.state"), folder.path("out.jsonl"));
    let file = folder.write("a.xml", sweep(5, "a"));
    ends(0, &["-q", "merge", "--policy", "latest", "--state", &state, &file, "-o", &out]);
    let kept = fs::read(&state).unwrap();
    let with = |code: i32, name: &str, more: &[&str], expected: &str| {
        let output = folder.path("other.jsonl");
        let mut args = vec!["-q", "merge", "--state", name, &file, "-o", &output];
        args.extend(more);
        let said = ends(code, &args).stderr;
        assert!(said.contains(expected), "{said}");
        assert!(!fs::exists(output).unwrap());
    };
    with(
        2,
        &state,
        &["--policy", "best"],
        "policy latest, identity ip, and this one has policy best",
    );
    with(2, &state, &["--policy", "latest", "--explain"], "identity ip, explain");
    with(2, &state, &["--policy", "latest", "--no-udp"], "identity ip, no-udp");
    let foreign = folder.write("foreign.state", "not a state");
    with(3, &foreign, &[], "foreign.state: it is not a saved state");
    let cut = folder.path("cut.state");
    fs::write(&cut, &kept[..kept.len() / 2]).unwrap();
    with(3, &cut, &["--policy", "latest"], "cut.state: it is damaged");
    let mut later = kept.clone();
    later[16] = 99;
    let later = folder.write("later.state", later);
    with(3, &later, &["--policy", "latest"], "it has version 99");
    let sub = folder.path("sub");
    fs::create_dir(&sub).unwrap();
    with(2, &sub, &[], "is not a file");
    with(2, &file, &[], "is an input");
    with(2, "opne", &[], "neither a list of states");
    with(2, &state, &["--state", &foreign], "more than one file");
    assert_eq!(fs::read(&state).unwrap(), kept);
    assert_eq!(fs::read(folder.path("foreign.state")).unwrap(), b"not a state");
    // `--state` with a port state still filters ports.
    let args = ["-q", "merge", "--policy", "latest", "--state", &state, "--state", "open"];
    ends(0, &[&args[..], &[&file, "-o", &out, "--overwrite"]].concat());
    assert!(!fs::read_to_string(&out).unwrap().contains("\"closed\""));
    let args = ["-q", "merge", "--state", "open,closed", &file, "--table", "ports", "--to", "csv"];
    assert_eq!(ends(0, &args).lines().len(), 11);
}

#[test]
fn without_a_scan_no_state_is_made_and_without_a_new_one_it_is_kept() {
    let folder = Folder::new();
    let (state, empty) = (folder.path("s.state"), folder.write("empty.xml", ""));
    let merge = |input: &str| {
        let args = ["-q", "merge", "--state", &state, input, "--to", "jsonl"];
        program().args(args).output().unwrap()
    };
    merge(&empty);
    assert!(!fs::exists(&state).unwrap());
    let refused = folder.write("no.xml", "no XML at all");
    assert_eq!(merge(&refused).status.code(), Some(3));
    assert!(!fs::exists(&state).unwrap());
    let file = folder.write("a.xml", sweep(5, "a"));
    let first = merge(&file).stdout;
    let kept = fs::read(&state).unwrap();
    assert_eq!(merge(&refused).status.code(), Some(3));
    assert_eq!(fs::read(&state).unwrap(), kept);
    assert_eq!(hosts(&merge(&empty).stdout), hosts(&first), "the state alone gives its hosts");
}

#[test]
fn a_state_keeps_its_mode_and_link_and_is_locked() {
    let folder = Folder::new();
    let (state, link) = (folder.path("real.state"), folder.path("link.state"));
    let file = folder.write("a.xml", sweep(5, "a"));
    std::os::unix::fs::symlink("real.state", &link).unwrap();
    let out = folder.path("out.jsonl");
    let args = ["-q", "merge", "--state", &link, &file, "-o", &out, "--overwrite"];
    ends(0, &args);
    fs::set_permissions(&state, fs::Permissions::from_mode(0o600)).unwrap();
    ends(0, &args);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o600);
    let lock = fs::File::open(&state).unwrap();
    lock.lock().unwrap();
    refuses(&args, &["another run"]);
    drop(lock);
    ends(0, &args);
    let names: Vec<_> = fs::read_dir(folder.path("")).unwrap().collect();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[test]
fn the_size_of_a_state_depends_on_hosts_and_not_on_scans() {
    let folder = Folder::new();
    let (state, out) = (folder.path("s.state"), folder.path("out.jsonl"));
    let mut sizes = Vec::new();
    for night in 0..12 {
        let text = sweep(2000, "a").replace("\"nmap a\"", &format!("\"nmap {night}\""));
        let text = text.replace("17000001", &format!("17{night:02}0001"));
        let file = folder.write("a.xml", text);
        let args = ["-q", "merge", "--policy", "latest", "--state", &state, &file, "-o", &out];
        ends(0, &[&args[..], &["--overwrite"]].concat());
        sizes.push(fs::metadata(&state).unwrap().len());
    }
    let (second, last) = (sizes[1], sizes[11]);
    assert!(last < second * 12 / 10, "{sizes:?}");
}
