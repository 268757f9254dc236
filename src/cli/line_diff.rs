//! Lines that differ between two texts.
//!
//! Lines are compared by `similar`, whose Myers algorithm takes time proportional to the number of
//! lines times the number of differences. Both texts come from a scan and may have any size, and
//! the library's time limit would make the result depend on the machine. Instead, the lines that
//! both texts start and end with are removed first, and at most [`MAX_COMPARED_LINES`] of the remaining lines
//! are compared.

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Maximum number of lines of both texts that are compared. If there are more, all older lines
/// count as removed and all newer lines as added.
const MAX_COMPARED_LINES: usize = 2000;

/// Line that only one of the two texts has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineChange<'t> {
    Removed(&'t str),
    Added(&'t str),
}

/// Returns the lines that differ, in order.
pub(super) fn changed_lines<'t>(old: &'t str, new: &'t str) -> Vec<LineChange<'t>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = |(a, b): &(&&str, &&str)| a == b;
    let begin = old.iter().zip(&new).take_while(same).count();
    let (old, new) = (old.get(begin..).unwrap_or_default(), new.get(begin..).unwrap_or_default());
    let end = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let (old, new) = (without_last(old, end), without_last(new, end));
    let all = old.len().saturating_add(new.len());
    if all > MAX_COMPARED_LINES {
        let gone = old.iter().map(|line| LineChange::Removed(line));
        return gone.chain(new.iter().map(|line| LineChange::Added(line))).collect();
    }
    let mut changed = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, old, new) {
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        let gone = old.get(op.old_range()).unwrap_or_default();
        let come = new.get(op.new_range()).unwrap_or_default();
        changed.extend(gone.iter().map(|line| LineChange::Removed(line)));
        changed.extend(come.iter().map(|line| LineChange::Added(line)));
    }
    changed
}

fn without_last<'l, 't>(lines: &'l [&'t str], last: usize) -> &'l [&'t str] {
    lines.get(..lines.len().saturating_sub(last)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_different_lines_are_left() {
        let changed = |old: &'static str, new: &'static str| {
            changed_lines(old, new)
                .into_iter()
                .map(|line| match line {
                    LineChange::Removed(line) => format!("-{line}"),
                    LineChange::Added(line) => format!("+{line}"),
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(changed("a\nb\nc", "a\nx\nc"), ["-b", "+x"]);
        assert_eq!(changed("a\nb\nc\nd", "b\nc\nx\nd"), ["-a", "+x"]);
        assert_eq!(changed("a", "a\nb\nc"), ["+b", "+c"]);
        assert_eq!(changed("a\na\na", "a\na"), ["-a"]);
        assert_eq!(changed("", "b"), ["+b"]);
        assert_eq!(changed("a\n", "a"), [""; 0], "the end of the last line");
    }

    #[test]
    fn long_texts_are_not_compared_line_by_line() {
        let text = |letter: char| format!("same\n{}end", format!("{letter}\n").repeat(1500));
        let (old, new) = (text('a'), text('b'));
        let changed = changed_lines(&old, &new);
        assert_eq!(changed.len(), 3000);
        assert_eq!((changed[0], changed[1500]), (LineChange::Removed("a"), LineChange::Added("b")));
    }
}
