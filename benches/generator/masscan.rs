//! masscan: one host element per finding, CRLF, no command line.

use super::{Rng, START, put};

pub(super) fn head(out: &mut Vec<u8>) {
    put!(out, "<?xml version=\"1.0\"?>\r\n<!-- masscan v1.0 scan -->\r\n");
    put!(
        out,
        "<nmaprun scanner=\"masscan\" start=\"{START}\" version=\"1.0-BETA\"  xmloutputversion=\"1.03\">\r\n"
    );
    put!(out, "<scaninfo type=\"syn\" protocol=\"tcp\" />\r\n");
}

pub(super) fn host(rng: &mut Rng, number: u64, out: &mut Vec<u8>) {
    let end = START + number / 64;
    let address = format!("10.{}.{}.{}", rng.below(4), rng.below(256), rng.below(256));
    let port = *rng.pick(&[21_u16, 22, 80, 443, 3389, 5900, 8080, 8443]);
    put!(out, "<host endtime=\"{end}\"><address addr=\"{address}\" addrtype=\"ipv4\"/><ports>");
    put!(
        out,
        "<port protocol=\"tcp\" portid=\"{port}\"><state state=\"open\" reason=\"syn-ack\" reason_ttl=\"{}\"/>",
        40 + rng.below(24)
    );
    if rng.one_in(4) {
        let banner = *rng.pick(&[
            "SSH-2.0-OpenSSH_8.9p1 Ubuntu-3\\x0d\\x0a",
            "HTTP/1.1 200 OK\\x0d\\x0aServer: nginx\\x0d\\x0a",
            "220 \\x22mail\\x22 ESMTP",
        ]);
        let name = *rng.pick(&["ssh", "http", "http.server", "title", "X509"]);
        put!(out, "<service name=\"{name}\" banner=\"{banner}\"></service>");
    }
    put!(out, "</port></ports></host>\r\n");
}

pub(super) fn tail(hosts: u64, out: &mut Vec<u8>) {
    let end = START + hosts / 64;
    put!(
        out,
        "<runstats>\r\n<finished time=\"{end}\" timestr=\"2023-11-14 23:13:20\" elapsed=\"{}\" />\r\n<hosts up=\"{hosts}\" down=\"0\" total=\"{hosts}\" />\r\n</runstats>\r\n</nmaprun>\r\n",
        hosts / 64
    );
}
