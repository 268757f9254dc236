"""Reads one document into plain dictionaries: the scan, and its hosts as written."""

import hashlib
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import expat_oracle as expat  # noqa: E402

TAG = re.compile(rb"<(/?)([A-Za-z]+)((?:[^<>\"]|\"[^\"]*\")*?)(/?)>")


class Scan:
    """A document. `hosts` are nested lines, with `_zones`: the zone of each address."""

    def __init__(self, source, data):
        self.source, self.sha = source, hashlib.sha256(data).hexdigest()
        whole, cut_host = completed(data)
        self.truncated = whole is not data
        run = expat.parse(whole)
        self.id = expat.scan_id(run)
        self.hosts = []
        self.dup_ports = self.dropped_ports = 0
        for index, element in enumerate(run.all("host")):
            self.dropped_ports += old_banners(element)
            line = expat.host_line(run, self.id, index, element)
            self.unique_ports(line)
            if not element.all("status"):
                inferred = any(p["state"] in ("open", "closed", "unfiltered") for p in line.get("ports", []))
                line["state"], line["reason"] = ("up", "inferred") if inferred else ("unknown", None)
            line["_zones"] = [expat.ip_text(a.attributes.get("addr"))[2] for a in element.all("address") if a.attributes.get("addr")]
            self.hosts.append(line)
        if cut_host:
            self.hosts[-1]["complete"] = False
        self.line = expat.scan_line(run, self.id, len(data))
        self.line["truncated"] = self.truncated
        # R8: where the bytes end right after `<host`, another host begins.
        self.broken_off = cut_host and data.endswith(b"<host")
        self.line["resumed"] = self.broken_off
        self.line["source"] = source
        self.line["content_sha256"] = self.sha
        self.line["hosts_incomplete"] = int(cut_host)
        self.scripts = self.line.pop("scripts", [])
        del self.line["_type"]
        self.finished = self.line["finished"]
        self.masscan = self.line.get("scanner") == "masscan"
        self.args = self.line.get("args")
        self.start, self.end = self.line.get("start_time"), self.line.get("end_time")

    def unique_ports(self, line):
        """Makes one row of a protocol and port that occurs twice in a host: the first state, and the services and
        scripts of all."""
        made = {}
        for port in line.get("ports", []):
            key = port["protocol"], port["port"]
            if key in made:
                self.dup_ports += 1
                for name in ("services", "scripts"):
                    if port.get(name):
                        made[key].setdefault(name, []).extend(port[name])
            else:
                made[key] = port
        if "ports" in line:
            line["ports"] = list(made.values())
        line["ports_listed"] = len(made)
        line["ports_open"] = sum(p["state"] == "open" for p in made.values())

    def rows(self):
        """Returns the rows by which copies are compared."""
        count = len(self.hosts) + len(self.scripts)
        for host in self.hosts:
            found = host.get("os", {})
            count += len(host.get("scripts", [])) + len(found.get("matches", [])) + len(found.get("classes", []))
            count += sum(len(m.get("classes", [])) for m in found.get("matches", []))
            count += sum(len(t.get("hops", [])) for t in host.get("trace", []))
            for port in host.get("ports", []):
                count += 1 + len(port.get("services", [])) + len(port.get("scripts", []))
        return count

    def goodness(self):
        return (self.finished, not self.truncated, sum(h["complete"] for h in self.hosts), self.rows())


def old_banners(host):
    """Handles masscan of 2013, where the banner is an element and there is no state. Returns the number of ports
    without any state, which are dropped."""
    dropped = 0
    for ports in host.all("ports"):
        for port in list(ports.all("port")):
            for service in port.all("service"):
                for banner in service.all("banner"):
                    service.attributes.setdefault("banner", banner.text)
            if not port.first("state").attributes.get("state"):
                if any(s.attributes.get("banner") for s in port.all("service")):
                    state = expat.Element("state", {"state": "open"})
                    port.children.insert(0, state)
                else:
                    ports.children.remove(port)
                    dropped += 1
    return dropped


def completed(data):
    """Adds missing end tags to a document (R2), and drops an unfinished tag. Returns it with true if a host was open."""
    open_tag = data.rfind(b"<")
    if b">" not in data[open_tag:]:
        data_kept = data[:open_tag]
    else:
        data_kept = data
    stack = []
    for end, name, _, empty in TAG.findall(data_kept):
        if end:
            stack.pop()
        elif not empty:
            stack.append(name)
    if not stack:
        return data, False
    return data_kept + b"".join(b"</" + name + b">" for name in reversed(stack)), b"host" in stack
