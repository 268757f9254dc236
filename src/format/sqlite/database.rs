//! Database with the tables of a job: its schema, and the rows that are inserted.

use std::{ffi::CStr, fmt::Write as _, path::Path};

use rusqlite::{Connection, ErrorCode, OpenFlags, Statement};

use super::records::SqliteChunk;
use crate::{
    error::{Error, Result},
    format::SinkOptions,
    table::{
        Column, ColumnType, Table,
        export::{SqlEngine, views},
        schema_version,
    },
};

/// Implementation of file access without locks: nothing else opens a file that has no final name yet, and some network
/// file systems support no locks.
const WITHOUT_LOCKS: &CStr = if cfg!(unix) { c"unix-none" } else { c"win32-none" };

/// Memory of SQLite for pages of the database, in KiB.
pub(crate) const CACHE_KIB: usize = 16 << 10;

/// Columns by which rows of other tables are looked up. A table has an index of each, unless its key begins with it.
const LOOKUP_COLUMNS: [&str; 3] = ["host_id", "host_key", "ip"];

/// Tables that the views read.
const VIEWED_TABLES: [Table; 6] =
    [Table::Scans, Table::Hosts, Table::Ports, Table::Services, Table::Scripts, Table::OsMatches];

/// Database that is being filled.
pub(crate) struct Database {
    connection: Connection,
    /// Name of the database, for messages.
    name: String,
    tables: Vec<(Table, Vec<&'static Column>)>,
    /// Statement that inserts a row, by [`Table::number`].
    inserts: Vec<Option<String>>,
}

impl Database {
    /// Creates the tables in a new, empty file that nothing else uses. `name` is the name of the database in messages.
    pub(super) fn create(file: &Path, name: String, options: &SinkOptions) -> Result<Self> {
        // A relative path that starts with `file:` would be taken for a URI.
        let path = Path::new(".").join(file);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags_and_vfs(path, flags, WITHOUT_LOCKS);
        let connection = opened.map_err(|error| failed(&name, &error))?;
        Self::with_tables(connection, name, CACHE_KIB, options)
    }

    /// Creates the tables in a private temporary database, which is in memory up to `cache_kib` KiB and in a file without
    /// a name above.
    pub(crate) fn temporary(cache_kib: usize, options: &SinkOptions) -> Result<Self> {
        let name = "the temporary database".to_owned();
        let connection = Connection::open("").map_err(|error| failed(&name, &error))?;
        Self::with_tables(connection, name, cache_kib, options)
    }

    fn with_tables(
        connection: Connection,
        name: String,
        cache_kib: usize,
        options: &SinkOptions,
    ) -> Result<Self> {
        let columns = |table: &Table| {
            let columns = options.columns_of(*table);
            (*table, columns.unwrap_or_else(|| table.columns().iter().collect()))
        };
        let tables: Vec<_> = options.tables.iter().map(columns).collect();
        let mut inserts = vec![None; Table::COUNT];
        // Everything is one transaction. Its journal has only pages that the file had before: hardly any.
        let mut script = format!(
            "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -{cache_kib};\
             PRAGMA user_version = {}; BEGIN;\n",
            schema_version()
        );
        let is_derived = |table: Table| Table::DERIVED.contains(&table);
        for (table, columns) in tables.iter().filter(|(table, _)| !is_derived(*table)) {
            create_table(*table, columns, &mut script);
        }
        if has_views(options) {
            script.push_str(views(SqlEngine::Sqlite));
        }
        // A derived table takes the place of the view of its name, and other views then read it.
        for (table, columns) in tables.iter().filter(|(table, _)| is_derived(*table)) {
            let _ = writeln!(script, "DROP VIEW IF EXISTS \"{}\";", table.name());
            create_table(*table, columns, &mut script);
        }
        for (table, columns) in &tables {
            if let Some(insert) = inserts.get_mut(table.number()) {
                let marks = vec!["?"; columns.len()].join(", ");
                *insert = Some(format!("INSERT INTO \"{}\" VALUES ({marks})", table.name()));
            }
        }
        let database = Self { connection, name, tables, inserts };
        database.run(&script)?;
        Ok(database)
    }

    /// Inserts the rows of a chunk, in their order.
    pub(crate) fn insert(&self, chunk: &SqliteChunk) -> Result<()> {
        let mut statements: Vec<Option<Statement<'_>>> = Vec::new();
        statements.resize_with(Table::COUNT, || None);
        let mut records = chunk.records();
        while let Some(number) = records.table() {
            let missing = || Error::internal(format!("rows of table {number} have no statement"));
            let (place, sql) = (statements.get_mut(number), self.inserts.get(number));
            let (Some(place), Some(Some(sql))) = (place, sql) else { return Err(missing()) };
            let statement = match place {
                Some(statement) => statement,
                none => {
                    let prepared = self.connection.prepare(sql);
                    none.insert(prepared.map_err(|error| self.failed(&error))?)
                }
            };
            for parameter in 1..=statement.parameter_count() {
                let value = records.value().ok_or_else(missing)?;
                let bound = statement.raw_bind_parameter(parameter, value);
                bound.map_err(|error| self.failed(&error))?;
            }
            statement.raw_execute().map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    /// Ends the transaction, after which the rows can be read. Creates no index: SQLite makes those that a query needs.
    pub(crate) fn commit(&self) -> Result<()> {
        self.run("COMMIT")
    }

    /// Returns the connection, for queries.
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Creates the indexes, ends the transaction and closes the database.
    pub(super) fn finish(self) -> Result<()> {
        for (table, columns) in &self.tables {
            let has = |name: &str| columns.iter().any(|column| column.field.name == name);
            let key = table.key();
            if key.iter().all(|name| has(name)) {
                self.create_key(*table, key)?;
            }
            for name in LOOKUP_COLUMNS {
                if has(name) && key.first() != Some(&name) {
                    let table = table.name();
                    self.run(&format!(
                        "CREATE INDEX \"{table}_{name}\" ON \"{table}\" (\"{name}\")"
                    ))?;
                }
            }
        }
        self.commit()?;
        let Self { connection, name, .. } = self;
        connection.close().map_err(|(_, error)| failed(&name, &error))
    }

    /// Creates the index of a table's key. It is unique unless the input holds a scan twice.
    fn create_key(&self, table: Table, key: &[&str]) -> Result<()> {
        let (name, columns) = (table.name(), format!("\"{}\"", key.join("\", \"")));
        let create = |unique: &str| {
            let sql = format!("CREATE {unique}INDEX \"{name}_key\" ON \"{name}\" ({columns})");
            self.connection.execute_batch(&sql)
        };
        match create("UNIQUE ") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                create("").map_err(|error| self.failed(&error))
            }
            created => created.map_err(|error| self.failed(&error)),
        }
    }

    fn run(&self, script: &str) -> Result<()> {
        self.connection.execute_batch(script).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &rusqlite::Error) -> Error {
        failed(&self.name, error)
    }
}

/// Returns true if a database has the tables of a conversion that the views read.
fn has_views(options: &SinkOptions) -> bool {
    let is_written = |table: &Table| options.tables.contains(table);
    !options.merged && options.columns.is_none() && VIEWED_TABLES.iter().all(is_written)
}

/// Returns the error for a database that cannot be written.
fn failed(name: &str, error: &rusqlite::Error) -> Error {
    Error::sink(name, error.to_string())
}

/// Appends the statement that creates a table, with the descriptions as comments, which SQLite keeps.
fn create_table(table: Table, columns: &[&'static Column], out: &mut String) {
    // Writing into a string cannot fail.
    let _ = writeln!(out, "CREATE TABLE \"{}\" ( -- {}", table.name(), table.doc());
    for (column, number) in columns.iter().zip(1..) {
        let field = &column.field;
        let null = if field.nullable { "" } else { " NOT NULL" };
        let comma = if number < columns.len() { "," } else { "" };
        let (name, kind) = (field.name, sql_type(field.kind));
        let _ = writeln!(out, "    \"{name}\" {kind}{null}{comma} -- {}", field.doc);
    }
    out.push_str(");\n");
}

/// Returns the type of a column. Times are text, as the functions of SQLite for times read them, and so are lists and
/// JSON. Booleans are 0 or 1.
const fn sql_type(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Utf8
        | ColumnType::Json
        | ColumnType::Dictionary
        | ColumnType::Timestamp
        | ColumnType::Texts
        | ColumnType::Structs(_) => "TEXT",
        ColumnType::Int32 | ColumnType::Int64 => "INTEGER",
        ColumnType::Float64 => "REAL",
        ColumnType::Boolean => "BOOLEAN",
        ColumnType::Binary16 => "BLOB",
    }
}
