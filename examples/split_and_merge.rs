//! Scans TCP and UDP separately and merges the results: `cargo run --example split_and_merge -- [TARGETS]`.
//! UDP needs the right to send raw packets.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use scanmill::{merge::MergeFlags, scanner::Scanner};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let targets = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1".to_owned());
    let mut tcp = Scanner::new(&targets)?.with_ports("22,80,443")?.with_arguments("-sT -sV")?;
    let mut udp = Scanner::new(&targets)?.with_ports([53, 123, 161])?.with_arguments("-sU")?;
    tcp.run()?;
    udp.run()?;
    // The first scan keeps its values, and the second one fills the gaps, except for its routes.
    tcp.merge(&[&udp], MergeFlags { trace: false, ..MergeFlags::default() })?;
    for host in tcp.scanned_hosts()? {
        for proto in tcp.all_protocols(host)? {
            println!("{host} {proto} {:?}", tcp.scanned_ports(host, proto)?);
        }
    }
    Ok(())
}
