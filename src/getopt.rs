//! nmap's own options, as `getopt_long_only` parses them.
//!
//! `request` uses them to check the arguments of a scan, and `merge` to find out what a scan looked for. When
//! a new version of nmap adds an option, add its name to one of these lists.

/// nmap's short options in the notation of `getopt`: one `:` after an option that takes a value, two if the
/// value can only follow in the same word.
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

/// Long options that may have a value after `=`.
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

/// Returns true if a short option takes the next word as its value when nothing follows it in its own word.
pub(crate) fn takes_next_word(option: char) -> bool {
    let rule = SHORT.split_once(option).map_or("", |(_, rule)| rule);
    option != ':' && rule.starts_with(':') && !rule.starts_with("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_colon_takes_the_next_word() {
        assert!("bDegiMmopST".chars().all(takes_next_word));
        assert!(!"46AdFfhInOPqRrsVvx:".chars().any(takes_next_word));
    }
}
