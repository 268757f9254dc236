//! Merges operating systems and host scripts: as a union of all looks, or whole from one look.

use std::{cmp::Reverse, mem};

use super::{explain::Explain, facts::LookFacts, group::Group, host_look::count};
use crate::model::{OsClass, OsDetection, OsMatch, ScanIndex, Script};

/// OS matches, each with its scan and its classes.
type Matches<'a> = Vec<(ScanIndex, OsMatch<'a>, Vec<OsClass<'a>>)>;

impl<'a> Group<'a, '_> {
    /// Returns the position of the look that alone supplies the operating system, or the host scripts, under
    /// `latest`.
    fn only(&self, looked_for: impl Fn(&LookFacts) -> bool, taken: bool) -> Option<usize> {
        let caller = self.rules.caller;
        let counts = |facts: &LookFacts| taken || facts.scan == caller;
        self.looks.iter().position(|look| looked_for(&look.facts) && counts(&look.facts))
    }

    /// Returns the position of the look that supplies the operating system under `latest`.
    pub(super) fn only_os(&self) -> Option<usize> {
        self.only(|facts| facts.detected_os, self.rules.policy.flags.os)
    }

    /// Returns the position of the look that supplies the host scripts under `latest`.
    pub(super) fn only_scripts(&self) -> Option<usize> {
        self.only(|facts| facts.ran_scripts, self.rules.policy.flags.scripts)
    }

    pub(super) fn os(
        &mut self,
        explain: &mut Explain<'a>,
    ) -> (OsDetection<'a>, Vec<ScanIndex>, Vec<ScanIndex>) {
        let precedence = self.rules.policy.precedence;
        if self.is_latest() {
            let only = self.only_os();
            explain.whole_os(&self.looks, only, precedence);
            let places = self.looks.iter_mut().enumerate();
            let others = places.filter(|(place, _)| Some(*place) != only);
            others.for_each(|(_, look)| look.host.os = OsDetection::default());
        }
        let mut os = OsDetection::default();
        let mut matches: Matches<'a> = Vec::new();
        let mut orphans: (ScanIndex, Vec<OsClass<'a>>) = (0, Vec::new());
        for look in &mut self.looks {
            let scan = look.facts.scan;
            let theirs = mem::take(&mut look.host.os);
            let known = matches.len();
            let (own, alone) = classes_by_match(theirs.classes, theirs.matches.len());
            let of_name = |name: Option<&str>| {
                let winner = matches.iter().find(|(_, m, _)| m.name.as_deref() == name);
                winner.map(|(scan, found, _)| (*scan, Some(found)))
            };
            explain.os_matches(of_name, (scan, &theirs.matches), precedence);
            for (found, classes) in theirs.matches.into_iter().zip(own) {
                if !matches.iter().take(known).any(|(_, m, _)| m.name == found.name) {
                    matches.push((scan, found, classes));
                }
            }
            if orphans.1.is_empty() {
                orphans = (scan, alone);
            }
            if os.fingerprints.is_empty() {
                os.fingerprints = theirs.fingerprints;
            }
            if os.ports_used.is_empty() {
                os.ports_used = theirs.ports_used;
            }
        }
        matches.sort_by_key(|(_, found, _)| Reverse(found.accuracy));
        let (mut match_origins, mut class_origins) = (Vec::new(), Vec::new());
        for (scan, found, classes) in matches {
            let place = count(os.matches.len());
            os.matches.push(found);
            match_origins.push(scan);
            for class in classes {
                os.classes.push(OsClass { match_index: Some(place), ..class });
                class_origins.push(scan);
            }
        }
        class_origins.extend(orphans.1.iter().map(|_| orphans.0));
        os.classes.append(&mut orphans.1);
        (os, match_origins, class_origins)
    }

    pub(super) fn scripts(
        &mut self,
        explain: &mut Explain<'a>,
    ) -> (Vec<Script<'a>>, Vec<ScanIndex>) {
        let precedence = self.rules.policy.precedence;
        let only = self.is_latest().then(|| self.only_scripts());
        let (mut scripts, mut origins) = (Vec::<Script<'a>>::new(), Vec::<ScanIndex>::new());
        if let Some(only) = only {
            explain.whole_scripts(&self.looks, only, precedence);
            if let Some(look) = only.and_then(|only| self.looks.get_mut(only)) {
                scripts = mem::take(&mut look.host.scripts);
                origins = vec![look.facts.scan; scripts.len()];
            }
            return (scripts, origins);
        }
        for look in &mut self.looks {
            let (scan, known) = (look.facts.scan, scripts.len());
            let own = mem::take(&mut look.host.scripts);
            explain.united_scripts((&scripts, &origins), (scan, &own), precedence);
            for script in own {
                if !scripts.iter().take(known).any(|known| known.name == script.name) {
                    scripts.push(script);
                    origins.push(scan);
                }
            }
        }
        (scripts, origins)
    }
}

/// Splits classes into those of each match and those that belong to no match.
fn classes_by_match<'a>(
    classes: Vec<OsClass<'a>>,
    matches: usize,
) -> (Vec<Vec<OsClass<'a>>>, Vec<OsClass<'a>>) {
    let mut own: Vec<Vec<OsClass<'a>>> = (0..matches).map(|_| Vec::new()).collect();
    let mut alone = Vec::new();
    for class in classes {
        let place = class.match_index.and_then(|place| usize::try_from(place).ok());
        match place.and_then(|place| own.get_mut(place)) {
            Some(of_match) => of_match.push(class),
            None => alone.push(OsClass { match_index: None, ..class }),
        }
    }
    (own, alone)
}
