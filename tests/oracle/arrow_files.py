#!/usr/bin/env python3
"""Reads Arrow files and streams with pyarrow and Polars, and compares them with the same tables in Parquet.

    arrow_files.py PARQUET ARROW STREAM TABLE

PARQUET and ARROW are folders with one file per table, STREAM a stream of the rows of TABLE. Exits with status 1 and one
line per difference; otherwise prints the numbers of files and rows.
"""

import sys
from pathlib import Path

import polars
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet


def plain(schema):
    """Returns the columns of a schema, with dictionaries as their values."""
    kind = lambda field: field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    return [(field.name, kind(field), field.nullable) for field in schema]


def main(parquet, arrow, stream, table):
    failed = False
    files = rows = 0
    sources = [(path, f"{parquet}/{path.stem}.parquet", False) for path in sorted(Path(arrow).glob("*.arrow"))]
    sources.append((Path(stream), f"{parquet}/{table}.parquet", True))
    for path, original, is_stream in sources:
        theirs = pa.parquet.read_table(original)
        with open(path, "rb") as file:
            reader = pa.ipc.open_stream(file) if is_stream else pa.ipc.open_file(file)
            ours = reader.read_all()
        frame = (polars.read_ipc_stream if is_stream else polars.read_ipc)(path)
        values = theirs.to_pylist()
        checks = {
            "schema": plain(ours.schema) == plain(theirs.schema),
            "version": (ours.schema.metadata or {}).get(b"scanmill.schema_version") is not None,
            "rows of pyarrow": ours.to_pylist() == values,
            "rows of Polars": frame.equals(polars.from_arrow(ours)) and frame.height == len(values),
        }
        for what, same in checks.items():
            if not same:
                print(f"{path}: {what}")
                failed = True
        files += 1
        rows += len(values)
    if failed:
        sys.exit(1)
    print(files, rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
