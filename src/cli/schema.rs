//! `scanmill schema`.
//!
//! `--write` replaces files one by one, each complete or not at all. A folder of schemas has no
//! marker file, because it is kept in repositories and compared with `--check`. A file is therefore
//! replaced only if its own content identifies it: for JSON the members that name it, for text the
//! line that names the command that printed it. All files are checked before the first one is
//! written.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    args::{SchemaArgs, SchemaFormat},
    console::Console,
    exit::Exit,
    print,
    signals::{StopPolicy, install_stop_handler},
};
use crate::{
    error::{Error, Result},
    feed::ecs,
    fs,
    output::{DocumentSink, Output, Temporaries, make_target},
    table::{
        Table,
        export::{self, Dialect, Format, SqlEngine},
    },
};

/// Maximum size of an existing file that is checked, in bytes. Printed schemas have about 100 KB.
const MAX_FILE_BYTES: u64 = 16 << 20;

pub(super) fn run(args: &SchemaArgs, console: &Console) -> Result<Exit> {
    if let Some(folder) = &args.write {
        return write(folder, &files(), console);
    }
    if let Some(folder) = &args.check {
        let differing = export::check_all(folder, &files())?;
        for path in &differing {
            console.error(&Error::usage(format!("{} differs", path.display())));
        }
        return Ok(if differing.is_empty() { Exit::Success } else { Exit::DIFFERENT });
    }
    let all: Vec<Table> = if args.merged {
        Table::of_merges().collect()
    } else {
        Table::ALL.into_iter().chain(Table::DERIVED).collect()
    };
    let named = args.tables.iter().map(|name| Table::from_name_in(&all, name));
    let tables = named.collect::<Result<Vec<_>>>()?;
    let format = match args.format {
        SchemaFormat::Views => return print_views(SqlEngine::DuckDb, args),
        SchemaFormat::SqliteViews => return print_views(SqlEngine::Sqlite, args),
        SchemaFormat::SparkViews => return print_views(SqlEngine::Spark, args),
        SchemaFormat::Arrow => Format::Arrow,
        SchemaFormat::JsonSchema => Format::JsonSchema,
        SchemaFormat::Ddl => Format::Ddl(Dialect::DuckDb),
        SchemaFormat::SparkDdl => Format::Ddl(Dialect::Spark),
        SchemaFormat::Md => Format::Markdown,
    };
    let tables = if !tables.is_empty() {
        tables
    } else if matches!(format, Format::Ddl(_)) {
        // Derived tables are views of the others, unless they are named.
        all.into_iter().filter(|table| !Table::DERIVED.contains(table)).collect()
    } else {
        all
    };
    let print_tables = if args.merged { export::print_merged } else { export::print };
    print(print_tables(format, &tables).as_bytes())
}

/// Prints the views, which are those of all tables of a conversion.
fn print_views(engine: SqlEngine, args: &SchemaArgs) -> Result<Exit> {
    if args.merged || !args.tables.is_empty() {
        return Err(Error::usage("views are those of all tables: leave out TABLE and --merged"));
    }
    print(export::views(engine).as_bytes())
}

/// Writes files below a folder, in place of those printed before.
fn write(folder: &Path, files: &[(PathBuf, String)], console: &Console) -> Result<Exit> {
    let temporaries = Temporaries::default();
    let stop = install_stop_handler(&temporaries, StopPolicy::Job);
    make_target(folder)?;
    refuse_foreign(folder, files)?;
    let mut changed = Vec::new();
    for (path, text) in files {
        let path = folder.join(path);
        if needs_write(&path, text)? {
            changed.push((path, text));
        }
    }
    for (path, text) in changed {
        if stop.is_cancelled() {
            return Ok(Exit::Interrupted);
        }
        let mut sink = DocumentSink::open(&Output::File(path), true, &temporaries)?;
        sink.write(text.as_bytes())?;
        sink.finish()?;
    }
    console.leftovers(&temporaries);
    Ok(Exit::Success)
}

/// Refuses a folder that holds files that this command does not print, or a link.
fn refuse_foreign(folder: &Path, files: &[(PathBuf, String)]) -> Result<()> {
    let is_file = |path: &Path| files.iter().any(|(known, _)| known == path);
    let is_folder = |path: &Path| files.iter().any(|(known, _)| known.starts_with(path));
    if folder.metadata().is_ok_and(|meta| !meta.is_dir()) {
        return Err(Error::usage(format!(
            "{} is not a folder, which --write needs",
            folder.display()
        )));
    }
    let mut open = vec![PathBuf::new()];
    while let Some(inside) = open.pop() {
        let path = folder.join(&inside);
        let failed = |error| Error::sink(path.display().to_string(), error);
        let Some(entries) = fs::if_there(fs::read_dir(&path)).map_err(failed)? else { continue };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let (name, kind) = (inside.join(entry.file_name()), entry.file_type().map_err(failed)?);
            if kind.is_dir() && is_folder(&name) && !is_file(&name) {
                open.push(name);
            } else if !(kind.is_file() && (is_file(&name) || is_left_over(&name, files))) {
                let (folder, path) = (folder.display(), folder.join(&name));
                let message =
                    format!("{folder} contains files other than schemas: {}", path.display());
                return Err(Error::usage(message));
            }
        }
    }
    Ok(())
}

/// Returns true if a name is the temporary name of one of the files. A run that is killed while it
/// writes leaves such a file.
fn is_left_over(name: &Path, files: &[(PathBuf, String)]) -> bool {
    let name = name.as_os_str().as_encoded_bytes();
    let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    files.iter().any(|(file, _)| {
        let rest = name.strip_prefix(file.as_os_str().as_encoded_bytes());
        let numbers = rest.and_then(|rest| rest.strip_prefix(b".tmp-"));
        numbers.is_some_and(|numbers| {
            let mut parts = numbers.split(|byte| *byte == b'-');
            parts.clone().count() == 2 && parts.all(is_number)
        })
    })
}

/// Returns true if a file is missing, or holds another version of the printed text.
///
/// # Errors
/// Returns a usage error if the file holds anything else.
fn needs_write(path: &Path, text: &str) -> Result<bool> {
    let failed = |error| Error::sink(path.display().to_string(), error);
    let refuse = |why: &dyn Display| {
        Err(Error::usage(format!(
            "{} {why}: it is not replaced; remove it, or name another folder",
            path.display()
        )))
    };
    let Some(meta) = fs::if_there(fs::symlink_metadata(path)).map_err(failed)? else {
        return Ok(true);
    };
    if !meta.is_file() || meta.len() > MAX_FILE_BYTES {
        return refuse(&"is not a file that `scanmill schema` prints");
    }
    let found = fs::read(path).map_err(failed)?;
    if found == text.as_bytes() {
        return Ok(false);
    }
    if is_version(&found, text) {
        return Ok(true);
    }
    refuse(&"was not printed by `scanmill schema`")
}

/// Returns true if a file is another version of the printed text.
fn is_version(found: &[u8], printed: &str) -> bool {
    let Ok(found) = std::str::from_utf8(found) else { return false };
    let Ok(json) = serde_json::from_str::<Value>(printed) else {
        // The first line that is not a heading identifies the file.
        let mark = printed.lines().find(|line| !line.is_empty() && !line.starts_with("# "));
        return mark.is_some_and(|mark| found.lines().take(5).any(|line| line == mark));
    };
    let Ok(found) = serde_json::from_str::<Value>(found) else { return false };
    let names = ["/$schema", "/title", "/name", "/_meta/description"];
    let of = |json: &Value| names.map(|name| json.pointer(name).cloned());
    // The members of a column distinguish a list of Arrow columns from one of another format, such as Avro.
    let members = ["/fields/0/children", "/type", "/oneOf", "/template", "/index_patterns"];
    let has = |json: &Value| members.map(|name| json.pointer(name).is_some());
    of(&json) == of(&found) && has(&json) == has(&found)
}

/// Returns all files that are printed: schemas of tables, and index templates.
fn files() -> Vec<(PathBuf, String)> {
    let mut files = export::files();
    files.extend(ecs::files());
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_files_are_recognized_by_their_content() {
        let files = files();
        for (path, text) in &files {
            assert!(is_version(text.as_bytes(), text), "{}", path.display());
            for other in [
                "",
                "{}",
                "[]",
                "mine",
                r#"{"name": "hosts"}"#,
                r#"{"type": "record", "name": "hosts", "fields": []}"#,
                "# Tables\n\nmine\n",
                "-- mine\n",
            ] {
                assert!(!is_version(other.as_bytes(), text), "{}: {other}", path.display());
            }
        }
        // Another version may have more members or lines.
        for (path, text) in &files {
            let other = match text.trim_end().strip_suffix('}') {
                Some(head) => format!("{head}, \"more\": 1}}"),
                None => format!("{text}\nmore\n"),
            };
            assert!(is_version(other.as_bytes(), text), "{}", path.display());
        }
        let named = |name: &str| files.iter().find(|(path, _)| path == Path::new(name)).unwrap();
        let (ports, hosts) = (&named("arrow/ports.json").1, &named("arrow/hosts.json").1);
        assert!(!is_version(ports.as_bytes(), hosts));
        let schema = &named("json-schema/hosts.json").1;
        assert!(!is_version(schema.as_bytes(), hosts));
    }

    #[test]
    fn temporary_files_of_killed_runs_are_recognized_by_name() {
        let files = files();
        for (name, is) in [
            ("tables.md.tmp-12-0", true),
            ("arrow/hosts.json.tmp-4711-13", true),
            ("tables.md", false),
            ("tables.md.tmp-12", false),
            ("tables.md.tmp-12-0-1", false),
            ("tables.md.tmp-12-x", false),
            ("notes.md.tmp-12-0", false),
        ] {
            assert_eq!(is_left_over(Path::new(name), &files), is, "{name}");
        }
    }
}
