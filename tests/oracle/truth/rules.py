"""A second implementation of the rules of docs/merge.md, in plain form: from documents to the rows of every table."""

import re
from datetime import datetime, timedelta

from arguments import asked
from conflicts import Conflicts

DETAILS = [
    ["uptime_s", "last_boot"], ["distance"],
    ["tcp_seq_index", "tcp_seq_difficulty", "tcp_seq_class", "tcp_seq_values"],
    ["ip_id_class", "ip_id_values"], ["tcp_ts_class", "tcp_ts_values"], ["comment"],
]
TIMINGS = ["srtt_ms", "rttvar_ms", "timeout_ms", "smurf_responses"]
ANSWERS = ("open", "closed", "unfiltered")
PROTOCOLS = ("tcp", "udp", "sctp", "ip")


# Copies of one scan.

class Used:
    """A scan that counts, under its final ID, with the copies that it represents."""

    def __init__(self, scan, ident, collides, dropped):
        self.scan, self.id, self.collides, self.dropped = scan, ident, collides, dropped
        self.shared_macs = 0


def used_scans(scans):
    """Returns the scans that count, each in the position of its first copy."""
    equal, first_of = {}, []
    for scan in scans:
        if scan.sha in equal:
            equal[scan.sha].append(scan)
        else:
            equal[scan.sha] = []
            first_of.append(scan)
    by_id = {}
    for scan in first_of:
        by_id.setdefault(scan.id, []).append(scan)
    made = []
    for ident, copies in by_id.items():
        groups = []
        for scan in copies:
            if scan.finished:
                same = next((g for g in groups if hosts_of(g[0]) == hosts_of(scan)), None)
                if same is None:
                    groups.append([scan])
                else:
                    same.append(scan)
        loose = [s for s in copies if not s.finished]
        if not groups:
            groups = [[]]
        groups[0] += loose
        for number, group in enumerate(groups):
            group.sort(key=scans.index)
            best = max(group, key=lambda s: s.goodness())
            place = min(scans.index(s) for s in group)
            name = ident if number == 0 else f"{ident}-x{best.sha[:8]}"
            dropped = [s for s in group if s is not best]
            dropped += [twin for s in group for twin in equal[s.sha]]
            dropped.sort(key=lambda s: next(i for i, other in enumerate(scans) if other is s))
            made.append((place, Used(best, name, number > 0, dropped)))
    made.sort(key=lambda pair: pair[0])
    return [used for _, used in made]


def hosts_of(scan):
    return [{k: v for k, v in h.items() if k not in ("scan", "host_id")} for h in scan.hosts]


# Entries and looks.

def earliest(values):
    return min((v for v in values if v is not None), default=None)


def latest(values):
    return max((v for v in values if v is not None), default=None)


def extra_answers(extra_ports):
    return any(e.get("state") in ANSWERS and e.get("count") != 0 for e in extra_ports)


def evidence(state, reason, timed_out, ports, extra_ports):
    if timed_out:
        return False
    if state == "up" and reason == "user-set":
        return any(p["state"] in ANSWERS for p in ports) or extra_answers(extra_ports)
    return True


def united(lists, key):
    """Joins lists, best first; duplicates within one of them stay."""
    made, seen = [], set()
    for items in lists:
        made += [i for i in items if key(i) not in seen]
        seen |= {key(i) for i in items}
    return made


def name_key(name):
    text = name["name"].lower()
    return text[:-1] if text.endswith(".") else text, name.get("type")


def address_key(address):
    return address["addr"], address["type"], address.get("zone")


def united_addresses(lists):
    """Returns addresses, best look first, each with the vendor of the best look that has one."""
    vendors = {}
    for address in (a for items in lists for a in items):
        if address.get("vendor"):
            vendors.setdefault(address_key(address), address["vendor"])
    made, done = [], set()
    for address in united(lists, address_key):
        key = address_key(address)
        if key not in done and not address.get("vendor"):
            address = {**address, "vendor": vendors.get(key)}
        done.add(key)
        made.append(address)
    return made


def known(service):
    names = ("product", "version", "extra_info", "hostname", "os_type", "device_type")
    return sum(service.get(n) is not None for n in names) + bool(service.get("cpes"))


def is_probed(service):
    return service.get("method") in ("probed", "detection")


def service_rank(service):
    kind = 3 if is_probed(service) else 2 if service.get("banner") is not None else 1 if service.get("method") == "table" else 0
    return kind, service.get("confidence") or 0, known(service)


def record_rank(port, timed_out):
    """Returns the amount of detail known about a port (`best`)."""
    ranks = [service_rank(s) for s in port.get("services", [])]
    return not timed_out, max(ranks, default=(0, 0, 0)), port["state"] == "open"


class Entry:
    """A host element."""

    def __init__(self, line, used):
        self.line = line
        self.state, self.reason = line["state"], line.get("reason")
        self.timed_out = bool(line.get("timed_out"))
        self.ports = {(p["protocol"], p["port"]): p for p in line.get("ports", [])}
        self.extra_ports = line.get("extra_ports", [])
        self.evidence = evidence(self.state, self.reason, self.timed_out, self.ports.values(), self.extra_ports)
        scan = used.scan
        self.start, self.end = line.get("start_time"), line.get("end_time")
        self.time = self.end or scan.end or scan.start
        self.times = self.start or self.end, self.end or self.start
        self.addresses = [{**a, "zone": z} for a, z in zip(line.get("addresses", []), line["_zones"])]
        self.covers_any = line["complete"] and not self.timed_out and self.state == "up" and self.evidence

    def lists(self):
        """Returns the ports that its lists name: [(state, protocol, numbers)]."""
        return [(e.get("state"), r.get("proto"), numbers(r["ports"]))
                for e in self.extra_ports for r in e.get("reasons", []) if r.get("ports")]

    def covered(self, protocol, port, scan_info):
        """Returns (covered, the state that its lists give)."""
        if not self.covers_any:
            return False, None
        lists = self.lists()
        if any(p == protocol for _, p, _ in lists):
            states = [s for s, p, n in lists if p == protocol and port in n]
            return bool(states), states[0] if states else None
        asked_for = any(i.get("protocol") == protocol and port in numbers(i.get("services")) for i in scan_info)
        if not asked_for:
            return False, None
        if len(self.extra_ports) == 1 and not lists:
            return True, self.extra_ports[0].get("state")
        return True, None


NUMBERS = {}


def numbers(text):
    """Returns the ports in a list such as `1-3,80`."""
    made = NUMBERS.get(text)
    if made is None:
        made = set()
        for part in (text or "").split(","):
            if part:
                first, _, last = part.partition("-")
                made |= set(range(int(first), int(last or first) + 1))
        NUMBERS[text] = made
    return made


def in_order(entries, policy):
    """Sorts the entries of one scan by the rank that the policy gives them."""
    at = list(enumerate(entries))
    if policy == "latest":
        at.sort(key=lambda p: (p[1].evidence, p[1].time or "", p[0]), reverse=True)
    elif policy == "best":
        at.sort(key=lambda p: (p[1].timed_out, -len(p[1].ports), p[0]))
    return [e for _, e in at]


class Look:
    """A scan's observation of a host: its entries, folded."""

    def __init__(self, used, place, entries, policy):
        self.used, self.id, self.place, self.entries = used, used.id, place, entries
        self.scan_info = used.scan.line.get("scan_info", [])
        scan = used.scan
        head = in_order(entries, policy)[0]
        best = in_order(entries, policy)
        self.state, self.reason = head.state, head.reason
        self.reason_ttl = head.line.get("reason_ttl")
        self.timed_out = head.line.get("timed_out")
        self.start, self.end = earliest(e.start for e in entries), latest(e.end for e in entries)
        self.time = self.end or scan.end or scan.start
        # Where a host has no times, those of its scan are used.
        self.first = earliest(e.times[0] for e in entries) or scan.start or scan.end
        self.last = latest(e.times[1] for e in entries) or scan.end or scan.start
        self.extra_ports = next((e.extra_ports for e in entries if e.extra_ports), [])
        self.complete = any(e.line["complete"] for e in entries)
        self.ports = self.folded_ports(entries, policy)
        self.addresses = united_addresses([e.addresses for e in best])
        self.names = united([e.line.get("hostnames", []) for e in best], name_key)
        self.details = {}
        for group in DETAILS:
            lead = next((e for e in best if any(c in e.line for c in group)), None)
            self.details.update({c: lead.line.get(c) if lead else None for c in group})
        self.timings = {c: head.line.get(c) for c in TIMINGS}
        self.os = united_os([e.line.get("os", {}) for e in best])
        self.scripts = united([e.line.get("scripts", []) for e in best], lambda s: s["name"])
        self.trace = next((e.line["trace"] for e in best if any(t.get("hops") for t in e.line.get("trace", []))), [])
        extras = [extra for e in entries for extra in e.extra_ports]
        self.evidence = evidence(self.state, self.reason, self.timed_out, self.ports.values(), extras)
        self.up = self.state == "up"
        self.whole = self.up and self.evidence and all(e.line["complete"] for e in entries)
        self.lists_count = len(self.ports)
        kinds = asked(scan.args) if self.whole else set()
        services = [s for p in self.ports.values() for s in p.get("services", [])]
        self.probed = any(map(is_probed, services)) or "services" in kinds
        self.ran_scripts = bool(self.scripts or any(p.get("scripts") for p in self.ports.values())) or "scripts" in kinds
        self.ran_host_scripts = self.ran_scripts
        self.detected = any(self.os.values()) or "os" in kinds
        self.mac = next((a["addr"] for a in self.addresses if a["type"] == "mac"), None)
        self.blind = set()

    def folded_ports(self, entries, policy):
        made = {}
        for key in dict.fromkeys(k for e in entries for k in e.ports):
            listing = [e for e in in_order(entries, policy) if key in e.ports]
            if policy == "best":
                listing = [e for e in entries if key in e.ports]
                listing.sort(key=lambda e: record_rank(e.ports[key], e.timed_out), reverse=True)
            head = listing[0]
            made[key] = {**head.ports[key], "services": each_once(e.ports[key].get("services", []) for e in listing),
                         "scripts": each_once(e.ports[key].get("scripts", []) for e in listing)}
            # An entry without times has those of its look.
            made[key]["first"] = earliest(e.times[0] or self.first for e in listing)
            made[key]["last"] = latest(e.times[1] or self.last for e in listing)
        return made

    def covers(self, key):
        """Returns (covered, state): true if the look would have reported the port, and the state that its lists give."""
        if not self.whole or key[0] in self.blind:
            return False, None
        covering = [e for e in self.entries if e.covered(*key, self.scan_info)[0]]
        entry = self.telling_entry(key)
        return bool(covering), entry.covered(*key, self.scan_info)[1] if entry else None

    def telling_entry(self, key):
        """The first of several entries that covers a port and counts any determines its state."""
        return next((e for e in self.entries if e.extra_ports and e.covered(*key, self.scan_info)[0]), None)

    def rank(self):
        return self.evidence, self.time or "", self.place

    def strip(self, flags):
        """Returns a scan other than the caller without what the flags name, as if it was neither found nor looked for."""
        for protocol in PROTOCOLS:
            if protocol in flags:
                self.blind.add(protocol)
                self.ports = {k: p for k, p in self.ports.items() if k[0] != protocol}
        if "scripts" in flags:
            self.scripts, self.ran_host_scripts = [], False
        if "trace" in flags:
            self.trace = []
        if "os" in flags:
            self.os, self.detected = united_os([]), False
        if "details" in flags:
            self.details = dict.fromkeys(self.details)


def each_once(lists):
    """Joins the values of several entries without duplicates."""
    lists = list(lists)
    if len(lists) == 1:
        return lists[0]
    made = []
    for item in (i for items in lists for i in items):
        if item not in made:
            made.append(item)
    return made


def united_os(found):
    """Returns OS matches by name, best first, sorted by accuracy; parts outside of any match come from the best look
    that has some."""
    matches = united([f.get("matches", []) for f in found], lambda m: m.get("name"))
    matches.sort(key=lambda m: -m["accuracy"] if m.get("accuracy") is not None else 1)
    first = lambda name: next((f[name] for f in found if f.get(name)), [])
    return {"matches": matches, "classes": first("classes"), "fingerprints": first("fingerprints"),
            "ports_used": first("ports_used")}


# Identity of hosts.

def identity(line, zones, how, shared):
    addresses = line.get("addresses", [])
    ip = next((a["addr"] + (f"%{z}" if z else "") for a, z in zip(addresses, zones) if a["type"] != "mac"), None)
    mac = next((a["addr"] for a in addresses if a["type"] == "mac"), None)
    name = name_key(line["hostnames"][0])[0] if line.get("hostnames") else None
    order = {"ip": "imn", "mac": "min", "hostname": "nim"}[how]
    for kind in order:
        if kind == "i" and ip:
            return f"ip:{ip}"
        if kind == "m" and mac:
            return f"mac:{mac}@{ip}" if mac in shared and ip else f"mac:{mac}"
        if kind == "n" and name:
            return f"name:{name}"
    return None


def shared_macs(used):
    """Returns MAC addresses that one of the scans shows at several IP addresses."""
    shared = set()
    for one in used:
        seen = {}
        for line in one.scan.hosts:
            key = identity(line, line["_zones"], "ip", set())
            mac = next((a["addr"] for a in line.get("addresses", []) if a["type"] == "mac"), None)
            if mac and key.startswith("ip:"):
                seen.setdefault(mac, set()).add(key)
        several = {mac for mac, ips in seen.items() if len(ips) > 1}
        one.shared_macs = len(several)
        shared |= several
    return shared


def looks_by_host(used, options, shared=None):
    """Returns the looks at each host in the order of the arguments; hosts are in the order in which they were first
    seen."""
    if shared is None:
        shared = shared_macs(used) if options["identity"] == "mac" else set()
    hosts = {}
    for place, one in enumerate(used):
        here = {}
        for index, line in enumerate(one.scan.hosts):
            key = identity(line, line["_zones"], options["identity"], shared) or (one.id, f"idx:{index}")
            here.setdefault(key, []).append(Entry(line, one))
        for key, entries in here.items():
            hosts.setdefault(key, []).append(Look(one, place, entries, options["policy"]))
    return hosts


def has_older_look(scans, known, options):
    """Returns true if one of the scans after the first `known` ones looked at a host before one of those did."""
    hosts = looks_by_host(used_scans(scans), options)
    old = lambda looks: [l.time or "" for l in looks if l.place < known]
    return any(l.place >= known and (l.time or "") < max(old(looks), default="") for looks in hosts.values() for l in looks)


# One host.

class Merged:
    """One host of the result; `looks` are those that count, in the order of the arguments."""

    def __init__(self, key, looks, options):
        self.key, self.options = key, options
        policy = options["policy"]
        self.latest = policy == "latest"
        self.groups = DETAILS
        self.first_seen = earliest(l.first for l in looks)
        if self.latest and not options.get("keep_identity"):
            looks = since_last_device(looks)
        if "names" in options["flags"]:
            self.named = looks[:1]
        for look in looks:
            if look.place > 0:
                look.strip(options["flags"])
        self.looks = looks
        if self.latest:
            self.rank = sorted(looks, key=Look.rank, reverse=True)
        elif policy == "best":
            self.rank = sorted(looks, key=lambda l: (bool(l.timed_out), -l.lists_count, l.place))
        else:
            self.rank = looks
        if "names" not in options["flags"]:
            self.named = self.rank
        self.head = self.rank[0]
        self.covered_ports = []
        self.ports = {}
        for key in sorted({k for l in looks for k in l.ports}, key=port_order):
            self.take_port(key)
        self.take_rest()
        self.leave_out_old(None)

    def take_port(self, key):
        if self.latest:
            listing = [l for l in self.rank if key in l.ports]
            owner = listing[0]
            by = next((l for l in self.rank if l.rank() > owner.rank() and later(l, owner) and l.covers(key)[0]), None)
            if by is not None and not self.options.get("keep_covered"):
                self.covered_ports.append((key, by))
                return
            services = self.kept(key, owner, lambda l: l.probed)
            scripts = self.kept(key, owner, lambda l: l.ran_scripts)
        else:
            listing = [l for l in self.looks if key in l.ports]
            owner = listing[0]
            if self.options["policy"] == "best":
                owner = max(listing, key=lambda l: record_rank(l.ports[key], l.timed_out))
            services = scripts = owner
        self.ports[key] = {
            "owner": owner, "services": services, "scripts": scripts,
            "first_seen": earliest(l.ports[key]["first"] for l in listing),
            "last_seen": latest(l.ports[key]["last"] for l in listing),
            "last_looked": latest([l.ports[key]["last"] for l in listing]
                                  + [l.last for l in self.looks if key not in l.ports and l.covers(key)[0]]),
            "seen": len(listing),
        }

    def kept(self, key, owner, did):
        """Returns the look whose services (or scripts) are used: a quick look hides no versions."""
        state = owner.ports[key]["state"]
        for look in self.rank[self.rank.index(owner):]:
            if key in look.ports:
                if look.ports[key]["state"] != state:
                    return owner
                if did(look):
                    return look
            else:
                covered, told = look.covers(key)
                if covered and told != state:
                    return owner
        return owner

    def take_rest(self):
        rank, options = self.rank, self.options
        first = lambda has: next((l for l in rank if has(l)), None)
        self.last_looked = latest(l.last for l in self.looks)
        self.addresses = united_addresses([l.addresses for l in self.named])
        if self.latest and "names" not in options["flags"]:
            self.names, done = [], set()
            for look in rank:
                self.names += [n for n in look.names if n.get("type") not in done]
                done |= {n.get("type") for n in look.names}
        else:
            self.names = united([l.names for l in self.named], name_key)
        self.details = {}
        for group in DETAILS:
            lead = first(lambda l: any(l.details[c] is not None for c in group))
            self.details.update({c: lead.details[c] if lead else None for c in group})
        self.details.update(self.head.timings)
        if self.latest:
            lead = self.detector = first(lambda l: l.detected)
            os = lead.os if lead else united_os([])
            self.os_ids = [lead.id if lead else None] * len(os["matches"])
            self.os, self.orphans_id = os, lead.id if lead else None
            ran = self.ran = first(lambda l: l.ran_host_scripts)
            self.scripts = [(ran.id, s) for s in ran.scripts] if ran else []
        else:
            marked = [[{**m, "_id": l.id} for m in l.os["matches"]] for l in rank]
            self.os = united_os([{**l.os, "matches": m} for l, m in zip(rank, marked)])
            self.os_ids = [m["_id"] for m in self.os["matches"]]
            orphans = first(lambda l: l.os["classes"])
            self.orphans_id = orphans.id if orphans else None
            self.scripts = united([[(l.id, s) for s in l.scripts] for l in rank], lambda p: p[1]["name"])
        route = self.route = first(lambda l: l.trace)
        self.trace, self.trace_id = (route.trace, route.id) if route else ([], None)
        if options["policy"] == "caller":
            self.extra_from = next((l for l in self.looks if l.extra_ports), None)
        else:
            self.extra_from = self.head
        self.extra_ports = self.extra_from.extra_ports if self.extra_from else []

    def leave_out_old(self, limit):
        """Removes ports that are too old. Returns true if the host stays."""
        self.ports = {k: p for k, p in self.ports.items() if not older(p["last_seen"], limit)}
        # The times of a port never exceed those of its host, which need not have been up.
        self.last_seen = latest([l.last for l in self.looks if l.up] + [p["last_seen"] for p in self.ports.values()])
        return not older(self.last_seen or self.last_looked, limit)


def later(one, other):
    return (one.time or "", one.place) > (other.time or "", other.place)


def port_order(key):
    return PROTOCOLS.index(key[0]) if key[0] in PROTOCOLS else len(PROTOCOLS), key


def since_last_device(looks):
    """Returns the looks from the last one whose MAC address differs from the one before it."""
    order = sorted(looks, key=lambda l: (l.time or "", l.place))
    mac, start = None, 0
    for index, look in enumerate(order):
        if look.mac is not None:
            if mac is not None and look.mac != mac:
                start = index
            mac = look.mac
    kept = order[start:]
    return [l for l in looks if l in kept]


# Age.

def older(time, limit):
    return limit is not None and time is not None and time < limit


def age_limit(looks, text):
    newest = latest(e.time for l in looks for e in l.entries)
    if text is None or newest is None:
        return None
    unit = {"s": "seconds", "h": "hours", "d": "days"}[text[-1]]
    limit = datetime.strptime(newest, "%Y-%m-%dT%H:%M:%SZ") - timedelta(**{unit: int(text[:-1])})
    return limit.strftime("%Y-%m-%dT%H:%M:%SZ")


# Output.

def without_listed(extra_ports, ports):
    """Returns lists and counts without the ports that have rows."""
    made = []
    for entry in extra_ports:
        entry, taken, reasons = dict(entry), 0, []
        for reason in entry.get("reasons", []):
            named = numbers(reason.get("ports"))
            gone = {n for p, n in ports if p == reason.get("proto") and n in named}
            if gone:
                taken += len(gone)
                reason = dict(reason, ports=spans(named - gone))
                if reason.get("count") is not None:
                    reason["count"] = max(0, reason["count"] - len(gone))
                if not named - gone:
                    continue
            reasons.append(reason)
        if taken:
            entry["reasons"] = reasons
            if entry.get("count") is not None:
                entry["count"] = max(0, entry["count"] - taken)
                if entry["count"] == 0:
                    continue
            elif not reasons:
                continue
        made.append(entry)
    return made


def spans(values):
    text, run = [], []
    for value in sorted(values) + [None]:
        if run and value != run[-1] + 1 if value is not None else run:
            text.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
            run = []
        if value is not None:
            run.append(value)
    return ",".join(text)


def merge(scans, options):
    """Returns the rows of each table for documents in the order of the arguments."""
    used = used_scans(scans)
    hosts = looks_by_host(used, options)
    everything = [l for looks in hosts.values() for l in looks]
    limit = age_limit(everything, options.get("max_age"))
    tables = {t: [] for t in ("hosts", "ports", "services", "scripts", "os_matches", "os_classes", "hops", "scans",
                              "warnings", "conflicts")}
    index = 0
    for key, looks in hosts.items():
        host = Merged(key, looks, options)
        if not host.leave_out_old(limit):
            continue
        if not (options.get("up") and host.head.state != "up"):
            rows_of(host, index, tables, options)
        index += 1
    for one in used:
        rows_of_scan(one, tables)
    return tables


def host_row(host, host_key):
    """Returns the row of a host, without the values that depend on the whole merge."""
    head, options = host.head, host.options
    ip = next((a for a in host.addresses if a["type"] != "mac"), {})
    mac = next((a for a in host.addresses if a["type"] == "mac"), {})
    name = next((n["name"] for kind in ("user", "PTR") for n in host.names if n.get("type") == kind),
                host.names[0]["name"] if host.names else None)
    extra = host.extra_ports
    if options["policy"] != "caller":
        extra = without_listed(extra, set(host.ports))
    return {
        "host_key": host_key, "scan_id": head.id, "ip": ip.get("addr"),
        "ip_version": (6 if ":" in ip["addr"] else 4) if ip else None, "ip_zone": ip.get("zone"),
        "mac": mac.get("addr"), "mac_vendor": mac.get("vendor"), "hostname": name, "hostnames": host.names,
        "addresses": [{k: a.get(k) for k in ("addr", "type", "vendor")} for a in host.addresses],
        "state": head.state, "reason": head.reason, "reason_ttl": head.reason_ttl,
        "start_time": head.start, "end_time": head.end, "timed_out": head.timed_out,
        "complete": any(l.complete for l in host.looks), **host.details, "extra_ports": extra,
        "os_fingerprints": host.os["fingerprints"], "os_ports_used": host.os["ports_used"],
        "ports_listed": len(host.ports),
        "ports_open": sum(p["owner"].ports[k]["state"] == "open" for k, p in host.ports.items()),
        "scan_ids": [l.id for l in host.looks], "first_seen": host.first_seen, "last_seen": host.last_seen,
        "last_looked": host.last_looked, "seen": len(host.looks),
    }


def rows_of(host, index, tables, options):
    host_key = host.key if isinstance(host.key, str) else host.key[1]
    ident = {"host_key": host_key}
    row = host_row(host, host_key)
    host.shown_extra_ports = row["extra_ports"]
    tables["hosts"].append({**row, "host_index": index})
    ip = row["ip"]
    begun = {look.id: look.used.scan.start for look in host.looks}

    def start(scan_id):
        """Returns the start of the host, which is that of the scan that supplied its state, or else of the scan."""
        return (host.head.start if scan_id == host.head.id else None) or begun.get(scan_id)

    chosen = options["state"].split(",") if options.get("state") else None
    for place, ((protocol, number), port) in enumerate(host.ports.items()):
        owner = port["owner"]
        row = owner.ports[protocol, number]
        if chosen and row["state"] not in chosen:
            continue
        at = {**ident, "protocol": protocol, "port": number}
        tables["ports"].append({
            **at, "scan_id": owner.id, "ip": ip, "start_time": start(owner.id), "port_index": place, "expanded": False,
            **{c: row.get(c) for c in ("state", "reason", "reason_ttl", "reason_ip", "owner")},
            **{c: port[c] for c in ("first_seen", "last_seen", "last_looked", "seen")},
        })
        services = port["services"]
        for number_in, service in enumerate(services.ports[protocol, number]["services"]):
            tables["services"].append({**at, "scan_id": services.id, "service_index": number_in, "ip": ip,
                                       "start_time": start(services.id), "state": row["state"], **service})
        scripts = port["scripts"]
        for number_in, script in enumerate(scripts.ports[protocol, number]["scripts"]):
            tables["scripts"].append({**at, "scan_id": scripts.id, "scope": "port", "script_index": number_in,
                                      "ip": ip, "start_time": start(scripts.id), "state": row["state"],
                                      "origin": "nse", **script})
    for number_in, (scan_id, script) in enumerate(host.scripts):
        tables["scripts"].append({**ident, "scan_id": scan_id, "scope": "host", "script_index": number_in,
                                  "ip": ip, "start_time": start(scan_id), "origin": "nse", **script})
    classes = 0
    groups = list(zip(host.os_ids, range(len(host.os_ids)), (m.get("classes", []) for m in host.os["matches"])))
    accuracies = [-1 if m.get("accuracy") is None else m["accuracy"] for m in host.os["matches"]]
    best = accuracies.index(max(accuracies)) if accuracies else None
    for scan_id, place, match in zip(host.os_ids, range(len(host.os_ids)), host.os["matches"]):
        tables["os_matches"].append({**ident, "scan_id": scan_id, "match_index": place,
                                     "ip": ip, "start_time": start(scan_id), "best": place == best,
                                     **{c: match.get(c) for c in ("name", "accuracy", "line")}})
    for scan_id, place, members in groups + [(host.orphans_id, None, host.os["classes"])]:
        for one in members:
            tables["os_classes"].append({**ident, "scan_id": scan_id, "class_index": classes, "match_index": place, **one})
            classes += 1
    if options.get("explain"):
        tables["conflicts"] += Conflicts(host, ident).all()
    for trace_index, trace in enumerate(host.trace):
        for hop_index, hop in enumerate(trace.get("hops", [])):
            tables["hops"].append({**ident, "scan_id": host.trace_id, "trace_index": trace_index, "hop_index": hop_index,
                                   "proto": trace.get("proto"), "trace_port": trace.get("port"), **hop})


def rows_of_scan(one, tables):
    scan = one.scan
    for scope_index, script in enumerate(scan.scripts):
        tables["scripts"].append({"scan_id": one.id, "script_index": scope_index, "start_time": scan.start,
                                  "origin": "nse", **script})
    codes = own_warnings(scan)
    if one.collides:
        codes["W_ID_COLLISION"] = 1
    if one.shared_macs:
        codes["W_SHARED_MAC"] = one.shared_macs
    tables["scans"].append({**scan.line, "scan_id": one.id, "warnings": sum(codes.values())})
    for code, count in sorted(codes.items()):
        tables["warnings"].append({"source": scan.source, "doc_index": 0, "scan_id": one.id, "code": code, "count": count})
    for other in one.dropped:
        for code, count in sorted({**own_warnings(other), "W_DUP_SCAN": 1}.items()):
            tables["warnings"].append({"source": other.source, "doc_index": 0, "scan_id": None, "code": code, "count": count})


def own_warnings(scan):
    codes = {}
    if scan.truncated:
        codes["W_TRUNCATED"] = 1
    if scan.broken_off:
        codes["W_IMPLICIT_CLOSE"] = 1
    if scan.dropped_ports:
        codes["W_PORT_DROPPED"] = scan.dropped_ports
    if scan.dup_ports:
        codes["W_DUP_PORT"] = scan.dup_ports
    return codes
