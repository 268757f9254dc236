//! Rule R1: text that begins a scan, and text that only mentions one.

use std::fs;

use scanmill::error::DiagnosticCode;

use crate::support::{Outcome, root};

fn is_refused(text: &str) -> String {
    let outcome = Outcome::of(text.as_bytes());
    let error = outcome.error.clone().unwrap_or_default();
    assert!(error.contains("E_NOT_NMAP"), "{text}: {outcome:?}");
    assert!(outcome.events.is_empty(), "{text}: {outcome:?}");
    pieces_agree(text, &outcome);
    error
}

fn is_read(text: &str, hosts: usize) -> Outcome {
    let outcome = Outcome::of(text.as_bytes());
    assert_eq!(outcome.error, None, "{text}");
    assert_eq!((outcome.hosts().len(), outcome.runs().len()), (hosts, 1), "{text}");
    pieces_agree(text, &outcome);
    outcome
}

fn pieces_agree(text: &str, whole: &Outcome) {
    for size in [1, 2, 3, 7, 100] {
        let pieces = Outcome::of_pieces(text.as_bytes().chunks(size));
        assert!(pieces == *whole, "{text} in pieces of {size}");
    }
}

#[test]
fn r1_text_that_mentions_hosts_is_not_a_scan() {
    for text in [
        "nmap -sV -oX scan.xml <host>\n",
        "ssh admin@<host>\n",
        "<hosts><host name=\"rack1\"/></hosts>\n",
        "<host></host>",
        "<host/>",
        "<host>",
        "<host>\n<p>none of ours</p></host>",
        "<host name=\"starttime\">text</host>",
        "<host data-starttime=\"1\"/>",
        "usage: scp <host>:<path> [<host>:]<path>",
        "let xml = \"<host><status state=\\\"up\\\"/><address addr=\\\"192.0.2.1\\\"/></host>\";",
        "printf '<host starttime=%s>' x",
        "The element <host> holds <status> and <address>.",
        "<?xml version=\"1.0\"?><host name=\"rack1\"><service>ssh</service></host>",
        "The element `<nmaprun>` is the root; `<host>` is a host.",
        "Each `<nmaprun ...>` has hosts.",
        "<p>An <nmaprun/> without anything</p>",
        "a <!DOCTYPE html> <host> b",
        "<host comment='x'><x/></host>",
        "<host name=\"x\"><hostnames/></host>",
        "<host><address addr=\"%s\"/></host>",
        "<host><address addr=\"{{ ip }}\" addrtype=\"ipv4\"/></host>",
        "x = '<host><status state=\"up\"/></host>'",
        "x = '<host><status state=\"up\" reason=\"%s\"/><address addr=\"%s\" addrtype=\"ipv4\"/></host>'",
        "x = '<host starttime=\"$start\"><status state=\"up\"/></host>'",
        "x <nmaprun foo=\"bar\"> and text",
        "<?xml version=\"1.0\"?><output>text</output>",
        "<?xml version=\"1.0\"?><target name=\"all\"/>",
        "<?xml version=\"1.0\"?><verbose>true</verbose>",
        "<?xml version=\"1.0\"?><x><host comment=\"a server\"/><host><status state=\"up\"/></host></x>",
        "<?xml version=\"1.0\"?><x>see <nmaprun> <b>and</b></x><?xml version=\"1.0\"?><y/>",
        "<?xml version=\"1.0\"?><x><![CDATA[<host><status state=\"up\"/></host>]]></x>",
    ] {
        is_refused(text);
    }
    for name in ["README.md", "inventory.txt"] {
        let path = root().join("tests/data/folder").join(name);
        is_refused(&fs::read_to_string(path).unwrap());
    }
}

#[test]
fn r1_a_host_of_nmap_begins_a_scan_after_any_text() {
    for (text, hosts) in [
        ("<host starttime=\"1\" endtime=\"2\"><status state=\"up\"/></host>", 1),
        ("<host starttime=\"1\"></host>", 1),
        ("<host timedout=\"true\"/>", 1),
        ("<host><status state=\"up\"/></host>", 1),
        ("<host>\n<!-- a comment --> <address addr=\"192.0.2.1\"/></host>", 1),
        ("<host name=\"x\"><hostnames/><times srtt=\"9\"/></host>", 1),
        ("<host><ports><port portid=\"1\"><state state=\"open\"/></port></ports></host>", 1),
        (
            "portid=\"1\"/></ports></host>\n<host><status state=\"up\" reason=\"syn-ack\"/></host>",
            1,
        ),
        (
            "see <host> and\n<host><status state=\"up\"/><address addr=\"192.0.2.1\"/></host>\n<host/></nmaprun>",
            2,
        ),
        ("<host <status state=\"up\"/></host>", 1),
        ("<?xml version=\"1.0\"?>\n<host><times srtt=\"1\"/></host>", 1),
    ] {
        let outcome = is_read(text, hosts);
        let codes: Vec<_> = outcome.runs()[0].diagnostics.iter().map(|d| d.code).collect();
        assert!(codes.contains(&DiagnosticCode::NoHeader), "{text}: {codes:?}");
    }
}

#[test]
fn r1_a_scan_without_attributes_begins_if_an_element_of_nmap_follows() {
    let fatal = "<nmaprun><runstats><finished time=\"1\" exit=\"error\"/></runstats></nmaprun>";
    is_read(fatal, 0);
    is_read(&format!("dnet: Failed to open device eth9\nQUITTING!\n{fatal}"), 0);
    is_read("QUITTING!\n<nmaprun>\n", 0);
    is_read("<nmaprun></nmaprun>", 0);
    is_read("<nmaprun/>", 0);
    is_read("text <nmaprun>\n<!-- x --><host><status state=\"up\"/></host></nmaprun>", 1);
    is_read("text <nmaprun><host/></nmaprun>", 1);
}

/// Damage to a file without DOCTYPE, as masscan and old versions of nmap write it.
#[test]
fn r1_a_scan_after_another_root_is_read_and_reported() {
    let host =
        "<host endtime=\"1610324299\"><address addr=\"192.0.2.9\" addrtype=\"ipv4\"/></host>";
    let rest = format!("<scaninfo type=\"syn\" protocol=\"tcp\"/>\r\n{host}{host}</nmaprun>");
    let attributes = "scanner=\"masscan\" start=\"1610324225\" version=\"1.0-BETA\"";
    for (head, infos) in [
        (format!("<nmaprum {attributes}>"), 1),
        (format!("<nmaprun scanner=\"masscan\"<{attributes}>"), 1),
        (format!("\u{1}nmaprun {attributes}>"), 1),
        ("<report>".to_owned(), 1),
        ("<report><x>text</x><host name=\"a\"/>".to_owned(), 1),
    ] {
        let text = format!("<?xml version=\"1.0\"?>\n<!-- masscan v1.0 scan -->\n{head}\r\n{rest}");
        let outcome = is_read(&text, 2);
        let record = outcome.runs()[0];
        assert_eq!(record.scan_info.len(), infos, "{head}");
        assert!(
            outcome.warnings().iter().any(|(code, _)| *code == DiagnosticCode::NoHeader),
            "{head}"
        );
    }
    // Hosts without a header, and a scan with a declaration of its own, after a document of another kind.
    let outcome = is_read(&format!("<?xml version=\"1.0\"?><x><y/>{host}</x>"), 1);
    assert_eq!(outcome.warnings()[0], (DiagnosticCode::Unknown, 1));
    let scan = format!("<?xml version=\"1.0\"?><nmaprun {attributes}>{rest}");
    let outcome = is_read(&format!("<?xml version=\"1.0\"?>\n<x/>{scan}"), 2);
    assert_eq!(outcome.warnings(), [(DiagnosticCode::Unknown, 1)]);
    let found = &outcome.runs()[0].diagnostics[0];
    assert_eq!((found.position.byte, found.position.line), (22, 2));
    // A declaration inside a host: the hosts after it are a scan without header.
    let text = format!(
        "<nmaprun {attributes}><host><?xml version=\"1.0\"?><status state=\"up\"/></host>{host}{host}"
    );
    let outcome = Outcome::of(text.as_bytes());
    assert_eq!((outcome.hosts().len(), outcome.runs().len()), (3, 2));
    pieces_agree(&text, &outcome);
}

#[test]
fn a_hidden_scan_is_reported_even_if_the_input_is_refused() {
    let host =
        "<host endtime=\"1610324299\"><address addr=\"192.0.2.9\" addrtype=\"ipv4\"/></host>";
    for text in [
        format!("<?xml version=\"1.0\"?><!-- <nmaprun scanner=\"masscan\">{host} -->"),
        format!("<!-- {host} --> text"),
        format!("<?xml version=\"1.0\"?><x><![CDATA[{host}]]></x>"),
    ] {
        let outcome = Outcome::of(text.as_bytes());
        assert!(outcome.error.clone().unwrap_or_default().contains("E_NOT_NMAP"), "{text}");
        assert!(outcome.hosts().is_empty() && !outcome.runs()[0].has_scan, "{text}");
        let hidden = text.matches("<host").count() + text.matches("<nmaprun").count();
        let expected = (DiagnosticCode::Hidden, i64::try_from(hidden).unwrap());
        assert_eq!(outcome.warnings(), [expected], "{text}");
        pieces_agree(&text, &outcome);
    }
}

#[test]
fn r8_inside_a_scan_every_host_element_is_a_host() {
    is_read("<nmaprun args=\"x\"><host/><host>text</host></nmaprun>", 2);
    is_read("<!DOCTYPE nmaprun><host>text</host>", 1);
}

#[test]
fn r7_text_after_a_scan_is_not_one_of_its_hosts() {
    let scan = "<nmaprun args=\"x\"><host><status state=\"up\"/></host></nmaprun>";
    let outcome = is_read(&format!("{scan}\nThen run it on <host> again."), 1);
    assert!(!outcome.runs()[0].resumed);
    let resumed = is_read(&format!("{scan}\n<host starttime=\"1\"></host></nmaprun>"), 2);
    assert!(resumed.runs()[0].resumed);
}

#[test]
fn r1_xml_quoted_in_other_text_is_refused_with_a_hint() {
    let xml = "<?xml version=\"1.0\"?>\n<!DOCTYPE nmaprun>\n<nmaprun scanner=\"nmap\" args=\"x\">\n\
        <host><status state=\"up\"/><address addr=\"192.0.2.1\"/></host></nmaprun>";
    let json = serde_json::json!({ "xml": xml }).to_string();
    assert!(is_refused(&json).contains("quoted string"));
    let twice = serde_json::json!({ "json": json }).to_string();
    assert!(is_refused(&twice).contains("quoted string"));
    let csv = format!("id,xml\n1,\"{}\"\n", xml.replace('"', "\"\""));
    assert!(is_refused(&csv).contains("quoted string"));
    // Text in single quotes is not escaped.
    let single = xml.replace('"', "'").replace('\n', "");
    let commented = format!("<!-- \u{e9} -->{single}");
    for xml in [&single, &commented] {
        for json in [
            serde_json::json!({ "xml": xml }).to_string(),
            serde_json::json!([1, true, null, ["a\"b\\", xml]]).to_string(),
            format!("{{\"a\": -1.5e3}}\n{}\n{{}}\n", serde_json::json!({ "x": { "xml": xml } })),
            serde_json::to_string_pretty(&serde_json::json!([{ "a": "<host>", "xml": xml }]))
                .unwrap(),
            serde_json::json!(xml).to_string(),
        ] {
            assert!(is_refused(&json).contains("quoted string"), "{json}");
        }
    }
    // Text that is not JSON, or whose JSON has ended, is text before a scan.
    for text in ["[*] Running \"nmap", "{\"a\": \"b\"}\n", "\"a\nb"] {
        let read = is_read(&format!("{text}{single}"), 1);
        assert_eq!(read.runs()[0].diagnostics[0].code, DiagnosticCode::LeadingJunk, "{text}");
    }
    for escaped in [
        xml.replace('<', "&lt;").replace('>', "&gt;"),
        json.replace('<', "\\u003c").replace('>', "\\u003e"),
    ] {
        assert!(is_refused(&escaped).contains("escaped"), "{escaped}");
    }
}
