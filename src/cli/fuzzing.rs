//! The body of the fuzz target of this layer: `scanmill.toml`.

use std::path::PathBuf;

use clap::CommandFactory as _;

use super::{args::Args, config::Config};

/// Command lines that a file sets options of.
const LINES: [&[&str]; 4] = [
    &["scanmill", "convert", "a.xml"],
    &["scanmill", "merge", "a.xml", "b.xml"],
    &["scanmill", "watch", "folder", "-o", "feed.jsonl"],
    &["scanmill", "inspect", "a.xml"],
];

/// Reads text as the file of options, and command lines with what it sets: it is refused, or it is taken, but a file found
/// in the working directory sets nothing that one named by the user may not.
pub(crate) fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read =
        |is_found_here| Config::of_text(PathBuf::from("scanmill.toml"), &text, is_found_here);
    let (Ok(here), Ok(named)) = (read(true), read(false)) else {
        assert!(read(true).is_err() && read(false).is_err(), "a text is TOML or not");
        return;
    };
    let taken = here.apply(Args::command());
    let Ok(command) = named.apply(Args::command()) else {
        assert!(taken.is_err(), "a file that is found may set more than one that is named");
        return;
    };
    for line in LINES {
        let _ = command.clone().try_get_matches_from(line);
    }
}
