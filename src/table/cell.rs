//! Borrowed value of a row.

use super::Field;
use crate::{
    model::{
        AddressKind, CowStr, HostState, PortState, Protocol, ScriptOrigin, ScriptValue, Timestamp,
    },
    text::{
        escape_json, escape_json_in_csv,
        json::{MicrosAsMillis, WriteJson as _},
        push_number, push_short,
    },
};

/// Value of a row, borrowed from it.
#[derive(Clone, Copy)]
pub enum Cell<'r> {
    /// Null.
    Null,
    /// Text.
    Str(&'r str),
    /// Text that consists only of letters, digits and the characters `.`, `:`, `-`, `_` and `|`. No format has to
    /// escape it.
    Plain(&'r str),
    /// 32-bit integer.
    I32(i32),
    /// 64-bit integer.
    I64(i64),
    /// Finite number.
    F64(f64),
    /// Non-negative number of microseconds, written as milliseconds.
    Millis(i64),
    /// True or false.
    Bool(bool),
    /// Point in time.
    Time(Timestamp),
    /// Sixteen bytes.
    Bytes([u8; 16]),
    /// Value of a script, which is JSON text in a table.
    Json(&'r ScriptValue<'r>),
    /// List of texts or structs.
    List(&'r dyn CellList),
}

/// ID of a scan or a host. Those that scanmill creates need no escaping, but those of a caller's scans, or of a dataset
/// that another program changed, may be any text.
#[derive(Clone, Copy)]
pub(super) struct Id<'r> {
    text: &'r str,
    is_plain: bool,
}

impl<'r> Id<'r> {
    /// Creates an ID. Checks its characters, so it is created once for all rows that have it.
    pub(super) fn new(text: &'r str) -> Self {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-_|".contains(&byte);
        Self { text, is_plain: text.bytes().all(is_plain) }
    }
}

impl<'r> From<Id<'r>> for Cell<'r> {
    fn from(id: Id<'r>) -> Self {
        if id.is_plain { Self::Plain(id.text) } else { Self::Str(id.text) }
    }
}

/// Consumer of the cells of a row, one by one.
pub(crate) trait CellVisitor {
    /// Takes the cell of a field. `lead` is the text that precedes its value in a JSON object with earlier members: a
    /// comma, the name and a colon.
    fn cell(&mut self, field: &Field, lead: &str, cell: Cell<'_>);
}

/// List in a row: texts (one field) or structs.
pub trait CellList {
    /// Returns the number of items.
    fn count(&self) -> usize;

    /// Returns a field of an item.
    fn cell(&self, item: usize, field: usize) -> Cell<'_>;

    /// Appends the list to `out` as a member of a nested document: `lead`, and the items without their nulls. Nothing
    /// is written if all items are empty.
    fn write_nested(&self, lead: &str, out: &mut Vec<u8>);

    /// Appends the list to `out` as compact JSON. If `doubled` is true, every quote is doubled for a quoted CSV
    /// field.
    fn write_json(&self, doubled: bool, out: &mut Vec<u8>);
}

/// Item of a list, which knows its fields.
pub(super) trait Item {
    /// Writes the item as compact JSON; if `DOUBLED` is true, with every quote doubled.
    fn write<const DOUBLED: bool>(&self, out: &mut Vec<u8>);
}

/// Writes a list of items.
pub(super) fn write_list<T: Item>(items: &[T], doubled: bool, out: &mut Vec<u8>) {
    out.push(b'[');
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        if doubled {
            item.write::<true>(out);
        } else {
            item.write::<false>(out);
        }
    }
    out.push(b']');
}

/// Writes a member of an item: its lead in the plain or the doubled form, and its value.
#[expect(clippy::inline_always, reason = "the kind of the cell is known where it is called")]
#[inline(always)]
pub(super) fn write_member<const DOUBLED: bool>(
    lead: &str,
    doubled: &str,
    cell: Cell<'_>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(if DOUBLED { doubled.as_bytes() } else { lead.as_bytes() });
    cell.put_json::<DOUBLED>(out);
}

impl Cell<'_> {
    /// Returns true if the value is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Json(data) => data.is_none(),
            _ => false,
        }
    }

    /// Appends the value to `out` as compact JSON. Null becomes `null`, and the value of a script becomes a string.
    #[inline]
    pub fn write_json(&self, out: &mut Vec<u8>) {
        self.put_json::<false>(out);
    }

    /// Writes the value as compact JSON; if `DOUBLED` is true, with every quote doubled for a quoted CSV field.
    #[expect(clippy::inline_always, reason = "the kind of the cell is known where it is called")]
    #[inline(always)]
    pub(super) fn put_json<const DOUBLED: bool>(&self, out: &mut Vec<u8>) {
        match self {
            Self::Str(text) => put_text::<DOUBLED>(text, out),
            Self::Plain(text) => {
                push_short(quote::<DOUBLED>(), out);
                push_short(text.as_bytes(), out);
                push_short(quote::<DOUBLED>(), out);
            }
            Self::I32(number) => push_number(i64::from(*number), out),
            Self::I64(number) => push_number(*number, out),
            Self::F64(number) if number.is_finite() => number.write_member("", out),
            Self::Null | Self::Bytes(_) | Self::F64(_) => push_short(b"null", out),
            Self::Millis(micros) => MicrosAsMillis(*micros).write_member("", out),
            Self::Bool(value) => push_short(if *value { b"true" } else { b"false" }, out),
            Self::Time(time) => {
                push_short(quote::<DOUBLED>(), out);
                out.extend_from_slice(&time.rfc3339());
                push_short(quote::<DOUBLED>(), out);
            }
            Self::Json(data) => put_data::<DOUBLED>(data, out),
            Self::List(items) => items.write_json(DOUBLED, out),
        }
    }
}

#[inline]
const fn quote<const DOUBLED: bool>() -> &'static [u8] {
    if DOUBLED { b"\"\"" } else { b"\"" }
}

#[inline]
fn put_text<const DOUBLED: bool>(text: &str, out: &mut Vec<u8>) {
    push_short(quote::<DOUBLED>(), out);
    if DOUBLED {
        escape_json_in_csv(text, out);
    } else {
        escape_json(text, out);
    }
    push_short(quote::<DOUBLED>(), out);
}

fn put_data<const DOUBLED: bool>(data: &ScriptValue<'_>, out: &mut Vec<u8>) {
    let mut text = Vec::new();
    if data.write_json(&mut text) {
        // JSON made of texts is valid UTF-8.
        put_text::<DOUBLED>(std::str::from_utf8(&text).unwrap_or_default(), out);
    } else {
        out.extend_from_slice(b"null");
    }
}

impl<'r> From<&'r str> for Cell<'r> {
    fn from(text: &'r str) -> Self {
        Self::Str(text)
    }
}

impl<'r> From<&'r String> for Cell<'r> {
    fn from(text: &'r String) -> Self {
        Self::Str(text)
    }
}

impl<'r> From<&'r CowStr<'_>> for Cell<'r> {
    fn from(text: &'r CowStr<'_>) -> Self {
        Self::Str(text)
    }
}

impl From<i32> for Cell<'_> {
    fn from(number: i32) -> Self {
        Self::I32(number)
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Self::I64(number)
    }
}

impl From<f64> for Cell<'_> {
    fn from(number: f64) -> Self {
        Self::F64(number)
    }
}

impl From<bool> for Cell<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Timestamp> for Cell<'_> {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl<'r, T: Copy + Into<Cell<'r>>> From<Option<T>> for Cell<'r> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<'r, T> From<&'r Option<T>> for Cell<'r>
where
    &'r T: Into<Cell<'r>>,
{
    fn from(value: &'r Option<T>) -> Self {
        value.as_ref().map_or(Self::Null, Into::into)
    }
}

/// Implements the conversion of references to values that are copied.
macro_rules! copied {
    ($($type:ty),*) => {
        $(impl From<&$type> for Cell<'_> {
            fn from(value: &$type) -> Self {
                (*value).into()
            }
        })*
    };
}

copied!(i32, i64, f64, bool, Timestamp);

impl From<&u16> for Cell<'_> {
    fn from(number: &u16) -> Self {
        Self::I32(i32::from(*number))
    }
}

/// Implements the conversion of names, of which only those that are not known have to be escaped.
macro_rules! names {
    ($($type:ident),*) => {
        $(impl<'r> From<&'r $type<'_>> for Cell<'r> {
            fn from(name: &'r $type<'_>) -> Self {
                match name {
                    $type::Other(name) => name.into(),
                    known => Self::Plain(known.as_str()),
                }
            }
        })*
    };
}

names!(HostState, PortState, Protocol, AddressKind);

impl<'r> From<&'r ScriptValue<'_>> for Cell<'r> {
    fn from(data: &'r ScriptValue<'_>) -> Self {
        Self::Json(data)
    }
}

impl From<&ScriptOrigin> for Cell<'_> {
    fn from(origin: &ScriptOrigin) -> Self {
        Self::Plain(origin.as_str())
    }
}

impl<'r, T> From<&'r Vec<T>> for Cell<'r>
where
    Vec<T>: CellList,
{
    fn from(items: &'r Vec<T>) -> Self {
        Self::List(items)
    }
}
