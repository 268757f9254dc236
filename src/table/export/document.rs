//! JSON documents that keep the order of members and are formatted for reading.

use crate::text::escape_json;

/// Maximum line length, in characters.
const WIDTH: usize = 100;

/// JSON value.
#[derive(Debug, Clone)]
pub(super) enum Json {
    Bool(bool),
    Number(i64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Creates an object with these members: `object!{"name": value, ...}`.
macro_rules! object {
    ($($key:literal: $value:expr),* $(,)?) => {
        Json::Object(vec![$(($key.to_owned(), Json::from($value))),*])
    };
}

pub(super) use object;

impl Json {
    /// Returns the text of the document. A value that fits on one line is written on one line.
    pub(super) fn print(&self) -> String {
        let mut out = String::new();
        self.write(0, 0, &mut out);
        out.push('\n');
        out
    }

    /// Writes the value. `behind` is the number of characters that follow on the same line.
    fn write(&self, indent: usize, behind: usize, out: &mut String) {
        let start = out.len();
        self.write_compact(out);
        let line = out.rfind('\n').map_or(0, |at| at + 1);
        let fits = out[line..].chars().count() + behind <= WIDTH;
        let (open, members, close): (_, Vec<(Option<&str>, &Self)>, _) = match self {
            Self::List(items) => ('[', items.iter().map(|item| (None, item)).collect(), ']'),
            Self::Object(members) => {
                ('{', members.iter().map(|(name, value)| (Some(&**name), value)).collect(), '}')
            }
            _ => return,
        };
        let Some(last) = members.len().checked_sub(1).filter(|_| !fits) else { return };
        out.truncate(start);
        out.push(open);
        for (number, (name, value)) in members.into_iter().enumerate() {
            let comma = if number < last { "," } else { "" };
            new_line(indent + 1, out);
            if let Some(name) = name {
                write_text(name, out);
                out.push_str(": ");
            }
            value.write(indent + 1, comma.len(), out);
            out.push_str(comma);
        }
        new_line(indent, out);
        out.push(close);
    }

    fn write_compact(&self, out: &mut String) {
        match self {
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::Text(text) => write_text(text, out),
            Self::List(items) => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    out.push_str(if number > 0 { ", " } else { "" });
                    item.write_compact(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (number, (name, value)) in members.iter().enumerate() {
                    out.push_str(if number > 0 { ", " } else { "" });
                    write_text(name, out);
                    out.push_str(": ");
                    value.write_compact(out);
                }
                out.push('}');
            }
        }
    }
}

fn new_line(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", indent));
}

fn write_text(text: &str, out: &mut String) {
    let mut bytes = Vec::new();
    escape_json(text, &mut bytes);
    out.push('"');
    out.push_str(&String::from_utf8_lossy(&bytes));
    out.push('"');
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Json {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_split_into_lines_only_if_it_does_not_fit() {
        // The list around an empty text, with its indent and the comma after it.
        let text = |length: usize| "x".repeat(length);
        let inner = |length| Json::List(vec![text(length).into(), 1.into()]);
        let fits = WIDTH - r#"  ["", 1],"#.len();
        let lines = |length| Json::List(vec![inner(length), object! {}]).print().lines().count();
        assert_eq!((lines(fits), lines(fits + 1)), (4, 7));
        assert_eq!(lines(1), 1);
    }

    #[test]
    fn a_document_is_json_in_the_order_of_its_members() {
        let document = object! {"z\"\n": "\u{1}\u{e9}\\", "a": vec![true, false], "m": i64::MIN};
        assert_eq!(
            document.print(),
            "{\"z\\\"\\n\": \"\\u0001\u{e9}\\\\\", \"a\": [true, false], \"m\": -9223372036854775808}\n"
        );
        let value: serde_json::Value = serde_json::from_str(&document.print()).unwrap();
        assert_eq!(value["z\"\n"], "\u{1}\u{e9}\\");
    }
}
