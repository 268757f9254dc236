//! Views of the tables, as SQL. They are written by hand, because each engine has functions of its own for lists, JSON and
//! text. A test runs them over the fixtures and compares their `open_services` with the table, value by value: change
//! them together with `derived`.

/// Engine that runs SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SqlEngine {
    /// `DuckDB`
    DuckDb,
    /// `SQLite`
    Sqlite,
    /// Spark
    Spark,
}

impl SqlEngine {
    /// All engines.
    pub(super) const ALL: [Self; 3] = [Self::DuckDb, Self::Sqlite, Self::Spark];

    /// Returns the name of its file in a folder of schemas, without ending.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb",
            Self::Sqlite => "sqlite",
            Self::Spark => "spark",
        }
    }
}

/// Returns SQL that creates views of the tables of a conversion: `open_services`, `latest_hosts`,
/// `latest_open_services`, `host_seen`, `open_port_seen` and `certificates_expiring`.
///
/// ```
/// use scanmill::table::export::{SqlEngine, views};
///
/// assert!(views(SqlEngine::Sqlite).contains("CREATE VIEW latest_open_services AS"));
/// ```
#[must_use]
pub fn views(engine: SqlEngine) -> &'static str {
    match engine {
        SqlEngine::DuckDb => include_str!("duckdb.sql"),
        SqlEngine::Sqlite => include_str!("sqlite.sql"),
        SqlEngine::Spark => include_str!("spark.sql"),
    }
}
