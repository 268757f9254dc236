//! Rule for replacing existing files, shared by all single-file outputs.

use std::{
    io::{self, BufReader},
    path::Path,
};

use serde::{Deserialize, de::IgnoredAny};

use super::target::follow;
use crate::{
    error::{Error, ErrorKind, Result},
    fs::{self, File},
};

/// Existing files that an output may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replace {
    /// No file.
    Nothing,
    /// Empty files and earlier reports.
    Reports,
    /// Any file.
    Anything,
}

impl Replace {
    /// Returns `Anything` with `--overwrite`, otherwise `Nothing`.
    pub(crate) const fn of(overwrite: bool) -> Self {
        if overwrite { Self::Anything } else { Self::Nothing }
    }

    /// Returns `Anything` with `--overwrite`, otherwise `Reports`.
    pub(crate) const fn report(overwrite: bool) -> Self {
        if overwrite { Self::Anything } else { Self::Reports }
    }
}

/// Refuses an output, called `name` in messages, that would replace a file it may not replace. Symbolic links are
/// followed. Anything that is neither a file nor a folder is written in place, which loses nothing.
///
/// # Errors
/// Returns [`ErrorKind::Exists`] or a usage error if the existing file may not be replaced, and an output error if it cannot be examined.
pub(crate) fn refuse_existing(path: &Path, name: &str, replace: Replace) -> Result<()> {
    if replace == Replace::Anything {
        return Ok(());
    }
    let failed = |error: io::Error| Error::sink(name, error);
    let target = follow(path).map_err(failed)?;
    let Some(meta) = fs::if_there(fs::symlink_metadata(&target)).map_err(failed)? else {
        return Ok(());
    };
    if replace == Replace::Nothing {
        return Err(Error::new(ErrorKind::Exists { target: name.to_owned() }));
    }
    if !meta.is_file() || meta.len() == 0 || is_report(&target).map_err(failed)? {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{name} exists, and is not a report of scanmill: it is not replaced; remove it, or name another file"
    )))
}

/// Members that every report has.
#[derive(Deserialize)]
#[expect(dead_code, reason = "that they are there, and of these types, is what counts")]
struct Report {
    scans: u64,
    hosts: u64,
    ports: u64,
    bytes: u64,
    inputs: Vec<IgnoredAny>,
    rows: IgnoredAny,
    lines: u64,
    warnings: IgnoredAny,
    interrupted: bool,
}

/// Returns true if a file is a report written by scanmill. The file is parsed as a stream, because the report of an
/// archive with a million inputs takes hundreds of megabytes.
fn is_report(path: &Path) -> io::Result<bool> {
    let file = BufReader::new(File::open(path)?);
    match serde_json::from_reader::<_, Report>(file) {
        Ok(_) => Ok(true),
        Err(error) if error.is_io() => Err(error.into()),
        Err(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_recognized_by_their_members() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let report = "{\"scans\": 1, \"hosts\": 2, \"ports\": 3, \"bytes\": 4, \"inputs\": [{\"name\": \"a\"}], \
                      \"rows\": {\"hosts\": 2}, \"lines\": 0, \"warnings\": {}, \"interrupted\": false, \"more\": 1}\n";
        let cut = &report[..report.len() - 3];
        let lines = report.repeat(2);
        let others = ["{}", "[]", "notes", "\0PAR1", "{\"scans\": 1}", cut, &lines];
        for (text, is) in others.map(|text| (text, false)).into_iter().chain([(report, true)]) {
            fs::write(&path, text).unwrap();
            assert_eq!(is_report(&path).unwrap(), is, "{text}");
            let refused = |replace| refuse_existing(&path, "name", replace).is_err();
            let found = [Replace::Nothing, Replace::Reports, Replace::Anything].map(refused);
            assert_eq!(found, [true, !is, false], "{text}");
        }
        fs::write(&path, "").unwrap();
        assert!(refuse_existing(&path, "name", Replace::Reports).is_ok());
        let none = folder.path().join("none");
        assert!(refuse_existing(&none, "name", Replace::Nothing).is_ok());
    }
}
