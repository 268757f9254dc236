//! The floor F that speed is compared with: quick-xml reads every event and every raw attribute of a file in
//! memory, with all checks off. `floor FILE [RUNS]` prints the seconds of each run.

use std::{
    env, fs,
    hint::black_box,
    io::{self, Write},
    process::ExitCode,
    time::Instant,
};

use quick_xml::{Reader, events::Event};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let runs = words.get(1).map_or(Some(1), |word| word.parse::<u32>().ok());
    let (Some(path), Some(runs)) = (words.first(), runs) else {
        let _ = writeln!(io::stderr(), "usage: floor FILE [RUNS]");
        return ExitCode::from(2);
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {path}: {error}");
            return ExitCode::FAILURE;
        }
    };
    for _ in 0..runs {
        let start = Instant::now();
        let found = floor(&text);
        let seconds = start.elapsed().as_secs_f64();
        let _ = writeln!(io::stdout(), "{seconds:.6} {found}");
    }
    ExitCode::SUCCESS
}

/// Counts attributes. Their raw bytes are visited and not used otherwise.
fn floor(text: &str) -> usize {
    let mut reader = Reader::from_reader(text.as_bytes());
    reader.config_mut().check_end_names = false;
    let mut found = 0;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag)) => {
                let mut attributes = tag.attributes();
                for attribute in attributes.with_checks(false).flatten() {
                    black_box(&attribute.value);
                    found += 1;
                }
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(other) => {
                black_box(&other);
            }
        }
    }
}
