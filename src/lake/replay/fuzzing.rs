//! The rows of a file as those of a document, for the fuzz target of datasets.

use std::{collections::HashMap, path::PathBuf};

use super::rows::{Rows, first_key};
use crate::error::Result;

/// The rows of the document that the first row of a file is of.
pub(in crate::lake) fn rows(path: PathBuf) -> Result<Rows> {
    let numbers: HashMap<_, _> = first_key(&path)?.into_iter().map(|key| (key, 0)).collect();
    let mut rows = Rows::find(vec![path], &numbers)?;
    rows.begin(0);
    Ok(rows)
}
