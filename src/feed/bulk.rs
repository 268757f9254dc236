//! Bulk requests of Elasticsearch and OpenSearch: each document follows a line that names its index and ID.

use crate::text::json::{OBJECT, key, write_container, write_members};

/// Writes the action line of a bulk API request, if an index is set.
pub(super) fn action(index: Option<&str>, id: &str, out: &mut Vec<u8>) {
    let Some(index) = index else { return };
    write_container("", OBJECT, out, |out| {
        write_container(
            key!("create"),
            OBJECT,
            out,
            |out| write_members!(out, "_index": index, "_id": id),
        );
    });
    out.push(b'\n');
}
