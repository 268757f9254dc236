//! Destination and format of the output, derived from options that are checked against each other.

use std::collections::HashSet;

use super::{
    args::{PartitionName, PickArgs, Shape, TalkArgs, To, When, WriteArgs},
    ending::{OutputName, is_special, named},
    feeds, terminal,
};
use crate::{
    error::{Error, Result},
    feed::Feed,
    format::{HostFormat, SinkOptions, TableFormat},
    ops::{OutputContent, OutputFormat, OutputOptions},
    output::Output,
    table::{Column, Table},
};

/// File name extensions, each with the format that it selects.
pub(super) const ENDINGS: [(&str, To); 15] = [
    ("jsonl", To::Jsonl),
    ("ndjson", To::Jsonl),
    ("json", To::Json),
    ("csv", To::Csv),
    ("parquet", To::Parquet),
    ("arrow", To::Arrow),
    ("arrows", To::Arrow),
    ("xml", To::Xml),
    ("xlsx", To::Xlsx),
    ("sqlite", To::Sqlite),
    ("sqlite3", To::Sqlite),
    ("db", To::Sqlite),
    ("gnmap", To::Gnmap),
    ("md", To::Markdown),
    ("txt", To::Text),
];

/// Returns the table of this name, which the content of the output must have.
fn table_of(content: OutputContent, name: &str) -> Result<Table> {
    if name == Table::Conflicts.name() && content == (OutputContent::Merge { explain: false }) {
        return Err(Error::usage("the table conflicts needs --explain"));
    }
    Table::from_name_in(&content.selectable(), name)
}

fn column_of(content: OutputContent, table: Table, name: &str) -> Result<&'static Column> {
    match content {
        OutputContent::Merge { .. } | OutputContent::MergedScan => table.merged_column(name),
        _ => table.column(name),
    }
}

/// Checks the options of an output against each other (docs/cli.md, "Outputs").
pub(super) fn output(
    write: &WriteArgs,
    pick: &PickArgs,
    content: OutputContent,
) -> Result<OutputOptions> {
    let mut tables: Vec<Table> =
        write.table.iter().map(|name| table_of(content, name)).collect::<Result<_>>()?;
    let out = named(write.out.as_deref()).map(OutputName::of);
    let to = match default_on_terminal(write, pick, content) {
        Some(text) if out.is_none() => text,
        _ => format_of(write.to, out)?,
    };
    if tables.is_empty() && to == To::Csv && out.is_none_or(is_single_file) {
        tables.extend(content.flat_table());
    }
    let columns = match (tables.as_slice(), write.columns.as_slice()) {
        (_, []) => None,
        ([table], names) => {
            let columns = names.iter().map(|name| column_of(content, *table, name));
            Some(columns.collect::<Result<Vec<_>>>()?)
        }
        _ => return Err(Error::usage("--columns needs a single table: name it with --table")),
    };
    for names in [&write.table, &write.columns] {
        if let Some(name) = twice(names) {
            return Err(Error::usage(format!("{name} is named twice")));
        }
    }
    if let Some(feed) = feeds::feed(to, &write.feed, &write.line)? {
        return feed_of(feed, to, (write, pick), out);
    }
    for (given, option) in [
        (write.rows_per_file.is_some(), "--rows-per-file"),
        (write.partition_by.is_some(), "--partition-by"),
    ] {
        if given && to != To::Parquet {
            return Err(Error::usage(format!("{option} is for parquet")));
        }
    }
    // A folder has a file per table.
    let has_tables =
        !tables.is_empty() || (to == To::Markdown && out.is_some_and(|out| out.is_folder()));
    let Some(format) = table_format((to, write.shape), content, has_tables)? else {
        return hosts_of(to, (write, pick), out);
    };
    if pick.events {
        return Err(Error::usage(
            "--events is for nested JSONL and JSON: the table events has them",
        ));
    }
    check_format(format, out, columns.as_deref())?;
    if write.partition_by.is_some() && !content.is_read() {
        return Err(Error::usage(
            "--partition-by is not for merges: their rows are of several scans",
        ));
    }
    let parts = write.rows_per_file.is_some() || write.partition_by.is_some();
    let destination = table_output(format, out, tables.len() == 1, parts)?;
    let options = OutputOptions::tables(format, destination).with_tables(tables);
    Ok(options.with_sink(sink_options(write, columns)))
}

/// Returns text for people if the output has no other format, and is a terminal.
fn default_on_terminal(write: &WriteArgs, pick: &PickArgs, content: OutputContent) -> Option<To> {
    let is_plain = write.to.is_none()
        && write.shape.is_none()
        && write.table.is_empty()
        && !pick.events
        && !feeds::any(&write.line)
        && content != OutputContent::History;
    (is_plain && terminal::is_stdout_terminal()).then_some(To::Text)
}

/// Returns true if text on this output has colours: on a terminal, or if the option says so.
pub(super) fn has_color(how: &TalkArgs, output: &Output) -> bool {
    let on_terminal = || {
        *output == Output::Stdout
            && terminal::is_stdout_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    };
    match how.color {
        When::Always => true,
        When::Never => false,
        When::Auto => on_terminal(),
    }
}

/// Sets whether text for people has colours.
pub(super) fn with_color(mut output: OutputOptions, how: &TalkArgs) -> OutputOptions {
    if let OutputFormat::Hosts(HostFormat::Text { color }) = &mut output.format {
        *color = has_color(how, &output.destination);
    }
    output
}

/// Returns the format of an output of tables, or `None` for one of whole hosts.
fn table_format(
    (to, shape): (To, Option<Shape>),
    content: OutputContent,
    has_tables: bool,
) -> Result<Option<TableFormat>> {
    let format = match to {
        To::Csv => TableFormat::Csv,
        To::Parquet => TableFormat::Parquet,
        To::Arrow => TableFormat::Arrow,
        To::Json => TableFormat::Json,
        To::Markdown if shape.is_none() => {
            let is_flat = has_tables || content == OutputContent::History;
            return Ok(is_flat.then_some(TableFormat::Markdown));
        }
        To::Xml | To::Gnmap | To::Text if shape.is_none() && !has_tables => return Ok(None),
        To::Markdown => return Err(Error::usage("--shape is for jsonl and json")),
        To::Xml | To::Gnmap | To::Text => {
            let message = format!("--table and --shape are not for --to {}", to.name());
            return Err(Error::usage(message));
        }
        To::Xlsx => TableFormat::Xlsx,
        To::Sqlite => TableFormat::Sqlite,
        To::Jsonl | To::Ecs | To::Ocsf | To::Cim => TableFormat::Jsonl,
    };
    let is_flat = match (to, shape) {
        (To::Jsonl | To::Json, Some(shape)) => shape == Shape::Flat,
        (To::Jsonl | To::Json, None) => content == OutputContent::History || has_tables,
        (_, Some(_)) => return Err(Error::usage("--shape is for jsonl and json")),
        (_, None) => true,
    };
    if !is_flat && has_tables {
        return Err(Error::usage("--table needs --shape flat: nested documents have no tables"));
    }
    Ok(is_flat.then_some(format))
}

/// Returns an output of whole hosts, which is a single stream or, for XML, a folder of documents.
fn hosts_of(
    to: To,
    (write, pick): (&WriteArgs, &PickArgs),
    out: Option<OutputName<'_>>,
) -> Result<OutputOptions> {
    let destination = match out {
        // One document per scan.
        Some(out) if to == To::Xml && out.is_folder() => Output::Dir(out.path().to_owned()),
        _ => single_output(to, out)?,
    };
    if pick.events && !matches!(to, To::Jsonl | To::Json) {
        let message = format!("--events is for nested JSONL and JSON, not for --to {}", to.name());
        return Err(Error::usage(message));
    }
    let options = match to {
        To::Xml => OutputOptions::hosts(HostFormat::Xml, destination),
        To::Gnmap => OutputOptions::hosts(HostFormat::Gnmap, destination),
        To::Markdown => OutputOptions::hosts(HostFormat::Markdown, destination),
        To::Text => OutputOptions::hosts(HostFormat::Text { color: false }, destination),
        To::Json => OutputOptions::hosts(HostFormat::Json { activities: pick.events }, destination),
        _ => OutputOptions::feed(Feed::Nested { events: pick.events }, destination),
    };
    Ok(options.with_overwrite(write.overwrite))
}

/// Returns a feed for a SIEM, which is a single stream without tables.
fn feed_of(
    feed: Feed,
    to: To,
    (write, pick): (&WriteArgs, &PickArgs),
    out: Option<OutputName<'_>>,
) -> Result<OutputOptions> {
    let name = to.name();
    for (given, option) in [
        (!write.table.is_empty(), "--table"),
        (write.shape.is_some(), "--shape"),
        (write.rows_per_file.is_some(), "--rows-per-file"),
        (write.partition_by.is_some(), "--partition-by"),
        (pick.events, "--events"),
    ] {
        if given {
            return Err(Error::usage(format!("{option} is not for --to {name}")));
        }
    }
    let destination = match out {
        Some(out) if out.is_folder() => {
            let path = out.path().display();
            return Err(Error::usage(format!("{path} is a folder: {name} is one file")));
        }
        Some(out) => Output::File(out.path().to_owned()),
        None => Output::Stdout,
    };
    Ok(OutputOptions::feed(feed, destination).with_overwrite(write.overwrite))
}

/// Returns the options of tables, except those that the job sets.
fn sink_options(write: &WriteArgs, columns: Option<Vec<&'static Column>>) -> SinkOptions {
    let defaults = SinkOptions::default();
    SinkOptions {
        columns,
        overwrite: write.overwrite,
        csv_join: write.csv_join.clone(),
        csv_safe: write.csv_safe,
        compression: write.compression.unwrap_or_default(),
        row_group_rows: write.row_group_rows.unwrap_or(defaults.row_group_rows),
        rows_per_file: write.rows_per_file,
        partition_by: write.partition_by.map(PartitionName::by),
        ..defaults
    }
}

/// Returns the first name that occurs twice in a list.
fn twice(names: &[String]) -> Option<&str> {
    let mut seen = HashSet::new();
    names.iter().map(String::as_str).find(|name| !seen.insert(*name))
}

/// Refuses features that the format does not support.
fn check_format(
    format: TableFormat,
    out: Option<OutputName<'_>>,
    columns: Option<&[&'static Column]>,
) -> Result<()> {
    let has_binary =
        matches!(format, TableFormat::Parquet | TableFormat::Arrow | TableFormat::Sqlite);
    let binary = columns.unwrap_or_default().iter().find(|column| !column.field.kind.is_text());
    if let Some(column) = binary.filter(|_| !has_binary) {
        let name = column.field.name;
        let message = format!("column {name} is binary: only parquet and sqlite have it");
        return Err(Error::usage(message));
    }
    let is_packed = out.is_some_and(|out| out.is_compressed() && !out.is_folder());
    match format {
        TableFormat::Arrow if is_packed => {
            Err(Error::usage("arrow is not compressed: name it without .gz or .zst"))
        }
        TableFormat::Parquet | TableFormat::Xlsx if is_packed => {
            let name = format.extension();
            Err(Error::usage(format!("{name} is compressed inside: name it without .gz or .zst")))
        }
        TableFormat::Sqlite if is_packed => {
            Err(Error::usage("sqlite cannot be compressed: name it without .gz or .zst"))
        }
        _ => Ok(()),
    }
}

/// Returns the format of an output. The name of the output must not contradict it.
fn format_of(to: Option<To>, name: Option<OutputName<'_>>) -> Result<To> {
    let Some(name) = name else { return Ok(to.unwrap_or(To::Jsonl)) };
    if let Some(to) = to {
        return check_name(name, Some(to)).map(|()| to);
    }
    let without = if is_special(name.path()) { To::Jsonl } else { To::Parquet };
    Ok(name.select(&ENDINGS)?.unwrap_or(without))
}

/// Refuses a name whose extension belongs to another format than the given one, or than JSONL if none is given. JSON
/// lines may have the extension of JSON if their format is given.
pub(super) fn check_name(name: OutputName<'_>, given: Option<To>) -> Result<()> {
    let to = given.unwrap_or(To::Jsonl);
    let family = match to {
        To::Jsonl | To::Ecs | To::Ocsf | To::Cim => To::Jsonl,
        _ => to,
    };
    let path = name.path();
    match name.find(&ENDINGS) {
        Some(To::Json) if family == To::Jsonl && given.is_some() => Ok(()),
        // Any text may be named so.
        Some(To::Text)
            if given.is_some()
                && !matches!(to, To::Parquet | To::Arrow | To::Xlsx | To::Sqlite) =>
        {
            Ok(())
        }
        Some(other) if other != family && !name.is_folder() && !is_special(path) => {
            let (path, other, to) = (path.display(), other.name(), to.name());
            Err(Error::usage(format!("{path} is named as {other}, not as {to}")))
        }
        _ => Ok(()),
    }
}

/// Returns the destination of an output of whole hosts.
fn single_output(to: To, name: Option<OutputName<'_>>) -> Result<Output> {
    match name {
        None => Ok(Output::Stdout),
        Some(name) if name.is_folder() => Err(Error::usage(format!(
            "{} is a folder: {}",
            name.path().display(),
            match to {
                To::Jsonl => "nested JSONL is one file (--shape flat writes one file per table)",
                To::Json => "nested JSON is one file (--shape flat writes one file per table)",
                To::Markdown => "markdown of hosts is one file (--table writes one file per table)",
                _ => "this format is one file",
            },
        ))),
        Some(name) => Ok(Output::File(name.path().to_owned())),
    }
}

/// Returns true if the name of an output is that of a file.
fn is_single_file(name: OutputName<'_>) -> bool {
    let has_ending = name.find(&ENDINGS).is_some() || name.is_compressed();
    !name.is_folder() && (is_special(name.path()) || has_ending)
}

fn table_output(
    format: TableFormat,
    name: Option<OutputName<'_>>,
    single: bool,
    parts: bool,
) -> Result<Output> {
    let Some(name) = name else {
        return match format {
            TableFormat::Jsonl | TableFormat::Json => Ok(Output::Stdout),
            TableFormat::Csv | TableFormat::Markdown | TableFormat::Arrow if single => {
                Ok(Output::Stdout)
            }
            TableFormat::Csv | TableFormat::Markdown | TableFormat::Arrow => {
                Err(Error::usage(format!(
                    "{} writes one file per table: name a folder with -o, or one --table",
                    format.name()
                )))
            }
            TableFormat::Parquet | TableFormat::Xlsx | TableFormat::Sqlite => {
                let format = format.extension();
                Err(Error::usage(format!("{format} needs an output: name one with -o")))
            }
        };
    };
    let path = name.path();
    if name.is_folder() {
        return Ok(Output::Dir(path.to_owned()));
    }
    if matches!(format, TableFormat::Xlsx | TableFormat::Sqlite) {
        return Ok(Output::File(path.to_owned()));
    }
    let is_file = is_single_file(name);
    if is_file && parts {
        let path = path.display();
        return Err(Error::usage(format!(
            "{path} would be a file, but parts need a folder: write {path}/"
        )));
    }
    if !parts && (single || (is_file && format.mixes_tables())) {
        return Ok(Output::File(path.to_owned()));
    }
    if is_file {
        return Err(Error::usage(format!(
            "{} would be a file, but there are several tables: name a folder, or one --table",
            path.display()
        )));
    }
    Ok(Output::Dir(path.to_owned()))
}
