"""Random scan series: small pools of addresses and ports, so that things collide.

A series is a list of documents and the options of one run. Everything comes from a `random.Random`, so a seed gives
the same bytes everywhere. Documents are trees of `El`, so that a failing series can be cut down element by element.
"""

import copy

BASE = 1700000000
DAY = 86400

TCP = [22, 25, 80, 443, 8080]
UDP = [53, 123, 161]
SCTP = [36412]
IP = [1, 6, 17]
POOLS = {"tcp": TCP, "udp": UDP, "sctp": SCTP, "ip": IP}
SERVICES = {22: "ssh", 25: "smtp", 80: "http", 443: "https", 8080: "http-proxy", 53: "domain", 123: "ntp",
            161: "snmp", 36412: "s1-control", 1: "icmp", 6: "tcp", 17: "udp"}
MACS = ["B8:27:EB:00:00:14", "00:0C:29:00:00:1E", "b8:27:eb:00:00:99"]
VENDORS = ["Raspberry Pi Foundation", "VMware", None]
NAMES = ["web.lab.example", "WEB.lab.example.", "db.lab.example", "Db.Lab.Example", "mail.lab.example."]
OSES = ["Linux 5.4", "Linux 3.2", "FreeBSD 13", "Windows 10"]
OUTPUTS = ["", "one", "two", "three\nlines\nhere", "one\nUptime: 1", "one\nUptime: 2"]
STATES = ["open", "closed", "filtered", "unfiltered", "open|filtered", "closed|filtered"]


PROTOCOLS = [["tcp"]] * 5 + [["tcp", "udp"]] * 4 + [["udp"], ["sctp"], ["ip"], ["tcp", "udp", "sctp"], []]


class El:
    """An element: tag, attributes, children, and text (in leaves)."""

    __slots__ = ("tag", "at", "kids", "text")

    def __init__(self, tag, at=None, kids=None, text=None):
        self.tag, self.text = tag, text
        self.at = {k: str(v) for k, v in (at or {}).items() if v is not None}
        self.kids = [k for k in (kids or []) if k is not None]

    def xml(self, out):
        out.append("<" + self.tag)
        for name, value in self.at.items():
            out.append(f' {name}="{escaped(value)}"')
        if not self.kids and self.text is None:
            out.append("/>")
        else:
            out.append(">")
            if self.text is not None:
                out.append(escaped(self.text))
            for kid in self.kids:
                kid.xml(out)
            out.append(f"</{self.tag}>")
        if self.tag in ("host", "port", "runstats", "scaninfo", "extraports", "ports"):
            out.append("\n")


def escaped(text):
    for raw, reference in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("\n", "&#xa;")):
        text = text.replace(raw, reference)
    return text


class Doc:
    """One document of a series; `cut` is the share of its bytes after the header that is kept, None for all."""

    def __init__(self, root, cut=None):
        self.root, self.cut = root, cut

    def data(self):
        out = ['<?xml version="1.0"?>\n']
        self.root.xml(out)
        text = "".join(out).encode()
        if self.cut is None:
            return text + b"\n"
        head = text.index(b">", text.index(b"<nmaprun")) + 1
        return text[: head + int((len(text) - head) * self.cut)]


class Series:
    def __init__(self, docs, options):
        self.docs, self.options = docs, options

    def copy(self):
        return copy.deepcopy(self)


def ranges(numbers):
    """Returns a list of numbers as `1-3,5`."""
    parts, numbers = [], sorted(set(numbers))
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


class Maker:
    def __init__(self, rng):
        self.r = rng
        self.chance = lambda p: rng.random() < p
        # A dense series has few ports, which are scanned again and again.
        self.dense = self.chance(0.4)
        hosts = rng.choice([1, 1, 2] if self.dense else [1, 2, 2, 3, 4])
        self.copies = rng.choice([0.0, 0.05, 0.1, 0.5])
        self.twice = rng.choice([0.05, 0.1, 0.4])
        self.pools = {p: rng.sample(pool, min(len(pool), 2)) if self.dense else pool for p, pool in POOLS.items()}
        self.ips = ["192.0.2.1", "192.0.2.2", "2001:DB8::9", "192.0.2.10"][:hosts]
        # The usual state of each host, so that looks often agree.
        self.truth = {ip: self.base() for ip in self.ips}
        self.stamps = rng.choice(["order", "order", "order", "shuffled", "equal", "few"])
        # Shares of the ports that a scan covers, and of their states that change.
        self.share, self.change = 0.75, 0.25 if self.dense else 0.12
        self.shown = [{"open"}, {"open"}, {"open", "filtered"}, {"open", "closed", "filtered"}, set(STATES)]
        self.lists = rng.choice([1.0, 0.5, 0.0])
        self.odd = rng.choice([0.0, 0.0, 0.1, 0.3])

    def base(self):
        r = self.r
        ports = {}
        for protocol, pool in self.pools.items():
            for port in pool:
                ports[protocol, port] = r.choice(["open", "open", "closed", "filtered"])
        mac = r.randrange(len(MACS)) if self.chance(0.4) else None
        names = r.sample(NAMES, r.choice([0, 1, 1, 2]))
        return {"ports": ports, "first": dict(ports), "mac": mac, "names": names, "os": r.choice(OSES)}

    def docs(self):
        r = self.r
        count = r.choice([1, 2, 2, 3, 3, 3, 4, 4, 5, 6])
        days = list(range(count))
        if self.stamps == "shuffled":
            r.shuffle(days)
        elif self.stamps == "equal":
            days = [r.choice([0, 0, 1]) for _ in days]
        made = []
        for index in range(count):
            if made and self.chance(self.copies):
                made.insert(r.randrange(len(made) + 1), self.another(r.choice(made)))
                continue
            root = self.masscan(days[index]) if self.chance(0.13) else self.nmap(index, days[index])
            cut = r.random() if self.chance(0.2 if self.twice > 0.3 else 0.06) else None
            made.append(Doc(root, cut))
        return made

    def another(self, doc):
        """Returns a copy of a document: identical, longer, shorter, or another one with the same ID."""
        r = self.r
        twin = copy.deepcopy(doc)
        kind = r.choice(["same", "cut", "cut", "unfinished", "poorer", "poorer", "fewer", "changed", "other end", "whole"])
        if kind == "cut":
            twin.cut = r.random()
        elif kind == "whole":
            twin.cut = None
        elif kind == "unfinished":
            twin.root.kids = [k for k in twin.root.kids if k.tag != "runstats"]
        elif kind == "poorer":
            twin.root.kids = [k for k in twin.root.kids if k.tag != "runstats"]
            lists = [k for host in twin.root.kids for k in host.kids if k.tag == "ports" and k.kids]
            if lists:
                r.choice(lists).kids.pop()
        elif kind == "other end":
            for stats in twin.root.kids:
                if stats.tag == "runstats":
                    stats.kids[0].at["exit"] = "error"
        elif kind == "fewer":
            hosts = [k for k in twin.root.kids if k.tag == "host"]
            if len(hosts) > 1:
                twin.root.kids.remove(hosts[-1])
        elif kind == "changed":
            hosts = [k for k in twin.root.kids if k.tag == "host"]
            if hosts:
                host = r.choice(hosts)
                for status in host.kids:
                    if status.tag == "status":
                        status.at["reason"] = r.choice(["echo-reply", "arp-response", "other"])
        return twin

    def nmap(self, index, day, protocols=PROTOCOLS):
        r, chance = self.r, self.chance
        want = set()
        if chance(0.45):
            want.add("sV")
        if chance(0.35):
            want.add("sC")
        if chance(0.3):
            want.add("O")
        if chance(0.25):
            want.add("trace")
        if chance(0.1):
            want = {"sV", "sC", "O", "trace"}
        if chance(0.15):
            want.add("Pn")
        if chance(0.25):
            want.add("n")
        protocols = r.choice(protocols)
        stamped = not (self.stamps == "few" and chance(0.5))
        start = BASE + day * DAY + (0 if self.stamps == "equal" else r.randrange(60)) if stamped else None
        args = self.args(want, index)
        if chance(0.1):
            # A scan may do something other than its arguments request.
            want ^= {r.choice(["sV", "sC", "O", "trace"])}
        scanned = {p: [n for n in self.pools[p] if chance(self.share)] for p in protocols}
        at = {"scanner": "nmap", "args": args, "start": start, "version": r.choice(["7.94", "7.80", "6.40"])}
        kids = [
            El("scaninfo", {"type": "syn", "protocol": p, "numservices": len(ns), "services": ranges(ns)})
            for p, ns in scanned.items() if ns
        ]
        end = start
        for ip in self.ips:
            if not chance(0.8):
                continue
            for _ in range(r.choice([2, 2, 3]) if chance(self.twice) else 1):
                begun = (end or BASE + day * DAY) + r.choice([0, 1, 5])
                timed = self.stamps != "few" or chance(0.5)
                done = begun + r.choice([0, 1, 9, 60])
                kids.append(self.host(ip, scanned, want, begun if timed else None, done if timed else None))
                if end is not None:
                    end = done
        if chance(0.06):
            kids.append(self.nameless(scanned, want, end))
        if chance(self.odd):
            r.shuffle(kids)
        if chance(0.05):
            kids.append(El("postscript", {}, [El("script", {"id": "summary", "output": r.choice(OUTPUTS)})]))
        if not chance(0.08):
            finished = {"time": end + 2 if end is not None and not chance(0.1) else None, "exit": "success"}
            kids.append(El("runstats", {}, [El("finished", finished), El("hosts", {"up": 1, "down": 0, "total": 1})]))
        return El("nmaprun", at, kids)

    def args(self, want, index):
        """Returns a command line that requests `want`, in one of the possible spellings."""
        r = self.r
        words = ["nmap"]
        pick = lambda *ways: words.append(r.choice(ways))
        if {"sV", "sC", "O", "trace"} <= want:
            pick("-A", "-nA" if "n" in want else "-A", "-T4 -A")
        else:
            if "sV" in want:
                pick("-sV", "-sSV", "--version-all", "--version_light", "-version-intensity 3", "--version-intensity=2")
            if "sC" in want:
                pick("-sC", "-sSC", "--script default", "--script=http-title,ssl-date", "-script safe")
            if "O" in want:
                pick("-O", "-FO")
            if "trace" in want:
                pick("--traceroute", "--tr", "-traceroute", "--trace")
        if "n" in want:
            pick("-n")
        if "Pn" in want:
            pick("-Pn", "-PN", "-P0")
        # None of these requests anything.
        if self.chance(0.3):
            pick("-PA22", "-PO", "-oA out", "-oX -A.xml", "--exclude -O", "-p -sV", "--script-args x=-sV", "--script-args-file sC", "-sS",
                 "--osscan-guess", "-oX 'a -A'", "--script-trace", '-oX "a -sV b"', "-p 22 -- -A", "-p 22 --", "-T4", r"-oN a\ -sC",
                 "--version", "-e eth0")
        words.append(f"192.0.2.0/{24 + index}")
        return " ".join(words)

    def nameless(self, scanned, want, end):
        """Returns a host without an IP address: with a MAC address, a name, or nothing."""
        made = self.host(self.ips[0], scanned, want, end, end)
        kind = self.r.choice(["mac", "name", "none"])
        drop = {"mac": lambda k: k.tag == "address" and k.at["addrtype"] != "mac",
                "name": lambda k: k.tag == "address",
                "none": lambda k: k.tag in ("address", "hostnames")}[kind]
        made.kids = [k for k in made.kids if not drop(k)]
        return made

    def host(self, ip, scanned, want, begun, done):
        r, chance = self.r, self.chance
        truth = self.truth[ip]
        state = r.choice(["up"] * 16 + ["down"] * 2 + ["unknown", "skipped", None])
        up = state in ("up", None)
        reason = "user-set" if "Pn" in want and chance(0.7) else r.choice(["echo-reply", "syn-ack", "arp-response"])
        if state == "down":
            reason = "no-response"
        late = chance(0.15 if self.dense else 0.07)
        at = {"starttime": begun, "endtime": done, "timedout": "true" if late else None}
        if not up and chance(0.6):
            at = {}
        if chance(0.05):
            at.pop(r.choice(["starttime", "endtime"]), None)
        if chance(0.05):
            at["comment"] = r.choice(["mine", "yours"])
        kids = []
        if state is not None:
            ttl = r.choice([None, 0, 64])
            kids.append(El("status", {"state": state, "reason": reason if chance(0.95) else None, "reason_ttl": ttl}))
        kids += self.addresses(ip, truth)
        names = self.names(truth) if not ("n" in want and chance(0.7)) else []
        if names or chance(0.5):
            kids.append(El("hostnames", {}, names))
        if (up and not late) or chance(0.4 if self.dense else 0.15):
            kids.append(self.ports(truth, scanned, want))
            kids += self.details(truth, want)
        return El("host", at, kids)

    def addresses(self, ip, truth):
        r, chance = self.r, self.chance
        zone = "%eth0" if ":" in ip and chance(0.3) else ""
        made = [El("address", {"addr": ip + zone, "addrtype": "ipv6" if ":" in ip else "ipv4"})]
        mac = truth["mac"]
        if chance(0.2 if self.dense else 0.07):
            mac = truth["mac"] = r.randrange(len(MACS))
        if mac is not None and chance(0.6):
            vendor = VENDORS[mac] if chance(0.9) else None
            made.append(El("address", {"addr": MACS[mac], "addrtype": "mac", "vendor": vendor}))
        if chance(0.05):
            made.append(El("address", {"addr": r.choice(["198.51.100.7", "192.0.2.1"]), "addrtype": "ipv4"}))
        if chance(0.03):
            made.append(El("address", {"addr": MACS[0], "addrtype": "mac"}))
        return made

    def names(self, truth):
        r, chance = self.r, self.chance
        if chance(0.1):
            truth["names"] = r.sample(NAMES, r.choice([0, 1, 2]))
        made = []
        for name in truth["names"]:
            kind = r.choice(["user", "PTR", "PTR"]) if chance(0.95) else r.choice([None, "other"])
            made.append(El("hostname", {"name": name, "type": kind}))
        if made and chance(0.08):
            made.append(copy.deepcopy(r.choice(made)))
        return made

    def ports(self, truth, scanned, want):
        r, chance = self.r, self.chance
        listed, unlisted = [], {}
        shown = r.choice(self.shown)
        for protocol, numbers in scanned.items():
            for number in numbers:
                state = truth["ports"][protocol, number]
                first = truth["first"][protocol, number]
                if state != first and chance(0.4):
                    # Back to the earlier state.
                    state = truth["ports"][protocol, number] = first
                elif chance(self.change):
                    state = truth["ports"][protocol, number] = r.choice(STATES)
                if state in shown:
                    listed.append(self.port(protocol, number, state, want))
                else:
                    unlisted.setdefault(state, {}).setdefault(protocol, []).append(number)
        if self.odd and chance(0.08):
            listed.append(self.port("tcp", r.choice(self.pools["tcp"]), r.choice(STATES), want))
        if chance(0.1):
            r.shuffle(listed)
        extras = [self.extra(state, by, chance(self.lists)) for state, by in unlisted.items()]
        if chance(0.05):
            extras = []
        return El("ports", {}, extras + listed)

    def extra(self, state, by, with_lists):
        chance, odd = self.chance, self.odd
        total = sum(map(len, by.values()))
        at = {"state": state, "count": total}
        if chance(odd / 3):
            at["count"] = self.r.choice([0, total + 1, 1])
        if chance(odd / 3):
            del at["count"]
        without = self.r.choice(list(by)) if len(by) > 1 and chance(0.4) else None
        kids = []
        for protocol, numbers in by.items():
            parts = [numbers]
            if len(numbers) > 1 and chance(0.3):
                parts = [numbers[:1], numbers[1:]]
            for part in parts:
                reason = {"reason": self.r.choice(["reset", "no-response"]), "count": len(part)}
                if with_lists and not chance(odd / 4) and protocol != without:
                    reason.update(proto=protocol, ports=ranges(part))
                if chance(odd / 4):
                    del reason["count"]
                kids.append(El("extrareasons", reason))
        return El("extraports", at, [] if chance(0.05) else kids)

    def port(self, protocol, number, state, want):
        r, chance = self.r, self.chance
        kids = [El("state", {"state": state, "reason": r.choice(["syn-ack", "reset", "no-response"]),
                             "reason_ttl": r.choice([None, 64]), "reason_ip": "192.0.2.99" if chance(0.03) else None})]
        if chance(0.03):
            kids.append(El("owner", {"name": r.choice(["root", "www"])}))
        probed = "sV" in want and state == "open" and chance(0.8)
        if probed:
            kids.append(self.probed(number))
        elif chance(0.75):
            product = "nginx" if chance(0.03) else None
            kids.append(El("service", {"name": SERVICES[number], "product": product, "method": "table", "conf": 3}))
        if "sC" in want and chance(0.5):
            for name in r.sample(["http-title", "ssl-date", "vulners"], r.choice([1, 1, 2])):
                kids.append(self.script(name))
        return El("port", {"protocol": protocol, "portid": number}, kids)

    def probed(self, number):
        r, chance = self.r, self.chance
        maybe = lambda p, *values: r.choice(values) if chance(p) else None
        method = "probed" if chance(0.95) else "detection"
        if self.dense and chance(0.5):
            # Sparse details decide between records.
            maybe = lambda p, *values: values[0] if chance(p / 4) else None
        at = {"name": maybe(0.95, SERVICES[number], "http", "ssh"), "product": maybe(0.7, "OpenSSH", "nginx"),
              "version": maybe(0.6, "1.0", "2.0"), "extrainfo": maybe(0.2, "Ubuntu"), "hostname": maybe(0.2, "h.example"),
              "ostype": maybe(0.2, "Linux"), "devicetype": maybe(0.2, "router"), "tunnel": maybe(0.1, "ssl"),
              "method": method, "conf": 10 if self.dense else r.choice([10, 10, 8, 7, 3]), "servicefp": maybe(0.05, "SF-Port1")}
        if chance(0.03):
            at.update(proto="rpc", rpcnum=100000, lowver=2, highver=4)
        if chance(0.02):
            # A service without any details has no row.
            at = {}
        cpes = [El("cpe", {}, text=c) for c in r.sample(["cpe:/a:x:y", "cpe:/o:linux"], r.choice([0, 0, 1, 2]))]
        return El("service", at, cpes if at else [])

    def script(self, name):
        r = self.r
        kids = []
        if self.chance(0.2):
            kids = [El("elem", {"key": "k"}, text=r.choice(["v", "w"]))]
        return El("script", {"id": name, "output": r.choice(OUTPUTS) if self.chance(0.95) else None}, kids)

    def details(self, truth, want):
        """Operating system, scripts, route and measurements."""
        r, chance = self.r, self.chance
        made = []
        if "O" in want:
            if chance(0.8):
                made.append(self.os(truth))
            if chance(0.4):
                made.append(El("uptime", {"seconds": r.choice([10, 20]), "lastboot": "Mon" if chance(0.8) else None}))
            if chance(0.5):
                made.append(El("distance", {"value": r.choice([1, 2])}))
            if chance(0.4):
                made.append(El("tcpsequence", {"index": r.choice([1, 2]), "difficulty": r.choice(["Easy", "Hard"]),
                                               "values": r.choice([None, "A,B", "C"])}))
            if chance(0.3):
                made.append(El("ipidsequence", {"class": r.choice(["All zeros", "Random"]), "values": r.choice([None, "0"])}))
            if chance(0.3):
                made.append(El("tcptssequence", {"class": r.choice(["1000HZ", "none"]), "values": r.choice([None, "1,2"])}))
        if chance(0.02):
            made.append(El("smurf", {"responses": r.choice([1, 2])}))
        if "sC" in want and chance(0.5):
            ids = r.sample(["smb-os", "clock-skew", "nbstat"], r.choice([1, 1, 2]))
            made.append(El("hostscript", {}, [self.script(i) for i in ids]))
        if "trace" in want and chance(0.8):
            hops = [El("hop", {"ttl": t, "ipaddr": f"192.0.2.{100 + t}", "rtt": r.choice(["1.50", "--"]), "host": r.choice([None, "r.example"])})
                    for t in sorted(r.sample([1, 2, 3], r.choice([0, 1, 2])))]
            made.append(El("trace", {"proto": "tcp", "port": 80} if chance(0.8) else {}, hops))
        if chance(0.6):
            made.append(El("times", {"srtt": r.choice([100, 200]), "rttvar": r.choice([10, -1]), "to": 100000}))
        return made

    def os(self, truth):
        r, chance = self.r, self.chance
        kids = []
        for _ in range(r.choice([0, 1, 2])):
            kids.append(El("portused", {"state": r.choice(["open", "closed"]), "proto": "tcp", "portid": r.choice(TCP)}))
        os_class = lambda: El("osclass", {"type": "general purpose", "vendor": "V", "osfamily": r.choice(["Linux", "BSD"]),
                                          "osgen": r.choice([None, "5.X"]), "accuracy": r.choice([90, 95])},
                              [El("cpe", {}, text="cpe:/o:x")] if chance(0.3) else [])
        if chance(0.15):
            kids += [os_class() for _ in range(r.choice([1, 2]))]
        names = list(dict.fromkeys([truth["os"]] + r.sample(OSES, r.choice([0, 1, 2])))) if chance(0.85) else []
        for name in names:
            at = {"name": name, "accuracy": r.choice([100, 95, 90, None] if chance(0.1) else [100, 95, 90]), "line": r.choice([None, 7, 8])}
            kids.append(El("osmatch", at, [os_class() for _ in range(r.choice([0, 1, 1, 2]))]))
        if chance(0.2):
            kids.append(El("osfingerprint", {"fingerprint": r.choice(["OS:A", "OS:B"])}))
        return El("os", {}, kids)

    def masscan(self, day):
        r, chance = self.r, self.chance
        start = BASE + day * DAY + r.randrange(60)
        kids = [El("scaninfo", {"type": "syn", "protocol": "tcp"})]
        end = start
        for _ in range(r.choice([1, 2, 3, 4, 6])):
            ip = r.choice(self.ips)
            number = r.choice(self.pools["tcp"])
            state = self.truth[ip]["ports"]["tcp", number] if chance(0.8) else r.choice(["open", "closed"])
            state = state if state in ("open", "closed") else "open"
            inner = [El("state", {"state": state, "reason": "syn-ack", "reason_ttl": r.choice([54, 64])})]
            if chance(0.4):
                at = {"name": r.choice(["title", "http.server", "X509"]), "banner": r.choice(["Lab", "nginx", "MIIC"])}
                if chance(0.1):
                    at, inner = {}, []
                inner.append(El("service", at, [] if at else [El("banner", {}, text="SSH-2.0")]))
            kids.append(El("host", {"endtime": end if chance(0.95) else None}, [
                El("address", {"addr": ip, "addrtype": "ipv4" if ":" not in ip else "ipv6"}),
                El("ports", {}, [El("port", {"protocol": "tcp", "portid": number}, inner)]),
            ]))
            end += r.choice([0, 0, 1, 5])
        if chance(0.8):
            kids.append(El("runstats", {}, [El("finished", {"time": end + 1, "elapsed": 85}), El("hosts", {"up": 5, "down": 0, "total": 5})]))
        return El("nmaprun", {"scanner": "masscan", "start": start, "version": "1.0-BETA"}, kids)


def options(rng):
    """Returns the options of one merge."""
    made = {"policy": rng.choice(["caller", "first", "latest", "latest", "latest", "best"]),
            "identity": rng.choice(["ip"] * 4 + ["mac", "hostname"]), "flags": set(), "explain": rng.random() < 0.7}
    if rng.random() < 0.25:
        for flag in ("tcp", "udp", "sctp", "ip", "scripts", "trace", "os", "names", "details"):
            if rng.random() < 0.25:
                made["flags"].add(flag)
    if made["policy"] == "latest":
        made["keep_covered"] = rng.random() < 0.15
        made["keep_identity"] = rng.random() < 0.15
    if rng.random() < 0.15:
        made["max_age"] = rng.choice(["1d", "2d", "86340s", "3d", "12h", "60s"])
    if rng.random() < 0.07:
        made["state"] = rng.choice(["open", "closed", "open,filtered"])
    if rng.random() < 0.07:
        made["up"] = True
    return made


KINDS = ("appeared", "first_seen", "gone", "changed", "moved", "not_scanned")
SUBJECTS = ("host", "port", "service", "script", "os", "name", "address", "route")


def diff_options(rng, count):
    made = {"identity": rng.choice(["ip"] * 4 + ["mac", "hostname"]), "old": rng.randrange(1, count), "all": rng.random() < 0.3}
    if rng.random() < 0.1:
        made["ignore"] = rng.sample(KINDS + SUBJECTS, rng.choice([1, 2, 3]))
    elif rng.random() < 0.1:
        made["only"] = rng.sample(KINDS + SUBJECTS, rng.choice([1, 2, 4]))
    if rng.random() < 0.1:
        made["ignore_script"] = rng.sample(["http-*", "vulners", "smb-?s", "nb*"], rng.choice([1, 2]))
    if rng.random() < 0.1:
        made["ignore_state"] = rng.sample(["open", "closed", "filtered"], rng.choice([1, 2]))
    return made


def make(rng, what="merge"):
    """Returns a series for a check: `merge`, `state`, `history` or `diff`."""
    maker = Maker(rng)
    if what == "diff" and rng.random() < 0.4:
        # Two scans of the same ports, most of which are in lists or only counted.
        maker.twice = maker.odd = 0.0
        maker.lists = rng.choice([0.0, 1.0])
        maker.share, maker.change, maker.shown = 1.0, 0.3, [{"open"}]
        return Series([Doc(maker.nmap(n, n, [["tcp"], ["tcp"], ["udp"]])) for n in (0, 1)], diff_options(rng, 2))
    docs = maker.docs()
    while what == "diff" and len(docs) < 2:
        docs += maker.docs()
    if what == "diff":
        return Series(docs, diff_options(rng, len(docs)))
    made = Series(docs, options(rng))
    ends = [int(h.at["endtime"]) for d in docs for h in d.root.kids if "endtime" in h.at]
    if made.options.get("max_age") and ends and rng.random() < 0.6:
        # Exactly the age of a host, to the second.
        made.options["max_age"] = f"{max(ends) - rng.choice(ends)}s"
    if what == "state":
        made.options["splits"] = sorted(rng.randrange(len(docs) + 1) for _ in range(rng.choice([1, 1, 2, 3])))
    if what == "history":
        made.options = {n: v for n, v in made.options.items() if n in ("identity", "keep_covered", "keep_identity")}
        made.options["reversed"] = rng.random() < 0.4
    return made
