//! Where bytes come from: paths, folders and standard input. Nothing here knows XML.

mod magic;

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs::{self, File},
    io::{self, Read},
    os::unix::{ffi::OsStrExt, fs::FileTypeExt},
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};

/// An input: a file or standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name as given, with what is not UTF-8 as `\xNN`.
    pub name: String,
    /// Whether it was named itself, not found in a folder.
    pub named: bool,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Stdin,
    File(PathBuf),
}

/// An input that is open.
pub struct Opened {
    /// Its bytes.
    pub bytes: Box<dyn Read + Send>,
    /// Whether they may come slowly, as from a pipe.
    pub live: bool,
    /// How many they are, if that is known.
    pub len: Option<u64>,
}

/// Finds the inputs that paths name: `-` is standard input, a folder stands for all files in it and below,
/// in byte order of their paths, less hidden ones. What cannot be read is given in its place as an error.
#[must_use]
pub fn discover(paths: &[PathBuf]) -> Vec<Result<Input>> {
    let mut found = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            found.push(Ok(Input { name: "-".into(), named: true, place: Place::Stdin }));
        } else if path.is_dir() {
            folder(path, &mut found);
        } else {
            found.push(Ok(Input::file(path.clone(), true)));
        }
    }
    found
}

impl Input {
    fn file(path: PathBuf, named: bool) -> Self {
        Self { name: display(&path), named, place: Place::File(path) }
    }

    /// Opens the input.
    ///
    /// # Errors
    /// If it cannot be opened or read, or if its first bytes are those of a compressed file or archive.
    pub fn open(&self) -> Result<Opened> {
        let failed = |error: Error| error.in_input(&*self.name);
        let (bytes, live, len): (Box<dyn Read + Send>, bool, Option<u64>) = match &self.place {
            Place::Stdin => (Box::new(io::stdin()), true, None),
            Place::File(path) => {
                let file = File::open(path).map_err(|error| failed(error.into()))?;
                let meta = file.metadata().map_err(|error| failed(error.into()))?;
                if meta.is_dir() {
                    return Err(failed(io::Error::from(io::ErrorKind::IsADirectory).into()));
                }
                let kind = meta.file_type();
                let live = kind.is_fifo() || kind.is_char_device() || kind.is_socket();
                (Box::new(file), live, (!live).then_some(meta.len()))
            }
        };
        let bytes = magic::checked(bytes).map_err(failed)?;
        Ok(Opened { bytes, live, len })
    }
}

/// A path as text, with what is not UTF-8 as `\xNN` (DATA_MODEL section 4).
fn display(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing into a string cannot fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
}

/// Files of a folder and below. Links to files are followed, links to folders are not: they could lead in
/// a circle.
fn folder(root: &Path, found: &mut Vec<Result<Input>>) {
    let mut files: Vec<(PathBuf, Option<io::Error>)> = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                files.push((folder, Some(error)));
                continue;
            }
        };
        for entry in entries {
            match entry {
                Ok(entry) if is_hidden(&entry.file_name()) => {}
                Ok(entry) => match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    Ok(kind) if kind.is_file() || entry.path().is_file() => {
                        files.push((entry.path(), None));
                    }
                    _ => {}
                },
                Err(error) => files.push((folder.clone(), Some(error))),
            }
        }
    }
    files.sort_by(|(a, _), (b, _)| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    found.extend(files.into_iter().map(|(path, error)| match error {
        Some(error) => Err(Error::from(error).in_input(display(&path))),
        None => Ok(Input::file(path, false)),
    }));
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_in_byte_order_without_hidden_files_and_circles() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["b.xml", "a/z.xml", "a.xml", ".hidden.xml", ".git/x.xml", "B/x.xml"] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        std::os::unix::fs::symlink(root, root.join("a/circle")).unwrap();
        std::os::unix::fs::symlink(root.join("b.xml"), root.join("link.xml")).unwrap();
        let bad = OsStr::from_bytes(b"c\xff.xml");
        fs::write(root.join(bad), "x").unwrap();
        let names: Vec<_> = discover(&[root.to_owned()])
            .into_iter()
            .map(|input| input.unwrap())
            .map(|input| {
                assert!(!input.named);
                input.name.strip_prefix(root.to_str().unwrap()).unwrap().to_owned()
            })
            .collect();
        let expected = ["/B/x.xml", "/a.xml", "/a/z.xml", "/b.xml", "/c\\xFF.xml", "/link.xml"];
        assert_eq!(names, expected);
    }

    #[test]
    fn what_is_missing_or_compressed_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.xml");
        let error = discover(&[missing])[0].as_ref().unwrap().open().err().unwrap();
        assert!(error.to_string().contains("missing.xml: E_IO"), "{error}");
        let packed = folder.path().join("scan.xml");
        fs::write(&packed, b"\x1f\x8b\x08\x00rest").unwrap();
        let error = discover(&[packed])[0].as_ref().unwrap().open().err().unwrap();
        assert!(error.to_string().contains("E_DECOMPRESS"), "{error}");
        assert!(error.to_string().contains("gzip"), "{error}");
    }
}
