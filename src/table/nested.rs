//! Writes cells as members of nested documents.
//!
//! A nested document omits null and empty members, and contains the value of a script as JSON, not as text that
//! contains JSON. Which columns of a table are members is decided in `schema`; the documents around them are those of
//! `feed::nested`.

use super::{Cell, CellVisitor, Field};
use crate::{
    model::ScriptValue,
    text::{
        escape_json,
        json::{self, MicrosAsMillis, WriteJson as _, key},
    },
};

/// Struct of the model that rows of a table, or items of a list, show. `schema` implements it from the columns.
pub(crate) trait NestedFields {
    /// Passes the cells that nested documents have to `to`, in the order of the columns.
    fn nested_cells(&self, to: &mut impl CellVisitor);
}

/// Writer of cells as members of an object.
pub(crate) struct NestedMembers<'o>(pub(crate) &'o mut Vec<u8>);

impl CellVisitor for NestedMembers<'_> {
    #[expect(clippy::inline_always, reason = "the kind of the cell is known where it is called")]
    #[inline(always)]
    fn cell(&mut self, _: &Field, lead: &str, cell: Cell<'_>) {
        let Self(out) = self;
        match cell {
            Cell::Null | Cell::Bytes(_) => {}
            Cell::Str(text) => text.write_member(lead, out),
            Cell::Plain(text) => {
                out.extend_from_slice(lead.as_bytes());
                out.push(b'"');
                out.extend_from_slice(text.as_bytes());
                out.push(b'"');
            }
            Cell::I32(number) => number.write_member(lead, out),
            Cell::I64(number) => number.write_member(lead, out),
            Cell::F64(number) => number.write_member(lead, out),
            Cell::Millis(micros) => MicrosAsMillis(micros).write_member(lead, out),
            Cell::Bool(value) => value.write_member(lead, out),
            Cell::Time(time) => time.write_member(lead, out),
            Cell::Json(data) => script_data(data, out),
            Cell::List(items) => items.write_nested(lead, out),
        }
    }
}

/// Maximum nesting of a line. Some readers stop at 128 levels (`serde_json`), others earlier.
const LINE_LEVELS: usize = 100;
/// Number of levels around the `data` of a port script: the line, `ports`, a port, `scripts` and a script.
const AROUND: usize = 5;
/// Maximum nesting of `data` as JSON. A value with deeper nesting is written as a text that contains JSON.
pub(crate) const LEVELS: usize = LINE_LEVELS - AROUND;

/// Writes the value of a script as the member `data`. `[]` and `null` are values too; only a missing value is left
/// out. A value that is nested too deeply for common readers is written as a text that contains it.
pub(crate) fn script_data(data: &ScriptValue<'_>, out: &mut Vec<u8>) {
    if data.is_none() {
        return;
    }
    out.extend_from_slice(key!("data").as_bytes());
    let start = out.len();
    data.write_json(out);
    if matches!(data, ScriptValue::Json(_)) {
        // JSON from outside may contain line breaks, which are only between tokens.
        for byte in out.iter_mut().skip(start).filter(|b| matches!(b, b'\n' | b'\r')) {
            *byte = b' ';
        }
    }
    if may_be_deep(data) && out.get(start..).is_some_and(|json| json::nesting_depth(json) > LEVELS)
    {
        let json = out.split_off(start);
        out.push(b'"');
        // JSON made of texts is valid UTF-8.
        escape_json(&String::from_utf8_lossy(&json), out);
        out.push(b'"');
    }
}

/// Returns true if the JSON of a value may be nested too deeply. Most values cannot be, and are not checked further.
fn may_be_deep(data: &ScriptValue<'_>) -> bool {
    match data {
        ScriptValue::None | ScriptValue::Text(_) => false,
        // A table adds at most an object and, if its key is repeated, an array.
        ScriptValue::Tree(tree) => tree.nodes().len() > LEVELS / 2,
        ScriptValue::Json(json) => json.len() > LEVELS * 2,
    }
}
