//! Bytes to events: every way of reading returns the same events, and their counts agree.

use super::{
    Choices,
    outcome::{Outcome, tight},
};
use crate::xml::Options;

/// Reads an input as a whole, byte by byte, in pieces and in batches; also with limits that small inputs
/// reach, and in strict mode.
pub(super) fn run(data: &[u8]) {
    let mut choices = Choices::of(data);
    let plain = Options::default().with_hash(true);
    let whole = Outcome::of(data, &plain);
    whole.check(data);
    let bytes: Vec<&[u8]> = data.chunks(1).collect();
    whole.assert_same(&Outcome::of_pieces(&bytes, &plain), "byte by byte");
    let pieces = choices.pieces(data, 40);
    whole.assert_same(&Outcome::of_pieces(&pieces, &plain), "in pieces");
    let batch = choices.below(2000);
    let batches = Outcome::of_batches(choices.pieces(data, 700), &plain, batch);
    whole.assert_same(&batches, "in batches");
    for options in [
        tight(),
        tight().with_text_repair(false),
        plain.with_strict(true),
        tight().with_strict(true),
    ] {
        Outcome::of(data, &options).check(data);
        Outcome::of_pieces(&choices.pieces(data, 40), &options).check(data);
    }
}
