//! Inputs of a job: paths, lists of paths, and the files found at them.

use std::{
    ffi::OsStr,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    paths::{InputPaths, ReservedPaths},
    progress::{ProgressScope, ProgressTotals},
};
use crate::{
    dataset::Dataset,
    error::Result,
    format::Format,
    fs,
    pipeline::Pipeline,
    source::{self, Input, PathFilter},
};

/// Maximum size of a list of inputs, in bytes: about ten million names.
const MAX_LIST_BYTES: u64 = 1 << 30;

/// Paths of inputs, and the patterns that select files in them.
///
/// A path names a file, a folder, or a dataset; `-` is standard input. A folder stands for all files in it and its
/// subfolders, in byte order of their paths, except hidden ones. Compressed files and archives are recognized by their
/// first bytes.
///
/// ```
/// use scanmill::{ops::Inputs, source::PathFilter};
///
/// let pick = PathFilter::new(&["*.xml".to_owned()], &[])?;
/// let inputs = Inputs::new(["fixtures"]).with_pick(pick);
/// assert!(inputs.resolve().totals().inputs > 40);
/// # Ok::<(), scanmill::error::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Inputs {
    /// Paths in the order in which they are read.
    pub paths: Vec<PathBuf>,
    /// Which files of folders and archives are read; all by default.
    pub pick: PathFilter,
}

impl Inputs {
    /// Creates inputs from paths.
    #[must_use]
    pub fn new<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self { paths: paths.into_iter().map(Into::into).collect(), pick: PathFilter::default() }
    }

    /// Sets which files of folders and archives are read.
    #[must_use]
    pub fn with_pick(mut self, pick: PathFilter) -> Self {
        self.pick = pick;
        self
    }

    /// Finds the files at these paths, in order. A path that cannot be read yields an error in its place, which the job
    /// reports. A dataset is recognized only if it is named itself, not inside a folder.
    #[must_use]
    pub fn resolve(&self) -> ResolvedInputs {
        let mut inputs = Vec::new();
        for path in &self.paths {
            if Dataset::exists(path) {
                inputs.push(ResolvedInput::Dataset(path.clone()));
            } else {
                let found = source::discover(std::slice::from_ref(path), &self.pick);
                inputs.extend(found.into_iter().map(ResolvedInput::Input));
            }
        }
        ResolvedInputs { inputs, pick: self.pick.clone() }
    }

    /// Finds the files at these paths as [`resolve`](Self::resolve) does, but does not recognize datasets.
    #[must_use]
    pub fn resolve_files(&self) -> ResolvedInputs {
        let found = source::discover(&self.paths, &self.pick);
        let inputs = found.into_iter().map(ResolvedInput::Input).collect();
        ResolvedInputs { inputs, pick: self.pick.clone() }
    }
}

/// Input found at one of the paths of [`Inputs`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ResolvedInput {
    /// A file or standard input, or the error if it cannot be found.
    Input(Result<Input>),
    /// A dataset written by `ingest`.
    Dataset(PathBuf),
}

impl ResolvedInput {
    /// Returns the number of bytes to read, before decompression, or `None` if it is unknown.
    #[must_use]
    pub fn packed_len(&self) -> Option<u64> {
        match self {
            Self::Input(Ok(input)) => input.packed_len(),
            Self::Input(Err(_)) | Self::Dataset(_) => Some(0),
        }
    }
}

/// Files found at the paths of [`Inputs`], in order.
#[derive(Debug, Default)]
pub struct ResolvedInputs {
    pub(super) inputs: Vec<ResolvedInput>,
    pick: PathFilter,
}

impl ResolvedInputs {
    /// Returns the inputs.
    #[must_use]
    pub fn inputs(&self) -> &[ResolvedInput] {
        &self.inputs
    }

    /// Returns the number of inputs and their size.
    #[must_use]
    pub fn totals(&self) -> ProgressTotals {
        let lens = self.inputs.iter().map(ResolvedInput::packed_len);
        let add =
            |total: Option<u64>, len| total.zip(len).map(|(sum, len)| sum.saturating_add(len));
        let bytes = lens.fold(Some(0), add);
        ProgressTotals { inputs: u64::try_from(self.inputs.len()).unwrap_or(u64::MAX), bytes }
    }

    /// Returns every path that a job reads: the given paths, the files found in them, and the paths of the caller.
    pub(crate) fn paths<'r>(
        &'r self,
        inputs: &'r Inputs,
        reserved: &'r ReservedPaths,
    ) -> InputPaths<'r> {
        let files = self.inputs.iter().filter_map(|input| match input {
            ResolvedInput::Input(Ok(input)) if !input.explicit => input.path(),
            _ => None,
        });
        InputPaths {
            named: &inputs.paths,
            found: files.collect(),
            others: reserved.read.iter().map(PathBuf::as_path).collect(),
        }
    }

    /// Reads all inputs into a pipeline. Errors of inputs are recorded in the report.
    pub(crate) fn read<F: Format>(
        self,
        pipeline: &mut Pipeline<F>,
        progress: &ProgressScope,
    ) -> Result<()> {
        for input in self.inputs {
            if pipeline.is_stopped() {
                break;
            }
            match input {
                ResolvedInput::Input(Err(error)) => pipeline.refuse(error)?,
                ResolvedInput::Input(Ok(input)) => {
                    progress.input(&input.name);
                    pipeline.read(&input, &self.pick)?;
                }
                ResolvedInput::Dataset(path) => {
                    let name = path.display().to_string();
                    progress.input(&name);
                    match Dataset::open(&path).and_then(|dataset| dataset.replay()) {
                        Ok(mut scans) => pipeline.read_source(&name, &mut scans)?,
                        Err(error) => pipeline.refuse(error)?,
                    }
                }
            }
        }
        Ok(())
    }
}

/// Reads paths from a list: each ended by a NUL byte if the list contains any, else by a line break. Empty lines are
/// ignored, and a list may be UTF-16 with a byte order mark, as PowerShell writes it.
///
/// ```
/// let paths = scanmill::ops::read_list(&b"a.xml\nb.xml\n"[..])?;
/// assert_eq!(paths, ["a.xml", "b.xml"].map(std::path::PathBuf::from));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Fails if the list cannot be read, exceeds 1 GiB, or is not valid UTF-16.
pub fn read_list(list: impl Read) -> io::Result<Vec<PathBuf>> {
    let mut text = Vec::new();
    if io::copy(&mut list.take(MAX_LIST_BYTES), &mut text)? == MAX_LIST_BYTES {
        return Err(io::Error::other("longer than 1 GiB"));
    }
    let text = match utf8(&text) {
        Some(utf16) => utf16?,
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

/// Reads paths from the list in a file, or from standard input for `-`, as [`read_list`] does.
///
/// # Errors
/// Fails if the file cannot be opened, and as [`read_list`] does.
pub fn read_list_file(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.as_os_str() == OsStr::new("-") {
        return read_list(io::stdin().lock());
    }
    read_list(fs::File::open(path)?)
}

/// Byte order mark that some editors write before UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Converts UTF-16, as written by `>` in PowerShell, to UTF-8. Returns `None` unless the text starts with the byte order
/// mark of UTF-16.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_inputs_have_lines_or_nul_bytes() {
        for (text, names) in [
            (&b"a.xml\n\nb c.xml\n"[..], ["a.xml", "b c.xml"]),
            (b"a\nb\0c\0", ["a\nb", "c"]),
            (b"a.xml\r\n\r\nb c.xml\r\n", ["a.xml", "b c.xml"]),
            (b"\xef\xbb\xbfa.xml\nb\r.xml", ["a.xml", "b\r.xml"]),
            (b"\xff\xfea\0\r\0\n\0\xe9\0", ["a", "\u{e9}"]),
            (b"\xfe\xff\0a\0\r\0\n\0\xe9", ["a", "\u{e9}"]),
            (b"a\r\0b\0", ["a\r", "b"]),
        ] {
            assert_eq!(read_list(text).unwrap(), names.map(PathBuf::from));
        }
        assert!(read_list_file(Path::new("none/list")).is_err());
        for broken in [&b"\xff\xfea"[..], b"\xff\xfe\0\xd8"] {
            assert!(read_list(broken).unwrap_err().to_string().contains("UTF-16"));
        }
    }
}
