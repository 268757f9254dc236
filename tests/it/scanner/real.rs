//! The real nmap against services of this test on loopback.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, UdpSocket},
    sync::{Arc, Mutex},
    thread,
};

use scanmill::{
    engine::{Engine, HostScript},
    merge::MergeFlags,
    scanner::{AsyncScanner, Scanner},
};

use super::{comes_true, has_nmap, is_root};
use crate::support::{command, output_of, skip};

/// Starts a mail server that greets its clients and answers nothing else. Returns its port.
fn mail_server(address: &str) -> u16 {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            thread::spawn(move || {
                let _ = stream.write_all(b"220 mail.example ESMTP Postfix\r\n");
                let _ = stream.read(&mut [0; 512]);
            });
        }
    });
    port
}

/// Returns a port on which no process listens.
fn closed_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn a_connect_scan_distinguishes_open_and_closed_ports() {
    if !has_nmap("a_connect_scan_distinguishes_open_and_closed_ports") {
        return;
    }
    let (open, closed) = (mail_server("127.0.0.1"), closed_port());
    let mut scanner = Scanner::new("127.0.0.1, localhost")
        .unwrap()
        .with_ports([open, closed])
        .unwrap()
        .with_arguments("-sT -n")
        .unwrap();
    scanner.run().unwrap();
    let host = "127.0.0.1";
    assert_eq!(scanner.scanned_hosts().unwrap(), [host], "entries of one address are one host");
    assert_eq!(scanner.state(host).unwrap(), "up");
    assert_eq!(scanner.port_state(host, "tcp", open).unwrap(), ("open", Some("syn-ack")));
    assert_eq!(scanner.port_state(host, "tcp", closed).unwrap().0, "closed");
    assert_eq!(scanner.hostnames(host).unwrap(), ["localhost"]);
    assert_eq!(scanner.non_scanned_hosts().unwrap().count(), 0);
    assert!(scanner.non_scanned_ports(host, "tcp").unwrap().is_empty());
    assert_eq!(scanner.exit_status(), Some("success"));
    assert!(scanner.start_timestamp() <= scanner.end_timestamp());
    assert!(scanner.args().unwrap().contains("-sT -n -p"));
    assert!(scanner.summary().unwrap().contains("host"));
}

#[test]
fn services_and_scripts_are_found() {
    if !has_nmap("services_and_scripts_are_found") {
        return;
    }
    let port = mail_server("127.0.0.1");
    let mut scanner = Scanner::new("127.0.0.1")
        .unwrap()
        .with_ports(port)
        .unwrap()
        .with_arguments("-sT -sV -n --script banner")
        .unwrap();
    scanner.run().unwrap();
    let (name, info) = scanner.standard_service_info("127.0.0.1", "tcp", port).unwrap();
    assert_eq!((name, info.as_deref()), (Some("smtp"), Some("Postfix smtpd")));
    let banner = scanner.port_script("127.0.0.1", "tcp", port, "banner").unwrap();
    assert_eq!(banner, Some("220 mail.example ESMTP Postfix"));
}

#[test]
fn many_closed_ports_are_not_missing() {
    if !has_nmap("many_closed_ports_are_not_missing") {
        return;
    }
    let open = mail_server("127.0.0.1");
    let mut scanner = Scanner::new("127.0.0.1")
        .unwrap()
        .with_ports(format!("{open},1-60"))
        .unwrap()
        .with_arguments("-sT -n")
        .unwrap();
    scanner.run().unwrap();
    assert!(scanner.scanned_ports("127.0.0.1", "tcp").unwrap().len() < 61);
    assert!(scanner.non_scanned_ports("127.0.0.1", "tcp").unwrap().is_empty());
    assert_eq!(scanner.non_scanned_ports("127.0.0.1", "udp").unwrap().len(), 61);
}

#[test]
fn hosts_of_many_scanners_are_merged() {
    if !has_nmap("hosts_of_many_scanners_are_merged") {
        return;
    }
    let port = mail_server("127.0.0.1");
    let run = |number: u8| {
        let mut scanner = Scanner::new(format!("127.0.0.{number}"))?
            .with_ports(port)?
            .with_arguments("-sT -n")?;
        scanner.run()?;
        Ok::<_, scanmill::error::Error>(scanner)
    };
    let mut scanners: Vec<Scanner> = thread::scope(|scope| {
        let threads: Vec<_> = (1..=4).map(|number| scope.spawn(move || run(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
    });
    let mut all = scanners.remove(0);
    all.merge(&scanners.iter().collect::<Vec<_>>(), MergeFlags::default()).unwrap();
    let hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"];
    assert_eq!(all.scanned_hosts().unwrap(), hosts);
    assert_eq!(all.port_state(hosts[0], "tcp", port).unwrap().0, "open");
    assert_eq!(all.port_state(hosts[3], "tcp", port).unwrap().0, "closed");
    assert_eq!(all.non_scanned_hosts().unwrap().count(), 0);
}

#[test]
fn progress_errors_and_cancelling_in_the_background() {
    if !has_nmap("progress_errors_and_cancelling_in_the_background") {
        return;
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    let slow = || {
        Scanner::new("127.0.0.1")
            .unwrap()
            .with_ports("1-60")
            .unwrap()
            .with_arguments("-sT -n -Pn --max-rate 20 --stats-every 500ms")
            .unwrap()
    };
    let scanner = slow().with_progress(move |task| teller.lock().unwrap().push(task.percent));
    let running = AsyncScanner::new(scanner).start();
    running.wait().unwrap();
    assert!(told.lock().unwrap().iter().any(Option::is_some), "{told:?}");
    let running = AsyncScanner::new(slow()).start();
    assert!(comes_true(|| running.progress().is_some()));
    running.cancel();
    assert_eq!(running.wait().unwrap_err().to_string(), "the scan was cancelled");
    let bad = slow().with_arguments("--script no-such-script").unwrap();
    let muted = AsyncScanner::new(bad).with_mute_errors(true).start();
    muted.wait().unwrap();
    let errors = muted.fatal_errors().unwrap();
    assert!(errors[0].to_string().contains("no-such-script"), "{errors:?}");
}

#[test]
fn raw_scans_find_udp_ports_systems_and_routes() {
    let test = "raw_scans_find_udp_ports_systems_and_routes";
    if !has_nmap(test) || !is_root(test) {
        return;
    }
    let open = mail_server("127.0.0.1");
    let udp = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let udp_port = udp.local_addr().unwrap().port();
    let mut tcp = Scanner::new("127.0.0.1")
        .unwrap()
        .with_ports([open, closed_port()])
        .unwrap()
        .with_arguments("-sS -O -n --traceroute")
        .unwrap();
    tcp.run().unwrap();
    let host = "127.0.0.1";
    assert_eq!(tcp.port_state(host, "tcp", open).unwrap().0, "open");
    let known = !tcp.os_matches(host).unwrap().is_empty();
    assert!(known || tcp.os_fingerprint(host).unwrap().is_some());
    assert_eq!(tcp.most_accurate_os(host).unwrap().is_empty(), !known);
    let mut other = Scanner::new("127.0.0.1")
        .unwrap()
        .with_ports(udp_port)
        .unwrap()
        .with_arguments("-sU -n")
        .unwrap();
    other.run().unwrap();
    assert_eq!(other.all_protocols(host).unwrap(), ["udp"]);
    assert!(other.port_state(host, "udp", udp_port).unwrap().0.starts_with("open"));
    tcp.merge(&[&other], MergeFlags::default()).unwrap();
    assert_eq!(tcp.all_protocols(host).unwrap(), ["tcp", "udp"]);
    assert_eq!(tcp.scan_ids(host).unwrap().len(), 2);
}

#[test]
fn ipv6_targets_turn_on_ipv6() {
    let test = "ipv6_targets_turn_on_ipv6";
    if !has_nmap(test) {
        return;
    }
    if TcpListener::bind(("::1", 0)).is_err() {
        skip(test, "there is no IPv6 on loopback");
        return;
    }
    let port = mail_server("::1");
    let mut scanner =
        Scanner::new("::1").unwrap().with_ports(port).unwrap().with_arguments("-sT -n").unwrap();
    let mut engine = Engine::new();
    engine
        .host_script(HostScript::new("me", |context| Ok(context.current_target().to_owned())))
        .unwrap();
    scanner = scanner.with_engine(engine);
    scanner.run().unwrap();
    assert_eq!(scanner.port_state("0::1", "tcp", port).unwrap().0, "open");
    assert_eq!(scanner.host_script("::1", "me").unwrap(), Some("::1"));
}

/// The examples are next to the tests if both were built.
#[test]
fn the_examples_run() {
    if !has_nmap("the_examples_run") {
        return;
    }
    let folder = std::env::current_exe().unwrap();
    let folder = folder.parent().and_then(|deps| deps.parent()).unwrap().join("examples");
    if !folder.join("simple_scan").exists() {
        skip("the_examples_run", "the examples are not built (cargo build --examples)");
        return;
    }
    let port = mail_server("127.0.0.1").to_string();
    let run = |name: &str, args: &[&str]| output_of(command(folder.join(name)).args(args));
    let here = "127.0.0.1";
    let simple = run("simple_scan", &[here, &port]);
    assert!(simple.contains("127.0.0.1 is up") && simple.contains("1 host up"), "{simple}");
    let walk = run("walk", &[here, &port]);
    assert!(walk.contains("service smtp: Postfix smtpd") && walk.contains("script banner: 220"));
    let many = run("many_scanners", &[]);
    assert!(many.starts_with("4 hosts: 127.0.0.1 127.0.0.2"), "{many}");
    let import = run("import_xml", &[]);
    assert!(import.contains("192.0.2.20: Linux 5.3 - 5.4"), "{import}");
    let background = run("background", &[]);
    assert!(background.contains("found 127.0.0.1"), "{background}");
    assert!(background.contains("muted: nmap failed (exit code 1): NSE: "), "{background}");
    let scripts = run("scripts", &[]);
    assert!(scripts.contains("open_ports: Some(\"[") && scripts.contains("archived names: Some("));
    let banner = run("smtp_banner", &[here, &port]);
    assert_eq!(banner, format!("127.0.0.1:{port} 220 mail.example ESMTP Postfix\n"));
    if is_root("the_examples_run") {
        let split = run("split_and_merge", &[]);
        assert!(split.contains("127.0.0.1 tcp [22, 80, 443]"), "{split}");
        assert!(split.contains("127.0.0.1 udp [53, 123, 161]"), "{split}");
    }
}
