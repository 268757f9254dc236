//! Comparison of texts: whole ones, and patterns with `*` and `?`. The case of ASCII letters makes no difference.
//!
//! The usual patterns, such as `http*`, are compared directly, which takes a tenth of the time of a regular expression.
//! All others of a test are one regular expression: its time is linear in the text, which may be a hostile banner.

use regex::{Regex, RegexBuilder};

/// Maximum size in bytes of the compiled patterns of one test.
const MAX_PATTERN_BYTES: usize = 4 << 20;

/// Texts and patterns, of which a text has to match one.
#[derive(Debug, Clone)]
pub(super) struct TextSet {
    /// True if every text matches.
    any: bool,
    equal: Vec<Box<str>>,
    starts: Vec<Box<str>>,
    ends: Vec<Box<str>>,
    patterns: Option<Regex>,
}

impl TextSet {
    /// Creates a set of whole texts.
    pub(super) fn equal<T: Into<Box<str>>>(texts: impl IntoIterator<Item = T>) -> Self {
        let equal = texts.into_iter().map(Into::into).collect();
        Self { any: false, equal, starts: Vec::new(), ends: Vec::new(), patterns: None }
    }

    /// Creates a set of patterns. `*` stands for any text, `?` for any character, and `\` makes the character after it
    /// stand for itself.
    ///
    /// # Errors
    /// Fails if the patterns are too large.
    pub(super) fn patterns<'p>(
        patterns: impl IntoIterator<Item = &'p str>,
    ) -> Result<Self, &'static str> {
        let mut set = Self::equal::<String>([]);
        let mut others: Vec<String> = Vec::new();
        for pattern in patterns {
            let parts = parts(pattern);
            match &parts[..] {
                [] => set.equal.push("".into()),
                [Part::Any] => set.any = true,
                [Part::Text(text)] => set.equal.push(text.as_str().into()),
                [Part::Text(text), Part::Any] => set.starts.push(text.as_str().into()),
                [Part::Any, Part::Text(text)] => set.ends.push(text.as_str().into()),
                _ => others.push(expression(&parts)),
            }
        }
        if !others.is_empty() {
            let mut builder = RegexBuilder::new(&others.join("|"));
            let regex = builder.size_limit(MAX_PATTERN_BYTES).build();
            set.patterns = Some(regex.map_err(|_| "the patterns are too large together")?);
        }
        Ok(set)
    }

    /// Returns true if a text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        self.any
            || self.equal.iter().any(|equal| text.eq_ignore_ascii_case(equal))
            || self.starts.iter().any(|start| {
                bytes
                    .get(..start.len())
                    .is_some_and(|own| own.eq_ignore_ascii_case(start.as_bytes()))
            })
            || self.ends.iter().any(|end| {
                let from = bytes.len().checked_sub(end.len());
                let own = from.and_then(|from| bytes.get(from..));
                own.is_some_and(|own| own.eq_ignore_ascii_case(end.as_bytes()))
            })
            || self.patterns.as_ref().is_some_and(|patterns| patterns.is_match(text))
    }
}

/// Part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// `*`
    Any,
    /// `?`
    One,
    Text(String),
}

/// Splits a pattern into its parts, without empty texts and without a `*` that follows another one.
fn parts(pattern: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '*' => {
                if parts.last() != Some(&Part::Any) {
                    parts.push(Part::Any);
                }
                continue;
            }
            '?' => {
                parts.push(Part::One);
                continue;
            }
            '\\' => chars.next().unwrap_or('\\'),
            c => c,
        };
        match parts.last_mut() {
            Some(Part::Text(text)) => text.push(c),
            _ => parts.push(Part::Text(c.to_string())),
        }
    }
    parts
}

/// Returns the regular expression of a pattern. A `*` at an end only removes the anchor there.
fn expression(parts: &[Part]) -> String {
    let mut regex = String::from("(?s:");
    if parts.first() != Some(&Part::Any) {
        regex.push_str(r"\A");
    }
    for (index, part) in parts.iter().enumerate() {
        let is_at_end = index == 0 || index.saturating_add(1) == parts.len();
        match part {
            Part::Any if is_at_end => {}
            Part::Any => regex.push_str(".*"),
            Part::One => regex.push('.'),
            Part::Text(text) => text.chars().for_each(|c| push_char(c, &mut regex)),
        }
    }
    if parts.last() != Some(&Part::Any) {
        regex.push_str(r"\z");
    }
    regex.push(')');
    regex
}

/// Appends a character, in both cases if it is an ASCII letter.
fn push_char(c: char, regex: &mut String) {
    if c.is_ascii_alphabetic() {
        regex.extend(['[', c.to_ascii_lowercase(), c.to_ascii_uppercase(), ']']);
    } else {
        regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        TextSet::patterns([pattern]).unwrap().matches(text)
    }

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, yes, no) in [
            ("http", &["http", "HTTP"][..], &["https", "xhttp", ""][..]),
            ("http*", &["http", "https", "HTTP-proxy"], &["xhttp", "htt"]),
            ("*http", &["http", "x-HTTP"], &["https"]),
            ("*Windows*", &["Microsoft Windows 10", "windows"], &["Window"]),
            ("a*c", &["ac", "abc", "a\nb\u{20ac}c"], &["a", "c", "acd", "bac"]),
            ("a?c", &["abc", "a\u{20ac}c", "a\nc"], &["ac", "abbc"]),
            ("?", &["x", "\u{20ac}"], &["", "xy"]),
            ("?*", &["x", "xy"], &[""]),
            ("*", &["", "x\n"], &[]),
            ("**", &["", "x"], &[]),
            ("", &[""], &["x"]),
            (r"a\*b", &["a*b"], &["aab", "axb"]),
            (r"a\\", &[r"a\"], &["a"]),
            (r"a\", &[r"a\"], &["a"]),
            ("1.2[3]+(x)*", &["1.2[3]+(x)", "1.2[3]+(X)y"], &["1.23x", "1x2[3]+(x)"]),
            ("*1.*.3", &["1..3", "x1.2.3"], &["1.3", "1.2.3x"]),
            ("\u{e9}*", &["\u{e9}t\u{e9}"], &["\u{c9}t\u{e9}"]),
            ("k", &["K"], &["\u{212a}"]),
            ("*k*", &["aKb"], &["\u{212a}"]),
        ] {
            for text in yes {
                assert!(matches(pattern, text), "{pattern} {text:?}");
            }
            for text in no {
                assert!(!matches(pattern, text), "{pattern} {text:?}");
            }
        }
    }

    #[test]
    fn a_set_matches_what_one_of_its_members_matches() {
        let set = TextSet::patterns(["ssh", "http*", "*sql", "a*b?", "c*d"]).unwrap();
        for text in ["SSH", "http-alt", "mysql", "axxbc", "cd"] {
            assert!(set.matches(text), "{text}");
        }
        for text in ["sshd", "sql2", "axxb", "cde", ""] {
            assert!(!set.matches(text), "{text}");
        }
        let set = TextSet::equal(["a*", "B"]);
        assert!(set.matches("A*") && set.matches("b") && !set.matches("ab"));
    }

    #[test]
    fn patterns_that_are_too_large_are_refused() {
        assert!(TextSet::patterns(["?".repeat(60_000).as_str()]).is_err());
    }
}
