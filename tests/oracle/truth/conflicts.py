"""The rows of `conflicts`: each value that lost, with the one that won (docs/merge.md, Output)."""

import json

SERVICE = ["name", "product", "version", "extra_info", "hostname", "os_type", "device_type", "method", "confidence", "tunnel",
           "rpc_num", "cpes", "fingerprint", "banner"]


def text_of(value):
    if value is None or value == []:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def classes_text(classes):
    parts = [" ".join(c[n] for n in ("vendor", "family", "gen", "type") if c.get(n)) for c in classes]
    return ", ".join(parts) or None


def used_text(ports):
    return ", ".join(f"{p.get('port')}/{p.get('proto')} {p.get('state')}" for p in ports) or None


def extra_text(extra_ports):
    return ", ".join(f"{e.get('count', '')} {e.get('state', '')}" for e in extra_ports) or None


def route_text(trace):
    return " ".join(h.get("ip", "") for t in trace for h in t.get("hops", [])) or None


def script_text(script):
    if script.get("output") is not None:
        return script["output"]
    return json.dumps(script["data"], separators=(",", ":"), ensure_ascii=False) if "data" in script else ""


class Conflicts:
    """Collects the rows of one host."""

    def __init__(self, host, ident):
        self.host, self.ident, self.rows = host, ident, []
        self.rule = host.options["policy"]

    def add(self, column, winner, won, loser, lost, item=None, port=None, rule=None):
        row = {**self.ident, "column": column, "item": item, "winner_scan_id": winner.id, "winner_value": won,
               "loser_scan_id": loser.id, "loser_value": lost, "rule": rule or self.rule}
        if port:
            row["protocol"], row["port"] = port
        self.rows.append(row)

    def compare(self, column, winner, value, looks=None, item=None, port=None):
        """Returns the values of looks other than the winner that are set and differ from its value."""
        won = value(winner)
        for look in self.host.looks if looks is None else looks:
            lost = value(look)
            if look is not winner and lost is not None and lost != won:
                self.add(column, winner, won, look, lost, item, port)

    def all(self):
        host = self.host
        head = host.head
        self.compare("state", head, lambda l: l.state)
        self.compare("reason", head, lambda l: l.reason)
        self.compare("timed_out", head, lambda l: text_of(l.timed_out))
        if host.named is host.rank:
            mac = next((l for l in host.rank if l.mac), None)
            if mac:
                self.compare("mac", mac, lambda l: l.mac)
            if host.latest:
                self.names()
        self.details()
        self.systems()
        self.scripts()
        if host.extra_from:
            self.extra_ports(host.extra_from)
        if host.route:
            self.compare("trace", host.route, lambda l: route_text(l.trace))
        for key, port in host.ports.items():
            self.port(key, port)
        for key, by in host.covered_ports:
            told = by.covers(key)[1]
            for look in host.looks:
                if key in look.ports:
                    self.add("state", by, told, look, look.ports[key]["state"], port=key, rule="covered")
        return self.rows

    def extra_ports(self, winner):
        """Compares the values that the scans have; shows the resulting value if it differs, too."""
        stands = extra_text(self.host.shown_extra_ports)
        for look in self.host.looks:
            lost = extra_text(look.extra_ports)
            if look is not winner and lost is not None and lost not in (stands, extra_text(winner.extra_ports)):
                self.add("extra_ports", winner, stands, look, lost)

    def names(self):
        for kind in {n.get("type") for l in self.host.looks for n in l.names}:
            here = lambda l: sorted({n["name"] for n in l.names if n.get("type") == kind})
            folded = lambda l: {n.lower().removesuffix(".") for n in here(l)}
            winner = next(l for l in self.host.rank if here(l))
            for look in self.host.looks:
                if look is not winner and here(look) and folded(look) != folded(winner):
                    self.add("hostnames", winner, ", ".join(here(winner)), look, ", ".join(here(look)), kind)

    def details(self):
        for group in self.host.groups:
            lead = next((l for l in self.host.rank if any(l.details[c] is not None for c in group)), None)
            for column in group if lead else []:
                self.compare(column, lead, lambda l: text_of(l.details[column]))

    def systems(self):
        host = self.host
        for name in dict.fromkeys(m.get("name") for l in host.looks for m in l.os["matches"]):
            accuracy = lambda l: next((text_of(m.get("accuracy")) for m in l.os["matches"] if m.get("name") == name), None)
            has = lambda l: any(m.get("name") == name for m in l.os["matches"])
            winner = host.detector if host.latest else next(l for l in host.rank if has(l))
            self.compare(f"os_match.{name}", winner, accuracy, item=name)
        for column, part, text in (("os_classes", "classes", classes_text), ("os_ports_used", "ports_used", used_text),
                                   ("os_fingerprints", "fingerprints", lambda f: ", ".join(f) or None)):
            winner = host.detector if host.latest else next((l for l in host.rank if l.os[part]), None)
            if winner:
                self.compare(column, winner, lambda l: text(l.os[part]))

    def scripts(self):
        host = self.host
        for name in dict.fromkeys(s["name"] for l in host.looks for s in l.scripts):
            winner = host.ran if host.latest else next(l for l in host.rank if any(s["name"] == name for s in l.scripts))
            self.compare(f"script.{name}", winner, lambda l: joined((script_text(s) for s in l.scripts if s["name"] == name), "\n"), item=name)

    def port(self, key, port):
        listing = [l for l in self.host.looks if key in l.ports]
        for column in ("state", "reason", "reason_ip", "owner"):
            self.compare(column, port["owner"], lambda l: l.ports[key].get(column), listing, port=key)
        of = lambda l, what, name: [x for x in l.ports[key][what] if x.get("name") == name] if key in l.ports else []
        for name in dict.fromkeys(s.get("name") for l in listing for s in l.ports[key]["services"]):
            for column in SERVICE:
                value = lambda l: joined((service_text(s, column) for s in of(l, "services", name)), ", ")
                self.compare(f"service.{column}", port["services"], value, listing, name, key)
        for name in dict.fromkeys(s["name"] for l in listing for s in l.ports[key]["scripts"]):
            value = lambda l: joined((script_text(s) for s in of(l, "scripts", name)), "\n")
            self.compare(f"script.{name}", port["scripts"], value, listing, name, key)


def service_text(service, column):
    value = service.get(column)
    return " ".join(value) or None if isinstance(value, list) else text_of(value)


def joined(values, separator):
    """Joins several values of one item into one text, sorted and without duplicates."""
    values = sorted({v for v in values if v is not None})
    return separator.join(values) if values else None
