//! `_scanmill.json`, the marker of an output folder, which lists the files that scanmill wrote there.
//!
//! A folder is replaced only if its marker lists everything in it, and only listed files are removed from the old
//! folder. So nothing is lost that another program put there, before the command or during it. Readers of Hive layouts
//! ignore names that begin with `_`, and a pattern such as `OUT/*.parquet` does not match it.
//!
//! The marker records no time, and nothing of the command line except the command's name: the same inputs produce the
//! same bytes, and no secret ends up in it. It is read as hostile input: its size is limited, it must be a regular
//! file, and its paths are only compared with those found in the folder, never opened. It may list only files that
//! scanmill creates in such a folder, so a forged marker cannot make another file replaceable.

use std::{
    collections::BTreeSet,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    attributes::{Attributes, create_file},
    lock::hold,
    partition::{PartitionBy, UNRESOLVED, is_part_name},
};
use crate::{error::Error, fs};

/// Name of the marker.
pub(crate) const NAME: &str = "_scanmill.json";

/// Maximum size of a marker in bytes: about 500,000 files.
const MAX_BYTES: u64 = 32 << 20;

/// Names of the files that an output folder may hold. The folder's format defines them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FolderLayout {
    /// Returns true for the name of a table.
    pub(crate) is_table: fn(&str) -> bool,
    /// Returns true for the name of a file that holds a whole document, not a table.
    pub(crate) is_document: fn(&str) -> bool,
    /// Extensions of the file of a table.
    pub(crate) extensions: &'static [&'static str],
    /// Extension of line-based files, to which a feed may be writing.
    pub(crate) line_extension: &'static str,
}

#[cfg(test)]
impl FolderLayout {
    pub(super) const FOR_TESTS: Self = Self {
        is_table: |name| matches!(name, "conflicts" | "hops" | "hosts" | "ports" | "scans"),
        is_document: |name| name == "scan-000001.xml",
        extensions: &["jsonl", "csv", "parquet"],
        line_extension: "jsonl",
    };
}

/// Contents of a marker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// Version of the scanmill that wrote the folder.
    pub(super) version: String,
    /// Command that wrote it, such as `convert`.
    pub(super) command: String,
    /// Names of the tables.
    pub(super) tables: Vec<String>,
    /// Paths of the files relative to the folder, in byte order, without the marker.
    pub(super) files: Vec<String>,
}

/// Reason not to replace a folder.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// The folder contains this entry, which the marker does not list.
    Foreign(PathBuf),
    /// The folder contains this entry, and no marker.
    Unmarked(PathBuf),
    /// The marker is not one that scanmill writes.
    Damaged(String),
    /// Another process is writing a file in the folder.
    Written(Error),
    /// This path cannot be read.
    Unreadable(PathBuf, io::Error),
}

/// Contents of a folder, with paths relative to it.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) files: Vec<PathBuf>,
    /// Folders, each before those inside it.
    pub(super) folders: Vec<PathBuf>,
}

/// Lists all files and folders below a folder, in byte order. Links are not followed.
pub(super) fn list(root: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        for (path, is_folder) in entries(root, &folder)? {
            if is_folder {
                listing.folders.push(path.clone());
                open.push(path);
            } else {
                listing.files.push(path);
            }
        }
    }
    listing.files.sort_unstable();
    listing.folders.sort_unstable();
    Ok(listing)
}

/// Returns the entries of a folder below `root` in byte order, each with a flag that is true for folders.
fn entries(root: &Path, folder: &Path) -> io::Result<Vec<(PathBuf, bool)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        all.push((folder.join(entry.file_name()), entry.file_type()?.is_dir()));
    }
    all.sort_unstable();
    Ok(all)
}

impl Marker {
    /// Creates the marker of a folder with these files.
    pub(super) fn new(command: &str, tables: &[&str], files: &[PathBuf]) -> Self {
        // Names of tables and partitions are ASCII.
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: command.to_owned(),
            tables: tables.iter().map(|&name| name.to_owned()).collect(),
            files: files.iter().map(text).collect(),
        }
    }

    /// Writes the marker into a folder that has none.
    pub(super) fn write(&self, folder: &Path, like: Option<Attributes>) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        let mut file = create_file(&folder.join(NAME), like)?;
        file.write_all(&text)?;
        file.sync_all()
    }

    /// Reads the marker of a folder. Returns `None` if there is none.
    fn read(folder: &Path, layout: FolderLayout) -> Result<Option<Self>, Obstacle> {
        let path = folder.join(NAME);
        let damaged = |why: &str| Obstacle::Damaged(why.to_owned());
        match fs::symlink_metadata(&path) {
            Ok(meta) if !meta.is_file() => return Err(damaged("is not a regular file")),
            Ok(meta) if meta.len() > MAX_BYTES => return Err(damaged("is longer than 32 MiB")),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Obstacle::Unreadable(path, error)),
        }
        let mut text = Vec::new();
        fs::File::open(&path)
            .and_then(|file| io::copy(&mut file.take(MAX_BYTES), &mut text))
            .map_err(|error| Obstacle::Unreadable(path, error))?;
        let marker: Self = serde_json::from_slice(&text).map_err(|_| damaged("is damaged"))?;
        if !marker.tables.iter().all(|name| (layout.is_table)(name))
            || !marker.files.iter().all(|path| marker.is_own(path, layout))
        {
            return Err(damaged("lists a file that scanmill does not write"));
        }
        Ok(Some(marker))
    }

    /// Returns true if `path` is one that scanmill gives to a document, or to a file of a listed table: `ports.csv`,
    /// `ports/part-0.parquet` or `ports/scan_date=2024-01-31/part-0.parquet`.
    fn is_own(&self, path: &str, layout: FolderLayout) -> bool {
        let mut parts = path.split('/');
        let (Some(first), second, third) = (parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        let is_table = |name: &str| self.tables.iter().any(|table| table == name);
        let is_table_file = |name: &str| {
            let split = name.rsplit_once('.');
            split.is_some_and(|(table, ending)| {
                is_table(table) && layout.extensions.contains(&ending)
            })
        };
        parts.next().is_none()
            && match (second, third) {
                (None, _) => is_table_file(first) || (layout.is_document)(first),
                (Some(part), None) => is_table(first) && is_part_name(part),
                (Some(folder), Some(part)) => {
                    is_table(first) && PartitionBy::is_folder(folder) && is_part_name(part)
                }
            }
    }

    /// Returns true for a file of rows whose partition was not known yet, which only an unfinished folder has.
    fn is_unresolved(&self, path: &str) -> bool {
        let [table, UNRESOLVED, part] = *path.split('/').collect::<Vec<_>>() else { return false };
        self.tables.iter().any(|name| name == table) && is_part_name(part)
    }

    /// Returns the folders that scanmill created: those of its files, and those of tables without rows.
    fn folders(&self) -> BTreeSet<&Path> {
        let above = self.files.iter().flat_map(|file| Path::new(file).ancestors().skip(1));
        above.chain(self.tables.iter().map(Path::new)).collect()
    }
}

/// Returns the reason why a folder must not be replaced, or `None` if it is empty or its marker lists everything in it.
pub(super) fn find_obstacle(folder: &Path, layout: FolderLayout) -> Option<Obstacle> {
    check_contents(folder, layout).err()
}

fn check_contents(root: &Path, layout: FolderLayout) -> Result<(), Obstacle> {
    let listed = |folder: &Path| {
        entries(root, folder).map_err(|error| Obstacle::Unreadable(root.join(folder), error))
    };
    let Some(marker) = Marker::read(root, layout)? else {
        return match listed(Path::new(""))?.into_iter().next() {
            Some((first, _)) => Err(Obstacle::Unmarked(root.join(first))),
            None => Ok(()),
        };
    };
    let files: BTreeSet<&Path> = marker.files.iter().map(Path::new).collect();
    let folders = marker.folders();
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        for (path, is_folder) in listed(&folder)? {
            if is_folder && folders.contains(&*path) {
                open.push(path);
                continue;
            }
            let known = path == Path::new(NAME) || files.contains(&*path);
            let full = root.join(&path);
            let meta = fs::if_there(fs::symlink_metadata(&full))
                .map_err(|error| Obstacle::Unreadable(full.clone(), error))?;
            if is_folder || !known || !meta.is_some_and(|meta| meta.is_file()) {
                return Err(Obstacle::Foreign(full));
            }
            // A feed may be writing to a line-based file.
            if full.extension().is_some_and(|ending| ending == layout.line_extension) {
                drop(hold(&full).map_err(Obstacle::Written)?);
            }
        }
    }
    Ok(())
}

/// Removes a replaced folder: the files that its marker lists, and then folders that are empty. Returns the entries
/// that remain, with the reason.
pub(super) fn remove_listed(root: &Path, layout: FolderLayout) -> Vec<(PathBuf, String)> {
    let Ok(Some(marker)) = Marker::read(root, layout) else {
        // An empty folder has no marker.
        return remove_empty(root).err().into_iter().collect();
    };
    let mut left = Vec::new();
    let names = marker.files.iter().map(String::as_str).chain([NAME]);
    for path in names.map(|name| root.join(name)) {
        // A link with the name of a listed file is not scanmill's, and neither is anything reached through a linked
        // folder.
        if is_file_without_links(root, &path)
            && let Err(error) = fs::remove_file(&path)
        {
            left.push((path, error.to_string()));
        }
    }
    let mut folders: Vec<_> = marker.folders().into_iter().map(|path| root.join(path)).collect();
    folders.push(root.to_owned());
    // Reverse byte order puts inner folders first.
    folders.sort_unstable_by(|a, b| b.cmp(a));
    folders.dedup();
    let mut last = Ok(());
    for folder in folders {
        match fs::if_there(fs::symlink_metadata(&folder)) {
            Ok(meta) if meta.as_ref().is_some_and(fs::Metadata::is_dir) => {
                last = remove_empty(&folder);
            }
            Ok(_) => {}
            Err(error) => last = Err((folder, error.to_string())),
        }
    }
    if left.is_empty() {
        left.extend(last.err());
    }
    left
}

/// Removes a folder that was never completed. If it contains anything but files that scanmill writes, it stays as it is.
pub(super) fn remove_unfinished(root: &Path, layout: FolderLayout) -> io::Result<()> {
    let Listing { mut files, folders } = list(root)?;
    files.retain(|path| path != Path::new(NAME));
    let mut marker = Marker::new("", &[], &files);
    let first = |path: &String| path.split(['/', '.']).next().unwrap_or_default().to_owned();
    marker.tables = marker.files.iter().map(first).filter(|name| (layout.is_table)(name)).collect();
    let is_own = |path: &String| marker.is_own(path, layout) || marker.is_unresolved(path);
    if !marker.files.iter().all(is_own) {
        return Ok(());
    }
    let files = files.iter().map(|path| root.join(path)).chain([root.join(NAME)]);
    for path in files.filter(|path| is_file_without_links(root, path)) {
        fs::remove_file(path)?;
    }
    for folder in folders.iter().rev() {
        fs::remove_dir(root.join(folder))?;
    }
    fs::remove_dir(root)
}

fn is_file_without_links(root: &Path, path: &Path) -> bool {
    let above = path.ancestors().skip(1).take_while(|folder| *folder != root);
    let is_dir = |path: &Path| fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir());
    above.into_iter().all(is_dir) && fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
}

fn remove_empty(folder: &Path) -> Result<(), (PathBuf, String)> {
    fs::remove_dir(folder).map_err(|error| (folder.to_owned(), error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: FolderLayout = FolderLayout::FOR_TESTS;

    /// Creates a folder as scanmill writes it: `hosts.csv`, `ports/scanner=1/part-0.parquet`, and the empty table
    /// `hops`.
    fn written(root: &Path) {
        fs::create_dir_all(root.join("ports/scanner=1")).unwrap();
        fs::create_dir_all(root.join("hops")).unwrap();
        fs::write(root.join("hosts.csv"), "").unwrap();
        fs::write(root.join("ports/scanner=1/part-0.parquet"), "").unwrap();
        let files = list(root).unwrap().files;
        Marker::new("convert", &["hops", "hosts", "ports"], &files).write(root, None).unwrap();
    }

    #[test]
    fn a_marker_has_no_time_and_lists_files_in_byte_order() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path());
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            fs::read_to_string(folder.path().join(NAME)).unwrap(),
            format!(
                "{{\n  \"version\": \"{version}\",\n  \"command\": \"convert\",\n  \"tables\": [\n    \"hops\",\n    \"hosts\",\n    \
                 \"ports\"\n  ],\n  \"files\": [\n    \"hosts.csv\",\n    \"ports/scanner=1/part-0.parquet\"\n  ]\n}}\n"
            )
        );
        assert!(find_obstacle(folder.path(), LAYOUT).is_none());
    }

    #[test]
    fn a_file_that_is_not_listed_keeps_a_folder_and_is_named() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 8] = [
            ("notes.txt", |root| fs::write(root.join("notes.txt"), "").unwrap()),
            (".hidden", |root| fs::write(root.join(".hidden"), "").unwrap()),
            (".git", |root| fs::create_dir(root.join(".git")).unwrap()),
            ("ports/empty", |root| fs::create_dir(root.join("ports/empty")).unwrap()),
            ("ports/scanner=1/b", |root| fs::write(root.join("ports/scanner=1/b"), "").unwrap()),
            ("link", |root| std::os::unix::fs::symlink("hosts.csv", root.join("link")).unwrap()),
            ("hosts.csv", |root| {
                fs::rename(root.join("hosts.csv"), root.join("hops/hosts.csv")).unwrap();
                std::os::unix::fs::symlink("hops/hosts.csv", root.join("hosts.csv")).unwrap();
            }),
            ("hosts.csv", |root| {
                fs::remove_file(root.join("hosts.csv")).unwrap();
                fs::create_dir(root.join("hosts.csv")).unwrap();
            }),
        ];
        for (name, change) in changes {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().join("out");
            fs::create_dir(&root).unwrap();
            written(&root);
            change(&root);
            match find_obstacle(&root, LAYOUT) {
                Some(Obstacle::Foreign(path)) => assert_eq!(path, root.join(name)),
                other => panic!("{name}: {other:?}"),
            }
            // Even if it appeared between the check and the replacement, it is kept.
            let left = remove_listed(&root, LAYOUT);
            assert!(!left.is_empty() && fs::symlink_metadata(root.join(name)).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_folder_of_listed_files_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("out");
        fs::create_dir(&root).unwrap();
        written(&root);
        assert!(remove_listed(&root, LAYOUT).is_empty() && !root.exists());
    }

    #[test]
    fn a_forged_or_damaged_marker_prevents_replacing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("out");
        fs::create_dir(&root).unwrap();
        fs::write(folder.path().join("mine"), "").unwrap();
        let with = |files: &str| {
            format!("{{\"version\":\"1\",\"command\":\"convert\",\"tables\":[],\"files\":{files}}}")
        };
        for text in [
            String::new(),
            "{}".into(),
            "[".repeat(100_000),
            "\u{0}".into(),
            with("[\"../mine\"]"),
            with("[\"/etc/passwd\"]"),
            with("[\"a/../../mine\"]"),
            with("[\"\"]"),
            with("[1]"),
            with("[\"notes.txt\"]"),
            with("[\".git/config\"]"),
            with("[\"ports/part-0.parquet\"]"),
            with("[]").replace("[],\"files", "[\"mine\"],\"files"),
            with("[]").replace("[],\"files", "[\"..\"],\"files"),
        ] {
            fs::write(root.join(NAME), &text).unwrap();
            assert!(
                matches!(find_obstacle(&root, LAYOUT), Some(Obstacle::Damaged(_))),
                "{text:.40}"
            );
            remove_listed(&root, LAYOUT);
            assert!(folder.path().join("mine").exists() && root.join(NAME).exists());
        }
        let file = fs::File::create(root.join(NAME)).unwrap();
        file.set_len(MAX_BYTES + 1).unwrap();
        assert!(matches!(find_obstacle(&root, LAYOUT), Some(Obstacle::Damaged(_))));
        fs::remove_file(root.join(NAME)).unwrap();
        std::os::unix::fs::symlink("../mine", root.join(NAME)).unwrap();
        assert!(matches!(find_obstacle(&root, LAYOUT), Some(Obstacle::Damaged(_))));
    }

    #[test]
    fn a_marker_lists_the_names_of_tables() {
        let tables = &["hosts", "ports", "conflicts"];
        let marker = Marker::new("convert", tables, &[]);
        for path in [
            "hosts.csv",
            "conflicts.jsonl",
            "ports.parquet",
            "ports/part-0.parquet",
            "ports/part-120.parquet",
            "ports/scan_date=2024-01-31/part-0.parquet",
            "ports/scan_date=__HIVE_DEFAULT_PARTITION__/part-0.parquet",
            "ports/scanner=..%2Fa%20b/part-0.parquet",
        ] {
            assert!(marker.is_own(path, LAYOUT), "{path}");
        }
        for path in [
            "",
            "hosts",
            "hosts.txt",
            "hosts.csv.gz",
            ".hosts.csv",
            "scans.csv",
            "ports/hosts.csv",
            "ports/part-.parquet",
            "ports/part-01.parquet",
            "ports/part-x.parquet",
            "ports/part-0.parquet/x",
            "ports/x=1/part-0.parquet",
            "ports/scanner=/part-0.parquet",
            "ports/scanner=a b/part-0.parquet",
            "ports/scanner=1/hosts.csv",
            "ports/scanner=1/x/part-0.parquet",
            "../hosts.csv",
            "/hosts.csv",
        ] {
            assert!(!marker.is_own(path, LAYOUT), "{path}");
        }
    }

    #[test]
    fn files_without_a_marker_are_foreign() {
        let folder = tempfile::tempdir().unwrap();
        assert!(find_obstacle(folder.path(), LAYOUT).is_none());
        fs::write(folder.path().join("hosts.parquet"), "").unwrap();
        assert!(matches!(find_obstacle(folder.path(), LAYOUT), Some(Obstacle::Unmarked(_))));
    }
}
