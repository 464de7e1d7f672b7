"""Redis's own Tcl suite against the program under test: `python redis_suite.py` writes docs/compatibility.md.

The suite belongs to Redis and is fetched, never kept here. Each file runs on a new server, genuine and ours alike, through
suite_hooks.tcl: a failing test ends neither its file nor the run, and every wait is bounded. How values are stored inside is no
client's business (`--ignore-encoding`), and neither is a digest over Redis's own storage (`--ignore-digest`).
"""

import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import servers

VERSION = "7.0.15"
ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "docs/compatibility.md"
HOOKS = pathlib.Path(__file__).with_name("suite_hooks.tcl")
# What takes long or speaks of the whole machine's memory.
TAGS = "-slow -needs:config-maxmemory"
FILE_SECONDS, REPLY_MS, WAIT_MS = 300, 6000, 3000
# What together takes about two minutes on a quiet machine.
FIRST = ["unit/bitfield", "unit/bitops", "unit/dump", "unit/functions", "unit/hyperloglog", "unit/keyspace", "unit/multi",
        "unit/protocol", "unit/pubsub", "unit/scripting", "unit/sort", "unit/type/hash", "unit/type/incr", "unit/type/set",
        "unit/type/stream"]  # fmt: skip
# What the page has besides.
REST = ["unit/expire", "unit/geo", "unit/info-command", "unit/other", "unit/introspection", "unit/introspection-2",
        "unit/latency-monitor", "unit/pause", "unit/pubsubshard", "unit/querybuf", "unit/quit", "unit/slowlog", "unit/tracking",
        "unit/acl", "unit/acl-v2", "unit/type/list", "unit/type/list-2", "unit/type/list-3",
        "unit/type/stream-cgroups", "unit/type/string", "unit/type/zset"]  # fmt: skip


def folder():
    """The unpacked suite, fetched once."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "synod-tests"
    source = cache / f"redis-{VERSION}"
    if not (source / "tests").exists():
        cache.mkdir(parents=True, exist_ok=True)
        _fetch(cache)
    for program in ("redis-server", "redis-cli", "redis-benchmark"):
        link = source / "src" / program
        if not link.is_symlink():
            link.symlink_to(shutil.which(program))
    helper = source / "tests/test_helper.tcl"
    text = helper.read_text()
    if "SUITE_HOOKS" not in text:  # our hooks come first in the client that runs the tests
        before, call, after = text.partition("    if {[catch { test_client_main $::")
        assert call, "the suite is not the one we know"
        helper.write_text(f"{before}    source $::env(SUITE_HOOKS)\n{call}{after}")
    return source


def _fetch(cache):
    """Debian's source package, by a copy of the configured apt sources that asks for sources; nothing is installed."""
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        scratch = pathlib.Path(scratch)
        scratch.chmod(0o755)
        sources = scratch / "sources"
        sources.mkdir()
        (scratch / "apt/lists/partial").mkdir(parents=True)
        for source in [pathlib.Path("/etc/apt/sources.list"), *pathlib.Path("/etc/apt/sources.list.d").glob("*")]:
            if source.suffix == ".sources":
                (sources / source.name).write_text(re.sub(r"(?m)^Types:.*$", "Types: deb-src", source.read_text()))
            elif source.suffix == ".list" and source.exists():
                (sources / source.name).write_text(re.sub(r"(?m)^deb\s", "deb-src ", source.read_text()))
        options = [f"Dir::Etc::sourcelist={scratch}/none", f"Dir::Etc::sourceparts={sources}",
                   f"Dir::State::lists={scratch}/apt/lists", f"Dir::Cache={scratch}/apt", "APT::Sandbox::User="]  # fmt: skip
        apt = ["apt-get", "-q", *(part for option in options for part in ("-o", option))]
        for words in (["update"], ["source", "redis"]):
            done = subprocess.run([*apt, *words], cwd=scratch, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"Redis's suite cannot be had from Debian: {done.stderr[-500:]}")
        unpacked = scratch / f"redis-{VERSION}"
        if not unpacked.exists():
            raise RuntimeError(f"this Debian has another Redis than {VERSION}: {list(scratch.glob('redis*'))}")
        unpacked.rename(cache / f"redis-{VERSION}")


def run(cluster, file, flags=()):
    """{name: None when it passed, or why not} in order, of one file on a server that is started for it."""
    source = folder()
    with tempfile.TemporaryDirectory() as scratch:
        lines = pathlib.Path(scratch) / "lines"
        lines.touch()
        env = dict(os.environ, SUITE_HOOKS=str(HOOKS), SUITE_LINES=str(lines), SUITE_REPLY_MS=str(REPLY_MS),
                   SUITE_WAIT_MS=str(WAIT_MS))  # fmt: skip
        try:
            port = cluster.start().nodes[0].port
            command = ["tclsh", "tests/test_helper.tcl", "--host", servers.HOST, "--port", str(port), "--clients", "1", "--durable",
                       "--baseport", str(servers.free_ports(40)[0]), "--portcount", "40", "--tags", TAGS, "--single", file,
                       *flags]  # fmt: skip
            try:
                subprocess.run(command, cwd=source, env=env, timeout=FILE_SECONDS, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)  # fmt: skip
            except subprocess.TimeoutExpired:
                pass  # what ran by then counts
        finally:
            cluster.close()
        return _read(lines.read_text(errors="replace"))


def _read(lines):
    seen, results = collections.Counter(), {}
    for line in lines.splitlines():
        status, name, error = (line.split("\t") + ["", ""])[:3]
        if status not in ("ok", "fail") or not name:
            continue
        seen[name] += 1
        name = name if seen[name] == 1 else f"{name} #{seen[name]}"
        results[name] = None if status == "ok" else error
    return results


def run_ours(file):
    os.environ["SYNOD_ENABLE_DEBUG_COMMAND"] = "true"
    return run(servers.single(), file, ["--singledb", "--ignore-encoding", "--ignore-digest"])


def run_genuine(file):
    """Measured once, and kept beside the suite."""
    kept = folder().parent / f"genuine-{VERSION}" / (file.replace("/", "_") + ".json")
    if not kept.exists():
        cluster = servers.genuine()
        cluster.nodes[0].command += ["--enable-debug-command", "yes", "--enable-protected-configs", "yes"]
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(run(cluster, file)))
    return json.loads(kept.read_text())


def one_line(text):
    """An error as it stands in a list: without the arguments that a server repeats."""
    text = text.removeprefix("assertion:").split(", with args beginning with")[0]
    return " ".join(text.split())[:140].replace("`", "'")


HEAD = """# How much of Redis's own suite passes

Written by `python tests/clients/redis_suite.py` from a run. Tests of Redis {version} that run against a server from outside; one node, one partition,
`--enable-debug-command`. Left out on both sides: tests that are tagged as slow, and those that need all of the machine's memory.
What is different on purpose stands in [redis.md](redis.md).

"""


def record(files):
    rows, sections = [], []
    total = collections.Counter()
    for file in files:
        theirs = {name for name, error in run_genuine(file).items() if error is None}
        ours = run_ours(file)
        missing = {name: ours.get(name, "not run: the file ended before it") for name in sorted(theirs) if ours.get(name, "") is not None}
        total.update(ours=len(theirs) - len(missing), theirs=len(theirs))
        rows.append(f"| `{file}` | {len(theirs) - len(missing)} | {len(theirs)} |")
        print(rows[-1], flush=True)
        if missing:
            names = [f"- `{name}` — {one_line(error)}" for name, error in missing.items()]
            sections += [f"\n### `{file}`\n", *names]
    rows.append(f"| **together** | **{total['ours']}** | **{total['theirs']}** |")
    table = ["| file | passes here | passes on redis-server |", "|---|---|---|", *rows]
    head = HEAD.format(version=VERSION)
    PAGE.write_text(head + "\n".join([*table, "\n## What differs, and what is seen first", *sections, ""]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", default=FIRST + REST, help="such as unit/sort; all by default")
    record(parser.parse_args().files)


if __name__ == "__main__":
    main()
