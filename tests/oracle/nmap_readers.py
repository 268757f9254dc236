#!/usr/bin/env python3
"""Reads XML that scanmill wrote with other readers of nmap's XML, and compares it with the XML of nmap.

    nmap_readers.py WRITTEN [ORIGINAL]

expat and python-libnmap must read WRITTEN. With ORIGINAL, python-libnmap must find the same scan, hosts, ports, services
and scripts in both. Prints the numbers of hosts and services, and exits with status 1 and one line per difference.
"""

import sys
import xml.parsers.expat

from libnmap.parser import NmapParser


def repaired(value):
    """Returns text that nmap wrote as one character reference per byte of UTF-8 as that UTF-8."""
    if isinstance(value, str):
        try:
            return value.encode("latin-1").decode("utf-8")
        except UnicodeError:
            return value
    if isinstance(value, (list, tuple)):
        return [repaired(item) for item in value]
    if isinstance(value, dict):
        return {repaired(key): repaired(item) for key, item in value.items()}
    return value


def attribute(of, name):
    """Returns an attribute of an object of libnmap, some of which cannot be computed if a value is missing."""
    try:
        value = getattr(of, name)
        value = value() if callable(value) else value
        if name.endswith("_probabilities"):
            value = [str(item) for item in value]
        return repaired(value)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        return type(error).__name__


REPORT = ["version", "started", "endtime", "commandline", "scan_type", "elapsed", "hosts_up", "hosts_down",
          "hosts_total", "numservices", "summary", "exit_status"]
HOST = ["starttime", "endtime", "status", "address", "ipv4", "ipv6", "mac", "vendor", "hostnames", "uptime", "lastboot",
        "distance", "scripts_results", "os_match_probabilities", "os_class_probabilities", "os_ports_used", "tcpsequence",
        "ipsequence", "extraports_state", "extraports_reasons", "os_fingerprint"]
SERVICE = ["port", "protocol", "state", "reason", "reason_ip", "reason_ttl", "service", "owner", "banner", "tunnel",
           "scripts_results", "servicefp", "cpelist", "service_dict"]


def facts(report):
    """Yields the facts of a report, each with its place."""
    for name in REPORT:
        yield name, attribute(report, name)
    yield "hosts", len(report.hosts)
    for number, host in enumerate(report.hosts):
        for name in HOST:
            yield f"host {number} {name}", attribute(host, name)
        yield f"host {number} services", len(host.services)
        for index, service in enumerate(host.services):
            for name in SERVICE:
                found = attribute(service, name)
                if name == "cpelist":
                    found = [item.cpestring for item in found]
                yield f"host {number} service {index} {name}", found


def is_same(ours, theirs):
    """Returns true for equal values; an attribute that scanmill writes as empty is one that the scan lacks."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = set(ours) | set(theirs)
        return all(is_same(ours.get(key) or None, theirs.get(key) or None) for key in keys)
    return ours == theirs or (not ours and not theirs)


def main(written, original=None):
    parser = xml.parsers.expat.ParserCreate()
    with open(written, "rb") as file:
        parser.ParseFile(file)
    report = NmapParser.parse_fromfile(written)
    ours = list(facts(report))
    failed = False
    if original is not None:
        theirs = list(facts(NmapParser.parse_fromfile(original)))
        if len(ours) != len(theirs):
            print(f"{written}: {len(ours)} facts, not {len(theirs)}")
            failed = True
        for (place, mine), (_, other) in zip(ours, theirs):
            if not is_same(mine, other):
                print(f"{written}: {place}: {mine!r}, not {other!r}")
                failed = True
    if failed:
        sys.exit(1)
    print(len(report.hosts), sum(len(host.services) for host in report.hosts))


if __name__ == "__main__":
    main(*sys.argv[1:])
