//! Compiled expressions.

use std::{net::IpAddr, ops::RangeInclusive};

use super::{
    field::{Field, FieldKind},
    text::TextSet,
    values::Values,
};
use crate::model::version_key;

/// Compiled expression. Its depth is that of the text, which is limited.
#[derive(Debug, Clone)]
pub(super) enum Node {
    All(Box<[Self]>),
    Any(Box<[Self]>),
    Not(Box<Self>),
    Test(Box<FieldTest>),
}

impl Node {
    /// Returns true if the expression is true for these values.
    pub(super) fn holds(&self, values: &impl Values) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.holds(values)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(values)),
            Self::Not(node) => !node.holds(values),
            Self::Test(test) => test.holds(values),
        }
    }

    /// Joins expressions that all have to be true. Returns `None` if there is none.
    pub(super) fn all(mut nodes: Vec<Self>) -> Option<Self> {
        match nodes.len() {
            0 | 1 => nodes.pop(),
            _ => Some(Self::All(nodes.into())),
        }
    }
}

/// Test of the values of a field.
#[derive(Debug, Clone)]
pub(super) struct FieldTest {
    pub(super) field: Field,
    /// Names of the scripts whose outputs are tested; `None` for all other values.
    pub(super) outputs_of: Option<TextSet>,
    pub(super) check: Check,
    pub(super) is_negated: bool,
}

/// Check of one value.
#[derive(Debug, Clone)]
pub(super) enum Check {
    /// There is a value; a flag is true.
    Present,
    Numbers(Box<[RangeInclusive<i64>]>),
    Texts(TextSet),
    Addresses(Box<[RangeInclusive<IpAddr>]>),
    /// The key of the version has this order to one of these keys.
    Versions(VersionOrder, Box<[String]>),
}

/// Order of a version to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VersionOrder {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl VersionOrder {
    fn holds(self, one: &str, other: &str) -> bool {
        match self {
            Self::Equal => one == other,
            Self::Less => one < other,
            Self::LessOrEqual => one <= other,
            Self::Greater => one > other,
            Self::GreaterOrEqual => one >= other,
        }
    }
}

impl FieldTest {
    fn holds(&self, values: &impl Values) -> bool {
        self.has_match(values) != self.is_negated
    }

    /// Returns true if a value of the field passes the check.
    fn has_match(&self, values: &impl Values) -> bool {
        let field = self.field;
        if field.kind() == FieldKind::Scripts {
            return self.has_script(values);
        }
        match &self.check {
            Check::Present => match field.kind() {
                FieldKind::Flag => values.any_number(field, |number| number != 0),
                FieldKind::Number | FieldKind::Time => values.any_number(field, |_| true),
                _ => values.any_text(field, |_| true),
            },
            Check::Numbers(ranges) => values
                .any_number(field, |number| ranges.iter().any(|range| range.contains(&number))),
            Check::Texts(texts) => values.any_text(field, |text| texts.matches(text)),
            Check::Addresses(ranges) => {
                values.any_address(|address| ranges.iter().any(|range| range.contains(&address)))
            }
            Check::Versions(order, keys) => values.any_text(field, |text| {
                let own = version_key(text);
                keys.iter().any(|key| order.holds(&own, key))
            }),
        }
    }

    fn has_script(&self, values: &impl Values) -> bool {
        values.any_script(self.field, |script| match (&self.outputs_of, &self.check) {
            (None, Check::Texts(names)) => names.matches(&script.name),
            (None, _) => true,
            (Some(names), Check::Texts(texts)) => {
                let output = script.output.as_deref();
                names.matches(&script.name) && output.is_some_and(|output| texts.matches(output))
            }
            (Some(names), _) => names.matches(&script.name),
        })
    }
}
