//! Order of copies of one scan (docs/merge.md, "Copies of one scan"), for merges and datasets.

/// Quality of a copy of a scan: of two copies, the one of greater quality is better. Compared in the order of the
/// fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CopyQuality {
    /// True if a `finished` element was read.
    pub(crate) finished: bool,
    /// True if the document does not end before its end tag.
    pub(crate) is_complete: bool,
    /// Number of complete host elements.
    pub(crate) whole_hosts: u64,
    /// Number of rows in the tables of findings: hosts, ports, services, scripts, OS matches, OS classes and hops.
    pub(crate) rows: u64,
}

impl CopyQuality {
    /// Returns true if a copy of this quality is used instead of an earlier one. Of equal copies, the first is used.
    pub(crate) fn replaces(&self, earlier: &Self) -> bool {
        self > earlier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_outweighs_those_after_it() {
        let quality = |finished, is_complete, whole_hosts, rows| CopyQuality {
            finished,
            is_complete,
            whole_hosts,
            rows,
        };
        let rising = [
            quality(false, false, 0, 9),
            quality(false, false, 1, 0),
            quality(false, true, 0, 0),
            quality(true, false, 0, 0),
            quality(true, true, 0, 0),
            quality(true, true, 0, 1),
            quality(true, true, 1, 0),
        ];
        for (place, quality) in rising.iter().enumerate() {
            for (other, earlier) in rising.iter().enumerate() {
                assert_eq!(quality.replaces(earlier), place > other, "{quality:?} {earlier:?}");
            }
        }
    }
}
