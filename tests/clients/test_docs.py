"""COMMAND DOCS: the arguments of every command are those that the genuine redis-server tells."""

import subprocess

import resp
import servers

# What synod has and 7.0.15 has not.
NOT_IN_7_0 = {"client|no-touch", "client|setinfo", "client|fence", "client|order", "cluster|copies", "cluster|drain", "cluster|engine", "cluster|join", "cluster|merge", "cluster|place", "cluster|remove", "cluster|replace", "cluster|resizing", "cluster|restore", "cluster|split", "delifeq", "fence", "hexpire", "hexpireat", "hexpiretime", "hotkeys", "hotkeys|get", "hotkeys|help", "hotkeys|reset", "hotkeys|start", "hotkeys|stop", "hotkeys|top", "hgetdel", "hgetex", "hpersist", "hpexpire", "hpexpireat", "hpexpiretime", "hpttl", "hsetex", "httl", "lock", "msetex"}
# What later versions have added to, SORT, whose BY and GET have no key specification here, LCS, whose keys have one each, and
# XINFO STREAM, whose FULL is the name of a block there, with COUNT inside, as is ARGS of MODULE LOADEX. REPLICAOF is refused, whatever
# its two arguments are, and MIGRATE takes an empty word where its key would be.
OTHER_ARGUMENTS = {"hscan", "module|loadex", "zrank", "zrevrank", "zscan", "sort", "sort_ro", "lcs", "xinfo|stream", "replicaof", "slaveof", "migrate"}


def items(reply):
    """A map as a dictionary, from either protocol."""
    if isinstance(reply, resp.Typed):
        reply = reply.value
    return {reply[i].decode(): reply[i + 1] for i in range(0, len(reply), 2)}


def plain(argument):
    """An argument without what Redis chooses freely: the names of groups and of tokens, and the version."""
    told = items(argument)
    kind = told["type"].decode()
    flags = {str(flag) for flag in told.get("flags", [])}
    token = told["token"].upper() if "token" in told else None
    parts = [plain(part) for part in told.get("arguments", [])]
    if kind == "block" and len(parts) == 1:  # the same as its only part
        (inner,) = parts
        return {**inner, "flags": inner["flags"] | flags, "token": token or inner["token"]}
    name = told["name"] if kind not in ("block", "oneof", "pure-token") else None
    key = told.get("key_spec_index")
    return {"name": name, "type": kind, "key": key, "token": token, "flags": flags, "parts": parts}


def documented(node, *names):
    """By name, subcommands included."""
    found = {}
    with node.connect() as connection:
        for name, told in items(connection.call("COMMAND", "DOCS", *names)).items():
            told = items(told)
            found[name] = told
            for sub, told in items(told.get("subcommands", [])).items():
                found[sub] = items(told)
    return found


def test_arguments_are_those_of_redis(single, genuine):
    ours, theirs = documented(single), documented(genuine)
    ours = {name: told for name, told in ours.items() if not name.startswith("debug|")}
    assert set(ours) - set(theirs) <= NOT_IN_7_0
    differences = []
    for name in sorted(set(ours) & set(theirs)):
        a, b = ([plain(one) for one in told[name].get("arguments", [])] for told in (ours, theirs))
        if a != b and name not in OTHER_ARGUMENTS:
            differences.append(f"{name}:\n  {a}\ninstead of\n  {b}")
        if ours[name]["group"] != theirs[name]["group"]:
            differences.append(f"{name}: group {ours[name]['group']}")
    assert not differences, "\n".join(differences)
    assert sum("arguments" in told for told in ours.values()) >= 150


def help_text(node, word):
    command = ["redis-cli", "-h", servers.HOST, "-p", str(node.port)]
    done = subprocess.run(command, input=f"help {word}\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line.strip()]


def test_redis_cli_shows_the_same_syntax(single, genuine):
    """The first line is the command with its arguments; the summary is in words of our own."""
    for word in ("set", "zadd", "xadd", "zunionstore", "lpos", "client kill", "hello", "hrandfield"):
        ours, theirs = help_text(single, word), help_text(genuine, word)
        assert ours[0] == theirs[0], word
