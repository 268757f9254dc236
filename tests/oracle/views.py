#!/usr/bin/env python3
"""Runs the printed views in DuckDB and SQLite, and compares their `open_services` with the table.

    views.py VIEWS TABLES

VIEWS is the folder with duckdb.sql and sqlite.sql. TABLES holds scans, hosts, ports, services, scripts, os_matches and
open_services as Parquet, of scans that were each read once. Exits with status 1 and one line per difference; otherwise
prints the number of rows that both engines agree on.
"""

import json
import sqlite3
import sys
from pathlib import Path

import duckdb

BASE = ["scans", "hosts", "ports", "services", "scripts", "os_matches"]
OTHERS = ["latest_hosts", "latest_open_services", "host_seen", "open_port_seen", "certificates_expiring"]
KEY = ["host_id", "protocol", "port", "service_index"]
PROBLEMS = []


def problem(text):
    PROBLEMS.append(text)


def rows_of(cursor):
    names = [column[0] for column in cursor.description]
    return names, [dict(zip(names, row)) for row in cursor.fetchall()]


def as_text(value):
    """Returns a value as SQLite holds it: times as text, lists as JSON."""
    if hasattr(value, "isoformat"):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def in_duckdb(views, tables):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name in [*BASE, "open_services"]:
        view = "expected" if name == "open_services" else name
        connection.execute(f"CREATE VIEW {view} AS FROM read_parquet('{tables / name}.parquet')")
    connection.execute((views / "duckdb.sql").read_text(encoding="utf-8"))
    return connection


def in_sqlite(views, source):
    connection = sqlite3.connect(":memory:")
    for name in BASE:
        columns, rows = rows_of(source.execute(f"SELECT * FROM {name}"))
        connection.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
        marks = ", ".join("?" * len(columns))
        values = [[as_text(value) for value in row.values()] for row in rows]
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", values)
    connection.executescript((views / "sqlite.sql").read_text(encoding="utf-8"))
    return connection


def compare(engine, found, expected, is_known):
    """Compares the rows of the view with those of the table. `is_known` is true for a difference that is documented."""
    (names, rows), (columns, table) = found, expected
    if names != columns:
        problem(f"{engine}: columns {names}")
        return
    by_key = lambda rows: {tuple(row[name] for name in KEY): row for row in rows}
    view, table_rows = by_key(rows), by_key(table)
    if len(view) != len(rows) or view.keys() != table_rows.keys():
        problem(f"{engine}: {len(rows)} rows, not {len(table_rows)}")
        return
    for key, row in table_rows.items():
        for name, value in row.items():
            if view[key][name] != value and not is_known(name, view[key][name]):
                problem(f"{engine} {key} {name}: {view[key][name]!r}, not {value!r}")


def check_others(engine, connection):
    """Checks the other views against their definitions, in plain Python."""
    read = lambda name: rows_of(connection.execute(f"SELECT * FROM {name}"))[1]
    rows = {name: read(name) for name in [*OTHERS, "hosts", "scans", "open_services"]}
    start = {scan["scan_id"]: scan["start_time"] for scan in rows["scans"]}
    latest = {}
    for host in rows["hosts"]:
        time = host["start_time"] or start.get(host["scan_id"])
        rank = (time is not None, str(time), host["host_id"])
        latest[host["host_key"]] = max(latest.get(host["host_key"], ()), rank)
    ids = {rank[-1] for rank in latest.values()}
    if {host["host_id"] for host in rows["latest_hosts"]} != ids or len(rows["latest_hosts"]) != len(ids):
        problem(f"{engine}: latest_hosts")
    ports = [row for row in rows["open_services"] if row["host_id"] in ids]
    if len(rows["latest_open_services"]) != len(ports):
        problem(f"{engine}: latest_open_services")
    certificates = [row for row in ports if row["tls_not_after"] is not None]
    if len(rows["certificates_expiring"]) != len(certificates) or not certificates:
        problem(f"{engine}: certificates_expiring")
    if any(not isinstance(row["days_left"], int) for row in rows["certificates_expiring"]):
        problem(f"{engine}: days_left")
    for name, key, source in [
        ("host_seen", ["host_key"], [host for host in rows["hosts"] if host["state"] == "up"]),
        ("open_port_seen", ["host_key", "protocol", "port"], rows["open_services"]),
    ]:
        scans = {}
        for row in source:
            scans.setdefault(tuple(row[part] for part in key), set()).add(row["scan_id"])
        found = {tuple(row[part] for part in key): row["scans"] for row in rows[name]}
        if found != {key: len(ids) for key, ids in scans.items()}:
            problem(f"{engine}: {name}")
        if any(row["first_seen"] is None or row["first_seen"] > row["last_seen"] for row in rows[name]):
            problem(f"{engine}: times of {name}")


def main():
    views, tables = map(Path, sys.argv[1:3])
    source = in_duckdb(views, tables)
    expected = rows_of(source.execute("SELECT * FROM expected"))
    compare("DuckDB", rows_of(source.execute("SELECT * FROM open_services")), expected, lambda *_: False)
    check_others("DuckDB", source)
    database = in_sqlite(views, source)
    columns, rows = expected
    texts = columns, [{name: as_text(value) for name, value in row.items()} for row in rows]
    # SQLite has no function that decodes bytes.
    is_escaped = lambda name, value: name in ("http_title", "tls_cn") and "\\x" in str(value)
    compare("SQLite", rows_of(database.execute("SELECT * FROM open_services")), texts, is_escaped)
    check_others("SQLite", database)
    for text in PROBLEMS[:50]:
        print(text, file=sys.stderr)
    print(f"{len(rows)} rows")
    return 1 if PROBLEMS or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
