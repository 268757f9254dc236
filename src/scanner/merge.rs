//! Merging the results of scanners (DATA_MODEL section 5).

use super::{Scanner, combine::add_scans};
use crate::{
    error::{Error, Result},
    merge::MergeFlags,
};

impl Scanner {
    /// Adds the results of other scanners, in their order. Results of this scanner are kept, and the others fill its
    /// gaps (policy `caller`). Scans that are already included are skipped.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Scan`](crate::error::ErrorKind::Scan) if `others` is empty or a scan was not run.
    ///
    /// ```
    /// use scanmill::{merge::MergeFlags, scanner::Scanner};
    ///
    /// let mut fast = Scanner::from_xml("fixtures/40-merge-day1-fast-syn.xml")?;
    /// let thorough = Scanner::from_xml("fixtures/41-merge-day1-versions-os.xml")?;
    /// fast.merge(&[&thorough], MergeFlags::default())?;
    /// assert_eq!(fast.most_accurate_os("192.0.2.20")?.len(), 1);
    /// assert_eq!(fast.scan_ids("192.0.2.20")?.len(), 2);
    /// # Ok::<(), scanmill::error::Error>(())
    /// ```
    pub fn merge(&mut self, others: &[&Self], flags: MergeFlags) -> Result<()> {
        if others.is_empty() {
            return Err(Error::scan("nothing to merge: no other scanner is given"));
        }
        let others = others.iter().map(|other| other.results()).collect::<Result<Vec<_>>>()?;
        add_scans(self.results_mut()?, &others, flags)
    }
}
