//! Writes generated nmap XML to standard output: `gen KIND SIZE [SEED]`, such as `gen rich 200M`.

mod generator;

use std::{
    env,
    io::{self, BufWriter, Write},
    process::ExitCode,
};

use self::generator::Kind;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let kind = words.first().and_then(|word| kind(word));
    let size = words.get(1).and_then(|word| bytes(word));
    let seed = words.get(2).map_or(Some(1), |word| word.parse().ok());
    let (Some(kind), Some(size), Some(seed)) = (kind, size, seed) else {
        let _ = writeln!(io::stderr(), "usage: gen rich|sweep|masscan SIZE[K|M|G] [SEED]");
        return ExitCode::from(2);
    };
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let written = generator::write(kind, seed, size, &mut out);
    match written.and_then(|written| out.flush().map(|()| written)) {
        Ok(written) => {
            let _ = writeln!(io::stderr(), "{} bytes, {} hosts", written.bytes, written.hosts);
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn kind(word: &str) -> Option<Kind> {
    match word {
        "rich" => Some(Kind::Rich),
        "sweep" => Some(Kind::Sweep),
        "masscan" => Some(Kind::Masscan),
        _ => None,
    }
}

/// Parses a size such as `200M`.
fn bytes(word: &str) -> Option<u64> {
    let (digits, shift) = match word.as_bytes().last()? {
        b'K' => (&word[..word.len() - 1], 10),
        b'M' => (&word[..word.len() - 1], 20),
        b'G' => (&word[..word.len() - 1], 30),
        _ => (word, 0),
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}
