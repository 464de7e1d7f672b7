"""Runs the same commands on two servers and tells where their answers differ.

As a program it looks for all differences of a family, each with the shortest sequence that shows it:

    SYNOD_BIN=target/release/synod python differential.py --seconds 600 [--seed 1000] [--family zset] [--resp 3]
    cargo xtask differential --seconds 600
"""

import argparse
import itertools
import sys
import time

import generate
import resp
import servers

# Where `compare_values` puts a value beside the one that it is compared with.
COPY = "the copy"

# Replies whose order is the server's own business.
UNORDERED = {b"SMEMBERS", b"HKEYS", b"HVALS", b"HGETALL", b"KEYS", b"SPOP", b"SRANDMEMBER",
             b"SINTER", b"SUNION", b"SDIFF"}  # fmt: skip
# Replies that hold a time to live, or a moment made of one: they may differ by what the run took.
TIMED_MS = {b"TTL": 20, b"PTTL": 20000, b"EXPIRETIME": 20, b"PEXPIRETIME": 20000}


def normalise(command, reply):
    """The reply with what is left to the server taken out."""
    name = command[0].upper() if command else b""
    if name == b"SCAN" and isinstance(reply, list) and len(reply) == 2:
        return [reply[0], sorted(reply[1], key=repr)]
    if name in UNORDERED:
        if name == b"HGETALL" and isinstance(reply, list):
            return sorted(zip(reply[::2], reply[1::2]), key=repr)
        if isinstance(reply, list):
            return sorted(reply, key=repr)
        if isinstance(reply, resp.Typed) and isinstance(reply.value, list):
            return resp.Typed(reply.kind, sorted(reply.value, key=repr))
    return reply


def numeric(reply):
    """The reply with every score as a number: Redis 7.0 spells 0.1 with 17 digits, 7.2 and synod as 0.1."""
    if isinstance(reply, list):
        return [numeric(part) for part in reply]
    if isinstance(reply, resp.Typed) and reply.kind == ",":
        # RESP3 has coordinates in fixed point there, with 17 places.
        return resp.Typed(",", round(float(reply.value), 14))
    if isinstance(reply, bytes):
        try:
            return float(reply)
        except ValueError:
            pass
    return reply


def same(command, ours, theirs):
    name = command[0].upper() if command else b""
    if name.startswith((b"Z", b"GEO")):
        ours, theirs = numeric(ours), numeric(theirs)
    if name in TIMED_MS and type(ours) is int and type(theirs) is int and ours > 0 and theirs > 0:
        return abs(ours - theirs) <= TIMED_MS[name]
    if type(ours) is not type(theirs):
        return False
    return normalise(command, ours) == normalise(command, theirs)


class Queue:
    """Follows MULTI, to know which command each part of an EXEC reply answers."""

    def __init__(self):
        self.commands = None

    def equal(self, command, ours, theirs):
        name = command[0].upper() if command else b""
        if name == b"EXEC" and isinstance(ours, list) and isinstance(theirs, list):
            queued = self.commands or []
            self.commands = None
            return len(ours) == len(theirs) == len(queued) and all(map(same, queued, ours, theirs))
        if name == b"MULTI" and theirs == "OK":
            self.commands = []
        elif name in (b"EXEC", b"DISCARD", b"RESET"):
            self.commands = None
        elif theirs == "QUEUED" and self.commands is not None:
            self.commands.append(command)
        return same(command, ours, theirs)


class Difference(Exception):
    """The first command that was answered differently."""

    def __init__(self, index, commands, ours, theirs):
        self.index, self.commands, self.ours, self.theirs = index, commands, ours, theirs

    def __str__(self):
        lines = [" ".join(_show(arg) for arg in command) for command in self.commands]
        return "\n".join(
            ["", *lines, f"  genuine: {_cut(self.theirs)}", f"  synod:   {_cut(self.ours)}"]
        )


def _show(arg):
    text = repr(arg)[2:-1] if len(arg) < 200 else f"<{len(arg)} x {chr(arg[0])}>"
    return f'"{text}"' if not text or " " in text or "\\" in text else text


def _cut(value, length=400):
    text = repr(value)
    return text if len(text) <= length else text[:length] + "..."


def compare(ours, theirs, commands, protocol):
    """Raises a `Difference` for the first answer that is not the same on both nodes."""
    replies = []
    for node in (ours, theirs):
        with node.connect(protocol) as connection:
            connection.call("FLUSHALL"), connection.call("SCRIPT", "FLUSH")
            # Those that EVALSHA is sent: EVAL_RO leaves no script here, and leaves one there.
            for text in generate.LUA[: generate.LOADED]:
                connection.call("SCRIPT", "LOAD", text)
            replies.append(_replies(connection, commands))
    queue = Queue()
    for i, (command, a, b) in enumerate(zip(commands, *replies, strict=True)):
        if not queue.equal(command, a, b):
            raise Difference(i, commands[: i + 1], a, b)


def _replies(connection, commands):
    """All replies; from where the connection broke, a `Closed` in place of each."""
    connection.send_raw(b"".join(map(resp.encode, commands)))
    replies = []
    for _ in commands:
        try:
            replies.append(connection.read())
        except (resp.Closed, OSError) as error:
            replies.append(f"closed: {error!r}")
    return replies


def shorten(ours, theirs, difference, protocol):
    """Leaves out of the sequence what is not needed to show the same difference at its last command."""
    best = difference
    size = len(best.commands) // 2
    while size >= 1:
        start = 0
        while start < len(best.commands) - 1:
            shorter = best.commands[:start] + best.commands[min(start + size, len(best.commands) - 1) :]
            try:
                compare(ours, theirs, shorter, protocol)
            except Difference as found:
                if found.commands[-1] == best.commands[-1]:
                    best = found
                    continue
            start += size
        size //= 2
    return best


def check(ours, theirs, family, seed, protocol, length=150, by_dump=False):
    """Compares one random sequence; a difference is raised in its shortest form. How many commands each server ran for it."""
    commands = generate.Generator(family, seed).sequence(length)
    # The long tail that shows everything would only hide in which command the states parted.
    whole = commands + generate.final_look()
    try:
        compare(ours, theirs, whole, protocol)
    except Difference as difference:
        raise shorten(ours, theirs, difference, protocol) from None
    if by_dump:
        compare_values(ours, theirs, commands)
    return len(whole)


def compare_values(ours, theirs, commands):
    """Raises a `Difference` for the first value that is not the same by DUMP, there and back: the genuine server digests what ours makes of
    its own value beside that, and what became of the genuine one's in ours."""
    with ours.connect() as here, theirs.connect() as there:
        # PFCOUNT keeps its result in the value there, and not here.
        for key in sorted(set(there.call("KEYS", "*")) - {key.encode() for key in generate.KEYS["hyperloglog"]}):
            ttl = "0" if there.call("PTTL", key) < 0 else "100000000"
            own, genuine = here.call("DUMP", key), there.call("DUMP", key)
            here.call("RESTORE", COPY, ttl, genuine, "REPLACE")
            back = here.call("DUMP", COPY)
            for payload in (own, back):
                said = there.call("RESTORE", COPY, ttl, payload, "REPLACE")
                digests = there.call("DEBUG", "DIGEST-VALUE", key, COPY)
                if said != resp.Simple("OK") or digests[0] != digests[1]:
                    steps = [*commands, [b"DUMP", key]]
                    raise Difference(len(commands), steps, (said, payload), genuine)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="how many sequences of each family, in each protocol")
    parser.add_argument("--seconds", type=float, help="as many as there is time for, instead")
    parser.add_argument("--seed", type=int, default=0, help="the first of them")
    parser.add_argument("--family", choices=[*generate.TEMPLATES, "mixed"])
    parser.add_argument("--resp", type=int, choices=(2, 3))
    options = parser.parse_args()
    families = [options.family] if options.family else [*generate.TEMPLATES, "mixed"]
    protocols = [options.resp] if options.resp else [2, 3]
    ours, theirs = servers.single(), servers.genuine("--enable-debug-command", "yes")
    until = time.monotonic() + options.seconds if options.seconds else None
    seeds = itertools.count(options.seed) if until else range(options.seed, options.seed + options.seeds)
    seen, ran = set(), 0
    try:
        ours.start(), theirs.start()
        for seed, family, protocol in ((s, f, p) for s in seeds for f in families for p in protocols):
            if until and time.monotonic() > until:
                break
            try:
                ran += check(ours.nodes[0], theirs.nodes[0], family, seed, protocol, by_dump=True)
            except Difference as difference:
                kind = (difference.commands[-1][0].upper(), _cut(difference.ours, 40), _cut(difference.theirs, 40))
                if kind not in seen:
                    seen.add(kind)
                    print(f"--- {family}, seed {seed}, RESP{protocol}{difference}", flush=True)
    finally:
        ours.close(), theirs.close()
    print(f"{ran} commands on each server, {len(seen)} differences")
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())
