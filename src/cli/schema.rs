//! `scanmill schema`.

use std::path::PathBuf;

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
        export::write_all(folder, &files())?;
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

/// All that is printed: schemas of tables, and templates of indexes.
fn files() -> Vec<(PathBuf, String)> {
    let mut files = export::files();
    files.extend(ecs::files());
    files
}
