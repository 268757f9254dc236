#!/usr/bin/env python3
"""Measures merging and comparing relative to converting, and prints a Markdown table.

    cargo build --profile dist --examples --bins
    benches/merge.py [--sizes 8M,80M,800M] [--scans 5] [--memory 256M] [--out DIR]

For each size it generates a sweep, derives `--scans` scans of the same hosts from it, and runs `convert`, `merge` in
memory, `merge` with little memory, `history`, and `diff` of the first two, once each, as whole processes that write
Parquet. Times are ratios to that of `convert`; memory is the largest resident set.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TIME = re.compile(rb'\b((?:start|starttime|endtime|time)=")(\d{9,11})')
DIST = Path(__file__).resolve().parent.parent / "target" / "dist"


def run(command, fine=(0,)):
    """Returns wall seconds and peak memory in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in fine:
        sys.exit(f"{command} ended with {process.returncode}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def later(found, days):
    """Returns a time moved by `days` days."""
    return b"%s%d" % (found[1], int(found[2]) + days * 86400)


def scans(size, count, out):
    """Writes several scans of the same hosts: other arguments, so other IDs, and later times."""
    base = out / "base.xml"
    with open(base, "wb") as file:
        said = subprocess.run([DIST / "examples/gen", "sweep", size], check=True, stdout=file,
                              stderr=subprocess.PIPE, text=True)
    paths = []
    for number in range(count):
        path = out / f"scan{number}.xml"
        with open(base, "rb") as source, open(path, "wb") as target:
            for line in source:
                line = line.replace(b'args="', b'args="%d ' % number, 1)
                target.write(TIME.sub(lambda found: later(found, number), line))
        paths.append(path)
    base.unlink()
    return paths, said.stderr.split(",")[1].split()[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sizes", default="8M,80M,800M")
    parser.add_argument("--scans", type=int, default=5)
    parser.add_argument("--memory", default="256M")
    parser.add_argument("--out", default=tempfile.gettempdir())
    args = parser.parse_args()
    print("| hosts | XML | convert | merge | | merge, --memory "
          f"{args.memory} | | history | | diff of two |\n|---|---|---|---|---|---|---|---|---|---|")
    for size in args.sizes.split(","):
        with tempfile.TemporaryDirectory(dir=args.out) as folder:
            out = Path(folder)
            paths, hosts = scans(size, args.scans, out)
            total = sum(path.stat().st_size for path in paths) / 1e6
            program, tail = [DIST / "scanmill", "-q"], ["--to", "parquet", "--overwrite", "-o", out / "o"]
            base, _ = run([*program, "convert", *paths, *tail])
            held, held_peak = run([*program, "merge", "--policy", "latest", *paths, *tail])
            least = ["--memory", args.memory, "--temp-dir", out]
            spilled, spilled_peak = run([*program, "merge", "--policy", "latest", *least, *paths, *tail])
            told, told_peak = run([*program, "history", *paths, *tail])
            differ, differ_peak = run([*program, "diff", *paths[:2]], fine=(0, 1))
            print(f"| {hosts} x {args.scans} | {total:.0f} MB | {base:.1f} s | {held:.1f} s, {held / base:.2f} | "
                  f"{held_peak:.0f} MiB | {spilled:.1f} s, {spilled / base:.2f} | {spilled_peak:.0f} MiB | "
                  f"{told:.1f} s, {told / base:.2f} | {told_peak:.0f} MiB | {differ:.1f} s, {differ_peak:.0f} MiB |",
                  flush=True)


if __name__ == "__main__":
    main()
