#!/usr/bin/env python3
"""Compares scanmill with other readers of nmap XML, and prints a Markdown table.

    cargo build --profile dist --examples --bins
    benches/peers.py [--size 200M] [--runs 3] [--kinds rich,sweep] [--out DIR]

All run in turn on the same generated files, as whole processes; the table has the best wall time of each and its
largest resident set. The last column shows the numbers of hosts and ports that each of them found, and so which of
them read everything. Readers that this machine cannot run are listed with the reason: python-libnmap and the Rust
crate nmap_xml_parser are fetched into target/peers, xmllint comes with libxml2 (Debian: libxml2-utils), nmap-formatter
needs Go.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "target" / "dist"
PEERS = ROOT / "target" / "peers"

ITERPARSE = """
import sys
from xml.etree.ElementTree import iterparse
hosts = ports = 0
rows = []
context = iterparse(sys.argv[1], events=("start", "end"))
_, root = next(context)
for event, element in context:
    if event == "end" and element.tag == "host":
        hosts += 1
        addresses = [a.attrib for a in element.findall("address")]
        names = [n.attrib for n in element.findall("hostnames/hostname")]
        matches = [dict(m.attrib, classes=[c.attrib for c in m]) for m in element.findall("os/osmatch")]
        hops = [h.attrib for h in element.findall("trace/hop")]
        found = []
        for port in element.findall("ports/port"):
            ports += 1
            state, service = port.find("state"), port.find("service")
            scripts = [s.attrib for s in port.findall("script")]
            found.append((port.attrib, state.attrib if state is not None else None,
                          service.attrib if service is not None else None, scripts))
        rows = [addresses, names, matches, hops, found]
        root.clear()
print(hosts, ports)
"""

LIBNMAP = """
import sys
from libnmap.parser import NmapParser
report = NmapParser.parse_fromfile(sys.argv[1])
print(len(report.hosts), sum(len(host.services) for host in report.hosts))
"""

RUST_MANIFEST = """
[package]
name = "peer"
version = "0.0.0"
edition = "2021"
[dependencies]
nmap_xml_parser = "*"
[workspace]
"""

RUST_MAIN = """
fn main() {
    let text = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
    match nmap_xml_parser::NmapResults::parse(&text) {
        Ok(results) => {
            let (mut hosts, mut ports) = (0, 0);
            for host in results.hosts() {
                hosts += 1;
                ports += host.port_info.ports().count();
            }
            println!("{hosts} {ports}");
        }
        Err(error) => println!("refused: {error}"),
    }
}
"""


class Missing(Exception):
    """A reader that cannot be run here, with the reason."""


def need(command, what):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise Missing(f"{what}: {lines[-1][:120]}")
    return done.stdout


def python_with(package):
    place = PEERS / "venv"
    python = place / "bin" / "python"
    if not python.exists():
        venv.create(place, with_pip=True)
    need([python, "-m", "pip", "install", "--quiet", package], f"pip install {package}")
    return python


def libnmap():
    return [python_with("python-libnmap"), "-c", LIBNMAP]


def iterparse():
    return [sys.executable, "-c", ITERPARSE]


def xmllint():
    if not shutil.which("xmllint"):
        raise Missing("xmllint is not installed")
    return ["xmllint", "--stream", "--noout", "--huge", "--nonet"]


def rust():
    place = PEERS / "rust"
    (place / "src").mkdir(parents=True, exist_ok=True)
    (place / "Cargo.toml").write_text(RUST_MANIFEST)
    (place / "src" / "main.rs").write_text(RUST_MAIN)
    need(["cargo", "build", "--quiet", "--release", "--manifest-path", place / "Cargo.toml"], "cargo build")
    return [place / "target" / "release" / "peer"]


def formatter():
    if not shutil.which("go"):
        raise Missing("Go is not installed")
    environment = dict(os.environ, GOBIN=str(PEERS / "go"))
    done = subprocess.run(["go", "install", "github.com/vdjagilev/nmap-formatter/v3@latest"], env=environment,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(f"go install: {done.stderr.strip().splitlines()[-1][:120]}")
    return [PEERS / "go" / "nmap-formatter", "csv"]


def scanmill(form, threads, out):
    def command(path):
        target = out / f"{form}-{threads}"
        shutil.rmtree(target, ignore_errors=True)
        to = ["--to", form] if form == "jsonl" else ["--to", form, "-o", target]
        report = ["--report", out / "report.json"]
        return [DIST / "scanmill", "-q", "convert", f"-j{threads}", path, *to, *report]

    return command


def run(command, out):
    """Returns wall seconds, peak MiB and the first line of a process's output, or the reason of its failure."""
    with open(out / "said", "w+b") as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        first = said.read(200).decode(errors="replace").strip().splitlines() or [""]
    return wall, usage.ru_maxrss / 1024, first[0], process.returncode


def counted(command, first, out):
    if str(command[0]).endswith("scanmill"):
        import json

        report = json.loads((out / "report.json").read_text())
        return f"{report['hosts']} {report['ports']}"
    return first if len(first) < 40 and first[:1].isdigit() else "-"


def measure(path, peers, runs, out):
    size = path.stat().st_size / 1e6
    results = {}
    for _ in range(runs):
        for name, make in peers.items():
            if isinstance(make, Missing):
                continue
            command = make(path)
            wall, peak, first, code = run(command, out)
            best, most, _ = results.get(name, (wall, peak, ""))
            seen = counted(command, first, out) if code == 0 else f"failed: {first[:60]}"
            results[name] = (min(best, wall), max(most, peak), seen)
    kind = path.stem
    for name, make in peers.items():
        if isinstance(make, Missing):
            print(f"| {kind} | {name} | not measured: {make} | | | |")
            continue
        wall, peak, seen = results[name]
        print(f"| {kind} | {name} | {wall:.2f} | {size / wall:.0f} | {peak:.0f} | {seen} |")
    sys.stdout.flush()


def prepared(out):
    peers = {}
    for form in ("jsonl", "csv", "parquet"):
        for threads in (1, 2):
            peers[f"scanmill {form}, {threads} thread{'s' * (threads > 1)}"] = scanmill(form, threads, out)
    others = {
        "xmllint --stream --noout (parses only)": xmllint,
        "Rust nmap_xml_parser (in memory)": rust,
        "Go nmap-formatter csv": formatter,
        "Python ElementTree.iterparse": iterparse,
        "Python python-libnmap": libnmap,
    }
    for name, prepare in others.items():
        try:
            command = prepare()
            peers[name] = lambda path, command=command: [*command, path]
        except Missing as missing:
            peers[name] = missing
    return peers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", default="200M")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--kinds", default="rich,sweep")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    PEERS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        out = Path(folder)
        peers = prepared(out)
        print("| input | reader | s | MB/s | peak MiB | hosts, ports |\n|---|---|---|---|---|---|")
        for kind in options.kinds.split(","):
            path = out / f"{kind}.xml"
            with open(path, "wb") as file:
                subprocess.run([DIST / "examples/gen", kind, options.size], check=True, stdout=file,
                               stderr=subprocess.DEVNULL)
            measure(path, peers, options.runs, out)
            path.unlink()


if __name__ == "__main__":
    main()
