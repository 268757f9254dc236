//! Decisions about documents: docs/merge.md, "Copies of one scan".

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{
    rows::OF_HOSTS,
    snapshot::{Digest, ScanCopy, Snapshot, digest},
};
use crate::{error::Result, format::DocumentInfo, model::CopyQuality};

/// Decisions about documents, in their order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) dispositions: Vec<Disposition>,
}

/// Decision about a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Disposition {
    /// Load it.
    Load {
        /// ID of the scan in its rows.
        scan_id: Option<String>,
        /// Copy whose rows it replaces.
        replaces: Option<ReplacedCopy>,
        /// True if another scan already has the ID of this one.
        collides: bool,
        /// Position in the commit: that of the first document that this one is a better copy of.
        place: usize,
    },
    /// Leave it out: its bytes are known.
    Known,
    /// Leave it out: the dataset or this commit has a copy that is at least as good.
    NoBetter(BetterCopy),
    /// Leave it out: it was not read to its end.
    Cut,
}

/// Copy of a scan that is used instead of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BetterCopy {
    /// Committed copy with this ID in its rows.
    Committed(String),
    /// Document in the same commit, by its position.
    Here(usize),
}

/// Committed copy that is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReplacedCopy {
    pub(super) scan_id: String,
    pub(super) scan_date: Option<String>,
}

/// Copy that a document is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) enum CopyRef<'a> {
    /// Committed copy.
    Committed { scan_id: &'a str, scan_date: Option<&'a str> },
    /// Document in the same commit, by its position.
    Here(usize),
}

/// Function that returns true if the hosts of a document equal those of a copy.
pub(super) type SameHosts<'s> = dyn Fn(usize, CopyRef<'_>) -> Result<bool> + 's;

/// Copy, with its position in the commit if it is not committed yet.
#[derive(Clone)]
struct KnownCopy {
    copy: ScanCopy,
    here: Option<usize>,
}

impl KnownCopy {
    fn better(&self) -> BetterCopy {
        match self.here {
            Some(place) => BetterCopy::Here(place),
            None => BetterCopy::Committed(self.copy.scan_id.clone().into()),
        }
    }

    fn copy_ref(&self) -> CopyRef<'_> {
        match self.here {
            Some(place) => CopyRef::Here(place),
            None => CopyRef::Committed {
                scan_id: &self.copy.scan_id,
                scan_date: self.copy.scan_date.as_deref(),
            },
        }
    }
}

impl Plan {
    /// Decides about documents in their order.
    pub(super) fn of(
        snapshot: &Snapshot,
        documents: &[DocumentInfo],
        same_hosts: &SameHosts<'_>,
    ) -> Result<Self> {
        let mut planner = Planner { snapshot, dispositions: Vec::new(), copies: HashMap::new() };
        let mut seen = HashSet::new();
        for document in documents {
            let disposition = planner.disposition(document, &mut seen, same_hosts)?;
            planner.dispositions.push(disposition);
        }
        Ok(Self { dispositions: planner.dispositions })
    }

    /// Returns the copy that is finally used instead of a document, since a better copy may itself
    /// be replaced.
    pub(super) fn used<'p>(&'p self, mut better: &'p BetterCopy) -> &'p BetterCopy {
        while let BetterCopy::Here(place) = better
            && let Some(Disposition::NoBetter(next)) = self.dispositions.get(*place)
        {
            better = next;
        }
        better
    }

    /// Returns the IDs of committed copies that are removed, by the dates of their partitions.
    pub(super) fn removals(&self) -> BTreeMap<Option<String>, BTreeSet<String>> {
        let mut removals: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for disposition in &self.dispositions {
            if let Disposition::Load { replaces: Some(gone), .. } = disposition {
                let ids = removals.entry(gone.scan_date.clone()).or_default();
                ids.insert(gone.scan_id.clone());
            }
        }
        removals
    }
}

struct Planner<'p> {
    snapshot: &'p Snapshot,
    dispositions: Vec<Disposition>,
    /// Copies of the scans seen so far, as they will be after this commit.
    copies: HashMap<String, Vec<KnownCopy>>,
}

impl Planner<'_> {
    fn disposition(
        &mut self,
        document: &DocumentInfo,
        seen: &mut HashSet<Digest>,
        same_hosts: &SameHosts<'_>,
    ) -> Result<Disposition> {
        let here = self.dispositions.len();
        let Some(sha256) = &document.sha256 else { return Ok(Disposition::Cut) };
        if digest(sha256)
            .is_none_or(|digest| self.snapshot.known.contains(&digest) || !seen.insert(digest))
        {
            return Ok(Disposition::Known);
        }
        let Some(scan_id) = &document.scan_id else {
            return Ok(Disposition::Load {
                scan_id: None,
                replaces: None,
                collides: false,
                place: here,
            });
        };
        let known = self.known(scan_id);
        let quality = quality(document);
        let rival = rival(&known, here, quality, same_hosts)?;
        let collides = rival.is_none() && !known.is_empty();
        // The first scan keeps its ID, and so does a copy that replaces it.
        let keeps = match rival {
            Some(place) => known.get(place).is_some_and(|rival| *rival.copy.scan_id == **scan_id),
            None => known.is_empty(),
        };
        let id = if keeps {
            scan_id.clone()
        } else {
            format!("{scan_id}-x{}", sha256.get(..8).unwrap_or_default())
        };
        let rival = rival.and_then(|place| known.get(place).cloned().map(|rival| (place, rival)));
        let (replaces, place) = match rival {
            Some((_, rival)) if !quality.replaces(&rival.copy.quality) => {
                return Ok(Disposition::NoBetter(rival.better()));
            }
            Some((place, rival)) => {
                self.copies.entry(scan_id.clone()).or_default().remove(place);
                self.replace(rival, here)
            }
            None => (None, here),
        };
        let copy = ScanCopy {
            scan_id: id.as_str().into(),
            scan_date: document.scan_date.as_deref().map(Into::into),
            quality,
            rows: all_rows(document),
        };
        let copies = self.copies.entry(scan_id.clone()).or_default();
        copies.push(KnownCopy { copy, here: Some(here) });
        Ok(Disposition::Load { scan_id: Some(id), replaces, collides, place })
    }

    /// Returns the copies of a scan as they will be after this commit.
    fn known(&mut self, scan_id: &str) -> Vec<KnownCopy> {
        let committed = || {
            let copies = self.snapshot.copies(scan_id).iter().cloned();
            copies.map(|copy| KnownCopy { copy, here: None }).collect()
        };
        self.copies.entry(scan_id.to_owned()).or_insert_with(committed).clone()
    }

    /// Replaces a copy by the better one at `here`. A copy from this commit passes on the copy that
    /// it would have replaced, and its position in the commit.
    fn replace(&mut self, rival: KnownCopy, here: usize) -> (Option<ReplacedCopy>, usize) {
        let Some(place) = rival.here else {
            let replaced = ReplacedCopy {
                scan_id: rival.copy.scan_id.into(),
                scan_date: rival.copy.scan_date.map(Into::into),
            };
            return (Some(replaced), here);
        };
        let Some(disposition) = self.dispositions.get_mut(place) else { return (None, here) };
        match std::mem::replace(disposition, Disposition::NoBetter(BetterCopy::Here(here))) {
            Disposition::Load { replaces, place, .. } => (replaces, place),
            _ => (None, here),
        }
    }
}

/// Returns the index of the copy that a document must be better than, or `None` if it is the first
/// copy, or a finished one that differs from all others. An unfinished copy counts as a copy of any
/// document with the same ID.
fn rival(
    known: &[KnownCopy],
    here: usize,
    quality: CopyQuality,
    same_hosts: &SameHosts<'_>,
) -> Result<Option<usize>> {
    if let Some(open) = known.iter().position(|known| !known.copy.quality.finished) {
        return Ok(Some(open));
    }
    if !quality.finished {
        return Ok((!known.is_empty()).then_some(0));
    }
    for (place, known) in known.iter().enumerate() {
        if same_hosts(here, known.copy_ref())? {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// Returns the quality of a document as a copy of its scan.
pub(super) fn quality(document: &DocumentInfo) -> CopyQuality {
    CopyQuality {
        finished: document.finished,
        is_complete: !document.truncated,
        whole_hosts: document.whole_hosts,
        rows: found_rows(document),
    }
}

/// Returns the number of rows of a document in all tables.
pub(super) fn all_rows(document: &DocumentInfo) -> u64 {
    document.rows.iter().copied().fold(0, u64::saturating_add)
}

/// Returns the number of rows of a document in the tables of findings. Warnings and events do not
/// make a copy better.
pub(super) fn found_rows(document: &DocumentInfo) -> u64 {
    let rows = OF_HOSTS.iter().filter_map(|table| document.rows.get(table.number()));
    rows.copied().fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;

    fn document(sha: u8, finished: bool, hosts: u64) -> DocumentInfo {
        DocumentInfo {
            scan_id: Some("a".into()),
            sha256: Some(format!("{sha:02x}").repeat(32)),
            finished,
            truncated: !finished,
            whole_hosts: hosts,
            ..DocumentInfo::default()
        }
    }

    /// Returns the decisions about documents in one commit. Hosts are equal if their numbers are.
    fn dispositions(documents: &[DocumentInfo]) -> Vec<Disposition> {
        let same = |one: usize, other: CopyRef<'_>| match other {
            CopyRef::Here(other) => Ok(documents[one].whole_hosts == documents[other].whole_hosts),
            CopyRef::Committed { .. } => unreachable!(),
        };
        Plan::of(&Snapshot::default(), documents, &same).unwrap().dispositions
    }

    fn load(id: &str, collides: bool, place: usize) -> Disposition {
        Disposition::Load { scan_id: Some(id.into()), replaces: None, collides, place }
    }

    fn no_better(than: usize) -> Disposition {
        Disposition::NoBetter(BetterCopy::Here(than))
    }

    #[test]
    fn the_same_bytes_are_loaded_once() {
        let twice = [document(1, true, 3), document(1, true, 3)];
        assert_eq!(dispositions(&twice), [load("a", false, 0), Disposition::Known]);
    }

    #[test]
    fn a_better_copy_takes_the_place_of_a_poorer_one() {
        let growing = [document(1, false, 1), document(2, false, 2), document(3, true, 3)];
        assert_eq!(dispositions(&growing), [no_better(1), no_better(2), load("a", false, 0)]);
        let plan = Plan { dispositions: dispositions(&growing) };
        assert_eq!(plan.used(&BetterCopy::Here(1)), &BetterCopy::Here(2));
        let shrinking = [document(3, true, 3), document(2, false, 2), document(1, false, 1)];
        assert_eq!(dispositions(&shrinking), [load("a", false, 0), no_better(0), no_better(0)]);
    }

    #[test]
    fn neither_warnings_nor_events_make_a_copy_better() {
        let mut chatty = document(2, true, 3);
        chatty.rows[Table::Warnings.number()] = 5;
        chatty.rows[Table::Events.number()] = 5;
        let found = dispositions(&[document(1, true, 3), chatty.clone()]);
        assert_eq!(found, [load("a", false, 0), no_better(0)]);
        chatty.rows[Table::Services.number()] = 1;
        let found = dispositions(&[document(1, true, 3), chatty]);
        assert_eq!(found, [no_better(1), load("a", false, 0)]);
    }

    #[test]
    fn finished_copies_with_other_hosts_are_kept_apart() {
        let mut later = document(4, true, 4);
        later.rows[Table::Hosts.number()] = 9;
        let all = [document(3, true, 3), document(2, true, 4), document(5, false, 9), later];
        let second = load("a-x04040404", true, 1);
        let expected = [load("a", false, 0), no_better(3), no_better(0), second];
        let dispositions = dispositions(&all);
        assert_eq!(dispositions[..3], expected[..3]);
        // It replaced the second one, so its ID is derived from its bytes.
        let Disposition::Load { scan_id, .. } = &dispositions[3] else {
            panic!("{dispositions:?}")
        };
        assert_eq!(scan_id.as_deref(), Some("a-x04040404"));
    }
}
