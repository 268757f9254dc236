//! `scanmill.toml`: options that hold unless the command line or the environment say otherwise.
//!
//! A key is the long name of an option. At the top it is for every command that has the option; in a table with a
//! command's name, for that one.

use std::{
    ffi::OsString,
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::{Arg, Command, CommandFactory as _};
use toml::{Table, Value};

use super::args::Args;
use crate::{
    error::{Error, Result},
    fs::File,
};

/// The file's name.
const NAME: &str = "scanmill.toml";

/// Bytes of the file at most.
const MOST: u64 = 1 << 20;

/// Options that start programs, nmap's arguments among them, for its scripts are programs; and those that
/// replace files. A file that merely lies where one works may not set them.
const NOT_FROM_HERE: [&str; 6] = ["args", "engine", "keep-xml", "nmap", "overwrite", "sudo"];

/// Where options are set.
pub(super) struct Config {
    path: PathBuf,
    table: Table,
    /// Whether the file was found in the working directory.
    is_found_here: bool,
}

impl Config {
    /// The file that `--config` names, else that in the working directory, else that in the user's folder.
    ///
    /// # Errors
    /// If it cannot be read, or is no TOML.
    pub(super) fn find(args: &[OsString]) -> Result<Option<Self>> {
        // What is wrong with the rest is said when all is known.
        let command = Args::command().ignore_errors(true).disable_help_flag(true);
        let named = command
            .try_get_matches_from(args)
            .ok()
            .and_then(|matches| matches.try_get_one::<PathBuf>("config").ok().flatten().cloned());
        if let Some(path) = named {
            return Self::read(path, false).map(Some);
        }
        let here = PathBuf::from(NAME);
        if here.is_file() {
            return Self::read(here, true).map(Some);
        }
        let users = users_folder().map(|folder| folder.join("scanmill").join(NAME));
        users.filter(|path| path.is_file()).map(|path| Self::read(path, false)).transpose()
    }

    fn read(path: PathBuf, is_found_here: bool) -> Result<Self> {
        let wrong =
            |what: &dyn std::fmt::Display| Error::usage(format!("{}: {what}", path.display()));
        let mut text = String::new();
        let file = File::open(&path).map_err(|error| wrong(&error))?;
        let len = file.take(MOST + 1).read_to_string(&mut text).map_err(|error| wrong(&error))?;
        if u64::try_from(len).is_ok_and(|len| len > MOST) {
            return Err(wrong(&"longer than 1 MiB"));
        }
        Self::of_text(path, &text, is_found_here)
    }

    /// What a file of this text sets.
    ///
    /// # Errors
    /// If it is no TOML.
    pub(super) fn of_text(path: PathBuf, text: &str, is_found_here: bool) -> Result<Self> {
        let table = text.parse().map_err(|error: toml::de::Error| {
            let message = error.to_string().trim_end().replace('\n', "\n  ");
            Error::usage(format!("{}: {message}", path.display()))
        })?;
        Ok(Self { path, table, is_found_here })
    }

    /// The file, as it was found.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The command line with what the file sets as defaults.
    ///
    /// # Errors
    /// If a key is no option, or its value is none that an option can have.
    pub(super) fn apply(&self, mut command: Command) -> Result<Command> {
        let commands: Vec<String> =
            command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        for (key, value) in &self.table {
            if let (Value::Table(keys), true) = (value, commands.contains(key)) {
                for (name, value) in keys {
                    let values = self.values(name, value)?;
                    let mut known = false;
                    command = command
                        .mut_subcommand(key.clone(), |sub| set(sub, name, &values, &mut known));
                    if !known {
                        return Err(
                            self.wrong(&format!("{key}.{name}"), "is no option of this command")
                        );
                    }
                }
                continue;
            }
            let values = self.values(key, value)?;
            let mut known = false;
            command = set(command, key, &values, &mut known);
            for sub in &commands {
                command =
                    command.mut_subcommand(sub.clone(), |sub| set(sub, key, &values, &mut known));
            }
            if !known {
                return Err(self.wrong(key, "is neither an option nor a command"));
            }
        }
        Ok(command)
    }

    /// What an option is set to.
    fn values(&self, key: &str, value: &Value) -> Result<Vec<String>> {
        if self.is_found_here && NOT_FROM_HERE.contains(&&*key.replace('_', "-")) {
            let what = "starts programs or replaces files: set it by --config or in the file of your own configuration folder";
            return Err(self.wrong(key, what));
        }
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
            _ => Err(self.wrong(key, "is neither a text, a number, a switch nor a list of these")),
        }
    }

    fn wrong(&self, key: &str, what: &str) -> Error {
        Error::usage(format!("{}: {key:?} {what}", self.path.display()))
    }
}

/// The folder of the user's configuration.
fn users_folder() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let own = folder("XDG_CONFIG_HOME").map(PathBuf::from);
    own.or_else(|| folder("HOME").map(|home| PathBuf::from(home).join(".config")))
}

/// Sets an option of a command, if it has it.
fn set(command: Command, name: &str, values: &[String], known: &mut bool) -> Command {
    let name = name.replace('_', "-");
    let is_it = |arg: &Arg| {
        arg.get_long() == Some(&*name) && !["config", "help", "version"].contains(&&*name)
    };
    command.mut_args(|arg| {
        if !is_it(&arg) {
            return arg;
        }
        *known = true;
        let values: Vec<String> = match arg.get_value_delimiter() {
            Some(between) => {
                values.iter().flat_map(|value| value.split(between)).map(str::to_owned).collect()
            }
            None => values.to_vec(),
        };
        arg.default_values(values)
    })
}
