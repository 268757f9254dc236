//! Formats that write text per host: nmap's grepable lines, blocks for people, and Markdown.

use std::{fs, net::TcpListener, path::Path};

use scanmill::{
    format::HostFormat,
    ops::{self, ConvertOptions, Inputs, MergeOptions, OutputOptions},
    output::Output,
};

use crate::support::{command, fixture, skip};

/// Returns the text of inputs in a format.
fn text_of(format: HostFormat, inputs: &[&Path]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    let output = OutputOptions::hosts(format, Output::File(file.clone()));
    ops::convert(&Inputs::new(inputs), output, &ConvertOptions::default()).unwrap();
    fs::read_to_string(file).unwrap()
}

fn of_fixture(format: HostFormat, name: &str) -> String {
    text_of(format, &[&fixture(name).path])
}

/// Returns the text of a document with these hosts.
fn of_hosts(format: HostFormat, hosts: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.xml");
    let xml =
        format!("<nmaprun scanner=\"nmap\" args=\"nmap x\" version=\"7.94\">{hosts}</nmaprun>");
    fs::write(&file, xml).unwrap();
    text_of(format, &[&file])
}

/// A host whose values try to end lines, cells, code and markup.
const HOSTILE: &str = "<host><status state=\"up\"/><address addr=\"192.0.2.1\"/><hostnames><hostname \
    name=\"a&#xa;b/c|d`**x**&lt;b&gt;&#x202e;\" type=\"PTR\"/></hostnames><ports><port protocol=\"tcp\" portid=\"1\">\
    <state state=\"open\"/><service name=\"x/y\" product=\"&#x1b;[2J@all\" version=\"http://e.example\"/>\
    <script id=\"s\" output=\"one&#xa;```&#xa;&#x1b;two&#xa;\"/></port></ports></host>";

#[test]
fn grepable_lines_are_those_of_nmap() {
    let lines = of_fixture(HostFormat::Gnmap, "01-");
    let wanted = "# Nmap 7.93 scan initiated Mon Nov 23 06:25:45 2026 as: nmap -sT -n -oX - 192.0.2.20\n\
        Host: 192.0.2.20 ()\tStatus: Up\n\
        Host: 192.0.2.20 ()\tPorts: 25/open/tcp//smtp///, 80/open/tcp//http///, 443/open/tcp//https///, \
        8080/open/tcp//http-proxy///, 8081/open/tcp//blackice-icecap///, 8443/open/tcp//https-alt///, \
        9999/open/tcp//abyss///\tIgnored State: closed (993)\n\
        # Nmap done at Mon Nov 23 06:25:45 2026 -- 1 IP address (1 host up) scanned in 0.17 seconds\n";
    assert_eq!(lines, wanted);
}

#[test]
fn protocols_time_outs_and_down_hosts_have_lines_of_their_own() {
    let protocols = of_fixture(HostFormat::Gnmap, "15-");
    assert!(protocols.contains("\tProtocols: 1/open/icmp/, "), "{protocols}");
    let timeout = of_fixture(HostFormat::Gnmap, "12-");
    let lines = "Host: 192.0.2.60 ()\tStatus: Up\nHost: 192.0.2.60 ()\tStatus: Timeout\nHost: 192.0.2.20 ()";
    assert!(timeout.contains(lines), "{timeout}");
    let down = of_fixture(HostFormat::Gnmap, "03-");
    assert!(down.contains(" ()\tStatus: Down\n"), "{down}");
    let listed = of_fixture(HostFormat::Gnmap, "11-");
    assert!(listed.contains("\tStatus: Unknown\n"), "{listed}");
    let guessed = of_fixture(HostFormat::Gnmap, "24-");
    assert!(guessed.contains("//abyss?/"), "{guessed}");
}

#[test]
fn no_value_breaks_a_grepable_line() {
    let lines = of_hosts(HostFormat::Gnmap, HOSTILE);
    let wanted = "# Nmap 7.94 scan initiated  as: nmap x\n\
        Host: 192.0.2.1 (a\\u{a}b|c|d`**x**<b>\\u{202e})\tStatus: Up\n\
        Host: 192.0.2.1 (a\\u{a}b|c|d`**x**<b>\\u{202e})\tPorts: \
        1/open/tcp//x|y//\\u{1b}[2J@all http:||e.example/\n";
    assert_eq!(lines, wanted);
}

#[test]
fn nmap_writes_the_same_grepable_lines() {
    if command("nmap").arg("--version").output().is_err() {
        skip("host_text", "nmap is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [xml, gnmap] = ["scan.xml", "scan.gnmap"].map(|name| folder.path().join(name));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap().port();
    for ports in [format!("1-3,{open}"), format!("1-100,{open}"), "1-60".to_owned()] {
        let mut nmap = command("nmap");
        nmap.args(["-sT", "-p", &ports, "127.0.0.1", "-oX"]).arg(&xml).arg("-oG").arg(&gnmap);
        assert!(nmap.output().unwrap().status.success());
        let theirs = fs::read_to_string(&gnmap).unwrap();
        assert_eq!(text_of(HostFormat::Gnmap, &[&xml]), theirs, "{ports}");
    }
}

#[test]
fn blocks_are_aligned() {
    let text = of_fixture(HostFormat::Text { color: false }, "28-");
    let hosts = "Scan report for filesrv.lab.example (192.0.2.40)
Host is up, received arp-response (0.51 ms latency).
PORT     STATE  SERVICE
139/tcp  open   netbios-ssn
445/tcp  open   microsoft-ds
6379/tcp closed redis
MAC Address: 00:50:56:00:00:28 (VMware)
Host script results:
|_smb2-time: Protocol negotiation failed (SMB2)

Scan report for ssh.lab.example (192.0.2.30)
Host is up, received arp-response (0.18 ms latency).
PORT     STATE  SERVICE      VERSION
139/tcp  closed netbios-ssn
445/tcp  closed microsoft-ds
6379/tcp open   redis        7.0.15 (64 bits)
| redis-info:
|   Version: 7.0.15
";
    assert!(text.contains(hosts), "{text}");
    assert!(text.starts_with("# nmap 7.93 scan initiated "), "{text}");
    let end = "MAC Address: 00:0C:29:00:00:1E (VMware)\n\n# Nmap done at Mon Nov 23 06:32:28 2026; 2 IP addresses \
        (2 hosts up) scanned in 10.46 seconds\n\n";
    assert!(text.ends_with(end), "{text}");
    let route = of_fixture(HostFormat::Text { color: false }, "09-");
    let hops = "TRACEROUTE (using port 22/tcp)\nHOP RTT        ADDRESS\n1   0.01 ms    gw.lab.example (192.0.2.1)\n";
    assert!(route.contains(hops), "{route}");
}

#[test]
fn no_value_affects_a_terminal() {
    for color in [false, true] {
        let text = of_hosts(HostFormat::Text { color }, HOSTILE);
        let plain = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m"]
            .iter()
            .fold(text.clone(), |text, style| text.replace(style, ""));
        assert_eq!(text != plain, color);
        assert!(
            !plain.contains(|c: char| c.is_control() && c != '\n') && !plain.contains('\u{202e}')
        );
        let wanted = "Scan report for a\\u{a}b/c|d`**x**<b>\\u{202e} (192.0.2.1)\nHost is up.\n\
            PORT  STATE SERVICE VERSION\n1/tcp open  x/y     \\u{1b}[2J@all http://e.example\n\
            | s: one\n| ```\n|_\\u{1b}two\n";
        assert!(plain.contains(wanted), "{plain}");
    }
}

#[test]
fn one_long_value_does_not_widen_all_lines() {
    let port = |number: u32, name: &str| {
        format!(
            "<port protocol=\"tcp\" portid=\"{number}\"><state state=\"open\"/><service name=\"{name}\" \
             product=\"p\"/></port>"
        )
    };
    let ports: String = (1..1000).map(|number| port(number, "x")).collect();
    let long = "n".repeat(10_000);
    let host = format!(
        "<host><address addr=\"192.0.2.1\"/><ports>{}{ports}</ports></host>",
        port(1000, &long)
    );
    let text = of_hosts(HostFormat::Text { color: false }, &host);
    assert!(text.contains(&format!("1000/tcp open  {long} p\n")), "a value is not cut");
    assert!(text.len() < 100_000, "{}", text.len());
}

#[test]
fn markdown_shows_values_as_text() {
    let text = of_hosts(HostFormat::Markdown, HOSTILE);
    let wanted = "# Scan\n\n`nmap x`\n\n\
        ## 192.0.2.1 – ``a\\u{a}b/c|d`**x**<b>\\u{202e}``\n\n- State: up\n\n\
        | Port | State | Service | Version |\n|---|---|---|---|\n\
        | 1/tcp | open | x/y | `\\u{1b}[2J@all http://e.example` |\n\n\
        `s` on 1/tcp\n\n    one\n    ```\n    \\u{1b}two\n\n\
        The scan did not finish.\n\n";
    assert_eq!(text, wanted);
}

#[test]
fn merged_hosts_have_no_lines_on_scans() {
    let days = Inputs::new(["41-", "44-"].map(|name| fixture(name).path));
    let folder = tempfile::tempdir().unwrap();
    for (number, format) in
        [HostFormat::Gnmap, HostFormat::Text { color: false }, HostFormat::Markdown]
            .into_iter()
            .enumerate()
    {
        let file = folder.path().join(number.to_string());
        let output = OutputOptions::hosts(format, Output::File(file.clone()));
        ops::merge(&days, output, &MergeOptions::default()).unwrap();
        let text = fs::read_to_string(file).unwrap();
        assert!(!text.contains("initiated") && !text.contains("# Scan"), "{text}");
        assert_eq!(text.matches("192.0.2.20").count().min(1), 1, "{text}");
    }
}
