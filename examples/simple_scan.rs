//! A simple scan: `cargo run --example simple_scan -- [TARGETS [PORTS [ARGUMENTS]]]`. Scan only where you are
//! permitted to.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use scanmill::scanner::Scanner;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1);
    let mut next = |default: &str| given.next().unwrap_or_else(|| default.to_owned());
    let mut scanner = Scanner::new(next("127.0.0.1"))?
        .with_ports(next("1-1024"))?
        .with_arguments(next("-sT -T4"))?;
    scanner.run()?;
    for host in scanner.scanned_hosts()? {
        println!("{host} is {}", scanner.state(host)?);
    }
    println!("{}", scanner.summary().unwrap_or_default());
    if let Some(errors) = scanner.tolerant_errors() {
        println!("nmap also said: {errors}");
    }
    Ok(())
}
