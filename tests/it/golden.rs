//! The reviewed result of every fixture: its nested lines, formatted for reading, and its warnings. The
//! snapshots are in `snapshots/`; `cargo insta review` shows changes.

use std::{fmt::Write as _, iter::Peekable, str::Chars};

use crate::support::{Outcome, fixtures};

/// A list or object that exceeds this width is split into lines.
const WIDTH: usize = 200;

#[test]
fn every_fixture_gives_its_reviewed_result() {
    // Reports all differences, not only the first.
    let mut different = Vec::new();
    for fixture in fixtures() {
        let text = golden(&Outcome::of(&fixture.bytes), &fixture.name);
        let name = fixture.name.trim_end_matches(".xml").to_owned();
        let same = std::panic::catch_unwind(|| {
            let mut settings = insta::Settings::clone_current();
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings.bind(|| insta::assert_snapshot!(name.clone(), text));
        });
        if same.is_err() {
            different.push(name);
        }
    }
    assert!(different.is_empty(), "not as reviewed: {different:?}");
}

fn golden(outcome: &Outcome, source: &str) -> String {
    let mut text = String::new();
    for line in outcome.nested(source).lines() {
        text.push_str(&laid_out(&mut line.chars().peekable(), 0));
        text.push('\n');
    }
    for record in outcome.runs() {
        for d in &record.diagnostics {
            let (at, document) = (d.position, record.header.doc_index);
            let _ = writeln!(
                text,
                "document {document}, line {}, byte {}: {} x{}: {}",
                at.line, at.byte, d.code, d.count, d.detail
            );
        }
    }
    if let Some(error) = &outcome.error {
        let _ = writeln!(text, "error: {error}");
    }
    text
}

/// Formats a JSON value: on one line if it is short, otherwise one member per line. The order of members is
/// kept.
fn laid_out(json: &mut Peekable<Chars<'_>>, indent: usize) -> String {
    let Some(open) = json.next_if(|c| matches!(c, '[' | '{')) else { return scalar(json) };
    let close = if open == '[' { ']' } else { '}' };
    let mut members = Vec::new();
    while json.next_if_eq(&close).is_none() {
        let mut member = String::new();
        if open == '{' {
            member = scalar(json) + ": ";
            assert_eq!(json.next(), Some(':'));
        }
        member.push_str(&laid_out(json, indent + 1));
        members.push(member);
        json.next_if_eq(&',');
    }
    let short = members.iter().map(|member| member.len() + 2).sum::<usize>() <= WIDTH;
    if short && !members.iter().any(|member| member.contains('\n')) {
        return format!("{open}{}{close}", members.join(", "));
    }
    let (inner, outer) = ("  ".repeat(indent + 1), "  ".repeat(indent));
    format!("{open}\n{inner}{}\n{outer}{close}", members.join(&format!(",\n{inner}")))
}

/// Returns a string, number or word as it is written.
fn scalar(json: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    if let Some(quote) = json.next_if_eq(&'"') {
        text.push(quote);
        while let Some(c) = json.next() {
            text.push(c);
            match c {
                '\\' => text.extend(json.next()),
                '"' => return text,
                _ => {}
            }
        }
    }
    while let Some(c) = json.next_if(|c| !matches!(c, ',' | ']' | '}' | ':')) {
        text.push(c);
    }
    text
}

#[test]
fn formatting_json_does_not_change_its_value() {
    let json = r#"{"a":[1,"x\"]",null],"b":{},"c":"}"}"#;
    assert_eq!(
        laid_out(&mut json.chars().peekable(), 0),
        r#"{"a": [1, "x\"]", null], "b": {}, "c": "}"}"#
    );
    for fixture in fixtures() {
        for line in Outcome::of(&fixture.bytes).nested("x").lines() {
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(value(&laid_out(&mut line.chars().peekable(), 0)), value(line));
        }
    }
}
