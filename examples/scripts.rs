//! Functions that run as scripts of hosts and ports, on a live scan and on an archived one: `cargo run
//! --example scripts -- [TARGETS]`.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::{net::TcpStream, time::Duration};

use scanmill::{
    engine::{Engine, HostScript, PortScript},
    scanner::Scanner,
};

/// Returns true if a port accepts a connection within `timeout`.
fn connects(host: &str, port: u16, timeout: Duration) -> Result<bool, std::net::AddrParseError> {
    let address = std::net::SocketAddr::new(host.parse()?, port);
    Ok(TcpStream::connect_timeout(&address, timeout).is_ok())
}

fn engine(timeout: Duration) -> scanmill::error::Result<Engine> {
    let mut engine = Engine::new();
    // A host script returns anything that can be JSON.
    engine.host_script(HostScript::new("open_ports", |context| {
        let open = context.host().ports.iter().filter(|port| port.state.as_str() == "open");
        Ok(open.map(|port| port.number).collect::<Vec<_>>())
    }))?;
    // A port script with an argument, which it captures.
    engine.port_script(
        PortScript::new("connects", move |context| {
            let port = context.current_port().unwrap_or_default();
            Ok(connects(context.current_target(), port, timeout)?)
        })
        .ports("1-65535")
        .proto("tcp")
        .states(["open", "closed"]),
    )?;
    Ok(engine)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let targets = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1".to_owned());
    let engine = engine(Duration::from_millis(200))?;
    let mut scanner = Scanner::new(targets)?.with_arguments("-sT -F")?.with_engine(engine);
    scanner.run()?;
    for host in scanner.scanned_hosts()? {
        println!("{host} open_ports: {:?}", scanner.host_script(host, "open_ports")?);
        for proto in scanner.all_protocols(host)? {
            for port in scanner.scanned_ports(host, proto)? {
                println!("  {port}: {:?}", scanner.port_scripts(host, proto, port, "connects")?);
            }
        }
    }
    for failure in scanner.failures() {
        println!("{} failed on {}: {}", failure.script, failure.target, failure.message);
    }

    // An archived scan, with functions that need no network.
    let mut old = Engine::new();
    old.host_script(HostScript::new("names", |context| Ok(context.host().hostnames.len())))?;
    let mut archived = Scanner::from_xml("fixtures/04-all-options-lan.xml")?;
    archived.run_engine(&old)?;
    println!("archived names: {:?}", archived.host_script("192.0.2.20", "names")?);
    Ok(())
}
