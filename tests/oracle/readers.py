#!/usr/bin/env python3
"""Opens Parquet files with the readers that people use, and compares the rows that each of them reads.

    readers.py FOLDER...

Every file below the folders is read completely by pyarrow (as a file, in batches, and row group by row group), pandas,
Polars and DuckDB; with SCANMILL_SPARK set also by Spark, which needs pyspark and Java. All must return the same rows.
Exits with status 1 and one line per difference; otherwise prints the numbers of files and row groups that it read.
"""

import datetime
import math
import os
import sys
from pathlib import Path

import duckdb
import numpy
import pandas
import polars
import pyarrow as pa
import pyarrow.parquet

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def plain(value):
    """Returns a value in plain Python, equal for all readers."""
    if isinstance(value, (list, tuple, numpy.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if value is None or value is pandas.NaT or value is pandas.NA:
        return None
    if isinstance(value, numpy.generic):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.timezone.utc)
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    return value


def rows(table):
    """Returns the rows of an Arrow table."""
    return [plain(row) for row in table.to_pylist()]


def with_pyarrow_batches(path):
    file = pa.parquet.ParquetFile(path)
    return [plain(row) for batch in file.iter_batches(batch_size=77) for row in batch.to_pylist()]


def with_pyarrow_groups(path):
    file = pa.parquet.ParquetFile(path)
    groups = (file.read_row_group(number) for number in range(file.num_row_groups))
    return [row for group in groups for row in rows(group)]


def with_pandas(path):
    # Opened here: from the name of a folder such as `scan_date=...`, pandas would add a column.
    with open(path, "rb") as file:
        frame = pandas.read_parquet(file)
    # pandas returns integers of a column with nulls as floats, which compare equal.
    return [plain(row) for row in frame.to_dict("records")]


def with_polars(path):
    return [plain(row) for row in polars.read_parquet(path, hive_partitioning=False).to_dicts()]


def with_duckdb(path):
    found = duckdb.sql(f"SELECT * FROM read_parquet('{path}', hive_partitioning = false)")
    return rows(found.to_arrow_table())


READERS = {
    "pyarrow, in batches": with_pyarrow_batches,
    "pyarrow, by row groups": with_pyarrow_groups,
    "pandas": with_pandas,
    "Polars": with_polars,
    "DuckDB": with_duckdb,
}


def add_spark():
    from pyspark.sql import Row, SparkSession

    builder = SparkSession.builder.master("local[1]").config("spark.sql.session.timeZone", "UTC")
    spark = builder.config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")

    def with_spark(path):
        def value(found):
            if isinstance(found, Row):
                return {k: value(v) for k, v in found.asDict().items()}
            return [value(v) for v in found] if isinstance(found, list) else plain(found)

        os.environ["TZ"] = "UTC"
        return [value(row) for row in spark.read.parquet(str(path)).collect()]

    READERS["Spark"] = with_spark


def main():
    if os.environ.get("SCANMILL_SPARK"):
        add_spark()
    files = sorted(path for folder in sys.argv[1:] for path in Path(folder).rglob("*.parquet"))
    problems = []
    groups = total = 0
    for path in files:
        groups = max(groups, pa.parquet.ParquetFile(path).num_row_groups)
        try:
            expected = rows(pa.parquet.ParquetFile(path).read())
        except pa.ArrowException as error:
            problems.append(f"{path}: pyarrow: {error}")
            continue
        total += len(expected)
        for name, read in READERS.items():
            try:
                found = read(path)
            except Exception as error:  # Any exception of a reader is its result.
                problems.append(f"{path}: {name}: {type(error).__name__}: {error}")
                continue
            if found != expected:
                pairs = enumerate(zip(found, expected))
                first = next((f"row {n}: {a}, not {b}" for n, (a, b) in pairs if a != b), "")
                problems.append(f"{path}: {name}: {len(found)} rows, not {len(expected)}; {first}"[:500])
    for text in problems[:50]:
        print(text, file=sys.stderr)
    print(f"{len(files)} files, up to {groups} row groups, {total} rows, {len(READERS) + 1} ways")
    return 1 if problems or not total else 0


if __name__ == "__main__":
    sys.exit(main())
