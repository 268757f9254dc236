"""The rules of docs/history.md, in plain form: the result of a merge by `latest` after each look, as runs of equal
values."""

import rules
from rules import Merged

SERVICE = (("service_name", "name"), ("service_product", "product"), ("service_version", "version"), ("service_cpes", "cpes"))


def history(scans, options):
    """Returns the rows of `host_history` and `port_history`."""
    options = {**options, "policy": "latest", "flags": set()}
    hosts = rules.looks_by_host(rules.used_scans(scans), options)
    tables = {"host_history": [], "port_history": []}
    for key, looks in sorted(hosts.items(), key=first_look):
        one_host(key if isinstance(key, str) else key[1], looks, options, tables)
    return tables


def depends_on_order(scans, options):
    """Returns true if the order of the arguments matters: there are copies of a scan, or two looks at a host at the
    same time."""
    used = rules.used_scans(scans)
    hosts = rules.looks_by_host(used, {**options, "policy": "latest"})
    one_time = any(len({l.time for l in looks}) < len(looks) for looks in hosts.values())
    return len(used) < len(scans) or len({s.id for s in scans}) < len(scans) or one_time


def first_look(item):
    key, looks = item
    first, key = min(looks, key=in_time), key if isinstance(key, str) else key[1]
    return first.time or "", min(e.line["host_index"] for e in first.entries), len(key), key


def in_time(look):
    return look.time or "", look.place


class Interval:
    def __init__(self, key, values, moment):
        self.key, self.values, self.begun, self.confirmed = key, values, moment, []

    def row(self, until, by):
        return {**self.key, **self.values, "valid_from": self.begun, "last_seen": self.confirmed[-1].time, "valid_to": until,
                "looks": len(self.confirmed), "first_scan_id": self.confirmed[0].id, "last_scan_id": self.confirmed[-1].id,
                "ended_by_scan_id": by.id if by else None}


def one_host(key, looks, options, tables):
    order = sorted(looks, key=in_time)
    open_now, closed, device = {}, [], None
    for moment in sorted({l.time for l in order}, key=lambda t: t or ""):
        known = [l for l in looks if l.time is None or moment is not None and l.time <= moment]
        here = [l for l in order if l.time == moment]
        host = Merged(key, known, options)
        first = min(host.looks, key=in_time)
        stands = values_of(key, host)
        for name, interval in list(open_now.items()):
            if first is not device or stands.get(name, (None, None))[1] != interval.values:
                closed.append((name, interval.row(moment, here[-1])))
                del open_now[name]
        device = first
        here = [l for l in here if l in host.looks]
        for name, (row_key, values) in stands.items():
            interval = open_now.get(name)
            if interval is None:
                interval = open_now[name] = Interval(row_key, values, moment)
            interval.confirmed += [l for l in here if confirms(l, name, values["state"])]
            if not interval.confirmed:
                interval.confirmed.append(here[-1])
    closed += [(name, interval.row(None, None)) for name, interval in open_now.items()]
    closed.sort(key=lambda pair: (rules.port_order(pair[0]) if pair[0] else (), pair[1]["valid_from"] or ""))
    tables["host_history"] += [row for name, row in closed if not name]
    tables["port_history"] += [row for name, row in closed if name]


def confirms(look, name, state):
    if not name:
        return look.state == state
    return name in look.ports and look.ports[name]["state"] == state


def values_of(key, host):
    """Returns the current values: the row's key and values, of the host under (), of each port under its own key."""
    row = rules.host_row(host, key)
    names = ("ip", "mac", "hostname", "state")
    os = host.os["matches"][0].get("name") if host.os["matches"] else None
    made = {(): ({"host_key": key}, {**{n: row[n] for n in names}, "os_name": os})}
    for name, port in host.ports.items():
        found = port["owner"].ports[name]
        service = next(iter(port["services"].ports[name]["services"]), {})
        values = {"ip": row["ip"], "state": found["state"], "reason": found.get("reason"),
                  **{ours: service.get(theirs) for ours, theirs in SERVICE}}
        made[name] = ({"host_key": key, "protocol": name[0], "port": name[1]}, values)
    return made
