//! The command: arguments in, exit code out. It contains no logic beyond connecting the parts of
//! the library.

mod args;
mod config;
mod console;
mod convert;
mod diff;
mod diff_text;
mod engine;
mod exit;
mod feeds;
mod format;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod history;
mod ingest;
mod inputs;
mod inspect;
mod line_diff;
mod list;
mod output;
mod output_name;
mod progress;
mod query;
mod scan;
mod schema;
mod signals;
mod summary;
mod terminal;
mod watch;

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _};

use self::{args::Command, console::Console, exit::Exit};
use crate::error::{Error, ErrorKind};

/// Runs the command with these arguments, the program's name first, and returns its exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    if cfg!(debug_assertions)
        && let Err(exit) = install_faults()
    {
        return exit.into();
    }
    silence_decoder_panics();
    let args: Vec<OsString> = args.into_iter().collect();
    signals::defer_sighup(&args);
    let args = match parse_args(&args) {
        Ok(args) => args,
        Err(exit) => return exit.into(),
    };
    signals::ignore_file_size_limit();
    if !matches!(args.command, Command::Watch(_)) {
        signals::restore_sighup();
    }
    let console = Console::new(&args.messages, matches!(args.command, Command::Watch(_)));
    let result = match &args.command {
        Command::Convert(convert) => convert::run(convert, &console),
        Command::Merge(merge) => convert::merge(merge, &console),
        Command::Diff(diff) => diff::run(diff, &console),
        Command::History(history) => history::run(history, &console),
        Command::Scan(scan) => scan::run(scan, &console),
        Command::Ingest(ingest) => ingest::run(ingest, &console),
        Command::Watch(watch) => watch::run(watch, &console),
        Command::List(list) => list::run(list, &console),
        Command::Query(query) => query::run(query, &console),
        Command::Inspect(inspect) => inspect::run(inspect, &console),
        Command::Schema(schema) => schema::run(schema, &console),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut args::Args::command(), "scanmill", &mut script);
            print(&script)
        }
        Command::Man => man(),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            if is_closed_pipe(&error) {
                return Exit::Success.into();
            }
            console.error(&error);
            Exit::from_error(&error).into()
        }
    }
}

/// Silences the message of panics that are caught while a dataset is decoded, since they are
/// reported as errors.
fn silence_decoder_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !crate::dataset::is_decoding() {
            usual(panic);
        }
    }));
}

/// Installs faults in file system calls, as a test requests (`src/fs/faults.rs`).
fn install_faults() -> std::result::Result<(), Exit> {
    let Some(plan) = std::env::var_os("SCANMILL_FAULTS") else { return Ok(()) };
    crate::fs::install(&plan.to_string_lossy()).map_err(|error| {
        Console::plain().error(&Error::usage(format!("SCANMILL_FAULTS: {error}")));
        Exit::Usage
    })
}

/// Parses the arguments. Options that neither they nor the environment set get their value from the
/// configuration file.
fn parse_args(args: &[OsString]) -> std::result::Result<args::Args, Exit> {
    let console = Console::plain();
    let wrong = |error: Error| {
        console.error(&error);
        Exit::from_error(&error)
    };
    let config = config::Config::find(args).map_err(wrong)?;
    let mut command = args::Args::command();
    if let Some(config) = &config {
        command = config.apply(command).map_err(wrong)?;
    }
    let matches = command.try_get_matches_from_mut(args);
    let parsed = matches.and_then(|matches| args::Args::from_arg_matches(&matches));
    parsed
        .map(|mut args| {
            args.messages.config_file = config.as_ref().map(|config| config.path().to_owned());
            args
        })
        .map_err(|mut error| {
            // Help and version go to standard output and are not errors, and neither is a closed
            // pipe.
            let printed = terminal::print_usage(&mut error);
            if !error.use_stderr() {
                return match printed {
                    Err(error) if !is_closed_pipe(&error) => {
                        console.error(&error);
                        Exit::from_error(&error)
                    }
                    _ => Exit::Success,
                };
            }
            if let Some(config) = &config {
                console.hint(&format!("{} sets options, too", config.path().display()));
            }
            Exit::Usage
        })
}

/// Prints one man page: that of the program, followed by the sections of each command without its
/// title.
fn man() -> crate::error::Result<Exit> {
    let failed = |error| Error::sink("the man page", error);
    let command = args::Args::command();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(failed)?;
    for command in command.get_subcommands() {
        let title = format!(".SH COMMAND {}\n", command.get_name().to_uppercase());
        page.extend_from_slice(title.as_bytes());
        let man = clap_mangen::Man::new(command.clone());
        man.render_description_section(&mut page).map_err(failed)?;
        man.render_options_section(&mut page).map_err(failed)?;
    }
    print(&page)
}

/// Writes data to standard output.
fn print(bytes: &[u8]) -> crate::error::Result<Exit> {
    terminal::print_data(bytes).map(|()| Exit::Success)
}

/// Returns true if the reader of standard output has closed it: `scanmill ... | head` is not an
/// error.
fn is_closed_pipe(error: &Error) -> bool {
    let ErrorKind::Sink { target, source } = error.kind() else { return false };
    target == "standard output"
        && source
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
