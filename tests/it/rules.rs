//! The rules on damaged and hostile input (docs/data-model.md, section 1.2), one test each.

use scanmill::{
    error::{DiagnosticCode, Error},
    limits::Limits,
    model::{Host, ScanEvent, ScanSummary, Timestamp},
    xml::{Options, Reader},
};

/// Result of reading a text.
#[derive(Default)]
struct Read {
    hosts: Vec<Host<'static>>,
    runs: Vec<ScanSummary>,
    events: usize,
    error: Option<Error>,
}

impl Read {
    fn of(text: impl AsRef<[u8]>) -> Self {
        Self::with(text, Options::default())
    }

    fn with(text: impl AsRef<[u8]>, options: Options) -> Self {
        let mut read = Self::default();
        for event in Reader::new(text.as_ref(), options).events() {
            match event {
                Ok(ScanEvent::Host(host)) => read.hosts.push(*host),
                Ok(ScanEvent::ScanEnd(record)) => read.runs.push(*record),
                Ok(ScanEvent::Activity(_)) => read.events += 1,
                Ok(_) => {}
                Err(error) => {
                    assert!(read.error.is_none(), "one error an input");
                    read.error = Some(error);
                }
            }
        }
        read
    }

    fn codes(&self) -> Vec<(DiagnosticCode, i64)> {
        self.runs.iter().flat_map(|run| run.diagnostics.iter().map(|d| (d.code, d.count))).collect()
    }

    fn addresses(&self) -> Vec<&str> {
        self.hosts.iter().map(|host| host.ip().map_or("", |ip| &*ip.text)).collect()
    }

    fn complete(&self) -> Vec<bool> {
        self.hosts.iter().map(|host| host.complete).collect()
    }

    fn error_code(&self) -> Option<DiagnosticCode> {
        self.error.as_ref().map(Error::code)
    }
}

const HEAD: &str = r#"<nmaprun scanner="nmap" args="nmap x" start="1700000000" version="7.94">"#;

fn host(last: u8) -> String {
    format!(r#"<host><status state="up"/><address addr="192.0.2.{last}" addrtype="ipv4"/></host>"#)
}

/// Returns markup made of many parts.
fn each(count: u32, part: impl Fn(u32) -> String) -> String {
    (0..count).map(part).collect::<Vec<_>>().concat()
}

#[test]
fn a_whole_document_has_no_warnings() {
    let read = Read::of(format!("{HEAD}{}{}</nmaprun>", host(1), host(2)));
    assert_eq!(read.addresses(), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!((read.complete(), read.codes()), (vec![true, true], vec![]));
    assert!(!read.runs[0].truncated && read.error.is_none());
}

#[test]
fn r1_bytes_before_the_document_are_skipped() {
    for junk in ["Starting Nmap\n", "<b>x</b> & <", "<!-- a --> junk", "\u{1b}[0m"] {
        let read = Read::of(format!("{junk}<?xml version=\"1.0\"?>{HEAD}{}</nmaprun>", host(1)));
        assert_eq!(read.addresses(), ["192.0.2.1"], "{junk}");
        assert_eq!(read.codes(), [(DiagnosticCode::LeadingJunk, 1)], "{junk}");
    }
    let clean = Read::of(format!("\u{feff} \n<!-- a --> {HEAD}</nmaprun>"));
    assert_eq!((clean.hosts.len(), clean.codes()), (0, vec![]));
    let hides = Read::of(format!("\n<!-- <host > --> {HEAD}</nmaprun>"));
    assert_eq!((hides.hosts.len(), hides.codes()), (0, vec![(DiagnosticCode::Hidden, 1)]));
}

#[test]
fn r1_a_scan_element_at_the_start_begins_a_scan_without_header() {
    let read = Read::of(host(1));
    assert_eq!(read.addresses(), ["192.0.2.1"]);
    assert_eq!(read.codes(), [(DiagnosticCode::NoHeader, 1), (DiagnosticCode::Truncated, 1)]);
    let read = Read::of(format!("<?xml version=\"1.0\"?><scaninfo type=\"syn\"/>{}", host(1)));
    assert_eq!(read.addresses(), ["192.0.2.1"]);
    assert_eq!(read.codes(), [(DiagnosticCode::NoHeader, 1), (DiagnosticCode::Truncated, 1)]);
    assert_eq!(read.runs[0].scan_info.len(), 1);
}

#[test]
fn r1_a_doctype_overrides_a_damaged_root_name() {
    let damaged = HEAD.replace("<nmaprun", "<nmaqrun");
    let finished = "<runstats><finished time=\"1700000009\" exit=\"success\"/></runstats>";
    for end in ["</nmaprun>", "</nmaqrun>"] {
        let text = format!(
            "<?xml version=\"1.0\"?>\n<!DOCTYPE nmaprun>\n{damaged}<scaninfo type=\"syn\"/>{}{finished}{end}",
            host(1)
        );
        let read = Read::of(text);
        assert!(read.error.is_none(), "{end}");
        assert_eq!(read.addresses(), ["192.0.2.1"], "{end}");
        assert!(read.codes().contains(&(DiagnosticCode::Unknown, 1)), "{end}: {:?}", read.codes());
        assert!(read.codes().contains(&(DiagnosticCode::NoHeader, 1)), "{end}: {:?}", read.codes());
        assert!(read.runs[0].stats.finished && read.runs[0].scan_info.len() == 1, "{end}");
    }
}

#[test]
fn r1_other_text_is_refused() {
    for text in [
        "<?xml version=\"1.0\"?><html><host a=\"1\"></host></html>",
        "<?xml version=\"1.0\"?><!DOCTYPE x><report/>",
        "hello",
        "<!-- only a comment -->",
        "<?xml version=\"1.0\"?>",
        "<?xml version=\"1.0\"?><!DOCTYPE html>",
        "<html><hosts></html>",
    ] {
        let read = Read::of(text);
        assert_eq!(read.error_code(), Some(DiagnosticCode::NotNmap), "{text}");
        assert!(read.hosts.is_empty() && read.runs.is_empty(), "{text}");
    }
    let error = Read::of("<?xml version=\"1.0\"?>\n<html>").error.unwrap();
    assert_eq!(error.position().map(|p| (p.byte, p.line)), Some((22, 2)));
}

#[test]
fn r1_input_that_ends_inside_the_header_has_no_rows_and_no_error() {
    for text in [
        "<nmaprun",
        "<nmaprun scanner=\"nm",
        "<?xml version=\"1.0\"?><!DOCTYPE nmaprun",
        "<?xml version=\"1.0\"?><!DOCTYPE nmaprun>\n<!-- ",
        "<?xml version=\"1.0\"?><!DOCTYPE nmaprun><nmapr",
    ] {
        let read = Read::of(text);
        assert!(read.error.is_none() && read.hosts.is_empty(), "{text}");
        assert!(read.runs.iter().all(|run| !run.has_scan), "{text}");
        assert!(read.codes().contains(&(DiagnosticCode::Truncated, 1)), "{text}");
    }
    for text in ["", " \n\t\r\n"] {
        let read = Read::of(text);
        assert!(read.error.is_none() && !read.runs[0].has_scan, "{text:?}");
        assert_eq!(read.codes(), [(DiagnosticCode::Empty, 1)], "{text:?}");
    }
}

#[test]
fn r2_the_end_of_input_closes_open_elements() {
    let read = Read::of(format!(
        "{HEAD}{}<host><address addr=\"192.0.2.2\"/><ports><port protocol=\"tcp\" portid=\"80\">\
         <state state=\"open\"/><service name=\"http\" prod",
        host(1)
    ));
    assert_eq!(read.complete(), [true, false]);
    assert_eq!((read.hosts[1].ports.len(), read.hosts[1].ports[0].services.len()), (1, 0));
    assert_eq!(read.codes(), [(DiagnosticCode::Truncated, 1)]);
    assert!(read.runs[0].truncated && read.runs[0].hosts_incomplete == 1);
}

#[test]
fn r3_a_raw_bracket_ends_a_tag_which_is_dropped() {
    let read = Read::of(format!(
        "{HEAD}<host><address addr=\"192.0.2.1\"/><address addr=\"00:00 vendor=\"x\"/>\
         <hostnames><hostname name=\"a\"/><hostname name=\"b\" type=<hostname name=\"c\"/></hostnames>\
         </host>{}</nmaprun>",
        host(2)
    ));
    assert_eq!(read.addresses(), ["192.0.2.1", "192.0.2.2"]);
    let names: Vec<_> = read.hosts[0].hostnames.iter().map(|n| &*n.name).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(read.complete(), [true, true]);
    assert_eq!(read.codes()[0], (DiagnosticCode::BrokenTag, 2));
}

/// Reads a document of `tests/data/damaged`.
fn damaged(name: &str) -> Read {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/damaged");
    Read::of(std::fs::read(format!("{folder}/{name}.xml")).unwrap())
}

#[test]
fn r3_markup_in_an_open_tag_opens_nothing() {
    for opener in
        ["<!-- ", "<?php ", "<?xml version='1.0'?><r", "<![CDATA[", "<!DOCTYPE x [", "<5 ", "< "]
    {
        for (before, behind) in [("\"", "\"/>"), ("\"", "/>"), ("", "/>"), ("'", "")] {
            let read = Read::of(format!(
                "{HEAD}<verbose level=\"1\" x={before}{opener}{behind}{}\
                 <host><hostnames><hostname name={before}{opener}{behind}</hostnames>\
                 <address addr=\"192.0.2.2\"/></host>{}</nmaprun>",
                host(1),
                host(3)
            ));
            let shown = format!("{before}{opener}{behind}");
            assert_eq!(read.addresses(), ["192.0.2.1", "192.0.2.2", "192.0.2.3"], "{shown}");
            assert_eq!(read.complete(), [true; 3], "{shown}");
            let broken =
                read.codes().into_iter().filter(|(code, _)| *code == DiagnosticCode::BrokenTag);
            assert!(broken.map(|(_, count)| count).sum::<i64>() >= 2, "{shown}");
            assert_eq!(read.runs.len(), 1, "{shown}");
        }
    }
    let read = damaged("comment-in-banner");
    assert_eq!((read.hosts.len(), read.runs.len()), (50, 1));
    assert!(read.codes().contains(&(DiagnosticCode::BrokenTag, 1)), "{:?}", read.codes());
}

#[test]
fn r3_output_appended_to_a_truncated_tag_is_a_scan() {
    let second = "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<!DOCTYPE nmaprun>\n<?x y?>\n<!-- z -->\n\
        <nmaprun args=\"b\">";
    for cut in ["<host><address addr=\"192.0.2.9\"/><ports><port portid=\"", "<verbose level"] {
        let read = Read::of(
            [
                format!("{HEAD}{}{cut}{second}<host comment=\"", host(1)).as_bytes(),
                b"\xfc\"></host></nmaprun>",
            ]
            .concat(),
        );
        assert_eq!((read.runs.len(), read.runs[0].truncated), (2, true), "{cut}");
        assert_eq!(read.hosts.last().unwrap().comment.as_deref(), Some("\u{fc}"), "{cut}");
        assert!(!read.codes().contains(&(DiagnosticCode::BadUtf8, 1)), "{cut}");
    }
}

#[test]
fn r3_a_dropped_start_tag_skips_nothing_after_it() {
    let read = damaged("start-tag-without-name");
    let run = &read.runs[0];
    assert!(run.stats.finished && !run.truncated);
    assert_eq!((run.scan_info.len(), read.hosts.len()), (1, 1));
    assert_eq!(read.codes()[0], (DiagnosticCode::BrokenTag, 2));

    // Inside a host, and where tags that exceed a limit are dropped.
    let read = Read::of(format!(
        "{HEAD}<host><addr=\"192.0.2.1\"><address addr=\"192.0.2.1\"/></host></nmaprun>"
    ));
    assert_eq!(read.addresses(), ["192.0.2.1"]);
    let limits = Limits::default().with_max_tag_bytes(80);
    let long = "x".repeat(100);
    let read = Read::with(
        format!(
            "{HEAD}<taskbegin x=\"{long}\"><scaninfo type=\"syn\"/><unknown x=\"{long}\"><verbose level=\"1\"/>\
             <host><address addr=\"192.0.2.1\"/><ports><port protocol=\"tcp\" portid=\"1\" x=\"{long}\"><state state=\"open\"/>\
             <port protocol=\"tcp\" portid=\"2\"><state state=\"open\"/></port></ports>\
             <times srtt=\"5\" x=\"{long}\"><distance value=\"3\"/></host>\
             <runstats><finished time=\"1700000002\"/></runstats></nmaprun>"
        ),
        Options::default().with_limits(limits),
    );
    let (run, host) = (&read.runs[0], &read.hosts[0]);
    assert_eq!((run.scan_info.len(), run.verbosity, run.stats.finished), (1, Some(1), true));
    assert_eq!((host.ports.len(), host.distance, host.complete), (1, Some(3), true));
    assert!(read.codes().contains(&(DiagnosticCode::Limit, 4)), "{:?}", read.codes());
}

#[test]
fn r8_a_processing_instruction_ends_at_a_bracket() {
    let read = damaged("instruction-without-end");
    assert_eq!(read.runs[0].header.args.as_deref(), Some("nmap -sT \u{1f600}192.0.2.27"));
    assert_eq!(read.addresses()[0], "192.0.2.27");
    let read = Read::of(format!(
        "{HEAD}<?a {}<host><?b <address addr=\"192.0.2.2\"/></host></nmaprun>",
        host(1)
    ));
    assert_eq!(read.addresses(), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(read.codes(), [(DiagnosticCode::BrokenTag, 2)]);
}

#[test]
fn r8_hosts_hidden_in_a_comment_are_counted() {
    let comment = format!("<!-- {} {} <hosts> <nmaprun> -->", host(8), host(9));
    for (text, count) in [
        (format!("{HEAD}{comment}{}</nmaprun>", host(1)), 3),
        (format!("{comment}{HEAD}{}</nmaprun>{comment}", host(1)), 6),
        (format!("{HEAD}<host><address addr=\"192.0.2.1\"/>{comment}</host></nmaprun>"), 3),
        (
            format!(
                "{HEAD}<host><address addr=\"192.0.2.1\"/><x y=\"<\"{comment}</host></nmaprun>"
            ),
            0,
        ),
        (format!("{HEAD}<host><address addr=\"192.0.2.1\"/><x =>{comment}</host></nmaprun>"), 3),
        (format!("{HEAD}<![CDATA[<host/> <host\n]]>{}</nmaprun>", host(1)), 2),
        (format!("<!DOCTYPE nmaprun [<!ENTITY a '<host>'>]>{HEAD}{}</nmaprun>", host(1)), 1),
    ] {
        let read = Read::of(&text);
        assert_eq!(read.addresses()[0], "192.0.2.1", "{text}");
        let hidden = read.codes().into_iter().filter(|(code, _)| *code == DiagnosticCode::Hidden);
        assert_eq!(hidden.map(|(_, count)| count).sum::<i64>(), count, "{text}");
    }
    let text = format!("{HEAD}\n<!-- {} -->{}</nmaprun>", host(8), host(1));
    let read = Read::of(&text);
    let found = &read.runs[0].diagnostics[0];
    let place = u64::try_from(text.find("<host").unwrap()).unwrap();
    assert_eq!((found.position.byte, found.position.line), (place, 2));
    let strict = Read::with(text, Options::default().with_strict(true));
    assert_eq!((strict.hosts.len(), strict.codes()), (0, vec![(DiagnosticCode::Hidden, 1)]));
}

#[test]
fn r9_a_doctype_holds_no_elements() {
    for doctype in ["<!DOCTYPE nmaprun [", "<!DOCTYPE nmaprun\">", "<!DOCTYPE nmaprun [<!ENTITY a"]
    {
        let read = Read::of(format!("<?xml version=\"1.0\"?>{doctype}{HEAD}{}</nmaprun>", host(1)));
        assert_eq!(
            (read.addresses(), read.codes()),
            (vec!["192.0.2.1"], vec![(DiagnosticCode::BrokenTag, 1)]),
            "{doctype}"
        );
    }
    let read = damaged("doctype-without-blank");
    assert_eq!((read.hosts.len(), read.error_code()), (0, Some(DiagnosticCode::NotNmap)));
}

#[test]
fn reading_ends_with_a_byte_order_mark_at_the_start_of_a_piece() {
    let read = damaged("byte-order-mark-in-piece");
    assert_eq!(read.error_code(), Some(DiagnosticCode::NotNmap));
    let read = Read::of(format!(
        "{HEAD}<x>\u{feff}<!-- a -->\u{feff}</x>\u{feff}{}</nmaprun>\u{feff}\n<",
        host(1)
    ));
    assert_eq!(read.addresses(), ["192.0.2.1"]);
}

#[test]
fn r4_elements_find_their_place_by_name() {
    let read = Read::of(format!(
        "{HEAD}<host><address addr=\"192.0.2.1\"/><ports><extraports state=\"closed\" count=\"9\">\
         <port protocol=\"tcp\" portid=\"22\"><state state=\"open\"/><service name=\"ssh\">\
         <port protocol=\"tcp\" portid=\"80\"><state state=\"open\"/>\
         <times srtt=\"5\" rttvar=\"6\" to=\"7\"/></host></nmaprun>"
    ));
    let host = &read.hosts[0];
    assert_eq!((host.ports.len(), host.extra_ports.len(), host.srtt_us), (2, 1, Some(5)));
    assert_eq!(host.ports[0].services[0].name.as_deref(), Some("ssh"));
    assert!(host.complete);
    assert_eq!(read.codes(), [(DiagnosticCode::ImplicitClose, 3)]);
}

#[test]
fn r4_elements_of_a_run_close_a_host_but_tasks_close_nothing() {
    let read = Read::of(format!(
        "{HEAD}<host><address addr=\"192.0.2.1\"/><ports>\
         <taskprogress task=\"x\" time=\"1700000001\" percent=\"1.5\"/>\
         <hosthint><status state=\"up\"/><address addr=\"192.0.2.77\"/></hosthint>\
         <port protocol=\"tcp\" portid=\"80\"><state state=\"open\"/></port></ports>\
         <runstats><finished time=\"1700000002\" exit=\"success\"/><hosts up=\"1\"/></runstats></nmaprun>"
    ));
    assert_eq!(
        (read.events, read.hosts[0].ports.len(), read.addresses()),
        (2, 1, vec!["192.0.2.1"])
    );
    assert_eq!(read.complete(), [false]);
    assert!(read.runs[0].stats.finished && !read.runs[0].truncated);
    assert_eq!(read.codes(), [(DiagnosticCode::ImplicitClose, 1)]);
}

#[test]
fn r4_misplaced_elements_are_skipped_with_their_content() {
    let read = Read::of(format!(
        "{HEAD}<host><hostname name=\"x\"><status state=\"down\"/></hostname>\
         <address addr=\"192.0.2.1\"/></host></nmaprun>"
    ));
    assert_eq!(read.addresses(), ["192.0.2.1"]);
    assert_eq!(read.hosts[0].status.state.as_str(), "unknown");
    assert_eq!(read.codes(), [(DiagnosticCode::Unknown, 1)]);
}

#[test]
fn r3_text_where_only_elements_may_occur_is_reported() {
    let ports = "<ports><port protocol=\"tcp\" portid=\"80\"><state state=\"open\"/>\
        <service name=\"http\"><cpe>cpe:/a:x</cpe></service></port></ports>";
    let whole = format!(
        "{HEAD}<verbose level=\"1\"/>{}</host><runstats><finished time=\"1\"/></runstats></nmaprun>",
        host(1).replace("</host>", &format!("{ports}\n"))
    );
    // One byte turns the element into text.
    for tag in [
        "<verbose",
        "<host>",
        "<status",
        "<address",
        "<ports",
        "<port ",
        "<state",
        "<service",
        "<cpe",
        "<finished",
    ] {
        let damaged = whole.replacen(tag, &tag.replace('<', "x"), 1);
        let read = Read::of(&damaged);
        let stray = read.runs[0].diagnostics.iter().find(|d| d.code == DiagnosticCode::StrayText);
        let stray = stray.unwrap_or_else(|| panic!("{tag}: {:?}", read.codes()));
        let place = u64::try_from(whole.find(tag).unwrap()).unwrap();
        assert_eq!((stray.count, stray.position.byte), (1, place), "{tag}");
    }
    let script = |inside: &str| {
        let read = Read::of(format!(
            "{HEAD}<prescript><script id=\"a\" output=\"b\">{inside}</script></prescript><host><hostscript>\
             <script id=\"a\" output=\"b\">{inside}</script></hostscript></host></nmaprun>"
        ));
        read.codes()
    };
    for inside in ["text", "<elem key=\"a\">text</elem>", "\n<table>\n<elem>a</elem>\n</table>\n"] {
        assert_eq!(script(inside), [], "{inside}");
    }
    for inside in [
        "text<elem>a</elem>",
        "<elem>a</elem>text",
        "<table>text<!-- a --> and more</table>",
        "<table><elem>a</elem><![CDATA[ text ]]></table>",
        "text<table/>text",
    ] {
        let count = if inside.starts_with("text<table") { 4 } else { 2 };
        assert_eq!(script(inside), [(DiagnosticCode::StrayText, count)], "{inside}");
    }
    // Markup around it splits the text; the pieces in which it arrives do not.
    let text = format!("{HEAD} a <!-- b --> c <?d?> e{}f{}g</nmaprun> h", host(1), host(2));
    assert_eq!(Read::of(text).codes(), [(DiagnosticCode::StrayText, 3)]);
    // Zenmap's copy of the terminal, elements of other tools, and text around documents.
    let text = format!(
        "{HEAD}<output type=\"interactive\">text</output><other>text</other></nmaprun>text"
    );
    assert_eq!(Read::of(text).codes(), [(DiagnosticCode::Unknown, 1)]);
}

#[test]
fn elements_whose_attribute_has_a_damaged_name_are_reported() {
    for (inside, damaged) in [
        ("<hostnames><hostname name=\"x\"/></hostnames>", "nbme=\"x\""),
        ("<os><osfingerprint fingerprint=\"x\"/></os>", "fingesprint=\"x\""),
        ("<address addr=\"192.0.2.1\"/>", "bddr=\"192.0.2.1\""),
        ("<hostscript><script id=\"x\" output=\"\"/></hostscript>", "ie=\"x\" output=\"\""),
        (
            "<ports><port protocol=\"udp\" portid=\"1\"><state state=\"open\"/></port></ports>",
            "prptocol=\"udp\" portid=\"1\"",
        ),
    ] {
        let whole = format!("{HEAD}<host>{inside}</host></nmaprun>");
        assert_eq!(Read::of(&whole).codes(), [], "{inside}");
        let name = damaged.split_once('=').unwrap().1;
        let at = whole.find(name).unwrap() - damaged.find('=').unwrap() - 1;
        let mut bytes = whole.into_bytes();
        bytes[at..at + damaged.len()].copy_from_slice(damaged.as_bytes());
        let read = Read::of(&bytes);
        assert_eq!(
            read.codes(),
            [(DiagnosticCode::MissingAttr, 1)],
            "{}",
            String::from_utf8_lossy(&bytes)
        );
    }
}

#[test]
fn r5_end_tags_close_up_to_their_element_or_nothing() {
    let read = Read::of(format!(
        "{HEAD}</ports><host></port><address addr=\"192.0.2.1\"/><ports><port protocol=\"tcp\" portid=\"1\">\
         <state state=\"open\"/></ports></host></nmaprun>"
    ));
    assert_eq!(read.hosts[0].ports.len(), 1);
    assert_eq!(read.codes(), [(DiagnosticCode::StrayEnd, 2), (DiagnosticCode::ImplicitClose, 1)]);
}

#[test]
fn r6_a_second_header_begins_a_new_scan() {
    let one = format!("<?xml version=\"1.0\"?>{HEAD}{}", host(1));
    for between in ["", "</nmaprun>\n text \n", "<host><address addr=\"192.0.2.9\"/>"] {
        for second in
            ["<?xml version=\"1.0\"?><nmaprun args=\"nmap y\">", "<nmaprun args=\"nmap y\">"]
        {
            let read = Read::of(format!("{one}{between}{second}{}</nmaprun>", host(2)));
            assert_eq!(read.runs.len(), 2);
            assert_eq!(read.addresses().last(), Some(&"192.0.2.2"));
            assert_eq!(read.hosts.last().unwrap().index, 0);
            assert_ne!(read.runs[0].header.scan_id, read.runs[1].header.scan_id);
            assert_eq!(read.runs[0].truncated, !between.starts_with("</nmaprun>"));
            assert_eq!(read.runs[1].header.doc_index, 1);
        }
    }
}

#[test]
fn r6_bytes_of_documents_add_up() {
    let text = format!(" {HEAD}</nmaprun>\n<?xml version=\"1.0\"?>{HEAD}{}</nmaprun>\n\n", host(1));
    let read = Read::of(&text);
    let sum: i64 = read.runs.iter().map(|run| run.bytes).sum();
    assert_eq!((read.runs.len(), sum), (2, i64::try_from(text.len()).unwrap()));
}

#[test]
fn r7_hosts_after_the_end_or_after_a_cut_host_continue_the_scan() {
    let stats = |up, elapsed| {
        format!(
            "<runstats><finished time=\"17000000{up}0\" elapsed=\"{elapsed}\" exit=\"success\"/>\
             <hosts up=\"{up}\" down=\"1\" total=\"{}\"/></runstats>",
            up + 1
        )
    };
    let read = Read::of(format!(
        "{HEAD}{}{}</nmaprun>\n{}{}</nmaprun>",
        host(1),
        stats(1, 1.5),
        host(2),
        stats(2, 2.25)
    ));
    assert_eq!((read.runs.len(), read.hosts[1].index), (1, 1));
    let run = &read.runs[0];
    assert!(run.resumed && !run.truncated && run.stats.finished);
    assert_eq!(run.stats.elapsed_s, Some(3.75));
    assert_eq!((run.stats.hosts.up, run.stats.hosts.total), (Some(3), Some(5)));
    assert_eq!(run.stats.end_time.map(Timestamp::seconds), Some(1_700_000_020));
    assert_eq!(read.codes(), [(DiagnosticCode::Resumed, 1)]);

    let cut =
        Read::of(format!("{HEAD}<host><address addr=\"192.0.2.1\"/><por{}</nmaprun>", host(2)));
    assert_eq!(cut.complete(), [false, true]);
    assert!(cut.runs[0].resumed);
    assert_eq!(cut.codes(), [(DiagnosticCode::BrokenTag, 1), (DiagnosticCode::ImplicitClose, 1)]);
}

#[test]
fn r8_unknown_elements_are_skipped_but_a_host_always_begins() {
    let read = Read::of(format!(
        "{HEAD}<x><x><port/></x><address addr=\"192.0.2.8\"/></x><y/><x/>\
         <host><z><ports></z><address addr=\"192.0.2.1\"/></host>\
         <output>text <host ><address addr=\"192.0.2.2\"/></host></nmaprun>"
    ));
    assert_eq!(read.addresses(), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(read.codes()[0], (DiagnosticCode::Unknown, 3), "each name once");
    let ended = Read::of(format!("{HEAD}<host><x><y></host>{}</nmaprun>", host(2)));
    assert_eq!(ended.complete(), [true, true], "the end of the host ends the skip");
}

#[test]
fn r8_comments_pis_and_cdata_are_understood_everywhere() {
    let read = Read::of(format!(
        "{HEAD}<!-- <port> -- </nmaprun> --><?x host > ?><host><!-- </host> -->\
         <address addr=\"192.0.2.1\"/><?p /host> ?><hostscript><script id=\"s\">\
         <elem>a<!-- b -->c<![CDATA[<host>&amp;]]></elem></script></hostscript></host></nmaprun>"
    ));
    assert_eq!(
        (read.addresses(), read.codes()),
        (vec!["192.0.2.1"], vec![(DiagnosticCode::Hidden, 1)])
    );
    let mut json = Vec::new();
    read.hosts[0].scripts[0].data.write_json(&mut json);
    assert_eq!(String::from_utf8(json).unwrap(), r#"["ac<host>&amp;"]"#);
}

#[test]
fn r8_openers_without_an_end_lose_their_opener() {
    let read = Read::of(format!("{HEAD}<!-- {}<host><![CDATA[ {}</nmaprun>", host(1), host(2)));
    assert_eq!(read.addresses(), ["192.0.2.1", "", "192.0.2.2"]);
    assert!(read.codes().contains(&(DiagnosticCode::BrokenTag, 2)));
    let far = format!("{HEAD}<!-- {}{} --></nmaprun>", " ".repeat(1 << 20), host(1));
    assert_eq!(Read::of(far).addresses(), ["192.0.2.1"], "no end within 1 MiB");
    let near = format!("{HEAD}<!-- {}{} --></nmaprun>", " ".repeat(1 << 19), host(1));
    assert_eq!(Read::of(near).hosts.len(), 0);
}

#[test]
fn r9_entities_are_neither_declared_nor_expanded() {
    let read = Read::of(format!(
        "<!DOCTYPE nmaprun [<!ENTITY a \"aaaa]>\"><!ENTITY b SYSTEM \"file:///etc/passwd\">\
         <!-- ]> <nmaprun> -->]>{HEAD}<host><address addr=\"192.0.2.1\"/>\
         <hostnames><hostname name=\"&a;&b;\"/></hostnames></host></nmaprun>"
    ));
    assert_eq!(read.hosts[0].hostnames[0].name, "&a;&b;");
    assert_eq!(
        read.codes(),
        [(DiagnosticCode::Dtd, 1), (DiagnosticCode::Hidden, 1), (DiagnosticCode::BadEntity, 2)]
    );
}

#[test]
fn a_bad_attribute_of_the_header_is_reported_once() {
    for name in ["scanner", "version", "args", "start", "startstr", "profile_name"] {
        let read = Read::of(format!("<nmaprun args=\"x\"></nmaprun><nmaprun {name}=\"17&v\"/>"));
        let of_header: Vec<_> = read.runs[1].diagnostics.iter().collect();
        let entities = of_header.iter().filter(|found| found.code == DiagnosticCode::BadEntity);
        assert_eq!(entities.map(|found| found.count).collect::<Vec<_>>(), [1], "{name}");
    }
}

#[test]
fn r10_values_tags_hosts_depth_and_attributes_are_capped() {
    let limits = Limits::default()
        .with_max_value_bytes(100)
        .with_max_tag_bytes(4000)
        .with_max_host_bytes(20_000);
    let options = || Options::default().with_limits(limits.clone());
    let long = |n| "x".repeat(n);

    let value = format!(
        "{HEAD}<host comment=\"{}\"><address addr=\"192.0.2.1\"/></host></nmaprun>",
        long(101)
    );
    let read = Read::with(value, options());
    assert_eq!(read.hosts[0].comment.as_deref().map(str::len), Some(100));
    assert_eq!((read.complete(), read.codes()), (vec![true], vec![(DiagnosticCode::Limit, 1)]));

    let tag = format!(
        "{HEAD}<host><hostnames><hostname name=\"a\" x=\"{}\"/><hostname name=\"b\"/></hostnames>\
         <address addr=\"192.0.2.1\"/></host></nmaprun>",
        long(4000)
    );
    let read = Read::with(tag, options());
    assert_eq!(
        (read.hosts[0].hostnames.len(), read.codes()),
        (1, vec![(DiagnosticCode::Limit, 1)])
    );

    let ports: String = each(1000, |n| {
        format!("<port protocol=\"tcp\" portid=\"{n}\"><state state=\"open\"/></port>")
    });
    let text = format!(
        "{HEAD}<host><address addr=\"192.0.2.1\"/><ports>{ports}</ports></host>{}</nmaprun>",
        host(2)
    );
    let read = Read::with(text, options());
    assert_eq!(read.complete(), [false, true]);
    assert!((300..500).contains(&read.hosts[0].ports.len()));
    // The last port may be truncated before its state.
    assert_eq!(read.codes()[0], (DiagnosticCode::Limit, 1));

    let deep = format!(
        "{HEAD}<host><address addr=\"192.0.2.1\"/><hostscript><script id=\"s\">{}<elem>y</elem>{}\
         </script></hostscript></host></nmaprun>",
        "<table>".repeat(10_000),
        "</table>".repeat(10_000)
    );
    let read = Read::of(deep);
    assert_eq!((read.complete(), read.codes()), (vec![true], vec![(DiagnosticCode::Limit, 1)]));

    let many = each(300, |n| format!(" a{n}=\"\""));
    let text =
        format!("{HEAD}<host><address addr=\"192.0.2.1\"{many} vendor=\"v\"/></host></nmaprun>");
    let read = Read::of(text);
    assert_eq!(read.hosts[0].addresses[0].vendor, None, "beyond the first 256");
    assert_eq!(
        (read.addresses(), read.codes()),
        (vec!["192.0.2.1"], vec![(DiagnosticCode::Limit, 1)])
    );
}

#[test]
fn r10_a_tag_that_exceeds_the_cap_between_hosts_is_dropped_while_it_streams() {
    let limits = Limits::default().with_max_tag_bytes(1000);
    for end in ["/>", "><address/></hosthint>"] {
        let text = format!(
            "{HEAD}{}<hosthint x=\"{}\"{end}{}</nmaprun>",
            host(1),
            ">".repeat(200_000),
            host(2)
        );
        let read = Read::with(text, Options::default().with_limits(limits.clone()));
        assert_eq!(read.addresses(), ["192.0.2.1", "192.0.2.2"], "{end}");
        assert_eq!((read.events, read.codes()), (0, vec![(DiagnosticCode::Limit, 1)]), "{end}");
    }
}

#[test]
fn r10_ports_of_a_host_are_capped() {
    let ports: String = each(20, |n| {
        format!("<port protocol=\"tcp\" portid=\"{n}\"><state state=\"open\"/></port>")
    });
    let limits = Limits::default().with_max_ports(10);
    let text = format!("{HEAD}<host><ports>{ports}</ports></host></nmaprun>");
    let read = Read::with(text, Options::default().with_limits(limits));
    assert_eq!((read.hosts[0].ports.len(), read.complete()), (10, vec![false]));
    assert_eq!(read.codes(), [(DiagnosticCode::Limit, 10)]);
}

#[test]
fn r11_the_first_of_two_equal_attributes_counts() {
    let read = Read::of(format!(
        "{HEAD}<host><address addr=\"192.0.2.1\" addr=\"192.0.2.2\"/></host></nmaprun>"
    ));
    assert_eq!(
        (read.addresses(), read.codes()),
        (vec!["192.0.2.1"], vec![(DiagnosticCode::DupAttr, 1)])
    );
}

#[test]
fn strict_reading_ends_at_the_first_warning_and_keeps_whole_hosts_before_it() {
    let strict = || Options::default().with_strict(true);
    let bad = "<host><address addr=\"192.0.2.2\"/><distance value=\"x\"/></host>";
    let read = Read::with(format!("{HEAD}{}{bad}{}</nmaprun>", host(1), host(3)), strict());
    assert_eq!(read.addresses(), ["192.0.2.1"]);
    assert_eq!(read.error_code(), Some(DiagnosticCode::Strict));
    assert_eq!(read.runs.len(), 1, "the hosts have their scan");
    let whole = Read::with(format!("{HEAD}{}</nmaprun>", host(1)), strict());
    assert!(whole.error.is_none() && whole.hosts.len() == 1);
    let cut = Read::with(format!("{HEAD}{}", host(1)), strict());
    assert_eq!((cut.hosts.len(), cut.error_code()), (1, Some(DiagnosticCode::Strict)));
}

#[test]
fn keys_of_a_scan_without_args_depend_on_its_first_host() {
    let masscan = "<?xml version=\"1.0\"?>\r\n<nmaprun scanner=\"masscan\" start=\"1610324225\" \
        version=\"1.0-BETA\" xmloutputversion=\"1.03\">\r\n<scaninfo type=\"syn\" protocol=\"tcp\"/>\r\n\
        <host endtime=\"1610324299\"><address addr=\"192.0.2.9\" addrtype=\"ipv4\"/><ports>\
        <port protocol=\"tcp\" portid=\"443\"><state state=\"open\" reason=\"syn-ack\" \
        reason_ttl=\"64\"/></port></ports></host>\r\n<runstats><finished time=\"1610324310\"/>\
        <hosts up=\"1\" down=\"0\" total=\"1\"/></runstats>\r\n</nmaprun>";
    let read = Read::of(masscan);
    assert_eq!(read.runs[0].header.scan_id, "8a868a560ce9ea9067df5349da80df73");
    let status = &read.hosts[0].status;
    assert_eq!((status.state.as_str(), status.reason.as_deref()), ("up", Some("inferred")));
    let bare = Read::of("<nmaprun><runstats><finished time=\"5\"/></runstats></nmaprun>");
    let other = Read::of("<nmaprun><runstats><finished time=\"6\"/></runstats></nmaprun>");
    assert_ne!(bare.runs[0].header.scan_id, other.runs[0].header.scan_id);
}

#[test]
fn masscan_banners_without_state_are_open_ports() {
    let read = Read::of(
        "<nmaprun scanner=\"masscan\"><host endtime=\"5\"><address addr=\"2001:DB8::1\" addrtype=\"ipv4\"/>\
         <ports><port protocol=\"TCP\" portid=\"80\"><service><banner>HTTP/1.0</banner></service></port>\
         <port protocol=\"tcp\" portid=\"81\"><service name=\"x\"/></port>\
         <port protocol=\"tcp\" portid=\"80\"><state state=\"closed\"/><service name=\"title\" banner=\"t\"/>\
         </port><port protocol=\"tcp\" portid=\"70000\"><state state=\"open\"/></port></ports></host></nmaprun>",
    );
    let host = &read.hosts[0];
    assert_eq!(read.addresses(), ["2001:db8::1"]);
    assert_eq!((host.ports.len(), host.ports[0].services.len()), (1, 2));
    assert_eq!(host.ports[0].state.as_str(), "open");
    assert_eq!(
        read.codes(),
        [
            (DiagnosticCode::Addrtype, 1),
            (DiagnosticCode::PortDropped, 2),
            (DiagnosticCode::DupPort, 1)
        ]
    );
}

#[test]
fn utf16_input_reads_like_utf8_and_positions_count_input_bytes() {
    let text = format!("{HEAD}<host comment=\"\u{fc}&x;\"></host></nmaprun>");
    let plain = Read::of(&text);
    let wide: Vec<u8> =
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let read = Read::of(&wide);
    assert_eq!(read.hosts, plain.hosts);
    assert_eq!(read.runs[0].bytes, i64::try_from(wide.len()).unwrap());
    let byte = read.runs[0].diagnostics[0].position.byte;
    let index = text.find("&x;").unwrap();
    assert_eq!(byte, u64::try_from(2 + 2 * text[..index].encode_utf16().count()).unwrap());
}

#[test]
fn legacy_encodings_are_read_as_declared() {
    let read = Read::of(
        [
            b"<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>".as_slice(),
            HEAD.as_bytes(),
            b"<host comment=\"f\xfcr\"></host></nmaprun>",
        ]
        .concat(),
    );
    assert_eq!(read.hosts[0].comment.as_deref(), Some("f\u{fc}r"));
    assert_eq!(read.codes(), []);
    let undeclared =
        Read::of([HEAD.as_bytes(), b"<host comment=\"f\xfcr\"></host></nmaprun>"].concat());
    assert_eq!(undeclared.hosts[0].comment.as_deref(), Some("f\u{fc}r"));
    assert_eq!(undeclared.codes(), [(DiagnosticCode::BadUtf8, 1)]);
}

#[test]
fn the_digest_of_a_document_covers_its_bytes() {
    let one = format!("\u{feff}{HEAD}\0{}</nmaprun>\n\0\0", host(1));
    let two = format!("<?xml version=\"1.0\"?>{HEAD}</nmaprun>\n");
    let digest = |text: &str| {
        let read = Read::with(text, Options::default().with_hash(true));
        read.runs.iter().map(|run| run.content_sha256.clone().unwrap()).collect::<Vec<_>>()
    };
    let joined = digest(&format!("{one}{two}"));
    assert_eq!(joined, [digest(&one), digest(&two)].concat());
    assert_eq!(joined[1].len(), 64);
}

#[test]
fn strict_reading_returns_no_truncated_host() {
    let text = format!("{HEAD}{}<host><address addr=\"192.0.2.9\"/>", host(1));
    let read = Read::with(&text, Options::default().with_strict(true));
    assert_eq!((read.hosts.len(), read.codes()), (1, vec![(DiagnosticCode::Truncated, 1)]));
    assert!(read.error.is_some());
}

#[test]
fn strict_reading_does_not_report_its_own_end_as_truncation() {
    let text = format!("{HEAD}{}<host starttime=\"x\"></host>{}</nmaprun>", host(1), host(3));
    let read = Read::with(&text, Options::default().with_strict(true));
    assert_eq!((read.hosts.len(), read.codes()), (1, vec![(DiagnosticCode::BadNumber, 1)]));
    assert!(!read.runs[0].truncated);
}

#[test]
fn r10_start_tags_of_scans_and_hosts_that_exceed_the_cap_lose_their_attributes_with_a_warning() {
    let options = || {
        let limits = scanmill::limits::Limits::default().with_max_tag_bytes(100);
        Options::default().with_limits(limits)
    };
    let long = "x".repeat(200);
    let read = Read::with(
        format!(
            "<nmaprun args=\"n\"><host comment=\"{long}\"><address addr=\"192.0.2.1\"/></host></nmaprun>"
        ),
        options(),
    );
    assert_eq!(
        (read.addresses(), read.codes()),
        (vec!["192.0.2.1"], vec![(DiagnosticCode::Limit, 1)])
    );
    assert_eq!(read.hosts[0].comment, None);
    let read = Read::with(format!("<nmaprun args=\"{long}\">{}</nmaprun>", host(1)), options());
    assert_eq!((read.hosts.len(), read.codes()), (1, vec![(DiagnosticCode::Limit, 1)]));
}

#[test]
fn r8_foreign_elements_after_a_scan_are_reported() {
    let read = Read::of(format!("{HEAD}{}</nmaprun><html/>", host(1)));
    assert_eq!((read.hosts.len(), read.codes()), (1, vec![(DiagnosticCode::Unknown, 1)]));
}
