//! Filters: expressions that select hosts and ports, such as `port in 1-1024 and service ~ http*`.
//!
//! docs/filters.md defines the language. One [`Filter`] serves every command: `pipeline` applies it to hosts before they
//! are encoded, `diff` to the hosts of both states, and `pipeline::merge` to histories.
//!
//! ```text
//! text ──▶ syntax ──▶ tree ──▶ compile ──▶ node ──▶ holds(values)
//!          winnow              field, text,         HostValues, PortValues,
//!                              time, address        histories
//! ```
//!
//! - `syntax` knows words, operators and parentheses, but no field. `compile` finds the fields in the list of `field`,
//!   checks that operators and values fit, and prepares the values. Both report the place of a mistake.
//! - An expression has two parts, which both have to be true: tests of the host, and all others. The first part is
//!   evaluated once per host, the second for each port, with each of its services. An expression without a second part
//!   selects whole hosts.
//! - A comparison is true or false: false if the field has no value. `!=`, `!~` and `not in` are the negations of `=`,
//!   `~` and `in`, so that the laws of logic hold, and true if the field has no value.
//! - Everything is limited by the length and depth of the text, and by the size of compiled patterns. Evaluation takes
//!   time linear in the values, allocates only for the keys of versions, and depends on nothing but the host.
//!
//! To add a field, add a line to `field`, its value to `values`, and a row to docs/filters.md.

mod address;
mod compile;
mod field;
mod node;
mod syntax;
mod text;
mod time;
mod values;

use std::{fmt, str::FromStr, sync::Arc};

pub use self::field::{Field, FieldKind, FieldScope};
pub(crate) use self::values::SeenTimes;
use self::{
    field::FieldSet,
    node::Node,
    syntax::SyntaxError,
    values::{HISTORY_FIELDS, HostHistoryValues, HostValues, PortHistoryValues, PortValues},
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::{Host, HostInterval, Port, PortInterval, Timestamp},
    text::is_invisible,
};

/// Maximum number of characters of an expression that a message shows, and of those before the mistake.
const SHOWN: usize = 72;
const SHOWN_BEFORE: usize = 48;

/// Expression that selects hosts and ports. Clones share one compiled expression.
///
/// ```
/// use scanmill::{filter::Filter, xml::{Options, Reader}};
///
/// let filter = Filter::parse("port < 1024 and state = open")?;
/// let file = std::fs::File::open("fixtures/01-tcp-connect-default.xml")?;
/// for host in Reader::new(file, Options::default()).hosts() {
///     let mut host = host?;
///     if filter.apply(&mut host, None) {
///         assert!(host.ports.iter().all(|port| port.number < 1024));
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Filter(Arc<Expression>);

struct Expression {
    text: Box<str>,
    /// Part that the values of the host decide.
    host: Option<Node>,
    /// Part that is evaluated for each port; `None` if hosts are selected whole.
    port: Option<Node>,
    fields: FieldSet,
}

impl Filter {
    /// Maximum length of an expression, in bytes.
    pub const MAX_BYTES: usize = syntax::MAX_BYTES;

    /// Maximum depth of an expression: parentheses and `not` inside each other.
    pub const MAX_DEPTH: usize = syntax::MAX_DEPTH;

    /// Parses an expression (docs/filters.md).
    ///
    /// ```
    /// use scanmill::{error::ErrorKind, filter::Filter};
    ///
    /// let error = Filter::parse("port = 80 and sevice ~ http*").unwrap_err();
    /// let ErrorKind::InvalidFilter { place, message, .. } = error.kind() else { panic!() };
    /// assert_eq!(*place, 14..20);
    /// assert!(message.starts_with("there is no field sevice: did you mean service?"));
    /// ```
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidFilter`], whose message shows the place of the first mistake.
    pub fn parse(text: &str) -> Result<Self> {
        let compiled = syntax::parse(text).and_then(|tree| compile::compile(&tree));
        let nodes = compiled.map_err(|error| refused(text, error))?;
        let (mut host, mut port, mut fields) = (Vec::new(), Vec::new(), FieldSet::default());
        for (node, of_node) in nodes {
            let is_of_host = of_node.iter().all(|field| field.scope() == FieldScope::Host);
            if is_of_host { &mut host } else { &mut port }.push(node);
            fields.extend(of_node);
        }
        let (host, port) = (Node::all(host), Node::all(port));
        Ok(Self(Arc::new(Expression { text: text.into(), host, port, fields })))
    }

    /// Returns the text of the expression.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Returns true if the expression selects ports, and false if it selects hosts with all their ports.
    #[must_use]
    pub fn selects_ports(&self) -> bool {
        self.0.port.is_some()
    }

    /// Returns the fields that the expression names.
    pub fn fields(&self) -> impl Iterator<Item = Field> {
        self.0.fields.iter()
    }

    /// Returns true if the expression names a field.
    #[must_use]
    pub fn has_field(&self, field: Field) -> bool {
        self.0.fields.contains(field)
    }

    /// Removes the ports that the expression does not select. Returns false if it does not select the host, which then
    /// keeps its ports; a host of whose ports none is selected is not selected either.
    ///
    /// `scan_start` is the start of the host's scan, which counts as the time of a host without times.
    #[must_use]
    pub fn apply(&self, host: &mut Host<'_>, scan_start: Option<Timestamp>) -> bool {
        let seen = SeenTimes::of(host, scan_start);
        self.keeps_host(host, seen) && self.retain_ports(host, seen)
    }

    /// Returns true if the part of the expression about the host is true.
    pub(crate) fn keeps_host(&self, host: &Host<'_>, seen: SeenTimes) -> bool {
        self.0.host.as_ref().is_none_or(|node| node.holds(&HostValues { host, seen }))
    }

    /// Returns true if the part of the expression about ports is true for a port and one of its services.
    pub(crate) fn keeps_port(&self, host: &Host<'_>, port: &Port<'_>, seen: SeenTimes) -> bool {
        let Some(node) = &self.0.port else { return true };
        let host = HostValues { host, seen };
        match port.services.as_slice() {
            [] => node.holds(&PortValues { host, port, service: None }),
            services => services.iter().any(|service| {
                let service = Some(service);
                node.holds(&PortValues { host, port, service })
            }),
        }
    }

    /// Removes the ports for which the part about ports is not true. Returns false, and removes none, if that holds for
    /// all of them.
    fn retain_ports(&self, host: &mut Host<'_>, seen: SeenTimes) -> bool {
        if !self.selects_ports() {
            return true;
        }
        let kept = self.kept_ports(host, seen);
        let count = kept.iter().filter(|is_kept| **is_kept).count();
        if count > 0 && count < kept.len() {
            let mut kept = kept.into_iter();
            host.ports.retain(|_| kept.next().unwrap_or_default());
        }
        count > 0
    }

    /// Returns for each port of a host if the part about ports is true for it.
    pub(crate) fn kept_ports(&self, host: &Host<'_>, seen: SeenTimes) -> Vec<bool> {
        host.ports.iter().map(|port| self.keeps_port(host, port, seen)).collect()
    }

    /// Refuses fields that intervals of histories do not have.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Usage`] for such a field.
    pub(crate) fn check_history(&self) -> Result<()> {
        let Some(field) = self.fields().find(|field| !HISTORY_FIELDS.contains(*field)) else {
            return Ok(());
        };
        let known: Vec<&str> = HISTORY_FIELDS.iter().map(Field::name).collect();
        let message =
            format!("a history has no field {}: it has {}", field.name(), known.join(", "));
        Err(Error::usage(message))
    }

    /// Returns true if the part about hosts is true for the intervals of a host.
    pub(crate) fn keeps_host_history(&self, intervals: &[HostInterval<'_>]) -> bool {
        self.0.host.as_ref().is_none_or(|node| node.holds(&HostHistoryValues(intervals)))
    }

    /// Returns true if the part about ports is true for an interval of a port of a host with these intervals.
    pub(crate) fn keeps_port_history(
        &self,
        intervals: &[HostInterval<'_>],
        port: &PortInterval<'_>,
    ) -> bool {
        let values = PortHistoryValues { host: HostHistoryValues(intervals), port };
        self.0.port.as_ref().is_none_or(|node| node.holds(&values))
    }
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filter").field(&self.0.text).finish()
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl PartialEq for Filter {
    /// Returns true if the texts are equal.
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Filter {}

/// Creates the error about a mistake. Its message shows the expression, and marks the place.
fn refused(text: &str, error: SyntaxError) -> Error {
    let SyntaxError { place, message, note } = error;
    let mut lines = message.into_owned();
    let (shown, marks) = excerpt(text, place.clone());
    for line in [shown, marks] {
        lines.push_str("\n  ");
        lines.push_str(&line);
    }
    if let Some(note) = note {
        lines.push('\n');
        lines.push_str(&note);
    }
    Error::new(ErrorKind::InvalidFilter { expression: text.to_owned(), place, message: lines })
}

/// Returns the part of a text around a place, on one line, and a line that marks the place.
pub(crate) fn excerpt(text: &str, place: std::ops::Range<usize>) -> (String, String) {
    let count = |part: Option<&str>| part.unwrap_or_default().chars().count();
    let (before, len) = (count(text.get(..place.start)), count(text.get(place)));
    let skipped = before.saturating_sub(SHOWN_BEFORE);
    let mut shown = String::new();
    if skipped > 0 {
        shown.push_str("...");
    }
    let indent = before.saturating_sub(skipped).saturating_add(shown.len());
    shown.extend(text.chars().skip(skipped).take(SHOWN).map(|c| match c {
        c if c.is_whitespace() => ' ',
        c if c.is_control() || is_invisible(c) => '\u{fffd}',
        c => c,
    }));
    if count(Some(text)) > skipped.saturating_add(SHOWN) {
        shown.push_str("...");
    }
    let len = len.clamp(1, SHOWN.saturating_sub(SHOWN_BEFORE));
    (shown, format!("{}{}", " ".repeat(indent), "^".repeat(len)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Address, AddressKind, HostState, Hostname, OsMatch, PortState, Protocol, Script, Service,
        Span,
    };

    fn address(text: &'static str, kind: AddressKind<'static>) -> Address<'static> {
        let ip = text.parse().ok();
        Address { text: text.into(), kind, ip, zone: None, vendor: Some("ACME Corp.".into()) }
    }

    fn script(name: &'static str, output: &'static str) -> Script<'static> {
        Script { name: name.into(), output: Some(output.into()), ..Script::default() }
    }

    fn port(number: u16, state: &'static str, service: Option<Service<'static>>) -> Port<'static> {
        let mut port = Port::new(Protocol::Tcp, number, PortState::from_name(state.into()));
        port.services.extend(service);
        port
    }

    fn service(name: &'static str, product: Option<&'static str>) -> Service<'static> {
        let version = product.map(|_| "1.18.0".into());
        Service {
            name: Some(name.into()),
            product: product.map(Into::into),
            version,
            ..Service::default()
        }
    }

    /// Returns an open ssh, an open http with nginx inside TLS, a closed 3306 without a service, and an open 8080 with
    /// two services.
    fn host() -> Host<'static> {
        let mut host = Host::new(0);
        host.status.state = HostState::Up;
        host.start_time = Timestamp::from_seconds(1_700_000_000);
        host.end_time = Timestamp::from_seconds(1_700_000_100);
        host.addresses.push(address("192.0.2.7", AddressKind::Ipv4));
        host.addresses.push(address("2001:db8::7", AddressKind::Ipv6));
        host.addresses.push(address("00:00:5E:00:53:01", AddressKind::Mac));
        for (name, kind) in [("www.example", "user"), ("host7.example", "PTR")] {
            host.hostnames.push(Hostname { name: name.into(), kind: Some(kind.into()) });
        }
        for (name, accuracy) in [("Linux 5.4", 90), ("Microsoft Windows 10", 97)] {
            let (name, accuracy) = (Some(name.into()), Some(accuracy));
            host.os.matches.push(OsMatch { name, accuracy, line: None });
        }
        host.scripts.push(script("smb-os-discovery", "Windows 10"));
        let mut https = port(443, "open", Some(service("http", Some("nginx"))));
        https.services[0].tunnel = Some("ssl".into());
        https.services[0].cpes.push("cpe:/a:igor_sysoev:nginx:1.18.0".into());
        https.scripts.push(script("vulners", "\n  CVE-2021-23017 9.4\n"));
        let mut both = port(8080, "open", Some(service("http", Some("Jetty"))));
        both.services.push(service("ssl", None));
        let ssh = port(22, "open", Some(service("ssh", Some("OpenSSH"))));
        host.ports = vec![ssh, https, port(3306, "closed", None), both];
        (host.ports_listed, host.ports_open) = (4, 3);
        host
    }

    /// Returns the selected ports; `None` if the host is not selected.
    fn selected(text: &str) -> Option<Vec<u16>> {
        let mut host = host();
        let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{error}"));
        let is_kept = filter.apply(&mut host, None);
        assert!(is_kept || host.ports.len() == 4, "{text}: a host that is left out is unchanged");
        is_kept.then(|| host.ports.iter().map(|port| port.number).collect())
    }

    const ALL: &[u16] = &[22, 443, 3306, 8080];

    #[test]
    fn expressions_about_ports_select_ports() {
        for (text, ports) in [
            ("port = 22", &[22][..]),
            ("port != 22", &[443, 3306, 8080]),
            ("port < 443", &[22]),
            ("port <= 443", &[22, 443]),
            ("port > 443", &[3306, 8080]),
            ("port >= 443", &[443, 3306, 8080]),
            ("port in 1-1024", &[22, 443]),
            ("port in (22, 3000-9000)", &[22, 3306, 8080]),
            ("port not in (22, 3000-9000)", &[443]),
            ("state = OPEN", &[22, 443, 8080]),
            ("state = closed or port = 22", &[22, 3306]),
            ("protocol = tcp", ALL),
            ("proto = udp", &[]),
            ("service = http", &[443, 8080]),
            ("service ~ ht*", &[443, 8080]),
            ("service !~ ht*", &[22, 3306, 8080]),
            ("service", &[22, 443, 8080]),
            ("not service", &[3306]),
            ("product = 'NGINX'", &[443]),
            ("product != nginx", &[22, 3306, 8080]),
            ("product = nginx and version < '1.24'", &[443]),
            ("product = nginx and version < 1.9", &[]),
            ("version = 1-18_0", &[22, 443, 8080]),
            ("version ~ 1.18*", &[22, 443, 8080]),
            ("version in (1.17, 1.18.0)", &[22, 443, 8080]),
            ("tunnel = ssl", &[443]),
            ("tunnel", &[443]),
            ("cpe ~ *nginx*", &[443]),
            ("cpe has cpe:/a:*", &[443]),
            ("script has vulners", &[443]),
            ("script has vuln*", &[443]),
            ("script", &[443]),
            ("script.vulners", &[443]),
            ("script.vulners ~ *cve-2021-*", &[443]),
            ("script.* ~ *CVE-2021-*", &[443]),
            ("script.http-* ~ *CVE-2021-*", &[]),
            ("expanded", &[]),
            ("expanded = false", ALL),
            ("ip in 192.0.2.0/24 and port = 22", &[22]),
            ("ip in 198.51.100.0/24 or port = 22", &[22]),
            ("ip in 192.0.2.0/24 or port = 22", ALL),
            ("not (port = 22 or port = 443)", &[3306, 8080]),
        ] {
            let expected = (!ports.is_empty()).then(|| ports.to_vec());
            assert_eq!(selected(text), expected, "{text}");
        }
    }

    #[test]
    fn a_test_is_about_one_service_of_a_port() {
        assert_eq!(selected("service = http and product = Jetty"), Some(vec![8080]));
        assert_eq!(selected("service = ssl and product = Jetty"), None);
        assert_eq!(selected("service = ssl and not product"), Some(vec![8080]));
    }

    #[test]
    fn expressions_about_the_host_select_it_with_all_ports() {
        for (text, is_kept) in [
            ("ip = 192.0.2.7", true),
            ("ip = 2001:DB8::7", true),
            ("ip != 192.0.2.7", false),
            ("ip in (10.0.0.0/8, 2001:db8::/32)", true),
            ("ip in 10.0.0.0/8", false),
            ("ip not in 10.0.0.0/8", true),
            ("ip in 192.0.2.1-7", true),
            ("ip < 192.0.2.7", false),
            ("ip <= 192.0.2.7", true),
            ("ip > 192.0.2.6 and ip < 192.0.2.8", true),
            ("ip > 2001:db8::6", true),
            ("ip < 0.0.0.0", false),
            ("ip ~ 192.0.*", true),
            ("ip", true),
            ("ip_version = 4", true),
            ("mac = 00-00-5e-00-53-01", true),
            ("mac = 00005e005301", true),
            ("mac ~ 00:00:5e:*", true),
            ("mac in (00:00:5E:00:53:02)", false),
            ("vendor ~ acme*", true),
            ("mac_vendor = 'ACME Corp.'", true),
            ("hostname = WWW.example", true),
            ("hostname ~ host?.example", true),
            ("hostname has host7.example", true),
            ("hostname != www.example", false),
            ("hostname !~ *.org", true),
            ("host_state = up", true),
            ("host_state != up", false),
            ("host_reason", false),
            ("os ~ *windows*", true),
            ("os ~ *Linux*", false),
            ("os_accuracy >= 95", true),
            ("distance", false),
            ("distance < 10", false),
            ("not distance < 10", true),
            ("ports_open > 2 and ports_listed = 4", true),
            ("timed_out", false),
            ("timed_out = false", false),
            ("timed_out != true", true),
            ("complete", false),
            ("seen >= 2023-11-14", true),
            ("seen > 2023-11-14", false),
            ("seen = 2023-11", true),
            ("seen < 2023-11-14T22:15:01", true),
            ("seen < 2023-11-14T22:15:00", false),
            ("last_seen in (2022, 2023)", true),
            ("first_seen = '2023-11-14 22:13:20'", true),
            ("host_script has smb-*", true),
            ("host_script.smb-os-discovery ~ *10", true),
            ("host_script has vulners", false),
            ("not not ip = 192.0.2.7", true),
        ] {
            assert_eq!(selected(text), is_kept.then(|| ALL.to_vec()), "{text}");
            assert!(!Filter::parse(text).unwrap().selects_ports(), "{text}");
        }
    }

    #[test]
    fn a_host_without_ports_is_selected_by_its_own_values_only() {
        let mut host = host();
        host.ports.clear();
        assert!(Filter::parse("ip = 192.0.2.7").unwrap().apply(&mut host, None));
        assert!(!Filter::parse("port != 80").unwrap().apply(&mut host, None));
    }

    #[test]
    fn the_start_of_the_scan_is_the_time_of_a_host_without_times() {
        let mut host = Host::new(0);
        let filter = Filter::parse("seen = 2023-11-14 and first_seen = 2023").unwrap();
        assert!(!filter.apply(&mut host, None));
        assert!(filter.apply(&mut host, Timestamp::from_seconds(1_700_000_000)));
    }

    #[test]
    fn mistakes_in_fields_operators_and_values_have_a_place_and_a_remedy() {
        for (text, marked, message) in [
            ("prot = 80", "prot", "there is no field prot: did you mean port?"),
            ("colour = 80", "colour", "there is no field colour"),
            ("service.x = 1", "service.x", "only script and host_script have a dot"),
            ("script. = 1", "script.", "the name of a script is expected"),
            ("port ~ 8*", "~", "port is no text: it takes =, !=, <, <=, >, >= and in"),
            ("port has 80", "has", "port has one value: use = or ~"),
            ("port = http", "http", "not a number"),
            ("port = 1-5", "1-5", "for a range write port in 1-5"),
            ("port in 5-1", "5-1", "the range is reversed"),
            ("port = -1", "-1", "not a number"),
            ("port = 99999999999999999999", "99999999999999999999", "not a number"),
            ("state = opne", "opne", "not a state: open, closed"),
            ("host_state in (up, open)", "open", "not a state: up, down"),
            ("service = http*", "http*", "for a pattern write service ~ http*"),
            ("service in (a, b*)", "b*", "for a pattern write service ~ b*"),
            ("product < x", "<", "product has no order: it takes =, !=, ~, !~ and in"),
            ("ip = 10.0.0.0/8", "10.0.0.0/8", "for a network or range write ip in 10.0.0.0/8"),
            ("ip = host", "host", "not an IP address"),
            ("ip in 10.0.0.0/40", "10.0.0.0/40", "the length of a network is 0 to 32"),
            ("mac = 00:00", "00:00", "not a MAC address"),
            ("mac > 00:00", ">", "mac has no order"),
            ("version = '-'", "'-'", "not a version"),
            ("version = 1.*", "1.*", "for a pattern write version ~ 1.*"),
            ("seen > yesterday", "yesterday", "not a time"),
            ("expanded = 1", "1", "true or false is expected here"),
            ("expanded < true", "<", "expanded is true or false: write expanded, or not expanded"),
        ] {
            let error = Filter::parse(text).expect_err(text);
            let ErrorKind::InvalidFilter { expression, place, message: whole } = error.kind()
            else {
                panic!("{text}: {error:?}")
            };
            assert_eq!((expression.as_str(), &text[place.clone()]), (text, marked), "{error}");
            assert!(whole.starts_with(message), "{text}: {whole}");
        }
        assert!(Filter::parse("service = 'http*'").is_ok());
    }

    #[test]
    fn a_message_shows_the_place() {
        let message = |text: &str| Filter::parse(text).unwrap_err().to_string();
        let text = message("ip = 192.0.2.7 and prot = 80");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "there is no field prot: did you mean port?");
        assert_eq!(lines[1], "  ip = 192.0.2.7 and prot = 80");
        assert_eq!(lines[2], "                     ^^^^");
        assert!(lines[3].starts_with("fields of a host: ip, ip_version, mac"), "{text}");
        assert!(lines[4].starts_with("fields of a port: port, protocol, state"), "{text}");
        assert!(lines[5].starts_with("fields of a service: service, product"), "{text}");
        let long = format!("{}port = x", "port = 80 or ".repeat(100));
        let text = message(&long);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("  ...") && lines[1].ends_with("or port = x"), "{text}");
        assert_eq!(lines[2].find('^'), lines[1].find(" x").map(|at| at + 1), "{text}");
        let text = message("port =\n\u{1b}[31m\u{202e}");
        assert_eq!(text, "not a number\n  port = \u{fffd}[31m\u{fffd}\n         ^^^^^^");
    }

    #[test]
    fn histories_are_selected_by_the_values_of_their_intervals() {
        let span = Span { last_seen: Timestamp::from_seconds(1_700_000_000), ..Span::default() };
        let interval = |state: HostState<'static>| HostInterval {
            ip: Some("192.0.2.7".into()),
            mac: None,
            hostname: None,
            state,
            os_name: Some("Linux".into()),
            span,
        };
        let hosts = [interval(HostState::Up), interval(HostState::Down)];
        let port = PortInterval {
            ip: Some("192.0.2.7".into()),
            protocol: Protocol::Tcp,
            number: 80,
            state: PortState::Open,
            reason: None,
            service: None,
            span,
        };
        let keeps = |text: &str| {
            let filter = Filter::parse(text).unwrap();
            filter.check_history().unwrap();
            filter.keeps_host_history(&hosts) && filter.keeps_port_history(&hosts, &port)
        };
        for text in [
            "host_state = up and host_state = down",
            "port = 80 and ip in 192.0.2.0/24 and state = open",
            "os = linux and seen = 2023 and not service",
        ] {
            assert!(keeps(text), "{text}");
        }
        for text in ["port = 81", "ip = 192.0.2.8", "first_seen", "host_state = unknown"] {
            assert!(!keeps(text), "{text}");
        }
        let error = Filter::parse("script has x").unwrap().check_history().unwrap_err();
        assert!(error.to_string().starts_with("a history has no field script: it has ip, mac"));
    }

    #[test]
    fn filters_of_the_same_text_are_equal() {
        let filter: Filter = "port = 80".parse().unwrap();
        assert_eq!(
            (filter.clone(), filter.to_string()),
            (Filter::parse("port = 80").unwrap(), "port = 80".to_owned())
        );
        assert_ne!(filter, Filter::parse("port = 81").unwrap());
        let named: Vec<_> = Filter::parse("port = 1 or ip = ::1").unwrap().fields().collect();
        assert_eq!(named, [Field::Ip, Field::Port]);
        assert!(filter.has_field(Field::Port) && !filter.has_field(Field::Ip));
    }
}
