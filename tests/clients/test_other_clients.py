"""More clients from PyPI, each with a connection and a cluster of its own making.

valkey-py parted from redis-py and sends what Valkey's servers know; coredis is asynchronous, has its own parser
and cluster code, and checks every reply against what the command is documented to answer.
"""

import asyncio

import coredis
import pytest
import valkey
from valkey.cluster import ValkeyCluster

import servers


@pytest.mark.parametrize("protocol", (2, 3))
def test_valkey_on_one_node(single, protocol):
    client = valkey.Valkey(servers.HOST, single.port, protocol=protocol, client_name="v")
    assert client.client_getname() in ("v", b"v")
    assert client.set("s", "text") and client.get("s") == b"text"
    assert client.hset("h", mapping={"a": 1, "b": 2}) == 2
    assert client.hgetall("h") == {b"a": b"1", b"b": b"2"}
    assert client.zadd("z", {"m": 1.5}) == 1
    assert [list(pair) for pair in client.zrange("z", 0, -1, withscores=True)] == [[b"m", 1.5]]
    with client.pipeline(transaction=True) as pipe:
        assert pipe.incr("n").incr("n").lpush("l", "x").execute() == [1, 2, 1]
    assert sorted(client.scan_iter()) == [b"h", b"l", b"n", b"s", b"z"]
    assert client.command_getkeys("MSET", "a", "1", "b", "2") in (["a", "b"], [b"a", b"b"])
    assert client.info("commandstats")["cmdstat_incrby"]["calls"] >= 2
    assert client.wait(0, 0) == 0


def test_valkey_cluster(cluster):
    client = ValkeyCluster(servers.HOST, cluster.ports[0])
    for i in range(100):
        assert client.set(f"key:{i}", i)
    assert [client.get(f"key:{i}") for i in range(100)] == [str(i).encode() for i in range(100)]
    assert client.mget_nonatomic([f"key:{i}" for i in range(20)])[19] == b"19"
    pipe = client.pipeline()
    for i in range(100):
        pipe.incr(f"key:{i}")
    assert pipe.execute() == [i + 1 for i in range(100)]
    client.close()


async def _coredis_plain(port):
    client = coredis.Redis(servers.HOST, port, decode_responses=True)
    async with client:
        assert await client.set("s", "text") and await client.get("s") == "text"
        assert await client.hset("h", {"a": "1", "b": "2"}) == 2
        assert await client.hgetall("h") == {"a": "1", "b": "2"}
        assert await client.sadd("set", ["a", "b", "c"]) == 3
        assert await client.smembers("set") == {"a", "b", "c"}
        assert await client.zadd("z", {"m": 1.5, "n": 2.5}) == 2
        scores = await client.zrange("z", 0, -1, withscores=True)
        assert [tuple(pair) for pair in scores] == [("m", 1.5), ("n", 2.5)]
        assert await client.rpush("l", ["a", "b"]) == 2
        assert await client.lrange("l", 0, -1) == ["a", "b"]
        assert await client.object_encoding("s") == "embstr"
        assert await client.expire("s", 100) and 0 < await client.ttl("s") <= 100
        async with client.pipeline(transaction=True) as pipe:
            replies = [pipe.incr("n"), pipe.incrby("n", 5), pipe.get("n")]
        assert [await reply for reply in replies] == [1, 6, "6"]
        cursor, keys = await client.scan(count=100)
        assert sorted(keys) == ["h", "l", "n", "s", "set", "z"] and cursor == 0
        with pytest.raises(coredis.exceptions.WrongTypeError):
            await client.lpush("s", ["x"])
        # A hundred requests of many tasks share one connection.
        assert await asyncio.gather(*(client.incr("shared") for _ in range(100))) == list(range(1, 101))


async def _coredis_cluster(port):
    client = coredis.RedisCluster(servers.HOST, port, decode_responses=True)
    async with client:
        await asyncio.gather(*(client.set(f"key:{i}", str(i)) for i in range(100)))
        values = await asyncio.gather(*(client.get(f"key:{i}") for i in range(100)))
        assert values == [str(i) for i in range(100)]
        assert await client.set("{t}a", "1") and await client.mget(["{t}a", "{t}b"]) == ("1", None)


def test_coredis_on_one_node(single):
    asyncio.run(_coredis_plain(single.port))


def test_coredis_cluster(cluster):
    asyncio.run(_coredis_cluster(cluster.ports[0]))
