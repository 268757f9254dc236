//! `merge` with more than its memory holds: the same result, or exit code 4.

use std::fmt::Write as _;

use super::{Tree, Trial, folder, tree};

/// Hosts that do not fit into the least memory.
fn sweep(hosts: u32, name: &str) -> String {
    let mut xml = format!("<nmaprun scanner=\"nmap\" args=\"{name}\" start=\"1700000000\">\n");
    for host in 0..hosts {
        let [_, a, b, c] = host.to_be_bytes();
        writeln!(
            xml,
            "<host><status state=\"up\"/><address addr=\"10.{a}.{b}.{c}\" addrtype=\"ipv4\"/><ports><port \
             protocol=\"tcp\" portid=\"80\"><state state=\"open\"/></port></ports></host>"
        )
        .unwrap();
    }
    xml.push_str("<runstats><finished time=\"1700000100\"/></runstats></nmaprun>\n");
    xml
}

#[test]
fn what_is_spilled_gives_the_same_or_ends_with_4() {
    let inputs = folder();
    for name in ["a", "b"] {
        std::fs::write(inputs.path().join(name), sweep(150_000, name)).unwrap();
    }
    let [a, b] = ["a", "b"].map(|name| inputs.path().join(name).display().to_string());
    let args = ["-q", "merge", &a, &b, "-o", "out.jsonl", "--memory", "128M", "--temp-dir", "."];
    let before = Tree::new();
    let trial = Trial { name: "spill", args: &args, before: &before, stride: 1 };
    let (clean, calls) = trial.clean("only=create,write");
    // Files without a name, in the order in which they are made and written.
    let of_spill = |kind: &str, path: &str| {
        let fits = |call: &(String, String)| call.0 == kind && call.1.starts_with(path);
        calls.iter().enumerate().filter(|(_, call)| fits(call)).map(|(at, _)| at + 1).collect()
    };
    let (made, written): (Vec<_>, Vec<_>) = (of_spill("create", "."), of_spill("write", "#"));
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
