//! Order of version numbers, such as 9.9 before 9.10.

/// Words that mark a version before the release, such as `1.25-rc1` before `1.25`.
const BEFORE_RELEASE: [&str; 7] = ["alpha", "beta", "dev", "pre", "preview", "rc", "snapshot"];

/// Maximum number of digits of a number whose order is exact.
const MAX_DIGITS: usize = 99;

/// Returns a text whose byte order is the order of versions, and that is equal for versions without a difference.
///
/// A version is a sequence of numbers and words; everything else separates them. Numbers compare by value, words
/// without case, a word is less than a number, and a version is greater than one that it continues, unless it
/// continues with a word for a version before the release: `alpha`, `beta`, `dev`, `pre`, `preview`, `rc` or
/// `snapshot`.
///
/// ```
/// use scanmill::model::version_key;
///
/// let order = ["1.9", "1.25-rc1", "1.25", "1.25.0", "9.9", "9.9p1", "9.10"].map(version_key);
/// assert!(order.is_sorted_by(|one, next| one < next));
/// assert_eq!(version_key("v1.02"), version_key("V1-2"));
/// ```
///
/// Each number is written as two digits for the number of its digits, and the digits; a word follows `/`, or `-` if it
/// stands for a version before the release; and the text ends with `.`.
#[must_use]
pub fn version_key(version: &str) -> String {
    let mut key = String::with_capacity(version.len().saturating_mul(2).saturating_add(2));
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '0'..='9' => prefix_len(rest, |c| c.is_ascii_digit()),
            c if c.is_alphabetic() => prefix_len(rest, char::is_alphabetic),
            c => c.len_utf8(),
        };
        let (part, after) = rest.split_at(len);
        rest = after;
        if first.is_ascii_digit() {
            push_number(part, &mut key);
        } else if first.is_alphabetic() {
            push_word(part, &mut key);
        }
    }
    key.push('.');
    key
}

/// Returns the length of the characters at the start that fulfil a condition, in bytes.
fn prefix_len(text: &str, is_same: impl Fn(char) -> bool) -> usize {
    text.char_indices().find(|(_, c)| !is_same(*c)).map_or(text.len(), |(at, _)| at)
}

fn push_number(digits: &str, key: &mut String) {
    let zeros = prefix_len(digits, |c| c == '0');
    let digits = digits.get(zeros..).unwrap_or_default();
    let digits = digits.get(..MAX_DIGITS).unwrap_or(digits);
    let len = u8::try_from(digits.len()).unwrap_or(u8::MAX);
    key.push(char::from(b'0'.saturating_add(len / 10)));
    key.push(char::from(b'0'.saturating_add(len % 10)));
    key.push_str(digits);
}

fn push_word(word: &str, key: &mut String) {
    let is_before = BEFORE_RELEASE.iter().any(|before| word.eq_ignore_ascii_case(before));
    key.push(if is_before { '-' } else { '/' });
    key.extend(word.chars().flat_map(char::to_lowercase));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_their_order() {
        let order = [
            "alpha",
            "",
            "unknown",
            "0.1",
            "1.2-beta2",
            "1.2 rc1",
            "1.2",
            "1.2a",
            "1.2b",
            "1.2 Ubuntu 4",
            "1.2.0",
            "1.2.3",
            "1.10",
            "7.2p2",
            "7.2p10",
            "10.0",
            "20241231",
            "100000000000000000000000000000",
        ];
        for two in order.windows(2) {
            assert!(version_key(two[0]) < version_key(two[1]), "{two:?}");
        }
    }

    #[test]
    fn separators_case_and_leading_zeros_make_no_difference() {
        for (one, other) in [
            ("1.2.3", "1-2_3"),
            ("1.2P1", "1.2p1"),
            ("1.02", "1.2"),
            ("1..2", "1.2"),
            ("1.00", "1.0"),
        ] {
            assert_eq!(version_key(one), version_key(other), "{one} {other}");
        }
        assert_ne!(version_key("1.2"), version_key("12"));
        assert_ne!(version_key("1"), version_key("1.0"));
    }

    #[test]
    fn keys_are_pinned_because_tables_hold_them() {
        assert_eq!(version_key("7.2p2 Ubuntu"), "017012/p012/ubuntu.");
        assert_eq!(version_key("1.0-rc1"), "01100-rc011.");
        assert_eq!(version_key("²½"), ".");
    }
}
