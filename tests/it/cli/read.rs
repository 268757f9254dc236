//! Which inputs are read, and the options for reading.

use std::{fmt::Write as _, fs};

use sha2::{Digest as _, Sha256};

use super::{Folder, GOOD, ends, ends_as, program, refuses, xml};
use crate::support;

/// Creates a folder with two scans and other files.
fn mixed() -> Folder {
    let folder = Folder::new();
    fs::create_dir(folder.path("sub")).unwrap();
    fs::copy(xml("01-tcp-connect-default.xml"), folder.path("sub/late.xml")).unwrap();
    fs::copy(xml(GOOD), folder.path("a.scan")).unwrap();
    fs::copy(xml(GOOD), folder.path(".hidden.xml")).unwrap();
    folder.write("notes.txt", "nothing to see");
    folder.write("page.xml", "<html><body>no scan</body></html>");
    folder
}

#[test]
fn files_in_a_folder_that_are_not_scans_are_skipped_and_counted() {
    let folder = mixed();
    let ran = ends(0, &["convert", "-v", &folder.path("")]);
    let scans: Vec<_> = ran.json().into_iter().filter(|line| line["_type"] == "scan").collect();
    let sources: Vec<_> = scans.iter().map(|scan| scan["source"].as_str().unwrap()).collect();
    assert_eq!(sources, [folder.path("a.scan"), folder.path("sub/late.xml")]);
    assert!(ran.stderr.contains("2 read, 2 skipped (no nmap XML)"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("error"), "{}", ran.stderr);
}

#[test]
fn no_host_in_a_folder_is_lost_silently() {
    let folder = mixed();
    let host =
        "<host endtime=\"1610324299\"><address addr=\"192.0.2.9\" addrtype=\"ipv4\"/></host>";
    let head = "scanner=\"masscan\" start=\"1610324225\" version=\"1.0-BETA\"";
    folder.write(
        "damaged.xml",
        format!("<?xml version=\"1.0\"?>\n<nmaprum {head}>\n{host}{host}</nmaprun>\n"),
    );
    folder.write(
        "hidden.xml",
        format!("<?xml version=\"1.0\"?>\n<!--\n<nmaprun {head}>\n{host}</nmaprun> -->\n"),
    );
    let ran = ends(0, &["convert", &folder.path("")]);
    let hosts = ran.json().into_iter().filter(|line| line["ip"] == "192.0.2.9");
    assert_eq!(hosts.count(), 2);
    for warning in [
        "damaged.xml:2: W_UNKNOWN",
        "damaged.xml:2: W_NO_HEADER",
        "hidden.xml:3: W_HIDDEN (2 times)",
    ] {
        assert!(ran.stderr.contains(warning), "{warning}: {}", ran.stderr);
    }
    let ran = ends(3, &["convert", &folder.path("hidden.xml")]);
    assert!(ran.stderr.contains("E_NOT_NMAP") && ran.stderr.contains("W_HIDDEN"), "{}", ran.stderr);
}

/// Highly compressible data first, then incompressible data.
#[test]
fn a_compressed_pipe_is_refused_like_a_file_of_the_same_bytes() {
    let folder = Folder::new();
    let scan = fs::read(xml(GOOD)).unwrap();
    let mut noise = 1_u64;
    let noise: Vec<u8> = (0..40_000)
        .map(|_| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            b'!' + u8::try_from(noise >> 40 & 31).unwrap()
        })
        .collect();
    for (blanks, code) in [(20 << 20, 0), (60 << 20, 3)] {
        let comment = [b"<!-- ", &*noise, b" -->"].concat();
        let text = [&vec![b' '; blanks], &*scan, &comment].concat();
        let bytes = zstd::encode_all(&*text, 3).unwrap();
        let path = folder.write("a.zst", &bytes);
        let file = ends(code, &["convert", &path]);
        let mut command = program();
        command.args(["convert", "-"]);
        let pipe = ends_as(code, command, &bytes);
        assert_eq!(pipe.lines().len(), file.lines().len(), "{blanks}");
        assert!(!pipe.stderr.contains("W_EMPTY"), "{}", pipe.stderr);
        for ran in [&file, &pipe] {
            assert_eq!(ran.stderr.contains("1000 times its size"), code == 3, "{}", ran.stderr);
        }
    }
}

#[test]
fn a_named_file_that_is_not_a_scan_is_an_error() {
    let folder = mixed();
    let ran = ends(1, &["convert", &folder.path("page.xml"), &folder.path("a.scan")]);
    assert!(ran.stderr.contains("page.xml:1: E_NOT_NMAP"), "{}", ran.stderr);
    assert_eq!(ran.lines().len(), 4);
}

#[test]
fn a_folder_without_a_scan_ends_with_3_and_a_message() {
    let folder = Folder::new();
    let path = folder.path("");
    for command in ["convert", "inspect"] {
        let ran = ends(3, &[command, &path]);
        assert_eq!(ran.stderr, "error: no files found\n");
    }
    folder.write("a.txt", "a");
    let ran = ends(3, &["convert", &path]);
    assert_eq!(ran.stderr, "error: no nmap XML found, only a file of another kind\n");
    folder.write("b.txt", "b");
    let ran = ends(3, &["convert", "-q", &path]);
    assert_eq!(ran.stderr, "error: no nmap XML found, only 2 files of other kinds\n");
}

#[test]
fn standard_input_is_read_in_the_position_in_which_it_is_named() {
    let mut command = program();
    command.args(["convert", &xml("01-tcp-connect-default.xml"), "-"]);
    let ran = ends_as(0, command, &fs::read(xml(GOOD)).unwrap());
    let scans: Vec<_> = ran.json().into_iter().filter(|line| line["_type"] == "scan").collect();
    assert_eq!((scans.len(), &scans[1]["source"]), (2, &"-".into()));
}

#[test]
fn a_name_that_begins_with_a_dash_follows_two_dashes() {
    let folder = Folder::new();
    fs::copy(xml(GOOD), folder.path("-scan.xml")).unwrap();
    let mut command = program();
    command.current_dir(folder.path("")).args(["convert", "--", "-scan.xml"]);
    assert_eq!(ends_as(0, command, b"").lines().len(), 4);
}

#[test]
fn the_hash_covers_the_document() {
    let args = ["convert", &xml(GOOD), "--table", "scans", "--columns", "content_sha256"];
    assert!(ends(0, &args).json()[0]["content_sha256"].is_null());
    let mut hex = String::new();
    for byte in Sha256::digest(fs::read(xml(GOOD)).unwrap()) {
        write!(hex, "{byte:02x}").unwrap();
    }
    let ran = ends(0, &[&args[..], &["--hash"]].concat());
    assert_eq!(ran.json()[0]["content_sha256"], hex);
}

#[test]
fn salt_changes_every_id_deterministically() {
    let id = |options: &[&str]| {
        let args = ["convert", &xml(GOOD), "--table", "scans", "--columns", "scan_id"];
        ends(0, &[&args, options].concat()).json()[0]["scan_id"].clone()
    };
    let (plain, north) = (id(&[]), id(&["--scan-salt", "north"]));
    assert_ne!(plain, north);
    assert_ne!(north, id(&["--scan-salt", "south"]));
    assert_eq!(north, id(&["--scan-salt", "north"]));
}

#[test]
fn a_limit_truncates_and_warns() {
    let ran = ends(0, &["convert", "-v", &xml(GOOD), "--max-ports", "2"]);
    assert!(ran.stderr.contains("W_LIMIT"), "{}", ran.stderr);
    for host in &ran.json()[..3] {
        assert_eq!(host["ports"].as_array().unwrap().len(), 2);
    }
    let ran = ends(0, &["convert", "-v", &xml(GOOD), "--max-items", "1"]);
    assert!(ran.stderr.contains("W_LIMIT"), "{}", ran.stderr);
    assert!(ran.json().iter().any(|line| line["complete"] == false));
    refuses(&["convert", &xml(GOOD), "--max-ports", "few"], &["--max-ports", "few"]);
}

#[test]
fn text_is_repaired_unless_that_is_disabled() {
    let folder = Folder::new();
    let input = folder.write(
        "scan.xml",
        r#"<nmaprun scanner="nmap" args="nmap" start="1"><host><status state="up"/>
<address addr="192.0.2.1" addrtype="ipv4"/><hostscript><script id="x" output="&#xe2;&#x82;&#xac;"/>
</hostscript></host></nmaprun>"#,
    );
    let args = ["convert", &input, "--table", "scripts", "--columns", "output"];
    assert_eq!(ends(0, &args).json()[0]["output"], "\u{20ac}");
    let ran = ends(0, &[&args[..], &["--no-text-repair"]].concat());
    assert_eq!(ran.json()[0]["output"], "\u{e2}\u{82}\u{ac}");
}

#[test]
fn a_memory_cap_lowers_limits_and_does_not_change_other_output() {
    refuses(&["convert", &xml(GOOD), "--memory", "100M"], &["--memory 100M", "128M"]);
    let fixtures = support::root().join("fixtures").to_str().unwrap().to_owned();
    let all = ends(0, &["convert", &fixtures]).stdout;
    for memory in ["128M", "300M", "8G"] {
        assert_eq!(ends(0, &["convert", &fixtures, "--memory", memory]).stdout, all);
    }
    // A host of 3 MiB is too large for the smallest cap, unless the limit is set explicitly.
    let folder = Folder::new();
    let port = "<port protocol=\"tcp\" portid=\"1\"><state state=\"open\"/></port>\n";
    let host = format!("<nmaprun><host><ports>{}</ports></host></nmaprun>", port.repeat(50_000));
    let large = folder.write("large.xml", host);
    let says = |args: &[&str]| ends(0, &[&["convert", &large, "-q"], args].concat()).stdout;
    let cut = "\"complete\":false";
    assert!(!says(&[]).contains(cut) && says(&["--memory", "128M"]).contains(cut));
    assert!(!says(&["--memory", "128M", "--max-host", "64M"]).contains(cut));
}
