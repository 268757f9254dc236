//! Request of a scan, and the commands that it results in.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, Result},
    ops::{
        JobOptions, ProcessGroup,
        paths::{self, InputPaths, OutputPath},
    },
    output::Output,
    pipeline::Filters,
    process::CommandSpec,
    request::{Arguments, IntoArguments, IntoPorts, IntoTargets, PortSet, Targets},
    scanner::NmapCommand,
};

/// Options for [`scan`](super::scan()).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ScanOptions {
    /// Hosts to scan.
    pub targets: Targets,
    /// Ports to scan; by default those that nmap chooses.
    pub ports: Option<PortSet>,
    /// Further arguments of nmap.
    pub arguments: Arguments,
    /// Path of nmap, or its name on `PATH`; `nmap` by default.
    pub nmap: PathBuf,
    /// Runs nmap with the rights of root, through sudo, which must not need a password.
    pub sudo: bool,
    /// Number of nmap processes among which the targets are split; one by default, at most
    /// [`MAX_PARALLEL`](Self::MAX_PARALLEL). If there are several, hosts are merged.
    pub parallel: usize,
    /// Name of the scan in the output and in the report; `nmap` by default. With several processes, a number follows.
    pub name: String,
    /// Asks nmap for its progress once per second, unless the arguments say how often.
    pub reports_tasks: bool,
    /// File that keeps the XML of nmap, byte for byte. With several processes, a number precedes its extension.
    pub xml_copy: Option<PathBuf>,
    /// Replaces existing files by [`xml_copy`](Self::xml_copy).
    pub overwrite: bool,
    /// Which hosts and ports are written, and the engine that runs on them.
    pub filters: Filters,
    /// Group of the nmap processes. Stopping it ends the scan early: the output is completed with what was read.
    pub processes: ProcessGroup,
    /// Options that all jobs share. Its token ends the job without output; its folder for temporary files also receives
    /// the XML of several processes.
    pub job: JobOptions,
}

impl ScanOptions {
    /// Maximum number of nmap processes: each holds a few open files and one or two threads.
    pub const MAX_PARALLEL: usize = 256;

    /// Creates options for a scan of these targets: a text with comma-separated items, or a list of such texts.
    ///
    /// # Errors
    /// Returns the errors of [`IntoTargets::into_targets`].
    pub fn new(targets: impl IntoTargets) -> Result<Self> {
        Ok(Self {
            targets: targets.into_targets()?,
            ports: None,
            arguments: Arguments::default(),
            nmap: "nmap".into(),
            sudo: false,
            parallel: 1,
            name: "nmap".to_owned(),
            reports_tasks: false,
            xml_copy: None,
            overwrite: false,
            filters: Filters::default(),
            processes: ProcessGroup::default(),
            job: JobOptions::default(),
        })
    }

    /// Sets the ports: a number, a text such as `22,80-90`, or a list or range of these.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidPort`](crate::error::ErrorKind::InvalidPort) for an invalid port.
    pub fn with_ports(mut self, ports: impl IntoPorts) -> Result<Self> {
        self.ports = Some(ports.into_ports()?).filter(|ports| !ports.is_empty());
        Ok(self)
    }

    /// Sets further arguments of nmap: a text, which is split like a shell does, or a list.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for arguments that a scan may
    /// not have ([`Arguments::new`]).
    pub fn with_arguments(mut self, arguments: impl IntoArguments) -> Result<Self> {
        self.arguments = arguments.into_arguments()?;
        Ok(self)
    }

    /// Sets the nmap program: its path, or a name that is searched in `PATH`.
    #[must_use]
    pub fn with_nmap(mut self, nmap: impl Into<PathBuf>) -> Self {
        self.nmap = nmap.into();
        self
    }

    /// Sets whether nmap runs through sudo.
    #[must_use]
    pub fn with_sudo(mut self, sudo: bool) -> Self {
        self.sudo = sudo;
        self
    }

    /// Sets the number of nmap processes.
    #[must_use]
    pub fn with_parallel(mut self, processes: usize) -> Self {
        self.parallel = processes;
        self
    }

    /// Sets the name of the scan.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets whether nmap is asked for its progress, which [`Progress::scan_event`](crate::ops::Progress::scan_event)
    /// receives.
    #[must_use]
    pub fn with_tasks(mut self, reports_tasks: bool) -> Self {
        self.reports_tasks = reports_tasks;
        self
    }

    /// Sets the file that keeps the XML of nmap, and whether it may replace an existing one.
    #[must_use]
    pub fn with_xml_copy(mut self, path: impl Into<PathBuf>, overwrite: bool) -> Self {
        (self.xml_copy, self.overwrite) = (Some(path.into()), overwrite);
        self
    }

    /// Sets which hosts and ports are written, and the engine that runs on them.
    #[must_use]
    pub fn with_filters(mut self, filters: Filters) -> Self {
        self.filters = filters;
        self
    }

    /// Sets the group that nmap processes belong to.
    #[must_use]
    pub fn with_processes(mut self, processes: ProcessGroup) -> Self {
        self.processes = processes;
        self
    }

    /// Sets the options that all jobs share.
    #[must_use]
    pub fn with_job(mut self, job: JobOptions) -> Self {
        self.job = job;
        self
    }

    /// Returns true if hosts of several processes are merged, so that they have the columns of a merge.
    #[must_use]
    pub fn is_merged(&self) -> bool {
        self.parallel > 1
    }

    /// Checks the options against each other.
    ///
    /// # Errors
    /// Returns a usage error if there are no targets, or a name or number is out of range, and
    /// [`ErrorKind::InvalidArgument`](crate::error::ErrorKind::InvalidArgument) if the arguments contradict the targets
    /// or ports.
    pub fn check(&self) -> Result<()> {
        if self.targets.is_empty() {
            return Err(Error::usage("no targets are given"));
        }
        self.arguments.check_against(&self.targets, self.ports.as_ref())?;
        let nmap = self.nmap.as_os_str().as_encoded_bytes();
        if nmap.is_empty() {
            return Err(Error::usage("the name of nmap is empty"));
        }
        if nmap.iter().any(u8::is_ascii_control) {
            return Err(Error::usage("the name of nmap has a control character"));
        }
        if self.name.trim().is_empty() {
            return Err(Error::usage("the name of the scan is empty"));
        }
        if !(1..=Self::MAX_PARALLEL).contains(&self.parallel) {
            let (parallel, most) = (self.parallel, Self::MAX_PARALLEL);
            return Err(Error::usage(format!("{parallel} nmap processes: use 1 to {most}")));
        }
        if self.xml_copy.as_ref().is_some_and(|path| path.as_os_str() == "-") {
            return Err(Error::usage("the XML needs a file: standard output is for data"));
        }
        Ok(())
    }

    /// Refuses an output or copies of the XML that would replace each other, the nmap program, or a path of the caller.
    ///
    /// # Errors
    /// Returns a usage error that names both paths.
    pub(crate) fn check_paths(&self, output: &Output) -> Result<()> {
        let reserved = &self.job.reserved_paths;
        let copies = self.xml_copies();
        let copies =
            copies.iter().filter_map(|path| OutputPath::file(reserved.names.xml_copy, Some(path)));
        let written = reserved.output(output).into_iter().chain(copies).chain(reserved.written());
        // A name without a folder is searched for on PATH.
        let nmap = Some(self.nmap.as_path()).filter(|path| path.components().count() > 1);
        let others = reserved.read.iter().map(PathBuf::as_path).chain(nmap).collect();
        let reading = InputPaths { others, ..InputPaths::default() };
        paths::check(written, &reading, *output == Output::Stdout)
    }

    /// Returns the commands that [`scan`](super::scan()) runs, each with its arguments, in the order of their targets:
    /// `nmap -oX - ARGS [-6] [-pPORTS] -- TARGETS`.
    #[must_use]
    pub fn commands(&self) -> Vec<Vec<OsString>> {
        let words = |CommandSpec { program, args, .. }: CommandSpec| {
            [program].into_iter().chain(args).collect()
        };
        self.specs().into_iter().map(words).collect()
    }

    /// Returns the files that keep the XML, one per command; none if it is not kept.
    #[must_use]
    pub fn xml_copies(&self) -> Vec<PathBuf> {
        let Some(path) = &self.xml_copy else { return Vec::new() };
        let count = self.targets.split(self.parallel).len();
        (1..=count).map(|number| self.numbered_path(path, number, count)).collect()
    }

    pub(super) fn specs(&self) -> Vec<CommandSpec> {
        let parts = self.targets.split(self.parallel);
        let spec = |targets: &Targets| {
            let command = NmapCommand {
                nmap: self.nmap.as_os_str(),
                by_sudo: self.sudo,
                targets,
                ports: self.ports.as_ref(),
                arguments: &self.arguments,
                reports_progress: self.reports_tasks,
            };
            command.spec()
        };
        parts.iter().map(spec).collect()
    }

    /// Returns the name of a process, numbered from 1.
    pub(super) fn process_name(&self, number: usize, count: usize) -> String {
        if self.is_merged() {
            format!("{}-{}", self.name, padded(number, count))
        } else {
            self.name.clone()
        }
    }

    fn numbered_path(&self, path: &Path, number: usize, count: usize) -> PathBuf {
        if !self.is_merged() {
            return path.to_owned();
        }
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!(".{}", padded(number, count)));
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        path.with_file_name(name)
    }
}

/// Formats a number with as many digits as the last one has.
fn padded(number: usize, count: usize) -> String {
    let width = count.to_string().len();
    format!("{number:0width$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_several_processes_are_numbered_in_byte_order() {
        let names = |targets: &str, parallel, path: &str| {
            let options = ScanOptions::new(targets).unwrap().with_parallel(parallel);
            options.with_xml_copy(path, false).xml_copies()
        };
        assert_eq!(names("192.0.2.1-9", 1, "a/scan.xml"), [Path::new("a/scan.xml")]);
        let four = names("192.0.2.1-4", 4, "a/scan.xml");
        assert_eq!((four.len(), four[1].as_path()), (4, Path::new("a/scan.2.xml")));
        assert_eq!(names("192.0.2.1-12", 12, "scan")[2], Path::new("scan.03"));
        // Less targets than processes.
        assert_eq!(names("192.0.2.1", 2, "scan.xml"), [Path::new("scan.1.xml")]);
    }

    #[test]
    fn options_that_contradict_each_other_are_refused() {
        let options = || ScanOptions::new("192.0.2.1").unwrap();
        assert!(options().check().is_ok());
        for wrong in [
            ScanOptions::new("").unwrap(),
            options().with_ports(80).unwrap().with_arguments("-F").unwrap(),
            options().with_arguments("-6").unwrap(),
            options().with_nmap(""),
            options().with_nmap("n\nmap"),
            options().with_name(" "),
            options().with_parallel(0),
            options().with_parallel(ScanOptions::MAX_PARALLEL + 1),
            options().with_xml_copy("-", true),
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
