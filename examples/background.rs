//! Scans in the background: `cargo run --example background -- [TARGETS]`.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::{thread, time::Duration};

use scanmill::scanner::{AsyncScanner, Scanner};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let targets = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1".to_owned());

    // While nmap runs, the program does something else. `wait` returns errors.
    let scanner = Scanner::new(&targets)?.with_arguments("-sT --stats-every 1s")?;
    let running = AsyncScanner::new(scanner).start();
    while running.is_running() {
        if let Some(percent) = running.progress().and_then(|task| task.percent) {
            println!("{percent} %");
        }
        thread::sleep(Duration::from_millis(200));
    }
    running.wait()?;
    println!("found {}", running.scanner()?.scanned_hosts()?.join(" "));

    // Muted errors are not returned, but can be queried. This script does not exist.
    let scanner = Scanner::new(&targets)?.with_arguments("-sT --script no-such-script")?;
    let running = AsyncScanner::new(scanner).with_mute_errors(true).start();
    running.wait()?;
    if !running.finished_successfully() {
        for error in running.fatal_errors().unwrap_or_default() {
            println!("muted: {error}");
        }
    }
    Ok(())
}
