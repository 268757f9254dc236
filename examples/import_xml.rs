//! Shows the content of an nmap XML file: `cargo run --example import_xml -- FILE`.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use scanmill::scanner::Scanner;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let default = "fixtures/04-all-options-lan.xml";
    let file = std::env::args().nth(1).unwrap_or_else(|| default.to_owned());
    let scanner = Scanner::from_xml(file)?;
    println!("{} by nmap {}", scanner.args().unwrap_or("?"), scanner.version().unwrap_or("?"));
    println!("from {:?} to {:?}", scanner.start_time(), scanner.end_time());
    for host in scanner.scanned_hosts()? {
        println!("{host}: {}", scanner.most_accurate_os(host)?.join(" or "));
    }
    Ok(())
}
