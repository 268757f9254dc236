#!/usr/bin/env python3
"""Runs the recipes of a page in order, and compares their results with those shown.

    recipes.py PAGE FOLDER

Blocks of SQL run in DuckDB, and blocks of Python run here, all in one session. The block of text after such a block is
its result, for SQL as CSV. FOLDER holds the data that they read. Exits with status 1 and both texts for each
difference; otherwise prints the number of results compared.
"""

import contextlib
import datetime
import io
import os
import re
import sys
from pathlib import Path

import duckdb


def cell(value):
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


def of_sql(query):
    found = duckdb.sql(query)
    rows = [found.columns, *found.fetchall()]
    return "".join(",".join(cell(value) for value in row) + "\n" for row in rows)


def of_python(code, names):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, names)
    return out.getvalue()


def main():
    page = Path(sys.argv[1]).read_text(encoding="utf-8")
    os.chdir(sys.argv[2])
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    names, compared, differing = {}, 0, 0
    for (kind, text), (after, shown) in zip(blocks, [*blocks[1:], ("", "")]):
        if kind not in ("sql", "python"):
            continue
        given = of_sql(text) if kind == "sql" else of_python(text, names)
        if after == "text":
            compared += 1
            if given != shown:
                differing += 1
                print(f"{text}\ngives\n{given}\nand not\n{shown}")
    if differing:
        sys.exit(1)
    print(compared)


main()
