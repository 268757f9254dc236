//! The command: arguments in, exit code out. No logic of its own beyond joining the library's parts.

mod args;
mod changes;
mod convert;
mod diff;
mod exit;
mod feeds;
mod ingest;
mod inputs;
mod inspect;
mod memory;
mod output;
mod progress;
mod render;
mod schema;
mod signals;
mod watch;

use std::{ffi::OsString, io::Write as _, process::ExitCode};

use clap::{CommandFactory as _, Parser as _};

use self::{args::Command, exit::Exit, render::Talk};
use crate::error::{Error, ErrorKind};

/// Runs the command with these arguments, the program's name first, and gives its exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match args::Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // Help and version go to standard output and are no errors; a closed pipe is none either.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    let talk = Talk::new(&args.talk);
    let result = match &args.command {
        Command::Convert(convert) => convert::run(convert, (&args.talk, &talk)),
        Command::Merge(merge) => convert::merge(merge, (&args.talk, &talk)),
        Command::Diff(diff) => diff::run(diff, (&args.talk, &talk)),
        Command::Ingest(ingest) => ingest::run(ingest, (&args.talk, &talk)),
        Command::Watch(watch) => watch::run(watch, &talk),
        Command::Inspect(inspect) => inspect::run(inspect, (&args.talk, &talk)),
        Command::Schema(schema) => schema::run(schema, &talk),
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
                return Exit::Done.into();
            }
            talk.error(&error);
            Exit::of(&error).into()
        }
    }
}

/// One page: that of the program, and for each command what follows its title.
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

/// Writes to standard output.
fn print(bytes: &[u8]) -> crate::error::Result<Exit> {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(|error| Error::sink("standard output", error))?;
    Ok(Exit::Done)
}

/// Whether whoever read standard output has gone: `scanmill ... | head` is no error.
fn is_closed_pipe(error: &Error) -> bool {
    let ErrorKind::Sink { target, source } = error.kind() else { return false };
    target == "standard output"
        && source
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
