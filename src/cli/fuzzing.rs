//! Fuzz target of the configuration file, `scanmill.toml`.

use std::path::PathBuf;

use clap::CommandFactory as _;

use super::{args::Args, config::Config};

/// Command lines that the options of the file are applied to.
const LINES: [&[&str]; 4] = [
    &["scanmill", "convert", "a.xml"],
    &["scanmill", "merge", "a.xml", "b.xml"],
    &["scanmill", "watch", "folder", "-o", "feed.jsonl"],
    &["scanmill", "inspect", "a.xml"],
];

/// Parses text as a configuration file, and parses command lines with the defaults that it sets.
/// Checks that a file found in the working directory sets nothing that a file named by the user may
/// not set.
pub(crate) fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read =
        |is_found_here| Config::of_text(PathBuf::from("scanmill.toml"), &text, is_found_here);
    let (Ok(here), Ok(named)) = (read(true), read(false)) else {
        assert!(read(true).is_err() && read(false).is_err(), "both must refuse what is not TOML");
        return;
    };
    let taken = here.apply(Args::command());
    let Ok(command) = named.apply(Args::command()) else {
        assert!(taken.is_err(), "a found file must not set more than a named one");
        return;
    };
    for line in LINES {
        let _ = command.clone().try_get_matches_from(line);
    }
}
