#!/usr/bin/env python3
"""Compares scanmill with a second implementation of the rules of docs/merge.md, written only from that document, on
random series of scans.

    python3 tests/oracle/truth [WHAT] [--binary PATH] [--series N] [--seed N] [--keep DIR]

Prints each kind of difference once, with the smallest series that shows it, and exits with 1 if there is any.
"""

import argparse
import multiprocessing
import os
import random
import re
import shutil
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import compare  # noqa: E402
import series as generator  # noqa: E402

CHECKS = {"merge": compare.check_merge, "history": compare.check_history, "diff": compare.check_diff,
          "state": compare.check_state}


def series_of(options, index):
    return generator.make(random.Random(f"{options.seed}:{index}"), options.what)


def checked(options, series, folder):
    """Returns the differences of one series, one line each."""
    try:
        found = CHECKS[options.what](options.binary, series, folder)
    except Exception:
        return ["the oracle itself: " + traceback.format_exc()]
    return [line for line in found if not (options.hide and re.search(options.hide, line))]


def share(task):
    """Returns the differences of one share of the series."""
    options, first = task
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        for index in range(first, options.series, options.jobs):
            found = checked(options, series_of(options, index), folder)
            if found:
                failures.append((index, found))
    return failures


def report(options, failures):
    """Prints each kind of difference once, with a small series."""
    kinds = {}
    for index, found in sorted(failures):
        kinds.setdefault(compare.kind_of(found), []).append((index, found))
    for kind, members in list(kinds.items())[: options.kinds]:
        index, found = min(members, key=lambda m: len(m[1]))
        print(f"\n== {' '.join(kind)}: {len(members)} series, such as {index} of seed {options.seed}")
        print("\n".join(found[:3]))
        with tempfile.TemporaryDirectory() as folder:
            small = compare.shrink(series_of(options, index), lambda s: checked(options, s, folder))
            found = checked(options, small, folder)
        place = os.path.join(options.keep or tempfile.gettempdir(), f"scanmill-{options.what}-{options.seed}-{index}")
        shutil.rmtree(place, ignore_errors=True)
        os.makedirs(place)
        compare.write(small, place)
        lines = [f"cut down, in {place}:", *compare.commands(small, options.what), *found[:12]]
        with open(os.path.join(place, "differences"), "w") as file:
            file.write("\n".join(lines) + "\n")
        print("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=sorted(CHECKS), default="merge")
    parser.add_argument("--binary", default=os.path.join(HERE, "../../../target/debug/scanmill"))
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--keep", help="folder for the smallest series of each kind; by default that of temporary files")
    parser.add_argument("--kinds", type=int, default=8, help="number of kinds of differences to reduce and show")
    parser.add_argument("--hide", metavar="REGEX", help="omits known differences, to show others")
    options = parser.parse_args()
    options.binary = os.path.abspath(options.binary)
    if not os.path.exists(options.binary):
        parser.error(f"{options.binary} is missing: cargo build")
    with multiprocessing.Pool(options.jobs) as pool:
        shares = [(options, first) for first in range(options.jobs)]
        failures = [f for part in pool.map(share, shares) for f in part]
    report(options, failures)
    print(f"{options.series} series of seed {options.seed}: {len(failures)} differ")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
