#!/usr/bin/env python3
"""Opens Parquet and CSV with pyarrow, an independent reader, and compares them with flat JSONL.

    tables.py SCHEMAS PARQUET CSV JSONL

Each argument is a folder with one file per table; SCHEMAS holds the printed Arrow schemas (JSON). Every column must
have the type and position that its schema specifies, and every value must equal that of the row's JSONL line. Exits
with status 1 and one line per difference; otherwise prints the number of rows it compared.
"""

import ipaddress
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

PROBLEMS = []


def problem(text):
    PROBLEMS.append(text)


def arrow_type(field):
    """Returns the type of a field in Arrow's JSON format."""
    kind = field["type"]
    name = kind["name"]
    children = [arrow_field(c) for c in field.get("children", [])]
    if name == "utf8":
        made = pa.string()
    elif name == "int":
        made = {(32, True): pa.int32(), (64, True): pa.int64()}[kind["bitWidth"], kind["isSigned"]]
    elif name == "floatingpoint":
        assert kind["precision"] == "DOUBLE", kind
        made = pa.float64()
    elif name == "bool":
        made = pa.bool_()
    elif name == "timestamp":
        assert kind["unit"] == "MICROSECOND", kind
        made = pa.timestamp("us", kind["timezone"])
    elif name == "fixedsizebinary":
        made = pa.binary(kind["byteWidth"])
    elif name == "list":
        made = pa.list_(children[0])
    elif name == "struct":
        made = pa.struct(children)
    else:
        raise ValueError(f"unexpected type {name}")
    if field.get("dictionary"):
        index = field["dictionary"]["indexType"]
        assert (index["bitWidth"], index["isSigned"]) == (32, True), index
        made = pa.dictionary(pa.int32(), made)
    return made


def arrow_field(field):
    return pa.field(field["name"], arrow_type(field), nullable=field["nullable"])


def schema_of(path):
    document = json.loads(path.read_text(encoding="utf-8"))
    return pa.schema([arrow_field(f) for f in document.get("schema", document)["fields"]])


def plain(field_type):
    """Returns the type without dictionaries, for CSV."""
    return field_type.value_type if pa.types.is_dictionary(field_type) else field_type


def as_json(value, field_type):
    """Returns a value of pyarrow in the form of the JSONL line."""
    if value is None:
        return None
    if pa.types.is_timestamp(field_type):
        text = value.strftime("%Y-%m-%dT%H:%M:%S")
        return text + (f".{value.microsecond:06}".rstrip("0") if value.microsecond else "") + "Z"
    if pa.types.is_list(field_type):
        return [as_json(v, field_type.value_type) for v in value]
    if pa.types.is_struct(field_type):
        return {f.name: as_json(value[f.name], f.type) for f in field_type}
    return value


def same_rows(where, columns, rows, lines):
    if len(rows) != len(lines):
        problem(f"{where}: {len(rows)} rows, {len(lines)} lines")
    for number, (row, line) in enumerate(zip(rows, lines)):
        for name in columns:
            # Whole floats equal integers here, as JSON has one kind of number.
            if row[name] != line[name] or (row[name] is True) != (line[name] is True):
                problem(f"{where} row {number} {name}: {row[name]!r}, not {line[name]!r}")


def read_parquet(path, schema):
    """Returns the rows of a file, after checking its schema."""
    file = pa.parquet.ParquetFile(path)
    found = file.schema_arrow
    if found.names != schema.names:
        problem(f"{path.name}: columns {found.names}")
    for field in schema:
        read = found.field(field.name)
        if read.type != field.type or read.nullable != field.nullable:
            problem(f"{path.name} {field.name}: {read}, not {field}")
    metadata = file.metadata
    if (metadata.metadata or {}).get(b"scanmill.schema_version") != b"3":
        problem(f"{path.name}: no scanmill.schema_version")
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(number)
            if chunk.compression != "ZSTD":
                problem(f"{path.name} {chunk.path_in_schema}: compression {chunk.compression}")
            # A column that contains only nulls, or is a list, may lack bounds; it has statistics all the same.
            if not chunk.is_stats_set:
                problem(f"{path.name} {chunk.path_in_schema}: no statistics")
    table = file.read()
    columns = [[as_json(v, plain(f.type)) for v in table[f.name].to_pylist()] for f in schema]
    return [dict(zip(schema.names, row)) for row in zip(*columns)]


def ip_bytes(row):
    """Returns the expected value of ip_bytes: network order, with IPv4 mapped."""
    if row["ip_version"] is None:
        return None
    ip = ipaddress.ip_address(row["ip"])
    return (b"\0" * 10 + b"\xff\xff" if ip.version == 4 else b"") + ip.packed


def is_nested(field_type):
    return pa.types.is_list(field_type) or pa.types.is_struct(field_type)


def read_csv(path, schema):
    fields = [f for f in schema if not pa.types.is_fixed_size_binary(f.type)]
    # Lists are JSON texts there.
    types = {f.name: pa.string() if is_nested(f.type) else plain(f.type) for f in fields}
    table = pa.csv.read_csv(
        path,
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    if table.column_names != [f.name for f in fields]:
        problem(f"{path.name}: columns {table.column_names}")
        return []
    columns = []
    for field in fields:
        values = table[field.name].to_pylist()
        if is_nested(field.type):
            columns.append([v if v is None else json.loads(v) for v in values])
        else:
            columns.append([as_json(v, plain(field.type)) for v in values])
    return [dict(zip(types, row)) for row in zip(*columns)]


def read_jsonl(path, table, columns):
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    for number, line in enumerate(lines):
        if list(line) != ["_table", *columns] or line["_table"] != table:
            problem(f"{path.name} line {number}: members {list(line)}")
    return lines


def main():
    schemas, parquet, csv, jsonl = map(Path, sys.argv[1:5])
    tables = sorted(path.stem for path in schemas.glob("*.json"))
    if len(tables) != 13:
        problem(f"{len(tables)} schemas")
    total = 0
    for table in tables:
        schema = schema_of(schemas / f"{table}.json")
        text = [f.name for f in schema if not pa.types.is_fixed_size_binary(f.type)]
        lines = read_jsonl(jsonl / f"{table}.jsonl", table, text)
        rows = read_parquet(parquet / f"{table}.parquet", schema)
        same_rows(f"{table}.parquet", text, rows, lines)
        if table == "hosts":
            for number, row in enumerate(rows):
                if row["ip_bytes"] != ip_bytes(row):
                    problem(f"hosts.parquet row {number} ip_bytes: {row['ip_bytes']}")
        same_rows(f"{table}.csv", text, read_csv(csv / f"{table}.csv", schema), lines)
        if not lines:
            problem(f"{table}: no row to compare")
        total += len(lines)
    for text in PROBLEMS[:50]:
        print(text, file=sys.stderr)
    print(f"{total} rows of {len(tables)} tables")
    return 1 if PROBLEMS else 0


if __name__ == "__main__":
    sys.exit(main())
