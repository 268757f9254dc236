"""Runs the command on a series, compares its rows with those of the rules, and reduces a failing series."""

import itertools
import json
import os
import shutil
import subprocess

import changes
import history
import rules
from reading import Scan

WARNING = ("source", "doc_index", "scan_id", "code", "count")
# Tables whose rows are compared regardless of their order.
KEYS = {"conflicts": ("host_key", "protocol", "port", "column", "item", "loser_scan_id"),
        "changes": ("host_key", "protocol", "port", "ports", "column")}


def lean(value):
    """Treats null and empty lists as absent."""
    if isinstance(value, dict):
        value = {k: lean(v) for k, v in value.items()}
        return {k: v for k, v in value.items() if v is not None and v != [] and v != {}}
    if isinstance(value, list):
        return [lean(v) for v in value]
    return value


def names(series):
    return [f"{index:02}.xml" for index in range(len(series.docs))]


def arguments(options):
    made = ["--policy", options["policy"], "--identity", options["identity"]]
    made += [f"--no-{flag}" for flag in sorted(options["flags"])]
    for name in ("explain", "keep_covered", "keep_identity", "up"):
        if options.get(name):
            made.append("--" + name.replace("_", "-"))
    for name in ("max_age", "state"):
        if options.get(name):
            made += ["--" + name.replace("_", "-"), options[name]]
    return made


def write(series, folder):
    contents = [doc.data() for doc in series.docs]
    for name, content in zip(names(series), contents):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)
    return contents


def commands(series, what):
    """Returns the arguments that a user would type."""
    if what == "state":
        words = state_commands(series)
    else:
        words = [{"merge": merge_command, "history": history_command, "diff": diff_command}[what](series)]
    return ["scanmill " + " ".join(w) for w in words]


def merge_command(series, part=slice(None)):
    return ["merge", *names(series)[part], "--to", "jsonl", "--shape", "flat", *arguments(series.options)]


def state_commands(series):
    """Merges in several runs, each of which continues from the state of the previous one."""
    bounds = [0, *series.options["splits"], len(series.docs)]
    parts = [slice(a, b) for a, b in zip(bounds, bounds[1:]) if a < b]
    return [[*merge_command(series, part), "--state", "./night.state"] for part in parts]


def history_command(series):
    options = series.options
    kept = [f"--{n.replace('_', '-')}" for n in ("keep_covered", "keep_identity") if options.get(n)]
    order = -1 if options.get("reversed") else 1
    return ["history", *names(series)[::order], "--to", "jsonl", "--identity", options["identity"], *kept]


def diff_command(series):
    options = series.options
    made = ["diff", "old", "new", "--to", "jsonl", "--identity", options["identity"]]
    if options.get("all"):
        made.append("--all")
    for name in ("ignore", "only"):
        if options.get(name):
            made += [f"--{name}", ",".join(options[name])]
    for name in ("ignore_script", "ignore_state"):
        for value in options.get(name, []):
            made += ["--" + name.replace("_", "-"), value]
    return made


def run(binary, words, folder):
    done = subprocess.run([binary, *words, "-j", "1"], cwd=folder, capture_output=True, env={"HOME": folder})
    return done.returncode, done.stdout, done.stderr


def tables_of(output):
    """Returns the rows of flat JSON lines by table; the ID of a host is replaced by its key."""
    tables, keys = {}, {}
    for line in output.decode().splitlines():
        row = json.loads(line)
        table = row.pop("_table")
        if table == "hosts":
            keys[row["host_id"]] = row["host_key"]
        if row.get("data") is not None:
            row["data"] = json.loads(row["data"])
        if "host_id" in row:
            ident = row.pop("host_id")
            if ident is not None:
                row["host_key"] = keys[ident]
        tables.setdefault(table, []).append(row)
    assert len(tables.get("hosts", [])) == len(keys), "two hosts with one id"
    return tables


def warnings_by_document(rows):
    """Returns rows in order, those of one document sorted by code: their positions are not compared."""
    rows = [{k: row[k] for k in WARNING} for row in rows]
    by_document = itertools.groupby(rows, key=lambda row: row["source"])
    return [row for _, group in by_document for row in sorted(group, key=lambda row: row["code"])]


def nameless_sorted(rows):
    """Returns rows in order, except those of hosts without any identity, whose order is undefined."""
    made = []
    for key, group in itertools.groupby(rows, key=lambda row: row["host_key"]):
        group = list(group)
        made += sorted(group, key=lambda row: json.dumps(row, sort_keys=True)) if key.startswith("idx:") else group
    return made


def key_of(row):
    return {k: row[k] for k in ("host_key", "protocol", "port", "column", "item", "code", "source", "loser_scan_id") if k in row}


def differences(ours, theirs):
    """Returns each difference as a line of text; `theirs` is the result of the rules."""
    found = []
    for table in sorted(set(ours) | set(theirs)):
        a, b = ours.get(table, []), theirs.get(table, [])
        if table == "warnings":
            a = warnings_by_document(a)
        a, b = [lean(r) for r in a], [lean(r) for r in b]
        if table in KEYS:
            key = lambda r: json.dumps([r.get(k) for k in KEYS[table]])
            # Hosts without any identity may share a key.
            keys = [key(r) for r in a if not r["host_key"].startswith("idx:")]
            if len(set(keys)) != len(keys):
                found.append(f"{table}: the key is not unique")
            a, b = (sorted(rows, key=lambda r: key(r) + json.dumps(r, sort_keys=True)) for rows in (a, b))
        if table.endswith("_history"):
            a, b = nameless_sorted(a), nameless_sorted(b)
        if a == b:
            continue
        if table in KEYS or len(a) != len(b):
            lacks = [r for r in b if r not in a]
            extra = [r for r in a if r not in b]
            found += [f"{table}: expected {json.dumps(r)}" for r in lacks] + [f"{table}: got      {json.dumps(r)}" for r in extra]
            if not lacks and not extra:
                found.append(f"{table}: {len(a)} rows, expected {len(b)}")
            continue
        for x, y in zip(a, b):
            for column in sorted(set(x) | set(y)):
                if x.get(column) != y.get(column):
                    found.append(f"{table} {json.dumps(key_of(y))} {column}: expected {json.dumps(y.get(column))}, "
                                 f"got {json.dumps(x.get(column))}")
    return found


def check_merge(binary, series, folder):
    contents = write(series, folder)
    code, output, errors = run(binary, merge_command(series), folder)
    if code != 0:
        return [f"exit code {code}: {errors.decode()[-300:]}"]
    return differences(tables_of(output), rules.merge(read(series, contents), series.options))


def check_state(binary, series, folder):
    """Merges all scans in several runs. Two things may be refused: a better copy of a scan that is in the state, and,
    under `latest`, a look that is older than one at the same host in the state."""
    contents = write(series, folder)
    scans = read(series, contents)
    saved = os.path.join(folder, "night.state")
    if os.path.exists(saved):
        os.remove(saved)
    known, output = [], b""
    for words in state_commands(series):
        before = {one.scan.sha for one in rules.used_scans(known)}
        known = scans[: len(known) + sum(word.endswith(".xml") for word in words)]
        better = not before <= {one.scan.sha for one in rules.used_scans(known)}
        code, output, errors = run(binary, words, folder)
        if better:
            return [] if code else ["a better copy of a scan in the state is not refused"]
        if code == 2 and series.options["policy"] == "latest" and rules.has_older_look(known, len(before), series.options):
            return []
        if code:
            return [f"exit code {code}: {errors.decode()[-300:]}"]
    return differences(tables_of(output), rules.merge(scans, series.options))


def check_history(binary, series, folder):
    """Computes a history; the inputs are reversed where the order must not matter."""
    scans = read(series, write(series, folder))
    if history.depends_on_order(scans, series.options):
        series.options["reversed"] = False
    code, output, errors = run(binary, history_command(series), folder)
    if code != 0:
        return [f"exit code {code}: {errors.decode()[-300:]}"]
    return differences(tables_of(output), history.history(scans, series.options))


def check_diff(binary, series, folder):
    """Compares the first documents with the others. Counted ports are compared where the document defines the result."""
    contents = write(series, folder)
    scans = read(series, contents)
    old = series.options["old"]
    for side, part in (("old", range(old)), ("new", range(old, len(contents)))):
        shutil.rmtree(os.path.join(folder, side), ignore_errors=True)
        os.mkdir(os.path.join(folder, side))
        for index in part:
            os.link(os.path.join(folder, names(series)[index]), os.path.join(folder, side, names(series)[index]))
    code, output, errors = run(binary, diff_command(series), folder)
    if code not in (0, 1):
        return [f"exit code {code}: {errors.decode()[-300:]}"]
    rows = tables_of(output).get("changes", [])
    expected, unsure = changes.changes(scans[:old], scans[old:], series.options)
    counted = [row for row in rows if row["column"] == "extra_ports" and row["host_key"] in unsure]
    found = differences({"changes": [r for r in rows if r not in counted]}, {"changes": expected})
    found += [f"changes: counts that are equal {json.dumps(lean(r))}" for r in counted if r["old"] == r["new"]]
    if code != int(any(row["kind"] != "not_scanned" for row in expected + counted)):
        found.append(f"exit code {code}")
    return found


def read(series, contents):
    return [Scan(name, content) for name, content in zip(names(series), contents)]


# Reducing inputs.

def smaller(series):
    """Yields series with one element less, the largest elements first."""
    for index in range(len(series.docs)):
        if len(series.docs) > 1:
            made = series.copy()
            del made.docs[index]
            if "splits" in made.options:
                made.options["splits"] = [at - (index < at) for at in made.options["splits"]]
            if "old" in made.options:
                made.options["old"] -= index < made.options["old"]
                if not 0 < made.options["old"] < len(made.docs):
                    continue
            yield made
    for index in range(len(series.options.get("splits", []))):
        made = series.copy()
        del made.options["splits"][index]
        yield made
    for name in ("ignore", "only", "ignore_script", "ignore_state"):
        if series.options.get(name):
            made = series.copy()
            made.options[name] = []
            yield made
    for name, plain in (("all", True), ("flags", None), ("max_age", None), ("state", None), ("up", False), ("keep_covered", False),
                        ("keep_identity", False), ("explain", False), ("identity", "ip")):
        if name == "flags":
            for flag in sorted(series.options.get("flags", ())):
                made = series.copy()
                made.options["flags"].discard(flag)
                yield made
        elif series.options.get(name) not in (None, plain):
            made = series.copy()
            made.options[name] = plain
            yield made
    for index, doc in enumerate(series.docs):
        if doc.cut is not None:
            made = series.copy()
            made.docs[index].cut = None
            yield made
    for depth in (1, 2, 3, 4):
        for index, doc in enumerate(series.docs):
            for path in paths(doc.root, depth):
                made = series.copy()
                parent = made.docs[index].root
                for step in path[:-1]:
                    parent = parent.kids[step]
                del parent.kids[path[-1]]
                yield made
    for index, doc in enumerate(series.docs):
        for depth in (0, 1, 2, 3, 4):
            for path in paths(doc.root, depth) if depth else [()]:
                element = doc.root
                for step in path:
                    element = element.kids[step]
                for name in list(element.at):
                    if name in ("addrtype", "addr", "protocol", "portid", "state", "proto", "ports") or depth == 0 and name in ("scanner", "start", "version", "args"):
                        continue
                    made = series.copy()
                    element_there = made.docs[index].root
                    for step in path:
                        element_there = element_there.kids[step]
                    del element_there.at[name]
                    yield made


def paths(root, depth):
    if depth == 1:
        return [(i,) for i in range(len(root.kids))]
    return [(i, *rest) for i, kid in enumerate(root.kids) for rest in paths(kid, depth - 1)]


def kind_of(found):
    """Returns the kind of a failure, so that reducing does not drift to another one."""
    line = found[0]
    if line.startswith(("conflicts:", "changes:")) and "{" in line:
        row = json.loads(line[line.index("{"):])
        return line.split(":")[0] + " " + row.get("kind", ""), row["column"].split(".")[0] + " of the " + ("port" if "port" in row else "host")
    return line.split(": ")[0].split("{")[0].strip(), line.rsplit("} ", 1)[-1].split(":")[0] if "} " in line else ""


def shrink(series, fails):
    """Returns the smallest series found that still fails in the same way."""
    kind = kind_of(fails(series))
    shrunk = True
    while shrunk:
        shrunk = False
        for candidate in smaller(series):
            found = fails(candidate)
            if found and kind_of(found) == kind:
                series, shrunk = candidate, True
                break
    return series
