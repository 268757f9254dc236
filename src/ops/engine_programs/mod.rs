//! Programs that run as scripts of hosts and ports, as a TOML file describes them (docs/scan.md, "Engine").
//!
//! [`EnginePrograms::read`] checks the whole file before anything runs, and turns each entry into a script of an
//! [`Engine`] whose function runs the program (`runner`). The engine decides which hosts and ports a program runs on and
//! how many run at once; the runner enforces the time limit, since a function of an engine cannot be interrupted. All
//! programs are members of one [`ProcessGroup`], by which the caller ends them.

mod runner;

use std::{
    io::Read as _,
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use toml::Spanned;

use self::runner::{CommandTemplate, OutputKind, ProgramRunner};
use crate::{
    engine::{Engine, HostScript, PortScript},
    error::{Error, Result},
    fs::File,
    limits::Limits,
    process::ProcessGroup,
    request::{IntoPorts as _, IntoTargets as _},
};

/// Maximum size of a file, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Timeout of the engine itself: in effect unlimited, since each program has a timeout of its own.
const ENGINE_TIMEOUT: Duration = Duration::from_hours(365 * 24);

/// Allowed number of programs that run at once.
const WORKERS: RangeInclusive<i64> = 1..=1024;

/// File, as deserialized.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgramFile {
    workers: Option<Spanned<i64>>,
    #[serde(default)]
    host_script: Vec<Spanned<HostEntry>>,
    #[serde(default)]
    port_script: Vec<Spanned<PortEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostEntry {
    name: String,
    targets: Option<Spanned<String>>,
    command: Spanned<Vec<String>>,
    #[serde(default)]
    output: OutputKind,
    timeout: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PortEntry {
    name: String,
    ports: Spanned<String>,
    proto: Option<Spanned<String>>,
    states: Option<Spanned<Vec<String>>>,
    targets: Option<Spanned<String>>,
    command: Spanned<Vec<String>>,
    #[serde(default)]
    output: OutputKind,
    timeout: Option<Spanned<String>>,
}

/// File of programs that run as scripts of hosts and ports.
///
/// ```no_run
/// use scanmill::ops::{EnginePrograms, ScanOptions};
///
/// let mut options = ScanOptions::new("192.0.2.0/28")?;
/// let programs = EnginePrograms::new("banners.toml").with_processes(options.processes.clone());
/// options.filters.engine = Some(programs.read()?.into());
/// # Ok::<(), scanmill::error::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct EnginePrograms {
    path: PathBuf,
    processes: ProcessGroup,
}

impl EnginePrograms {
    /// Names a file. Nothing is read yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), processes: ProcessGroup::default() }
    }

    /// Sets the group that programs belong to while they run, by which they are ended.
    #[must_use]
    pub fn with_processes(self, processes: ProcessGroup) -> Self {
        Self { processes, ..self }
    }

    /// Reads and checks the file, and returns an engine that runs its programs.
    ///
    /// # Errors
    /// Returns a usage error with file, line and key if the file cannot be read or a value is wrong.
    pub fn read(&self) -> Result<Engine> {
        let path = &self.path;
        let failed = |error: std::io::Error| Error::usage(format!("{}: {error}", path.display()));
        let mut text = String::new();
        let file = File::open(path).map_err(failed)?;
        file.take(MAX_FILE_BYTES.saturating_add(1)).read_to_string(&mut text).map_err(failed)?;
        if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
            return Err(failed(std::io::Error::other("longer than 1 MiB")));
        }
        let source = TomlSource { path, text: &text };
        let scripts: ProgramFile = toml::from_str(&text).map_err(|error| {
            let place = error.span().unwrap_or_default();
            source.invalid(&place, error.message())
        })?;
        source.engine(scripts, self)
    }
}

/// Text of the file, for the position of errors.
#[derive(Clone, Copy)]
struct TomlSource<'s> {
    path: &'s Path,
    text: &'s str,
}

impl TomlSource<'_> {
    fn engine(self, scripts: ProgramFile, programs: &EnginePrograms) -> Result<Engine> {
        let mut engine = Engine::new().with_timeout(ENGINE_TIMEOUT);
        if let Some(workers) = scripts.workers {
            let count = *workers.get_ref();
            let fits = WORKERS.contains(&count).then_some(count);
            let count = fits.and_then(|count| usize::try_from(count).ok());
            let count = count.ok_or_else(|| {
                self.invalid(
                    &workers.span(),
                    &format!("{} is not a number from 1 to 1024", workers.get_ref()),
                )
            })?;
            engine = engine.with_workers(count);
        }
        let runner = |command, output, timeout| ProgramRunner {
            command,
            output,
            timeout,
            max_output_bytes: Limits::default().max_script_output_bytes,
            processes: programs.processes.clone(),
        };
        for entry in scripts.host_script {
            let place = entry.span();
            let HostEntry { name, targets, command, output, timeout } = entry.into_inner();
            let runner = runner(self.template(&command, false)?, output, self.timeout(timeout)?);
            let mut script = HostScript::new(name, move |context| runner.run(context));
            if let Some(targets) = targets {
                script = script.targets(self.targets(&targets)?);
            }
            engine.host_script(script).map_err(|error| self.invalid(&place, &error.to_string()))?;
        }
        for entry in scripts.port_script {
            let place = entry.span();
            let entry = entry.into_inner();
            let timeout = self.timeout(entry.timeout.clone())?;
            let runner = runner(self.template(&entry.command, true)?, entry.output, timeout);
            let script = PortScript::new(&entry.name, move |context| runner.run(context));
            let script = self.port_script(script, &entry)?;
            engine.port_script(script).map_err(|error| self.invalid(&place, &error.to_string()))?;
        }
        Ok(engine)
    }

    /// Creates the script for the ports of an entry.
    fn port_script(self, mut script: PortScript, entry: &PortEntry) -> Result<PortScript> {
        let ports = entry.ports.get_ref().into_ports();
        let ports = ports.map_err(|error| self.invalid(&entry.ports.span(), &error.to_string()))?;
        script = script.ports(ports);
        // Checks each value on its own, so that the error names the wrong one.
        let tried = |script: PortScript, place: Range<usize>| {
            let tried = Engine::new().port_script(script.ports(1));
            tried.map_err(|error| self.invalid(&place, &error.to_string()))
        };
        let script_of = || PortScript::new(&entry.name, |_| Ok(()));
        if let Some(proto) = &entry.proto {
            tried(script_of().proto(proto.get_ref()), proto.span())?;
            script = script.proto(proto.get_ref());
        }
        if let Some(states) = &entry.states {
            tried(script_of().states(states.get_ref()), states.span())?;
            script = script.states(states.get_ref());
        }
        if let Some(targets) = &entry.targets {
            script = script.targets(self.targets(targets)?);
        }
        Ok(script)
    }

    fn targets(self, targets: &Spanned<String>) -> Result<&str> {
        let text = targets.get_ref().trim();
        let wrong = |message: &str| self.invalid(&targets.span(), message);
        match text {
            "*" => Ok(text),
            "" => Err(wrong("no targets are given; * means all of them")),
            some => match some.into_targets() {
                Ok(_) => Ok(text),
                Err(error) => Err(wrong(&error.to_string())),
            },
        }
    }

    fn template(self, command: &Spanned<Vec<String>>, of_port: bool) -> Result<CommandTemplate> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        CommandTemplate::new(command.get_ref(), folder, of_port)
            .map_err(|message| self.invalid(&command.span(), &message))
    }

    fn timeout(self, timeout: Option<Spanned<String>>) -> Result<Duration> {
        let Some(timeout) = timeout else { return Ok(Engine::TIMEOUT) };
        duration(timeout.get_ref()).ok_or_else(|| {
            let message = format!("{:?} is not a time such as 10s, 500ms or 2m", timeout.get_ref());
            self.invalid(&timeout.span(), &message)
        })
    }

    /// Returns a usage error with file and line and, if the position is that of a value, its key.
    fn invalid(self, place: &Range<usize>, message: &str) -> Error {
        let before = self.text.get(..place.start).unwrap_or(self.text);
        let number = before.matches('\n').count().saturating_add(1);
        let line = self.text.lines().nth(number.saturating_sub(1)).unwrap_or_default();
        let key = line.split_once('=').map(|(key, _)| key.trim());
        let key = key.filter(|key| key.chars().all(|c| c.is_alphanumeric() || "_-".contains(c)));
        // Only the first line of the message is shown; the others repeat the position.
        let message = message.lines().next().unwrap_or_default();
        let path = self.path.display();
        Error::usage(match key.filter(|key| !key.is_empty()) {
            Some(key) => format!("{path}:{number}: {key}: {message}"),
            None => format!("{path}:{number}: {message}"),
        })
    }
}

/// Parses a time such as `10s`, `500ms`, `2m` or `1h`, greater than zero.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let milliseconds = match text.get(digits.len()..)? {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let time = Duration::from_millis(number.checked_mul(milliseconds)?);
    (!time.is_zero() && time <= ENGINE_TIMEOUT).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the error for a file of scripts, without its path.
    fn wrong(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.toml");
        std::fs::write(&path, text).unwrap();
        let error = EnginePrograms::new(&path).read().unwrap_err().to_string();
        error.strip_prefix(path.to_str().unwrap()).unwrap_or(&error).to_owned()
    }

    #[test]
    fn times_have_units() {
        for (text, milliseconds) in [
            ("10s", Some(10_000)),
            ("500ms", Some(500)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
        ] {
            assert_eq!(duration(text), milliseconds.map(Duration::from_millis));
        }
        for bad in [
            "",
            "10",
            "s",
            "0s",
            "-1s",
            "1.5s",
            "10 s",
            "10d",
            "99999999999999999999s",
            "9999999999h",
        ] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn errors_name_line_and_key() {
        let port = "[[port_script]]\nname = \"a\"\nports = \"25\"\ncommand = [\"true\"]\n";
        for (more, line) in [
            ("prot = \"tcp\"", ":5: prot: unknown field `prot`"),
            ("proto = \"tpc\"", ":5: proto: a: \"tpc\" is not a protocol"),
            ("proto = 6", ":5: proto: invalid type: integer `6`"),
            ("states = \"open\"", ":5: states: invalid type: string \"open\""),
            ("states = [\"opened\"]", ":5: states: a: states [\"opened\"]"),
            ("states = []", ":5: states: a: states []"),
            ("targets = \"1.2.3\"", ":5: targets: targets: \"1.2.3\""),
            ("targets = \"\"", ":5: targets: no targets"),
            ("timeout = \"10\"", ":5: timeout: \"10\" is not a time"),
            ("output = \"xml\"", ":5: output: unknown variant `xml`"),
            ("timeout = ", ":5: timeout:"),
            ("[[port_scripts]]", ":5: unknown field `port_scripts`"),
        ] {
            let found = wrong(&format!("{port}{more}\n"));
            assert!(found.starts_with(line), "{more}: {found}");
        }
        for (text, line) in [
            ("workers = 0", ":1: workers: 0 is not a number"),
            ("workers = \"4\"", ":1: workers: invalid type"),
            ("[[host_script]]\nname = \"a\"", ":1: missing field `command`"),
            ("[[host_script]]\ncommand = []\nname = \"a\"", ":2: command: it is empty"),
            ("[[host_script]]\nname = \"\"\ncommand = [\"a\"]", ":1: a script: it has no name"),
            (
                "[[host_script]]\nname = \"a\"\ncommand = [\"{target}\"]",
                ":3: command: \"{target}\": the name of the program",
            ),
            (
                "[[host_script]]\nname = \"a\"\ncommand = [\"a\", \"{port}\"]",
                ":3: command: \"{port}\": a host",
            ),
            ("[[port_script]]\nname = \"a\"\ncommand = [\"a\"]", ":1: missing field `ports`"),
        ] {
            let found = wrong(text);
            assert!(found.starts_with(line), "{text}: {found}");
        }
        let twice = format!("{port}{port}");
        assert!(
            wrong(&twice).starts_with(":5: a script \"a\" already exists"),
            "{}",
            wrong(&twice)
        );
        for bad in ["0", "70000", "25-", "http", "T:25"] {
            let found = wrong(&port.replace("25", bad));
            assert!(found.starts_with(":3: ports: "), "{bad}: {found}");
        }
    }
}
