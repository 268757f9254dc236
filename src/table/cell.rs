//! One value of a row, borrowed.

use super::{Field, Kind};
use crate::{
    json::{self, Value as _},
    model::{ScriptData, Text, Timestamp},
};

/// A value of a row, borrowed from it.
#[derive(Clone, Copy)]
pub enum Cell<'r> {
    /// Null.
    Null,
    /// Text.
    Str(&'r str),
    /// A whole number.
    I32(i32),
    /// A whole number.
    I64(i64),
    /// A finite number.
    F64(f64),
    /// True or false.
    Bool(bool),
    /// A time.
    Time(Timestamp),
    /// Sixteen bytes.
    Bytes([u8; 16]),
    /// A script's value, which is JSON text in a table.
    Json(&'r ScriptData<'r>),
    /// A list of texts or structs.
    List(&'r dyn Items),
}

/// A list in a row: texts (one field) or structs.
pub trait Items {
    /// How many items.
    fn count(&self) -> usize;

    /// A field of an item.
    fn cell(&self, item: usize, field: usize) -> Cell<'_>;
}

impl Cell<'_> {
    /// Whether it is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Json(data) => data.is_none(),
            _ => false,
        }
    }

    /// Writes the value as compact JSON behind what `out` holds: null as `null`, a script's value as a
    /// string.
    pub fn write_json(&self, kind: Kind, out: &mut Vec<u8>) {
        match self {
            _ if self.is_null() => out.extend_from_slice(b"null"),
            Self::Json(data) => {
                let mut text = Vec::new();
                data.write_json(&mut text);
                String::from_utf8_lossy(&text).put("", out);
            }
            Self::List(items) => write_items(*items, kind, out),
            _ => self.write_scalar(out),
        }
    }

    fn write_scalar(&self, out: &mut Vec<u8>) {
        match self {
            Self::Str(text) => text.put("", out),
            Self::I32(number) => number.put("", out),
            Self::I64(number) => number.put("", out),
            Self::F64(number) => number.put("", out),
            Self::Bool(value) => value.put("", out),
            Self::Time(time) => time.put("", out),
            Self::Null | Self::Bytes(_) | Self::Json(_) | Self::List(_) => {
                out.extend_from_slice(b"null");
            }
        }
    }
}

fn write_items(items: &dyn Items, kind: Kind, out: &mut Vec<u8>) {
    out.push(b'[');
    for item in 0..items.count() {
        if item > 0 {
            out.push(b',');
        }
        match kind {
            Kind::Structs(fields) => write_struct(items, item, fields, out),
            _ => items.cell(item, 0).write_json(Kind::Utf8, out),
        }
    }
    out.push(b']');
}

fn write_struct(items: &dyn Items, item: usize, fields: &[Field], out: &mut Vec<u8>) {
    out.push(b'{');
    for (number, field) in fields.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        out.push(b'"');
        json::escape(field.name, out);
        out.extend_from_slice(b"\":");
        items.cell(item, number).write_json(field.kind, out);
    }
    out.push(b'}');
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

impl<'r> From<&'r Text<'_>> for Cell<'r> {
    fn from(text: &'r Text<'_>) -> Self {
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
