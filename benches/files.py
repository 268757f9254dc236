#!/usr/bin/env python3
"""Measures converting many small files, compared with one file of the same hosts and bytes.

    cargo build --profile dist --examples --bins
    benches/files.py [--files 20000] [--bytes 5000] [--runs 7] [--threads 1,2] [--kind sweep] [--out DIR]

A generated file is split into files of about `--bytes` bytes, each with a header and an end of its own. These files
and one file of as many bytes are converted alternately, and the order is swapped each time. The result is the median
of the ratios of neighbouring runs, as the speed of a machine varies from minute to minute. The times are those of
whole processes, including reading and writing; DIR is best on a memory file system.
"""

import argparse
import statistics
import subprocess
import tempfile
from pathlib import Path

from measure import FORMATS, DIST, generate, run

HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -sS -p- -oX {number}.xml 10.0.0.0/8" start="{start}" version="7.94" xmloutputversion="1.05">
<scaninfo type="syn" protocol="tcp" numservices="65535" services="1-65535"/>
<verbose level="0"/>
<debugging level="0"/>
"""
END = """<runstats><finished time="{time}" elapsed="10.00" summary="Nmap done" exit="success"/><hosts up="1" down="0" total="1"/>
</runstats>
</nmaprun>
"""
START = 1_700_000_000


def hosts_of(path):
    """Yields the host elements of a file, in which each tag of a host has a line of its own."""
    held = []
    with open(path, "rb") as lines:
        for line in lines:
            if held or line.startswith(b"<host "):
                held.append(line)
                if line.rstrip().endswith(b"</host>"):
                    yield b"".join(held)
                    held = []


def cut(path, files, size, out):
    """Creates a folder of files, and one file of as many bytes."""
    hosts = hosts_of(path)
    folder, one = out / "files", out / "one.xml"
    folder.mkdir()
    total = 0
    with open(one, "wb") as whole:
        whole.write(HEADER.format(number="one", start=START).encode())
        for number in range(files):
            head = HEADER.format(number=number, start=START + number).encode()
            end = END.format(time=START + number + 10).encode()
            parts = [head]
            held = len(head) + len(end)
            while held < size * 0.93:
                parts.append(next(hosts))
                held += len(parts[-1])
            (folder / f"{number:06}.xml").write_bytes(b"".join([*parts, end]))
            whole.write(b"".join(parts[1:]))
            total += held
        # Hosts make up in the single file for the headers of the small files.
        while whole.tell() < total:
            whole.write(next(hosts))
        whole.write(END.format(time=START + files).encode())
    return folder, one


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--bytes", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--kind", default="sweep")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        out = Path(folder)
        enough = options.files * options.bytes * 12 // 10 + (16 << 20)
        source = generate(options.kind, str(enough), out)
        inputs = cut(source, options.files, options.bytes, out)
        source.unlink()
        bytes_each = inputs[1].stat().st_size / options.files
        print(f"{options.files} files of {bytes_each:.0f} bytes, against one file of as many\n")
        print("| to | threads | files, s | one file, s | ratio | ratio of CPU time | peak of files, MiB |")
        print("|---|---|---|---|---|---|---|")
        for form in FORMATS:
            for threads in options.threads.split(","):
                # With a slash at its end the output is a folder of all tables.
                target = out / ("o.jsonl" if form == "jsonl" else f"o.{form}/")
                slash = "" if form == "jsonl" else "/"
                taken = {path: [] for path in inputs}
                for number in range(options.runs + 1):
                    for path in inputs if number % 2 else inputs[::-1]:
                        command = [DIST / "scanmill", "-q", "convert", f"-j{threads}", path, "--to", form,
                                   "--overwrite", "-o", f"{target}{slash}"]
                        result = run(command, subprocess.DEVNULL)
                        if number > 0:  # the first round warms the file cache
                            taken[path].append(result)
                files, one = (taken[path] for path in inputs)
                wall, cpu = (statistics.median(a[i] / b[i] for a, b in zip(files, one)) for i in (0, 1))
                seconds = [statistics.median(r[0] for r in results) for results in (files, one)]
                peak = max(r[2] for r in files)
                print(f"| {form} | {threads} | {seconds[0]:.2f} | {seconds[1]:.2f} | {wall:.2f} | {cpu:.2f} "
                      f"| {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
