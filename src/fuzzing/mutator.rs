//! Plain mutation, the same in each run, which tests run in addition to the corpus. Unlike libFuzzer it finds
//! no new paths through the code, but it detects changes that break anything close to known inputs.

use super::Choices;

/// Edge cases of markup, numbers, lengths and containers.
const WORDS: [&[u8]; 24] = [
    b"<",
    b">",
    b"\"",
    b"'",
    b"&",
    b"&#x",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?",
    b"?>",
    b"</",
    b"/>",
    b"<host>",
    b"</host>",
    b"<nmaprun>",
    b"</nmaprun>",
    b"\xef\xbb\xbf",
    b"\0",
    b"\xff\xff\xff\xff",
    b"\x80",
    b"-1",
    b"99999999999999999999",
];

/// Maximum length in bytes of a mutated input.
const MOST: usize = 16 << 10;

/// Creates inputs by changing others.
#[derive(Debug)]
pub struct Mutator<'c> {
    corpus: &'c [&'c [u8]],
    choices: Choices,
}

impl std::fmt::Debug for Choices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Choices")
    }
}

impl<'c> Mutator<'c> {
    /// Creates a mutator of a corpus. The same seed gives the same inputs.
    #[must_use]
    pub fn new(seed: &str, corpus: &'c [&'c [u8]]) -> Self {
        Self { corpus, choices: Choices::of(seed.as_bytes()) }
    }

    /// Returns the next input: one of the corpus with one to four changes.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.pick().to_vec();
        for _ in 0..=self.choices.below(4) {
            self.change(&mut input);
        }
        input.truncate(MOST);
        input
    }

    fn pick(&mut self) -> &'c [u8] {
        let number = self.choices.below(self.corpus.len());
        self.corpus.get(number).copied().unwrap_or_default()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.choices.below(input.len().saturating_add(1));
        let len = self.choices.below(32).min(input.len().saturating_sub(at));
        let end = at.saturating_add(len);
        match self.choices.below(6) {
            0 => {
                let bit = 1_u8 << self.choices.below(8);
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= bit;
                }
            }
            1 => {
                input.drain(at..end);
            }
            2 => {
                let word = self.choices.below(WORDS.len());
                let word = WORDS.get(word).copied().unwrap_or_default();
                input.splice(at..at, word.iter().copied());
            }
            3 => {
                let again = input.get(at..end).unwrap_or_default().to_vec();
                input.splice(at..at, again);
            }
            4 => input.truncate(at),
            _ => {
                let other = self.pick();
                let from = self.choices.below(other.len().saturating_add(1));
                let piece = other.get(from..).unwrap_or_default();
                let piece = piece.get(..64).unwrap_or(piece);
                input.splice(at..end, piece.iter().copied());
            }
        }
    }
}
