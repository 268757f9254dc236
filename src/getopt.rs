//! nmap's own options, as `getopt_long_only` reads them.
//!
//! `request` checks with them what a scan may be asked for, `merge` reads with them what a scan was asked for. An option
//! that a new version of nmap brings gets its name in one of these lists.

/// nmap's short options as `getopt` takes them: one `:` behind those with a value, two if it must follow at
/// once or not at all.
pub(crate) const SHORT: &str = "46Ab:D:d::e:Ffg:hIi:M:m:nO::o:P::p:qRrS:s::T:Vv::";

/// Long options without a value.
pub(crate) const PLAIN: &[&str] = &[
    "adler32",
    "allports",
    "append-output",
    "badsum",
    "defeat-icmp-ratelimit",
    "defeat-rst-ratelimit",
    "deprecated-xml-osclass",
    "disable-arp-ping",
    "discovery-ignore-rst",
    "ff",
    "fuzzy",
    "help",
    "iflist",
    "log-errors",
    "no-stylesheet",
    "nogcc",
    "noninteractive",
    "open",
    "osscan-guess",
    "osscan-limit",
    "packet-trace",
    "privileged",
    "randomize-hosts",
    "reason",
    "release-memory",
    "resolve-all",
    "rH",
    "script-trace",
    "script-updatedb",
    "send-eth",
    "send-ip",
    "system-dns",
    "thc",
    "traceroute",
    "unique",
    "unprivileged",
    "verbose",
    "version",
    "version-all",
    "version-light",
    "version-trace",
    "vv",
    "webxml",
];

/// Long options that may have a value behind `=`.
pub(crate) const OPTIONAL: &[&str] = &["debug"];

/// Long options with a value.
pub(crate) const VALUED: &[&str] = &[
    "data",
    "data-length",
    "data-string",
    "datadir",
    "dns-servers",
    "exclude",
    "exclude-ports",
    "excludefile",
    "host-timeout",
    "iL",
    "iR",
    "initial-rtt-timeout",
    "ip-options",
    "max-hostgroup",
    "max-os-tries",
    "max-parallelism",
    "max-rate",
    "max-retries",
    "max-rtt-timeout",
    "max-scan-delay",
    "min-hostgroup",
    "min-parallelism",
    "min-rate",
    "min-rtt-timeout",
    "mtu",
    "nsock-engine",
    "oA",
    "oG",
    "oH",
    "oM",
    "oN",
    "oS",
    "oX",
    "port-ratio",
    "proxies",
    "proxy",
    "resume",
    "route-dst",
    "scan-delay",
    "scanflags",
    "script",
    "script-args",
    "script-args-file",
    "script-help",
    "script-timeout",
    "servicedb",
    "sI",
    "source-port",
    "spoof-mac",
    "stats-every",
    "stylesheet",
    "timing",
    "top-ports",
    "ttl",
    "version-intensity",
    "versiondb",
];

/// Returns whether a short option takes the next word as its value where nothing follows it in its own.
pub(crate) fn takes_next_word(option: char) -> bool {
    let rule = SHORT.split_once(option).map_or("", |(_, rule)| rule);
    option != ':' && rule.starts_with(':') && !rule.starts_with("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_colon_asks_for_the_next_word() {
        assert!("bDegiMmopST".chars().all(takes_next_word));
        assert!(!"46AdFfhInOPqRrsVvx:".chars().any(takes_next_word));
    }
}
