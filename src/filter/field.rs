//! The fields that an expression can name: one line per field.

/// Part of a host's record that a field belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldScope {
    /// The host.
    Host,
    /// A port.
    Port,
    /// A service of a port.
    Service,
}

impl FieldScope {
    /// Returns `host`, `port` or `service`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Port => "port",
            Self::Service => "service",
        }
    }
}

/// Kind of the values of a field, which decides how they compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// IP addresses.
    Address,
    /// A whole number.
    Number,
    /// True or false.
    Flag,
    /// Text.
    Text,
    /// A MAC address.
    Mac,
    /// A time.
    Time,
    /// The number of a version.
    Version,
    /// Scripts: their names, and after a dot their outputs.
    Scripts,
}

impl FieldKind {
    /// Returns the name of the kind, as documents write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Number => "number",
            Self::Flag => "flag",
            Self::Text => "text",
            Self::Mac => "MAC",
            Self::Time => "time",
            Self::Version => "version",
            Self::Scripts => "scripts",
        }
    }
}

macro_rules! is_many {
    () => {
        false
    };
    (many) => {
        true
    };
}

macro_rules! fields {
    ($($field:ident $name:literal $(or $alias:literal)?, $scope:ident $kind:ident $(, $many:ident)?;)*) => {
        /// Field that an expression can name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "docs/filters.md describes the fields by their names")]
        #[non_exhaustive]
        pub enum Field {
            $($field,)*
        }

        impl Field {
            /// All fields: those of hosts, of ports and of services.
            pub const ALL: &'static [Self] = &[$(Self::$field),*];

            /// Returns the name of the field.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)*
                }
            }

            /// Returns the second name of the field, if it has one.
            #[must_use]
            pub const fn alias(self) -> Option<&'static str> {
                match self {
                    $($(Self::$field => Some($alias),)?)*
                    _ => None,
                }
            }

            /// Returns the part of a host's record that the field belongs to.
            #[must_use]
            pub const fn scope(self) -> FieldScope {
                match self {
                    $(Self::$field => FieldScope::$scope,)*
                }
            }

            /// Returns the kind of the field's values.
            #[must_use]
            pub const fn kind(self) -> FieldKind {
                match self {
                    $(Self::$field => FieldKind::$kind,)*
                }
            }

            /// Returns true if the field can have several values in one place.
            #[must_use]
            pub const fn is_list(self) -> bool {
                match self {
                    $(Self::$field => is_many!($($many)?),)*
                }
            }
        }
    };
}

fields! {
    Ip "ip", Host Address, many;
    IpVersion "ip_version", Host Number;
    Mac "mac", Host Mac;
    MacVendor "mac_vendor" or "vendor", Host Text;
    Hostname "hostname", Host Text, many;
    HostState "host_state", Host Text;
    HostReason "host_reason", Host Text;
    Os "os", Host Text;
    OsAccuracy "os_accuracy", Host Number;
    Distance "distance", Host Number;
    Uptime "uptime_s" or "uptime", Host Number;
    PortsListed "ports_listed", Host Number;
    PortsOpen "ports_open", Host Number;
    Comment "comment", Host Text;
    TimedOut "timed_out", Host Flag;
    Complete "complete", Host Flag;
    FirstSeen "first_seen", Host Time;
    LastSeen "last_seen" or "seen", Host Time;
    HostScript "host_script", Host Scripts, many;
    Port "port", Port Number;
    Protocol "protocol" or "proto", Port Text;
    State "state", Port Text;
    Reason "reason", Port Text;
    ReasonTtl "reason_ttl" or "ttl", Port Number;
    Owner "owner", Port Text;
    Expanded "expanded", Port Flag;
    Script "script", Port Scripts, many;
    Service "service", Service Text;
    Product "product", Service Text;
    Version "version", Service Version;
    ExtraInfo "extra_info", Service Text;
    Tunnel "tunnel", Service Text;
    Cpe "cpe", Service Text, many;
    Method "method", Service Text;
    Confidence "confidence", Service Number;
    ServiceHostname "service_hostname", Service Text;
    OsType "os_type", Service Text;
    DeviceType "device_type", Service Text;
    Fingerprint "fingerprint", Service Text;
    Banner "banner", Service Text;
}

impl Field {
    /// Returns the field with this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let is_it = |field: &&Self| {
            let names = [Some(field.name()), field.alias()];
            names.into_iter().flatten().any(|other| other.eq_ignore_ascii_case(name))
        };
        Self::ALL.iter().find(is_it).copied()
    }

    /// Returns the bit that stands for the field in a [`FieldSet`].
    const fn bit(self) -> u64 {
        1 << (self as u32)
    }
}

/// Set of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FieldSet(u64);

impl FieldSet {
    /// Creates a set.
    pub(crate) const fn of(fields: &[Field]) -> Self {
        let (mut set, mut index) = (0, 0);
        while index < fields.len() {
            set |= fields[index].bit();
            index += 1;
        }
        Self(set)
    }

    /// Adds the fields of another set.
    pub(super) fn extend(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Returns true if the set has the field.
    pub(crate) const fn contains(self, field: Field) -> bool {
        self.0 & field.bit() != 0
    }

    /// Returns the fields of the set, in their order.
    pub(crate) fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.iter().copied().filter(move |field| self.contains(*field))
    }
}

/// Returns the name that a mistyped one most likely means.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let names = Field::ALL.iter().flat_map(|field| [Some(field.name()), field.alias()]).flatten();
    let max = name.len().div_ceil(3).min(3);
    let near = names.map(|other| (edits(&name, other), other)).filter(|(edits, _)| *edits <= max);
    near.min_by_key(|(edits, _)| *edits).map(|(_, other)| other)
}

/// Returns the number of letters to insert, remove, replace or swap with the next one that make one name the other
/// (restricted Damerau-Levenshtein distance).
fn edits(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    // The last two rows of the table of distances of prefixes.
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i.saturating_add(1)];
        for (j, b) in other.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX);
            let next = j.saturating_add(1);
            let mut least = at(&above, j).saturating_add(usize::from(a != b));
            least =
                least.min(at(&above, next).saturating_add(1)).min(at(&row, j).saturating_add(1));
            let is_swapped = j.checked_sub(1).is_some_and(|last| {
                other.get(last) == Some(a) && i.checked_sub(1).and_then(|i| one.get(i)) == Some(b)
            });
            if is_swapped {
                least = least.min(at(&before, j.saturating_sub(1)).saturating_add(1));
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_fit_a_set() {
        let names: Vec<&str> = (Field::ALL.iter())
            .flat_map(|field| [Some(field.name()), field.alias()])
            .flatten()
            .collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(Field::ALL.len() <= 64);
        for field in Field::ALL {
            assert_eq!(Field::from_name(&field.name().to_uppercase()), Some(*field));
            let only: Vec<_> = FieldSet::of(&[*field]).iter().collect();
            assert_eq!(only, [*field]);
        }
        assert_eq!(Field::from_name("seen"), Some(Field::LastSeen));
        assert_eq!(Field::from_name("sen"), None);
        assert!(Field::Cpe.is_list() && !Field::Product.is_list());
    }

    #[test]
    fn mistyped_names_are_recognized() {
        for (typed, meant) in [
            ("prot", Some("port")),
            ("portt", Some("port")),
            ("prodcut", Some("product")),
            ("Sevice", Some("service")),
            ("hostnam", Some("hostname")),
            ("verison", Some("version")),
            ("x", None),
            ("colour", None),
        ] {
            assert_eq!(nearest(typed), meant, "{typed}");
        }
        assert_eq!(edits("abcd", "acbd"), 1);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("abc", ""), 3);
    }
}
