"""Synod and the genuine redis-server answer the same commands with the same replies, bit for bit.

Random sequences with fixed seeds, in RESP2 and RESP3, pipelined; the state is read whole at the end of
each. A failure shows the shortest sequence that still differs. `python differential.py` looks further.
"""

import itertools
import pathlib
import shlex
import time

import pytest

import differential
import generate
import resp
import servers

SEEDS = range(40)
PROTOCOLS = (2, 3)

# Every command of the first release, with what a correct call of it looks like in arguments.
COMMANDS = """
    PING ECHO SELECT CLIENT COMMAND CONFIG SET GET GETDEL GETEX SETNX SETEX PSETEX GETSET APPEND STRLEN
    GETRANGE SETRANGE INCR DECR INCRBY DECRBY INCRBYFLOAT MGET MSET MSETNX DEL UNLINK EXISTS TYPE KEYS
    SCAN RENAME RENAMENX TOUCH COPY DBSIZE EXPIRE PEXPIRE EXPIREAT PEXPIREAT TTL PTTL EXPIRETIME
    PEXPIRETIME PERSIST LPUSH RPUSH LPOP RPOP LLEN LRANGE LINDEX LSET LREM LTRIM LINSERT SADD SREM
    SMEMBERS SISMEMBER SCARD SPOP SRANDMEMBER HSET HGET HMGET HGETALL HDEL HLEN HEXISTS HINCRBY HKEYS
    HVALS ZADD ZREM ZSCORE ZRANGE ZRANGEBYSCORE ZRANK ZCARD ZINCRBY ZPOPMIN ZPOPMAX XADD XLEN XRANGE
    MULTI EXEC DISCARD WATCH UNWATCH FLUSHDB FLUSHALL RANDOMKEY
""".split()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("family", [*generate.TEMPLATES, "mixed"])
def test_random_sequences(family, protocol, single, genuine):
    for seed in SEEDS:
        differential.check(single, genuine, family, seed, protocol)


# Since 7.2 these take WITHSCORE behind their two arguments.
MORE_SINCE_7_0 = {"ZRANK", "ZREVRANK"}


def compare(single, genuine, commands, protocol=2):
    commands = [[arg.encode() for arg in command] for command in commands]
    differences = []
    # One by one, so that one difference does not hide the next.
    for command in commands:
        try:
            differential.compare(single, genuine, [command], protocol)
        except differential.Difference as difference:
            differences.append(str(difference))
    assert not differences, "".join(differences)


def test_every_command_with_every_count_of_arguments(single, genuine):
    # Without an argument COMMAND lists what there is: there we differ, and should.
    calls = [[name, *["nosuch"] * count] for name in COMMANDS for count in range(6)]
    random_ones = {"RANDOMKEY"}
    calls = [call for call in calls if call != ["COMMAND"] and call[0] not in random_ones]
    calls = [call for call in calls if call[0] not in MORE_SINCE_7_0 or len(call) != 4]
    compare(single, genuine, calls)


def test_unknown_commands_and_subcommands(single, genuine):
    calls = [["NOSUCH"], ["NOSUCH", "a", "b"], ["nosuch", "x" * 200, "y"], ["nosuch", "x" * 70, "y" * 70, "z"],
             ["nosuch", "x" * 126, "y"], ["nosuch", "x" * 125, "y"], ["nosuch", "x" * 124, "y"], [""], ["G\r\nT", "a"],
             ["GET\1", "a"], ["X" * 300], ["CLIENT", "NOSUCH"], ["CLIENT", "nosuch", "a"], ["CONFIG", "NOSUCH"],
             ["COMMAND", "NOSUCH"], ["COMMAND", "GETKEYS"], ["COMMAND", "GETKEYS", "NOSUCH"],
             ["COMMAND", "COUNT", "1"], ["CLIENT", "SETNAME", "with space"],
             ["CLIENT", "SETNAME", "fine"], ["CLIENT", "GETNAME"], ["CLIENT", "ID", "1"],
             ["CLIENT", "REPLY", "foo"], ["HELLO", "4"], ["HELLO", "abc"], ["HELLO", "2", "FOO"],
             ["HELLO", "2", "AUTH", "a"], ["HELLO", "3", "SETNAME", "a b"],
             ["AUTH"], ["AUTH", "x"], ["AUTH", "default", "x"], ["AUTH", "u", "x"], ["AUTH", "a", "b", "c"],
             ["SELECT", "abc"], ["SELECT", "0"],
             ["CONFIG", "GET"], ["CONFIG", "GET", "nosuch"], ["CONFIG", "SET", "nosuch", "1"],
             ["RESET"], ["QUIT"]]  # fmt: skip
    for protocol in PROTOCOLS:
        compare(single, genuine, calls, protocol)


def test_the_command_table(single, genuine):
    """COMMAND INFO: arity and key positions are exact; of the flags, those that routing depends on."""
    differences = []
    with single.connect() as ours, genuine.connect() as theirs:
        for name in COMMANDS:
            [a], [b] = ours.call("COMMAND", "INFO", name), theirs.call("COMMAND", "INFO", name)
            if not isinstance(a, list):
                differences.append(f"{name}: {a}")
                continue
            flags = [{str(flag) for flag in _items(row[2])} & {"write", "readonly"} for row in (a, b)]
            if name in MORE_SINCE_7_0:
                a[1] = -a[1]
            if [a[0], a[1], *a[3:6]] != [b[0], b[1], *b[3:6]] or flags[0] != flags[1]:
                differences.append(f"{name}: {a[:6]} instead of {b[:6]}")
    assert not differences, "\n".join(differences)


def _items(reply):
    return reply.value if isinstance(reply, resp.Typed) else reply


def test_command_getkeys(single, genuine):
    calls = [["GET", "a"], ["SET", "a", "b", "EX", "1"], ["MSET", "a", "1", "b", "2"],
             ["DEL", "a", "b", "c"], ["RENAME", "a", "b"], ["ZADD", "z", "1", "m"],
             ["XADD", "s", "*", "f", "v"], ["COPY", "a", "b", "REPLACE"], ["PING"], ["GET"],
             ["MSET", "a"], ["WATCH", "a", "b"]]  # fmt: skip
    compare(single, genuine, [["COMMAND", "GETKEYS", *call] for call in calls])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_collections_that_outgrow_their_small_encoding(single, genuine, protocol):
    """Hundreds of members and long ones: where Redis changes the encoding, nothing shows."""
    numbers = [str(i * 37 % 1009) for i in range(600)]
    pairs = list(itertools.chain.from_iterable((n, f"m{n}") for n in numbers))
    long = "z" * 3000
    commands = [
        ["SADD", "ints", *numbers], ["SADD", "ints", "text"], ["SCARD", "ints"], ["SMEMBERS", "ints"],
        ["SREM", "ints", *numbers[:300]], ["SMEMBERS", "ints"],
        ["HSET", "h", *pairs], ["HSET", "h", "1", long], ["HGETALL", "h"], ["HDEL", "h", *numbers[5:400]],
        ["HGETALL", "h"], ["HLEN", "h"],
        ["ZADD", "z", *pairs], ["ZADD", "z", "5", long], ["ZRANGE", "z", "0", "-1", "WITHSCORES"],
        ["ZRANGE", "z", "100", "200", "REV"], ["ZRANGEBYSCORE", "z", "100", "(500", "LIMIT", "10", "20"],
        ["ZRANK", "z", "m500"], ["ZPOPMIN", "z", "50"], ["ZPOPMAX", "z", "50"], ["ZCARD", "z"],
        ["ZREM", "z", *[f"m{n}" for n in numbers[:400]]], ["ZRANGE", "z", "0", "-1", "WITHSCORES"],
        ["RPUSH", "l", *numbers], ["LPUSH", "l", long], ["LRANGE", "l", "0", "-1"],
        ["LINDEX", "l", "300"], ["LSET", "l", "300", long], ["LINSERT", "l", "BEFORE", long, "x"],
        ["LREM", "l", "-1", long], ["LTRIM", "l", "100", "-100"], ["LRANGE", "l", "0", "-1"],
        ["LPOP", "l", "200"], ["RPOP", "l", "1000"], ["EXISTS", "l"],
    ]  # fmt: skip
    commands += [["XADD", "s", f"{i}-1", "field", str(i)] for i in range(1, 400)]
    commands += [["XRANGE", "s", "100", "200"], ["XRANGE", "s", "-", "+", "COUNT", "250"],
                 ["XADD", "s", "MAXLEN", "=", "50", "1000-1", "a", "b"], ["XRANGE", "s", "-", "+"],
                 ["XADD", "s", "MINID", "=", "390", "1001-1", "a", "b"], ["XLEN", "s"]]  # fmt: skip
    commands = [[arg.encode() for arg in command] for command in commands]
    differential.compare(single, genuine, commands, protocol)


def test_watch_sees_what_others_do(single, genuine):
    """Two connections to each server, step by step: (connection, command)."""
    scenarios = {
        "another connection changes the key": "1 WATCH k|2 SET k 1|1 MULTI|1 GET k|1 EXEC|1 GET k",
        "nobody changes it": "1 SET k 0|1 WATCH k|2 GET k|1 MULTI|1 INCR k|1 EXEC",
        "the connection itself changes it": "1 WATCH k|1 SET k 2|1 MULTI|1 INCR k|1 EXEC",
        "unwatched in time": "1 WATCH k|2 SET k 1|1 UNWATCH|1 MULTI|1 INCR k|1 EXEC",
        "discard forgets the watch": "1 WATCH k|2 SET k 1|1 MULTI|1 DISCARD|1 MULTI|1 INCR k|1 EXEC",
        "an exec forgets the watch": "1 WATCH k|2 SET k 1|1 MULTI|1 EXEC|1 MULTI|1 INCR k|1 EXEC",
        "deleted and made again": "1 SET k 1|1 WATCH k|2 DEL k|2 SET k 1|1 MULTI|1 GET k|1 EXEC",
        "a key that is not there, touched": "1 WATCH k|2 DEL k|1 MULTI|1 SET k 1|1 EXEC",
        "flushed while it was there": "1 SET k 1|1 WATCH k|2 FLUSHALL|1 MULTI|1 GET k|1 EXEC",
        "flushed while it was not there": "1 WATCH k|2 FLUSHALL|1 MULTI|1 GET k|1 EXEC",
        "renamed onto": "1 SET k 1|2 SET o 2|1 WATCH k|2 RENAME o k|1 MULTI|1 GET k|1 EXEC",
        "its time to live changed": "1 SET k 1|1 WATCH k|2 EXPIRE k 1000|1 MULTI|1 GET k|1 EXEC",
        "a write that changes nothing": "1 SADD k a|1 WATCH k|2 SADD k a|1 MULTI|1 SCARD k|1 EXEC",
        "one of several": "1 WATCH a b c|2 SET b 1|1 MULTI|1 PING|1 EXEC",
        "watched twice": "1 WATCH a|1 WATCH b|2 SET a 1|1 MULTI|1 PING|1 EXEC",
        "a watch inside": "1 MULTI|1 WATCH k|1 GET k|1 EXEC",
        "a multi inside": "1 MULTI|1 MULTI|1 GET k|1 EXEC",
        "an error while queueing": "1 MULTI|1 SET k|1 SET k 1|1 EXEC|1 GET k",
        "an unknown command while queueing": "1 MULTI|1 NOSUCH|1 EXEC|1 PING",
        "an error while running": "1 MULTI|1 SET k a|1 INCR k|1 SET k b|1 EXEC|1 GET k",
        "an empty one": "1 MULTI|1 EXEC",
        "exec without": "1 EXEC|1 DISCARD",
        "reset inside": "1 MULTI|1 SET k 1|1 RESET|1 EXEC|1 GET k",
        "all types": "1 MULTI|1 RPUSH l a b|1 SADD s a|1 HSET h f v|1 ZADD z 1 a|1 LRANGE l 0 -1"
                     "|1 HGETALL h|1 ZRANGE z 0 -1 WITHSCORES|1 EXEC",
    }  # fmt: skip
    differences = []
    for (name, text), protocol in itertools.product(scenarios.items(), PROTOCOLS):
        results = []
        for node in (single, genuine):
            with node.connect(protocol) as one, node.connect(protocol) as two:
                one.call("FLUSHALL")
                steps = [step.split(" ") for step in text.split("|")]
                results.append([(one if who == "1" else two).call(*args) for who, *args in steps])
        if repr(results[0]) != repr(results[1]):
            differences.append(f"{name}: {text}\n  genuine: {results[1]}\n  synod:   {results[0]}")
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_the_session_answers_inside_a_transaction(single, genuine, protocol):
    transactions = [
        "SET k 1|CLIENT SETNAME inside|SELECT 0|GET k|CLIENT GETNAME|CONFIG GET maxmemory-policy|PING|ECHO hi",
        "SET k 1|DBSIZE|KEYS *|RANDOMKEY|FLUSHALL|DBSIZE|RANDOMKEY|KEYS *|HSET h f v|HGETALL h|FLUSHDB",
        "COMMAND GETKEYS SET a b|CLIENT NO-EVICT on|CLIENT GETREDIR|AUTH default x|SELECT abc|INCR n",
        "CLIENT SETNAME x|LPUSH k 1|GET k|CLIENT GETNAME",
        "CLIENT NOSUCH|SET k 1",
        "COMMAND COUNT 1|SET k 1",
        "CONFIG GET|SET k 1",
        "TIME 1|SET k 1",
        "CLIENT REPLY foo bar|SET k 1",
        "CONFIG SET nosuch 1|SET k 1|CONFIG GET nosuch",
        "ECHO|SET k 1",
    ]
    for transaction in transactions:
        inside = [command.split() for command in transaction.split("|")]
        commands = [["MULTI"], *inside, ["EXEC"], ["GET", "k"], ["CLIENT", "GETNAME"]]
        commands = [[arg.encode() for arg in command] for command in commands]
        differential.compare(single, genuine, commands, protocol)
    # Others change a watched key: then nothing runs, what the session would have answered included.
    commands = ["WATCH k", "SET k 2", "MULTI", "CLIENT SETNAME never", "EXEC", "CLIENT GETNAME"]
    differential.compare(single, genuine, [c.encode().split() for c in commands], protocol)


MINUS_ZERO = """ZADD z -0 m|ZSCORE z m|ZINCRBY z -0 n|ZSCORE z n|ZADD z INCR -0 t|ZINCRBY z -0 t|ZMSCORE z m n t|ZPOPMIN z
    ZADD l 1 LONG -0 m|ZSCORE l m|ZADD l 0 m|ZSCORE l m|ZINCRBY l -0 m|ZINCRBY l -0 n|ZRANGE l 0 -1 WITHSCORES
    ZUNIONSTORE u 1 l|ZRANGE u 0 -1 WITHSCORES|ZADD z 5 r|ZINCRBY z -5 r|INCRBYFLOAT f -0|HINCRBYFLOAT h f -0"""


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_minus_zero(single, genuine, protocol):
    lines = MINUS_ZERO.replace("LONG", "l" * 65).replace("\n", "|").split("|")
    commands = [[arg.encode() for arg in line.split()] for line in lines]
    differential.compare(single, genuine, [[b"FLUSHALL"], *commands], protocol)


def _counts(connection):
    """What INFO counts of keys and commands."""
    text = connection.call("INFO", "all")
    text = (text.value if isinstance(text, resp.Typed) else text).decode()
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    counts = {name: lines[name] for name in ("keyspace_hits", "keyspace_misses", "expired_keys", "evicted_keys")}
    for name, value in lines.items():
        if name.startswith("cmdstat_") and name != "cmdstat_info":
            fields = dict(field.split("=") for field in value.split(","))
            assert list(fields) == ["calls", "usec", "usec_per_call", "rejected_calls", "failed_calls"], value
            calls, usec = int(fields["calls"]), int(fields["usec"])
            assert fields["usec_per_call"] == f"{usec / calls if calls else 0:.2f}", value
            counts[name] = {key: fields[key] for key in ("calls", "rejected_calls", "failed_calls")}
        if name.startswith("errorstat_"):
            counts[name] = value
    return counts


def test_what_info_counts(single, genuine):
    commands = """SET a 1|GET a|GET nosuch|MGET a b c|EXISTS a b|TTL a|TTL nosuch|TYPE a|STRLEN nosuch|HGET h f
        HSET h f v|HGETALL h|LRANGE l 0 -1|ZADD z 1 m|ZRANGE z 0 -1|SINTER s t|CONFIG GET maxmemory-policy|CLIENT ID
        INCR h|GET|GET h|SET a 1 NX XX|NOSUCH|MULTI|SET a 2|GET a|CLIENT ID|EXEC|PING|SET e 1 PX 1|OBJECT ENCODING a""".replace("\n", "|")
    counts = []
    for node in (single, genuine):
        with node.connect() as connection:
            connection.call("FLUSHALL")
            connection.call("CONFIG", "RESETSTAT")
            for command in commands.split("|"):
                connection.call(*command.split())
            servers.wait_until("the key expires", lambda: connection.call("DBSIZE") == 3, 5)
            for _ in range(3):
                connection.call("GET", "e")
            counts.append(_counts(connection))
    ours, theirs = counts
    # How often we looked is our own business; Redis counts `object|encoding`, which is one command here.
    for name in ("cmdstat_dbsize", "cmdstat_config|resetstat", "cmdstat_object", "cmdstat_object|encoding"):
        ours.pop(name, None), theirs.pop(name, None)
    assert ours == theirs


def _watched_cases():
    path = pathlib.Path(__file__).parents[2] / "crates/data/tests/watched.txt"
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            verdict, case = line.split(" ", 1)
            setup, command = case.strip().split(" | ")
            yield verdict, setup, command


def test_watch_sees_what_redis_takes_for_a_change(single, genuine):
    """The recorded table of writes that change nothing, on both servers."""
    differences = []
    for verdict, setup, command in _watched_cases():
        for name, node in (("genuine", genuine), ("synod", single)):
            with node.connect() as watcher, node.connect() as writer:
                writer.call("FLUSHALL")
                for step in setup.split(", "):
                    if step == "WAITMS":
                        time.sleep(0.005)
                    else:
                        writer.call(*shlex.split(step))
                watcher.call("WATCH", "k")
                writer.call(*shlex.split(command))
                watcher.call("MULTI")
                watcher.call("PING")
                saw = "same" if isinstance(watcher.call("EXEC"), list) else "changed"
                expected = {"stricter": "same" if name == "genuine" else "changed"}.get(verdict, verdict)
                if saw != expected:
                    differences.append(f"{name}: {saw} after {setup} | {command}")
    assert not differences, "\n".join(differences)
