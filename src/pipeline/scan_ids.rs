//! Compact set of the IDs of scans that were read: there may be millions of them.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

/// Scan IDs, each with a flag that is true if the scan was completely read.
#[derive(Debug, Default)]
pub(super) struct ScanIds(HashMap<Key, bool>);

/// The sixteen bytes that an ID represents in hexadecimal, or sixteen bytes of the digest of any other text.
type Key = [u8; 16];

impl ScanIds {
    /// Returns true if the scan with this ID was completely read, and `None` if it was not read.
    pub(super) fn get(&self, id: &str) -> Option<bool> {
        self.0.get(&key(id)).copied()
    }

    /// Adds a scan. A scan that was completely read before remains so.
    pub(super) fn add(&mut self, id: &str, whole: bool) {
        *self.0.entry(key(id)).or_default() |= whole;
    }

    /// Returns the number of IDs.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

fn key(id: &str) -> Key {
    let parsed = (id.len() == 32).then(|| u128::from_str_radix(id, 16).ok()).flatten();
    match parsed {
        Some(bits) => bits.to_be_bytes(),
        None => Sha256::digest(id).first_chunk().copied().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_any_form_are_distinguished() {
        let mut ids = ScanIds::default();
        let own = "2088ad771e1edfc80e1ab6bf79dfef82";
        for (id, whole) in [(own, false), (own, true), (own, false), ("", false), ("x", true)] {
            ids.add(id, whole);
        }
        assert_eq!(ids.len(), 3);
        assert_eq!([own, "", "x"].map(|id| ids.get(id)), [Some(true), Some(false), Some(true)]);
        let others = ["2088ad771e1edfc80e1ab6bf79dfef82-x01234567", "2088", "\u{20ac}", "y"];
        assert_eq!(others.map(|id| ids.get(id)), [None; 4]);
    }
}
