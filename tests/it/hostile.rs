//! Hostile input costs neither memory nor time, and opens no files.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Read},
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use scanmill::{
    error::DiagnosticCode,
    format::Discard,
    model::{Host, ScanEvent, ScanSummary},
    pipeline::{Filters, Pipeline},
    source::{self, PathFilter},
    xml::{Options, Reader},
};

use crate::support::{peak_mib, tell_peak};

const HEAD: &str = r#"<?xml version="1.0"?><nmaprun scanner="nmap" args="nmap x" start="1">"#;
const AFTER: &str = r#"<host><address addr="192.0.2.9" addrtype="ipv4"/></host></nmaprun>"#;
const OPEN: &str = r#"<host><status state="up"/><address addr="192.0.2.1" addrtype="ipv4"/>"#;

/// `head`, then `part` repeated up to `size` bytes, then `tail`. It is never in memory as a whole.
struct Repeated {
    head: io::Cursor<Vec<u8>>,
    part: Vec<u8>,
    left: u64,
    at: usize,
    tail: io::Cursor<Vec<u8>>,
}

impl Repeated {
    fn new(head: &str, part: &str, size: u64, tail: &str) -> Self {
        let cursor = |text: &str| io::Cursor::new(text.as_bytes().to_vec());
        // A long part is copied faster than a short one.
        let times = (64 << 10) / part.len() + 1;
        let (part, unit) = (part.repeat(times).into_bytes(), part.len() as u64);
        let left = size / unit * unit;
        Self { head: cursor(head), part, left, at: 0, tail: cursor(tail) }
    }
}

impl Read for Repeated {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.head.read(out)?;
        if len > 0 || out.is_empty() {
            return Ok(len);
        }
        if self.left == 0 {
            return self.tail.read(out);
        }
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let len = (self.part.len() - self.at).min(out.len()).min(left);
        out[..len].copy_from_slice(&self.part[self.at..self.at + len]);
        self.at = (self.at + len) % self.part.len();
        self.left -= len as u64;
        Ok(len)
    }
}

/// Facts about an input, gathered without keeping its hosts.
#[derive(Default)]
struct Seen {
    hosts: Vec<(String, bool, usize)>,
    runs: Vec<ScanSummary>,
}

impl Seen {
    fn of(input: impl Read) -> Self {
        let mut seen = Self::default();
        let mut reader = Reader::new(input, Options::default());
        while let Some(event) = reader.next_event().unwrap() {
            match event {
                ScanEvent::Host(host) => seen.host(&host),
                ScanEvent::ScanEnd(record) => seen.runs.push(*record),
                _ => {}
            }
        }
        seen
    }

    fn host(&mut self, host: &Host<'_>) {
        let address = host.ip().map_or(String::new(), |ip| ip.text.to_string());
        self.hosts.push((address, host.complete, host.ports.len()));
    }

    fn has(&self, code: DiagnosticCode) -> bool {
        self.runs.iter().flat_map(|run| &run.diagnostics).any(|found| found.code == code)
    }

    /// Checks that nothing after the damage is lost.
    fn ends_well(&self) {
        let last = self.hosts.last().map(|(address, complete, _)| (address.as_str(), *complete));
        assert_eq!(last, Some(("192.0.2.9", true)));
    }
}

/// Checks an input and its peak memory.
fn bounded(test: &str, most_mib: u64, input: fn() -> Repeated, check: fn(&Seen)) {
    let peak = peak_mib(test, || {
        let seen = Seen::of(input());
        check(&seen);
        tell_peak();
    });
    if let Some(peak) = peak {
        assert!(peak <= most_mib, "{test} took {peak} MiB");
    }
}

const MIB: u64 = 1 << 20;

#[test]
fn a_value_of_200_mib_is_cut_while_it_streams() {
    bounded(
        "hostile::a_value_of_200_mib_is_cut_while_it_streams",
        100,
        || {
            let open = format!("{HEAD}{OPEN}<hostscript><script id=\"x\" output=\"");
            Repeated::new(
                &open,
                "0123456789 ",
                200 * MIB,
                &format!("\"/></hostscript></host>{AFTER}"),
            )
        },
        |seen| {
            assert!(seen.has(DiagnosticCode::Limit));
            assert_eq!(seen.hosts.len(), 2);
            seen.ends_well();
        },
    );
}

#[test]
fn a_value_of_200_mib_in_the_header_is_cut_while_it_streams() {
    bounded(
        "hostile::a_value_of_200_mib_in_the_header_is_cut_while_it_streams",
        100,
        || {
            let open = "<nmaprun scanner=\"nmap\" version=\"7.94\" args=\"";
            Repeated::new(open, "0123456789 ", 200 * MIB, &format!("\">{AFTER}"))
        },
        |seen| {
            assert!(seen.has(DiagnosticCode::Limit));
            seen.ends_well();
        },
    );
}

#[test]
fn text_of_200_mib_between_hosts_is_not_kept() {
    bounded(
        "hostile::text_of_200_mib_between_hosts_is_not_kept",
        60,
        || {
            Repeated::new(
                &format!("{HEAD}<output type=\"interactive\">"),
                "0123456789\n",
                200 * MIB,
                &format!("</output>{AFTER}"),
            )
        },
        Seen::ends_well,
    );
}

#[test]
fn tables_100_000_deep_are_cut_at_the_cap() {
    bounded(
        "hostile::tables_100_000_deep_are_cut_at_the_cap",
        100,
        || {
            let open = format!("{HEAD}{OPEN}<hostscript><script id=\"x\" output=\"\">");
            let part = "<table key=\"a\">";
            Repeated::new(&open, part, 100_000 * part.len() as u64, &format!("</host>{AFTER}"))
        },
        |seen| {
            assert!(seen.has(DiagnosticCode::Limit));
            seen.ends_well();
        },
    );
}

#[test]
fn unknown_elements_100_000_deep_are_skipped() {
    bounded(
        "hostile::unknown_elements_100_000_deep_are_skipped",
        60,
        || Repeated::new(HEAD, "<x>", 300_000, AFTER),
        |seen| {
            seen.ends_well();
        },
    );
}

#[test]
fn a_million_attributes_are_cut_at_the_cap() {
    bounded(
        "hostile::a_million_attributes_are_cut_at_the_cap",
        100,
        || {
            let part = "abcdefgh=\"x\" ";
            let open = format!("{HEAD}{OPEN}<distance ");
            Repeated::new(&open, part, 1_000_000 * part.len() as u64, &format!("/></host>{AFTER}"))
        },
        |seen| {
            assert!(seen.has(DiagnosticCode::Limit));
            assert_eq!(seen.hosts.len(), 2);
            seen.ends_well();
        },
    );
}

#[test]
fn a_host_of_300_mib_keeps_the_part_below_the_cap() {
    bounded(
        "hostile::a_host_of_300_mib_keeps_the_part_below_the_cap",
        500,
        || {
            let port = "<port protocol=\"tcp\" portid=\"80\"><state state=\"open\"/><script id=\"x\" output=\"0123456789\"/></port>";
            Repeated::new(
                &format!("{HEAD}{OPEN}<ports>"),
                port,
                300 * MIB,
                &format!("</ports></host>{AFTER}"),
            )
        },
        |seen| {
            assert!(seen.has(DiagnosticCode::Limit));
            let (address, complete, _) = &seen.hosts[0];
            assert_eq!((address.as_str(), *complete), ("192.0.2.1", false));
            seen.ends_well();
        },
    );
}

#[test]
fn entity_bombs_and_external_entities_are_not_expanded_or_opened() {
    let mut subset = String::from("<!ENTITY a0 \"0123456789\">");
    for level in 1..12 {
        let inner = format!("&a{};", level - 1).repeat(10);
        let _ = write!(subset, "<!ENTITY a{level} \"{inner}\">");
    }
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), "top secret").unwrap();
    let file = secret.path().display();
    let text = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE nmaprun [{subset}<!ENTITY x SYSTEM \"file://{file}\"><!ENTITY % p SYSTEM \"http://192.0.2.1/evil.dtd\">%p;]>\
         <nmaprun scanner=\"nmap\" args=\"a\" start=\"1\">{OPEN}<hostnames><hostname name=\"&a11;&x;\"/></hostnames></host></nmaprun>"
    );
    let start = Instant::now();
    let hosts: Vec<_> =
        Reader::new(text.as_bytes(), Options::default()).hosts().map(Result::unwrap).collect();
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(hosts.len(), 1);
    assert_eq!(hosts[0].hostnames[0].name, "&a11;&x;");
    let seen = Seen::of(text.as_bytes());
    assert!(seen.has(DiagnosticCode::Dtd) && seen.has(DiagnosticCode::BadEntity));
}

/// Repeats each part: time must grow linearly with the size, not with its square.
#[test]
fn repeated_openers_take_linear_time() {
    let parts = [
        "<",
        "<!--",
        "<![CDATA[",
        "<!DOCTYPE nmaprun [",
        "<!DOCTYPE nmaprun",
        "<?",
        "<?xml ",
        "<?x ",
        "<a",
        "<a ",
        "<a b=\"",
        "<a b='",
        "</",
        "</host",
        "<host",
        "<host ",
        "<host>",
        "<nmaprun ",
        "<nmaprun>",
        "<x>",
        "</x>",
        "<port ",
        "<port>",
        "<ports><port><host>",
        "<script id=\"a\" output=\"\"><table>",
        "&",
        "&#",
        "&#x41;",
        "&amp",
        "\0",
        "\"",
        "]]>",
        "-->",
        "?>",
        "\r",
        "\u{e9}",
        "<hosthint>",
        "<prescript>",
        "<output>",
        "<x",
        "<host a=\"<host a=\"",
        "<!-- --><!--",
    ];
    let size = 4 * MIB;
    for (head, name) in
        [("", "nothing"), (HEAD, "a header"), (&format!("{HEAD}{OPEN}")[..], "a host")]
    {
        for part in parts {
            let start = Instant::now();
            let mut reader =
                Reader::new(Repeated::new(head, part, size, AFTER), Options::default());
            // The input may be refused, but reading must end.
            while let Ok(Some(_)) = reader.next_event() {}
            let took = start.elapsed();
            assert!(took < Duration::from_secs(20), "{part:?} after {name} took {took:?}");
        }
    }
}

#[test]
fn a_million_hops_are_capped_and_reading_continues() {
    bounded(
        "hostile::a_million_hops_are_capped_and_reading_continues",
        150,
        || {
            let (open, end) = (format!("{HEAD}{OPEN}<trace>"), format!("</trace></host>{AFTER}"));
            Repeated::new(&open, "<hop/>", 12 * MIB, &end)
        },
        |seen| {
            assert!(seen.has(DiagnosticCode::Limit));
            assert!(seen.hosts.iter().any(|(_, complete, _)| !complete));
            seen.ends_well();
        },
    );
}

#[test]
fn text_dropped_by_the_repair_costs_little_memory() {
    bounded(
        "hostile::text_dropped_by_the_repair_costs_little_memory",
        60,
        || Repeated::new(&format!("{HEAD}{OPEN}"), "<<a<\n", 6 * MIB, &format!("</host>{AFTER}")),
        |seen| {
            assert!(seen.has(DiagnosticCode::BrokenTag));
            seen.ends_well();
        },
    );
}

/// Hosts that cannot be read on another thread wait for those before them, but only a few may wait at a time.
#[test]
fn hosts_that_wait_for_their_turn_take_little_memory() {
    const HOSTS: u64 = 1000;
    let test = "hostile::hosts_that_wait_for_their_turn_take_little_memory";
    let peak = peak_mib(test, || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd.xml");
        let host = format!(
            "{OPEN}<!-- odd --><hostscript><script id=\"x\" output=\"{}\"/></hostscript></host>",
            "0123456789 ".repeat(10_000)
        );
        let size = HOSTS * host.len() as u64;
        let mut input = Repeated::new(HEAD, &host, size, AFTER);
        io::copy(&mut input, &mut fs::File::create(&path).unwrap()).unwrap();
        for threads in [2, 8] {
            let (options, stop) = (Options::default(), Arc::new(AtomicBool::new(false)));
            let pipeline = Pipeline::new(options, Filters::default(), Discard, stop);
            let mut pipeline = pipeline.with_threads(threads).unwrap();
            for input in source::discover(std::slice::from_ref(&path), &PathFilter::default()) {
                pipeline.read(&input.unwrap(), &PathFilter::default()).unwrap();
            }
            assert_eq!(pipeline.finish().unwrap().counts.hosts, HOSTS + 1);
        }
        tell_peak();
    });
    if let Some(peak) = peak {
        assert!(peak <= 60, "{test} took {peak} MiB");
    }
}
