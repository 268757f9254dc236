//! Inputs of a run and the options for reading them, shared by all commands that read.

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{
    args::{HowArgs, LimitArgs, ReadArgs, refuse_url},
    memory::Shares,
    overlap::Reading,
    progress::Progress,
};
use crate::{
    dataset::Dataset,
    error::{Error, Result},
    format::Format,
    fs,
    limits::Limits,
    pipeline::{Observer, Pipeline},
    source::{self, Input, Pick},
    xml::Options,
};

/// Maximum size of a list of inputs, in bytes: about ten million names.
const LIST: u64 = 1 << 30;

/// Input found at one of the given paths.
pub(super) enum Given {
    /// A file or standard input, or the error if it cannot be found.
    Input(Result<Input>),
    /// A dataset written by `ingest`.
    Dataset(PathBuf),
}

impl Given {
    /// Returns the number of bytes to read, before decompression, or `None` if it is unknown.
    pub(super) fn packed_len(&self) -> Option<u64> {
        match self {
            Self::Input(Ok(input)) => input.packed_len(),
            Self::Input(Err(_)) | Self::Dataset(_) => Some(0),
        }
    }
}

/// Paths of inputs, and the patterns that select files in them.
pub(super) struct Inputs {
    pub(super) paths: Vec<PathBuf>,
    pub(super) pick: Pick,
    /// File that the names of inputs were read from.
    list: Option<PathBuf>,
}

impl Inputs {
    pub(super) fn of(args: &ReadArgs) -> Result<Self> {
        let pick = Pick::new(&args.include, &args.exclude)?;
        let mut paths: Vec<_> = args.inputs.iter().map(|path| path.to_path_buf()).collect();
        let list = args.files_from.as_deref().map(Path::to_path_buf);
        if let Some(list) = &list {
            for path in listed(list)? {
                refuse_url(&path).map_err(|why| {
                    let (list, path) = (list.display(), path.display());
                    Error::usage(format!("--files-from {list}: {path:?}: {why}"))
                })?;
                paths.push(path);
            }
        }
        Ok(Self { paths, pick, list })
    }

    /// Returns all that a run reads: these inputs, the files found in them, and files that options
    /// name.
    pub(super) fn reading<'r>(
        &'r self,
        found: &'r [Given],
        others: impl IntoIterator<Item = &'r Path>,
    ) -> Reading<'r> {
        let others = self.list.as_deref().into_iter().chain(others).collect();
        let files = found.iter().filter_map(|given| match given {
            Given::Input(Ok(input)) if !input.named => input.path(),
            _ => None,
        });
        Reading { named: &self.paths, found: files.collect(), others }
    }

    /// Creates inputs from paths and the patterns that select files in them.
    pub(super) fn new(paths: Vec<PathBuf>, pick: Pick) -> Self {
        Self { paths, pick, list: None }
    }

    /// Finds the inputs at these paths, in order. A dataset is recognized only if it is named
    /// itself, not inside a folder.
    pub(super) fn discover(&self) -> Vec<Given> {
        let mut given = Vec::new();
        for path in &self.paths {
            if Dataset::exists(path) {
                given.push(Given::Dataset(path.clone()));
            } else {
                let found = source::discover(std::slice::from_ref(path), &self.pick);
                given.extend(found.into_iter().map(Given::Input));
            }
        }
        given
    }

    /// Reads inputs into a pipeline, and passes their events to an observer if there is one. Errors
    /// of inputs are recorded in the report.
    pub(super) fn read<F: Format>(
        &self,
        given: Vec<Given>,
        (pipeline, progress): (&mut Pipeline<F>, &Progress),
        mut observer: Option<Observer<'_>>,
    ) -> Result<()> {
        for given in given {
            if pipeline.is_stopped() {
                break;
            }
            match (given, &mut observer) {
                (Given::Input(Err(error)), _) => pipeline.refuse(error)?,
                (Given::Input(Ok(input)), None) => {
                    progress.input(&input.name);
                    pipeline.read(&input, &self.pick)?;
                }
                (Given::Input(Ok(input)), Some(observer)) => {
                    progress.input(&input.name);
                    pipeline.read_observed(&input, &self.pick, *observer)?;
                }
                (Given::Dataset(path), observer) => {
                    let name = path.display().to_string();
                    progress.input(&name);
                    let opened = Dataset::open(&path).and_then(|dataset| dataset.replay());
                    match (opened, observer) {
                        (Err(error), _) => pipeline.refuse(error)?,
                        (Ok(mut scans), None) => {
                            pipeline.replay(&name, &mut scans, &mut |_, _| {})?;
                        }
                        (Ok(mut scans), Some(observer)) => {
                            pipeline.replay(&name, &mut scans, *observer)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Reads the names in a list, each ended by a NUL byte if the list contains any, else by a line
/// break.
fn listed(path: &Path) -> Result<Vec<PathBuf>> {
    let failed =
        |error: io::Error| Error::usage(format!("--files-from {}: {error}", path.display()));
    let mut text = Vec::new();
    let read = if path.as_os_str() == "-" {
        io::copy(&mut io::stdin().lock().take(LIST), &mut text)
    } else {
        fs::File::open(path).and_then(|file| io::copy(&mut file.take(LIST), &mut text))
    };
    if read.map_err(failed)? == LIST {
        return Err(failed(io::Error::other("longer than 1 GiB")));
    }
    let text = match utf8(&text) {
        Some(utf16) => utf16.map_err(failed)?,
        None => text,
    };
    let text = text.strip_prefix(BOM).unwrap_or(&text);
    let end = if text.contains(&0) { 0 } else { b'\n' };
    let names = text.split(|byte| *byte == end).map(|name| match name {
        // In a list with NUL bytes, a carriage return is part of the name.
        [line @ .., b'\r'] if end == b'\n' => line,
        name => name,
    });
    let names = names.filter(|name| !name.is_empty());
    Ok(names.map(|name| PathBuf::from(fs::os_str(name).into_owned())).collect())
}

/// Byte order mark that some editors write before UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Converts UTF-16, as written by `>` in PowerShell, to UTF-8. Returns `None` unless the text
/// starts with the byte order mark of UTF-16.
fn utf8(text: &[u8]) -> Option<io::Result<Vec<u8>>> {
    let (unit, rest): (fn([u8; 2]) -> u16, _) = match text {
        [0xff, 0xfe, rest @ ..] => (u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => (u16::from_be_bytes, rest),
        _ => return None,
    };
    let (units, odd) = rest.as_chunks::<2>();
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-16 throughout");
    if !odd.is_empty() {
        return Some(Err(wrong()));
    }
    let chars = char::decode_utf16(units.iter().map(|two| unit(*two)));
    Some(chars.collect::<Result<String, _>>().map(String::into_bytes).map_err(|_| wrong()))
}

/// Returns the options for reading XML.
pub(super) fn options(args: &HowArgs, shares: &Shares) -> Options {
    Options::default()
        .with_limits(limits(&shares.limits(&args.limits)))
        .with_strict(args.strict)
        .with_text_repair(!args.no_text_repair)
        .with_salt(&*args.scan_salt)
}

fn limits(args: &LimitArgs) -> Limits {
    let mut limits = Limits::default();
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn lists_of_inputs_have_lines_or_nul_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("list");
        for (text, names) in [
            (&b"a.xml\n\nb c.xml\n"[..], ["a.xml", "b c.xml"]),
            (b"a\nb\0c\0", ["a\nb", "c"]),
            (b"a.xml\r\n\r\nb c.xml\r\n", ["a.xml", "b c.xml"]),
            (b"\xef\xbb\xbfa.xml\nb\r.xml", ["a.xml", "b\r.xml"]),
            (b"\xff\xfea\0\r\0\n\0\xe9\0", ["a", "\u{e9}"]),
            (b"\xfe\xff\0a\0\r\0\n\0\xe9", ["a", "\u{e9}"]),
            (b"a\r\0b\0", ["a\r", "b"]),
        ] {
            fs::write(&list, text).unwrap();
            assert_eq!(listed(&list).unwrap(), names.map(PathBuf::from));
        }
        assert!(listed(&folder.path().join("none")).is_err());
        for broken in [&b"\xff\xfea"[..], b"\xff\xfe\0\xd8"] {
            fs::write(&list, broken).unwrap();
            assert!(listed(&list).unwrap_err().to_string().contains("UTF-16"));
        }
    }
}
