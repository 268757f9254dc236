//! Rows of a file as those of one document, for the fuzz target of datasets.

use std::{collections::HashMap, path::Path};

use super::{
    super::decode::TableFile,
    rows::{TableRows, first_key},
};
use crate::{error::Result, table::Table};

/// Returns the rows of the document that the first row of a file belongs to. Reads the file as the
/// first table that it fits.
pub(in crate::dataset) fn rows(path: &Path) -> Result<TableRows> {
    let of = |table: &Table| TableFile::made(path, *table);
    let fits = Table::ALL.iter().map(of).find(|source| first_key(source).is_ok());
    let source = fits.unwrap_or_else(|| of(&Table::Hosts));
    let numbers: HashMap<_, _> = first_key(&source)?.into_iter().map(|key| (key, 0)).collect();
    let mut rows = TableRows::find(vec![source], &numbers)?;
    rows.begin(0);
    Ok(rows)
}
