//! Destination and format of the output, derived from options that are checked against each other.

use std::collections::HashSet;

use super::{
    args::{ColorChoice, FormatArg, MessageArgs, PartitionArg, PickArgs, Shape, WriteArgs},
    feeds,
    output_name::{OutputName, file_path, is_special},
    terminal,
};
use crate::{
    error::{Error, Result},
    feed::Feed,
    format::{HostFormat, TableFormat},
    ops::{OutputContent, OutputFormat, OutputOptions, TableLayout},
    output::Output,
    table::{Column, Table},
};

/// File name extensions, each with the format that it selects.
pub(super) const EXTENSIONS: [(&str, FormatArg); 15] = [
    ("jsonl", FormatArg::Jsonl),
    ("ndjson", FormatArg::Jsonl),
    ("json", FormatArg::Json),
    ("csv", FormatArg::Csv),
    ("parquet", FormatArg::Parquet),
    ("arrow", FormatArg::Arrow),
    ("arrows", FormatArg::Arrow),
    ("xml", FormatArg::Xml),
    ("xlsx", FormatArg::Xlsx),
    ("sqlite", FormatArg::Sqlite),
    ("sqlite3", FormatArg::Sqlite),
    ("db", FormatArg::Sqlite),
    ("gnmap", FormatArg::Gnmap),
    ("md", FormatArg::Markdown),
    ("txt", FormatArg::Text),
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
    let out = file_path(write.out.as_deref()).map(OutputName::new);
    let to = match default_on_terminal(write, pick, content) {
        Some(text) if out.is_none() => text,
        _ => format_of(write.to, out)?,
    };
    if tables.is_empty() && to == FormatArg::Csv && out.is_none_or(is_single_file) {
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
        if let Some(name) = first_duplicate(names) {
            return Err(Error::usage(format!("{name} is named twice")));
        }
    }
    if let Some(feed) = feeds::feed(to, &write.feed, &write.line)? {
        return feed_options(feed, to, (write, pick), out);
    }
    for (given, option) in [
        (write.rows_per_file.is_some(), "--rows-per-file"),
        (write.partition_by.is_some(), "--partition-by"),
    ] {
        if given && to != FormatArg::Parquet {
            return Err(Error::usage(format!("{option} is for parquet")));
        }
    }
    // A folder has a file per table.
    let has_tables =
        !tables.is_empty() || (to == FormatArg::Markdown && out.is_some_and(|out| out.is_folder()));
    let Some(format) = table_format((to, write.shape), content, has_tables)? else {
        return host_options(to, (write, pick), out);
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
    Ok(options.with_overwrite(write.overwrite).with_layout(table_layout(write, columns)))
}

/// Returns text for people if the output has no other format, and is a terminal.
fn default_on_terminal(
    write: &WriteArgs,
    pick: &PickArgs,
    content: OutputContent,
) -> Option<FormatArg> {
    let is_plain = write.to.is_none()
        && write.shape.is_none()
        && write.table.is_empty()
        && !pick.events
        && !feeds::has_line_option(&write.line)
        && content != OutputContent::History;
    (is_plain && terminal::is_stdout_terminal()).then_some(FormatArg::Text)
}

/// Returns true if text on this output has colours: on a terminal, or if the option says so.
pub(super) fn has_color(messages: &MessageArgs, output: &Output) -> bool {
    let on_terminal = || {
        *output == Output::Stdout
            && terminal::is_stdout_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    };
    match messages.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => on_terminal(),
    }
}

/// Sets whether text for people has colours.
pub(super) fn with_color(mut output: OutputOptions, messages: &MessageArgs) -> OutputOptions {
    if let OutputFormat::Hosts(HostFormat::Text { color }) = &mut output.format {
        *color = has_color(messages, &output.destination);
    }
    output
}

/// Returns the format of an output of tables, or `None` for one of whole hosts.
fn table_format(
    (to, shape): (FormatArg, Option<Shape>),
    content: OutputContent,
    has_tables: bool,
) -> Result<Option<TableFormat>> {
    let format = match to {
        FormatArg::Csv => TableFormat::Csv,
        FormatArg::Parquet => TableFormat::Parquet,
        FormatArg::Arrow => TableFormat::Arrow,
        FormatArg::Json => TableFormat::Json,
        FormatArg::Markdown if shape.is_none() => {
            let is_flat = has_tables || content == OutputContent::History;
            return Ok(is_flat.then_some(TableFormat::Markdown));
        }
        FormatArg::Xml | FormatArg::Gnmap | FormatArg::Text if shape.is_none() && !has_tables => {
            return Ok(None);
        }
        FormatArg::Markdown => return Err(Error::usage("--shape is for jsonl and json")),
        FormatArg::Xml | FormatArg::Gnmap | FormatArg::Text => {
            let message = format!("--table and --shape are not for --to {}", to.name());
            return Err(Error::usage(message));
        }
        FormatArg::Xlsx => TableFormat::Xlsx,
        FormatArg::Sqlite => TableFormat::Sqlite,
        FormatArg::Jsonl | FormatArg::Ecs | FormatArg::Ocsf | FormatArg::Cim => TableFormat::Jsonl,
    };
    let is_flat = match (to, shape) {
        (FormatArg::Jsonl | FormatArg::Json, Some(shape)) => shape == Shape::Flat,
        (FormatArg::Jsonl | FormatArg::Json, None) => {
            content == OutputContent::History || has_tables
        }
        (_, Some(_)) => return Err(Error::usage("--shape is for jsonl and json")),
        (_, None) => true,
    };
    if !is_flat && has_tables {
        return Err(Error::usage("--table needs --shape flat: nested documents have no tables"));
    }
    Ok(is_flat.then_some(format))
}

/// Returns an output of whole hosts, which is a single stream or, for XML, a folder of documents.
fn host_options(
    to: FormatArg,
    (write, pick): (&WriteArgs, &PickArgs),
    out: Option<OutputName<'_>>,
) -> Result<OutputOptions> {
    let destination = match out {
        // One document per scan.
        Some(out) if to == FormatArg::Xml && out.is_folder() => Output::Dir(out.path().to_owned()),
        _ => single_output(to, out)?,
    };
    if pick.events && !matches!(to, FormatArg::Jsonl | FormatArg::Json) {
        let message = format!("--events is for nested JSONL and JSON, not for --to {}", to.name());
        return Err(Error::usage(message));
    }
    let options = match to {
        FormatArg::Xml => OutputOptions::hosts(HostFormat::Xml, destination),
        FormatArg::Gnmap => OutputOptions::hosts(HostFormat::Gnmap, destination),
        FormatArg::Markdown => OutputOptions::hosts(HostFormat::Markdown, destination),
        FormatArg::Text => OutputOptions::hosts(HostFormat::Text { color: false }, destination),
        FormatArg::Json => {
            OutputOptions::hosts(HostFormat::Json { activities: pick.events }, destination)
        }
        _ => OutputOptions::feed(Feed::Nested { events: pick.events }, destination),
    };
    Ok(options.with_overwrite(write.overwrite))
}

/// Returns a feed for a SIEM, which is a single stream without tables.
fn feed_options(
    feed: Feed,
    to: FormatArg,
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

/// Returns the layout of tables.
fn table_layout(write: &WriteArgs, columns: Option<Vec<&'static Column>>) -> TableLayout {
    let defaults = TableLayout::default();
    TableLayout {
        columns,
        csv_join: write.csv_join.clone(),
        csv_safe: write.csv_safe,
        compression: write.compression.unwrap_or_default(),
        row_group_rows: write.row_group_rows.unwrap_or(defaults.row_group_rows),
        rows_per_file: write.rows_per_file,
        partition_by: write.partition_by.map(PartitionArg::by),
    }
}

/// Returns the first name that occurs twice in a list.
fn first_duplicate(names: &[String]) -> Option<&str> {
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
fn format_of(to: Option<FormatArg>, name: Option<OutputName<'_>>) -> Result<FormatArg> {
    let Some(name) = name else { return Ok(to.unwrap_or(FormatArg::Jsonl)) };
    if let Some(to) = to {
        return check_name(name, Some(to)).map(|()| to);
    }
    let without = if is_special(name.path()) { FormatArg::Jsonl } else { FormatArg::Parquet };
    Ok(name.select(&EXTENSIONS)?.unwrap_or(without))
}

/// Refuses a name whose extension belongs to another format than the given one, or than JSONL if none is given. JSON
/// lines may have the extension of JSON if their format is given.
pub(super) fn check_name(name: OutputName<'_>, given: Option<FormatArg>) -> Result<()> {
    let to = given.unwrap_or(FormatArg::Jsonl);
    let family = match to {
        FormatArg::Jsonl | FormatArg::Ecs | FormatArg::Ocsf | FormatArg::Cim => FormatArg::Jsonl,
        _ => to,
    };
    let path = name.path();
    match name.find(&EXTENSIONS) {
        Some(FormatArg::Json) if family == FormatArg::Jsonl && given.is_some() => Ok(()),
        // Any text may be named so.
        Some(FormatArg::Text)
            if given.is_some()
                && !matches!(
                    to,
                    FormatArg::Parquet | FormatArg::Arrow | FormatArg::Xlsx | FormatArg::Sqlite
                ) =>
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
fn single_output(to: FormatArg, name: Option<OutputName<'_>>) -> Result<Output> {
    match name {
        None => Ok(Output::Stdout),
        Some(name) if name.is_folder() => Err(Error::usage(format!(
            "{} is a folder: {}",
            name.path().display(),
            match to {
                FormatArg::Jsonl =>
                    "nested JSONL is one file (--shape flat writes one file per table)",
                FormatArg::Json =>
                    "nested JSON is one file (--shape flat writes one file per table)",
                FormatArg::Markdown =>
                    "markdown of hosts is one file (--table writes one file per table)",
                _ => "this format is one file",
            },
        ))),
        Some(name) => Ok(Output::File(name.path().to_owned())),
    }
}

/// Returns true if the name of an output is that of a file.
fn is_single_file(name: OutputName<'_>) -> bool {
    let has_ending = name.find(&EXTENSIONS).is_some() || name.is_compressed();
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
