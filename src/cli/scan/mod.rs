//! `scanmill scan`: translates arguments for [`ops::scan`], and prints its report.
//!
//! The first signal stops the processes, and the output is completed with what they wrote; the second one cancels the
//! job ([`StopPolicy::ProgramsFirst`]). Everything that a signal must clean up is therefore created after the handler is
//! installed.

mod progress;

use std::{
    ffi::{OsStr, OsString},
    io::{self, IsTerminal as _},
    path::Path,
    time::Instant,
};

use serde_json::json;

use self::progress::scan_progress;
use super::{
    args::{NmapArgs, ScanArgs},
    console::Console,
    convert::{filters, with_report, write_json},
    engine,
    exit::Exit,
    inputs::{self, budget, reserved, threads},
    output::{output, with_color},
    print,
    progress::progress_mode,
    signals::{StopPolicy, install_stop_handler},
    terminal,
};
use crate::{
    error::{Error, Result},
    ops::{
        self, JobOptions, OutputContent, ReservedPaths, ScanOptions, ScanReport, authorize_sudo,
    },
    output::Temporaries,
    process::adopt_orphans,
};

pub(super) fn run(args: &ScanArgs, console: &Console) -> Result<Exit> {
    let started = Instant::now();
    let mut options = scan_options(&args.nmap)?;
    let content = if options.is_merged() { OutputContent::MergedScan } else { OutputContent::Scan };
    let output = with_color(output(&args.write, &args.pick, content)?, console.args());
    let mode = progress_mode(console.args(), output.is_on_stdout());
    options.reports_tasks = mode.is_some();
    options.overwrite = args.write.overwrite;
    options.job.reserved_paths = reserved_paths(args, console);
    options.check_paths(&output.destination)?;
    let processes = options.processes.clone();
    options.filters = filters(&args.pick);
    if let Some(path) = &args.engine {
        options.filters.engine = Some(engine::open(path, &processes, console)?);
    }
    let budget = budget(&args.xml, threads(args.threads))?;
    if args.nmap.dry_run {
        let lines: Vec<_> =
            options.commands().iter().map(|line| shell_line(line)).collect::<Result<_>>()?;
        return print(&lines.concat());
    }
    // Where the system does not support it, processes that leave nmap's session may outlive it.
    let _ = adopt_orphans();
    let temporaries = Temporaries::default();
    // Installed before anything is created or started, so that a signal finds all of it.
    let stop = install_stop_handler(&temporaries, StopPolicy::ProgramsFirst(&processes));
    if options.sudo {
        let has_terminal = io::stdin().is_terminal() && terminal::is_stderr_terminal();
        authorize_sudo(has_terminal)
            .or_else(|error| if processes.is_stopped() { Ok(()) } else { Err(error) })?;
    }
    if processes.is_stopped() {
        return Ok(Exit::Interrupted);
    }
    options.job = JobOptions::new(budget)
        .with_xml(inputs::options(&args.xml, &budget).with_hash(args.hash))
        .with_progress(scan_progress(mode))
        .with_cancellation(stop)
        .with_temporaries(temporaries.clone())
        .with_reserved_paths(options.job.reserved_paths);
    options.job.temp_dir = args.temp_dir.as_deref().map(Path::to_path_buf);
    let result = ops::scan(output, &options);
    console.leftovers(&temporaries);
    let ScanReport { report, processes, .. } = result?;
    for process in &processes {
        if let Some(message) = &process.message {
            let name = &process.name;
            console.warning(&format!("{name}: {message}"), &json!({ "input": name }));
        }
    }
    console.report(&report, started.elapsed());
    if let Some(path) = &args.report {
        write_json((path, args.write.overwrite), &report, &temporaries)?;
    }
    Ok(Exit::from_report(&report))
}

/// Translates the request to nmap, and checks it.
fn scan_options(args: &NmapArgs) -> Result<ScanOptions> {
    if args.parallel > ScanOptions::MAX_PARALLEL {
        let (parallel, most) = (args.parallel, ScanOptions::MAX_PARALLEL);
        return Err(Error::usage(format!("--parallel {parallel}: at most {most}")));
    }
    if args.keep_xml.as_deref().is_some_and(|path| path.as_os_str() == "-") {
        return Err(Error::usage("--keep-xml needs a file: standard output is for data"));
    }
    let mut options = ScanOptions::new(args.targets.as_slice())?;
    if let Some(ports) = &args.ports {
        options.ports = Some(ports.parse()?);
    }
    options = options.with_arguments(&*args.args)?.with_nmap(args.nmap.to_path_buf());
    options = options.with_sudo(args.sudo).with_name(&*args.name).with_parallel(args.parallel);
    options.xml_copy = args.keep_xml.as_deref().map(Path::to_path_buf);
    options.check()?;
    Ok(options)
}

/// Returns the paths that the output may not replace.
fn reserved_paths(args: &ScanArgs, console: &Console) -> ReservedPaths {
    let others = args.engine.as_deref().into_iter().chain(console.args().config_file());
    with_report(reserved(None, others), args.report.as_deref(), args.write.overwrite)
}

/// Formats a command as a line for a shell.
fn shell_line(words: &[OsString]) -> Result<Vec<u8>> {
    let words = words.iter().map(OsString::as_os_str).map(OsStr::as_encoded_bytes);
    let mut line = shlex::bytes::try_join(words)
        .map_err(|_| Error::usage("--nmap: the name has a NUL character"))?;
    line.push(b'\n');
    Ok(line)
}
