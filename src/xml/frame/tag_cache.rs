//! Recognizes repeated tags that leave a host plain by their first bytes: nmap writes few different ones.

use super::super::{lex::is_name, token::is_inside_host};
use crate::text::search::{below_at_sign_mask, first_match};

const SLOTS: usize = 64;

/// Cache of tags found to belong to elements inside of hosts. Each is stored as its bytes up to the one after its name,
/// in the slot that these determine.
#[derive(Debug)]
pub(super) struct HostTagCache([u64; SLOTS]);

impl Default for HostTagCache {
    fn default() -> Self {
        // No tag has all bits set.
        Self([u64::MAX; SLOTS])
    }
}

impl HostTagCache {
    /// Returns true if `tag`, which starts after its `<`, belongs to an element that a host may contain, other than
    /// `host`. Returns false if more bytes are needed to decide.
    #[inline]
    pub(super) fn has(&mut self, tag: &[u8]) -> bool {
        let Some(first) = tag.first_chunk() else { return looked_up(tag) };
        let word = u64::from_le_bytes(*first);
        // The first byte may be the slash of an end tag.
        let ends = below_at_sign_mask(word) & !0xff;
        let key = word & (ends ^ ends.wrapping_sub(1));
        match self.0.get_mut(slot(key)) {
            Some(known) if ends != 0 => {
                *known == key || {
                    let inside = looked_up(tag);
                    if inside && tag.get(first_match(ends)).is_some_and(|byte| !is_name(*byte)) {
                        *known = key;
                    }
                    inside
                }
            }
            _ => looked_up(tag),
        }
    }
}

#[inline]
fn looked_up(tag: &[u8]) -> bool {
    is_inside_host(tag) == Some(true)
}

#[expect(clippy::as_conversions, reason = "the six bits that are left of the product")]
const fn slot(key: u64) -> usize {
    (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cached_answers_equal_computed_ones(
            tags in prop::collection::vec("/{0,2}(port|elem|script|hop|host|target|hostnames|po|p|)[ />1A\n\u{1}]{0,2}[a-z<>]{0,12}", 1..80),
        ) {
            let mut inside = HostTagCache::default();
            for tag in tags.iter().chain(&tags) {
                prop_assert_eq!(inside.has(tag.as_bytes()), looked_up(tag.as_bytes()), "{}", tag);
            }
        }
    }
}
