//! One scanner per target, each in a thread of its own, and all results merged: `cargo run --example
//! many_scanners -- [TARGET...]`.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::thread;

use scanmill::{
    error::{Error, Result},
    merge::MergeFlags,
    scanner::Scanner,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut targets: Vec<String> = std::env::args().skip(1).collect();
    if targets.is_empty() {
        targets.extend((1..=4).map(|number| format!("127.0.0.{number}")));
    }
    let scan = |target: &String| {
        let mut scanner = Scanner::new(target)?.with_ports("20-100")?.with_arguments("-sT")?;
        scanner.run()?;
        Ok(scanner)
    };
    let scanned: Result<Vec<Scanner>> = thread::scope(|scope| {
        let threads: Vec<_> =
            targets.iter().map(|target| scope.spawn(move || scan(target))).collect();
        let ended = |_| Error::scan("a thread panicked");
        threads.into_iter().map(|thread| thread.join().map_err(ended)?).collect()
    });
    let mut scanned = scanned?.into_iter();
    let Some(mut all) = scanned.next() else { return Ok(()) };
    let others: Vec<Scanner> = scanned.collect();
    if !others.is_empty() {
        all.merge(&others.iter().collect::<Vec<_>>(), MergeFlags::default())?;
    }
    println!("{} hosts: {}", all.scanned_hosts()?.len(), all.scanned_hosts()?.join(" "));
    Ok(())
}
