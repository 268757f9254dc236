//! `scanmill schema`.

use std::path::{Path, PathBuf};

use super::{
    args::{SchemaArgs, SchemaFormat},
    exit::Exit,
    print,
    render::Talk,
};
use crate::{
    error::{Error, Result},
    feed::ecs,
    table::{
        Table,
        export::{self, Dialect, Format},
    },
};

pub(super) fn run(args: &SchemaArgs, talk: &Talk) -> Result<Exit> {
    if let Some(folder) = &args.write {
        let files = files();
        refuse_foreign(folder, &files)?;
        export::write_all(folder, &files)?;
        return Ok(Exit::Done);
    }
    if let Some(folder) = &args.check {
        let differing = export::check_all(folder, &files())?;
        for path in &differing {
            talk.error(&Error::usage(format!("{} differs", path.display())));
        }
        return Ok(if differing.is_empty() { Exit::Done } else { Exit::Partly });
    }
    let all: Vec<Table> =
        if args.merged { Table::of_merges().collect() } else { Table::ALL.to_vec() };
    let named = args.tables.iter().map(|name| Table::among(&all, name));
    let tables = named.collect::<Result<Vec<_>>>()?;
    let tables = if tables.is_empty() { all } else { tables };
    let format = match args.format {
        SchemaFormat::Arrow => Format::Arrow,
        SchemaFormat::JsonSchema => Format::JsonSchema,
        SchemaFormat::Ddl => Format::Ddl(Dialect::DuckDb),
        SchemaFormat::SparkDdl => Format::Ddl(Dialect::Spark),
        SchemaFormat::Md => Format::Markdown,
    };
    let print_tables = if args.merged { export::print_merged } else { export::print };
    print(print_tables(format, &tables).as_bytes())
}

/// Refuses a folder that holds what is not printed here: schemas are written over those that are there.
fn refuse_foreign(folder: &Path, files: &[(PathBuf, String)]) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let differing = export::check_all(folder, files)?;
    let is_printed = |path: &PathBuf| files.iter().any(|(known, _)| known == path);
    match differing.iter().find(|path| !is_printed(path)) {
        Some(path) => {
            let (folder, path) = (folder.display(), folder.join(path));
            Err(Error::usage(format!("{folder} holds more than schemas: {}", path.display())))
        }
        None => Ok(()),
    }
}

/// All that is printed: schemas of tables, and templates of indexes.
fn files() -> Vec<(PathBuf, String)> {
    let mut files = export::files();
    files.extend(ecs::files());
    files
}
