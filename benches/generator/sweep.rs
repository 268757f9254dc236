//! A `-sS` sweep: many hosts, a few ports each.

use super::{Rng, START, address, nmap_head, put, ranges, thousand_ports};

const PORTS: [(u16, &str); 12] = [
    (21, "ftp"),
    (22, "ssh"),
    (23, "telnet"),
    (25, "smtp"),
    (53, "domain"),
    (80, "http"),
    (110, "pop3"),
    (139, "netbios-ssn"),
    (443, "https"),
    (445, "microsoft-ds"),
    (3389, "ms-wbt-server"),
    (8080, "http-proxy"),
];

pub(super) fn head(out: &mut Vec<u8>) {
    let mut list = Vec::new();
    ranges(thousand_ports().into_iter(), &mut list);
    nmap_head("-sS -n -T4", &String::from_utf8_lossy(&list), out);
}

pub(super) fn host(rng: &mut Rng, number: u64, out: &mut Vec<u8>) {
    let start = START + number / 256;
    let ttl = *rng.pick(&[62_u8, 63, 64, 127, 128, 254]);
    put!(out, "<host starttime=\"{start}\" endtime=\"{}\">", start + 12 + rng.below(40));
    put!(out, "<status state=\"up\" reason=\"echo-reply\" reason_ttl=\"{ttl}\"/>\n");
    put!(
        out,
        "<address addr=\"{}\" addrtype=\"ipv4\"/>\n<hostnames>\n</hostnames>\n<ports>",
        address(number)
    );
    let count = rng.below(5) + 1;
    let (state, reason) = *rng.pick(&[("closed", "reset"), ("filtered", "no-response")]);
    let rest = 1000 - count;
    put!(
        out,
        "<extraports state=\"{state}\" count=\"{rest}\">\n<extrareasons reason=\"{reason}\" count=\"{rest}\"/>\n</extraports>\n"
    );
    let mut at = rng.below(3);
    for _ in 0..count {
        let (port, name) = PORTS[usize::try_from(at).unwrap_or(0) % PORTS.len()];
        at += 1 + rng.below(2);
        let (state, reason) = *rng.pick(&[
            ("open", "syn-ack"),
            ("open", "syn-ack"),
            ("open", "syn-ack"),
            ("closed", "reset"),
        ]);
        put!(
            out,
            "<port protocol=\"tcp\" portid=\"{port}\"><state state=\"{state}\" reason=\"{reason}\" reason_ttl=\"{ttl}\"/>"
        );
        put!(out, "<service name=\"{name}\" method=\"table\" conf=\"3\"/></port>\n");
    }
    let (srtt, var) = (200 + rng.below(90_000), 100 + rng.below(9_000));
    put!(out, "</ports>\n<times srtt=\"{srtt}\" rttvar=\"{var}\" to=\"100000\"/>\n</host>\n");
}
