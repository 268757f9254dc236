#!/usr/bin/env python3
"""Measures the gain of two threads, compared with the most that two processors of this machine can gain.

    cargo build --profile dist --examples --bins
    benches/threads.py [--size 200M] [--runs 7] [--kinds rich,sweep] [--out DIR]

For each kind of generated input, plain and as gzip, and each format it runs `scanmill convert` in a changing order:
one process with one thread; two such processes at the same time; one process with two threads. Processors share
caches, memory and sometimes a core, so two processes at the same time are slower than each alone: twice the time of
one process divided by that of the pair is the most that two threads can gain. The results are medians of whole
processes; DIR is best on a memory file system.
"""

import argparse
import gzip
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import FORMATS, DIST, generate

# Threads per process, and number of processes at the same time.
WAYS = {"one": (1, 1), "pair": (1, 2), "two": (2, 1)}


def convert(path, form, way, out):
    """Returns wall and CPU seconds until all processes have succeeded."""
    threads, processes = WAYS[way]
    targets = [out / f"{form}.{number}" for number in range(processes)]
    command = [DIST / "scanmill", "-q", "convert", f"-j{threads}", path, "--to", form, "--overwrite", "-o"]
    # With a slash at its end the output is a folder of all tables.
    slash = "" if form == "jsonl" else "/"
    start = time.perf_counter()
    running = [subprocess.Popen([*command, f"{target}{slash}"]) for target in targets]
    cpu = 0.0
    for process in running:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"{process.args} ended with {process.returncode}")
        cpu += usage.ru_utime + usage.ru_stime
    return time.perf_counter() - start, cpu


def measure(path, label, runs, out):
    for form in FORMATS:
        taken = {way: [] for way in WAYS}
        for number in range(runs + 1):
            for way in random.sample(list(WAYS), len(WAYS)):
                result = convert(path, form, way, out)
                if number > 0:  # the first round warms the file cache
                    taken[way].append(result)
        wall = {way: statistics.median(r[0] for r in results) for way, results in taken.items()}
        cpu = statistics.median(r[1] for r in taken["one"])
        most = 2 * wall["one"] / wall["pair"]
        print(f"| {label} | {form} | {wall['one']:.2f} | {wall['two']:.2f} | {wall['one'] / wall['two']:.2f} "
              f"| {most:.2f} | {2 * wall['two'] / cpu:.2f} | {2 * wall['two'] / wall['pair']:.2f} |")
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", default="200M")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--kinds", default="rich,sweep")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        out = Path(folder)
        print("| input | to | one thread, s | two threads, s | gain | gain of two processes "
              "| two threads / half of the CPU time of one | two threads / half of a pair |")
        print("|---|---|---|---|---|---|---|---|")
        for kind in options.kinds.split(","):
            plain, packed = generate(kind, options.size, out), out / f"{kind}.xml.gz"
            with open(plain, "rb") as file, gzip.open(packed, "wb", compresslevel=6) as to:
                shutil.copyfileobj(file, to, 1 << 20)
            for path in (plain, packed):
                measure(path, path.name, options.runs, out)
                path.unlink()


if __name__ == "__main__":
    main()
