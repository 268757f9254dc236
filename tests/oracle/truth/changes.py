"""The rules of docs/merge.md, Diff, in plain form: the rows of `changes` between two lists of documents."""

import fnmatch

import rules
from arguments import asked
from conflicts import joined, script_text, service_text
from rules import Merged

NOISE = ["*-uptime", "clock-skew", "daytime", "http-date", "qscan", "rfc868-time", "smb2-time", "ssl-date", "uptime-agent-info"]
NOISE_LINES = ("Server time:", "System time:", "System uptime:", "System_Time:", "Uptime:", "receive time stamp:")
ABOUT = {"host": "host", "hostnames": "name", "addresses": "address", "mac": "address", "os": "os", "trace": "route",
         "extra_ports": "port", "service": "service", "scripts": "script"}
TOLD = ("up", "down")


def changes(old_scans, new_scans, options):
    """Returns the rows without those that the options omit, and the hosts whose counted ports the document leaves
    undefined."""
    used = [rules.used_scans(scans) for scans in (old_scans, new_scans)]
    merge_options = {"policy": "latest", "flags": set(), "identity": options["identity"]}
    shared = set()
    if options["identity"] == "mac":
        shared = rules.shared_macs(used[0]) | rules.shared_macs(used[1])
    sides = []
    for scans in used:
        hosts = rules.looks_by_host(scans, merge_options, shared)
        sides.append({key: Merged(key, looks, merge_options) for key, looks in hosts.items()})
    differ = Diff(sides, used, options)
    rows = [row for row in differ.rows() if differ.shown(row)]
    return rows, {key if isinstance(key, str) else key[1] for key in differ.open_counts}


class Diff:
    def __init__(self, sides, used, options):
        self.old, self.new = sides
        self.used, self.options, self.made, self.open_counts = used, options, [], set()

    def rows(self):
        moved = self.moved_hosts()
        for key, host in self.old.items():
            if key in self.new:
                self.both(key, host, self.new[key])
            elif key not in moved.values():
                self.gone(key, host)
        for key, host in self.new.items():
            if key in moved:
                self.moved(key, self.old[moved[key]], host)
            elif key not in self.old:
                self.came(key, host)
        return self.made

    def moved_hosts(self):
        """Maps new keys to old ones where one host with a MAC address disappeared and one appeared."""
        by_mac = {}
        for place, side, other in ((0, self.old, self.new), (1, self.new, self.old)):
            for key, host in side.items():
                mac = mac_of(host)
                if mac and key not in other:
                    by_mac.setdefault(mac, ([], []))[place].append(key)
        return {came[0]: went[0] for went, came in by_mac.values() if len(went) == len(came) == 1}

    # Rows.

    def add(self, key, kind, column, old=None, new=None, port=None, ports=None, said=None, services=({}, {})):
        """Returns a row; `said` are the scans and times of both sides, by default those of the hosts."""
        hosts = self.hosts_of_row
        row = {"host_key": key if isinstance(key, str) else key[1], "kind": kind, "column": column, "old": old, "new": new, "ports": ports}
        row["ip"] = next((address_of(h) for h in reversed(hosts) if h), None)
        for side, (scan_id, time) in zip(("old", "new"), said or [(h.head.id, h.last_seen) if h else NOTHING for h in hosts]):
            row[f"{side}_scan_id"], row[f"{side}_time"] = scan_id, time
        if port:
            row["protocol"], row["port"] = port
            row["_states"] = {state_of(h, port) for h in hosts if h and port in h.ports} | ({old, new} if column == "state" else set())
        for side, service in zip(("old", "new"), services):
            row.update({f"{side}_service_{n}": service.get(n) for n in ("name", "product", "version")})
        self.made.append(row)

    def compare(self, key, column, old, new, equal, looked=(True, True), shown=None, **more):
        """Compares a value of both sides: `equal` are compared, and `old` and `new` are shown."""
        if all(looked):
            if equal[0] != equal[1]:
                kind = "changed" if old is not None and new is not None else "appeared" if old is None else "gone"
                self.add(key, kind, column, old, new, **more)
        elif looked[0] and old is not None:
            self.add(key, "not_scanned", shown or column, old=old, **more)
        elif looked[1] and new is not None:
            self.add(key, "not_scanned", shown or column, new=new, **more)

    # Hosts.

    def gone(self, key, host):
        self.hosts_of_row = host, None
        self.add(key, "gone", "host", old=host.head.state)
        for name, port in host.ports.items():
            looked = any(i.get("protocol") == name[0] and name[1] in rules.numbers(i.get("services"))
                         for one in self.used[1] for i in one.scan.line.get("scan_info", []))
            self.add(key, "gone" if looked else "not_scanned", "state", old=state_of(host, name), port=name,
                     said=(port_said(host, name), NOTHING), services=(service_of(host, name), {}))

    def came(self, key, host):
        self.hosts_of_row = None, host
        self.add(key, "appeared", "host", new=host.head.state)
        for name in host.ports:
            self.add(key, "appeared", "state", new=state_of(host, name), port=name, said=(NOTHING, port_said(host, name)),
                     services=({}, service_of(host, name)))

    def moved(self, key, old, new):
        self.hosts_of_row = old, new
        self.add(key, "moved", "host", *map(place_of, (old, new)))
        self.both(key, old, new, moved=True)

    def both(self, key, old, new, moved=False):
        self.hosts_of_row = old, new
        states = old.head.state, new.head.state
        told = [s in TOLD for s in states]
        self.compare(key, "state", *(s if t else None for s, t in zip(states, told)), states, told)
        self.addresses(key, old, new, moved)
        self.names(key, old, new)
        self.systems(key, old, new)
        self.routes(key, old, new)
        self.scripts(key, [[s for _, s in h.scripts] for h in (old, new)], [h.ran is not None for h in (old, new)],
                     said=[look_said(h.ran) for h in (old, new)])
        for name in sorted(set(old.ports) | set(new.ports), key=rules.port_order):
            if name in old.ports and name in new.ports:
                self.port_of_both(key, name, old, new)
            elif name in new.ports:
                self.port_of_new(key, name, old, new)
            else:
                self.port_of_old(key, name, old, new)
        self.ranges(key, old, new)
        self.counts(key, old, new)

    def addresses(self, key, old, new, moved):
        macs = [{a["addr"] for a in h.addresses if a["type"] == "mac"} for h in (old, new)]
        if all(macs) and macs[0] != macs[1]:
            self.add(key, "changed", "mac", *map(listed, macs))
        sides = [[a for a in h.addresses if a["type"] != "mac"] for h in (old, new)]
        if moved:
            # The row of the move contains both addresses.
            sides = [[a for a in side if rules.address_key(a) != rules.address_key(side[0])] for side in sides]
        texts = [[a["addr"] for a in side] for side in sides]
        self.compare(key, "addresses", *map(listed, texts), [set(t) for t in texts])

    def names(self, key, old, new):
        names = [[n["name"] for n in h.names] for h in (old, new)]
        looked = [bool(n) or any(l.up and l.used.scan.args and "no-names" not in asked(l.used.scan.args) for l in h.looks)
                  for n, h in zip(names, (old, new))]
        folded = [{n.lower().removesuffix(".") for n in side} for side in names]
        self.compare(key, "hostnames", *map(listed, names), folded, looked)

    def systems(self, key, old, new):
        names = [[m.get("name") for m in h.os["matches"]] for h in (old, new)]
        looked = [h.detector is not None for h in (old, new)]
        said = [look_said(h.detector) for h in (old, new)]
        self.compare(key, "os", *(", ".join(n) or None for n in names), [set(n) for n in names], looked, said=said)

    def routes(self, key, old, new):
        texts = [" ".join(h.get("ip", "") for t in side.trace for h in t.get("hops", [])) or None for side in (old, new)]
        asking = [h.route or next((l for l in h.rank if l.whole and "route" in asked(l.used.scan.args)), None) for h in (old, new)]
        looked = [look is not None for look in asking]
        said = list(map(look_said, asking))
        self.compare(key, "trace", *texts, texts, looked, said=said)

    # Scripts and services.

    def scripts(self, key, sides, ran, port=None, **more):
        sides = [[s for s in side if not self.is_noise(s["name"])] for side in sides]
        if not all(ran):
            names = [listed(s["name"] for s in side) for side in sides]
            self.compare(key, "scripts", *names, names, ran, port=port, **more)
            return
        for name in dict.fromkeys(s["name"] for side in sides for s in side):
            texts = [[script_text(s) for s in side if s["name"] == name] for side in sides]
            texts = ["\n".join(t) if t else None for t in texts]
            self.compare(key, f"script.{name}", *texts, [self.without_noise(t) for t in texts], port=port, **more)

    def is_noise(self, name):
        ignored = self.options.get("ignore_script", []) + ([] if self.options.get("all") else NOISE)
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in ignored)

    def without_noise(self, text):
        if text is None or self.options.get("all"):
            return text
        return "\n".join(line for line in text.split("\n") if not line.strip().startswith(NOISE_LINES))

    # Ports.

    def port_of_both(self, key, name, old, new):
        services = service_of(old, name), service_of(new, name)
        states = state_of(old, name), state_of(new, name)
        said = [port_said(h, name) for h in (old, new)]
        self.compare(key, "state", *states, states, port=name, said=said, services=services)
        if states[0] != states[1]:
            return
        found = [h.ports[name]["services"].ports[name]["services"] for h in (old, new)]
        probed = [h.ports[name]["services"].probed for h in (old, new)]
        said = [look_said(h.ports[name]["services"]) for h in (old, new)]
        if probed[0] == probed[1]:
            for column in ("name", "product", "version", "tunnel") if probed[0] else ("name",):
                values = [joined((service_text(s, column) for s in side), ", ") for side in found]
                self.compare(key, f"service.{column}", *values, values, port=name, said=said, services=services)
        else:
            texts = [listed(map(service_line, side)) if any(map(rules.is_probed, side)) else None for side in found]
            self.compare(key, "service", *texts, texts, probed, port=name, said=said, services=services)
        scripts = [h.ports[name]["scripts"].ports[name]["scripts"] for h in (old, new)]
        ran = [h.ports[name]["scripts"].ran_scripts for h in (old, new)]
        said = [look_said(h.ports[name]["scripts"]) for h in (old, new)]
        self.scripts(key, scripts, ran, port=name, said=said, services=services)

    def port_of_new(self, key, name, old, new):
        state = state_of(new, name)
        look = covering(old, name)
        said = look_said(look) if look else (old.head.id, old.last_seen), port_said(new, name)
        more = {"port": name, "said": said, "services": ({}, service_of(new, name))}
        if look:
            told = look.covers(name)[1]
            if told != state:
                self.add(key, "appeared", "state", told, state, **more)
        elif old.head.state == "down" or old.ports and not any(says_ports(l) for l in old.looks):
            self.add(key, "appeared", "state", None, state, **more)
        else:
            self.add(key, "first_seen" if state == "open" else "not_scanned", "state", None, state, **more)

    def port_of_old(self, key, name, old, new):
        state = state_of(old, name)
        look = covering(new, name)
        said = port_said(old, name), look_said(look) if look else (new.head.id, new.last_seen)
        more = {"port": name, "said": said, "services": (service_of(old, name), {})}
        if not look:
            self.add(key, "not_scanned", "state", state, None, **more)
        elif look.covers(name)[1] is None and uncertain(look, name):
            self.add(key, "not_scanned", "state", state, None, **more)
        elif look.covers(name)[1] != state:
            self.add(key, "gone", "state", state, look.covers(name)[1], **more)

    def ranges(self, key, old, new):
        """Ports that no side lists, and whose state both sides know from lists."""
        candidates = {(p, n) for h in (old, new) for l in h.looks for e in l.entries for _, p, ns in e.lists() for n in ns}
        went = {}
        for name in candidates:
            if name in old.ports or name in new.ports:
                continue
            looks = [covering(host, name) for host in (old, new)]
            states = [listed_state(look, name) if look else None for look in looks]
            if None not in states and states[0] != states[1]:
                went.setdefault((name[0], *states), []).append((name[1], looks))
        for (protocol, *states), found in went.items():
            numbers, looks = [number for number, _ in found], min(found, key=lambda pair: pair[0])[1]
            ports = {"port": (protocol, numbers[0])} if len(found) == 1 else {"port": (protocol, None), "ports": rules.spans(numbers)}
            self.add(key, "changed", "state", *states, said=list(map(look_said, looks)), **ports)

    def counts(self, key, old, new):
        """Ports that are counted without lists, where the document defines the result; otherwise the row is only
        counted."""
        looks = [h.looks[0] for h in (old, new)]
        plain = all(len(h.looks) == 1 and l.whole and len(l.entries) == 1 for h, l in zip((old, new), looks))
        infos = [l.used.scan.line.get("scan_info", []) for l in looks]
        if not plain or infos[0] != infos[1] or len(infos[0]) != 1:
            return self.open_counts.add(key)
        protocol = infos[0][0].get("protocol")
        if all(r.get("ports") for l in looks for e in l.extra_ports for r in e.get("reasons") or [{}]):
            return None
        counted = [self.counted(look, other, protocol) for look, other in (looks, looks[::-1])]
        if not all(counted):
            return self.open_counts.add(key)
        if counted[0] != counted[1]:
            texts = [", ".join(f"{n} {state}" for state, n in sorted(side.items())) for side in counted]
            self.add(key, "changed", "extra_ports", *texts, port=(protocol, None))
            self.made[-1]["_states"] = {s for s in {**counted[0], **counted[1]} if counted[0].get(s) != counted[1].get(s)}
        return None

    def counted(self, look, other, protocol):
        """Counts by state, without the ports that the other side lists; None if the scan does not say where they were
        counted."""
        made = {}
        for extra in look.extra_ports:
            if extra.get("count") is None or extra.get("state") in made:
                return None
            made[extra.get("state")] = extra["count"]
        for name in other.ports.keys() - look.ports.keys():
            covered, state = look.covers(name)
            if covered and state is None or name[0] != protocol:
                return None
            if covered:
                made[state] -= 1
        return None if any(n < 0 for n in made.values()) else {state: n for state, n in made.items() if n}

    # Omitted rows.

    def shown(self, row):
        options = self.options
        kinds = {row["kind"], self.about(row)}
        if kinds & set(options.get("ignore", [])):
            return False
        for group in (set(KINDS), set(SUBJECTS)):
            only = group & set(options.get("only", []))
            if only and not kinds & only:
                return False
        return not (row.get("protocol") and self.ignores(row.pop("_states")))

    def ignores(self, states):
        """Omits ports in an ignored state, unless they are or were open (and open is not ignored)."""
        ignored = set(self.options.get("ignore_state", []))
        return states & ignored and ("open" in ignored or "open" not in states)

    def about(self, row):
        column = row["column"]
        if column == "state":
            return "port" if row.get("protocol") else "host"
        return ABOUT.get(column) or column.split(".")[0]


KINDS = ("appeared", "first_seen", "gone", "changed", "moved", "not_scanned")
SUBJECTS = ("host", "port", "service", "script", "os", "name", "address", "route")


def listed(values):
    """Returns a set as text."""
    values = sorted(set(values))
    return ", ".join(values) if values else None


def service_line(service):
    return " ".join(service[n] for n in ("name", "product", "version") if service.get(n))


NOTHING = (None, None)


def port_said(host, name):
    return host.ports[name]["owner"].id, host.ports[name]["last_seen"]


def look_said(look):
    return (look.id, look.last) if look else NOTHING


def mac_of(host):
    return next((a["addr"] for a in host.addresses if a["type"] == "mac"), None)


def address_of(host):
    return next((a["addr"] for a in host.addresses if a["type"] != "mac"), None)


def place_of(host):
    """The address shown in the row of a move: the text of an `ip:` key, otherwise the address, otherwise the key."""
    key = host.key if isinstance(host.key, str) else host.key[1]
    return key[3:] if key.startswith("ip:") else address_of(host) or key


def state_of(host, name):
    return host.ports[name]["owner"].ports[name]["state"]


def service_of(host, name):
    """Returns the first service of a port."""
    return next(iter(host.ports[name]["services"].ports[name]["services"]), {})


def covering(host, name):
    """Returns the best look of a side that covers a port."""
    return next((l for l in host.rank if l.covers(name)[0]), None)


def listed_state(look, name):
    """Returns the state that a list names for the port."""
    for entry in look.entries:
        for state, protocol, numbers in entry.lists():
            if entry.covers_any and protocol == name[0] and name[1] in numbers:
                return state
    return None


def says_ports(look):
    """Returns true if the scan of a look says which ports it scanned."""
    return any(i.get("services") for i in look.used.scan.line.get("scan_info", [])) or any(e.lists() for e in look.entries)


def uncertain(look, name):
    """Returns true if several states are counted without a list for this protocol. Ports listed only for other
    protocols do not count."""
    entry = look.telling_entry(name)
    if not entry:
        return False
    if any(protocol == name[0] for _, protocol, _ in entry.lists()):
        return False
    return sum(e.get("count") != 0 and any(not r.get("ports") for r in e.get("reasons") or [{}]) for e in entry.extra_ports) > 1
