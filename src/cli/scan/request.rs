//! Checked request of `scan`, and the programs that it results in.

use std::ffi::{OsStr, OsString};

use super::super::args::NmapArgs;
use crate::{
    error::{Error, ErrorKind, Result},
    process::CommandSpec,
    request::{Arguments, PortSet, Targets, unset_for_nmap},
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
        agree(&targets, ports.as_ref(), &arguments)?;
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

    fn program(&self, targets: &Targets, stats: bool) -> CommandSpec {
        let mut args: Vec<OsString> = vec!["-oX".into(), "-".into()];
        args.extend(self.arguments.words().iter().map(Into::into));
        if stats && !self.arguments.stats {
            args.extend(["--stats-every".into(), "1s".into()]);
        }
        if targets.is_v6() && self.arguments.family.is_none() {
            args.push("-6".into());
        }
        args.extend(self.ports.iter().map(|ports| format!("-p{ports}").into()));
        args.push("--".into());
        args.extend(targets.words().into_iter().map(Into::into));
        let mut name = self.nmap.clone();
        if self.by_sudo {
            let before = ["-n".into(), "--".into(), std::mem::replace(&mut name, "sudo".into())];
            args.splice(..0, before);
        }
        CommandSpec {
            program: name,
            args,
            env: Vec::new(),
            env_remove: unset_for_nmap(),
            by_sudo: self.by_sudo,
        }
    }
}

/// Checks that targets, ports and arguments are consistent.
fn agree(targets: &Targets, ports: Option<&PortSet>, arguments: &Arguments) -> Result<()> {
    let invalid = |message: String| Err(Error::new(ErrorKind::InvalidArgument(message)));
    if let (Some(option), Some(_)) = (&arguments.ports, ports) {
        return invalid(format!("{option} and -p both choose ports"));
    }
    match arguments.family {
        Some('4') if targets.is_v6() => invalid("-4 and IPv6 targets exclude each other".into()),
        Some('6') if targets.is_v4() => invalid("-6 and IPv4 targets exclude each other".into()),
        _ => Ok(()),
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
