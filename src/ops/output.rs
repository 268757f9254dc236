//! Destination and format of the output of a job.

use crate::{
    error::{Error, Result},
    feed::Feed,
    format::{
        self, BlockSink, Compression, FeedSink, Format, GnmapSink, HostFormat, MarkdownHostSink,
        MergeEncoder, NestedJsonSink, RowFormat, RowFormatVisitor, SinkOptions, TableFormat,
        XmlSink,
    },
    output::{DocumentSink, Output, PartitionBy, Temporaries},
    pipeline::Filters,
    table::{Column, Table},
};

/// Format of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputFormat {
    /// Lines of a feed: nested JSONL, or events for a SIEM.
    Feed(Feed),
    /// Whole hosts.
    Hosts(HostFormat),
    /// Rows of tables.
    Tables(TableFormat),
}

/// Destination and format of the output of a job.
///
/// ```
/// use scanmill::{format::TableFormat, ops::OutputOptions, output::Output, table::Table};
///
/// let folder = OutputOptions::tables(TableFormat::Parquet, Output::Dir("tables".into()));
/// let ports = OutputOptions::tables(TableFormat::Csv, Output::File("ports.csv".into()))
///     .with_tables([Table::Ports])
///     .with_overwrite(true);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OutputOptions {
    /// Standard output, a file, or a folder.
    pub destination: Output,
    /// Format of the output.
    pub format: OutputFormat,
    /// Replace an existing output; a folder only if scanmill wrote everything in it.
    pub overwrite: bool,
    /// Tables to write; all tables of the job if empty, without [`Table::DERIVED`].
    pub tables: Vec<Table>,
    /// Layout of the tables.
    pub layout: TableLayout,
    /// True if tables of open services also have ports that are `open|filtered`.
    open_filtered: bool,
}

/// Layout of tables: their columns, and what only some formats have.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TableLayout {
    /// Columns to write if there is a single table; all if `None`.
    pub columns: Option<Vec<&'static Column>>,
    /// CSV: separator for lists of texts, which are written as JSON if it is `None`.
    pub csv_join: Option<String>,
    /// CSV: write `'` before text that a spreadsheet would interpret as a formula.
    pub csv_safe: bool,
    /// Parquet: compression of pages.
    pub compression: Compression,
    /// Parquet: maximum number of rows per row group.
    pub row_group_rows: usize,
    /// Parquet: maximum number of rows per file. If set, each table is a folder of `part-N.parquet`.
    pub rows_per_file: Option<usize>,
    /// Parquet: partitioning of tables into folders of `part-N.parquet`. Not available for merges.
    pub partition_by: Option<PartitionBy>,
}

impl Default for TableLayout {
    fn default() -> Self {
        let SinkOptions {
            columns,
            csv_join,
            csv_safe,
            compression,
            row_group_rows,
            rows_per_file,
            partition_by,
            ..
        } = SinkOptions::default();
        Self {
            columns,
            csv_join,
            csv_safe,
            compression,
            row_group_rows,
            rows_per_file,
            partition_by,
        }
    }
}

impl TableLayout {
    /// Returns the options of a format with this layout, except for the tables.
    fn sink_options(
        self,
        content: OutputContent,
        overwrite: bool,
        temporaries: &Temporaries,
    ) -> SinkOptions {
        SinkOptions {
            merged: matches!(content, OutputContent::Merge { .. } | OutputContent::MergedScan),
            columns: self.columns,
            overwrite,
            command: content.command().to_owned(),
            csv_join: self.csv_join,
            csv_safe: self.csv_safe,
            compression: self.compression,
            row_group_rows: self.row_group_rows,
            rows_per_file: self.rows_per_file,
            partition_by: self.partition_by,
            temporaries: temporaries.clone(),
            ..SinkOptions::default()
        }
    }
}

impl OutputOptions {
    /// Writes tables. A folder has one file per table; a single file has one table, except for
    /// [formats that mix tables](TableFormat::mixes_tables).
    #[must_use]
    pub fn tables(format: TableFormat, destination: Output) -> Self {
        Self::new(OutputFormat::Tables(format), destination)
    }

    /// Writes the lines of a feed to a file or to standard output.
    #[must_use]
    pub fn feed(feed: Feed, destination: Output) -> Self {
        Self::new(OutputFormat::Feed(feed), destination)
    }

    /// Writes whole hosts to a file or to standard output.
    #[must_use]
    pub fn hosts(format: HostFormat, destination: Output) -> Self {
        Self::new(OutputFormat::Hosts(format), destination)
    }

    fn new(format: OutputFormat, destination: Output) -> Self {
        Self {
            destination,
            format,
            overwrite: false,
            tables: Vec::new(),
            layout: TableLayout::default(),
            open_filtered: false,
        }
    }

    /// Writes these tables only.
    #[must_use]
    pub fn with_tables(mut self, tables: impl IntoIterator<Item = Table>) -> Self {
        self.tables = tables.into_iter().collect();
        self
    }

    /// Replaces an existing output; a folder only if scanmill wrote everything in it.
    #[must_use]
    pub fn with_overwrite(mut self, on: bool) -> Self {
        self.overwrite = on;
        self
    }

    /// Sets the layout of the tables.
    #[must_use]
    pub fn with_layout(mut self, layout: TableLayout) -> Self {
        self.layout = layout;
        self
    }

    /// Returns true if the output goes to standard output.
    #[must_use]
    pub fn is_on_stdout(&self) -> bool {
        self.destination == Output::Stdout
    }

    /// Adapts the rows of `open_services` to the states that a job selects.
    #[must_use]
    pub(crate) fn for_filters(mut self, filters: &Filters) -> Self {
        self.open_filtered |= filters.selects_open_filtered();
        self
    }

    /// Opens the output and passes it to `visitor`.
    pub(crate) fn open<V: FormatVisitor>(
        self,
        content: OutputContent,
        temporaries: &Temporaries,
        visitor: V,
    ) -> Result<V::Output> {
        match self.format {
            OutputFormat::Feed(feed) => {
                let overwrite = self.overwrite;
                let sink = DocumentSink::open(&self.destination, overwrite, temporaries)?;
                visitor.visit(FeedSink::new(sink, feed))
            }
            OutputFormat::Hosts(format) => self.open_hosts(format, content, temporaries, visitor),
            OutputFormat::Tables(_) => self.open_tables(content, temporaries, AnyFormat(visitor)),
        }
    }

    /// Opens an output of whole hosts and passes it to `visitor`.
    fn open_hosts<V: FormatVisitor>(
        self,
        format: HostFormat,
        content: OutputContent,
        temporaries: &Temporaries,
        visitor: V,
    ) -> Result<V::Output> {
        let Self { destination, overwrite, layout, .. } = self;
        let options = layout.sink_options(content, overwrite, temporaries);
        let open = || DocumentSink::open(&destination, options.overwrite, temporaries);
        match format {
            HostFormat::Json { activities } => {
                let feed = Feed::Nested { events: activities };
                visitor.visit(NestedJsonSink::new(open()?, feed))
            }
            HostFormat::Gnmap => visitor.visit(GnmapSink::new(open()?, options.merged)),
            HostFormat::Text { color } => {
                visitor.visit(BlockSink::new(open()?, color, options.merged))
            }
            HostFormat::Markdown => visitor.visit(MarkdownHostSink::new(open()?, options.merged)),
            HostFormat::Xml => visitor.visit(XmlSink::open(&destination, &options)?),
        }
    }

    /// Opens an output of tables and passes it to `visitor`.
    pub(crate) fn open_tables<V: RowFormatVisitor>(
        self,
        content: OutputContent,
        temporaries: &Temporaries,
        visitor: V,
    ) -> Result<V::Output> {
        let Self { destination, format, overwrite, tables, layout, open_filtered } = self;
        let OutputFormat::Tables(format) = format else {
            return Err(Error::usage("a feed has no tables"));
        };
        if let Some(table) = tables.iter().find(|table| !content.selectable().contains(table)) {
            let (command, table) = (content.command(), table.name());
            return Err(Error::usage(format!("{command} has no table {table}")));
        }
        if layout.partition_by.is_some() && !content.is_read() {
            return Err(Error::usage("only rows of single scans can be partitioned"));
        }
        let tables = if tables.is_empty() { content.tables().to_vec() } else { tables };
        let options = SinkOptions {
            tables,
            open_filtered,
            ..layout.sink_options(content, overwrite, temporaries)
        };
        format::open(format, &destination, options, visitor)
    }
}

/// Content of an output, which decides which tables it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputContent {
    /// Inputs, as read.
    Convert,
    /// Hosts of one nmap process, as read.
    Scan,
    /// Hosts of several nmap processes, merged.
    MergedScan,
    /// A merge. `explain` adds the table of values that lost.
    Merge { explain: bool },
    /// A history.
    History,
    /// Differences.
    Diff,
}

impl OutputContent {
    /// Returns the tables that are written if none are named.
    pub(crate) fn tables(self) -> &'static [Table] {
        match self {
            Self::History => &Table::HISTORY,
            Self::Merge { explain: true } => &Table::MERGED,
            Self::Convert | Self::Scan | Self::MergedScan | Self::Merge { explain: false } => {
                &Table::ALL
            }
            Self::Diff => &[Table::Changes],
        }
    }

    /// Returns all tables that can be named.
    pub(crate) fn selectable(self) -> Vec<Table> {
        let derived = self.flat_table().map(|_| Table::DERIVED);
        self.tables().iter().copied().chain(derived.into_iter().flatten()).collect()
    }

    /// Returns the table that answers most questions alone: the content of a single file of a format that has one table
    /// per file.
    pub(crate) fn flat_table(self) -> Option<Table> {
        match self {
            Self::Convert | Self::Scan | Self::MergedScan | Self::Merge { .. } => {
                Some(Table::OpenServices)
            }
            Self::History | Self::Diff => None,
        }
    }

    /// Returns true if each row is of a single scan.
    pub(crate) fn is_read(self) -> bool {
        matches!(self, Self::Convert | Self::Scan)
    }

    /// Returns the name of the command, which the marker of a folder records.
    fn command(self) -> &'static str {
        match self {
            Self::Convert => "convert",
            Self::Scan | Self::MergedScan => "scan",
            Self::Merge { .. } => "merge",
            Self::History => "history",
            Self::Diff => "diff",
        }
    }
}

/// Step of a job that runs with any format of hosts.
pub(crate) trait FormatVisitor {
    type Output;

    fn visit<F: Format<Encoder: MergeEncoder>>(self, format: F) -> Result<Self::Output>;
}

/// Adapter that runs a step for any format with a format of rows.
struct AnyFormat<V>(V);

impl<V: FormatVisitor> RowFormatVisitor for AnyFormat<V> {
    type Output = V::Output;

    fn visit<F: RowFormat + 'static>(self, format: F) -> Result<V::Output> {
        self.0.visit(format)
    }
}
