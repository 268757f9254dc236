//! `scanmill query`. What needs SQLite is in `run` and `writer`; a build without the feature `full` names it, and prints
//! commands that do the same with DuckDB.

#[cfg(any(test, not(feature = "full")))]
mod duckdb;
#[cfg(feature = "full")]
mod run;
#[cfg(feature = "full")]
mod writer;

use super::{args::QueryArgs, console::Console, exit::Exit};
use crate::error::{Error, Result};

#[cfg(feature = "full")]
pub(super) fn run(args: &QueryArgs, console: &Console) -> Result<Exit> {
    run::run(args, split(args)?, console)
}

#[cfg(not(feature = "full"))]
pub(super) fn run(args: &QueryArgs, console: &Console) -> Result<Exit> {
    let (inputs, sql) = split(args)?;
    console.error(&crate::format::lacks_full("query"));
    console.hint("with DuckDB, these two commands do it:");
    for command in duckdb::commands(&inputs, sql)? {
        console.hint(&command);
    }
    Ok(Exit::Usage)
}

/// Splits the arguments into the inputs and the SQL, which is the last one.
fn split(args: &QueryArgs) -> Result<(Vec<&std::path::Path>, &str)> {
    let mut inputs: Vec<_> = args.read.inputs.iter().map(|path| &**path).collect();
    let sql = inputs.pop().and_then(std::path::Path::to_str).unwrap_or_default();
    if std::path::Path::new(sql).exists() {
        let message = "query needs a SELECT statement as its last argument";
        return Err(Error::usage(format!("{sql} is a file or folder: {message}")));
    }
    if inputs.is_empty() && args.read.files_from.is_none() {
        return Err(Error::usage("query needs INPUT... and then a SELECT statement"));
    }
    Ok((inputs, sql))
}
