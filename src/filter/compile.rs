//! Finds the fields of an expression, and checks that their operators and values fit.

use std::{net::IpAddr, ops::RangeInclusive};

use super::{
    address,
    field::{Field, FieldKind, FieldScope, FieldSet, nearest},
    node::{Check, FieldTest, Node, VersionOrder},
    syntax::{Comparison, Operator, SyntaxError, Test, Tree, Value},
    text::TextSet,
    time,
};
use crate::model::version_key;

/// States of ports that nmap and masscan write.
const PORT_STATES: [&str; 7] =
    ["open", "closed", "filtered", "unfiltered", "open|filtered", "closed|filtered", "up"];

/// States of hosts that nmap writes.
const HOST_STATES: [&str; 4] = ["up", "down", "unknown", "skipped"];

const NO_TIME: &str = "not a time: write 2026, 2026-11, 2026-11-30 or 2026-11-30T17:05:00";

type Compiled<T> = Result<T, SyntaxError>;

/// Compiles a tree to nodes that all have to be true, each with the fields that it reads.
///
/// # Errors
/// Fails at the first test that is not valid.
pub(super) fn compile(tree: &Tree<'_>) -> Compiled<Vec<(Node, FieldSet)>> {
    match tree {
        Tree::And(trees) => trees.iter().map(compiled).collect(),
        tree => compiled(tree).map(|node| vec![node]),
    }
}

fn compiled(tree: &Tree<'_>) -> Compiled<(Node, FieldSet)> {
    Ok(match tree {
        Tree::And(trees) => {
            let (nodes, fields) = all(trees)?;
            (Node::All(nodes), fields)
        }
        Tree::Or(trees) => {
            let (nodes, fields) = all(trees)?;
            (Node::Any(nodes), fields)
        }
        Tree::Not(tree) => {
            let (node, fields) = compiled(tree)?;
            (Node::Not(Box::new(node)), fields)
        }
        Tree::Test(test) => {
            let test = field_test(test)?;
            let fields = FieldSet::of(&[test.field]);
            (Node::Test(Box::new(test)), fields)
        }
    })
}

fn all(trees: &[Tree<'_>]) -> Compiled<(Box<[Node]>, FieldSet)> {
    let mut fields = FieldSet::default();
    let nodes = trees.iter().map(|tree| {
        let (node, of_node) = compiled(tree)?;
        fields.extend(of_node);
        Ok(node)
    });
    Ok((nodes.collect::<Compiled<_>>()?, fields))
}

fn field_test(test: &Test<'_>) -> Compiled<FieldTest> {
    let (name, script) = match test.field.split_once('.') {
        Some((name, script)) => (name, Some(script)),
        None => (test.field, None),
    };
    let Some(field) = Field::from_name(name) else { return Err(unknown(name, test)) };
    let outputs_of = script.map(|script| outputs_of(field, script, test)).transpose()?;
    let Some(comparison) = &test.comparison else {
        return Ok(FieldTest { field, outputs_of, check: Check::Present, is_negated: false });
    };
    let is_output = outputs_of.is_some();
    if comparison.operator == Operator::Has && (!field.is_list() || is_output) {
        let message = format!("{} has one value: use = or ~", test.field);
        return Err(SyntaxError::new(comparison.place.clone(), message));
    }
    let check = match field.kind() {
        FieldKind::Text | FieldKind::Scripts => text(test.field, field, comparison)?,
        FieldKind::Mac => mac(comparison)?,
        FieldKind::Version => version(comparison)?,
        FieldKind::Number | FieldKind::Time => numbers(test.field, field, comparison)?,
        FieldKind::Flag => flag(test.field, comparison)?,
        FieldKind::Address => addresses(comparison)?,
    };
    let is_negated = comparison.operator.is_negated();
    Ok(FieldTest { field, outputs_of, check, is_negated })
}

fn unknown(name: &str, test: &Test<'_>) -> SyntaxError {
    let place = test.place.start..test.place.start.saturating_add(name.len());
    let mut message = format!("there is no field {name}");
    if let Some(near) = nearest(name) {
        message.push_str(": did you mean ");
        message.push_str(near);
        message.push('?');
    }
    let list = |scope: FieldScope| {
        let fields = Field::ALL.iter().filter(|field| field.scope() == scope);
        let names: Vec<&str> = fields.map(|field| field.name()).collect();
        format!("fields of a {}: {}", scope.as_str(), names.join(", "))
    };
    let scopes = [FieldScope::Host, FieldScope::Port, FieldScope::Service];
    SyntaxError::new(place, message).with_note(scopes.map(list).join("\n"))
}

/// Returns the names of the scripts whose outputs a field with a dot stands for.
fn outputs_of(field: Field, script: &str, test: &Test<'_>) -> Compiled<TextSet> {
    let refuse = |message: &'static str| Err(SyntaxError::new(test.place.clone(), message));
    if field.kind() != FieldKind::Scripts {
        return refuse("only script and host_script have a dot, and the name of a script after it");
    }
    if script.is_empty() {
        return refuse("the name of a script is expected after the dot");
    }
    TextSet::patterns([script]).or_else(refuse)
}

fn text(name: &str, field: Field, comparison: &Comparison<'_>) -> Compiled<Check> {
    match comparison.operator {
        Operator::Like | Operator::NotLike | Operator::Has => patterns(comparison),
        Operator::Equal | Operator::NotEqual | Operator::In | Operator::NotIn => {
            let states: &[&str] = match field {
                Field::State => &PORT_STATES,
                Field::HostState => &HOST_STATES,
                _ => &[],
            };
            for value in &comparison.values {
                refuse_pattern(name, value)?;
                let is_state = |state: &&str| state.eq_ignore_ascii_case(&value.text);
                if !states.is_empty() && !states.iter().any(is_state) {
                    let message = format!("not a state: {}", states.join(", "));
                    return Err(SyntaxError::new(value.place.clone(), message));
                }
            }
            Ok(Check::Texts(TextSet::equal(comparison.values.iter().map(|value| &*value.text))))
        }
        _ => Err(without_order(name, comparison)),
    }
}

fn without_order(name: &str, comparison: &Comparison<'_>) -> SyntaxError {
    let message = format!("{name} has no order: it takes =, !=, ~, !~ and in");
    SyntaxError::new(comparison.place.clone(), message)
}

fn patterns(comparison: &Comparison<'_>) -> Compiled<Check> {
    let set = TextSet::patterns(comparison.values.iter().map(|value| &*value.text));
    set.map(Check::Texts).map_err(|message| SyntaxError::new(all_values(comparison), message))
}

/// Returns the place of all values.
fn all_values(comparison: &Comparison<'_>) -> std::ops::Range<usize> {
    let ends = comparison.values.first().zip(comparison.values.last());
    ends.map_or(comparison.place.clone(), |(first, last)| first.place.start..last.place.end)
}

/// Refuses a `*` where whole texts are compared, unless it is quoted.
fn refuse_pattern(name: &str, value: &Value<'_>) -> Compiled<()> {
    if value.is_quoted || !value.text.contains('*') {
        return Ok(());
    }
    let message =
        format!("for a pattern write {name} ~ {}; quotes make the * stand for itself", value.text);
    Err(SyntaxError::new(value.place.clone(), message))
}

fn mac(comparison: &Comparison<'_>) -> Compiled<Check> {
    match comparison.operator {
        Operator::Like | Operator::NotLike => patterns(comparison),
        Operator::Equal | Operator::NotEqual | Operator::In | Operator::NotIn => {
            let values = comparison.values.iter().map(|value| {
                let what = "not a MAC address: for a part of one write mac ~ 00:00:5e:*";
                canonical_mac(&value.text)
                    .ok_or_else(|| SyntaxError::new(value.place.clone(), what))
            });
            Ok(Check::Texts(TextSet::equal(values.collect::<Compiled<Vec<String>>>()?)))
        }
        _ => Err(without_order("mac", comparison)),
    }
}

/// Returns a MAC address with colons, as tables have it.
fn canonical_mac(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    let is_mac = digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    let pairs = pairs.iter().map(|pair| pair.map(char::from));
    let pairs: Vec<String> = pairs.map(String::from_iter).collect();
    is_mac.then(|| pairs.join(":"))
}

fn version(comparison: &Comparison<'_>) -> Compiled<Check> {
    let order = match comparison.operator {
        Operator::Like | Operator::NotLike => return patterns(comparison),
        Operator::Less => VersionOrder::Less,
        Operator::LessOrEqual => VersionOrder::LessOrEqual,
        Operator::Greater => VersionOrder::Greater,
        Operator::GreaterOrEqual => VersionOrder::GreaterOrEqual,
        _ => VersionOrder::Equal,
    };
    for value in &comparison.values {
        refuse_pattern("version", value)?;
        if !value.text.contains(char::is_alphanumeric) {
            let message = "not a version: it has neither a number nor a word";
            return Err(SyntaxError::new(value.place.clone(), message));
        }
    }
    let keys = comparison.values.iter().map(|value| version_key(&value.text)).collect();
    Ok(Check::Versions(order, keys))
}

/// Compiles a comparison of numbers or times.
fn numbers(name: &str, field: Field, comparison: &Comparison<'_>) -> Compiled<Check> {
    let operator = comparison.operator;
    if matches!(operator, Operator::Like | Operator::NotLike) {
        let message = format!("{name} is no text: it takes =, !=, <, <=, >, >= and in");
        return Err(SyntaxError::new(comparison.place.clone(), message));
    }
    let ranges = comparison.values.iter().map(|value| {
        let refuse = |message: String| SyntaxError::new(value.place.clone(), message);
        let range = match field.kind() {
            FieldKind::Time => {
                time::parse(&value.text).ok_or_else(|| refuse(NO_TIME.to_owned()))?
            }
            _ => number(&value.text).map_err(|message| refuse(message.to_owned()))?,
        };
        let (first, last) = (*range.start(), *range.end());
        if field.kind() == FieldKind::Number && first != last && !operator.takes_list() {
            return Err(refuse(format!("for a range write {name} in {}", value.text)));
        }
        Ok(match operator {
            Operator::Less => i64::MIN..=first.saturating_sub(1),
            Operator::LessOrEqual => i64::MIN..=last,
            Operator::Greater => last.saturating_add(1)..=i64::MAX,
            Operator::GreaterOrEqual => first..=i64::MAX,
            _ => first..=last,
        })
    });
    ranges.collect::<Compiled<_>>().map(Check::Numbers)
}

/// Parses a number such as `80`, or a range such as `1-1024`.
fn number(text: &str) -> Result<RangeInclusive<i64>, &'static str> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let parse = |text: &str| {
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|_| is_plain)
    };
    match parse(first).zip(parse(last)) {
        Some((first, last)) if first <= last => Ok(first..=last),
        Some(_) => Err("the range is reversed"),
        None => Err("not a number"),
    }
}

fn flag(name: &str, comparison: &Comparison<'_>) -> Compiled<Check> {
    if !matches!(comparison.operator, Operator::Equal | Operator::NotEqual) {
        let message = format!("{name} is true or false: write {name}, or not {name}");
        return Err(SyntaxError::new(comparison.place.clone(), message));
    }
    let values = comparison.values.iter().map(|value| match &*value.text.to_ascii_lowercase() {
        "true" => Ok(1..=1),
        "false" => Ok(0..=0),
        _ => Err(SyntaxError::new(value.place.clone(), "true or false is expected here")),
    });
    values.collect::<Compiled<_>>().map(Check::Numbers)
}

fn addresses(comparison: &Comparison<'_>) -> Compiled<Check> {
    if matches!(comparison.operator, Operator::Like | Operator::NotLike | Operator::Has) {
        return patterns(comparison);
    }
    let takes_ranges = comparison.operator.takes_list();
    let ranges = comparison.values.iter().map(|value| {
        let refuse = |message: String| SyntaxError::new(value.place.clone(), message);
        if takes_ranges {
            return address::parse(&value.text).map_err(|message| refuse(message.to_owned()));
        }
        match address::single(&value.text) {
            Ok(address) => Ok(ordered(comparison.operator, address)),
            Err(_) if address::parse(&value.text).is_ok() => {
                Err(refuse(format!("for a network or range write ip in {}", value.text)))
            }
            Err(message) => Err(refuse(message.to_owned())),
        }
    });
    ranges.collect::<Compiled<_>>().map(Check::Addresses)
}

/// Returns the addresses of the same family that have this order to an address. Empty ranges are reversed.
fn ordered(operator: Operator, address: IpAddr) -> RangeInclusive<IpAddr> {
    let (first, last) = address::family(address);
    let beyond = |is_next: bool| address::neighbour(address, is_next);
    match operator {
        Operator::Less => beyond(false).map_or(last..=first, |end| first..=end),
        Operator::LessOrEqual => first..=address,
        Operator::Greater => beyond(true).map_or(last..=first, |start| start..=last),
        Operator::GreaterOrEqual => address..=last,
        _ => address..=address,
    }
}
