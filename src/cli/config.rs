//! `scanmill.toml`: defaults for options, overridden by environment variables and by the command
//! line.
//!
//! A key is the long name of an option. A key at the top level applies to every command that has
//! the option; a key in a table named after a command applies to that command only.

use std::{
    ffi::OsString,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::{Arg, Command, CommandFactory as _};
use toml::{Table, Value};

use super::args::{Args, InputPath, is_state_list, path_role};
use crate::{
    error::{Error, Result},
    fs::{self, File},
};

/// Name of the configuration file.
const FILE_NAME: &str = "scanmill.toml";

/// Maximum size of the configuration file, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Options that name no path but start programs, or replace or remove files: the arguments of nmap,
/// whose scripts are programs; the rights that nmap runs with; permission to replace output; and
/// the removal of old feeds and of files of datasets. A configuration file found in the working
/// directory may set neither these nor any option that names a path ([`path_role`]).
const GUARDED_OPTIONS: [&str; 8] =
    ["args", "compact", "keep", "overwrite", "rotate-every", "rotate-size", "sudo", "vacuum"];

/// Options that a configuration file sets.
pub(super) struct Config {
    path: PathBuf,
    table: Table,
    /// True if the file was found in the working directory, so that it may not set guarded options.
    is_found_here: bool,
}

impl Config {
    /// Reads the file that `--config` names, or else the one in the working directory, or else the
    /// one in the user's configuration folder.
    ///
    /// # Errors
    /// Fails if the file cannot be read or is not TOML.
    pub(super) fn find(args: &[OsString]) -> Result<Option<Self>> {
        // Other errors in the arguments are ignored here; the real parse, with the file applied,
        // reports them.
        let command = Args::command().ignore_errors(true).disable_help_flag(true);
        let named = command
            .try_get_matches_from(args)
            .ok()
            .and_then(|matches| matches.try_get_one::<InputPath>("config").ok().flatten().cloned());
        if let Some(path) = named {
            return Self::read(path.to_path_buf(), false).map(Some);
        }
        let here = PathBuf::from(FILE_NAME);
        if file_exists(&here)? {
            return Self::read(here, true).map(Some);
        }
        let Some(folder) = user_config_dir() else { return Ok(None) };
        let users = folder.join("scanmill").join(FILE_NAME);
        match file_exists(&users) {
            Ok(true) => Self::read(users, false).map(Some),
            Ok(false) => Ok(None),
            // A service may run with a home folder that belongs to another user.
            Err(_) if !is_accessible(&folder) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(path: PathBuf, is_found_here: bool) -> Result<Self> {
        let wrong =
            |what: &dyn std::fmt::Display| Error::usage(format!("{}: {what}", path.display()));
        let mut text = String::new();
        let file = File::open(&path).map_err(|error| wrong(&error))?;
        let len = file
            .take(MAX_FILE_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(|error| wrong(&error))?;
        if u64::try_from(len).is_ok_and(|len| len > MAX_FILE_BYTES) {
            return Err(wrong(&"longer than 1 MiB"));
        }
        Self::of_text(path, &text, is_found_here)
    }

    /// Parses the text of a configuration file.
    ///
    /// # Errors
    /// Fails if the text is not TOML.
    pub(super) fn of_text(path: PathBuf, text: &str, is_found_here: bool) -> Result<Self> {
        let table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count().saturating_add(1);
            Error::usage(format!("{}: line {line}: {}", path.display(), error.message()))
        })?;
        Ok(Self { path, table, is_found_here })
    }

    /// Returns the path of the file, as it was given or found.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the command with the values of the file as defaults of its options.
    ///
    /// # Errors
    /// Fails if a key is not an option, or if its value has a type that no option accepts.
    pub(super) fn apply(&self, mut command: Command) -> Result<Command> {
        let commands: Vec<String> =
            command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        for (key, value) in &self.table {
            if let (Value::Table(keys), true) = (value, commands.contains(key)) {
                for (name, value) in keys {
                    let values = self.values(name, value)?;
                    let mut found = KeyMatch::default();
                    command = command
                        .mut_subcommand(key.clone(), |sub| set(sub, name, &values, &mut found));
                    self.check(
                        &format!("{key}.{name}"),
                        found,
                        "is not an option of this command",
                    )?;
                }
                continue;
            }
            let values = self.values(key, value)?;
            let mut found = KeyMatch::default();
            command = set(command, key, &values, &mut found);
            for sub in &commands {
                command =
                    command.mut_subcommand(sub.clone(), |sub| set(sub, key, &values, &mut found));
            }
            self.check(key, found, "is neither an option nor a command")?;
        }
        Ok(command)
    }

    /// Refuses a key that is not an option, or that this file may not set.
    fn check(&self, key: &str, found: KeyMatch, unknown: &str) -> Result<()> {
        if !found.known {
            return Err(self.wrong(key, unknown));
        }
        if self.is_found_here && found.guarded {
            let what = "starts programs or replaces files, or names a path: set it by --config or in the file of your own configuration folder";
            return Err(self.wrong(key, what));
        }
        Ok(())
    }

    /// Returns the values that a key sets.
    fn values(&self, key: &str, value: &Value) -> Result<Vec<String>> {
        match value {
            Value::Array(items) => items.iter().map(|item| self.text(key, item)).collect(),
            one => Ok(vec![self.text(key, one)?]),
        }
    }

    fn text(&self, key: &str, value: &Value) -> Result<String> {
        match value {
            Value::String(text) => Ok(text.clone()),
            Value::Integer(number) => Ok(number.to_string()),
            Value::Float(number) => Ok(number.to_string()),
            Value::Boolean(switch) => Ok(switch.to_string()),
            _ => Err(self.wrong(key, "is not a string, a number, a boolean or a list of these")),
        }
    }

    fn wrong(&self, key: &str, what: &str) -> Error {
        Error::usage(format!("{}: {key:?} {what}", self.path.display()))
    }
}

/// Returns true if a file with this name exists. Anything else with this name, such as a pipe, is
/// an error: its options would otherwise be ignored silently.
fn file_exists(path: &Path) -> Result<bool> {
    let failed = |error: io::Error| Error::from(error).with_input(path.display().to_string());
    if fs::if_there(fs::symlink_metadata(path)).map_err(failed)?.is_none() {
        return Ok(false);
    }
    let why = match fs::if_there(fs::metadata(path)).map_err(failed)? {
        Some(meta) if meta.is_file() => return Ok(true),
        Some(_) => "is not a file",
        None => "is a link that leads nowhere",
    };
    Err(Error::usage(format!(
        "{} {why}: move it away, or name a configuration file with --config",
        path.display()
    )))
}

/// Returns false if this process is denied access to a folder.
fn is_accessible(folder: &Path) -> bool {
    let denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    !fs::symlink_metadata(folder.join("scanmill").join(FILE_NAME))
        .is_err_and(|error| denied(&error))
}

/// Returns the folder that holds the user's configuration.
fn user_config_dir() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let own = folder("XDG_CONFIG_HOME").map(PathBuf::from);
    own.or_else(|| folder("HOME").map(|home| PathBuf::from(home).join(".config")))
}

/// Result of looking up a key of the file among the options.
#[derive(Debug, Clone, Copy, Default)]
struct KeyMatch {
    /// At least one command has an option with this name.
    known: bool,
    /// The option may not be set by a file in the working directory.
    guarded: bool,
}

/// Returns true if an option starts programs, replaces or removes files, or names a path.
fn is_guarded(arg: &Arg) -> bool {
    // Includes lists of inputs: files read in addition to the named inputs would end up in the
    // output.
    path_role(arg).is_some() || arg.get_long().is_some_and(|name| GUARDED_OPTIONS.contains(&name))
}

/// Sets the default of an option, if the command has it.
fn set(command: Command, name: &str, values: &[String], found: &mut KeyMatch) -> Command {
    let name = name.replace('_', "-");
    let is_it = |arg: &Arg| {
        arg.get_long() == Some(&*name) && !["config", "help", "version"].contains(&&*name)
    };
    command.mut_args(|arg| {
        if !is_it(&arg) {
            return arg;
        }
        found.known = true;
        // `merge --state` may name a file that is written.
        let names_file = name == "state" && !values.iter().all(|value| is_state_list(value));
        found.guarded |= is_guarded(&arg) || names_file;
        let values: Vec<String> = match arg.get_value_delimiter() {
            Some(between) => {
                values.iter().flat_map(|value| value.split(between)).map(str::to_owned).collect()
            }
            None => values.to_vec(),
        };
        arg.default_values(values)
    })
}

#[cfg(test)]
mod tests {
    use std::any::TypeId;

    use super::{super::args::PathRole, *};

    /// Returns all options and arguments of all commands, each with the name of its command.
    fn all_args() -> Vec<(String, Arg)> {
        let mut command = Args::command();
        command.build();
        let mut all = Vec::new();
        for command in std::iter::once(&command).chain(command.get_subcommands()) {
            let args = command.get_arguments();
            all.extend(
                args.map(|arg| (format!("{} {}", command.get_name(), arg.get_id()), arg.clone())),
            );
        }
        assert!(all.len() > 200, "{}", all.len());
        all
    }

    #[test]
    fn every_option_that_names_a_path_declares_its_use() {
        let untyped = [TypeId::of::<PathBuf>(), TypeId::of::<OsString>()];
        for (name, arg) in all_args() {
            let id = arg.get_value_parser().type_id();
            let mut values = arg.get_value_names().unwrap_or_default().iter();
            let looks = values.any(|name| {
                ["FILE", "DIR", "OUT", "PATH", "FOLDER", "INPUT", "CALLER", "OTHER", "OLD", "NEW"]
                    .contains(&name.as_str())
            });
            let is_raw = untyped.iter().any(|of_type| id == *of_type);
            assert!(
                path_role(&arg).is_some() || !(looks || is_raw),
                "{name} names a path: give it a type of args/paths.rs"
            );
        }
    }

    #[test]
    fn options_that_write_or_run_files_are_known_by_their_type() {
        let with = |role| {
            let all = all_args().into_iter().filter(|(_, arg)| path_role(arg) == Some(role));
            let mut longs: Vec<_> =
                all.filter_map(|(_, arg)| arg.get_long().map(str::to_owned)).collect();
            longs.sort_unstable();
            longs.dedup();
            longs
        };
        let written =
            ["into", "keep-xml", "metrics", "out", "report", "state-dir", "temp-dir", "write"];
        assert_eq!(with(PathRole::Output), written);
        assert_eq!(with(PathRole::Program), ["engine", "nmap"]);
        assert_eq!(with(PathRole::Input), ["check", "config", "files-from"]);
    }
}
