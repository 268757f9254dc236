//! `merge` with more data than its memory holds, under faults: the same result, or exit code 4.

use std::fmt::Write as _;

use super::{Ended, Tree, Trial, folder, full, tree};

/// Returns hosts with so much text that those of two scans do not fit into the smallest memory.
fn sweep(name: &str) -> String {
    let mut xml = format!("<nmaprun scanner=\"nmap\" args=\"{name}\" start=\"1700000000\">\n");
    let text = "0123456789abcdef".repeat(512);
    for host in 0..4000_u32 {
        let [_, a, b, c] = host.to_be_bytes();
        writeln!(
            xml,
            "<host><status state=\"up\"/><address addr=\"10.{a}.{b}.{c}\" addrtype=\"ipv4\"/><ports><port \
             protocol=\"tcp\" portid=\"80\"><state state=\"open\"/><script id=\"banner\" output=\"{text}\"/></port></ports></host>"
        )
        .unwrap();
    }
    xml.push_str("<runstats><finished time=\"1700000100\"/></runstats></nmaprun>\n");
    xml
}

/// Returns a folder with two scans, and their paths.
fn scans() -> (tempfile::TempDir, [String; 2]) {
    let folder = folder();
    let paths = ["a", "b"].map(|name| {
        let path = folder.path().join(name);
        std::fs::write(&path, sweep(name)).unwrap();
        path.display().to_string()
    });
    (folder, paths)
}

#[test]
fn a_fault_while_spilling_gives_the_same_result_or_ends_with_4() {
    let (_inputs, [a, b]) = scans();
    let args = ["-q", "merge", &a, &b, "-o", "out.jsonl", "--memory", "128M", "--temp-dir", "."];
    let before = Tree::new();
    let trial = Trial { name: "spill", args: &args, before: &before, stride: 1 };
    let (clean, calls) = trial.clean("only=create,write");
    // Files without a name, in the order in which they are created and written.
    let of_spill = |kind: &str, is_spill: fn(&str) -> bool| -> Vec<usize> {
        let fits = |call: &(String, String)| call.0 == kind && is_spill(&call.1);
        calls.iter().enumerate().filter(|(_, call)| fits(call)).map(|(at, _)| at + 1).collect()
    };
    let made = of_spill("create", |path| matches!(path, "." | ""));
    let written = of_spill("write", |path| path.ends_with("(deleted)"));
    assert!(made.len() > 10 && written.len() > 10, "nothing is spilled: {calls:?}");
    for (at, fault) in [
        (made[made.len() / 2], "before errno=EMFILE"),
        (written[0], "short"),
        (written[written.len() / 2], "before errno=EIO"),
        (written[written.len() / 3], "from errno=ENOSPC"),
    ] {
        let folder = trial.prepare();
        let plan = format!("only=create,write at={at} fault={fault}");
        let Ended { code, said } = trial.run(folder.path(), &plan);
        let found = tree(folder.path());
        if fault == "short" {
            assert!(code == Some(0) && found == clean, "{plan}: {said}, {:?}", found.keys());
        } else {
            assert_eq!(code, Some(4), "{plan}: {said}");
            assert!(said.contains("a temporary file in"), "{plan}: {said}");
            assert_eq!(found.len(), 1, "{plan}: {:?}", found.keys());
        }
    }
}

#[test]
fn a_full_disk_while_spilling_ends_with_4() {
    let (_inputs, [a, b]) = scans();
    let args =
        ["-q", "merge", &a, &b, "-o", "out.jsonl", "--memory", "128M", "--temp-dir", "small"];
    let Some(full) = full::run("a_full_disk_under_what_is_spilled", "200k", false, &args) else {
        return;
    };
    assert_eq!(full.ended, "exit 4\n", "{}", full.said);
    let said = full.said;
    assert!(said.contains("a temporary file in") && said.contains("No space"), "{said}");
}
