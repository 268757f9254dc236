#!/usr/bin/env python3
"""Measures the time from `</host>` to the host's line in the output of `scanmill scan`.

    benches/latency.py [--hosts 200] [--pause 0.02]

A program that stands in for nmap writes a host, records the time, and pauses, so that scanmill must not wait for more
input. It needs `cargo build --profile dist` first. Nothing is scanned.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

SCANMILL = pathlib.Path(__file__).resolve().parent.parent / "target/dist/scanmill"

FAKE = """#!{python}
import sys, time
out = sys.stdout.buffer
def write(text):
    out.write(text.encode())
    out.flush()
write('<?xml version="1.0"?><nmaprun scanner="nmap" args="nmap" start="1700000000">\\n')
with open({times!r}, "w") as times:
    for number in range({hosts}):
        ports = "".join(f'<port protocol="tcp" portid="{{p}}"><state state="open"/></port>' for p in range(1, 20))
        write(f'<host><status state="up"/><address addr="192.0.2.{{number % 256}}" addrtype="ipv4"/><ports>{{ports}}</ports></host>')
        print(time.monotonic_ns(), file=times)
        time.sleep({pause})
write('<runstats><finished exit="success"/></runstats></nmaprun>')
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--pause", type=float, default=0.02)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times, nmap = f"{folder}/times", f"{folder}/nmap"
        text = FAKE.format(python=sys.executable, times=times, hosts=args.hosts, pause=args.pause)
        pathlib.Path(nmap).write_text(text)
        os.chmod(nmap, 0o755)
        scan = [SCANMILL, "scan", "192.0.2.1", "--nmap", nmap, "-q"]
        out = []
        with subprocess.Popen(scan, stdout=subprocess.PIPE) as process:
            for line in iter(process.stdout.readline, b""):
                out.append((time.monotonic_ns(), line))
        if process.returncode != 0:
            sys.exit(f"scanmill ended with {process.returncode}")
        came = [at for at, line in out if b'"_type":"host"' in line]
        wrote = [int(at) for at in pathlib.Path(times).read_text().split()]
    if len(came) != len(wrote):
        sys.exit(f"{len(wrote)} hosts were written, and {len(came)} came out")
    # The line may arrive before the program has recorded its time.
    late = sorted(max(0, out - inn) / 1e6 for inn, out in zip(wrote, came))
    print(f"{len(late)} hosts: median {statistics.median(late):.2f} ms, ", end="")
    print(f"99 % {late[int(len(late) * 0.99)]:.2f} ms, at most {late[-1]:.2f} ms")


main()
