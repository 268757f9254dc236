#!/usr/bin/env python3
"""An independent reader of well-formed nmap XML, based only on Python's expat.

Prints the nested JSON lines that scanmill must write for the same bytes (docs/data-model.md, section 4): one line per
host and one line per event, then the line of the scan, without `source`. It shares neither code nor design with
scanmill: expat builds a tree, and this module walks it. Exits with status 3 if the file is not well-formed.

    expat_oracle.py FILE
"""

import hashlib
import ipaddress
import json
import re
import sys
import xml.parsers.expat
from datetime import datetime, timezone

INT32, INT64 = 2**31, 2**63


class Element:
    def __init__(self, name, attributes):
        self.name, self.attributes = name, attributes
        self.children, self.text = [], ""

    def all(self, *names):
        return [c for c in self.children if c.name in names]

    def first(self, *names):
        return next(iter(self.all(*names)), Element("", {}))


def parse(data):
    """The tree of a document; expat resolves references and line ends."""
    top = Element("", {})
    stack = [top]

    def start(name, attributes):
        element = Element(name, attributes)
        stack[-1].children.append(element)
        stack.append(element)

    def text(value):
        stack[-1].text += value

    parser = xml.parsers.expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: stack.pop()
    parser.CharacterDataHandler = text
    parser.Parse(data, True)
    return top.first("nmaprun")


def repair(value):
    """T4: repairs UTF-8 that was written as one reference per byte."""
    if value is not None and any(c >= "\x80" for c in value):
        try:
            return value.encode("latin-1").decode("utf-8")
        except UnicodeError:
            pass
    return value


def text(element, name):
    """T5: an empty attribute is null."""
    return repair(element.attributes.get(name)) or None


def number(element, name, bound):
    value = (element.attributes.get(name) or "").strip(" \t\r\n")
    if not re.fullmatch(r"[+-]?[0-9]+", value):
        return None
    value = int(value)
    return value if -bound <= value < bound else None


def i32(element, name):
    return number(element, name, INT32)


def i64(element, name):
    return number(element, name, INT64)


def f64(element, name):
    value = (element.attributes.get(name) or "").strip(" \t\r\n")
    return float(value) if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", value) else None


def time(element, name):
    value = i64(element, name)
    if value is None or value <= 0 or value > 253402300799:
        return None
    return datetime.fromtimestamp(value, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def ip_text(value):
    """T6: returns (canonical text, version, zone); the text is unchanged if it is not an IP address."""
    if value is None:
        return None, None, None
    bare, _, zone = value.partition("%")
    try:
        ip = ipaddress.ip_address(bare)
    except ValueError:
        return value, None, None
    if ip.version == 6 and ip.ipv4_mapped:
        return f"::ffff:{ip.ipv4_mapped}", 6, zone or None
    return str(ip), ip.version, zone or None


def lean(value):
    """Returns the value without nulls, empty lists and empty objects."""
    return {k: v for k, v in value.items() if v is not None and v != [] and v != {}}


def raw(element, name):
    """Returns a part of a key: after T4, before T5."""
    return repair(element.attributes.get(name)) or ""


def digest(*parts):
    return hashlib.sha256("\x1f".join(parts).encode("utf-8")).hexdigest()[:32]


def scan_id(run):
    parts = ["scanmill.scan.v1"] + [raw(run, n) for n in ("scanner", "version", "args", "start")]
    parts.append("")
    if not raw(run, "args"):
        hosts = run.all("host")
        if hosts:
            host = hosts[0]
            port = host.first("ports").first("port")
            parts += [
                raw(host.first("address"), "addr"),
                f"{raw(port, 'protocol')}/{raw(port, 'portid')}",
                raw(host, "endtime"),
            ]
        else:
            parts += ["", "/", raw(run.first("runstats").first("finished"), "time")]
    return digest(*parts)


def data(element):
    """Returns the value of a script or table, by the keys of its children."""
    children = element.all("table", "elem")
    if not children:
        if element.name == "script":
            return repair(element.text) if element.text.strip() else None
        return []

    def one(child):
        return (repair(child.text) or "") if child.name == "elem" else data(child)

    keys = [repair(c.attributes.get("key")) for c in children]
    if all(k is None for k in keys):
        return [one(c) for c in children]
    # Children without a key belong to the key "_", which is always a list.
    values, lists = {}, set()
    for key, child in zip(keys, children):
        if key is None:
            key = "_"
            lists.add(key)
        if key in values:
            lists.add(key)
        values.setdefault(key, []).append(one(child))
    return {k: v if k in lists else v[0] for k, v in values.items()}


def script(element):
    made = {"name": text(element, "id"), "output": repair(element.attributes.get("output"))}
    made = lean(made)
    value = data(element)
    if value is not None:
        made["data"] = value
    return made


def scripts(parent):
    return [script(s) for s in parent.all("script") if text(s, "id")]


def cpes(element):
    return [repair(c.text) for c in element.all("cpe") if c.text]


def service(element):
    names = {
        "name": "name", "product": "product", "version": "version", "extra_info": "extrainfo",
        "hostname": "hostname", "os_type": "ostype", "device_type": "devicetype", "method": "method",
        "tunnel": "tunnel", "rpc_proto": "proto", "fingerprint": "servicefp", "banner": "banner",
    }
    made = {ours: text(element, theirs) for ours, theirs in names.items()}
    made["confidence"] = i32(element, "conf")
    made["rpc_num"] = i64(element, "rpcnum")
    made["low_ver"] = i32(element, "lowver")
    made["high_ver"] = i32(element, "highver")
    made["cpes"] = cpes(element)
    return lean(made)


def port(element):
    state = element.first("state")
    return lean({
        "protocol": (text(element, "protocol") or "tcp").lower(),
        "port": i32(element, "portid"),
        "state": text(state, "state"),
        "reason": text(state, "reason"),
        "reason_ttl": i32(state, "reason_ttl"),
        "reason_ip": ip_text(text(state, "reason_ip"))[0],
        "owner": text(element.first("owner"), "name"),
        "services": [s for s in map(service, element.all("service")) if s],
        "scripts": scripts(element),
    })


def os_class(element):
    return lean({
        "type": text(element, "type"), "vendor": text(element, "vendor"),
        "family": text(element, "osfamily"), "gen": text(element, "osgen"),
        "accuracy": i32(element, "accuracy"), "cpes": cpes(element),
    })


def operating_system(os):
    return lean({
        "matches": [
            lean({
                "name": text(m, "name"), "accuracy": i32(m, "accuracy"), "line": i32(m, "line"),
                "classes": [os_class(c) for c in m.all("osclass")],
            })
            for m in os.all("osmatch")
        ],
        "classes": [os_class(c) for c in os.all("osclass")],
        "fingerprints": [f for f in (text(f, "fingerprint") for f in os.all("osfingerprint")) if f],
        "ports_used": [
            lean({"state": text(p, "state"), "proto": text(p, "proto"), "port": i32(p, "portid")})
            for p in os.all("portused")
        ],
    })


def millis(element, name):
    value = i64(element, name)
    return None if value is None or value < 0 else value / 1000


def addresses(host):
    made, first_ip, first_mac = [], None, None
    for element in host.all("address"):
        kind = text(element, "addrtype")
        addr = text(element, "addr")
        if addr is None:
            continue
        zone = version = None
        if kind == "mac":
            addr = addr.upper()
        else:
            addr, version, zone = ip_text(addr)
            kind = {4: "ipv4", 6: "ipv6"}.get(version, kind or "ipv4")
        entry = lean({"addr": addr, "type": kind, "vendor": text(element, "vendor")})
        made.append(entry)
        if kind in ("ipv4", "ipv6") and first_ip is None:
            first_ip = (addr, version, zone)
        if kind == "mac" and first_mac is None:
            first_mac = entry
    return made, first_ip or (None, None, None), first_mac or {}


def host_name(names):
    for kind in ("user", "PTR"):
        for name in names:
            if name.get("type") == kind:
                return name["name"]
    return names[0]["name"] if names else None


def host_key(ip, zone, mac, names, index):
    if ip:
        return f"ip:{ip}" + (f"%{zone}" if zone else "")
    if mac:
        return f"mac:{mac}"
    if names:
        name = names[0]["name"].lower()
        return "name:" + (name[:-1] if name.endswith(".") else name)
    return f"idx:{index}"


def measurements(host):
    # nmap 3.x writes these inside os.
    places = [host, *host.all("os")]
    anywhere = lambda name: next((e for place in places for e in place.all(name)), Element("", {}))
    tcp, ip_id, ts = (anywhere(n) for n in ("tcpsequence", "ipidsequence", "tcptssequence"))
    times = host.first("times")
    return {
        "distance": i32(host.first("distance"), "value"),
        "uptime_s": i64(anywhere("uptime"), "seconds"),
        "last_boot": text(anywhere("uptime"), "lastboot"),
        "tcp_seq_index": i64(tcp, "index"),
        "tcp_seq_difficulty": text(tcp, "difficulty"),
        "tcp_seq_class": text(tcp, "class"),
        "tcp_seq_values": text(tcp, "values"),
        "ip_id_class": text(ip_id, "class"),
        "ip_id_values": text(ip_id, "values"),
        "tcp_ts_class": text(ts, "class"),
        "tcp_ts_values": text(ts, "values"),
        "srtt_ms": millis(times, "srtt"),
        "rttvar_ms": millis(times, "rttvar"),
        "timeout_ms": millis(times, "to"),
        "smurf_responses": i64(host.first("smurf"), "responses"),
    }


def host_line(run, ident, index, host):
    addrs, (ip, version, zone), mac = addresses(host)
    names = [
        lean({"name": text(n, "name"), "type": text(n, "type")})
        for block in host.all("hostnames") for n in block.all("hostname") if text(n, "name")
    ]
    ports = [p for p in map(port, host.first("ports").all("port"))]
    listed = lambda *states: [p for p in ports if p["state"] in states]
    status = host.first("status")
    state, reason = text(status, "state"), text(status, "reason")
    if not host.all("status"):
        answers = listed("open", "closed", "unfiltered")
        state, reason = ("up", "inferred") if answers else ("unknown", None)
    timed_out = {"true": True, "1": True, "false": False, "0": False}.get(text(host, "timedout"))
    return lean({
        "_type": "host",
        "scan": lean({
            "scan_id": ident, "scanner": text(run, "scanner"), "scanner_version": text(run, "version"),
            "args": text(run, "args"), "start_time": time(run, "start"),
        }),
        "host_id": f"{ident}-h{index}", "host_index": index,
        "host_key": host_key(ip, zone, mac.get("addr"), names, index),
        "ip": ip, "ip_version": version, "ip_zone": zone,
        "mac": mac.get("addr"), "mac_vendor": mac.get("vendor"),
        "hostname": host_name(names), "hostnames": names, "addresses": addrs,
        "state": state, "reason": reason, "reason_ttl": i32(status, "reason_ttl"),
        "start_time": time(host, "starttime"), "end_time": time(host, "endtime"),
        "timed_out": timed_out, "complete": True, "comment": text(host, "comment"),
        **measurements(host),
        "extra_ports": [
            lean({
                "state": text(e, "state"), "count": i64(e, "count"),
                "reasons": [
                    lean({
                        "reason": text(r, "reason"), "count": i64(r, "count"),
                        "proto": text(r, "proto"), "ports": text(r, "ports"),
                    })
                    for r in e.all("extrareasons")
                ],
            })
            for e in host.first("ports").all("extraports")
        ],
        "ports_listed": len(ports), "ports_open": len(listed("open")),
        "os": operating_system(host.first("os")),
        "ports": ports,
        "scripts": [s for block in host.all("hostscript") for s in scripts(block)],
        "trace": [
            lean({
                "proto": text(t, "proto"), "port": i32(t, "port"),
                "hops": [
                    lean({
                        "ttl": i32(h, "ttl"), "rtt_ms": f64(h, "rtt"),
                        "ip": ip_text(text(h, "ipaddr"))[0], "hostname": text(h, "host"),
                    })
                    for h in t.all("hop")
                ],
            })
            for t in host.all("trace")
        ],
    })


def scan_line(run, ident, size):
    stats = run.first("runstats")
    finished, counts = stats.first("finished"), stats.first("hosts")
    rules = [("prerule", s) for block in run.all("prescript") for s in scripts(block)]
    rules += [("postrule", s) for block in run.all("postscript") for s in scripts(block)]
    return lean({
        "_type": "scan", "scan_id": ident, "doc_index": 0,
        "scanner": text(run, "scanner"), "scanner_version": text(run, "version"),
        "xml_version": text(run, "xmloutputversion"), "args": text(run, "args"),
        "profile_name": text(run, "profile_name"),
        "start_time": time(run, "start"), "start_str": text(run, "startstr"),
        "end_time": time(finished, "time"), "end_str": text(finished, "timestr"),
        "elapsed_s": f64(finished, "elapsed"), "finished": bool(stats.all("finished")),
        "exit_status": text(finished, "exit"), "error_message": text(finished, "errormsg"),
        "summary": text(finished, "summary"),
        "hosts_up": i64(counts, "up"), "hosts_down": i64(counts, "down"),
        "hosts_total": i64(counts, "total"),
        "verbosity": i32(run.first("verbose"), "level"),
        "debugging": i32(run.first("debugging"), "level"),
        "scan_info": [
            lean({
                "type": text(s, "type"), "protocol": text(s, "protocol"),
                "num_services": i64(s, "numservices"), "services": text(s, "services"),
                "scan_flags": text(s, "scanflags"),
            })
            for s in run.all("scaninfo")
        ],
        "hosts_seen": len(run.all("host")), "hosts_incomplete": 0,
        "truncated": False, "resumed": False, "bytes": size,
        # The only warning that masscan gives: IPv6 literals marked as ipv4.
        "warnings": sum(
            ":" in a.attributes.get("addr", "") and a.attributes.get("addrtype") == "ipv4"
            for host in run.all("host") for a in host.all("address")
        ),
        "scripts": [{"scope": scope, **made} for scope, made in rules],
    })


TASKS = ("taskbegin", "taskprogress", "taskend")


def event_line(ident, index, element):
    made = {"_type": "event", "scan_id": ident, "event_index": index, "kind": element.name}
    if element.name in TASKS:
        made.update({
            "task": text(element, "task"), "time": time(element, "time"),
            "extra_info": text(element, "extrainfo"), "percent": f64(element, "percent"),
            "remaining_s": i64(element, "remaining"), "etc_time": time(element, "etc"),
        })
    elif element.name == "hosthint":
        _, (ip, _, _), mac = addresses(element)
        names = element.first("hostnames").all("hostname")
        made.update({
            "ip": ip, "mac": mac.get("addr"), "mac_vendor": mac.get("vendor"),
            "hostname": text(names[0], "name") if names else None,
            "state": text(element.first("status"), "state"),
            "reason": text(element.first("status"), "reason"),
            "reason_ttl": i32(element.first("status"), "reason_ttl"),
        })
    else:
        made.update({
            "state": text(element, "status"), "reason": text(element, "reason"),
            "specification": text(element, "specification"),
        })
    return lean(made)


def main():
    with open(sys.argv[1], "rb") as file:
        content = file.read()
    try:
        run = parse(content)
    except xml.parsers.expat.ExpatError as error:
        print(f"not well-formed: {error}", file=sys.stderr)
        return 3
    ident = scan_id(run)
    hosts = events = 0
    for child in run.all("host", "hosthint", "target", *TASKS):
        if child.name == "host":
            print(json.dumps(host_line(run, ident, hosts, child)))
            hosts += 1
        else:
            print(json.dumps(event_line(ident, events, child)))
            events += 1
    print(json.dumps(scan_line(run, ident, len(content))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
