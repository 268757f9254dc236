//! Commands that run a query with DuckDB instead.

use std::path::Path;

use crate::{
    error::{Error, Result},
    table::Table,
};

/// Returns the commands for a shell: one that writes the tables, and one that runs the query on those whose names occur
/// in it.
pub(super) fn commands(inputs: &[&Path], sql: &str) -> Result<[String; 2]> {
    let quote = |text: &str| {
        let quoted = shlex::try_quote(text).map(String::from);
        quoted.map_err(|_| Error::usage("an argument contains a NUL byte"))
    };
    let inputs = inputs.iter().map(|path| quote(&path.to_string_lossy()));
    let inputs = inputs.collect::<Result<Vec<_>>>()?.join(" ");
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let has = |name: &str| sql.split(|c| !is_name(c)).any(|word| word.eq_ignore_ascii_case(name));
    let tables = Table::ALL.iter().map(|table| table.name()).filter(|name| has(name));
    let views = tables.map(|name| format!("CREATE VIEW {name} AS FROM 'tables/{name}.parquet'; "));
    let script = views.chain([sql.to_owned()]).collect::<String>();
    Ok([format!("scanmill convert {inputs} -o tables"), format!("duckdb -c {}", quote(&script)?)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_name_the_inputs_and_the_tables_of_the_query() {
        let inputs = [Path::new("a b.xml"), Path::new("scans")];
        let commands = commands(&inputs, "SELECT port FROM ports WHERE ip = 'x'").unwrap();
        assert_eq!(
            commands,
            [
                "scanmill convert 'a b.xml' scans -o tables",
                "duckdb -c \"CREATE VIEW ports AS FROM 'tables/ports.parquet'; SELECT port FROM ports WHERE ip = 'x'\"",
            ]
        );
    }
}
