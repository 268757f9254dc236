//! The state of a merge (docs/merge.md, "Every night"): continuing from a state gives the result of merging
//! everything together.

use std::fmt::Write as _;

use proptest::prelude::*;
use scanmill::{
    error::{Error, ErrorKind},
    merge::{MergeFlags, MergePolicy, Merger, Precedence},
    model::Identity,
};

use crate::merge::add;

/// A pseudo-random number generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }

    /// Returns true in `percent` of cases.
    fn often(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

const STATES: [&str; 4] = ["open", "closed", "filtered", "open|filtered"];
const LISTS: [&str; 5] = ["1-5", "1-2,4", "3", "2-6", "1,6"];

fn scripts(dice: &mut Dice, xml: &mut String) {
    for _ in 0..dice.below(3) {
        let (name, output) = (dice.pick(&["s", "t"]), dice.below(3));
        let _ = write!(xml, "<script id=\"{name}\" output=\"{output}\">");
        if dice.often(20) {
            let _ = write!(xml, "<elem key=\"k\">{output}</elem>");
        }
        xml.push_str("</script>");
    }
}

fn port(dice: &mut Dice, (protocol, number): (&str, u64), xml: &mut String) {
    let state = if dice.often(60) { "open" } else { dice.pick(&STATES) };
    let _ = write!(
        xml,
        "<port protocol=\"{protocol}\" portid=\"{number}\"><state state=\"{state}\" reason=\"{}\"/>",
        dice.pick(&["syn-ack", "reset"])
    );
    match dice.below(5) {
        0 | 1 => {
            let (product, conf) = (dice.pick(&["x", "y", "z"]), dice.pick(&[8, 10]));
            let _ = write!(
                xml,
                "<service name=\"s\" product=\"{product}\" method=\"probed\" conf=\"{conf}\"/>"
            );
        }
        2 => xml.push_str("<service name=\"n\" method=\"table\" conf=\"3\"/>"),
        3 => xml.push_str("<service name=\"b\" banner=\"hello\"/>"),
        _ => {}
    }
    if dice.often(25) {
        scripts(dice, xml);
    }
    xml.push_str("</port>");
}

fn extra_ports(dice: &mut Dice, xml: &mut String) {
    for _ in 0..dice.pick(&[0, 1, 1, 1, 2]) {
        let (state, count) = (dice.pick(&["closed", "filtered"]), dice.below(4));
        let _ = write!(xml, "<extraports state=\"{state}\" count=\"{count}\">");
        if dice.often(50) {
            let (protocol, list) = (dice.pick(&["tcp", "tcp", "udp"]), dice.pick(&LISTS));
            let _ = write!(
                xml,
                "<extrareasons reason=\"r\" count=\"{count}\" proto=\"{protocol}\" ports=\"{list}\"/>"
            );
        }
        xml.push_str("</extraports>");
    }
}

fn knowledge(dice: &mut Dice, xml: &mut String) {
    if dice.often(30) {
        xml.push_str("<os>");
        if dice.often(30) {
            let _ = write!(
                xml,
                "<portused state=\"open\" proto=\"tcp\" portid=\"{}\"/>",
                dice.below(9)
            );
        }
        if dice.often(30) {
            xml.push_str("<osclass osfamily=\"alone\"/>");
        }
        for _ in 0..dice.below(3) {
            let (name, accuracy) = (dice.pick(&["A", "B", "C"]), 90 + dice.below(3));
            let _ = write!(
                xml,
                "<osmatch name=\"{name}\" accuracy=\"{accuracy}\"><osclass osfamily=\"{name}{accuracy}\"/></osmatch>"
            );
        }
        if dice.often(30) {
            let _ = write!(xml, "<osfingerprint fingerprint=\"f{}\"/>", dice.below(2));
        }
        xml.push_str("</os>");
    }
    if dice.often(15) {
        let _ = write!(xml, "<uptime seconds=\"{}\" lastboot=\"b\"/>", dice.below(9));
    }
    if dice.often(15) {
        let _ = write!(xml, "<distance value=\"{}\"/>", dice.below(4));
    }
    if dice.often(15) {
        let _ =
            write!(xml, "<tcpsequence index=\"{}\" difficulty=\"d\" values=\"v\"/>", dice.below(4));
    }
    if dice.often(20) {
        xml.push_str("<hostscript>");
        scripts(dice, xml);
        xml.push_str("</hostscript>");
    }
    if dice.often(20) {
        xml.push_str("<trace proto=\"tcp\" port=\"80\">");
        for ttl in 0..dice.below(3) {
            let _ = write!(xml, "<hop ttl=\"{ttl}\" ipaddr=\"192.0.2.{}\"/>", dice.below(9));
        }
        xml.push_str("</trace>");
    }
}

/// Properties that the hosts of a series share.
#[derive(Debug, Clone, Copy)]
struct Taste {
    /// Number of addresses and of MAC addresses.
    hosts: u64,
    macs: u64,
    /// How times are chosen: rising from scan to scan, random, or from a few values.
    times: u64,
}

fn host(dice: &mut Dice, taste: Taste, begin: u64, xml: &mut String) {
    let end = match taste.times {
        0 => begin + dice.below(50),
        1 => 1 + dice.below(9000),
        _ => 5000 + dice.below(3),
    };
    xml.push_str("<host");
    if dice.often(85) {
        let _ = write!(xml, " starttime=\"{}\"", end.saturating_sub(dice.below(9)));
    }
    if dice.often(85) {
        let _ = write!(xml, " endtime=\"{end}\"");
    }
    if dice.often(6) {
        xml.push_str(" timedout=\"true\"");
    }
    let (state, reason) = match dice.below(12) {
        0 => ("down", "no-response"),
        1 => ("up", "user-set"),
        _ => ("up", dice.pick(&["echo-reply", "arp-response"])),
    };
    let _ = write!(xml, "><status state=\"{state}\" reason=\"{reason}\"/>");
    let ip = dice.below(taste.hosts);
    if dice.often(97) {
        let _ = write!(xml, "<address addr=\"192.0.2.{ip}\" addrtype=\"ipv4\"/>");
    }
    if taste.macs > 0 && dice.often(40) {
        let vendor = if dice.often(30) { " vendor=\"V\"" } else { "" };
        let mac = dice.below(taste.macs);
        let _ = write!(xml, "<address addr=\"00:00:5E:00:53:0{mac}\" addrtype=\"mac\"{vendor}/>");
    }
    if dice.often(10) {
        let _ = write!(xml, "<address addr=\"2001:db8::{}\" addrtype=\"ipv6\"/>", dice.below(3));
    }
    xml.push_str("<hostnames>");
    for _ in 0..dice.below(3) {
        let (name, kind) = (dice.pick(&["a", "A.", "b", "c"]), dice.pick(&["user", "PTR"]));
        let _ = write!(xml, "<hostname name=\"{name}\" type=\"{kind}\"/>");
    }
    xml.push_str("</hostnames><ports>");
    extra_ports(dice, xml);
    for protocol in ["tcp", "udp"] {
        for number in 1..6 {
            if dice.often(if protocol == "tcp" { 35 } else { 10 }) {
                port(dice, (protocol, number), xml);
            }
        }
    }
    xml.push_str("</ports>");
    knowledge(dice, xml);
    xml.push_str("</host>");
}

fn scan(dice: &mut Dice, taste: Taste, number: u64) -> String {
    let begin = 1000 * (number + 1);
    let mut xml = String::new();
    let masscan = dice.often(12);
    let scanner = if masscan { "masscan" } else { "nmap" };
    let args = dice.pick(&["", "", " -sV", " -A", " -O", " -sC -n", " -sV -sC"]);
    let _ = write!(xml, "<nmaprun scanner=\"{scanner}\" args=\"nmap{args} -e {number}\"");
    if dice.often(90) {
        let _ = write!(xml, " start=\"{begin}\"");
    }
    xml.push('>');
    if masscan {
        xml.push_str("<scaninfo type=\"syn\" protocol=\"tcp\"/>");
    } else {
        for protocol in ["tcp", "udp"] {
            if dice.often(if protocol == "tcp" { 90 } else { 20 }) {
                let list = dice.pick(&LISTS);
                let _ = write!(
                    xml,
                    "<scaninfo type=\"s\" protocol=\"{protocol}\" services=\"{list}\"/>"
                );
            }
        }
    }
    if dice.often(20) {
        let _ = write!(xml, "<taskbegin task=\"t\" time=\"{begin}\"/>");
    }
    for _ in 0..dice.below(5) {
        host(dice, taste, begin, &mut xml);
    }
    if dice.often(15) {
        xml.push_str("<unknown/>");
    }
    if dice.often(85) {
        let end = begin + 100;
        let _ = write!(xml, "<runstats><finished time=\"{end}\" exit=\"success\"/></runstats>");
    }
    if dice.often(90) {
        xml.push_str("</nmaprun>");
    }
    xml
}

/// Returns scans, including copies that are no better than earlier ones, and other scans with the same ID.
fn series(dice: &mut Dice, most: u64) -> Vec<String> {
    let taste =
        Taste { hosts: 1 + dice.below(3), macs: dice.below(3), times: dice.pick(&[0, 0, 1, 2]) };
    let mut scans: Vec<String> = Vec::new();
    for number in 0..=dice.below(most) {
        if !scans.is_empty() && dice.often(12) {
            let before = dice.below(scans.len() as u64);
            let copy = scans[usize::try_from(before).unwrap()].clone();
            scans.push(match dice.below(3) {
                0 => copy,
                1 => copy.replace("><host", ">\n<host"),
                _ => copy.replace("x\"", "other\""),
            });
        } else {
            scans.push(scan(dice, taste, number));
        }
    }
    scans
}

fn any_policy(dice: &mut Dice) -> MergePolicy {
    let policies = [
        Precedence::Latest,
        Precedence::Latest,
        Precedence::Caller,
        Precedence::First,
        Precedence::Best,
    ];
    let flag = |dice: &mut Dice| !dice.often(4);
    let flags = MergeFlags {
        tcp: flag(dice),
        udp: !dice.often(10),
        scripts: flag(dice),
        trace: flag(dice),
        os: flag(dice),
        names: !dice.often(10),
        details: flag(dice),
        ..MergeFlags::default()
    };
    let age = dice.often(25).then(|| std::time::Duration::from_secs(500 + dice.below(3000)));
    MergePolicy::new(dice.pick(&policies))
        .with_flags(flags)
        .with_identity(dice.pick(&[Identity::Ip, Identity::Ip, Identity::Mac, Identity::Hostname]))
        .with_keep_covered(dice.often(15))
        .with_keep_identity(dice.often(30))
        .with_max_age(age)
        .with_explain(dice.often(10))
}

/// Returns all output of a merge, and its state if one is kept.
fn outcome(merger: Merger, keeps: bool) -> Result<(Vec<String>, Vec<u8>), Error> {
    let mut result = merger.finish()?;
    let mut out = Vec::new();
    for scan in result.scans() {
        out.push(format!("{} {} {:?}", scan.source, scan.used, scan.record));
    }
    let parts = result.take_partitions();
    let parts =
        parts.into_iter().map(scanmill::merge::Partition::merge).collect::<Result<_, _>>()?;
    let mut hosts = scanmill::merge::Hosts::of(parts)?;
    let mut state = Vec::new();
    let shared: Vec<_> = result.scans().iter().map(|scan| scan.shared_mac().cloned()).collect();
    for (number, saved) in (0..).zip(shared) {
        let shared = hosts.summary().shared_macs.get(&number).cloned().or(saved);
        out.push(format!("shared {shared:?}"));
    }
    out.push(format!("outdated {}", hosts.summary().outdated));
    if keeps {
        let kept = hosts.take_state_hosts();
        result.save(kept, &mut |bytes| {
            state.extend_from_slice(bytes);
            Ok(())
        })?;
    }
    result.events(&mut |scan, index, event| {
        out.push(format!("{scan} {index} {event:?}"));
        Ok(())
    })?;
    while let Some(record) = hosts.next()? {
        out.push(format!("{:#?}", record.host()));
    }
    Ok((out, state))
}

fn add_all(merger: &mut Merger, docs: &[String]) {
    for doc in docs {
        add(merger, "x.xml", doc.as_bytes());
    }
}

/// Adds scans to a state, and returns the output.
fn go_on(
    policy: MergePolicy,
    state: Option<&[u8]>,
    docs: &[String],
    cap: usize,
) -> Result<(Vec<String>, Vec<u8>), Error> {
    let mut merger = Merger::with_memory(policy, cap, None).with_state();
    if let Some(state) = state {
        merger.load(state, "some.state")?;
    }
    add_all(&mut merger, docs);
    outcome(merger, true)
}

/// Splits a series into groups of scans that are merged together.
fn groups(dice: &mut Dice, docs: &[String]) -> Vec<Vec<String>> {
    let mut groups: Vec<Vec<String>> = vec![Vec::new()];
    for doc in docs {
        if dice.often(50) && !groups.last().unwrap().is_empty() {
            groups.push(Vec::new());
        }
        groups.last_mut().unwrap().push(doc.clone());
    }
    groups
}

/// Compares continuing from group to group with merging everything together. Returns true if a state refused
/// a look.
pub(crate) fn check(seed: u64) -> Result<bool, String> {
    let mut dice = Dice(seed | 1);
    dice.below(2);
    let docs = series(&mut dice, 9);
    let policy = any_policy(&mut dice);
    let groups = groups(&mut dice, &docs);
    let mut state: Option<Vec<u8>> = None;
    let mut all: Vec<String> = Vec::new();
    for group in &groups {
        all.extend(group.iter().cloned());
        let mut whole = Merger::new(policy);
        add_all(&mut whole, &all);
        let whole = outcome(whole, false).map(|(whole, _)| whole);
        match (go_on(policy, state.as_deref(), group, usize::MAX), whole) {
            (Ok((out, new)), Ok(whole)) => {
                if out != whole {
                    let differs = out.iter().zip(&whole).find(|(a, b)| a != b);
                    return Err(format!("{policy:?}\n{groups:#?}\n{differs:#?}"));
                }
                state = Some(new);
            }
            (Err(error), _) if error.to_string().contains("merge all inputs again") => {
                return Ok(true);
            }
            (Err(error), Err(whole)) if error.to_string() == whole.to_string() => return Ok(false),
            (out, whole) => return Err(format!("{policy:?} {out:?} {whole:?}")),
        }
    }
    Ok(false)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn going_on_equals_merging_everything_together(seed in any::<u64>()) {
        let result = check(seed);
        prop_assert!(result.is_ok(), "seed {seed}: {}", result.unwrap_err());
    }
}

#[test]
fn going_on_is_seldom_refused_and_equals_merging_everything_together() {
    let (mut refused, mut failed) = (0, Vec::new());
    let times = std::env::var_os("TIMES");
    let times = times.and_then(|times| times.to_str()?.parse().ok()).unwrap_or(300_u64);
    for seed in 0..times {
        match check(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(12345)) {
            Ok(true) => refused += 1,
            Ok(false) => {}
            Err(how) => failed.push((seed, how)),
        }
    }
    if let Some((seed, how)) = failed.iter().min_by_key(|(_, how)| how.len()) {
        panic!("{} of {times} failed; seed {seed}: {how}", failed.len());
    }
    assert!(refused * 10 < times, "{refused} of {times} were refused");
}

#[test]
fn a_state_refuses_other_options() {
    let docs = series(&mut Dice(7), 3);
    let policy = MergePolicy::new(Precedence::Latest);
    let (_, state) = go_on(policy, None, &docs, usize::MAX).unwrap();
    for other in [
        MergePolicy::new(Precedence::Best),
        policy.with_identity(Identity::Mac),
        policy.with_keep_covered(true),
        policy.with_explain(true),
        policy.with_flags(MergeFlags { udp: false, ..MergeFlags::default() }),
    ] {
        let error = go_on(other, Some(&state), &docs, usize::MAX).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::StateMismatch { .. }), "{error}");
    }
    let older = policy.with_max_age(Some(std::time::Duration::from_secs(9)));
    assert!(
        go_on(older, Some(&state), &docs, usize::MAX).is_ok(),
        "nothing is dropped for its age"
    );
}
