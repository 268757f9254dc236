//! Names and order of the tables.

use crate::error::{Error, ErrorKind, Result};

/// Table (DATA_MODEL section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Table {
    /// One row per document.
    Scans,
    /// One row per host element.
    Hosts,
    /// One row per port.
    Ports,
    /// Any number of rows per port.
    Services,
    /// One row per script result.
    Scripts,
    /// One row per OS match.
    OsMatches,
    /// One row per OS class.
    OsClasses,
    /// One row per hop.
    Hops,
    /// One row per event of a scan.
    Events,
    /// One row per warning code and document.
    Warnings,
    /// One row per value that lost in a merge.
    Conflicts,
    /// One row per difference between two states.
    Changes,
    /// One row per interval in which the listed values of a host did not change.
    HostHistory,
    /// One row per interval in which the listed values of a port did not change.
    PortHistory,
    /// One row per open port and service, with its host and scan.
    OpenServices,
    /// One row per certificate of a TLS server.
    Certificates,
    /// One row per vulnerability that a script reports.
    Vulnerabilities,
}

impl Table {
    /// Tables of a conversion, in the order of the documentation, without those that are [derived](Self::DERIVED).
    pub const ALL: [Self; 10] = [
        Self::Scans,
        Self::Hosts,
        Self::Ports,
        Self::Services,
        Self::Scripts,
        Self::OsMatches,
        Self::OsClasses,
        Self::Hops,
        Self::Events,
        Self::Warnings,
    ];

    /// Tables of a merge: those of a conversion, and those that only a merge has.
    pub const MERGED: [Self; 11] = {
        let [a, b, c, d, e, f, g, h, i, j] = Self::ALL;
        [a, b, c, d, e, f, g, h, i, j, Self::Conflicts]
    };

    /// Tables of a history.
    pub const HISTORY: [Self; 2] = [Self::HostHistory, Self::PortHistory];

    /// Tables of conversions and merges that are computed from the others. They are written only if they are named.
    pub const DERIVED: [Self; 3] = [Self::OpenServices, Self::Certificates, Self::Vulnerabilities];

    /// Total number of tables.
    pub(crate) const COUNT: usize =
        Self::MERGED.len() + 1 + Self::HISTORY.len() + Self::DERIVED.len();

    /// Returns all tables: those of a merge, the differences between two states, those of a history, and the derived
    /// ones.
    pub(crate) fn of_merges() -> impl Iterator<Item = Self> {
        let stored = Self::MERGED.into_iter().chain([Self::Changes]).chain(Self::HISTORY);
        stored.chain(Self::DERIVED)
    }

    /// Returns the name of the table, as in file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scans => "scans",
            Self::Hosts => "hosts",
            Self::Ports => "ports",
            Self::Services => "services",
            Self::Scripts => "scripts",
            Self::OsMatches => "os_matches",
            Self::OsClasses => "os_classes",
            Self::Hops => "hops",
            Self::Events => "events",
            Self::Warnings => "warnings",
            Self::Conflicts => "conflicts",
            Self::Changes => "changes",
            Self::HostHistory => "host_history",
            Self::PortHistory => "port_history",
            Self::OpenServices => "open_services",
            Self::Certificates => "certificates",
            Self::Vulnerabilities => "vulnerabilities",
        }
    }

    /// Returns the table of a conversion with this name, which may be derived.
    ///
    /// # Errors
    /// Returns [`ErrorKind::UnknownName`] with the list of tables if there is none.
    pub fn from_name(name: &str) -> Result<Self> {
        let tables: Vec<Self> = Self::ALL.into_iter().chain(Self::DERIVED).collect();
        Self::from_name_in(&tables, name)
    }

    /// Returns the table with this name among `tables`.
    ///
    /// # Errors
    /// Returns [`ErrorKind::UnknownName`] with the list of these tables if there is none.
    pub(crate) fn from_name_in(tables: &[Self], name: &str) -> Result<Self> {
        tables.iter().copied().find(|table| table.name() == name).ok_or_else(|| {
            let known: Vec<_> = tables.iter().map(|table| table.name()).collect();
            let message = format!("unknown table {name:?}; the tables are {}", known.join(", "));
            Error::new(ErrorKind::UnknownName { name: name.to_owned(), known, message })
        })
    }

    /// Returns the number of the table, from 0: the tables of [`Table::MERGED`] in their order, then the
    /// others; that of a derived table is the highest.
    #[must_use]
    pub const fn number(self) -> usize {
        self as usize
    }
}
