#!/usr/bin/env python3
"""Selects hosts and ports by conditions, as docs/filters.md defines them, with DuckDB.

    filters.py FOLDER < conditions.jsonl

FOLDER holds the tables of `convert` as Parquet. Each line of the input is an object with `sql`, a condition on a row of
`rows`, and `ports`, true if it is about ports. For each line, the keys that it selects are printed as one line of JSON:
IDs of hosts, or IDs of ports. `like` compares with patterns, `inside` with networks, and `before` orders versions; they are
written from the document, not from the code.
"""

import ipaddress
import json
import re
import sys

import duckdb

FOLDER = sys.argv[1]

BEFORE_RELEASE = {"alpha", "beta", "dev", "pre", "preview", "rc", "snapshot"}


def like(text, pattern):
    """Compares a whole text with a pattern, without the case of ASCII letters."""
    out, chars = "", iter(pattern)
    for c in chars:
        if c == "*":
            out += ".*"
        elif c == "?":
            out += "."
        else:
            out += re.escape(next(chars, "\\") if c == "\\" else c)
    return re.fullmatch(out, text, re.DOTALL | re.IGNORECASE | re.ASCII) is not None


def inside(text, network):
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    network = ipaddress.ip_network(network, strict=False)
    return address.version == network.version and address in network


def below(text, other):
    try:
        one, two = ipaddress.ip_address(text), ipaddress.ip_address(other)
    except ValueError:
        return False
    return one.version == two.version and one < two


def parts(version):
    for digits, word in re.findall(r"([0-9]+)|([^\W\d_]+)", version):
        yield int(digits) if digits else word.lower()


def order(one, other):
    """Returns -1, 0 or 1."""
    one, other = list(parts(one)), list(parts(other))
    for a, b in zip(one, other):
        if a == b:
            continue
        before = [isinstance(part, str) and part in BEFORE_RELEASE for part in (a, b)]
        if before[0] != before[1]:
            return -1 if before[0] else 1
        if isinstance(a, str) != isinstance(b, str):
            return -1 if isinstance(a, str) else 1
        return -1 if a < b else 1
    if len(one) == len(other):
        return 0
    longer, sign = (one, 1) if len(one) > len(other) else (other, -1)
    following = longer[min(len(one), len(other))]
    return -sign if following in BEFORE_RELEASE else sign


def main():
    db = duckdb.connect()
    text, flag = "VARCHAR", "BOOLEAN"
    db.create_function("like", like, [text, text], flag)
    db.create_function("inside", inside, [text, text], flag)
    db.create_function("below", below, [text, text], flag)
    db.create_function("ordered", order, [text, text], "INTEGER")
    for table in ["scans", "hosts", "ports", "services", "scripts", "os_matches"]:
        db.execute(f"CREATE TABLE {table} AS SELECT * FROM '{FOLDER}/{table}.parquet'")
    db.execute(
        """
        CREATE TABLE best AS SELECT host_id, name AS os_name, accuracy AS os_accuracy FROM os_matches
        QUALIFY row_number() OVER (PARTITION BY host_id ORDER BY accuracy DESC NULLS LAST, match_index) = 1;
        CREATE TABLE host_rows AS SELECT hosts.* EXCLUDE (hostname), os_name, os_accuracy,
            epoch(coalesce(hosts.start_time, hosts.end_time, scans.start_time))::BIGINT AS first_seen,
            epoch(coalesce(hosts.end_time, hosts.start_time, scans.start_time))::BIGINT AS last_seen
        FROM hosts LEFT JOIN scans USING (scan_id) LEFT JOIN best USING (host_id);
        CREATE TABLE port_rows AS SELECT h.*, p.protocol, p.port, p.state AS port_state, p.reason AS port_reason,
            s.service_index, s.name AS service, s.product, s.version, s.extra_info, s.tunnel, s.confidence, s.method
        FROM host_rows h JOIN ports p USING (host_id)
        LEFT JOIN services s ON s.host_id = p.host_id AND s.protocol = p.protocol AND s.port = p.port;
        CREATE TABLE names AS SELECT host_id, unnest(hostnames).name AS v FROM hosts;
        CREATE TABLE ips AS SELECT host_id, a.addr AS v
        FROM (SELECT host_id, unnest(addresses) AS a FROM hosts) WHERE a.type IN ('ipv4', 'ipv6');
        CREATE TABLE cpes AS SELECT host_id, protocol, port, service_index, unnest(cpes) AS v FROM services;
        """
    )
    for line in sys.stdin:
        condition = json.loads(line)
        key, rows = ("host_id || '-' || protocol || '-' || port", "port_rows") if condition["ports"] else ("host_id", "host_rows")
        found = db.execute(f"SELECT DISTINCT {key} AS k FROM {rows} AS r WHERE {condition['sql']} ORDER BY k")
        print(json.dumps([key for (key,) in found.fetchall()]))


main()
