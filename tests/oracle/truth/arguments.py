"""The requests in the arguments of a scan, parsed as getopt_long_only parses them (docs/merge.md, Terms)."""

# Short options of nmap that take a value, in the same word or (the first list) in the next one.
VALUE = "begiIMmopSTDs"
ATTACHED = "OPvd"
# Long options that take a value; all others take none.
LONG_VALUE = set("""
oN oX oA oS oG oM oH iL iR sI script script-args script-args-file script-help script-timeout version-intensity dns-servers
exclude excludefile exclude-file exclude-ports top-ports port-ratio stylesheet data-length data data-string ttl
ip-options spoof-mac scanflags source-port host-timeout scan-delay max-scan-delay min-rate max-rate max-retries
min-parallelism max-parallelism min-hostgroup max-hostgroup min-rtt-timeout max-rtt-timeout initial-rtt-timeout
datadir servicedb versiondb proxies proxy resume mtu max-os-tries stats-every nsock-engine
""".split())


def words(text):
    """Splits at spaces, except in double quotes; a backslash keeps the character after it."""
    made, word, quoted, begun = [], "", False, False
    characters = iter(text)
    for c in characters:
        if c == "\\":
            word, begun = word + next(characters, ""), True
        elif c == '"':
            quoted, begun = not quoted, True
        elif c.isspace() and not quoted:
            if begun:
                made.append(word)
            word, begun = "", False
        else:
            word, begun = word + c, True
    return made + [word] if begun else made


def asked(args):
    """Returns the requested kinds: `services`, `scripts`, `os`, `route`, and `no-names`."""
    kinds = set()
    rest = words(args or "")[1:]
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            continue
        name, equals, _ = word.lstrip("-").partition("=")
        name = name.replace("_", "-")
        double = word.startswith("--")
        if double or name in LONG_VALUE or long_kind(name):
            kinds |= long_kind(name)
            if name in LONG_VALUE and not equals and rest:
                rest.pop(0)
            continue
        cluster(word[1:], rest, kinds)
    return kinds


def long_kind(name):
    if name.startswith("version-"):
        return {"services"}
    if name == "script":
        return {"scripts"}
    if len(name) > 1 and "traceroute".startswith(name):
        return {"route"}
    return set()


def cluster(letters, rest, kinds):
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter == "s":
            kinds |= {k for l, k in (("V", "services"), ("C", "scripts")) if l in letters}
            return
        if letter == "A":
            kinds |= {"services", "scripts", "os", "route"}
        elif letter == "O":
            kinds.add("os")
        elif letter == "n":
            kinds.add("no-names")
        if letter in VALUE:
            if not letters and rest:
                rest.pop(0)
            return
        if letter in ATTACHED:
            return
