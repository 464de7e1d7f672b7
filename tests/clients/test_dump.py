"""Values move between synod and the genuine redis-server by DUMP and RESTORE, both ways, whatever they are."""

import itertools

import pytest

import generate
import resp

SEEDS = range(12)
LOOKS = [["TYPE"], ["GET"], ["LRANGE", "0", "-1"], ["HGETALL"], ["ZRANGE", "0", "-1", "WITHSCORES"], ["XRANGE", "-", "+"],
         ["XINFO", "GROUPS"], ["PTTL"]]  # fmt: skip


def look(connection, key):
    """All that can be seen of a value; a set and a hash in an order of their own."""
    calls = [["XINFO", "GROUPS", key] if words[0] == "XINFO" else [words[0], key, *words[1:]] for words in LOOKS]
    replies = [connection.call(*call) for call in calls]
    members = connection.call("SMEMBERS", key)
    replies.append(sorted(members) if isinstance(members, list) else members)
    if isinstance(replies[4], list):  # of the shortest spellings of a score, 7.0 and 7.2 choose different ones
        replies[4] = list(zip(replies[4][::2], map(float, replies[4][1::2])))
    if isinstance(replies[3], list):
        replies[3] = sorted(zip(replies[3][::2], replies[3][1::2]))
    return repr(replies)


def big_ones():
    """Values past the limits of the small encodings."""
    pairs = list(itertools.chain.from_iterable((f"{n}", f"m{n}") for n in range(700)))
    yield ["RPUSH", "list1", *pairs, "z" * 9000]
    yield ["SADD", "set1", *pairs]
    yield ["SADD", "set2", *map(str, range(600))]
    yield ["HSET", "hash1", *pairs]
    yield ["ZADD", "zset1", *pairs]
    yield ["SET", "string1", "abcd" * 5000]
    for n in range(1, 350):
        yield ["XADD", "stream1", f"{n}-{n}", *(["f", str(n)] if n % 5 else ["g", "x", "h", str(n)])]
    yield ["XDEL", "stream1", "17-17", "200-200"]
    yield ["XGROUP", "CREATE", "stream1", "g", "0"]
    yield ["XREADGROUP", "GROUP", "g", "alice", "COUNT", "7", "STREAMS", "stream1", ">"]
    yield ["XGROUP", "CREATE", "stream1", "h", "100-100"]


def sequences():
    for family in ("string", "list", "set", "hash", "zset", "stream"):
        for seed in SEEDS:
            yield f"{family} {seed}", generate.Generator(family, seed).sequence(40)
    yield "big", big_ones()


@pytest.mark.parametrize("from_synod", [True, False])
def test_values_move(single, genuine, from_synod):
    source, target = (single, genuine) if from_synod else (genuine, single)
    with source.connect() as there, target.connect() as here:
        moved = 0
        for name, commands in sequences():
            there.call("FLUSHALL"), here.call("FLUSHALL")
            for command in commands:
                there.call(*command)
            for key in there.call("KEYS", "*"):
                there.call("PERSIST", key)
                payload = there.call("DUMP", key)
                assert here.call("RESTORE", key, "0", payload) == resp.Simple("OK"), (name, key, payload)
                assert look(here, key) == look(there, key), (name, key, payload)
                moved += 1
        assert moved > 100
