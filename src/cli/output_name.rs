//! File name extensions of outputs, which select the format and decide between a file and a folder.
//!
//! The extension of a name is the text after its last dot, if that contains a letter:
//! `scan-2024.01.31` and `v1.2` have none. An extension that no format has is refused, because a
//! name such as `hosts.ods` would promise a format that scanmill does not write. `.gz` and `.zst`
//! after an extension are ignored when the format is selected.

use std::path::Path;

use crate::error::{Error, Result};
pub(super) use crate::ops::is_special;

/// Name of an output.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutputName<'p> {
    path: &'p Path,
    extension: Option<&'p str>,
    /// True if the name ends in `.gz` or `.zst`.
    compressed: bool,
}

impl<'p> OutputName<'p> {
    pub(super) fn new(path: &'p Path) -> Self {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let (stem, extension) = split(name);
        match extension {
            Some("gz" | "zst") => Self { path, extension: split(stem).1, compressed: true },
            extension => Self { path, extension, compressed: false },
        }
    }

    /// Returns the format that the extension selects, or `None` if the name has no extension.
    ///
    /// # Errors
    /// Returns a usage error if the extension is not in `extensions`. The name of a folder may have
    /// any extension.
    pub(super) fn select<T: Copy>(&self, extensions: &[(&str, T)]) -> Result<Option<T>> {
        let known = self.find(extensions);
        if known.is_some() || self.is_folder() || is_special(self.path) {
            return Ok(known);
        }
        let unknown = match self.extension {
            Some(extension) => extension,
            None if self.compressed => "gz or .zst without another one",
            None => return Ok(None),
        };
        let list: Vec<_> =
            extensions.iter().map(|(extension, _)| format!(".{extension}")).collect();
        Err(Error::usage(format!(
            "{}: no format has the ending .{unknown}; the known ones are {}, and text may add .gz or .zst. \
             --to sets the format for any name, and a name that ends in / is a folder",
            self.path.display(),
            list.join(", "),
        )))
    }

    /// Returns the format that the extension selects, if any.
    pub(super) fn find<T: Copy>(&self, extensions: &[(&str, T)]) -> Option<T> {
        let extension = self.extension?;
        let found = extensions.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension));
        found.map(|(_, format)| *format)
    }

    /// Returns true if the output is a folder: an existing one, or a name that ends in `/`.
    pub(super) fn is_folder(&self) -> bool {
        let name = self.path.as_os_str().as_encoded_bytes();
        name.ends_with(b"/") || name.ends_with(b"/.") || self.path.is_dir()
    }

    /// Returns the path as it was given.
    pub(super) fn path(&self) -> &'p Path {
        self.path
    }

    /// Returns true if the name ends in the extension of a compression.
    pub(super) fn is_compressed(&self) -> bool {
        self.compressed
    }
}

/// Splits a name before its last dot. The text after the dot is an extension only if it contains a
/// letter.
fn split(name: &[u8]) -> (&[u8], Option<&str>) {
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0);
    let Some((stem, extension)) = dot.and_then(|dot| name.split_at_checked(dot)) else {
        return (name, None);
    };
    let extension = extension.get(1..).unwrap_or_default();
    // No format has an extension that is not UTF-8.
    let text = std::str::from_utf8(extension).unwrap_or("\u{fffd}");
    let has_letter = |c: char| c.is_alphabetic() || c == '\u{fffd}';
    (stem, Some(text).filter(|text| text.contains(has_letter)))
}

/// Returns the path that an option names, or `None` for standard output.
pub(super) fn file_path(out: Option<&Path>) -> Option<&Path> {
    out.filter(|out| !["-", "/dev/stdout"].iter().any(|name| out.as_os_str() == *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENSIONS: [(&str, u8); 2] = [("csv", 1), ("jsonl", 2)];

    #[test]
    fn an_extension_has_a_letter_and_precedes_a_compression() {
        let select = |name| OutputName::new(Path::new(name)).select(&EXTENSIONS);
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
