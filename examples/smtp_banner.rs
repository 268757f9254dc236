//! The banners of mail servers, read by a function that connects to the current target and port: `cargo run
//! --example smtp_banner -- [TARGETS [PORTS]]`.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use scanmill::{
    engine::{Engine, PortScript, ScriptContext, ScriptFailed},
    scanner::Scanner,
};

/// Maximum number of bytes of a banner to read.
const LONGEST: u64 = 512;

const TIMEOUT: Duration = Duration::from_secs(5);

fn banner(context: &ScriptContext<'_>) -> Result<String, ScriptFailed> {
    let port = context.current_port().unwrap_or(25);
    let address = SocketAddr::new(context.current_target().parse()?, port);
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1);
    let targets = given.next().unwrap_or_else(|| "127.0.0.1".to_owned());
    let ports = given.next().unwrap_or_else(|| "25,465,587".to_owned());
    let mut engine = Engine::new().with_timeout(2 * TIMEOUT);
    engine.port_script(PortScript::new("smtp_banner", banner).ports(&ports).proto("tcp"))?;
    let mut scanner =
        Scanner::new(targets)?.with_ports(&ports)?.with_arguments("-sT")?.with_engine(engine);
    scanner.run()?;
    for host in scanner.scanned_hosts()? {
        for port in scanner.scanned_ports(host, "tcp")? {
            for (_, banner) in scanner.port_scripts(host, "tcp", port, "smtp_banner")? {
                println!("{host}:{port} {}", banner.unwrap_or_default());
            }
        }
    }
    for failure in scanner.failures() {
        println!("{}: {}", failure.target, failure.message);
    }
    Ok(())
}
