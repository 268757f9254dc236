//! Checks the layers of the crate: which modules may import which, and which of them may use a package or the
//! system.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::{Path, PathBuf},
};

use crate::support::root;

/// The modules that each module may import from this crate; `*` is everything.
const MAY_IMPORT: [(&str, &[&str]); 31] = [
    ("text", &[]),
    ("codec", &[]),
    ("error", &[]),
    ("limits", &[]),
    ("fs", &[]),
    ("getopt", &[]),
    ("snapshot", &["limits"]),
    ("model", &["error", "text", "codec"]),
    ("nse", &["model", "text"]),
    ("xml", &["model", "error", "limits", "text"]),
    ("process", &["fs"]),
    ("source", &["error", "limits", "text", "fs"]),
    ("request", &["error", "getopt"]),
    ("engine", &["model", "request", "error"]),
    ("merge", &["model", "error", "limits", "fs", "getopt", "snapshot", "codec"]),
    ("table", &["model", "nse", "error", "text", "fs"]),
    ("feed", &["table", "model", "error", "text"]),
    ("filter", &["model", "error", "text"]),
    ("exec", &["error"]),
    ("output", &["error", "fs"]),
    ("format", &["table", "feed", "model", "output", "exec", "error", "text", "fs"]),
    ("dataset", &["table", "format", "output", "model", "error", "limits", "text", "fs"]),
    (
        "pipeline",
        &[
            "filter", "xml", "source", "engine", "merge", "history", "table", "format", "output",
            "exec", "model", "error", "limits",
        ],
    ),
    ("scanner", &["xml", "source", "process", "engine", "request", "merge", "model", "error"]),
    ("diff", &["filter", "merge", "model", "error"]),
    ("history", &["merge", "model", "error"]),
    (
        "watch",
        &[
            "filter", "pipeline", "diff", "xml", "source", "merge", "table", "feed", "format",
            "output", "model", "error", "text", "fs", "snapshot",
        ],
    ),
    ("ops", &["*"]),
    ("fuzzing", &["*"]),
    ("cli", &["*"]),
    ("main", &["*"]),
];

/// Packages that only these modules may use.
const OWNED: [(&str, &[&str]); 18] = [
    ("quick_xml", &["xml"]),
    ("memchr", &["xml"]),
    ("encoding_rs", &["xml"]),
    ("flate2", &["source", "output", "format"]),
    ("zstd", &["source", "output", "merge", "snapshot"]),
    ("base64", &["nse"]),
    ("bzip2", &["source"]),
    ("liblzma", &["source"]),
    ("arrow", &["table", "format", "dataset", "ops"]),
    ("parquet", &["format", "dataset"]),
    ("rayon", &["exec", "format", "dataset"]),
    ("rusqlite", &["format", "ops"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("similar", &["cli"]),
    ("winnow", &["filter"]),
    ("regex", &["filter"]),
    ("mimalloc", &["main"]),
];

/// Files that may use what only Unix systems have. Each has a counterpart, another file or another function,
/// for other systems.
const UNIX: [&str; 6] = [
    "src/fs/unix.rs",
    "src/process/child.rs",
    "src/process/orphans.rs",
    "src/process/pipe.rs",
    "src/cli/signals/unix.rs",
    "src/ops/machine.rs",
];

/// Modules in which some files still import each other in circles of more than two. The list only gets shorter.
const CIRCULAR: [&str; 0] = [];

/// Returns the lines of code of every source file, with its top-level module.
fn sources() -> Vec<(String, PathBuf, Vec<String>)> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    files.sort();
    assert!(files.len() > 20, "the sources are missing");
    files
        .into_iter()
        .filter(|path| !path.ends_with("src/lib.rs"))
        .map(|path| {
            let inside = path.strip_prefix(root().join("src")).unwrap();
            let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
            let module = first.trim_end_matches(".rs").to_owned();
            (module, path.clone(), code(&fs::read_to_string(&path).unwrap()))
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Returns the code before the tests, without comments and with each `use` statement on one line.
fn code(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        let starts = line.starts_with("use ") || (line.starts_with("pub") && line.contains("use "));
        match lines.last_mut() {
            Some(last) if open => last.push_str(line),
            _ => lines.push(line.to_owned()),
        }
        open = (open || starts) && !line.ends_with(';');
    }
    lines
}

/// Returns the modules after `crate::` in a line, including those in groups.
fn imports(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(heads(group)),
            None => found.push(head(rest)),
        }
    }
    found
}

fn head(path: &str) -> String {
    path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Returns the first names of the members of a group. `text` begins after the opening brace.
fn heads(group: &str) -> Vec<String> {
    let mut depth = 1;
    let mut member = String::new();
    let mut found = Vec::new();
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => found.push(head(std::mem::take(&mut member).trim())),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if c != ',' || depth > 1 {
            member.push(c);
        }
    }
    found.push(head(member.trim()));
    found.retain(|name| !name.is_empty());
    found
}

#[test]
fn imports_are_found_in_groups_and_paths() {
    assert_eq!(imports("use crate::model::Host;"), ["model"]);
    assert_eq!(
        imports("use crate::{error::{Error, Result},model::Host,json};"),
        ["error", "model", "json"]
    );
    assert_eq!(imports("let x = crate::format::open(y);"), ["format"]);
    assert_eq!(
        code("use crate::{\n    a::B,\n    c,\n};\nfn f() {}\n"),
        ["use crate::{a::B,c,};", "fn f() {}"]
    );
}

#[test]
fn modules_import_only_what_their_layer_allows() {
    for (module, path, lines) in sources() {
        let rule = MAY_IMPORT.iter().find(|(name, _)| *name == module);
        let (_, allowed) = rule.unwrap_or_else(|| panic!("{module} has no layer; list it here"));
        for line in &lines {
            for import in imports(line) {
                // The body of a fuzz target belongs to its layer, and may use what all bodies share.
                let of_fuzzing = import == "fuzzing" && path.ends_with("fuzzing.rs");
                let fine = import == module
                    || of_fuzzing
                    || allowed.contains(&"*")
                    || allowed.contains(&&*import);
                assert!(fine, "{}: {module} may not import {import}: {line}", path.display());
            }
        }
    }
}

#[test]
fn every_permission_to_import_is_used() {
    let mut used = BTreeSet::new();
    for (module, _, lines) in sources() {
        let imports = lines.iter().flat_map(|line| imports(line));
        used.extend(imports.map(|import| (module.clone(), import)));
    }
    for (module, allowed) in MAY_IMPORT {
        for import in allowed.iter().filter(|import| **import != "*") {
            let is_used = used.contains(&(module.to_owned(), (*import).to_owned()));
            assert!(is_used, "{module} does not import {import}: remove the permission");
        }
    }
}

#[test]
fn packages_are_used_only_by_the_module_they_belong_to() {
    for (module, path, lines) in sources() {
        for (package, owners) in OWNED {
            let uses = |line: &&String| {
                let named = line.match_indices(&format!("{package}::")).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':'))
                });
                // A module of that name may be part of a path.
                named && !line.contains(&format!("mod {package}"))
            };
            let found = lines.iter().find(uses);
            let own = owners.contains(&&*module) || (package == "arrow" && module == "pipeline");
            let own_module =
                path.parent().is_some_and(|folder| folder.join(format!("{package}.rs")).exists());
            assert!(
                found.is_none() || own || own_module,
                "{}: {module} may not use {package}: {found:?}",
                path.display()
            );
        }
    }
}

/// Returns true if a line uses the file system other than through `crate::fs`.
fn passes_fs(line: &str) -> bool {
    let group =
        line.strip_prefix("use std::{").is_some_and(|group| heads(group).contains(&"fs".into()));
    let named = ["rustix::fs", "rustix::{fs", "tempfile::"].iter().any(|name| line.contains(name));
    // `std::os::unix::fs` has only traits.
    group || named || line.contains("std::fs")
}

#[test]
fn files_are_read_and_written_through_one_module() {
    for uses in ["use std::{fs::{self,File},io,};", "use std::{io,fs};", "std::fs::read(path)"] {
        assert!(passes_fs(uses), "{uses}");
    }
    assert!(!passes_fs("use std::{io,os::unix::fs::MetadataExt as _,};"));
    for (module, path, lines) in sources() {
        let found = lines.iter().find(|line| passes_fs(line)).filter(|_| module != "fs");
        assert!(found.is_none(), "{}: use crate::fs: {found:?}", path.display());
    }
}

#[test]
fn programs_are_started_in_one_file() {
    for (_, path, lines) in sources() {
        let starts = lines
            .iter()
            .map(|line| line.replace("CommandSpec", ""))
            .any(|line| line.contains("process::Command") || line.contains("Command::new"));
        let clap = path.components().any(|part| part.as_os_str() == "cli");
        assert!(!starts || clap || path.ends_with("process/child.rs"), "{}", path.display());
    }
}

#[test]
fn only_one_module_writes_messages() {
    // `output` writes data, which is not a message, to standard output; `fs` identifies the file behind it.
    let may = ["cli/terminal.rs", "fs/unix.rs", "output/stream.rs"];
    let writes =
        ["io::stderr()", "io::stdout()", " stderr()", " stdout()", "print!(", "println!(", "dbg!("];
    for (_, path, lines) in sources() {
        if may.iter().any(|file| path.ends_with(file)) {
            continue;
        }
        // The standard output of a child process is not our own.
        let found = lines.iter().find(|line| {
            !line.contains("take_stdout()") && writes.iter().any(|writes| line.contains(writes))
        });
        assert!(found.is_none(), "{} writes past cli/terminal.rs: {found:?}", path.display());
    }
}

#[test]
fn unix_apis_are_used_in_few_files() {
    let names = |line: &str| {
        let group = line
            .strip_prefix("use std::{")
            .is_some_and(|group| heads(group).contains(&"os".into()));
        group || ["std::os::", "rustix::", "signal_hook::"].iter().any(|name| line.contains(name))
    };
    for line in ["use std::{io,os::unix::fs::MetadataExt as _,};", "use std::os::fd::AsFd;"] {
        assert!(names(line), "{line}");
    }
    assert!(!names("use std::io;") && !names("pub use self::{os::{Os,OsClass},};"));
    for (_, path, lines) in sources() {
        let known = UNIX.iter().any(|file| path.ends_with(file))
            || path.ends_with("src/cli/signals/portable.rs");
        let found = lines.iter().find(|line| names(line)).filter(|_| !known);
        assert!(found.is_none(), "{}: ask crate::fs or crate::process: {found:?}", path.display());
    }
}

/// Files outside the command whose text contains options that are not those of the command, or that users of the
/// library read as well: nmap's own options, options in saved states, and descriptions of columns.
const NAME_OPTIONS: [&str; 7] = [
    "src/feed/ecs/template.rs",
    "src/format/mod.rs",
    "src/merge/state/mod.rs",
    "src/scanner/nmap_command.rs",
    "src/table/schema/derived.rs",
    "src/table/schema/ports.rs",
    "src/table/schema/scans.rs",
];

/// Returns true if a line of code has a word that looks like an option, such as `--memory`, in a string.
fn names_option(line: &str) -> bool {
    let is_start = |at: usize| {
        let before = line[..at].chars().next_back();
        let after = line[at + 2..].chars().next();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '-')
            && after.is_some_and(|c| c.is_ascii_lowercase())
    };
    line.match_indices("--").any(|(at, _)| is_start(at))
}

#[test]
fn messages_of_the_library_name_no_options_of_the_command() {
    assert!(names_option(r#"Error::usage("give another --state-dir")"#));
    assert!(
        !names_option(r#"let line = "a -- b";"#)
            && !names_option("x = a --b;".trim_end_matches("b;"))
    );
    let mut unused: BTreeSet<&str> = NAME_OPTIONS.into();
    for (module, path, lines) in sources() {
        let Some(line) = lines.iter().find(|line| names_option(line)) else { continue };
        if let Some(known) = NAME_OPTIONS.iter().find(|file| path.ends_with(file)) {
            unused.remove(known);
            continue;
        }
        let fine = ["cli", "main", "fuzzing"].contains(&&*module) || path.ends_with("fuzzing.rs");
        assert!(fine, "{}: hint at options in src/cli/console.rs: {line}", path.display());
    }
    assert!(unused.is_empty(), "these files name no options: {unused:?}");
}

/// Imports between the files of the crate.
struct Imports {
    /// Paths in each file, by the file's module path.
    paths: BTreeMap<Vec<String>, Vec<Vec<String>>>,
    /// Items that a module exports from its children, with the paths that they stand for.
    exports: BTreeMap<(Vec<String>, String), Vec<String>>,
}

impl Imports {
    fn of_sources() -> Self {
        let sources = sources().into_iter().map(|(_, path, lines)| {
            let inside = path.strip_prefix(root().join("src")).unwrap().with_extension("");
            let parts = inside.iter().map(|part| part.to_string_lossy().into_owned());
            (parts.filter(|part| part != "mod").collect(), lines)
        });
        Self::new(&sources.collect())
    }

    fn new(files: &BTreeMap<Vec<String>, Vec<String>>) -> Self {
        let mut imports = Self { paths: BTreeMap::new(), exports: BTreeMap::new() };
        for (module, lines) in files {
            let mut paths = Vec::new();
            for line in lines {
                let is_export = line.starts_with("pub") && line.contains("use ");
                for path in paths_of(line) {
                    let Some(path) = absolute(module, &path, files) else { continue };
                    match path.last() {
                        Some(last) if is_export => {
                            imports.exports.insert((module.clone(), last.clone()), path);
                        }
                        _ => paths.push(path),
                    }
                }
            }
            imports.paths.insert(module.clone(), paths);
        }
        imports
    }

    /// Returns the file that defines what a path names: exported items lead on to where they come from.
    fn file(&self, path: &[String]) -> Option<Vec<String>> {
        for len in (1..=path.len()).rev() {
            let (module, rest) = path.split_at(len);
            if !self.paths.contains_key(module) {
                continue;
            }
            let exported = rest
                .split_first()
                .and_then(|(item, rest)| {
                    let to = self.exports.get(&(module.to_vec(), item.clone()))?;
                    Some([to, rest].concat())
                })
                .filter(|to| to != path);
            return exported.map_or_else(|| Some(module.to_vec()), |to| self.file(&to));
        }
        None
    }

    /// Returns the other files that each file of a top-level module imports.
    fn within(&self, module: &str) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
        let is_inside = |file: &[String]| file.first().is_some_and(|first| first == module);
        let files = self.paths.iter().filter(|(file, _)| is_inside(file));
        files
            .map(|(file, paths)| {
                let imported = paths.iter().filter_map(|path| self.file(path));
                (file.clone(), imported.filter(|to| is_inside(to) && to != file).collect())
            })
            .collect()
    }

    /// Returns a circle of more than two files of a top-level module, if there is one.
    fn circle(&self, module: &str) -> Option<String> {
        let edges = self.within(module);
        edges.iter().find_map(|(from, imported)| {
            imported.iter().find_map(|to| {
                let circle = way(&edges, to, from)?;
                Some(circle.iter().map(|file| file.join("/")).collect::<Vec<_>>().join(" -> "))
            })
        })
    }
}

/// Returns the shortest way between two files along imports, other than a direct import.
fn way(
    edges: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>,
    from: &[String],
    to: &[String],
) -> Option<Vec<Vec<String>>> {
    let mut ways = VecDeque::from([vec![from.to_vec()]]);
    let mut seen = BTreeSet::from([from.to_vec()]);
    while let Some(way) = ways.pop_front() {
        for next in edges.get(way.last()?).into_iter().flatten() {
            if (next == to && way.len() == 1) || !seen.insert(next.clone()) {
                continue;
            }
            let longer = [&*way, std::slice::from_ref(next)].concat();
            if next == to {
                return Some(longer);
            }
            ways.push_back(longer);
        }
    }
    None
}

/// Returns the paths in a line of code, groups expanded, each with its segments.
fn paths_of(line: &str) -> Vec<Vec<String>> {
    let segments = |path: &str| path.split("::").map(|name| head(name.trim())).collect();
    let uses = line.strip_prefix("use ").or_else(|| {
        let (visibility, tree) = line.split_once("use ")?;
        visibility.starts_with("pub").then_some(tree)
    });
    if let Some(tree) = uses {
        return expand(tree.trim_end_matches(';')).iter().map(|path| segments(path)).collect();
    }
    // The path of a visibility is not an import.
    let line = line
        .strip_prefix("pub(")
        .and_then(|rest| rest.split_once(')'))
        .map_or(line, |(_, rest)| rest);
    let words = line.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':')));
    words.filter(|word| word.contains("::") && !word.starts_with(':')).map(segments).collect()
}

/// Expands the groups of a `use` tree.
fn expand(tree: &str) -> Vec<String> {
    let mut depth = 0_i32;
    let members = tree.split(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    let members = members.map(str::trim).filter(|member| !member.is_empty());
    members
        .flat_map(|member| match member.split_once('{') {
            None => vec![member.trim_end_matches("::self").to_owned()],
            Some((before, inner)) => {
                let inner = inner.strip_suffix('}').unwrap_or(inner);
                let paths = expand(inner).into_iter().map(|path| format!("{before}{path}"));
                paths.map(|path| path.trim_end_matches("::self").to_owned()).collect()
            }
        })
        .collect()
}

/// Returns a path from the root of the crate, or `None` if it leads out of the crate.
fn absolute(
    module: &[String],
    path: &[String],
    files: &BTreeMap<Vec<String>, Vec<String>>,
) -> Option<Vec<String>> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => Some([&module[..module.len() - ups], &path[ups..]].concat()),
        first => {
            let child = [module, &[first.to_owned()]].concat();
            files.contains_key(&child).then(|| [module, path].concat())
        }
    }
}

#[test]
fn files_do_not_import_each_other_in_circles() {
    let imports = Imports::of_sources();
    let modules: BTreeSet<_> = imports.paths.keys().map(|file| file[0].clone()).collect();
    for module in modules {
        let circle = imports.circle(&module);
        match (circle, CIRCULAR.contains(&&*module)) {
            (Some(circle), false) => panic!("files of {module} import each other: {circle}"),
            (None, true) => panic!("{module} has no circle left: remove it from CIRCULAR"),
            (Some(_), true) | (None, false) => {}
        }
    }
}

#[test]
fn circles_of_imports_are_found_through_groups_exports_and_parents() {
    let file = |path: &str, code: &str| {
        let path = path.split('/').map(str::to_owned).collect();
        (path, code.lines().map(str::to_owned).collect())
    };
    let open = [
        file("m", "pub use self::a::{A, B};\nuse self::b::C;"),
        file("m/a", "pub(super) struct A;"),
        file("m/b", "use super::{A,D};\nfn f() -> super::c::E {}"),
        file("m/c", "pub(in crate::m) fn g(a: super::a::A) {}"),
    ];
    assert_eq!(Imports::new(&open.clone().into()).circle("m"), None);
    for (path, code, circle) in [
        ("m/a", "use super::{B,b::{self,C}};\nuse super::c::E;", "m/b -> m/c -> m/a"),
        ("m/c", "use crate::m::D;", "m/b -> m/c -> m"),
        ("m/c", "let c = super::F::new();", "m/b -> m/c -> m"),
    ] {
        let mut files = BTreeMap::from(open.clone());
        let (path, code) = file(path, code);
        files.insert(path, code);
        assert_eq!(Imports::new(&files).circle("m").as_deref(), Some(circle));
    }
}
