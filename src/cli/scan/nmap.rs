//! One process of nmap: its start, its end and its XML file.

use std::{
    io::{self, IsTerminal as _, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use super::super::{ending::is_special, terminal};
use crate::{
    error::{Error, Result},
    fs::{self, File, OpenOptions},
    output::{Replace, follow, open_locked, refuse_existing},
    process::{ChildProcess, CommandSpec, OutputLimits, ProcessGroup},
    scanner::first_lines,
};

/// Maximum time for sudo to report whether it needs a password.
const SUDO: Duration = Duration::from_secs(30);

/// Makes sure that sudo will not ask for a password while nmap runs: it asks now, if there is a
/// terminal.
pub(super) fn may_sudo() -> Result<()> {
    let sudo = |args: &[&str]| CommandSpec {
        program: "sudo".into(),
        args: args.iter().map(Into::into).collect(),
        ..CommandSpec::default()
    };
    let check = sudo(&["-n", "true"]);
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Error::scan("sudo is not installed"),
        _ => Error::scan(format!("sudo cannot be run: {error}")),
    };
    let limits = OutputLimits { max_bytes: 1 << 16, timeout: SUDO };
    let output = ChildProcess::run(&check, Vec::new(), limits, &ProcessGroup::default());
    let output = output.map_err(failed)?;
    if output.is_success() {
        return Ok(());
    }
    if !(io::stdin().is_terminal() && terminal::is_stderr_terminal()) {
        let said = first_lines(&output.exit.stderr);
        return Err(Error::scan(format!("sudo cannot be asked without a terminal: {said}")));
    }
    let asked = ChildProcess::run_interactive(&sudo(&["-v"])).map_err(failed)?;
    if asked.success() { Ok(()) } else { Err(Error::scan("sudo gives no rights")) }
}

/// Returns the file that keeps the XML of a process. With several processes, the name has a number
/// before its extension.
pub(super) fn kept_name(path: &Path, number: usize, of: Option<usize>) -> PathBuf {
    let Some(count) = of else { return path.to_owned() };
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".{}", padded(number, count)));
    if let Some(ending) = path.extension() {
        name.push(".");
        name.push(ending);
    }
    path.with_file_name(name)
}

/// Formats a number with as many digits as the last one has.
pub(super) fn padded(number: usize, count: usize) -> String {
    let width = count.to_string().len();
    format!("{number:0width$}")
}

/// File that keeps the XML of a process. It is created when nmap writes its first bytes. It is not
/// a temporary file, so that the XML survives whatever happens to the run.
#[derive(Debug)]
pub(super) struct Keep {
    path: PathBuf,
    overwrite: bool,
    file: Option<File>,
}

impl Keep {
    /// Checks that the file can be created or replaced. Leaves the disk unchanged.
    pub(super) fn new(path: PathBuf, overwrite: bool) -> Result<Self> {
        if path.as_os_str() == "-" {
            return Err(Error::usage("--keep-xml needs a file: standard output is for data"));
        }
        let name = path.display().to_string();
        let failed = |error: io::Error| Error::sink(&*name, error);
        match fs::if_there(fs::metadata(&path)).map_err(failed)? {
            Some(meta) if meta.is_dir() => return Err(failed(io::ErrorKind::IsADirectory.into())),
            Some(meta) if meta.is_file() => {
                refuse_existing(&path, &name, Replace::of(overwrite))?;
                drop(open_locked(&path, OpenOptions::new().write(true))?);
            }
            Some(_) => {}
            None => {
                let target = follow(&path).map_err(failed)?;
                let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
                fs::tempfile_in(folder.unwrap_or(Path::new("."))).map_err(failed)?;
            }
        }
        Ok(Self { path, overwrite, file: None })
    }

    /// Keeps the XML in an open file without a name.
    pub(super) fn temporary(file: File) -> Self {
        Self { path: "a temporary file".into(), overwrite: false, file: Some(file) }
    }

    /// Returns the name of the file, for messages.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Returns the file, or `None` if nothing was written.
    pub(super) fn into_file(self) -> Option<File> {
        self.file
    }

    /// Opens and locks the file. It grows under its final name, as a feed does.
    fn open(&self) -> Result<File> {
        let failed = |error: io::Error| Error::sink(self.name(), error);
        if is_special(&self.path) {
            return OpenOptions::new().write(true).open(&self.path).map_err(failed);
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(self.overwrite).create_new(!self.overwrite);
        let target = follow(&self.path).map_err(failed)?;
        let file = open_locked(&target, &options)?;
        // Truncates only after the lock rules out another writer.
        file.set_len(0).map_err(failed)?;
        Ok(file)
    }
}

impl Write for Keep {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.file.is_none() && !bytes.is_empty() {
            self.file = Some(self.open().map_err(io::Error::other)?);
        }
        self.file.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_several_processes_are_numbered_in_byte_order() {
        let name = |path: &str, number, of| kept_name(Path::new(path), number, of);
        assert_eq!(name("a/scan.xml", 1, None), Path::new("a/scan.xml"));
        assert_eq!(name("a/scan.xml", 2, Some(4)), Path::new("a/scan.2.xml"));
        assert_eq!(name("scan", 3, Some(12)), Path::new("scan.03"));
    }
}
