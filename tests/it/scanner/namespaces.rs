//! The real nmap against local hosts in network namespaces, which have no link to any other network.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Stdio},
};

use scanmill::scanner::Scanner;

use super::{comes_true, has_nmap, is_root};
use crate::support::{command, output_of, skip};

/// A scanner's namespace and a host's, connected by a virtual cable.
struct Lab {
    name: String,
    folder: tempfile::TempDir,
    servers: Vec<Child>,
}

impl Lab {
    /// Creates the namespaces. Returns `None`, after reporting that the test is skipped, if that is not
    /// permitted.
    fn new(test: &str) -> Option<Self> {
        if !has_nmap(test) || !is_root(test) {
            return None;
        }
        let name = format!("sm{}", std::process::id());
        let folder = tempfile::tempdir().unwrap();
        let lab = Self { name, folder, servers: Vec::new() };
        let (scan, host) = (lab.space("s"), lab.space("h"));
        let made = command("ip").args(["netns", "add", &scan]).output();
        if !made.is_ok_and(|made| made.status.success()) {
            skip(test, "network namespaces cannot be made");
            return None;
        }
        ip(&format!("netns add {host}"));
        ip(&format!("-n {scan} link add eth0 type veth peer name eth0 netns {host}"));
        for (space, number) in [(&scan, 1), (&host, 20)] {
            ip(&format!("-n {space} link set lo up"));
            ip(&format!("-n {space} link set eth0 up"));
            ip(&format!("-n {space} addr add 192.0.2.{number}/24 dev eth0"));
            ip(&format!("-n {space} addr add 2001:db8::{number}/64 dev eth0 nodad"));
        }
        let nmap = format!("#!/bin/sh\nexec ip netns exec {scan} nmap \"$@\"\n");
        let draft = lab.folder.path().join("draft");
        fs::write(&draft, nmap).unwrap();
        output_of(command("install").args(["-m", "755"]).arg(&draft).arg(lab.nmap()));
        Some(lab)
    }

    fn space(&self, kind: &str) -> String {
        format!("{}{kind}", self.name)
    }

    fn nmap(&self) -> PathBuf {
        self.folder.path().join("nmap")
    }

    /// Starts a program on the host, and waits until it prints `ready`.
    fn serve(&mut self, python: &str) {
        let ready = self.folder.path().join(format!("ready{}", self.servers.len()));
        let script = format!("{python}\n");
        let server = command("ip")
            .args(["netns", "exec", &self.space("h"), "python3", "-c", &script])
            .arg(&ready)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        self.servers.push(server);
        assert!(comes_true(|| ready.exists()));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
        for kind in ["s", "h"] {
            let _ = command("ip").args(["netns", "del", &self.space(kind)]).output();
        }
    }
}

fn ip(words: &str) {
    output_of(command("ip").args(words.split(' ')));
}

/// A web server, and a name server that answers any query.
const SERVERS: &str = r#"
import http.server, socket, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    server_version, sys_version = "Apache/2.4.57", "(Debian)"
    def do_GET(self):
        body = b"<html><head><title>lab</title></head></html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", 5353))
def answer():
    while True:
        data, peer = udp.recvfrom(512)
        udp.sendto(data, peer)
threading.Thread(target=answer, daemon=True).start()
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
server = Server(("::", 80), Handler)
open(sys.argv[1], "w").close()
server.serve_forever()
"#;

#[test]
fn scans_of_local_hosts_some_of_which_are_down() {
    let Some(mut lab) = Lab::new("scans_of_local_hosts_some_of_which_are_down") else { return };
    if command("python3").arg("--version").output().is_err() {
        skip("scans_of_local_hosts_some_of_which_are_down", "python3 is missing");
        return;
    }
    assert!(fs::metadata(lab.nmap()).unwrap().permissions().mode() & 0o111 != 0);
    lab.serve(SERVERS);
    let scan = |targets: &str, ports: &str, arguments: &str| {
        let mut scanner = Scanner::new(targets)
            .unwrap()
            .with_ports(ports)
            .unwrap()
            .with_arguments(arguments)
            .unwrap()
            .with_nmap(lab.nmap());
        scanner.run().unwrap_or_else(|error| panic!("{arguments}: {error}"));
        scanner
    };
    let host = "192.0.2.20";
    let all = scan("192.0.2.20-22", "79-81", "-sS -sV -sC -O --osscan-guess --traceroute -n");
    assert_eq!(all.scanned_hosts().unwrap(), [host]);
    assert_eq!(all.reason(host).unwrap(), Some("arp-response"));
    assert_eq!(all.non_scanned_hosts().unwrap().collect::<Vec<_>>(), ["192.0.2.21", "192.0.2.22"]);
    assert!(all.non_scanned_ports(host, "tcp").unwrap().is_empty());
    let (name, info) = all.standard_service_info(host, "tcp", 80).unwrap();
    assert_eq!(name, Some("http"));
    assert!(info.unwrap().contains("2.4.57"));
    assert_eq!(all.port_script(host, "tcp", 80, "http-title").unwrap(), Some("lab"));
    assert!(
        !all.os_matches(host).unwrap().is_empty() || all.os_fingerprint(host).unwrap().is_some()
    );
    let hops = all.trace_info(host).unwrap();
    assert_eq!((hops.len(), hops[0].ttl, hops[0].ip.as_deref()), (1, Some(1), Some(host)));
    let connect = scan(host, "80,81", "-sT -n");
    assert_eq!(connect.port_state(host, "tcp", 80).unwrap().0, "open");
    assert_eq!(connect.port_state(host, "tcp", 81).unwrap().0, "closed");
    let udp = scan(host, "5353,5354", "-sU -n");
    assert!(udp.port_state(host, "udp", 5353).unwrap().0.starts_with("open"));
    assert_eq!(udp.port_state(host, "udp", 5354).unwrap().0, "closed");
    let v6 = scan("2001:db8::14, 2001:db8::20", "80", "-sS -n");
    assert_eq!(v6.scanned_hosts().unwrap(), ["2001:db8::20"]);
    assert_eq!(v6.non_scanned_hosts().unwrap().collect::<Vec<_>>(), ["2001:db8::14"]);
    let down = scan("192.0.2.30-31", "80", "-sS -n");
    assert!(down.scanned_hosts().unwrap().is_empty());
    assert_eq!(down.non_scanned_hosts().unwrap().count(), 2);
    assert!(down.state("192.0.2.30").is_err());
    // Each host counts either as scanned or as not scanned, even if it never answers.
    let silent = scan("192.0.2.30", "80", "-sS -n -Pn --max-retries 0");
    assert_eq!(
        silent.non_scanned_hosts().unwrap().count(),
        1 - silent.scanned_hosts().unwrap().len()
    );
}
