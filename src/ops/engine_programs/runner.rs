//! One program of an engine: its command for a host or port, its run, and its result.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    engine::{ScriptContext, ScriptFailed},
    feed::nested,
    process::{
        ChildProcess, CommandSpec, ExitCause, ExitInfo, OutputLimits, ProcessGroup, ProcessOutput,
    },
};

/// Maximum number of characters of a program's error output that are shown.
const MAX_SHOWN_CHARS: usize = 200;

/// Type of the output of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OutputKind {
    /// A JSON value.
    Json,
    /// Text, without the line break at its end.
    #[default]
    Text,
}

/// Program with its arguments, which may contain placeholders for values of hosts and ports.
#[derive(Debug)]
pub(super) struct CommandTemplate {
    program: PathBuf,
    args: Vec<String>,
}

/// Program together with the conditions that it runs under.
#[derive(Debug)]
pub(super) struct ProgramRunner {
    pub(super) command: CommandTemplate,
    pub(super) output: OutputKind,
    pub(super) timeout: Duration,
    /// Maximum size of the output, in bytes.
    pub(super) max_output_bytes: usize,
    pub(super) processes: ProcessGroup,
}

/// Placeholders in arguments, each with the environment variable that holds the same value.
const HOST_PLACEHOLDER: (&str, &str) = ("{target}", "SCANMILL_TARGET");
const PORT_PLACEHOLDERS: [(&str, &str); 3] =
    [("{port}", "SCANMILL_PORT"), ("{proto}", "SCANMILL_PROTO"), ("{state}", "SCANMILL_STATE")];

impl CommandTemplate {
    /// Checks a command. A program name with a slash is relative to `folder`.
    pub(super) fn new(command: &[String], folder: &Path, of_port: bool) -> Result<Self, String> {
        let (name, args) = command.split_first().ok_or("it is empty")?;
        if name.is_empty() {
            return Err("its program has no name".to_owned());
        }
        if command.iter().any(|word| word.contains('\0')) {
            return Err("it has a NUL character".to_owned());
        }
        let places = || PORT_PLACEHOLDERS.into_iter().map(|(place, _)| place);
        if places().chain([HOST_PLACEHOLDER.0]).any(|place| name.contains(place)) {
            return Err(format!("{name:?}: the name of the program cannot depend on scanned data"));
        }
        let lost = args.iter().find(|word| places().any(|place| word.contains(place)));
        if let Some(word) = lost.filter(|_| !of_port) {
            return Err(format!("{word:?}: a host script has no port"));
        }
        let program = if name.contains('/') { folder.join(name) } else { name.into() };
        Ok(Self { program, args: args.to_vec() })
    }
}

impl ProgramRunner {
    /// Runs the program for a host or port, and returns its output.
    pub(super) fn run(&self, context: &ScriptContext<'_>) -> Result<Value, ScriptFailed> {
        let program = self.program(context)?;
        let max_bytes = u64::try_from(self.max_output_bytes).unwrap_or(u64::MAX);
        let limits = OutputLimits { max_bytes, timeout: self.timeout };
        let output = ChildProcess::run(&program, input(context), limits, &self.processes);
        self.value(output.map_err(|error| self.not_run(&error))?)
    }

    fn program(&self, context: &ScriptContext<'_>) -> Result<CommandSpec, ScriptFailed> {
        let target = context.current_target().to_owned();
        let mut values = vec![(HOST_PLACEHOLDER, target)];
        if let Some(port) = context.port() {
            let of_port = [
                port.number.to_string(),
                port.protocol.as_str().to_owned(),
                port.state.as_str().to_owned(),
            ];
            values.extend(PORT_PLACEHOLDERS.into_iter().zip(of_port));
        }
        let args = self.command.args.iter().map(|word| fill(word, &values));
        Ok(CommandSpec {
            program: self.command.program.clone().into(),
            args: args.collect::<Result<_, _>>()?,
            env: values.into_iter().map(|((_, name), value)| (name.to_owned(), value)).collect(),
            env_remove: own_variables(),
            by_sudo: false,
        })
    }

    fn not_run(&self, error: &io::Error) -> ScriptFailed {
        format!("cannot run {}: {error}", self.command.program.display()).into()
    }

    fn value(&self, output: ProcessOutput) -> Result<Value, ScriptFailed> {
        let ProcessOutput { stdout, is_too_long, exit } = output;
        let said = first_line(&exit);
        if is_too_long {
            return Err(format!("it wrote more than {} bytes{said}", self.max_output_bytes).into());
        }
        if exit.stopped && self.processes.is_stopped() {
            return Err("it was stopped together with the run".into());
        }
        if exit.stopped {
            let time = self.timeout.as_secs_f64();
            return Err(format!("it took more than {time} s{said}").into());
        }
        if exit.cause() != ExitCause::Success {
            return Err(format!("{}{said}", describe_exit(&exit)).into());
        }
        match self.output {
            OutputKind::Json => serde_json::from_slice(&stdout)
                .map_err(|error| format!("its output is not JSON: {error}").into()),
            OutputKind::Text => {
                let text = String::from_utf8_lossy(&stdout);
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Ok(text.strip_suffix('\r').unwrap_or(text).into())
            }
        }
    }
}

/// Returns the host as nested JSON, which the program reads from standard input. A merged host has no ID of a single
/// scan.
fn input(context: &ScriptContext<'_>) -> Vec<u8> {
    let mut line = Vec::new();
    if context.is_merged() {
        nested::host_line_without_ids(context.scan(), context.host(), &mut line);
    } else {
        nested::host_line(context.scan(), context.host(), &mut line);
    }
    line
}

/// Returns the variables that configure scanmill itself. A program that inherited them could take
/// them for facts about its host.
fn own_variables() -> Vec<OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| name.as_encoded_bytes().starts_with(b"SCANMILL_")).collect()
}

/// Replaces the placeholders of an argument by their values.
fn fill(word: &str, values: &[((&str, &str), String)]) -> Result<OsString, ScriptFailed> {
    let mut filled = String::new();
    let mut rest = word;
    loop {
        // Finds the next placeholder in the rest of the argument. Values are never searched for
        // placeholders.
        let next = values.iter().filter_map(|((place, _), value)| {
            let at = rest.find(place)?;
            Some((at, *place, value))
        });
        let Some((at, place, value)) = next.min_by_key(|(at, ..)| *at) else { break };
        let (before, behind) = rest.split_at(at);
        filled.push_str(before);
        if filled.is_empty() && value.starts_with('-') {
            return Err(format!(
                "{place} is {value:?}, which the program would take for an option"
            )
            .into());
        }
        filled.push_str(value);
        rest = behind.strip_prefix(place).unwrap_or_default();
    }
    filled.push_str(rest);
    Ok(filled.into())
}

/// Describes the end of a program that failed.
fn describe_exit(exit: &ExitInfo) -> String {
    match exit.cause() {
        ExitCause::Success => "it ended with exit code 0".to_owned(),
        ExitCause::Code(code) => format!("it ended with exit code {code}"),
        ExitCause::Signal(signal) => format!("signal {signal} ended it"),
        ExitCause::Unknown => "it failed".to_owned(),
    }
}

/// Returns the first line of the program's error output, after a colon, or an empty string if there
/// is none.
fn first_line(exit: &ExitInfo) -> String {
    let line = exit.stderr.lines().map(str::trim).find(|line| !line.is_empty());
    line.map(|line| format!(": {}", line.chars().take(MAX_SHOWN_CHARS).collect::<String>()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill_with(word: &str, target: &str) -> Result<OsString, String> {
        let values =
            [(HOST_PLACEHOLDER, target.to_owned()), (PORT_PLACEHOLDERS[0], "25".to_owned())];
        fill(word, &values).map_err(|error| error.to_string())
    }

    #[test]
    fn values_replace_placeholders_and_are_not_expanded_again() {
        assert_eq!(fill_with("{target}:{port}", "192.0.2.1").unwrap(), "192.0.2.1:25");
        assert_eq!(fill_with("--to={target}", "-x;$(id)").unwrap(), "--to=-x;$(id)");
        assert_eq!(fill_with("{target}{target}", "{port}").unwrap(), "{port}{port}");
        assert_eq!(fill_with("{ports}{state}{", "a").unwrap(), "{ports}{state}{");
        assert!(fill_with("{target}", "--help").unwrap_err().contains("--help"));
    }

    #[test]
    fn programs_with_a_slash_are_relative_to_the_file() {
        let name = |name: &str| {
            let template = CommandTemplate::new(&[name.to_owned()], Path::new("conf"), true);
            template.unwrap().program
        };
        assert_eq!(name("./a.sh"), Path::new("conf/./a.sh"));
        assert_eq!(name("/bin/a"), Path::new("/bin/a"));
        assert_eq!(name("a"), Path::new("a"));
    }
}
