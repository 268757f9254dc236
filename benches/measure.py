#!/usr/bin/env python3
"""Measures whole runs of the command compared with the floor F, and prints a Markdown table.

    cargo build --profile dist --examples --bins
    benches/measure.py [--size 200M] [--runs 5] [--kinds rich,sweep] [--out DIR]

For each kind of generated input it alternates between F (quick-xml reads every event and raw attribute of the file in
memory, with checks off) and `scanmill convert` to each format, so that a busy moment of the machine affects all alike,
and takes medians. Times of scanmill are those of the whole process, including reading and writing; F's is only that of
reading tokens. Memory is the largest resident set of any run. JSONL goes to /dev/null, CSV and Parquet (all tables)
into DIR, best on a memory file system: the disk is not measured.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "target" / "dist"
FORMATS = ("jsonl", "csv", "parquet")


def run(command, stdout):
    """Returns wall seconds, CPU seconds and peak memory in MiB of a process that must succeed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=stdout)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command} ended with {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def floor(path):
    said = subprocess.run([DIST / "examples/floor", path], check=True, capture_output=True, text=True)
    return float(said.stdout.split()[0])


def convert(path, form, out):
    command = [DIST / "scanmill", "-q", "convert", "-j1", path, "--to", form]
    if form == "jsonl":
        return run(command, subprocess.DEVNULL)
    target = out / form
    shutil.rmtree(target, ignore_errors=True)
    return run([*command, "-o", target], subprocess.DEVNULL)


def generate(kind, size, out):
    path = out / f"{kind}.xml"
    with open(path, "wb") as file:
        subprocess.run([DIST / "examples/gen", kind, size], check=True, stdout=file,
                       stderr=subprocess.DEVNULL)
    return path


def measure(path, kind, runs, out):
    size = path.stat().st_size / 1e6
    floors, taken = [], {form: [] for form in FORMATS}
    for number in range(runs + 1):
        floor_seconds = floor(path)
        results = {form: convert(path, form, out) for form in FORMATS}
        if number == 0:
            continue  # the first round warms the file cache
        floors.append(floor_seconds)
        for form, result in results.items():
            taken[form].append(result)
    base = statistics.median(floors)
    print(f"| {kind} ({size:.0f} MB) | F | {size / base:.0f} | 1 | 1 | |")
    for form, results in taken.items():
        wall, cpu = (statistics.median(r[i] for r in results) for i in (0, 1))
        peak = max(r[2] for r in results)
        print(f"| {kind} | {form} | {size / wall:.0f} | {base / wall:.2f} | {base / cpu:.2f} | {peak:.0f} |")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", default="200M")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--kinds", default="rich,sweep")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        out = Path(folder)
        print("| input | to | MB/s | wall, in F | CPU, in F | peak MiB |\n|---|---|---|---|---|---|")
        for kind in options.kinds.split(","):
            path = generate(kind, options.size, out)
            measure(path, kind, options.runs, out)
            path.unlink()


if __name__ == "__main__":
    main()
