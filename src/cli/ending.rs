//! What the name of an output says: its format, and whether it is a file or a folder.
//!
//! An ending is what follows the last dot of a name, unless that has no letter: `scan-2024.01.31` and `v1.2` have
//! none. An ending that no format has is refused, since a name such as `hosts.xlsx` promises what cannot be kept.
//! `.gz` and `.zst` behind an ending are looked through.

use std::path::Path;

use crate::error::{Error, Result};

/// The name of an output.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutputName<'p> {
    path: &'p Path,
    ending: Option<&'p str>,
    /// Whether the name ends in `.gz` or `.zst`.
    compressed: bool,
}

impl<'p> OutputName<'p> {
    pub(super) fn of(path: &'p Path) -> Self {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let (stem, ending) = split(name);
        match ending {
            Some("gz" | "zst") => Self { path, ending: split(stem).1, compressed: true },
            ending => Self { path, ending, compressed: false },
        }
    }

    /// The format that the name selects among those that endings stand for; `None` if it has no ending.
    ///
    /// # Errors
    /// A usage error if the ending is none of these. The name of a folder may have any.
    pub(super) fn select<T: Copy>(&self, endings: &[(&str, T)]) -> Result<Option<T>> {
        let known = self.find(endings);
        if known.is_some() || self.is_folder() || is_special(self.path) {
            return Ok(known);
        }
        let unknown = match self.ending {
            Some(ending) => ending,
            None if self.compressed => "gz or .zst alone",
            None => return Ok(None),
        };
        let list: Vec<_> = endings.iter().map(|(ending, _)| format!(".{ending}")).collect();
        Err(Error::usage(format!(
            "{}: no format has the ending .{unknown}; those known are {}, text also with .gz or .zst behind \
             it. --to gives the format of any name, and one that ends in / is a folder",
            self.path.display(),
            list.join(", "),
        )))
    }

    /// The format that the ending stands for, if any.
    pub(super) fn find<T: Copy>(&self, endings: &[(&str, T)]) -> Option<T> {
        let ending = self.ending?;
        let found = endings.iter().find(|(known, _)| known.eq_ignore_ascii_case(ending));
        found.map(|(_, format)| *format)
    }

    /// Whether a folder is meant: one that is there, or a name that ends in `/`.
    pub(super) fn is_folder(&self) -> bool {
        let name = self.path.as_os_str().as_encoded_bytes();
        name.ends_with(b"/") || name.ends_with(b"/.") || self.path.is_dir()
    }

    /// The path as given.
    pub(super) fn path(&self) -> &'p Path {
        self.path
    }

    /// Whether the name ends in that of a compression.
    pub(super) fn is_compressed(&self) -> bool {
        self.compressed
    }
}

/// Splits a name before its last dot. What follows the dot is an ending only if it has a letter.
fn split(name: &[u8]) -> (&[u8], Option<&str>) {
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0);
    let Some((stem, ending)) = dot.and_then(|dot| name.split_at_checked(dot)) else {
        return (name, None);
    };
    let ending = ending.get(1..).unwrap_or_default();
    // An ending of other bytes is one that no format has.
    let text = std::str::from_utf8(ending).unwrap_or("\u{fffd}");
    let has_letter = |c: char| c.is_alphabetic() || c == '\u{fffd}';
    (stem, Some(text).filter(|text| text.contains(has_letter)))
}

/// Whether a path is a device, a pipe or a socket, which is written as it is, whatever its name.
pub(super) fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

/// The output that an option names; `None` for standard output.
pub(super) fn named(out: Option<&Path>) -> Option<&Path> {
    out.filter(|out| !["-", "/dev/stdout"].iter().any(|name| out.as_os_str() == *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDINGS: [(&str, u8); 2] = [("csv", 1), ("jsonl", 2)];

    #[test]
    fn an_ending_has_a_letter_and_is_looked_for_behind_compressions() {
        let select = |name| OutputName::of(Path::new(name)).select(&ENDINGS);
        for (name, format) in [
            ("a.csv", Some(1)),
            ("a.b/x.CSV", Some(1)),
            ("a.2024.jsonl.gz", Some(2)),
            ("a.csv.zst", Some(1)),
            ("a", None),
            (".csv", None),
            ("a.", None),
            ("..", None),
            ("a.csv/x", None),
            ("scan-2024.01.31", None),
            ("v1.2", None),
            ("192.0.2.0_24", None),
            ("a.json/", None),
            ("a.json/.", None),
            ("/dev/null", None),
        ] {
            assert_eq!(select(name).unwrap(), format, "{name}");
        }
        for name in [
            "a.json",
            "a.csvx",
            "a.csv.json",
            "a.csv.gz.bak",
            "a.gz",
            "a.7z",
            "a.csv.GZ",
            "a.c\u{e9}",
        ] {
            let message = select(name).unwrap_err().to_string();
            assert!(message.contains(".csv, .jsonl"), "{message}");
        }
    }
}
