//! Grammar of expressions: text to a tree of tests, each part with its place in the text.
//!
//! ```text
//! expression  = conjunction { "or" conjunction }
//! conjunction = term { "and" term }
//! term        = "not" term | "(" expression ")" | test
//! test        = field [ operator values ]
//! operator    = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~" | [ "not" ] "in" | "has"
//! values      = value | "(" value { "," value } ")"
//! value       = word | "'" text "'" | '"' text '"'
//! ```
//!
//! Keywords may have any case. A quote inside quoted text is written twice. The grammar knows no fields: `compile` finds
//! them, and decides which operators and values they take.
//!
//! winnow is used for its parsers, not for its errors: a mistake is a [`SyntaxError`] with its place and what to do about
//! it. Each choice depends on the next character or word, so nothing is parsed twice.

use std::{borrow::Cow, ops::Range};

use winnow::{
    LocatingSlice, Parser as _, Stateful,
    combinator::{alt, opt, peek},
    error::ParserError,
    stream::{Location as _, Stream},
    token::{any, take_till, take_while},
};

/// Maximum depth of an expression: parentheses and `not` inside each other.
pub(super) const MAX_DEPTH: usize = 64;

/// Maximum length of an expression in bytes.
pub(super) const MAX_BYTES: usize = 64 << 10;

/// Mistake in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// Place in the text, in bytes. Empty at the end of the text.
    pub(super) place: Range<usize>,
    pub(super) message: Cow<'static, str>,
    /// Further lines for the message.
    pub(super) note: Option<String>,
}

impl SyntaxError {
    pub(super) fn new(place: Range<usize>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { place, message: message.into(), note: None }
    }

    /// Adds further lines to the message.
    pub(super) fn with_note(self, note: String) -> Self {
        Self { note: Some(note), ..self }
    }
}

impl ParserError<Input<'_>> for SyntaxError {
    type Inner = Self;

    fn from_input(input: &Input<'_>) -> Self {
        let start = input.current_token_start();
        let next = input.peek_token().map_or(0, char::len_utf8);
        Self::new(start..start.saturating_add(next), "not expected here")
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

/// Tree of tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree<'t> {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Test(Test<'t>),
}

/// Test of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Test<'t> {
    pub(super) field: &'t str,
    pub(super) place: Range<usize>,
    /// Comparison; `None` asks if there is a value.
    pub(super) comparison: Option<Comparison<'t>>,
}

/// Comparison with values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comparison<'t> {
    pub(super) operator: Operator,
    pub(super) place: Range<usize>,
    pub(super) values: Vec<Value<'t>>,
}

/// Value that a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value<'t> {
    pub(super) text: Cow<'t, str>,
    pub(super) is_quoted: bool,
    pub(super) place: Range<usize>,
}

/// Operator of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    NotLike,
    In,
    NotIn,
    Has,
}

impl Operator {
    /// Returns the operator as it is written.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Like => "~",
            Self::NotLike => "!~",
            Self::In => "in",
            Self::NotIn => "not in",
            Self::Has => "has",
        }
    }

    /// Returns true for the negation of another operator.
    pub(super) const fn is_negated(self) -> bool {
        matches!(self, Self::NotEqual | Self::NotLike | Self::NotIn)
    }

    /// Returns true for operators that compare with several values.
    pub(super) const fn takes_list(self) -> bool {
        matches!(self, Self::In | Self::NotIn | Self::Like | Self::NotLike | Self::Has)
    }
}

/// Text, with the current depth.
type Input<'t> = Stateful<LocatingSlice<&'t str>, usize>;

type Parsed<T> = Result<T, SyntaxError>;

/// Parses an expression.
///
/// # Errors
/// Fails at the first mistake.
pub(super) fn parse(text: &str) -> Parsed<Tree<'_>> {
    if text.len() > MAX_BYTES {
        let message = format!("an expression has at most {MAX_BYTES} bytes");
        return Err(SyntaxError::new(text.len()..text.len(), message));
    }
    let mut input = Input { input: LocatingSlice::new(text), state: 0 };
    let tree = expression(&mut input)?;
    blanks(&mut input)?;
    match rest(&input) {
        "" => Ok(tree),
        left => Err(after_test(left, place(&input, left.chars().next().map_or(0, char::len_utf8)))),
    }
}

fn expression<'t>(input: &mut Input<'t>) -> Parsed<Tree<'t>> {
    let mut terms = vec![conjunction(input)?];
    while keyword(input, "or")? {
        terms.push(conjunction(input)?);
    }
    Ok(joined(terms, Tree::Or))
}

fn conjunction<'t>(input: &mut Input<'t>) -> Parsed<Tree<'t>> {
    let mut terms = vec![term(input)?];
    while keyword(input, "and")? {
        terms.push(term(input)?);
    }
    Ok(joined(terms, Tree::And))
}

fn joined<'t>(mut terms: Vec<Tree<'t>>, join: fn(Vec<Tree<'t>>) -> Tree<'t>) -> Tree<'t> {
    match terms.pop() {
        Some(only) if terms.is_empty() => only,
        last => {
            terms.extend(last);
            join(terms)
        }
    }
}

fn term<'t>(input: &mut Input<'t>) -> Parsed<Tree<'t>> {
    blanks(input)?;
    let start = input.current_token_start();
    if keyword(input, "not")? {
        return nested(input, start, term).map(|term| Tree::Not(Box::new(term)));
    }
    if opt('(').parse_next(input)?.is_none() {
        return test(input).map(Tree::Test);
    }
    let inner = nested(input, start, expression)?;
    blanks(input)?;
    let here = place(input, 0);
    match opt(any::<_, SyntaxError>).parse_next(input)? {
        Some(')') => Ok(inner),
        None => Err(SyntaxError::new(
            here,
            format!("the ( at character {start} is not closed", start = start.saturating_add(1)),
        )),
        Some(next) => {
            let end = here.start.saturating_add(next.len_utf8());
            Err(after_test(&next.to_string(), here.start..end))
        }
    }
}

/// Parses what a parenthesis or `not` at `start` applies to, one level deeper.
fn nested<'t>(
    input: &mut Input<'t>,
    start: usize,
    parse: fn(&mut Input<'t>) -> Parsed<Tree<'t>>,
) -> Parsed<Tree<'t>> {
    if input.state >= MAX_DEPTH {
        let message = format!("an expression has at most {MAX_DEPTH} levels");
        return Err(SyntaxError::new(start..start.saturating_add(1), message));
    }
    input.state = input.state.saturating_add(1);
    let tree = parse(input);
    input.state = input.state.saturating_sub(1);
    tree
}

fn test<'t>(input: &mut Input<'t>) -> Parsed<Test<'t>> {
    let start = input.current_token_start();
    let field = word(input)?;
    if field.is_empty() {
        return Err(no_field(input));
    }
    let end = input.current_token_start();
    if ["and", "or", "in", "has"].iter().any(|keyword| field.eq_ignore_ascii_case(keyword)) {
        return Err(SyntaxError::new(start..end, "the name of a field is expected here"));
    }
    Ok(Test { field, place: start..end, comparison: comparison(input)? })
}

/// Describes a place where a field is expected.
fn no_field(input: &Input<'_>) -> SyntaxError {
    let here = place(input, 0);
    match rest(input).chars().next() {
        None => SyntaxError::new(here, "the expression ends here: the name of a field is expected"),
        Some('!') => SyntaxError::new(place(input, 1), "write not"),
        Some(next) => {
            SyntaxError::new(place(input, next.len_utf8()), "the name of a field is expected here")
        }
    }
}

fn comparison<'t>(input: &mut Input<'t>) -> Parsed<Option<Comparison<'t>>> {
    blanks(input)?;
    let start = input.current_token_start();
    let Some(operator) = operator(input)? else { return Ok(None) };
    let place = start..input.current_token_start();
    blanks(input)?;
    let values = if opt('(').parse_next(input)?.is_some() {
        list(input, &place, operator)?
    } else {
        vec![value(input)?]
    };
    Ok(Some(Comparison { operator, place, values }))
}

fn operator(input: &mut Input<'_>) -> Parsed<Option<Operator>> {
    let start = input.current_token_start();
    for (wrong, right) in [("==", "="), ("<>", "!="), ("=~", "~"), ("=<", "<="), ("=>", ">=")] {
        if rest(input).starts_with(wrong) {
            let message = format!("write {right}");
            return Err(SyntaxError::new(start..start.saturating_add(2), message));
        }
    }
    let symbol = alt((
        "!=".value(Operator::NotEqual),
        "!~".value(Operator::NotLike),
        "<=".value(Operator::LessOrEqual),
        ">=".value(Operator::GreaterOrEqual),
        "=".value(Operator::Equal),
        "~".value(Operator::Like),
        "<".value(Operator::Less),
        ">".value(Operator::Greater),
    ));
    if let Some(symbol) = opt(symbol).parse_next(input)? {
        return Ok(Some(symbol));
    }
    if keyword(input, "in")? {
        return Ok(Some(Operator::In));
    }
    if keyword(input, "has")? {
        return Ok(Some(Operator::Has));
    }
    if keyword(input, "not")? {
        if keyword(input, "in")? {
            return Ok(Some(Operator::NotIn));
        }
        let place = start..input.current_token_start();
        return Err(SyntaxError::new(place, "after a field, not is followed by in"));
    }
    Ok(None)
}

/// Parses the values of a list, after its parenthesis.
fn list<'t>(
    input: &mut Input<'t>,
    place: &Range<usize>,
    operator: Operator,
) -> Parsed<Vec<Value<'t>>> {
    if !operator.takes_list() {
        let message = format!("{} takes one value: use in or ~ for several", operator.as_str());
        return Err(SyntaxError::new(place.clone(), message));
    }
    let mut values = Vec::new();
    loop {
        blanks(input)?;
        values.push(value(input)?);
        blanks(input)?;
        let here = self::place(input, 0);
        match opt(any::<_, SyntaxError>).parse_next(input)? {
            Some(',') => {}
            Some(')') => return Ok(values),
            None => return Err(SyntaxError::new(here, "the list is not closed: ) is expected")),
            Some(next) => {
                let end = here.start.saturating_add(next.len_utf8());
                return Err(SyntaxError::new(here.start..end, ", or ) is expected here"));
            }
        }
    }
}

fn value<'t>(input: &mut Input<'t>) -> Parsed<Value<'t>> {
    let start = input.current_token_start();
    let quote = opt(peek(alt(('\'', '"')))).parse_next(input)?;
    if let Some(quote) = quote {
        let text = quoted(input, quote)?;
        let place = start..input.current_token_start();
        return Ok(Value { text, is_quoted: true, place });
    }
    let text = word(input)?;
    if text.is_empty() {
        let next = rest(input).chars().next().map_or(0, char::len_utf8);
        return Err(SyntaxError::new(place(input, next), "a value is expected here"));
    }
    let place = start..input.current_token_start();
    Ok(Value { text: text.into(), is_quoted: false, place })
}

/// Parses quoted text. Two quotes in it stand for one.
fn quoted<'t>(input: &mut Input<'t>, quote: char) -> Parsed<Cow<'t, str>> {
    let start = input.current_token_start();
    let mut text = Cow::Borrowed("");
    any::<_, SyntaxError>.parse_next(input)?;
    loop {
        let part: &str = take_till(0.., quote).parse_next(input)?;
        if text.is_empty() {
            text = part.into();
        } else {
            text.to_mut().push_str(part);
        }
        if opt(quote).parse_next(input)?.is_none() {
            let place = start..start.saturating_add(1);
            return Err(SyntaxError::new(place, "the quoted text is not closed"));
        }
        if opt(quote).parse_next(input)?.is_none() {
            return Ok(text);
        }
        text.to_mut().push(quote);
    }
}

/// Describes text after a complete test.
fn after_test(left: &str, place: Range<usize>) -> SyntaxError {
    let message = match left.chars().next() {
        Some(',') => "several values are written in parentheses: in (80, 443)",
        Some('&') => "write and",
        Some('|') => "write or",
        Some(')') => "no ( belongs to this )",
        _ => "and, or, or the end is expected here; text with blanks is quoted",
    };
    SyntaxError::new(place, message)
}

/// Parses a keyword, and the blanks before it. Returns false and stays before the blanks if another word follows.
fn keyword(input: &mut Input<'_>, keyword: &str) -> Parsed<bool> {
    let start = input.checkpoint();
    blanks(input)?;
    let is_there = word(input)?.eq_ignore_ascii_case(keyword);
    if !is_there {
        input.reset(&start);
    }
    Ok(is_there)
}

/// Parses a word, which may be empty.
fn word<'t>(input: &mut Input<'t>) -> Parsed<&'t str> {
    let is_of_word = |c: char| !c.is_whitespace() && !"()=!<>~,'\"&".contains(c);
    take_while(0.., is_of_word).parse_next(input)
}

fn blanks(input: &mut Input<'_>) -> Parsed<()> {
    take_while(0.., char::is_whitespace).void().parse_next(input)
}

/// Returns the text that was not parsed yet.
fn rest<'t>(input: &Input<'t>) -> &'t str {
    input.peek_slice(input.eof_offset())
}

/// Returns the place of the next bytes.
fn place(input: &Input<'_>, len: usize) -> Range<usize> {
    let start = input.current_token_start();
    start..start.saturating_add(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the tree with all parentheses.
    fn shown(tree: &Tree<'_>) -> String {
        let all = |trees: &[Tree<'_>], word: &str| {
            let trees: Vec<String> = trees.iter().map(shown).collect();
            format!("({})", trees.join(word))
        };
        match tree {
            Tree::And(trees) => all(trees, " and "),
            Tree::Or(trees) => all(trees, " or "),
            Tree::Not(tree) => format!("not {}", shown(tree)),
            Tree::Test(Test { field, comparison: None, .. }) => (*field).to_owned(),
            Tree::Test(Test { field, comparison: Some(comparison), .. }) => {
                let values = comparison.values.iter().map(|value| format!("[{}]", value.text));
                let values: Vec<String> = values.collect();
                format!("{field} {} {}", comparison.operator.as_str(), values.join(","))
            }
        }
    }

    fn parsed(text: &str) -> String {
        shown(&parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}")))
    }

    fn mistake(text: &str) -> (Range<usize>, String) {
        let error = parse(text).expect_err(text);
        (error.place, error.message.into_owned())
    }

    #[test]
    fn and_binds_more_than_or_and_not_more_than_both() {
        for (text, tree) in [
            ("a", "a"),
            ("a or b and c", "(a or (b and c))"),
            ("a and b or c and d", "((a and b) or (c and d))"),
            ("not a and b", "(not a and b)"),
            ("not (a and b)", "not (a and b)"),
            ("NOT not a OR (b)", "(not not a or b)"),
            ("a and b and c", "(a and b and c)"),
            ("a and (b and c)", "(a and (b and c))"),
            ("((a))", "a"),
            ("nota or android and order", "(nota or (android and order))"),
        ] {
            assert_eq!(parsed(text), tree, "{text}");
        }
    }

    #[test]
    fn operators_need_no_blanks_and_values_may_be_quoted() {
        for (text, tree) in [
            ("a=b", "a = [b]"),
            ("a!=b", "a != [b]"),
            ("a<=1 and b>=2", "(a <= [1] and b >= [2])"),
            ("a<1 and b>2", "(a < [1] and b > [2])"),
            ("a~b* and a!~*c", "(a ~ [b*] and a !~ [*c])"),
            ("a in 1-3", "a in [1-3]"),
            ("a in(1,2 , '3')", "a in [1],[2],[3]"),
            ("a not in (1)", "a not in [1]"),
            ("a NOT IN (1)", "a not in [1]"),
            ("a has b", "a has [b]"),
            ("a ~ (b*, c)", "a ~ [b*],[c]"),
            ("a = 'it''s \"x\"'", "a = [it's \"x\"]"),
            ("a = \"x \"\"y\"\"\"", "a = [x \"y\"]"),
            ("a = ''", "a = []"),
            ("a = 10.0.0.0/8", "a = [10.0.0.0/8]"),
            ("a = 2001:db8::/32", "a = [2001:db8::/32]"),
            ("a = open|filtered and b.c-d~x", "(a = [open|filtered] and b.c-d ~ [x])"),
            ("a = or", "a = [or]"),
            ("\ta\n=\u{a0}b ", "a = [b]"),
        ] {
            assert_eq!(parsed(text), tree, "{text}");
        }
    }

    #[test]
    fn a_mistake_has_a_place_and_a_remedy() {
        for (text, place, message) in [
            ("", 0..0, "the expression ends here: the name of a field is expected"),
            ("  ", 2..2, "the expression ends here: the name of a field is expected"),
            ("a and", 5..5, "the expression ends here: the name of a field is expected"),
            ("a and or b", 6..8, "the name of a field is expected here"),
            ("(a", 2..2, "the ( at character 1 is not closed"),
            ("a)", 1..2, "no ( belongs to this )"),
            ("(a b)", 3..4, "and, or, or the end is expected here; text with blanks is quoted"),
            ("a = b c", 6..7, "and, or, or the end is expected here; text with blanks is quoted"),
            ("a = 1,2", 5..6, "several values are written in parentheses: in (80, 443)"),
            ("a && b", 2..3, "write and"),
            ("a || b", 2..3, "write or"),
            ("!a", 0..1, "write not"),
            ("a == b", 2..4, "write ="),
            ("a <> b", 2..4, "write !="),
            ("a =~ b", 2..4, "write ~"),
            ("a => 1", 2..4, "write >="),
            ("a =", 3..3, "a value is expected here"),
            ("a = )", 4..5, "a value is expected here"),
            ("a = 'b", 4..5, "the quoted text is not closed"),
            ("a not b", 2..5, "after a field, not is followed by in"),
            ("a = (1, 2)", 2..3, "= takes one value: use in or ~ for several"),
            ("a in (1, 2", 10..10, "the list is not closed: ) is expected"),
            ("a in (1 2)", 8..9, ", or ) is expected here"),
            ("a in ()", 6..7, "a value is expected here"),
            ("a in (1,)", 8..9, "a value is expected here"),
            (
                "\u{e9} = 'x' \u{e9}",
                9..11,
                "and, or, or the end is expected here; text with blanks is quoted",
            ),
        ] {
            assert_eq!(mistake(text), (place, message.to_owned()), "{text}");
        }
    }

    #[test]
    fn length_and_depth_are_limited() {
        let deep = |levels: usize| format!("{}a{}", "(".repeat(levels), ")".repeat(levels));
        assert!(parse(&deep(MAX_DEPTH)).is_ok());
        assert_eq!(mistake(&deep(MAX_DEPTH + 1)).0, MAX_DEPTH..MAX_DEPTH + 1);
        assert!(parse(&format!("{} a", "not ".repeat(MAX_DEPTH + 1))).is_err());
        assert!(parse(&"(".repeat(MAX_BYTES)).is_err());
        let wide = vec!["a"; MAX_BYTES / 6].join(" or ");
        assert!(parse(&wide).is_ok());
        assert!(parse(&format!("a = '{}'", "x".repeat(MAX_BYTES))).is_err());
    }
}
