//! The rights of root for nmap, through sudo.

use std::{io, time::Duration};

use crate::{
    error::{Error, Result},
    process::{ChildProcess, CommandSpec, OutputLimits, ProcessGroup},
    scanner::first_lines,
};

/// Maximum time for sudo to report whether it needs a password.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Makes sure that sudo will not ask for a password while nmap runs: it asks now, if there is a terminal.
pub(crate) fn authorize_sudo(has_terminal: bool) -> Result<()> {
    let sudo = |args: &[&str]| CommandSpec {
        program: "sudo".into(),
        args: args.iter().map(Into::into).collect(),
        ..CommandSpec::default()
    };
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Error::scan("sudo is not installed"),
        _ => Error::scan(format!("sudo cannot be run: {error}")),
    };
    let limits = OutputLimits { max_bytes: 1 << 16, timeout: TIMEOUT };
    let check = sudo(&["-n", "true"]);
    let output = ChildProcess::run(&check, Vec::new(), limits, &ProcessGroup::default());
    let output = output.map_err(failed)?;
    if output.is_success() {
        return Ok(());
    }
    if !has_terminal {
        let message = first_lines(&output.exit.stderr);
        return Err(Error::scan(format!("sudo needs a terminal to ask for a password: {message}")));
    }
    let asked = ChildProcess::run_interactive(&sudo(&["-v"])).map_err(failed)?;
    if asked.success() { Ok(()) } else { Err(Error::scan("sudo does not grant the rights")) }
}
