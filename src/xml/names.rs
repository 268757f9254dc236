//! Element and attribute names of nmap's XML as small integers, and the elements that each element may hold.

/// Table from names to small integers by a hash without collisions, which the compiler verifies.
struct NameTable<const N: usize> {
    keys: [Key; N],
    slots: [u8; SLOTS],
    factor: u64,
}

const SLOTS: usize = 1024;

/// Name of up to 16 bytes as two words, padded with zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) words: [u64; 2],
    pub(super) len: usize,
}

impl Key {
    /// Maximum length of a name in bytes.
    pub(super) const LONGEST: usize = 16;
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, and masked at run time"
)]
impl<const N: usize> NameTable<N> {
    const fn new(names: [&'static str; N]) -> Self {
        assert!(N < 255);
        let mut keys = [Key { words: [0; 2], len: 0 }; N];
        let mut i = 0;
        while i < N {
            keys[i] = key(names[i].as_bytes());
            assert!(keys[i].words[0] != 0);
            i += 1;
        }
        let mut factor = 0x9E37_79B9_7F4A_7C15;
        loop {
            let mut slots = [u8::MAX; SLOTS];
            let mut i = 0;
            let mut clash = false;
            while i < N {
                let slot = Self::slot(keys[i], factor);
                if slots[slot] != u8::MAX {
                    clash = true;
                    break;
                }
                slots[slot] = i as u8;
                i += 1;
            }
            if !clash {
                return Self { keys, slots, factor };
            }
            factor += 2;
        }
    }

    const fn slot(Key { words: [low, high], .. }: Key, factor: u64) -> usize {
        let mixed = (low ^ high.rotate_left(5)).wrapping_mul(factor);
        (mixed >> 54) as usize % SLOTS
    }

    #[inline]
    fn find(&self, key: Key) -> Option<usize> {
        let index = usize::from(self.slots[Self::slot(key, self.factor)]);
        (*self.keys.get(index)? == key).then_some(index)
    }
}

/// Returns the key of a name. The key of a name that is too long matches no name.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "within the bounds of the loop"
)]
const fn key(name: &[u8]) -> Key {
    let mut words = [0; 2];
    let len = name.len();
    let mut i = 0;
    while i < len && len <= Key::LONGEST {
        words[i / 8] |= (name[i] as u64) << (i % 8 * 8);
        i += 1;
    }
    Key { words, len }
}

macro_rules! names {
    ($(#[$doc:meta])* $kind:ident, $table:ident: $($variant:ident $name:literal),* $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(super) enum $kind { $($variant),* }

        static $table: NameTable<{ [$($name),*].len() }> = NameTable::new([$($name),*]);

        impl $kind {
            pub(super) const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Number of variants.
            pub(super) const COUNT: usize = Self::ALL.len();

            /// Returns the variant with this name.
            #[inline]
            pub(super) fn from_name(name: &[u8]) -> Option<Self> {
                Self::of_key(key(name))
            }

            /// Returns the variant whose name has this key.
            #[inline]
            pub(super) fn of_key(key: Key) -> Option<Self> {
                Self::ALL.get($table.find(key)?).copied()
            }

            /// Returns the number of the variant, for tables with one entry per variant.
            #[expect(clippy::as_conversions, reason = "the number of a variant")]
            pub(super) const fn number(self) -> usize {
                self as usize
            }

            /// Returns its name.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

names! {
    /// Element (DATA_MODEL section 1).
    Element, ELEMENTS:
    Nmaprun "nmaprun", Scaninfo "scaninfo", Verbose "verbose", Debugging "debugging",
    Target "target", Taskbegin "taskbegin", Taskprogress "taskprogress", Taskend "taskend",
    Hosthint "hosthint", Prescript "prescript", Postscript "postscript", Output "output",
    Host "host", Status "status", Address "address", Hostnames "hostnames", Hostname "hostname",
    Smurf "smurf", Ports "ports", Extraports "extraports", Extrareasons "extrareasons",
    Port "port", State "state", Owner "owner", Service "service", Cpe "cpe", Banner "banner",
    Script "script", Table "table", Elem "elem", Os "os", Portused "portused",
    Osmatch "osmatch", Osclass "osclass", Osfingerprint "osfingerprint", Uptime "uptime",
    Distance "distance", Tcpsequence "tcpsequence", Ipidsequence "ipidsequence",
    Tcptssequence "tcptssequence", Hostscript "hostscript", Trace "trace", Hop "hop",
    Error "error", Times "times", Runstats "runstats", Finished "finished", Hosts "hosts",
    Addport "addport",
}

names! {
    /// Attribute (DATA_MODEL section 1).
    Attribute, ATTRIBUTES:
    Scanner "scanner", Args "args", Start "start", Startstr "startstr", Version "version",
    ProfileName "profile_name", Xmloutputversion "xmloutputversion", Type "type",
    Protocol "protocol", Numservices "numservices", Services "services", Scanflags "scanflags",
    Level "level", Specification "specification", Status "status", Reason "reason", Task "task",
    Time "time", Extrainfo "extrainfo", Percent "percent", Remaining "remaining", Etc "etc",
    Starttime "starttime", Endtime "endtime", Timedout "timedout", Comment "comment",
    State "state", ReasonTtl "reason_ttl", ReasonIp "reason_ip", Addr "addr",
    Addrtype "addrtype", Vendor "vendor", Name "name", Responses "responses", Count "count",
    Proto "proto", Ports "ports", Portid "portid", Conf "conf", Method "method",
    Product "product", Hostname "hostname", Ostype "ostype", Devicetype "devicetype",
    Servicefp "servicefp", Tunnel "tunnel", Rpcnum "rpcnum", Lowver "lowver",
    Highver "highver", Banner "banner", Id "id", Output "output", Key "key",
    Accuracy "accuracy", Line "line", Osfamily "osfamily", Osgen "osgen",
    Fingerprint "fingerprint", Seconds "seconds", Lastboot "lastboot", Value "value",
    Index "index", Difficulty "difficulty", Values "values", Class "class", Port "port",
    Ttl "ttl", Ipaddr "ipaddr", Rtt "rtt", Host "host", Srtt "srtt", Rttvar "rttvar", To "to",
    Timestr "timestr", Elapsed "elapsed", Summary "summary", WalkEnd "exit", Errormsg "errormsg",
    Up "up", Down "down", Total "total",
}

impl Attribute {
    /// Returns a bit that is unique to the attribute, for sets of the attributes of a tag.
    #[expect(clippy::as_conversions, reason = "the number of a variant, far below 128")]
    pub(super) const fn bit(self) -> u128 {
        1 << (self as u32)
    }
}

impl Element {
    /// Returns a bit that is unique to the element.
    #[expect(clippy::as_conversions, reason = "the number of a variant, far below 64")]
    pub(super) const fn bit(self) -> u64 {
        1 << (self as u32)
    }

    /// Returns the set of elements that this one may contain directly.
    const fn children(self) -> u64 {
        match self {
            Self::Nmaprun => {
                Self::SCAN_LEVEL
                    | Self::Prescript.bit()
                    | Self::Postscript.bit()
                    | Self::Host.bit()
                    | Self::Runstats.bit()
                    // Found here if damage removed the tag around them.
                    | Self::Finished.bit()
                    | Self::Hosts.bit()
            }
            Self::Hosthint => Self::Status.bit() | Self::Address.bit() | Self::Hostnames.bit(),
            Self::Prescript | Self::Postscript | Self::Hostscript => Self::Script.bit(),
            Self::Host => {
                Self::Status.bit()
                    | Self::Address.bit()
                    | Self::Hostnames.bit()
                    | Self::Smurf.bit()
                    | Self::Ports.bit()
                    | Self::Os.bit()
                    | Self::MEASURES
                    | Self::Hostscript.bit()
                    | Self::Trace.bit()
                    | Self::Times.bit()
                    | Self::Addport.bit()
            }
            Self::Hostnames => Self::Hostname.bit(),
            Self::Ports => Self::Extraports.bit() | Self::Port.bit(),
            Self::Extraports => Self::Extrareasons.bit(),
            Self::Port => {
                Self::State.bit() | Self::Owner.bit() | Self::Service.bit() | Self::Script.bit()
            }
            Self::Service => Self::Cpe.bit() | Self::Banner.bit(),
            Self::Script | Self::Table => Self::Table.bit() | Self::Elem.bit(),
            Self::Os => {
                Self::Portused.bit()
                    | Self::Osmatch.bit()
                    | Self::Osclass.bit()
                    | Self::Osfingerprint.bit()
                    | Self::MEASURES
            }
            Self::Osmatch => Self::Osclass.bit(),
            Self::Osclass => Self::Cpe.bit(),
            Self::Trace => Self::Hop.bit() | Self::Error.bit(),
            Self::Runstats => Self::Finished.bit() | Self::Hosts.bit(),
            _ => 0,
        }
    }

    /// Inside `host`, and in nmap 3.x inside `os`.
    const MEASURES: u64 = Self::Uptime.bit()
        | Self::Distance.bit()
        | Self::Tcpsequence.bit()
        | Self::Ipidsequence.bit()
        | Self::Tcptssequence.bit();

    /// Elements of a scan that are read wherever they occur (rule R4).
    const SCAN_LEVEL: u64 = Self::Scaninfo.bit()
        | Self::Verbose.bit()
        | Self::Debugging.bit()
        | Self::Target.bit()
        | Self::Taskbegin.bit()
        | Self::Taskprogress.bit()
        | Self::Taskend.bit()
        | Self::Hosthint.bit()
        | Self::Output.bit();

    /// Elements that belong to a scan as a whole: they would end a host or be read as part of the scan around it.
    const OF_SCAN: u64 = Self::SCAN_LEVEL
        | Self::Nmaprun.bit()
        | Self::Nmaprun.children()
        | Self::Runstats.bit()
        | Self::Runstats.children();

    /// Returns true if this element may directly contain `child`.
    #[inline]
    pub(super) const fn allows_child(self, child: Self) -> bool {
        self.children() & child.bit() != 0
    }

    /// Returns true if a host may contain it without ending it or affecting the scan around it.
    #[inline]
    pub(super) const fn is_inside_host(self) -> bool {
        Self::OF_SCAN & self.bit() == 0
    }

    /// Returns true if it closes no other element and is read where it occurs (rule R4).
    #[inline]
    pub(super) const fn is_scan_level(self) -> bool {
        Self::SCAN_LEVEL & self.bit() != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_are_found() {
        for el in Element::ALL {
            assert_eq!(Element::from_name(el.name().as_bytes()), Some(*el));
        }
        for at in Attribute::ALL {
            assert_eq!(Attribute::from_name(at.name().as_bytes()), Some(*at));
        }
        for name in ["", "h", "hoster", "Host", "nmaprunn", "p\u{f6}rt"] {
            assert_eq!(Element::from_name(name.as_bytes()), None, "{name}");
            assert_eq!(Attribute::from_name(name.as_bytes()), None, "{name}");
        }
        assert!(Attribute::ALL.len() <= 128 && Element::COUNT <= 64);
    }
}
