//! `diff`: its text, options and exit codes.

use std::fs;

use super::{Folder, ends, refuses, xml};
use crate::support::root;

/// Returns a scan of ports 1 to 100 of one host.
fn scan(start: u32, args: &str, inside: &str) -> String {
    of_network(start, args, &[host("192.0.2.10", "up", inside)])
}

fn of_network(start: u32, args: &str, hosts: &[String]) -> String {
    format!(
        "<nmaprun scanner=\"nmap\" args=\"nmap {args} -oX {start}\" start=\"{start}\">\
         <scaninfo type=\"syn\" protocol=\"tcp\" services=\"1-100\"/>{}\
         <runstats><finished time=\"{start}\" exit=\"success\"/></runstats></nmaprun>",
        hosts.concat()
    )
}

fn host(ip: &str, state: &str, inside: &str) -> String {
    format!(
        "<host><status state=\"{state}\" reason=\"arp-response\"/>\
         <address addr=\"{ip}\" addrtype=\"ipv4\"/>{inside}</host>"
    )
}

fn port(number: u32, state: &str, service: &str) -> String {
    format!("<port protocol=\"tcp\" portid=\"{number}\"><state state=\"{state}\"/>{service}</port>")
}

fn listed(state: &str, list: &str) -> String {
    format!(
        "<extraports state=\"{state}\"><extrareasons reason=\"r\" proto=\"tcp\" ports=\"{list}\"/></extraports>"
    )
}

const SERVICE: &str = "<service name=\"ms-wbt-server\" product=\"Example Terminal\" version=\"2\" \
                       method=\"probed\" conf=\"10\"/>";

/// Runs `diff`, which must end with exit code `code`, and returns its text.
fn text(code: i32, old: &str, new: &str, args: &[&str]) -> String {
    let folder = Folder::new();
    let (old, new) = (folder.write("old.xml", old), folder.write("new.xml", new));
    let all = [&["diff", &old, &new, "--to", "text"], args].concat();
    ends(code, &all).stdout
}

#[test]
fn ranges_and_counts_of_ports_take_one_line() {
    let with = |start, inside: &str| scan(start, "", &format!("<ports>{inside}</ports>"));
    assert_eq!(
        text(1, &with(1, &listed("closed", "1-100")), &with(2, &listed("filtered", "1-100")), &[]),
        "  host 192.0.2.10\n  ~ 1-100/tcp closed -> filtered\n1 host, 100 ports in another state\n"
    );
    // One line covers all ranges with the same transition.
    let ssh = port(22, "open", "");
    assert_eq!(
        text(
            1,
            &with(1, &(listed("closed", "1-21,23-100") + &ssh)),
            &with(2, &(listed("filtered", "1-21,23-100") + &ssh)),
            &[]
        ),
        "  host 192.0.2.10\n  ~ 1-21,23-100/tcp closed -> filtered\n\
         1 host, 99 ports in another state\n"
    );
    let counted = |state: &str| format!("<extraports state=\"{state}\" count=\"99\"/>{ssh}");
    assert_eq!(
        text(1, &with(1, &counted("filtered")), &with(2, &counted("closed")), &[]),
        "  host 192.0.2.10\n  ~ unlisted tcp ports 99 filtered -> 99 closed\n1 host, 1 other change\n"
    );
}

#[test]
fn a_new_port_shows_its_service_and_a_script_its_changed_lines() {
    let script = |guest: &str| {
        format!(
            "<hostscript><script id=\"smb-os-discovery\" output=\"&#xa;  OS: Example&#xa;  \
             Guest: {guest}\"/></hostscript>"
        )
    };
    let old = format!("<ports>{}</ports>{}", listed("closed", "1-100"), script("no"));
    let new = format!(
        "<ports>{}{}</ports>{}",
        listed("closed", "1-88,90-100"),
        port(89, "open", SERVICE),
        script("yes")
    );
    assert_eq!(
        text(1, &scan(1, "-A", &old), &scan(2, "-A", &new), &[]),
        "  host 192.0.2.10\n\
         \x20 ~ script.smb-os-discovery\n\
         \x20     -   Guest: no\n\
         \x20     +   Guest: yes\n\
         \x20 + 89/tcp closed -> open ms-wbt-server Example Terminal 2\n\
         1 host, 1 port opened, 1 script changed\n"
    );
}

#[test]
fn at_most_ten_lines_are_shown() {
    let script = |word: &str| {
        let lines: Vec<String> = (0..12).map(|n| format!("{word} {n}&#xa;")).collect();
        let lines = lines.concat();
        format!("<hostscript><script id=\"x\" output=\"{lines}\"/></hostscript>")
    };
    let shown = text(1, &scan(1, "-sC", &script("a")), &scan(2, "-sC", &script("b")), &[]);
    assert!(shown.contains("      - a 9\n      \u{2026} 14 more\n"), "{shown}");
    assert!(!shown.contains("+ b"), "{shown}");
}

#[test]
fn an_open_port_that_was_not_scanned_before_is_reported() {
    let narrow = scan(1, "", "").replace("1-100", "1-10");
    let new = scan(
        2,
        "",
        &format!("<ports>{}{}</ports>", port(22, "open", SERVICE), port(25, "closed", "")),
    );
    assert_eq!(
        text(1, &narrow, &new, &[]),
        "  host 192.0.2.10\n\
         \x20 + 22/tcp open ms-wbt-server Example Terminal 2 (first look)\n\
         \x20 ? 25/tcp closed (unknown before)\n\
         1 host, 1 port opened, 1 value unknown on one side\n"
    );
}

#[test]
fn closed_ports_of_a_new_host_are_a_count() {
    let closed: String = (1..=40).map(|number| port(number, "closed", "")).collect();
    let of_new =
        host("192.0.2.11", "up", &format!("<ports>{closed}{}</ports>", port(80, "open", "")));
    let old = of_network(1, "", &[host("192.0.2.10", "up", ""), host("192.0.2.12", "down", "")]);
    let up = host("192.0.2.12", "up", &format!("<ports>{closed}</ports>"));
    let new = of_network(2, "", &[host("192.0.2.10", "up", ""), of_new, up]);
    assert_eq!(
        text(1, &old, &new, &[]),
        "+ host 192.0.2.11 up\n\
         \x20 + 80/tcp open\n\
         \x20 + 40 closed ports\n\
         \x20 host 192.0.2.12\n\
         \x20 ~ state down -> up\n\
         \x20 + 40 closed ports\n\
         2 hosts, 1 port opened, 1 other change\n"
    );
}

#[test]
fn moved_hosts_and_replaced_devices_are_reported() {
    let with = |ip: &str, mac: &str| {
        host(ip, "up", &format!("<address addr=\"{mac}\" addrtype=\"mac\"/>"))
    };
    let one = |start, ip: &str, mac: &str| of_network(start, "", &[with(ip, mac)]);
    let (a, b) = ("00:00:5E:00:53:01", "00:00:5E:00:53:02");
    assert_eq!(
        text(1, &one(1, "192.0.2.10", a), &one(2, "192.0.2.20", a), &[]),
        "> host 192.0.2.10 -> 192.0.2.20\n1 host\n"
    );
    assert_eq!(
        text(1, &one(1, "192.0.2.10", a), &one(2, "192.0.2.10", b), &[]),
        "  host 192.0.2.10\n  ~ mac 00:00:5E:00:53:01 -> 00:00:5E:00:53:02 (other device?)\n\
         1 host, 1 other change\n"
    );
}

#[test]
fn only_what_changed_ends_with_1() {
    let os = "<os><osmatch name=\"Linux 5.4\" accuracy=\"98\"/></os>";
    let (quick, deep) = (scan(1, "-sS", ""), scan(2, "-O", os));
    let told = "  host 192.0.2.10\n  ? os Linux 5.4 (unknown before)\n\
                0 hosts, 1 value unknown on one side\n";
    assert_eq!(text(0, &quick, &deep, &[]), told);
    assert_eq!(text(1, &quick, &deep, &["--strict-coverage"]), told);
    assert_eq!(text(0, &quick, &deep, &["--strict-coverage", "--ignore", "not_scanned"]), "");
    assert_eq!(text(0, &quick, &quick, &["--strict-coverage"]), "");
}

#[test]
fn noise_is_omitted_unless_all_is_given() {
    let with = |start, time: &str| {
        let script =
            |name: &str, output: &str| format!("<script id=\"{name}\" output=\"{output}\"/>");
        let scripts = [
            script("clock-skew", time),
            script("smb-os-discovery", &format!("OS: x&#xa;System time: {time}")),
            script("x", time),
        ];
        scan(start, "-sC", &format!("<hostscript>{}</hostscript>", scripts.concat()))
    };
    let (old, new) = (with(1, "noon"), with(2, "night"));
    let told = text(1, &old, &new, &[]);
    assert_eq!(told, "  host 192.0.2.10\n  ~ script.x noon -> night\n1 host, 1 script changed\n");
    assert!(text(1, &old, &new, &["--all"]).ends_with("1 host, 3 scripts changed\n"));
    assert_eq!(text(0, &old, &new, &["--ignore-script", "x"]), "");
    assert_eq!(text(0, &old, &new, &["--ignore", "script,host"]), "");
    assert_eq!(text(0, &old, &new, &["--only", "service"]), "");
    assert_eq!(text(1, &old, &new, &["--only", "changed,script"]), told);
}

#[test]
fn ports_in_a_state_can_be_omitted() {
    let with =
        |start, state: &str| scan(start, "", &format!("<ports>{}</ports>", port(53, state, "")));
    let (filtered, closed, open) = (with(1, "open|filtered"), with(2, "closed"), with(3, "open"));
    assert_eq!(text(0, &filtered, &closed, &["--ignore-state", "open|filtered"]), "");
    text(1, &filtered, &open, &["--ignore-state", "open|filtered"]);
    text(1, &filtered, &closed, &["--ignore-state", "filtered"]);
}

#[test]
fn unknown_kinds_are_refused() {
    let one = xml("41-merge-day1-versions-os.xml");
    refuses(&["diff", &one, &one, "--ignore", "everything"], &["everything", "not_scanned"]);
    refuses(&["diff", &one, &one, "--ignore-script", "[a"], &["[a"]);
    refuses(&["diff", &one, &one, "--ignore-state", "up"], &["up"]);
}

#[test]
fn rows_in_every_format_have_the_services_of_both_sides() {
    let with = |start, version: &str| {
        let service = SERVICE.replace("\"2\"", &format!("\"{version}\""));
        scan(start, "-sV", &format!("<ports>{}</ports>", port(89, "open", &service)))
    };
    let folder = Folder::new();
    let (old, new) = (folder.write("old.xml", with(1, "1")), folder.write("new.xml", with(2, "2")));
    let rows = ends(1, &["diff", &old, &new]).json();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["old_service_version"], &rows[0]["new_service_version"]),
        (&"1".into(), &"2".into())
    );
    assert_eq!(rows[0]["new_service_product"], "Example Terminal");
    // The bytes do not depend on the number of threads or on memory.
    let days = |numbers: [&str; 2]| numbers.map(xml);
    let [one, two] = days(["41-merge-day1-versions-os.xml", "44-merge-day2-changed.xml"]);
    for to in ["text", "jsonl", "csv", "ecs"] {
        let shown =
            |more: &[&str]| ends(1, &[&["diff", &one, &two, "--to", to], more].concat()).stdout;
        assert_eq!(shown(&["-j1"]), shown(&["-j8"]), "{to}");
        assert_eq!(shown(&[]), shown(&["--memory", "128M"]), "{to}");
    }
}

/// docs/cli.md and the code list the same noise: users rely on it.
#[test]
fn the_list_of_noise_is_documented() {
    let page = fs::read_to_string(root().join("docs/cli.md")).unwrap();
    let list = page.split("<a id=\"diff-noise\"></a>").nth(1).unwrap();
    let list = list.split("\n\n").next().unwrap();
    let documented: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
    let known: Vec<&str> =
        scanmill::diff::NOISE.into_iter().chain(scanmill::diff::NOISE_LINES).collect();
    assert_eq!(documented, known);
}
