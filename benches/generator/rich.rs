//! `-A` output: services with CPEs, scripts with text and tables, operating systems, routes.

use std::sync::LazyLock;

use super::{Rng, START, address, nmap_head, put, ranges, thousand_ports};

static THOUSAND: LazyLock<Vec<u16>> = LazyLock::new(thousand_ports);

/// Port, the attributes of its service, its CPEs, and its scripts.
struct Kind {
    port: u16,
    service: &'static str,
    cpes: &'static [&'static str],
    scripts: &'static [fn(&mut Rng, &mut Vec<u8>)],
}

const KINDS: [Kind; 16] = [
    Kind {
        port: 21,
        service: "name=\"ftp\" product=\"vsftpd\" version=\"3.0.5\" ostype=\"Unix\" method=\"probed\" conf=\"10\"",
        cpes: &["cpe:/a:vsftpd:vsftpd:3.0.5"],
        scripts: &[ftp_anon, ftp_syst],
    },
    Kind {
        port: 22,
        service: "name=\"ssh\" product=\"OpenSSH\" version=\"8.9p1 Ubuntu 3ubuntu0.6\" extrainfo=\"Ubuntu Linux; protocol 2.0\" ostype=\"Linux\" method=\"probed\" conf=\"10\"",
        cpes: &["cpe:/a:openbsd:openssh:8.9p1", "cpe:/o:linux:linux_kernel"],
        scripts: &[ssh_hostkey],
    },
    Kind {
        port: 25,
        service: "name=\"smtp\" product=\"Postfix smtpd\" hostname=\" mail.example.org\" method=\"probed\" conf=\"10\"",
        cpes: &["cpe:/a:postfix:postfix"],
        scripts: &[smtp_commands],
    },
    Kind {
        port: 53,
        service: "name=\"domain\" product=\"ISC BIND\" version=\"9.18.18\" extrainfo=\"Ubuntu Linux\" ostype=\"Linux\" method=\"probed\" conf=\"10\"",
        cpes: &["cpe:/a:isc:bind:9.18.18", "cpe:/o:linux:linux_kernel"],
        scripts: &[dns_nsid],
    },
    Kind {
        port: 80,
        service: "name=\"http\" product=\"nginx\" version=\"1.22.1\" method=\"probed\" conf=\"10\"",
        cpes: &["cpe:/a:igor_sysoev:nginx:1.22.1"],
        scripts: &[http_title, http_header],
    },
    Kind {
        port: 110,
        service: "name=\"pop3\" product=\"Dovecot pop3d\" method=\"probed\" conf=\"10\"",
        cpes: &["cpe:/a:dovecot:dovecot"],
        scripts: &[],
    },
    Kind {
        port: 139,
        service: "name=\"netbios-ssn\" product=\"Samba smbd\" version=\"4.6.2\" method=\"probed\" conf=\"10\"",
        cpes: &["cpe:/a:samba:samba:4.6.2"],
        scripts: &[],
    },
    Kind {
        port: 143,
        service: "name=\"imap\" product=\"Dovecot imapd\" method=\"probed\" conf=\"10\"",
        cpes: &["cpe:/a:dovecot:dovecot"],
        scripts: &[],
    },
    Kind {
        port: 443,
        service: "name=\"http\" product=\"nginx\" version=\"1.22.1\" tunnel=\"ssl\" method=\"probed\" conf=\"10\"",
        cpes: &["cpe:/a:igor_sysoev:nginx:1.22.1"],
        scripts: &[http_title, ssl_cert, tls_alpn],
    },
    Kind {
        port: 445,
        service: "name=\"netbios-ssn\" product=\"Samba smbd\" version=\"4.6.2\" method=\"probed\" conf=\"10\"",
        cpes: &["cpe:/a:samba:samba:4.6.2"],
        scripts: &[],
    },
    Kind {
        port: 993,
        service: "name=\"imap\" product=\"Dovecot imapd\" tunnel=\"ssl\" method=\"probed\" conf=\"10\"",
        cpes: &["cpe:/a:dovecot:dovecot"],
        scripts: &[ssl_cert],
    },
    Kind {
        port: 3306,
        service: "name=\"mysql\" product=\"MySQL\" version=\"8.0.35-0ubuntu0.22.04.1\" method=\"probed\" conf=\"10\"",
        cpes: &["cpe:/a:mysql:mysql:8.0.35-0ubuntu0.22.04.1"],
        scripts: &[mysql_info],
    },
    Kind {
        port: 5432,
        service: "name=\"postgresql\" product=\"PostgreSQL DB\" version=\"9.6.0 or later\" method=\"probed\" conf=\"10\"",
        cpes: &["cpe:/a:postgresql:postgresql"],
        scripts: &[],
    },
    Kind {
        port: 6379,
        service: "name=\"redis\" product=\"Redis key-value store\" version=\"7.0.15\" method=\"probed\" conf=\"10\"",
        cpes: &["cpe:/a:redislabs:redis:7.0.15"],
        scripts: &[],
    },
    Kind {
        port: 8080,
        service: "name=\"http\" product=\"Apache Tomcat/Coyote JSP engine\" version=\"1.1\" method=\"probed\" conf=\"10\"",
        cpes: &["cpe:/a:apache:coyote_http_connector:1.1"],
        scripts: &[http_title, http_header],
    },
    Kind {
        port: 9999,
        service: "name=\"abyss\" servicefp=\"SF-Port9999-TCP:V=7.94%I=7%D=11/14%Time=6553F1A0%P=x86_64-pc-linux-gnu%r(NULL,1C,&quot;\\x01\\x02odd\\x20service\\x20&lt;ready&gt;\\r\\n\\xff\\xfe&quot;)%r(GetRequest,2A,&quot;ERR\\x20unknown\\x20command\\x20&amp;\\x20bye\\r\\n&quot;);\" method=\"table\" conf=\"3\"",
        cpes: &[],
        scripts: &[fingerprint_strings],
    },
];

const SYSTEMS: [(&str, &str, &str, &str, &str); 6] = [
    ("Linux 5.0 - 5.5", "general purpose", "Linux", "5.X", "cpe:/o:linux:linux_kernel:5"),
    ("Linux 4.15 - 5.8", "general purpose", "Linux", "4.X", "cpe:/o:linux:linux_kernel:4"),
    ("Linux 2.6.32", "general purpose", "Linux", "2.6.X", "cpe:/o:linux:linux_kernel:2.6.32"),
    (
        "Microsoft Windows 10 1709 - 1909",
        "general purpose",
        "Windows",
        "10",
        "cpe:/o:microsoft:windows_10",
    ),
    (
        "FreeBSD 12.0-RELEASE - 13.0-CURRENT",
        "general purpose",
        "FreeBSD",
        "12.X",
        "cpe:/o:freebsd:freebsd:12",
    ),
    (
        "AXIS 210A or 211 Network Camera (Linux 2.6.17)",
        "webcam",
        "Linux",
        "2.6.X",
        "cpe:/o:linux:linux_kernel:2.6.17",
    ),
];

pub(super) fn head(out: &mut Vec<u8>) {
    let mut list = Vec::new();
    ranges(THOUSAND.iter().copied(), &mut list);
    nmap_head("-A -T4", &String::from_utf8_lossy(&list), out);
}

pub(super) fn host(rng: &mut Rng, number: u64, out: &mut Vec<u8>) {
    let start = START + number / 16;
    let end = start + 30 + rng.below(300);
    let ttl = *rng.pick(&[62_u8, 63, 64, 127, 128]);
    put!(
        out,
        "<host starttime=\"{start}\" endtime=\"{end}\"><status state=\"up\" reason=\"echo-reply\" reason_ttl=\"{ttl}\"/>\n"
    );
    put!(out, "<address addr=\"{}\" addrtype=\"ipv4\"/>\n", address(number));
    if rng.one_in(3) {
        let mac = rng.hex(6);
        put!(
            out,
            "<address addr=\"B8:27:EB:{}:{}:{}\" addrtype=\"mac\" vendor=\"Raspberry Pi Foundation\"/>\n",
            &mac[..2],
            &mac[2..4],
            &mac[4..]
        );
    }
    put!(
        out,
        "<hostnames>\n<hostname name=\"h{number}.example.org\" type=\"PTR\"/>\n</hostnames>\n"
    );
    ports(rng, ttl, out);
    os(rng, out);
    sequences(rng, out);
    if rng.one_in(2) {
        host_scripts(rng, out);
    }
    route_and_times(rng, number, out);
}

fn sequences(rng: &mut Rng, out: &mut Vec<u8>) {
    put!(
        out,
        "<uptime seconds=\"{}\" lastboot=\"Mon Nov  6 04:12:33 2023\"/>\n<distance value=\"2\"/>\n",
        rng.below(9_000_000)
    );
    put!(
        out,
        "<tcpsequence index=\"{}\" difficulty=\"Good luck!\" values=\"{},{},{}\"/>\n",
        240 + rng.below(20),
        rng.hex(8),
        rng.hex(8),
        rng.hex(8)
    );
    put!(
        out,
        "<ipidsequence class=\"All zeros\" values=\"0,0,0,0,0,0\"/>\n<tcptssequence class=\"1000HZ\" values=\"{},{},{}\"/>\n",
        rng.hex(8),
        rng.hex(8),
        rng.hex(8)
    );
}

fn route_and_times(rng: &mut Rng, number: u64, out: &mut Vec<u8>) {
    put!(
        out,
        "<trace port=\"80\" proto=\"tcp\">\n<hop ttl=\"1\" ipaddr=\"10.255.255.1\" rtt=\"0.{:02}\" host=\"gw.example.org\"/>\n",
        rng.below(100)
    );
    put!(
        out,
        "<hop ttl=\"2\" ipaddr=\"{}\" rtt=\"{}.{:02}\" host=\"h{number}.example.org\"/>\n</trace>\n",
        address(number),
        rng.below(40),
        rng.below(100)
    );
    put!(
        out,
        "<times srtt=\"{}\" rttvar=\"{}\" to=\"100000\"/>\n</host>\n",
        200 + rng.below(90_000),
        100 + rng.below(9_000)
    );
}

fn ports(rng: &mut Rng, ttl: u8, out: &mut Vec<u8>) {
    let wanted = 5 + rng.below(11);
    let mut open: Vec<&Kind> = Vec::new();
    let mut left = KINDS.len() as u64;
    for kind in &KINDS {
        if rng.below(left) < wanted.saturating_sub(open.len() as u64) {
            open.push(kind);
        }
        left -= 1;
    }
    let closed = || THOUSAND.iter().copied().filter(|p| !open.iter().any(|k| k.port == *p));
    let count = closed().count();
    let (state, reason) =
        *rng.pick(&[("closed", "reset"), ("closed", "reset"), ("filtered", "no-response")]);
    put!(
        out,
        "<ports><extraports state=\"{state}\" count=\"{count}\">\n<extrareasons reason=\"{reason}\" count=\"{count}\" proto=\"tcp\" ports=\""
    );
    ranges(closed(), out);
    put!(out, "\"/>\n</extraports>\n");
    for kind in open {
        put!(
            out,
            "<port protocol=\"tcp\" portid=\"{}\"><state state=\"open\" reason=\"syn-ack\" reason_ttl=\"{ttl}\"/><service {}",
            kind.port,
            kind.service
        );
        if kind.cpes.is_empty() {
            put!(out, "/>");
        } else {
            put!(out, ">");
            for cpe in kind.cpes {
                put!(out, "<cpe>{cpe}</cpe>");
            }
            put!(out, "</service>");
        }
        for script in kind.scripts {
            script(rng, out);
        }
        put!(out, "</port>\n");
    }
    put!(out, "</ports>\n");
}

fn os(rng: &mut Rng, out: &mut Vec<u8>) {
    put!(
        out,
        "<os><portused state=\"open\" proto=\"tcp\" portid=\"22\"/>\n<portused state=\"closed\" proto=\"tcp\" portid=\"1\"/>\n<portused state=\"closed\" proto=\"udp\" portid=\"{}\"/>\n",
        30_000 + rng.below(15_000)
    );
    let first = rng.below(SYSTEMS.len() as u64);
    let matches = 1 + rng.below(4);
    for n in 0..matches {
        let at = usize::try_from(first + n).unwrap_or(0) % SYSTEMS.len();
        let (name, kind, family, version, cpe) = SYSTEMS[at];
        let accuracy = 98 - 2 * n;
        put!(
            out,
            "<osmatch name=\"{name}\" accuracy=\"{accuracy}\" line=\"{}\">\n<osclass type=\"{kind}\" vendor=\"{family}\" osfamily=\"{family}\" osgen=\"{version}\" accuracy=\"{accuracy}\"><cpe>{cpe}</cpe></osclass>\n</osmatch>\n",
            60_000 + rng.below(9_000)
        );
    }
    if rng.one_in(3) {
        put!(
            out,
            "<osfingerprint fingerprint=\"OS:SCAN(V=7.94%E=4%D=11/14%OT=22%CT=1%CU=31968%PV=Y%DS=2%DC=T%G=Y%TM=6553F1A&#xa;"
        );
        for _ in 0..10 {
            put!(out, "OS:{}%O=M5B4ST11NW7%F=AS%T=40%W=FE88&#xa;", rng.hex(48));
        }
        put!(out, "OS:IE(R=Y%DFI=N%T=40%CD=S)&#xa;\"/>\n");
    }
    put!(out, "</os>\n");
}

fn host_scripts(rng: &mut Rng, out: &mut Vec<u8>) {
    put!(
        out,
        "<hostscript><script id=\"smb2-time\" output=\"&#xa;  date: 2023-11-14T22:18:02&#xa;  start_date: N/A\"><elem key=\"date\">2023-11-14T22:18:02</elem>\n<elem key=\"start_date\">N/A</elem>\n</script>"
    );
    put!(
        out,
        "<script id=\"smb2-security-mode\" output=\"&#xa;  3:1:1: &#xa;    Message signing enabled but not required\"><table key=\"3:1:1\">\n<elem>Message signing enabled but not required</elem>\n</table>\n</script>"
    );
    put!(
        out,
        "<script id=\"nbstat\" output=\"NetBIOS name: H{}, NetBIOS user: &lt;unknown&gt;, NetBIOS MAC: 000000000000 (Xerox)\"/></hostscript>",
        rng.hex(6)
    );
}

fn ftp_anon(rng: &mut Rng, out: &mut Vec<u8>) {
    put!(out, "<script id=\"ftp-anon\" output=\"Anonymous FTP login allowed (FTP code 230)");
    for _ in 0..4 {
        put!(
            out,
            "&#xa;-rw-r--r--    1 0        0        {:>8} Nov 01 12:{:02} file-{}.txt",
            rng.below(90_000_000),
            rng.below(60),
            rng.hex(6)
        );
    }
    put!(out, "\"/>");
}

fn ftp_syst(_: &mut Rng, out: &mut Vec<u8>) {
    put!(
        out,
        "<script id=\"ftp-syst\" output=\"&#xa;  STAT: &#xa;FTP server status:&#xa;     Connected to 10.255.255.9&#xa;     Logged in as ftp&#xa;     TYPE: ASCII&#xa;     No session bandwidth limit&#xa;     vsFTPd 3.0.5 - secure, fast, stable&#xa;End of status\"><elem key=\"STAT\">&#xa;FTP server status:&#xa;     Connected to 10.255.255.9&#xa;     Logged in as ftp&#xa;     TYPE: ASCII&#xa;     No session bandwidth limit&#xa;     vsFTPd 3.0.5 - secure, fast, stable&#xa;End of status</elem>\n</script>"
    );
}

fn ssh_hostkey(rng: &mut Rng, out: &mut Vec<u8>) {
    let (print, key) = (rng.hex(32).to_lowercase(), rng.hex(140));
    put!(
        out,
        "<script id=\"ssh-hostkey\" output=\"&#xa;  256 {print} (ECDSA)&#xa;  256 {print} (ED25519)\">"
    );
    for (kind, len) in [("ecdsa-sha2-nistp256", 140), ("ssh-ed25519", 68)] {
        put!(
            out,
            "<table>\n<elem key=\"key\">{}</elem>\n<elem key=\"fingerprint\">{print}</elem>\n<elem key=\"type\">{kind}</elem>\n<elem key=\"bits\">256</elem>\n</table>\n",
            &key[..len]
        );
    }
    put!(out, "</script>");
}

fn smtp_commands(rng: &mut Rng, out: &mut Vec<u8>) {
    put!(
        out,
        "<script id=\"smtp-commands\" output=\"mail{}.example.org, PIPELINING, SIZE 10240000, VRFY, ETRN, STARTTLS, ENHANCEDSTATUSCODES, 8BITMIME, DSN, SMTPUTF8, CHUNKING\"/>",
        rng.below(90)
    );
}

fn dns_nsid(rng: &mut Rng, out: &mut Vec<u8>) {
    let id = rng.hex(12);
    put!(
        out,
        "<script id=\"dns-nsid\" output=\"&#xa;  NSID: ns1 ({id})&#xa;  id.server: ns1&#xa;  bind.version: 9.18.18-0ubuntu0.22.04.1-Ubuntu\"><elem key=\"bind.version\">9.18.18-0ubuntu0.22.04.1-Ubuntu</elem>\n<elem key=\"id.server\">ns1</elem>\n</script>"
    );
}

fn http_title(rng: &mut Rng, out: &mut Vec<u8>) {
    let title = *rng.pick(&[
        "Welcome to nginx!",
        "Lab &amp;amp; Co \\xE2\\x80\\x94 &quot;Start&quot; &amp;lt;b&amp;gt;",
        "Site doesn&apos;t have a title (text/html).",
    ]);
    put!(
        out,
        "<script id=\"http-title\" output=\"{title}\"><elem key=\"title\">{title}</elem>\n</script>"
    );
}

fn http_header(_: &mut Rng, out: &mut Vec<u8>) {
    put!(
        out,
        "<script id=\"http-server-header\" output=\"nginx/1.22.1\"><elem>nginx/1.22.1</elem>\n</script>"
    );
}

fn tls_alpn(_: &mut Rng, out: &mut Vec<u8>) {
    put!(
        out,
        "<script id=\"tls-alpn\" output=\"&#xa;  http/1.1&#xa;  http/1.0&#xa;  http/0.9\"><elem>http/1.1</elem>\n<elem>http/1.0</elem>\n<elem>http/0.9</elem>\n</script>"
    );
}

fn ssl_cert(rng: &mut Rng, out: &mut Vec<u8>) {
    let name = format!("h{}.example.org", rng.below(100_000));
    let (modulus, id) = (rng.hex(512), rng.hex(40));
    put!(
        out,
        "<script id=\"ssl-cert\" output=\"Subject: commonName={name}/organizationName=Lab &amp; Co &quot;Q&quot;/countryName=AQ&#xa;Subject Alternative Name: DNS:{name}&#xa;Not valid before: 2023-11-01T06:25:02&#xa;Not valid after:  2026-02-01T06:25:02\">"
    );
    for key in ["subject", "issuer"] {
        put!(
            out,
            "<table key=\"{key}\">\n<elem key=\"commonName\">{name}</elem>\n<elem key=\"countryName\">AQ</elem>\n<elem key=\"organizationName\">Lab &amp; Co &quot;Q&quot;</elem>\n</table>\n"
        );
    }
    put!(
        out,
        "<table key=\"pubkey\">\n<elem key=\"type\">rsa</elem>\n<elem key=\"bits\">2048</elem>\n<elem key=\"modulus\">{modulus}</elem>\n<elem key=\"exponent\">65537</elem>\n</table>\n"
    );
    put!(
        out,
        "<table key=\"extensions\">\n<table>\n<elem key=\"name\">X509v3 Subject Key Identifier</elem>\n<elem key=\"value\">{id}</elem>\n</table>\n<table>\n<elem key=\"name\">X509v3 Basic Constraints</elem>\n<elem key=\"value\">CA:TRUE</elem>\n<elem key=\"critical\">true</elem>\n</table>\n</table>\n"
    );
    put!(
        out,
        "<elem key=\"sig_algo\">sha256WithRSAEncryption</elem>\n<table key=\"validity\">\n<elem key=\"notBefore\">2023-11-01T06:25:02</elem>\n<elem key=\"notAfter\">2026-02-01T06:25:02</elem>\n</table>\n<elem key=\"md5\">{}</elem>\n<elem key=\"sha1\">{id}</elem>\n",
        &modulus[..32]
    );
    put!(out, "<elem key=\"pem\">-&#45;-&#45;-BEGIN CERTIFICATE-&#45;-&#45;-&#xa;");
    for line in modulus.as_bytes().chunks(64) {
        put!(out, "{}&#xa;", String::from_utf8_lossy(line));
    }
    put!(out, "-&#45;-&#45;-END CERTIFICATE-&#45;-&#45;-&#xa;</elem>\n</script>");
}

fn mysql_info(rng: &mut Rng, out: &mut Vec<u8>) {
    let thread = rng.below(4_000);
    put!(
        out,
        "<script id=\"mysql-info\" output=\"&#xa;  Protocol: 10&#xa;  Version: 8.0.35&#xa;  Thread ID: {thread}&#xa;  Status: Autocommit&#xa;  Salt: A\\x1B&lt;&amp;x&#xa;  Auth Plugin Name: caching_sha2_password\"><elem key=\"Protocol\">10</elem>\n<elem key=\"Version\">8.0.35</elem>\n<elem key=\"Thread ID\">{thread}</elem>\n<elem key=\"Status\">Autocommit</elem>\n<elem key=\"Salt\">A\\x1B&lt;&amp;x</elem>\n<elem key=\"Auth Plugin Name\">caching_sha2_password</elem>\n</script>"
    );
}

fn fingerprint_strings(_: &mut Rng, out: &mut Vec<u8>) {
    put!(
        out,
        "<script id=\"fingerprint-strings\" output=\"&#xa;  GetRequest: &#xa;    ERR unknown command &amp; bye&#xa;  NULL: &#xa;    service &lt;ready&gt;\"><elem key=\"GetRequest\">&#xa; ERR unknown command &amp; bye</elem>\n<elem key=\"NULL\">&#xa; service &lt;ready&gt;</elem>\n</script>"
    );
}
