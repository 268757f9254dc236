//! `scanmill schema`.

use super::{
    args::{SchemaArgs, SchemaFormat},
    exit::Exit,
    print,
    render::Talk,
};
use crate::{
    error::{Error, Result},
    table::{
        Table,
        export::{self, Dialect, Format},
    },
};

pub(super) fn run(args: &SchemaArgs, talk: &Talk) -> Result<Exit> {
    if let Some(folder) = &args.write {
        export::write_all(folder)?;
        return Ok(Exit::Done);
    }
    if let Some(folder) = &args.check {
        let differing = export::check_all(folder)?;
        for path in &differing {
            talk.error(&Error::usage(format!("{} differs", path.display())));
        }
        return Ok(if differing.is_empty() { Exit::Done } else { Exit::Partly });
    }
    let tables: Vec<Table> =
        args.tables.iter().map(|name| Table::from_name(name)).collect::<Result<_>>()?;
    let tables = if tables.is_empty() { Table::ALL.to_vec() } else { tables };
    let format = match args.format {
        SchemaFormat::Arrow => Format::Arrow,
        SchemaFormat::JsonSchema => Format::JsonSchema,
        SchemaFormat::Ddl => Format::Ddl(Dialect::DuckDb),
        SchemaFormat::SparkDdl => Format::Ddl(Dialect::Spark),
        SchemaFormat::Md => Format::Markdown,
    };
    print(export::print(format, &tables).as_bytes())
}
