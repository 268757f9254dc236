//! Arguments about inputs and memory, translated for [`ops`](crate::ops).

use std::path::Path;

use super::args::{LimitArgs, ReadArgs, XmlArgs, format_size, refuse_url};
use crate::{
    error::{Error, Result},
    limits::Limits,
    ops::{Inputs, JobOptions, MemoryBudget, ReservedPaths, available_threads, read_list_file},
    source::PathFilter,
    xml::Options,
};

/// Returns the inputs that the arguments name.
pub(super) fn inputs(args: &ReadArgs) -> Result<Inputs> {
    let pick = PathFilter::new(&args.include, &args.exclude)?;
    let mut paths: Vec<_> = args.inputs.iter().map(|path| path.to_path_buf()).collect();
    if let Some(list) = args.files_from.as_deref() {
        let failed = |why: String| Error::usage(format!("--files-from {}: {why}", list.display()));
        for path in read_list_file(list).map_err(|error| failed(error.to_string()))? {
            refuse_url(&path).map_err(|why| failed(format!("{:?}: {why}", path.display())))?;
            paths.push(path);
        }
    }
    Ok(Inputs::new(paths).with_pick(pick))
}

/// Returns the files that options other than the inputs name to be read: the list of inputs, the configuration and
/// `others`. No output may replace them.
pub(super) fn reserved<'p>(
    list: Option<&Path>,
    others: impl IntoIterator<Item = &'p Path>,
) -> ReservedPaths {
    let mut paths = ReservedPaths::new();
    paths.names.output = "-o";
    paths.names.state = "--state";
    paths.names.xml_copy = "--keep-xml";
    paths.read.extend(list.map(Path::to_owned));
    paths.read.extend(others.into_iter().map(Path::to_owned));
    paths
}

/// Divides the memory of a run.
///
/// # Errors
/// Returns a usage error if `--memory` is less than a run needs.
pub(super) fn budget(args: &XmlArgs, threads: usize) -> Result<MemoryBudget> {
    let least = MemoryBudget::MIN_BYTES;
    if let Some(memory) = args.memory.filter(|memory| *memory < least) {
        let (memory, least) = (format_size(memory), format_size(least));
        return Err(Error::usage(format!("--memory {memory}: at least {least} are needed")));
    }
    MemoryBudget::new(args.memory, threads)
}

/// Returns the options of a job: the memory and the threads of the run, and how XML is read.
///
/// # Errors
/// Returns a usage error if `--memory` is less than a run needs.
pub(super) fn job(args: &XmlArgs, chosen: Option<usize>) -> Result<JobOptions> {
    let budget = budget(args, threads(chosen))?;
    Ok(JobOptions::new(budget).with_xml(options(args, &budget)))
}

/// Returns the number of threads: the given one, or one per processor.
pub(super) fn threads(chosen: Option<usize>) -> usize {
    chosen.unwrap_or_else(available_threads)
}

/// Returns the options for reading XML.
pub(super) fn options(args: &XmlArgs, budget: &MemoryBudget) -> Options {
    Options::default()
        .with_limits(limits(&args.limits, budget))
        .with_strict(args.strict)
        .with_text_repair(!args.no_text_repair)
        .with_salt(&*args.scan_salt)
}

/// Returns the limits of a budget, except those that options set.
fn limits(args: &LimitArgs, budget: &MemoryBudget) -> Limits {
    let mut limits = budget.limits();
    let chosen = [
        (&mut limits.max_value_bytes, args.max_value),
        (&mut limits.max_tag_bytes, args.max_tag),
        (&mut limits.max_host_bytes, args.max_host),
        (&mut limits.max_scan_metadata_bytes, args.max_run),
        (&mut limits.max_pending_bytes, args.max_pending),
        (&mut limits.max_element_depth, args.max_depth),
        (&mut limits.max_attributes, args.max_attributes),
        (&mut limits.max_ports, args.max_ports),
        (&mut limits.max_host_list_bytes, args.max_items),
        (&mut limits.max_archive_depth, args.max_nesting),
        (&mut limits.max_buffered_zip_bytes, args.max_zip),
    ];
    for (limit, choice) in chosen {
        *limit = choice.unwrap_or(*limit);
    }
    let wide = |choice: Option<usize>| choice.and_then(|n| u64::try_from(n).ok());
    limits.max_archive_members = wide(args.max_members).unwrap_or(limits.max_archive_members);
    limits.max_compression_ratio = wide(args.max_ratio).unwrap_or(limits.max_compression_ratio);
    limits.max_decompressed_bytes = wide(args.max_decompressed);
    limits
}
