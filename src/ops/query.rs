//! SQL queries on the tables of any inputs.
//!
//! The tables are in a temporary database of SQLite, which is in memory up to a share of the memory budget and in a file
//! without a name above. The query is prepared twice: first on empty tables, where SQLite reports which tables it reads
//! (also through views and subqueries), and again after these tables, and no others, have been loaded.
//!
//! A query only reads. SQLite asks an *authorizer* about every action of a statement while it prepares it; everything
//! except reading is refused: `ATTACH`, `PRAGMA`, `CREATE`, `INSERT` and so on. Nothing outside the temporary database
//! can be named. A query that runs ends soon after the job is cancelled.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{
    Connection, ErrorCode, Statement,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
    types::ValueRef,
};

use super::{Inputs, JobOptions, JobStatus};
use crate::{
    error::{Error, ErrorKind, Result},
    filter::excerpt,
    format::{
        ChunkWriter, Format, SinkOptions, SqliteChunk, SqliteRows, TableEncoder, sqlite::Database,
    },
    pipeline::{Filters, Report},
    table::Table,
};

/// Number of instructions of SQLite between two checks for cancellation.
const CHECK_INTERVAL: i32 = 100_000;

/// Minimum of the limit on the size of a value, in bytes.
const MIN_VALUE_BYTES: usize = 16 << 20;

/// Options for [`query`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct QueryOptions {
    /// Which hosts and ports are in the tables.
    pub filters: Filters,
    /// How the job runs.
    pub job: JobOptions,
}

impl QueryOptions {
    /// Sets which hosts and ports are in the tables.
    #[must_use]
    pub fn with_filters(mut self, filters: Filters) -> Self {
        self.filters = filters;
        self
    }

    /// Sets how the job runs.
    #[must_use]
    pub fn with_job(mut self, job: JobOptions) -> Self {
        self.job = job;
        self
    }
}

/// Value in a row of a result.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum QueryValue<'r> {
    /// Null.
    Null,
    /// Value of a column of booleans. Expressions with booleans are integers.
    Boolean(bool),
    /// Integer.
    Integer(i64),
    /// Floating-point number.
    Real(f64),
    /// Text, also of times (RFC 3339 in UTC), and lists and structures as JSON.
    Text(Cow<'r, str>),
    /// Bytes.
    Blob(&'r [u8]),
}

/// Receives the result of a query.
pub trait QueryRows {
    /// Receives the names of the columns, before the first row. They need not differ.
    ///
    /// # Errors
    /// An error ends the query.
    fn columns(&mut self, names: &[&str]) -> Result<()>;

    /// Receives a row.
    ///
    /// # Errors
    /// An error ends the query.
    fn row(&mut self, values: &[QueryValue<'_>]) -> Result<()>;
}

/// Report of [`query`].
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct QueryReport {
    /// Report on the inputs. `rows` are those that were loaded.
    pub inputs: Report,
    /// Tables that the query reads. No others were loaded.
    pub tables: Vec<Table>,
    /// Number of rows of the result.
    pub rows: u64,
}

impl QueryReport {
    /// Returns the outcome.
    #[must_use]
    pub fn status(&self) -> JobStatus {
        JobStatus::from(&self.inputs)
    }
}

/// Runs an SQL query on the tables of the inputs, in the SQL of SQLite. Only the tables that it names are read. It is not
/// run if no scan could be read, or if the job was cancelled.
///
/// ```
/// use scanmill::{
///     error::Result,
///     ops::{self, Inputs, QueryOptions, QueryRows, QueryValue},
/// };
///
/// #[derive(Default)]
/// struct Ports(Vec<i64>);
///
/// impl QueryRows for Ports {
///     fn columns(&mut self, names: &[&str]) -> Result<()> {
///         assert_eq!(names, ["port"]);
///         Ok(())
///     }
///
///     fn row(&mut self, values: &[QueryValue<'_>]) -> Result<()> {
///         if let [QueryValue::Integer(port)] = values {
///             self.0.push(*port);
///         }
///         Ok(())
///     }
/// }
///
/// let inputs = Inputs::new(["fixtures/01-tcp-connect-default.xml"]);
/// let sql = "SELECT port FROM ports WHERE state = 'open' ORDER BY port";
/// let mut ports = Ports::default();
/// let report = ops::query(&inputs, sql, &QueryOptions::default(), &mut ports)?;
/// assert_eq!(report.tables, [scanmill::table::Table::Ports]);
/// assert_eq!(report.rows, ports.0.len() as u64);
/// # Ok::<(), scanmill::error::Error>(())
/// ```
///
/// # Errors
/// Returns [`ErrorKind::InvalidQuery`] for SQL that is malformed, that names something that does not exist, that fails, or
/// that does more than read; an error of the kind [`Sink`](ErrorKind::Sink) if the temporary database cannot be written;
/// and the errors of `rows`.
pub fn query<R: QueryRows>(
    inputs: &Inputs,
    sql: &str,
    options: &QueryOptions,
    rows: &mut R,
) -> Result<QueryReport> {
    let job = &options.job;
    // Sorting may take as much memory as the pages of the database.
    let cache_kib = job.budget.merge_bytes() / 2 / 1024;
    let all = SinkOptions { tables: known_tables(), ..SinkOptions::default() };
    let mut database = Database::temporary(cache_kib, &all)?;
    let tables = plan(database.connection(), sql, job.budget.merge_bytes())?;
    let writer = TableLoader {
        options: SinkOptions { tables: tables.clone(), ..SinkOptions::default() },
        database: Arc::new(Mutex::new(database)),
    };
    let database = Arc::clone(&writer.database);
    let pipeline = job.pipeline(writer, options.filters.clone(), false)?;
    let (pipeline, progress) = job.read(inputs.resolve(), pipeline)?;
    let mut report = QueryReport { inputs: pipeline.finish()?, tables, rows: 0 };
    drop(progress);
    if report.inputs.interrupted || !report.inputs.has_input() {
        return Ok(report);
    }
    let mut database = database.lock().unwrap_or_else(PoisonError::into_inner);
    let connection = database.connection();
    let token = job.cancellation.clone();
    let check = move || token.is_cancelled();
    let set = connection.progress_handler(CHECK_INTERVAL, Some(check));
    set.map_err(|error| invalid(sql, &error))?;
    match run(connection, sql, rows) {
        Ok(count) => report.rows = count,
        Err(_) if job.cancellation.is_cancelled() => report.inputs.interrupted = true,
        Err(error) => return Err(error),
    }
    Ok(report)
}

/// Returns the tables that a query may name.
fn known_tables() -> Vec<Table> {
    Table::ALL.into_iter().chain(Table::DERIVED).collect()
}

/// Actions of a statement, as SQLite reports them while it is prepared.
#[derive(Debug, Default)]
struct Actions {
    /// Names of the tables that it reads.
    tables: BTreeSet<String>,
    /// First action that is refused.
    refused: Option<String>,
}

impl Actions {
    fn authorize(&mut self, context: &AuthContext<'_>) -> Authorization {
        let refused = match context.action {
            AuthAction::Select | AuthAction::Recursive => return Authorization::Allow,
            AuthAction::Read { table_name, .. } => {
                self.tables.insert(table_name.to_owned());
                return Authorization::Allow;
            }
            AuthAction::Function { function_name }
                if !function_name.eq_ignore_ascii_case("load_extension") =>
            {
                return Authorization::Allow;
            }
            AuthAction::Function { function_name } => format!("the function {function_name}"),
            AuthAction::Attach { .. } | AuthAction::Detach { .. } => "other databases".to_owned(),
            AuthAction::Pragma { pragma_name, .. } => format!("the pragma {pragma_name}"),
            AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => {
                "transactions".to_owned()
            }
            _ => "statements that change tables".to_owned(),
        };
        self.refused.get_or_insert(refused);
        Authorization::Deny
    }
}

/// Prepares a query on the empty tables, and returns the tables that it reads.
fn plan(connection: &mut Connection, sql: &str, max_value_bytes: usize) -> Result<Vec<Table>> {
    let failed = |error: rusqlite::Error| invalid(sql, &error);
    let longest = i32::try_from(max_value_bytes.max(MIN_VALUE_BYTES)).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest).map_err(failed)?;
    let actions = Arc::new(Mutex::new(Actions::default()));
    let shared = Arc::clone(&actions);
    let authorizer = move |context: AuthContext<'_>| {
        shared.lock().unwrap_or_else(PoisonError::into_inner).authorize(&context)
    };
    connection.authorizer(Some(authorizer)).map_err(failed)?;
    let prepared = prepare(connection, sql).map(drop);
    // Loading the tables is not the query's doing.
    connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).map_err(failed)?;
    let Actions { tables, refused } =
        std::mem::take(&mut *actions.lock().unwrap_or_else(PoisonError::into_inner));
    match refused {
        Some(refused) => {
            Err(refuse(sql, None, format!("a query only reads: it cannot use {refused}")))
        }
        None => prepared.map(|()| {
            let is_read = |table: &Table| tables.contains(table.name());
            known_tables().into_iter().filter(is_read).collect()
        }),
    }
}

/// Prepares the only statement of a query.
fn prepare<'c>(connection: &'c Connection, sql: &str) -> Result<Statement<'c>> {
    let statement = connection.prepare(sql).map_err(|error| invalid(sql, &error))?;
    if !statement.readonly() || statement.column_count() == 0 {
        return Err(refuse(sql, None, "a query is a SELECT statement".to_owned()));
    }
    if statement.parameter_count() > 0 {
        return Err(refuse(sql, None, "a query has no parameters".to_owned()));
    }
    Ok(statement)
}

/// Runs a query that was planned, and returns the number of its rows.
fn run(connection: &Connection, sql: &str, rows: &mut impl QueryRows) -> Result<u64> {
    let mut statement = prepare(connection, sql)?;
    let columns = statement.columns();
    let is_boolean: Vec<bool> =
        columns.map(|column| column.decl_type() == Some("BOOLEAN")).collect();
    rows.columns(&statement.column_names().collect::<Vec<_>>())?;
    let mut found = statement.raw_query();
    let mut count = 0_u64;
    while let Some(row) = found.next().map_err(|error| invalid(sql, &error))? {
        let value = |(column, is_boolean): (usize, &bool)| {
            let value = row.get_ref(column).map_err(|error| invalid(sql, &error))?;
            Ok(match value {
                ValueRef::Null => QueryValue::Null,
                ValueRef::Integer(number @ 0..=1) if *is_boolean => {
                    QueryValue::Boolean(number == 1)
                }
                ValueRef::Integer(number) => QueryValue::Integer(number),
                ValueRef::Real(number) => QueryValue::Real(number),
                ValueRef::Text(text) => QueryValue::Text(String::from_utf8_lossy(text)),
                ValueRef::Blob(bytes) => QueryValue::Blob(bytes),
            })
        };
        let values = is_boolean.iter().enumerate().map(value).collect::<Result<Vec<_>>>()?;
        rows.row(&values)?;
        count = count.saturating_add(1);
    }
    Ok(count)
}

/// Returns the error for a query that SQLite refuses or cannot run.
fn invalid(sql: &str, error: &rusqlite::Error) -> Error {
    match error {
        rusqlite::Error::SqlInputError { msg, offset, .. } => {
            let place = usize::try_from(*offset).ok().map(|start| token_at(sql, start));
            refuse(sql, place, msg.clone())
        }
        rusqlite::Error::MultipleStatement => {
            refuse(sql, None, "a query is a single statement".to_owned())
        }
        rusqlite::Error::SqliteFailure(failure, message) => {
            let text = message.clone().unwrap_or_else(|| failure.to_string());
            match failure.code {
                ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => {
                    Error::sink("the temporary database", text)
                }
                ErrorCode::OutOfMemory => Error::memory_limit("too little memory for the query"),
                _ => refuse(sql, None, text),
            }
        }
        // Text without a statement, such as a comment.
        rusqlite::Error::Empty => refuse(sql, None, "a query is a SELECT statement".to_owned()),
        other => refuse(sql, None, other.to_string()),
    }
}

/// Returns the place of the token that starts at a byte.
fn token_at(sql: &str, start: usize) -> Range<usize> {
    let rest = sql.get(start..).unwrap_or_default();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    let len = if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) };
    start..start.saturating_add(len)
}

/// Creates the error about a query. Its message shows the place, and the tables if one does not exist.
fn refuse(sql: &str, place: Option<Range<usize>>, message: String) -> Error {
    let mut lines = message;
    let names_table = lines.starts_with("no such table");
    if let Some(place) = &place {
        let (shown, marks) = excerpt(sql, place.clone());
        for line in [shown, marks] {
            lines.push_str("\n  ");
            lines.push_str(&line);
        }
    }
    if names_table {
        let names: Vec<_> = known_tables().into_iter().map(Table::name).collect();
        lines.push_str("\nthe tables are ");
        lines.push_str(&names.join(", "));
    }
    Error::new(ErrorKind::InvalidQuery { sql: sql.to_owned(), place, message: lines })
}

/// Format that loads tables into a database.
struct TableLoader {
    options: SinkOptions,
    database: Arc<Mutex<Database>>,
}

impl Format for TableLoader {
    type Encoder = TableEncoder<SqliteRows>;

    fn encoder(&self) -> Self::Encoder {
        TableEncoder::new(SqliteRows::new(&self.options), self.options.derived())
    }
}

impl ChunkWriter for TableLoader {
    type Chunk = SqliteChunk;

    fn tables(&self) -> &[Table] {
        &self.options.tables
    }

    fn write(&mut self, chunk: SqliteChunk) -> Result<()> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner).insert(&chunk)
    }

    fn finish(self) -> Result<()> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner).commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows as text.
    #[derive(Default)]
    struct Lines(Vec<String>);

    impl QueryRows for Lines {
        fn columns(&mut self, names: &[&str]) -> Result<()> {
            self.0.push(names.join(","));
            Ok(())
        }

        fn row(&mut self, values: &[QueryValue<'_>]) -> Result<()> {
            let texts: Vec<_> = values.iter().map(|value| format!("{value:?}")).collect();
            self.0.push(texts.join(","));
            Ok(())
        }
    }

    fn ask(sql: &str) -> Result<(Vec<String>, QueryReport)> {
        let inputs = Inputs::new(["fixtures/01-tcp-connect-default.xml"]);
        let mut lines = Lines::default();
        query(&inputs, sql, &QueryOptions::default(), &mut lines).map(|report| (lines.0, report))
    }

    #[test]
    fn only_the_tables_that_a_query_names_are_loaded() {
        for (sql, tables) in [
            ("SELECT count(*) FROM ports", &[Table::Ports][..]),
            ("SELECT 'hosts' AS \"scans\" FROM ports -- services", &[Table::Ports]),
            ("SELECT 1", &[]),
            (
                "WITH s AS (SELECT * FROM services) SELECT * FROM hosts WHERE host_id IN (SELECT host_id FROM s)",
                &[Table::Hosts, Table::Services],
            ),
            ("SELECT EXISTS (SELECT 1 FROM scripts)", &[Table::Scripts]),
            ("SELECT j.value FROM scans, json_each(scans.scan_info) j", &[Table::Scans]),
            ("SELECT ip, product FROM open_services", &[Table::OpenServices]),
            ("SELECT * FROM latest_hosts", &[Table::Scans, Table::Hosts]),
            (
                "SELECT * FROM latest_open_services",
                &[Table::Scans, Table::Hosts, Table::OpenServices],
            ),
        ] {
            let (_, report) = ask(sql).unwrap();
            assert_eq!(report.tables, tables, "{sql}");
            let names: Vec<_> = tables.iter().map(|table| table.name()).collect();
            let mut loaded: Vec<_> = report.inputs.rows.keys().copied().collect();
            loaded.sort_by_key(|name| names.iter().position(|known| known == name));
            assert_eq!(loaded, names, "{sql}");
        }
    }

    #[test]
    fn values_have_types() {
        let (lines, report) = ask(
            "SELECT port, ip, expanded, reason_ip, 1.5 AS half, x'ff' AS blob, CAST(x'ff' AS TEXT) \
             FROM ports ORDER BY port LIMIT 1",
        )
        .unwrap();
        assert_eq!(report.rows, 1);
        assert_eq!(lines[0], "port,ip,expanded,reason_ip,half,blob,CAST(x'ff' AS TEXT)");
        assert!(lines[1].starts_with("Integer(25),Text(\""), "{lines:?}");
        assert!(
            lines[1].ends_with("Boolean(false),Null,Real(1.5),Blob([255]),Text(\"\u{fffd}\")"),
            "{lines:?}"
        );
    }

    #[test]
    fn an_error_shows_its_place() {
        for (sql, marked, message) in [
            (
                "SELECT prot FROM ports",
                Some("prot"),
                "no such column: prot\n  SELECT prot FROM ports\n         ^^^^",
            ),
            ("SELECT * FROM port", None, "no such table: port"),
            ("SELECT FROM ports", Some("FROM"), "near \"FROM\": syntax error"),
            ("SELECT nope(1)", None, "no such function"),
            ("", None, "a query is"),
            ("-- nothing", None, "a query is"),
            ("SELECT 1; SELECT 2", None, "a query is a single statement"),
            ("SELECT ?", None, "a query has no parameters"),
            ("SELECT json('{')", None, "malformed JSON"),
        ] {
            let error = ask(sql).err().unwrap_or_else(|| panic!("{sql} is fine"));
            let ErrorKind::InvalidQuery { place, .. } = error.kind() else { panic!("{error}") };
            assert!(error.to_string().starts_with(message), "{sql}: {error}");
            if let Some(marked) = marked {
                assert_eq!(place.clone().map(|place| &sql[place]), Some(marked), "{sql}");
            }
        }
        assert!(ask("SELECT * FROM port").unwrap_err().to_string().contains("scans, hosts, ports"));
    }

    #[test]
    fn a_query_only_reads() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other.db").display().to_string();
        for sql in [
            &*format!("ATTACH '{other}' AS other"),
            &format!("VACUUM INTO '{other}'"),
            "DETACH main",
            "PRAGMA journal_mode = WAL",
            "PRAGMA table_info(ports)",
            "SELECT load_extension('x')",
            "INSERT INTO ports DEFAULT VALUES",
            "DELETE FROM ports",
            "UPDATE ports SET port = 1",
            "UPDATE ports SET port = 1 RETURNING port",
            "DROP TABLE ports",
            "CREATE TABLE x (y)",
            "CREATE TEMP VIEW x AS SELECT 1",
            "CREATE VIRTUAL TABLE x USING fts5(y)",
            "ALTER TABLE ports RENAME TO x",
            "BEGIN",
            "SAVEPOINT x",
            "ANALYZE",
            "REINDEX",
            "WITH x AS (SELECT 1) DELETE FROM ports",
            "SELECT 1; DROP TABLE ports",
        ] {
            let error = ask(sql).err().unwrap_or_else(|| panic!("{sql} is not refused"));
            assert!(matches!(error.kind(), ErrorKind::InvalidQuery { .. }), "{sql}: {error}");
        }
        assert!(!std::path::Path::new(&other).exists());
        // What only reads is permitted.
        for sql in [
            "EXPLAIN QUERY PLAN SELECT * FROM ports",
            "SELECT name FROM sqlite_schema",
            "VALUES (1)",
        ] {
            assert!(ask(sql).unwrap().1.rows > 0, "{sql}");
        }
    }

    #[test]
    fn a_query_ends_when_the_job_is_cancelled() {
        struct Cancel(crate::ops::CancellationToken);

        impl QueryRows for Cancel {
            fn columns(&mut self, _: &[&str]) -> Result<()> {
                self.0.cancel();
                Ok(())
            }

            fn row(&mut self, _: &[QueryValue<'_>]) -> Result<()> {
                Ok(())
            }
        }

        let token = crate::ops::CancellationToken::new();
        let job = JobOptions::default().with_cancellation(token.clone());
        let options = QueryOptions::default().with_job(job);
        let endless =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
        let inputs = Inputs::new(["fixtures/01-tcp-connect-default.xml"]);
        let report = query(&inputs, endless, &options, &mut Cancel(token)).unwrap();
        assert_eq!(report.status(), JobStatus::Cancelled);
    }

    #[test]
    fn without_a_scan_nothing_is_queried() {
        let mut lines = Lines::default();
        let inputs = Inputs::new(["none.xml"]);
        let report = query(&inputs, "SELECT 1", &QueryOptions::default(), &mut lines).unwrap();
        assert!(lines.0.is_empty() && report.status() == JobStatus::NoInput);
    }
}
