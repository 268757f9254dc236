//! Command line of nmap for a checked request.

use std::ffi::{OsStr, OsString};

use crate::{
    process::CommandSpec,
    request::{Arguments, PortSet, Targets, env_removed_for_nmap},
};

/// Request to one nmap process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NmapCommand<'r> {
    /// Path of nmap, or its name on `PATH`.
    pub(crate) nmap: &'r OsStr,
    /// True if nmap runs with the rights of root, through sudo.
    pub(crate) by_sudo: bool,
    pub(crate) targets: &'r Targets,
    pub(crate) ports: Option<&'r PortSet>,
    pub(crate) arguments: &'r Arguments,
    /// True if nmap is to report its progress every second, unless the arguments say how often.
    pub(crate) reports_progress: bool,
}

impl NmapCommand<'_> {
    /// Returns the program and its arguments: `nmap -oX - ARGS [-6] [-pPORTS] -- TARGETS`.
    pub(crate) fn spec(&self) -> CommandSpec {
        let Self { targets, ports, arguments, .. } = self;
        let mut args: Vec<OsString> = Vec::new();
        if self.by_sudo {
            args.extend(["-n".into(), "--".into(), self.nmap.to_owned()]);
        }
        args.extend(["-oX".into(), "-".into()]);
        args.extend(arguments.words().iter().map(Into::into));
        if self.reports_progress && !arguments.stats {
            args.extend(["--stats-every".into(), "1s".into()]);
        }
        if targets.is_v6() && arguments.family.is_none() {
            args.push("-6".into());
        }
        args.extend(ports.iter().map(|ports| format!("-p{ports}").into()));
        args.push("--".into());
        args.extend(targets.words().into_iter().map(Into::into));
        CommandSpec {
            program: if self.by_sudo { "sudo".into() } else { self.nmap.to_owned() },
            args,
            env: Vec::new(),
            env_remove: env_removed_for_nmap(),
            by_sudo: self.by_sudo,
        }
    }
}
