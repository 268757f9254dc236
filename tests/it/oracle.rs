//! An independent reader, based on Python's expat, confirms each fact of each line for every well-formed
//! fixture.

use serde_json::Value;

use crate::support::{Outcome, command, fixtures, output_of, root, skip};

const ORACLE: &str = "tests/oracle/expat_oracle.py";

#[test]
fn expat_confirms_every_fact_of_well_formed_fixtures() {
    if !has_python("oracle") {
        return;
    }
    for fixture in fixtures().iter().filter(|fixture| fixture.is_well_formed()) {
        let theirs = output_of(command("python3").arg(root().join(ORACLE)).arg(&fixture.path));
        let ours = Outcome::of(&fixture.bytes).nested("");
        let theirs: Vec<Value> = theirs.lines().map(value).collect();
        let mut ours: Vec<Value> = ours.lines().map(value).collect();
        for line in &mut ours {
            line.as_object_mut().unwrap().remove("source");
        }
        assert_eq!(ours.len(), theirs.len(), "{}: lines", fixture.name);
        for (number, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            same(ours, theirs, &format!("{} line {number}", fixture.name));
        }
    }
}

#[test]
fn expat_refuses_exactly_the_damaged_fixtures() {
    if !has_python("oracle") {
        return;
    }
    for fixture in fixtures() {
        let mut oracle = command("python3");
        let status = oracle.arg(root().join(ORACLE)).arg(&fixture.path).output().unwrap().status;
        let expected = if fixture.is_well_formed() { 0 } else { 3 };
        assert_eq!(status.code(), Some(expected), "{}", fixture.name);
    }
}

fn has_python(test: &str) -> bool {
    let found = command("python3").arg("--version").output().is_ok_and(|o| o.status.success());
    if !found {
        skip(test, "python3 is not installed");
    }
    found
}

/// Parses a line with each number as a float, as the two writers differ in `4` and `4.0`.
fn value(line: &str) -> Value {
    let mut value = serde_json::from_str(line).unwrap();
    floats(&mut value);
    value
}

fn floats(value: &mut Value) {
    match value {
        Value::Number(number) => *value = Value::from(number.as_f64().unwrap()),
        Value::Array(items) => items.iter_mut().for_each(floats),
        Value::Object(members) => members.values_mut().for_each(floats),
        _ => {}
    }
}

/// Compares member by member, so that a failure names the place.
fn same(ours: &Value, theirs: &Value, place: &str) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let missing: Vec<_> = b.keys().filter(|key| !a.contains_key(*key)).collect();
            let extra: Vec<_> = a.keys().filter(|key| !b.contains_key(*key)).collect();
            assert!(
                missing.is_empty() && extra.is_empty(),
                "{place}: lacks {missing:?}, has {extra:?}"
            );
            for (key, value) in a {
                same(value, &b[key], &format!("{place} {key}"));
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{place}: length");
            for (number, (a, b)) in a.iter().zip(b).enumerate() {
                same(a, b, &format!("{place}[{number}]"));
            }
        }
        _ => assert_eq!(ours, theirs, "{place}"),
    }
}
