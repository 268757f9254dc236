//! Checked request of `scan`, and the programs that it results in.

use std::ffi::{OsStr, OsString};

use super::super::args::NmapArgs;
use crate::{
    error::{Error, Result},
    process::CommandSpec,
    request::{Arguments, PortSet, Targets},
    scanner::NmapCommand,
};

/// Maximum number of nmap processes: each holds a few open files and one or two threads.
const PARALLEL: usize = 256;

/// Scan that may be run.
#[derive(Debug)]
pub(super) struct Request {
    nmap: OsString,
    by_sudo: bool,
    ports: Option<PortSet>,
    arguments: Arguments,
    /// Targets of each process.
    parts: Vec<Targets>,
}

impl Request {
    /// Checks targets, ports and arguments, on their own and against each other.
    pub(super) fn of(args: &NmapArgs) -> Result<Self> {
        let targets = Targets::new(args.targets.as_slice())?;
        if targets.is_empty() {
            return Err(Error::usage("there are no targets to scan"));
        }
        let ports = args.ports.as_deref().map(str::parse::<PortSet>).transpose()?;
        let arguments = Arguments::parse(&args.args)?;
        arguments.check_against(&targets, ports.as_ref())?;
        if args.nmap.as_os_str().is_empty() {
            return Err(Error::usage("--nmap: the name is empty"));
        }
        if args.nmap.as_os_str().as_encoded_bytes().iter().any(u8::is_ascii_control) {
            return Err(Error::usage("--nmap: the name has a control character"));
        }
        if args.name.trim().is_empty() {
            return Err(Error::usage("--name: the name is empty"));
        }
        if args.parallel > PARALLEL {
            return Err(Error::usage(format!("--parallel {}: at most {PARALLEL}", args.parallel)));
        }
        let nmap = args.nmap.as_os_str().to_owned();
        Ok(Self { nmap, by_sudo: args.sudo, ports, arguments, parts: targets.split(args.parallel) })
    }

    /// Returns the programs to run, in the order of their targets. With `stats` they print their
    /// progress.
    pub(super) fn programs(&self, stats: bool) -> Vec<CommandSpec> {
        self.parts.iter().map(|targets| self.program(targets, stats)).collect()
    }

    fn program(&self, targets: &Targets, reports_progress: bool) -> CommandSpec {
        let command = NmapCommand {
            nmap: &self.nmap,
            by_sudo: self.by_sudo,
            targets,
            ports: self.ports.as_ref(),
            arguments: &self.arguments,
            reports_progress,
        };
        command.spec()
    }
}

/// Formats a program as a line for a shell.
pub(super) fn line(program: &CommandSpec) -> Result<Vec<u8>> {
    let words = [&program.program].into_iter().chain(&program.args);
    let quoted =
        shlex::bytes::try_join(words.map(OsString::as_os_str).map(OsStr::as_encoded_bytes));
    let mut line = quoted.map_err(|_| Error::usage("--nmap: the name has a NUL character"))?;
    line.push(b'\n');
    Ok(line)
}
