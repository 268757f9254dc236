//! Finds inputs in folders.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

use super::{input::Input, member::display, path_filter::PathFilter};
use crate::{
    error::{Error, Result},
    fs,
};

/// Finds the inputs that paths name. `-` is standard input. A folder is replaced by all files in and below it, in byte
/// order of their paths, except hidden files and files that `filter` does not take. Paths that cannot be read yield an
/// error in their place.
#[must_use]
pub fn discover(paths: &[PathBuf], filter: &PathFilter) -> Vec<Result<Input>> {
    let mut found = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            found.push(Ok(Input::stdin()));
        } else if path.is_dir() {
            folder(path, filter, &mut found);
        } else {
            found.push(Ok(Input::file(path.clone(), true)));
        }
    }
    found
}

/// Entry of a folder.
enum EntryKind {
    Folder,
    File,
    /// Pipe, socket, device, or a link to one of these or to a folder.
    Other,
}

fn kind(entry: &fs::DirEntry) -> io::Result<EntryKind> {
    let kind = entry.file_type()?;
    Ok(if kind.is_dir() {
        EntryKind::Folder
    } else if kind.is_file() || (kind.is_symlink() && fs::metadata(entry.path())?.is_file()) {
        EntryKind::File
    } else {
        EntryKind::Other
    })
}

/// Lists the files in and below a folder. Links to files are followed; links to folders are not, because they could
/// form a cycle.
fn folder(root: &Path, filter: &PathFilter, found: &mut Vec<Result<Input>>) {
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
                Ok(entry) => match kind(&entry) {
                    Ok(EntryKind::Folder) => folders.push(entry.path()),
                    Ok(EntryKind::File) => files.push((entry.path(), None)),
                    // A dangling or cyclic link.
                    Err(error) if filter.matches(inside(&entry.path(), root)) => {
                        files.push((entry.path(), Some(error)));
                    }
                    Ok(EntryKind::Other) | Err(_) => {}
                },
                Err(error) => files.push((folder.clone(), Some(error))),
            }
        }
    }
    if !filter.is_empty() {
        files.retain(|(path, error)| error.is_some() || filter.matches(inside(path, root)));
    }
    files.sort_by(|(a, _), (b, _)| {
        a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes())
    });
    found.extend(files.into_iter().map(|(path, error)| match error {
        Some(error) => Err(Error::from(error).with_input(display(&path))),
        None => Ok(Input::file(path, false)),
    }));
}

/// Returns the path of a file relative to the folder.
fn inside<'p>(path: &'p Path, root: &Path) -> &'p [u8] {
    path.strip_prefix(root).unwrap_or(path).as_os_str().as_encoded_bytes()
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::{super::member::Member, *};
    use crate::limits::Limits;

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
        let names: Vec<_> = discover(&[root.to_owned()], &PathFilter::default())
            .into_iter()
            .map(|input| input.unwrap())
            .map(|input| {
                assert!(!input.explicit);
                input.name.strip_prefix(root.to_str().unwrap()).unwrap().to_owned()
            })
            .collect();
        let expected = ["/B/x.xml", "/a.xml", "/a/z.xml", "/b.xml", "/c\\xFF.xml", "/link.xml"];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_missing_input_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.xml");
        let found = discover(&[missing], &PathFilter::default()).remove(0).unwrap();
        let mut shown = Vec::new();
        let mut visit = |member: Result<Member<'_>>| {
            shown.push(member.map(|_| ()).unwrap_err().to_string());
            Ok(())
        };
        found.visit(&Limits::default(), &PathFilter::default(), &mut visit).unwrap();
        assert!(shown[0].contains("missing.xml: E_IO"), "{shown:?}");
    }
}
