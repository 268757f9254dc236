//! Options that select the differences to report.

use std::{borrow::Cow, fmt, str::FromStr};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::{
    error::{Error, Result},
    filter::Filter,
    model::ChangeKind,
};

/// Scripts whose output differs in every scan, because it contains the time or an uptime. docs/cli.md lists them as
/// `diff-noise`.
pub const NOISE: [&str; 9] = [
    "*-uptime",
    "clock-skew",
    "daytime",
    "http-date",
    "qscan",
    "rfc868-time",
    "smb2-time",
    "ssl-date",
    "uptime-agent-info",
];

/// Prefixes of lines that differ in every scan, in the output of other scripts such as `smb-os-discovery`,
/// `rdp-ntlm-info`, `snmp-sysdescr`, `memcached-info` and `ntp-info`.
pub const NOISE_LINES: [&str; 6] = [
    "Server time:",
    "System time:",
    "System uptime:",
    "System_Time:",
    "Uptime:",
    "receive time stamp:",
];

/// Subject of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Subject {
    /// Presence of a host, and its state.
    Host,
    /// States of ports, including ports that are not listed singly.
    Port,
    /// Services.
    Service,
    /// Results of scripts.
    Script,
    /// Operating system.
    Os,
    /// Host names.
    Name,
    /// Addresses, including MAC addresses.
    Address,
    /// Route.
    Route,
}

impl Subject {
    /// All subjects.
    pub const ALL: [Self; 8] = [
        Self::Host,
        Self::Port,
        Self::Service,
        Self::Script,
        Self::Os,
        Self::Name,
        Self::Address,
        Self::Route,
    ];

    /// Returns the name of the subject.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Port => "port",
            Self::Service => "service",
            Self::Script => "script",
            Self::Os => "os",
            Self::Name => "name",
            Self::Address => "address",
            Self::Route => "route",
        }
    }

    /// Returns the subject of a column. `is_of_port` is true for columns of a port.
    #[must_use]
    pub fn of(column: &str, is_of_port: bool) -> Self {
        match column {
            "state" if is_of_port => Self::Port,
            "extra_ports" => Self::Port,
            "os" => Self::Os,
            "hostnames" => Self::Name,
            "addresses" | "mac" => Self::Address,
            "trace" => Self::Route,
            column if column.starts_with("script") => Self::Script,
            column if column.starts_with("service") => Self::Service,
            _ => Self::Host,
        }
    }
}

/// Category of differences: by kind of change or by subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sort {
    /// Kind of change.
    Kind(ChangeKind),
    /// Subject of the change.
    Subject(Subject),
}

impl Sort {
    /// Returns all categories.
    pub fn all() -> impl Iterator<Item = Self> {
        let subjects = Subject::ALL.into_iter().map(Self::Subject);
        ChangeKind::ALL.into_iter().map(Self::Kind).chain(subjects)
    }

    /// Returns the name of the category.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.as_str(),
            Self::Subject(subject) => subject.as_str(),
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Sort {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::all().find(|sort| sort.as_str() == name);
        found.ok_or_else(|| Error::usage(format!("{name} is not a category of differences")))
    }
}

/// Selection of differences to report; all of them by default.
#[derive(Debug, Clone, Default)]
pub struct ChangeSelection {
    ignored: Vec<Sort>,
    only: Vec<Sort>,
    states: Vec<String>,
    scripts: Vec<GlobSet>,
    without_noise: bool,
    filter: Option<Filter>,
}

impl ChangeSelection {
    /// Selects all differences.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Selects all differences except those in script output that differs in every scan ([`NOISE`], [`NOISE_LINES`]).
    #[must_use]
    pub fn without_noise() -> Self {
        Self { without_noise: true, ..Self::default() }
    }

    /// Leaves out differences in these categories.
    #[must_use]
    pub fn ignore(mut self, kinds: impl IntoIterator<Item = Sort>) -> Self {
        self.ignored.extend(kinds);
        self
    }

    /// Reports only differences in these categories. If both kinds and subjects are given, a difference must match
    /// one of each.
    #[must_use]
    pub fn only(mut self, kinds: impl IntoIterator<Item = Sort>) -> Self {
        self.only.extend(kinds);
        self
    }

    /// Leaves out ports that are or were in one of these states, unless they are or were open.
    #[must_use]
    pub fn ignore_states(mut self, states: impl IntoIterator<Item = String>) -> Self {
        self.states.extend(states);
        self
    }

    /// Leaves out results of scripts whose names match one of these patterns.
    ///
    /// # Errors
    /// Returns a usage error if a pattern is not valid.
    pub fn ignore_scripts<'p>(
        mut self,
        patterns: impl IntoIterator<Item = &'p str>,
    ) -> Result<Self> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            let glob = GlobBuilder::new(pattern).build();
            set.add(glob.map_err(|error| Error::usage(error.to_string()))?);
        }
        self.scripts.push(set.build().map_err(|error| Error::usage(error.to_string()))?);
        Ok(self)
    }

    /// Reports only differences of hosts and ports that an expression selects in the older or the newer state. A
    /// difference of a port needs the port to be selected, any other difference its host.
    #[must_use]
    pub fn matching(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// Returns the expression that selects hosts and ports.
    pub(super) fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// Returns true if differences of this kind and subject are reported.
    pub(super) fn shows(&self, kind: ChangeKind, subject: Subject) -> bool {
        let both = [Sort::Kind(kind), Sort::Subject(subject)];
        if both.iter().any(|sort| self.ignored.contains(sort)) {
            return false;
        }
        let kinds = self.only.iter().any(|sort| matches!(sort, Sort::Kind(_)));
        let subjects = self.only.iter().any(|sort| matches!(sort, Sort::Subject(_)));
        (!kinds || self.only.contains(&Sort::Kind(kind)))
            && (!subjects || self.only.contains(&Sort::Subject(subject)))
    }

    /// Returns true if differences of ports in these states are reported.
    pub(super) fn shows_states(&self, states: &[&str]) -> bool {
        let is_ignored = |state: &str| self.states.iter().any(|ignored| ignored == state);
        let is_open = |state: &str| state == "open" && !is_ignored(state);
        states.iter().any(|state| is_open(state)) || !states.iter().any(|state| is_ignored(state))
    }

    /// Returns true if differences of a script are reported.
    pub(super) fn shows_script(&self, name: &str) -> bool {
        let is_ignored = self.scripts.iter().any(|scripts| scripts.is_match(name));
        !(is_ignored || (self.without_noise && is_noise(name)))
    }

    /// Returns the part of an output that is compared: all lines except those that differ in every scan.
    pub(super) fn compared<'o>(&self, output: &'o str) -> Cow<'o, str> {
        let is_noise =
            |line: &str| NOISE_LINES.iter().any(|noise| line.trim_start().starts_with(noise));
        if !self.without_noise || !output.lines().any(is_noise) {
            return output.into();
        }
        output.lines().filter(|line| !is_noise(line)).collect::<Vec<_>>().join("\n").into()
    }
}

/// Returns true if the output of a script differs in every scan.
fn is_noise(name: &str) -> bool {
    NOISE.iter().any(|noise| match noise.strip_prefix('*') {
        Some(ending) => name.ends_with(ending),
        None => name == *noise,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_names_that_are_read_back() {
        let names: std::collections::BTreeSet<&str> = Sort::all().map(Sort::as_str).collect();
        assert_eq!(names.len(), Sort::all().count());
        for sort in Sort::all() {
            assert_eq!(sort.to_string().parse::<Sort>().unwrap(), sort);
        }
        assert!("appear".parse::<Sort>().is_err());
    }

    #[test]
    fn ignored_and_selected_kinds_are_filtered() {
        use ChangeKind::{Appeared, Changed, NotScanned};
        let options =
            ChangeSelection::all().ignore([Sort::Kind(NotScanned), Sort::Subject(Subject::Script)]);
        assert!(options.shows(Changed, Subject::Port));
        assert!(!options.shows(NotScanned, Subject::Port));
        assert!(!options.shows(Changed, Subject::Script));
        let only = ChangeSelection::all().only([
            Sort::Kind(Appeared),
            Sort::Kind(Changed),
            Sort::Subject(Subject::Port),
        ]);
        assert!(only.shows(Appeared, Subject::Port) && only.shows(Changed, Subject::Port));
        assert!(!only.shows(Appeared, Subject::Host) && !only.shows(NotScanned, Subject::Port));
    }

    #[test]
    fn a_state_that_is_ignored_hides_no_open_port() {
        let options = ChangeSelection::all().ignore_states(["filtered".to_owned()]);
        let shows = |states: &[&str]| options.shows_states(states);
        assert!(!shows(&["filtered"]) && !shows(&["closed", "filtered"]));
        assert!(shows(&["open", "filtered"]) && shows(&["closed"]) && shows(&[]));
        let options = ChangeSelection::all().ignore_states(["open".to_owned()]);
        assert!(!options.shows_states(&["open", "closed"]));
    }

    #[test]
    fn scripts_that_contain_the_time_are_noise() {
        let options = ChangeSelection::without_noise().ignore_scripts(["http-*"]).unwrap();
        for name in ["ssl-date", "clock-skew", "sun-uptime", "http-title"] {
            assert!(!options.shows_script(name), "{name}");
        }
        assert!(options.shows_script("ssl-cert"));
        let output = "\n  OS: Example\n  System time: 2026-11-24T00:00:01\n  Guest: yes";
        assert_eq!(options.compared(output), "\n  OS: Example\n  Guest: yes");
        assert_eq!(ChangeSelection::all().compared(output), output);
        assert!(ChangeSelection::all().ignore_scripts(["[a"]).is_err());
    }
}
