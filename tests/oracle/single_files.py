#!/usr/bin/env python3
"""Opens a workbook with openpyxl or a database with sqlite3, and compares all its tables with flat JSONL.

    single_files.py JSONL FILE

JSONL is a folder with one file per table; FILE ends in .xlsx or .sqlite and has the same rows. Exits with status 1 and
one line per difference; otherwise prints the number of rows and tables that it compared.
"""

import datetime
import ipaddress
import json
import re
import sqlite3
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import openpyxl

PROBLEMS = []

# Limits of Excel.
MAX_CELL_UNITS = 32_767
MAX_SHOWN_INTEGER = 999_999_999_999_999


def problem(text):
    PROBLEMS.append(text)


def read_jsonl(path):
    text = path.read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.split("\n") if line]
    for row in rows:
        assert row.pop("_table") == path.stem
    return rows


def cut(text):
    """Returns as much of a text as a cell holds: Excel counts UTF-16 code units."""
    units = text.encode("utf-16-le")
    if len(units) // 2 <= MAX_CELL_UNITS:
        return text
    return units[: 2 * MAX_CELL_UNITS].decode("utf-16-le", errors="ignore")


def unescape(text):
    """Reverses the escapes _xHHHH_, which openpyxl leaves as they are."""
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), text)


def same_cell(value, cell):
    """Returns true if a cell of a workbook holds a value of JSONL."""
    found = cell.value
    if value is None:
        return found is None
    if isinstance(value, bool) or isinstance(found, bool):
        return value is found
    if isinstance(value, int) and abs(value) > MAX_SHOWN_INTEGER:
        return found == str(value)
    if isinstance(value, (int, float)):
        return isinstance(found, (int, float)) and found == value
    if isinstance(found, datetime.datetime):
        return cell.number_format == r"yyyy\-mm\-dd\ hh:mm:ss" and f"{found:%Y-%m-%dT%H:%M:%SZ}" == value
    if isinstance(value, list):
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if len(text) > MAX_CELL_UNITS:
            return text.startswith(unescape(found))
        return json.loads(unescape(found)) == value
    if cell.data_type not in ("s", "inlineStr"):
        return False
    # openpyxl reads an empty text as no value.
    return unescape(found or "") == cut(value)


def is_like_formula(text):
    return re.match(r"[\t\r\n]|\s*[=+\-@]", text) is not None


def compare_sheet(sheet, name, expected):
    """Compares the rows of a sheet after its header, and returns how many there are."""
    if sheet.freeze_panes != "A2":
        problem(f"{sheet.title}: frozen at {sheet.freeze_panes}")
    if sheet.auto_filter.ref != sheet.dimensions:
        problem(f"{sheet.title}: filter on {sheet.auto_filter.ref}, cells in {sheet.dimensions}")
    header = [cell.value for cell in sheet[1]]
    if not all(cell.font.bold for cell in sheet[1]):
        problem(f"{sheet.title}: a header that is not bold")
    if any(not 8 <= sheet.column_dimensions[cell.column_letter].width <= 70 for cell in sheet[1]):
        problem(f"{sheet.title}: a column without width")
    rows = 0
    for rows, cells in enumerate(sheet.iter_rows(min_row=2), start=1):
        if rows > len(expected):
            problem(f"{sheet.title}: more rows than {name}")
            break
        row = expected[rows - 1]
        if header != list(row):
            problem(f"{sheet.title}: columns {header}")
            break
        for cell, (column, value) in zip(cells, row.items()):
            if not same_cell(value, cell):
                problem(f"{sheet.title} {cell.coordinate} {column}: {cell.value!r:.200}, not {value!r:.200}")
            if cell.data_type == "f" or cell.hyperlink:
                problem(f"{sheet.title} {cell.coordinate}: a formula or a link")
            if isinstance(value, str) and is_like_formula(value) and not cell.quotePrefix:
                problem(f"{sheet.title} {cell.coordinate}: {value!r:.80} becomes a formula when it is edited")
    return rows


def compare_xlsx(path, tables):
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
        if broken:
            problem(f"{broken} has a wrong checksum")
        for part in archive.namelist():
            ElementTree.fromstring(archive.read(part))
    book = openpyxl.load_workbook(path)
    if book.active.title != book.sheetnames[0]:
        problem(f"{book.active.title} is selected")
    parts = {name: [] for name in tables}
    for title in book.sheetnames:
        parts.setdefault(re.sub(r" \(\d+\)$", "", title), []).append(book[title])
    if list(dict.fromkeys(re.sub(r" \(\d+\)$", "", title) for title in book.sheetnames)) != list(tables):
        problem(f"sheets {book.sheetnames}, tables {list(tables)}")
    for name, rows in tables.items():
        for sheet in parts[name]:
            rows = rows[compare_sheet(sheet, name, rows) :]
        if rows:
            problem(f"{name}: {len(rows)} rows are missing")


def same_value(value, found, kind):
    """Returns true if a value of a database is that of JSONL."""
    if value is None:
        return found is None
    if kind == "BOOLEAN":
        return found in (0, 1) and value is (found == 1)
    if isinstance(value, list):
        return isinstance(found, str) and json.loads(found) == value
    if kind == "REAL":
        return isinstance(found, float) and found == value
    return type(found) is type(value) and found == value


def ip_bytes(text):
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return None
    return ip.packed if ip.version == 6 else bytes(10) + b"\xff\xff" + ip.packed


def compare_sqlite(path, tables):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for pragma, expected in (("integrity_check", "ok"), ("journal_mode", "delete"), ("encoding", "UTF-8")):
        (found,) = database.execute(f"PRAGMA {pragma}").fetchone()
        if found != expected:
            problem(f"{pragma}: {found}")
    if database.execute("PRAGMA user_version").fetchone() == (0,):
        problem("no version of the tables")
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    if names != list(tables):
        problem(f"tables {names}")
    views = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'view'")]
    if bool(views) != (len(tables) == 10):
        problem(f"views {views}")
    for view in views:
        database.execute(f'SELECT count(*) FROM "{view}"').fetchone()
    if views:
        (found,) = database.execute("SELECT count(DISTINCT ip || port) FROM open_services").fetchone()
        (expected,) = database.execute("SELECT count(DISTINCT ip || port) FROM ports WHERE state = 'open'").fetchone()
        if found != expected:
            problem(f"{found} open ports in the view, {expected} in the table")
    for name, expected in tables.items():
        columns = {row[1]: row[2] for row in database.execute(f'PRAGMA table_info("{name}")')}
        indexes = [row[1] for row in database.execute(f'PRAGMA index_list("{name}")')]
        if f"{name}_key" not in indexes:
            problem(f"{name}: no index of the key among {indexes}")
        rows = database.execute(f'SELECT * FROM "{name}" ORDER BY rowid').fetchall()
        if len(rows) != len(expected):
            problem(f"{name}: {len(rows)} rows, not {len(expected)}")
        for number, (found, row) in enumerate(zip(rows, expected)):
            found = dict(zip(columns, found))
            if "ip_bytes" in found and found.pop("ip_bytes") != (row["ip"] and ip_bytes(row["ip"])):
                problem(f"{name} row {number}: ip_bytes of {row['ip']}")
            if list(found) != list(row):
                problem(f"{name}: columns {list(found)}")
                break
            for column, value in row.items():
                if not same_value(value, found[column], columns[column]):
                    problem(f"{name} row {number} {column}: {found[column]!r:.200}, not {value!r:.200}")


def main():
    folder, path = map(Path, sys.argv[1:3])
    marker = json.loads((folder / "_scanmill.json").read_text())
    tables = {name: read_jsonl(folder / f"{name}.jsonl") for name in marker["tables"]}
    {".xlsx": compare_xlsx, ".sqlite": compare_sqlite}[path.suffix](path, tables)
    for text in PROBLEMS[:50]:
        print(text, file=sys.stderr)
    print(f"{sum(map(len, tables.values()))} rows of {len(tables)} tables")
    return 1 if PROBLEMS else 0


if __name__ == "__main__":
    sys.exit(main())
