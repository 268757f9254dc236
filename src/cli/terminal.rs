//! Text for people, and the only module that writes it.
//!
//! File names, values from scans, arguments and the output of programs come from others. Printed
//! unchanged, a line break in one forges a line of scanmill, an escape sequence moves the cursor or
//! sets the title of the window, and a bidi mark reorders the text. Therefore all output is built
//! from [`Lines`]: each text that is added stays on one line, and such characters are shown as
//! `\u{...}`. Only labels and styles, which are constants of the program, are printed unchanged.
//! Data (rows, documents, printed schemas) is not for people; [`print_data`] and the sinks write it
//! unchanged.
//!
//! `tests/it/layering.rs` fails if another module names standard output or standard error.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
};

use indicatif::ProgressDrawTarget;

use crate::{
    error::{Error, Result},
    text::is_invisible,
};

/// Returns true if a character is invisible, or affects the terminal or the text around it.
fn is_unsafe(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// Escapes characters that are not safe to print as `\u{...}`.
pub(super) fn escape(text: &str) -> String {
    escape_but(text, |_| false)
}

fn escape_but(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) && !is_kept(c) {
            // Writing into a string cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Lines of text for people.
#[derive(Debug, Default)]
pub(super) struct Lines(String);

impl Lines {
    /// Adds a line.
    pub(super) fn line(&mut self, text: &str) {
        self.0.push_str(&escape(text));
        self.0.push('\n');
    }

    /// Adds a line that starts with a label, in a style if one is given.
    pub(super) fn labelled(
        &mut self,
        label: &'static str,
        style: Option<&'static str>,
        text: &str,
    ) {
        let _ = match style {
            Some(style) => write!(self.0, "{style}{label}:\u{1b}[0m "),
            None => write!(self.0, "{label}: "),
        };
        self.line(text);
    }

    /// Adds a line of JSON. Unsafe characters can occur only in its strings, and are escaped as
    /// JSON escapes them.
    pub(super) fn json(&mut self, value: &serde_json::Value) {
        self.0.push_str(&escape_json(&value.to_string()));
        self.0.push('\n');
    }

    /// Returns the lines, each preceded by a text and a space.
    pub(super) fn prefixed(&self, text: &str) -> Self {
        let mut lines = Self::default();
        for line in self.0.lines() {
            lines.0.push_str(&escape(text));
            lines.0.push(' ');
            lines.0.push_str(line);
            lines.0.push('\n');
        }
        lines
    }

    /// Returns the lines, each ended by a line break.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Escapes characters that are not safe to print in JSON, as JSON escapes them.
pub(super) fn escape_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // Indented JSON has line breaks between its members.
        if is_unsafe(c) && c != '\n' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Writes lines to standard error. Ignores errors, because a closed standard error has no reader.
pub(super) fn eprint_lines(lines: &Lines) {
    let _ = io::stderr().lock().write_all(lines.as_str().as_bytes());
}

/// Writes lines to standard output.
///
/// # Errors
/// Fails if standard output cannot be written.
pub(super) fn print_lines(lines: &Lines) -> Result<()> {
    print_data(lines.as_str().as_bytes())
}

/// Writes indented JSON to standard output.
///
/// # Errors
/// Fails if standard output cannot be written.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let failed = |error: io::Error| Error::sink("standard output", error);
    let mut out = EscapingWriter(io::BufWriter::new(io::stdout().lock()));
    serde_json::to_writer_pretty(&mut out, value).map_err(|error| failed(error.into()))?;
    out.write_all(b"\n").and_then(|()| out.flush()).map_err(failed)
}

/// Writer that escapes JSON as it passes through, since the whole may exceed the memory.
struct EscapingWriter<W>(W);

impl<W: io::Write> io::Write for EscapingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            // The bytes may end within a character: write the valid part only.
            Err(error) => match bytes.split_at(error.valid_up_to()).0 {
                [] => return Err(io::ErrorKind::InvalidData.into()),
                valid => std::str::from_utf8(valid).unwrap_or_default(),
            },
        };
        self.0.write_all(escape_json(text).as_bytes())?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes indented JSON to standard error.
///
/// # Errors
/// Fails if standard error cannot be written.
pub(super) fn eprint_json(value: &serde_json::Value) -> Result<()> {
    let written = io::stderr().lock().write_all(indented(value).as_bytes());
    written.map_err(|error| Error::sink("standard error", error))
}

fn indented(value: &serde_json::Value) -> String {
    let mut text = escape_json(&format!("{value:#}"));
    text.push('\n');
    text
}

/// Writes data to standard output unchanged.
///
/// # Errors
/// Fails if standard output cannot be written.
pub(super) fn print_data(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|error| Error::sink("standard output", error))
}

/// Prints the error in the arguments, or the help. Both may contain values: the wrong ones, and in
/// the help those that the environment and the configuration set.
///
/// # Errors
/// Fails if the help cannot be written. An error that cannot be written still shows in the exit
/// code.
pub(super) fn print_usage(error: &mut clap::Error) -> Result<()> {
    use clap::error::ContextValue;
    let context: Vec<_> = error.context().map(|(kind, value)| (kind, value.clone())).collect();
    for (kind, value) in context {
        let escaped = match value {
            ContextValue::String(text) => ContextValue::String(escape(&text)),
            ContextValue::Strings(texts) => {
                ContextValue::Strings(texts.iter().map(|text| escape(text)).collect())
            }
            // Tips have one line each. The usage also has this type, but is a single one.
            ContextValue::StyledStrs(tips) => {
                let tips = tips.iter().map(|tip| escape(&tip.to_string()).into());
                ContextValue::StyledStrs(tips.collect())
            }
            other => other,
        };
        error.insert(kind, escaped);
    }
    let plain = error.render().to_string();
    let is_safe = plain.chars().all(|c| c == '\n' || !is_unsafe(c));
    let written = if is_safe {
        // With colours, where they are supported.
        error.print()
    } else {
        let text = escape_but(&plain, |c| c == '\n');
        if error.use_stderr() {
            io::stderr().lock().write_all(text.as_bytes())
        } else {
            io::stdout().lock().write_all(text.as_bytes())
        }
    };
    let written = written.and_then(|()| io::stdout().flush());
    written.map_err(|error| Error::sink("standard output", error))
}

/// Returns true if standard error is a terminal.
pub(super) fn is_stderr_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Returns true if standard output is a terminal.
pub(super) fn is_stdout_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Returns the place where bars are drawn. Escape their messages with [`escape`].
pub(super) fn bar_target() -> ProgressDrawTarget {
    ProgressDrawTarget::stderr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_receive_no_control_sequences() {
        assert_eq!(escape("a\u{1b}[31m\u{202e}b\n\u{9b}"), "a\\u{1b}[31m\\u{202e}b\\u{a}\\u{9b}");
        assert_eq!(
            escape("\u{2028}\u{61c}\u{200b}\u{e0041}"),
            "\\u{2028}\\u{61c}\\u{200b}\\u{e0041}"
        );
        assert_eq!(escape("\u{fc}\u{20ac}\u{65e5}\u{1f512}"), "\u{fc}\u{20ac}\u{65e5}\u{1f512}");
    }

    #[test]
    fn any_text_is_printed_as_one_line() {
        let mut lines = Lines::default();
        lines.line("a\nerror: forged\r");
        lines.labelled("error", Some("\u{1b}[1;31m"), "b\n");
        lines.json(&serde_json::json!({ "text": "c\n\u{202e}\u{e0041}\u{7f}" }));
        let json = r#"{"text":"c\n\u202e\udb40\udc41\u007f"}"#;
        let expected = format!(
            "a\\u{{a}}error: forged\\u{{d}}\n\u{1b}[1;31merror:\u{1b}[0m b\\u{{a}}\n{json}\n"
        );
        assert_eq!(lines.as_str(), expected);
        serde_json::from_str::<serde_json::Value>(json).unwrap();
    }
}
