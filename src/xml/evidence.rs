//! Evidence that an element was written by nmap or masscan (rule R1).
//!
//! Where no scan is open, a name in angle brackets proves little: prose, manual pages, templates and source code
//! contain `<host>` and `<nmaprun>` too, and other formats have hosts of their own. Values prove more. Each attribute
//! whose value nmap could have written there counts, most of them 1, those that occur nowhere else 2; a placeholder
//! such as `%s` reveals a template. Markup at the very start of an input begins a scan with little evidence ([`WEAK`]),
//! markup after text or in another document needs more ([`STRONG`]).

use super::{
    lex::{End, MarkupKind, TagScanner, TerminatorCache, classify, is_blank, is_name_or_beyond},
    names::{Attribute, Element},
    value::{ip_literal, is_mac},
};

/// Evidence required of a host at the start of an input, after nothing but blanks and comments.
pub(super) const WEAK: u8 = 1;
/// Evidence required of any other host: a time, an address, a state with its reason, or two smaller things.
pub(super) const STRONG: u8 = 2;

/// Number of bytes of a host that are examined: its tag and the first elements.
pub(super) const WINDOW: usize = 8 << 10;

/// Returns true if nmap wrote the `<host` at the start of `bytes`, and `None` if more bytes are needed to decide. With
/// `last` no more will come.
pub(super) fn is_host(bytes: &[u8], needed: u8, last: bool) -> Option<bool> {
    let (whole, is_oversized) = (last || bytes.len() >= WINDOW, bytes.len() >= WINDOW);
    let bytes = bytes.get(..WINDOW).unwrap_or(bytes);
    let undecided = if whole { Some(false) } else { None };
    let mut found = 0_u8;
    let mut at = 0_usize;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let len = match classify(rest, whole) {
            MarkupKind::Unsure => return undecided,
            MarkupKind::Comment => {
                match TerminatorCache::default().end(MarkupKind::Comment, rest, 0, WINDOW, whole) {
                    End::At(len) => len,
                    End::More => return None,
                    _ => return Some(false),
                }
            }
            MarkupKind::Host if at > 0 => return Some(false),
            MarkupKind::Host | MarkupKind::Tag => {
                let (len, is_whole) = match TagScanner::end_in_frame(rest) {
                    End::At(len) => (len, true),
                    End::Broken(len) => (len, false),
                    // A long comment by the user, after nmap's output.
                    _ if at == 0 && is_oversized => (rest.len(), true),
                    _ => return undecided,
                };
                let tag = rest.get(..len).unwrap_or_default();
                match of_tag(tag, at == 0, is_whole) {
                    Some(more) => found = found.saturating_add(more),
                    None => return Some(false),
                }
                if found >= needed {
                    return Some(true);
                }
                if at == 0 && is_whole && tag.ends_with(b"/>") {
                    return Some(false);
                }
                len
            }
            _ => return Some(false),
        };
        debug_assert!(len > 0, "a tag of no bytes at {at}");
        at = at.saturating_add(len.max(1));
        let rest = bytes.get(at..).unwrap_or_default();
        at = at.saturating_add(rest.iter().take_while(|b| is_blank(**b)).count());
        match bytes.get(at) {
            Some(b'<') => {}
            Some(_) => return Some(false),
            None => return undecided,
        }
    }
}

/// Returns the evidence in a tag of a host, or `None` if it does not belong in one. A tag that is broken off counts 0.
fn of_tag(tag: &[u8], is_first: bool, is_whole: bool) -> Option<u8> {
    let inner = tag.get(1..).unwrap_or_default();
    let closes = inner.starts_with(b"/");
    let name = name(inner.strip_prefix(b"/").unwrap_or(inner));
    let el = Element::from_name(name).filter(|el| is_first || el.is_inside_host());
    // The name may be the result of damage.
    if !is_whole {
        return (is_first || el.is_some()).then_some(0);
    }
    let el = el?;
    if closes { Some(0) } else { of_element(el, tag) }
}

/// Returns the evidence in the values of an element of a host, or `None` if one shows that nmap did not write it.
fn of_element(el: Element, tag: &[u8]) -> Option<u8> {
    let (mut found, mut kind, mut addr) = (0_u8, None, None);
    for (id, value) in Attributes::of(tag) {
        let counts = match (el, id) {
            (Element::Host, Attribute::Starttime | Attribute::Endtime) => {
                if is_number(value) {
                    STRONG
                } else {
                    0
                }
            }
            (Element::Host, Attribute::Timedout) => {
                if is_boolean(value) {
                    STRONG
                } else {
                    0
                }
            }
            (Element::Address, Attribute::Addr) => {
                addr = Some(value);
                continue;
            }
            (Element::Address, Attribute::Addrtype) => {
                kind = Some(value);
                continue;
            }
            _ => match small(el, id) {
                Some(is_good) => u8::from(is_good(value)),
                None => continue,
            },
        };
        if counts == 0 && is_placeholder(value) {
            return None;
        }
        found = found.saturating_add(counts);
    }
    match addr {
        Some(addr) if is_address(addr, kind) => Some(found.saturating_add(STRONG)),
        Some(addr) if is_placeholder(addr) => None,
        _ => Some(found),
    }
}

/// Returns the check for the value of an attribute that is weak evidence.
const fn small(el: Element, id: Attribute) -> Option<fn(&[u8]) -> bool> {
    Some(match (el, id) {
        (Element::Status, Attribute::State) => is_host_state,
        (Element::Status | Element::State | Element::Extrareasons, Attribute::Reason)
        | (Element::Script, Attribute::Id) => is_word,
        (Element::State | Element::Extraports | Element::Portused, Attribute::State) => {
            is_port_state
        }
        (Element::Hostname, Attribute::Type) => is_name_type,
        (Element::Port, Attribute::Protocol) => is_protocol,
        (Element::Port | Element::Portused, Attribute::Portid)
        | (Element::Extraports, Attribute::Count)
        | (Element::Service, Attribute::Conf)
        | (Element::Times, Attribute::Srtt | Attribute::Rttvar | Attribute::To)
        | (Element::Distance, Attribute::Value)
        | (Element::Uptime, Attribute::Seconds)
        | (Element::Hop, Attribute::Ttl)
        | (Element::Osmatch | Element::Osclass, Attribute::Accuracy)
        | (Element::Tcpsequence, Attribute::Index)
        | (Element::Smurf, Attribute::Responses) => is_number,
        _ => return None,
    })
}

/// Returns true if the tag of an `nmaprun` has an attribute that nmap or masscan writes there.
pub(super) fn is_scan(tag: &[u8]) -> bool {
    Attributes::of(tag).any(|(id, _)| of_scan(id))
}

const fn of_scan(id: Attribute) -> bool {
    matches!(
        id,
        Attribute::Scanner
            | Attribute::Args
            | Attribute::Start
            | Attribute::Startstr
            | Attribute::Version
            | Attribute::ProfileName
            | Attribute::Xmloutputversion
    )
}

/// Returns true if a start tag of another name is that of an `nmaprun` with a damaged name: it names the scanner, and
/// has another attribute that nmap or masscan writes.
pub(super) fn is_damaged_scan(tag: &[u8]) -> bool {
    let scanner = |(id, value): (Attribute, &[u8])| {
        id == Attribute::Scanner && matches!(value, b"nmap" | b"masscan")
    };
    Attributes::of(tag).any(scanner)
        && Attributes::of(tag).filter(|(id, _)| of_scan(*id)).count() > 1
}

/// Returns true if an element that an `nmaprun` may hold, other than a host, has values that nmap writes, or a name
/// that no other format uses. A word such as `output` or `target` is an element of many formats.
pub(super) fn is_of_scan(el: Element, tag: &[u8]) -> bool {
    let has = |wanted: Attribute, is_good: fn(&[u8]) -> bool| {
        Attributes::of(tag).any(|(id, value)| id == wanted && is_good(value))
    };
    match el {
        Element::Scaninfo => has(Attribute::Type, is_scan_type),
        Element::Verbose | Element::Debugging => has(Attribute::Level, is_number),
        Element::Target => {
            has(Attribute::Specification, |value| !value.is_empty())
                && has(Attribute::Status, |value| value == b"skipped")
        }
        Element::Output => has(Attribute::Type, |value| value == b"interactive"),
        Element::Taskbegin | Element::Taskprogress | Element::Taskend => {
            has(Attribute::Time, is_number)
        }
        Element::Hosthint | Element::Prescript | Element::Postscript | Element::Runstats => true,
        _ => false,
    }
}

/// Returns true if an element may begin a scan in a document with another root, where more evidence is required.
pub(super) fn begins_scan(el: Element, tag: &[u8]) -> bool {
    let has = |wanted: Attribute| Attributes::of(tag).any(|(id, _)| id == wanted);
    match el {
        Element::Scaninfo => is_of_scan(el, tag) && has(Attribute::Protocol),
        Element::Taskbegin | Element::Taskprogress | Element::Taskend => {
            is_of_scan(el, tag) && has(Attribute::Task)
        }
        _ => false,
    }
}

/// Returns true if the quotes of a tag are escaped, by backslashes or by doubling. Both quotes of a value must be; one
/// alone is damage.
pub(super) fn is_quoted(tag: &[u8]) -> bool {
    let quote = |bytes: &[u8]| memchr::memchr(b'"', bytes);
    let Some(value) = memchr::memchr(b'=', tag).and_then(|at| tag.get(at.saturating_add(1)..))
    else {
        return false;
    };
    let slashes = value.iter().take_while(|byte| **byte == b'\\').count();
    let inside = match value.get(slashes..) {
        Some([b'"', b'"', rest @ ..]) if slashes == 0 => rest,
        Some([b'"', rest @ ..]) if slashes > 0 => rest,
        _ => return false,
    };
    let Some(end) = quote(inside).filter(|end| *end > 0) else { return false };
    if slashes > 0 {
        inside.get(..end).is_some_and(|text| text.ends_with(b"\\"))
    } else {
        inside.first().is_some_and(u8::is_ascii_alphanumeric)
            && inside.get(end.saturating_add(1)) == Some(&b'"')
    }
}

/// Returns true if a scan or a host of nmap begins in skipped markup.
pub(super) fn hides_scan(markup: &[u8]) -> bool {
    memchr::memchr_iter(b'<', markup).any(|at| {
        let tag = markup.get(at..).unwrap_or_default();
        match classify(tag, false) {
            MarkupKind::Host => is_host(tag, STRONG, true) == Some(true),
            MarkupKind::Nmaprun => {
                let tag = tag.get(..WINDOW).unwrap_or(tag);
                match TagScanner::end_in_frame(tag) {
                    End::At(len) => tag.get(..len).is_some_and(is_scan),
                    _ => false,
                }
            }
            _ => false,
        }
    })
}

/// Returns the name at the start of bytes.
pub(super) fn name(bytes: &[u8]) -> &[u8] {
    let len = bytes.iter().position(|b| !is_name_or_beyond(*b)).unwrap_or(bytes.len());
    bytes.get(..len).unwrap_or_default()
}

/// Iterator over the attributes with known names in a tag, with raw values, up to the first that is malformed.
struct Attributes<'t>(&'t [u8]);

impl<'t> Attributes<'t> {
    fn of(tag: &'t [u8]) -> Self {
        let inner = tag.get(1..).unwrap_or_default();
        Self(inner.get(name(inner).len()..).unwrap_or_default())
    }
}

impl<'t> Iterator for Attributes<'t> {
    type Item = (Attribute, &'t [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.0.trim_ascii_start();
            let name = name(rest);
            let behind = rest.get(name.len()..)?.trim_ascii_start();
            let behind = behind.strip_prefix(b"=").filter(|_| !name.is_empty())?.trim_ascii_start();
            let (value, behind) =
                if let Some((quote @ (b'"' | b'\''), value)) = behind.split_first() {
                    let len = memchr::memchr(*quote, value)?;
                    (value.get(..len)?, value.get(len.saturating_add(1)..)?)
                } else {
                    let ends = |b: &u8| is_blank(*b) || matches!(b, b'>' | b'/');
                    behind.split_at(behind.iter().position(ends).unwrap_or(behind.len()))
                };
            self.0 = behind;
            if let Some(id) = Attribute::from_name(name) {
                return Some((id, value));
            }
        }
    }
}

fn is_number(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    (1..20).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

const fn is_boolean(value: &[u8]) -> bool {
    matches!(value, b"true" | b"false")
}

/// Returns true if a value reveals a template, or a string of source code.
fn is_placeholder(value: &[u8]) -> bool {
    value.iter().any(|byte| b"%{}$\\`".contains(byte))
}

/// Returns true for words such as `syn-ack`, `echo-reply` and `http-title`.
fn is_word(value: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..64).contains(&value.len()) && value.iter().all(plain)
}

const fn is_name_type(value: &[u8]) -> bool {
    matches!(value, b"user" | b"PTR")
}

const fn is_host_state(value: &[u8]) -> bool {
    matches!(value, b"up" | b"down" | b"unknown" | b"skipped")
}

const fn is_port_state(value: &[u8]) -> bool {
    matches!(
        value,
        b"open"
            | b"closed"
            | b"filtered"
            | b"unfiltered"
            | b"open|filtered"
            | b"closed|filtered"
            | b"up"
    )
}

const fn is_protocol(value: &[u8]) -> bool {
    matches!(value, b"tcp" | b"udp" | b"sctp" | b"ip" | b"icmp" | b"arp" | b"oproto")
}

/// Returns true for types of scans (DATA_MODEL section 1).
fn is_scan_type(value: &[u8]) -> bool {
    const TYPES: [&[u8]; 13] = [
        b"syn",
        b"ack",
        b"bounce",
        b"connect",
        b"null",
        b"xmas",
        b"window",
        b"maimon",
        b"fin",
        b"udp",
        b"sctpinit",
        b"sctpcookieecho",
        b"ipproto",
    ];
    TYPES.contains(&value)
}

/// Returns true if a text is an address of its type. masscan labels IPv6 addresses `ipv4`.
fn is_address(addr: &[u8], kind: Option<&[u8]>) -> bool {
    let Ok(addr) = std::str::from_utf8(addr) else { return false };
    let ip = || ip_literal(addr).is_some();
    match kind {
        None => ip() || is_mac(addr),
        Some(b"mac") => is_mac(addr),
        Some(b"ipv4" | b"ipv6" | b"") => ip(),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_of_strings_are_distinguished_from_those_of_xml() {
        for (tag, quoted) in [
            (r#"<nmaprun scanner=\"nmap\">"#, true),
            (r#"<nmaprun scanner=\\\"nmap\\\">"#, true),
            (r#"<nmaprun scanner=""nmap"" args=""x"">"#, true),
            (r#"<nmaprun scanner="nmap" args="a=\">"#, false),
            (r#"<nmaprun scanner="" args="x">"#, false),
            (r#"<nmaprun scanner="">"#, false),
            (r#"<nmaprun scanner=""nmap" args="x">"#, false),
            (r#"<nmaprun scanner=\"nmap" args="x">"#, false),
            ("<nmaprun scanner='nmap'>", false),
            ("<nmaprun>", false),
        ] {
            assert_eq!(is_quoted(tag.as_bytes()), quoted, "{tag}");
        }
    }

    #[test]
    fn hosts_of_nmap_are_recognized_by_their_values() {
        for (text, weak, strong) in [
            ("<host starttime=\"1700000000\" endtime=\"1700000001\"><x/>", true, true),
            ("<host endtime='1610324299'>text", true, true),
            ("<host timedout=\"true\"/>", true, true),
            ("<host><status state=\"up\" reason=\"echo-reply\"/>", true, true),
            (
                "<host ><status state=\"up\" />\n<address addr=\"10.0.0.1\" addrtype=\"ipv4\" />",
                true,
                true,
            ),
            (
                "<host>\r\n<!-- <host> --><address addr=\"fe80::1%eth0\" addrtype=\"ipv6\"/>",
                true,
                true,
            ),
            ("<host><address addr=\"2001:db8::1\" addrtype=\"ipv4\"/>", true, true),
            ("<host><address addr=\"00:00:5E:00:53:01\" addrtype=\"mac\"/>", true, true),
            ("<host><status state=\"up\" rea<address addr=\"10.0.0.1\"/>", true, true),
            ("<host><ports><port protocol=\"tcp\" portid=\"22\">", true, true),
            ("<host><status state=\"up\"/></host>", true, false),
            ("<host><hostnames></hostnames><times srtt=\"1\" x=\"\"/></host>", true, false),
            ("<host comment=\"a server\"><hostnames/></host>", false, false),
            ("<host starttime=\"%d\"><status state=\"up\"/>", false, false),
            (
                "<host><address addr=\"%s\" addrtype=\"ipv4\"/><status state=\"up\" reason=\"x\"/>",
                false,
                false,
            ),
            ("<host><address addr=\"{{ ip }}\"/>", false, false),
            ("<host><status state=\\\"up\\\" reason=\\\"x\\\"/>", false, false),
            ("<host><address addr=\"10.0.0.1\" addrtype=\"dns\"/>", false, false),
            ("<host><address>10.0.0.1</address>", false, false),
            ("<host><service state=\"up\"/><ip>", false, false),
            ("<host starttime=\"1\" end", false, false),
            ("<host/><address addr=\"10.0.0.1\"/>", false, false),
            ("<host><host starttime=\"1\">", false, false),
        ] {
            let found = [WEAK, STRONG].map(|needed| is_host(text.as_bytes(), needed, true));
            assert_eq!(found, [Some(weak), Some(strong)], "{text}");
            for cut in 5..text.len() {
                let early = is_host(&text.as_bytes()[..cut], STRONG, false);
                assert!(early.is_none_or(|early| early == strong), "{text} up to {cut}");
            }
        }
        let long = format!("<host starttime=\"1\" comment=\"{}\">", "x".repeat(WINDOW));
        assert_eq!(is_host(long.as_bytes(), STRONG, false), Some(true));
        let long = format!("<host comment=\"{}\">", "x".repeat(WINDOW));
        assert_eq!(is_host(long.as_bytes(), WEAK, false), Some(false));
    }

    #[test]
    fn elements_of_a_scan_are_recognized_by_their_values() {
        for (tag, is_one) in [
            ("<scaninfo type=\"syn\"/>", true),
            ("<scaninfo type=\"full\"/>", false),
            ("<verbose level=\"0\"/>", true),
            ("<verbose>", false),
            ("<output type=\"interactive\">", true),
            ("<output>", false),
            ("<target specification=\"x\" status=\"skipped\" reason=\"invalid\"/>", true),
            ("<target name=\"x\"/>", false),
            ("<runstats>", true),
        ] {
            let el = Element::from_name(name(&tag.as_bytes()[1..])).unwrap();
            assert_eq!(is_of_scan(el, tag.as_bytes()), is_one, "{tag}");
        }
        let masscan = b"<nmaprum scanner=\"masscan\" start=\"1\" version=\"1.0-BETA\">";
        assert!(is_damaged_scan(masscan) && is_scan(masscan));
        assert!(!is_damaged_scan(b"<report scanner=\"nmap\">"));
        assert!(hides_scan(b"<!-- <host><status state=\"up\" reason=\"x\"/> -->"));
        assert!(!hides_scan(b"<!-- <host > <nmaprun> -->"));
    }
}
