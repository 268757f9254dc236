//! Everything that a scan with `-A` finds, host by host and port by port: `cargo run --example walk --
//! [TARGETS [PORTS [ARGUMENTS]]]`.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use scanmill::{error::Result, scanner::Scanner};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1);
    let mut next = |default: &str| given.next().unwrap_or_else(|| default.to_owned());
    let mut scanner = Scanner::new(next("127.0.0.1"))?
        .with_ports(next("20-100"))?
        .with_arguments(next("-sV --script banner"))?;
    scanner.run()?;
    for host in scanner.scanned_hosts()? {
        println!("{host} is {} ({:?})", scanner.state(host)?, scanner.reason(host)?);
        println!("names: {}", scanner.hostnames(host)?.join(", "));
        for proto in scanner.all_protocols(host)? {
            for port in scanner.scanned_ports(host, proto)? {
                show_port(&scanner, host, proto, port)?;
            }
        }
        show_host(&scanner, host)?;
    }
    for host in scanner.non_scanned_hosts()? {
        println!("{host} was not scanned");
    }
    Ok(())
}

fn show_port(scanner: &Scanner, host: &str, proto: &str, port: u16) -> Result<()> {
    let (state, reason) = scanner.port_state(host, proto, port)?;
    println!("  {proto}/{port} is {state} ({})", reason.unwrap_or("?"));
    if let Some(service) = scanner.service(host, proto, port)? {
        let name = service.name().unwrap_or("?");
        println!("    service {name}: {}", service.standard_info());
    }
    for (name, output) in scanner.port_scripts(host, proto, port, "")? {
        println!("    script {name}: {}", output.unwrap_or_default());
    }
    Ok(())
}

fn show_host(scanner: &Scanner, host: &str) -> Result<()> {
    for (name, output) in scanner.host_scripts(host, "")? {
        println!("  script {name}: {}", output.unwrap_or_default());
    }
    for (name, accuracy) in scanner.os_matches(host)? {
        println!("  perhaps {name} ({} %)", accuracy.unwrap_or_default());
    }
    println!("  most likely: {}", scanner.most_accurate_os(host)?.join(" or "));
    if let Some(fingerprint) = scanner.os_fingerprint(host)? {
        println!("  fingerprint of {} characters", fingerprint.len());
    }
    for hop in scanner.trace_info(host)? {
        let (ip, name) = (hop.ip.as_deref().unwrap_or("?"), hop.hostname.as_deref().unwrap_or("?"));
        println!("  hop {:?}: {ip} {name} {:?} ms", hop.ttl, hop.rtt_ms);
    }
    Ok(())
}
