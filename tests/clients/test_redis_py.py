"""redis-py, as an application uses it: every command once, plain and as `RedisCluster`.

One table of calls and answers. It runs against one node, against a cluster with each call sent through
another node (which must forward it), and through the cluster client, which goes to the leader itself.
All keys share a hash tag, so that they meet in one partition; what does not is in test_cluster.py.
"""

import itertools
import time

import pytest
import redis
from redis.cluster import RedisCluster

import servers

FAR_MS = 4_102_444_800_000  # the year 2100


def k(name):
    return "{t}" + name


def among(*expected):
    """Any of these answers: client versions and protocols differ in shape."""
    return lambda answer: answer in expected


# (what, call, answer or a test of it)
CALLS = [
    ("PING", lambda r: r.ping(), True),
    ("SET", lambda r: r.set(k("s"), "v"), True),
    ("GET", lambda r: r.get(k("s")), b"v"),
    ("SET NX", lambda r: r.set(k("s"), "w", nx=True), None),
    ("SET XX GET", lambda r: r.set(k("s"), "w", xx=True, get=True), b"v"),
    ("SET EX", lambda r: r.set(k("s"), "x", ex=1000), True),
    ("SET KEEPTTL", lambda r: r.set(k("s"), "y", keepttl=True), True),
    ("TTL", lambda r: r.ttl(k("s")), lambda n: 990 <= n <= 1000),
    ("PTTL", lambda r: r.pttl(k("s")), lambda n: 990_000 <= n <= 1_000_000),
    ("GETEX", lambda r: r.getex(k("s"), persist=True), b"y"),
    ("TTL of none", lambda r: r.ttl(k("s")), -1),
    ("TTL of nothing", lambda r: r.ttl(k("nothing")), -2),
    ("SET PXAT", lambda r: r.set(k("s"), "z", pxat=FAR_MS), True),
    ("PEXPIRETIME", lambda r: r.pexpiretime(k("s")), FAR_MS),
    ("EXPIRETIME", lambda r: r.expiretime(k("s")), FAR_MS // 1000),
    ("PERSIST", lambda r: r.persist(k("s")), among(True, 1)),
    ("GETDEL", lambda r: r.getdel(k("s")), b"z"),
    ("GET of nothing", lambda r: r.get(k("s")), None),
    ("SETNX", lambda r: r.setnx(k("s"), "a"), among(True, 1)),
    ("SETEX", lambda r: r.setex(k("s"), 1000, "a"), True),
    ("PSETEX", lambda r: r.psetex(k("s"), 1_000_000, "a"), True),
    ("GETSET", lambda r: r.getset(k("s"), "b"), b"a"),
    ("APPEND", lambda r: r.append(k("s"), "cd"), 3),
    ("STRLEN", lambda r: r.strlen(k("s")), 3),
    ("GETRANGE", lambda r: r.getrange(k("s"), 1, -1), b"cd"),
    ("SETRANGE", lambda r: r.setrange(k("s"), 1, "xyz"), 4),
    ("INCR", lambda r: r.incr(k("n")), 1),
    ("INCRBY", lambda r: r.incrby(k("n"), 10), 11),
    ("DECR", lambda r: r.execute_command("DECR", k("n")), 10),
    ("DECRBY", lambda r: r.decrby(k("n"), 20), -10),
    ("INCRBYFLOAT", lambda r: r.incrbyfloat(k("n"), 0.5), -9.5),
    ("MSET", lambda r: r.mset({k("a"): 1, k("b"): 2}), True),
    ("MGET", lambda r: r.mget(k("a"), k("b"), k("c")), [b"1", b"2", None]),
    ("MSETNX", lambda r: r.msetnx({k("b"): 1, k("c"): 2}), among(False, 0)),
    ("EXISTS", lambda r: r.exists(k("a"), k("a"), k("c")), 2),
    ("TYPE", lambda r: r.type(k("a")), among(b"string", "string")),
    ("TOUCH", lambda r: r.touch(k("a"), k("c")), 1),
    ("RENAME", lambda r: r.rename(k("a"), k("d")), True),
    ("RENAMENX", lambda r: r.renamenx(k("d"), k("b")), among(False, 0)),
    ("COPY", lambda r: r.copy(k("d"), k("e")), among(True, 1)),
    ("DEL", lambda r: r.delete(k("d"), k("e"), k("zz")), 2),
    ("UNLINK", lambda r: r.unlink(k("b")), 1),
    ("EXPIRE", lambda r: r.expire(k("n"), 1000), among(True, 1)),
    ("EXPIRE GT", lambda r: r.expire(k("n"), 10, gt=True), among(False, 0)),
    ("PEXPIRE", lambda r: r.pexpire(k("n"), 1_000_000), among(True, 1)),
    ("EXPIREAT", lambda r: r.expireat(k("n"), FAR_MS // 1000), among(True, 1)),
    ("PEXPIREAT", lambda r: r.pexpireat(k("n"), FAR_MS), among(True, 1)),
    ("RPUSH", lambda r: r.rpush(k("l"), "a", "b", "c"), 3),
    ("LPUSH", lambda r: r.lpush(k("l"), "z"), 4),
    ("LRANGE", lambda r: r.lrange(k("l"), 0, -1), [b"z", b"a", b"b", b"c"]),
    ("LLEN", lambda r: r.llen(k("l")), 4),
    ("LINDEX", lambda r: r.lindex(k("l"), -1), b"c"),
    ("LSET", lambda r: r.lset(k("l"), 0, "y"), True),
    ("LINSERT", lambda r: r.linsert(k("l"), "BEFORE", "a", "x"), 5),
    ("LREM", lambda r: r.lrem(k("l"), 0, "x"), 1),
    ("LTRIM", lambda r: r.ltrim(k("l"), 0, 2), True),
    ("LPOP", lambda r: r.lpop(k("l")), b"y"),
    ("RPOP count", lambda r: r.rpop(k("l"), 5), [b"b", b"a"]),
    ("SADD", lambda r: r.sadd(k("set"), "a", "b", "c"), 3),
    ("SREM", lambda r: r.srem(k("set"), "c"), 1),
    ("SMEMBERS", lambda r: set(r.smembers(k("set"))), {b"a", b"b"}),
    ("SISMEMBER", lambda r: r.sismember(k("set"), "a"), among(True, 1)),
    ("SCARD", lambda r: r.scard(k("set")), 2),
    ("SRANDMEMBER", lambda r: r.srandmember(k("set")), among(b"a", b"b")),
    ("SRANDMEMBER with repeats", lambda r: len(r.srandmember(k("set"), -7)), 7),
    ("SPOP", lambda r: r.spop(k("set")), among(b"a", b"b")),
    ("HSET", lambda r: r.hset(k("h"), mapping={"f": 1, "g": 2}), 2),
    ("HGET", lambda r: r.hget(k("h"), "f"), b"1"),
    ("HSETEX", lambda r: r.hsetex(k("e"), mapping={"a": 1, "b": 2}, ex=1000), 1),
    ("HTTL", lambda r: r.httl(k("e"), "a", "none"), lambda times: 990 <= times[0] <= 1000 and times[1:] == [-2]),
    ("HGETEX PERSIST", lambda r: r.hgetex(k("e"), "a", "none", persist=True), [b"1", None]),
    ("HTTL of none", lambda r: r.httl(k("e"), "a"), [-1]),
    ("HPEXPIREAT", lambda r: r.hpexpireat(k("e"), FAR_MS, "a", "none"), [1, -2]),
    ("HPEXPIRETIME", lambda r: r.hpexpiretime(k("e"), "a"), [FAR_MS]),
    ("HEXPIRE NX", lambda r: r.hexpire(k("e"), 10, "a", nx=True), [0]),
    ("HPERSIST", lambda r: r.hpersist(k("e"), "a", "none"), [1, -2]),
    ("HPEXPIRE of the past", lambda r: r.hpexpire(k("e"), 0, "a"), [2]),
    ("HKEYS", lambda r: r.hkeys(k("e")), [b"b"]),
    ("HMGET", lambda r: r.hmget(k("h"), "f", "x"), [b"1", None]),
    ("HGETALL", lambda r: r.hgetall(k("h")), {b"f": b"1", b"g": b"2"}),
    ("HINCRBY", lambda r: r.hincrby(k("h"), "f", 4), 5),
    ("HEXISTS", lambda r: r.hexists(k("h"), "f"), among(True, 1)),
    ("HKEYS", lambda r: sorted(r.hkeys(k("h"))), [b"f", b"g"]),
    ("HVALS", lambda r: sorted(r.hvals(k("h"))), [b"2", b"5"]),
    ("HLEN", lambda r: r.hlen(k("h")), 2),
    ("HDEL", lambda r: r.hdel(k("h"), "f", "x"), 1),
    ("ZADD", lambda r: r.zadd(k("z"), {"a": 1, "b": 2, "c": 3.5}), 3),
    ("ZADD GT CH", lambda r: r.zadd(k("z"), {"a": 0, "b": 5}, gt=True, ch=True), 1),
    ("ZSCORE", lambda r: r.zscore(k("z"), "b"), 5.0),
    ("ZRANGE", lambda r: r.zrange(k("z"), 0, -1), [b"a", b"c", b"b"]),
    (
        "ZRANGE WITHSCORES",
        lambda r: [tuple(pair) for pair in r.zrange(k("z"), 0, 0, withscores=True)],
        [(b"a", 1.0)],
    ),
    ("ZRANGEBYSCORE", lambda r: r.zrangebyscore(k("z"), "(1", "+inf"), [b"c", b"b"]),
    ("ZRANK", lambda r: r.zrank(k("z"), "b"), 2),
    ("ZCARD", lambda r: r.zcard(k("z")), 3),
    ("ZINCRBY", lambda r: r.zincrby(k("z"), 1.5, "a"), 2.5),
    ("ZREM", lambda r: r.zrem(k("z"), "c"), 1),
    ("ZPOPMIN", lambda r: [tuple(p) for p in r.zpopmin(k("z"), 1)], [(b"a", 2.5)]),
    ("ZPOPMAX", lambda r: [tuple(p) for p in r.zpopmax(k("z"), 1)], [(b"b", 5.0)]),
    ("XADD", lambda r: r.xadd(k("x"), {"f": "v"}, id="1-1"), b"1-1"),
    ("XADD *", lambda r: r.xadd(k("x"), {"g": "w"}), lambda i: b"-" in i),
    ("XLEN", lambda r: r.xlen(k("x")), 2),
    (
        "XRANGE",
        lambda r: r.xrange(k("x"), "-", "1-1"),
        among([(b"1-1", {b"f": b"v"})], [[b"1-1", {b"f": b"v"}]], [[b"1-1", [b"f", b"v"]]]),
    ),
]  # fmt: skip


# Without a key the cluster client sends them to a node of its own choice, or to all.
WITHOUT_KEY = [
    ("ECHO", lambda r: r.echo("hello"), b"hello"),
    ("DBSIZE", lambda r: r.dbsize(), lambda n: n >= 3),
    ("KEYS", lambda r: r.keys("{t}h*"), [b"{t}h"]),
    ("SCAN", lambda r: sorted(r.scan_iter("{t}[hn]")), [b"{t}h", b"{t}n"]),
    ("RANDOMKEY", lambda r: r.randomkey(), lambda key: key.startswith(b"{t}")),
    ("FLUSHDB", lambda r: r.flushdb(), True),
    ("DBSIZE of nothing", lambda r: r.dbsize(), 0),
]  # fmt: skip


def run_calls(clients, calls):
    """Each call through the next client; all that is wrong is told at once."""
    wrong = []
    for (name, call, expected), client in zip(calls, itertools.cycle(clients)):
        try:
            answer = call(client)
        except Exception as error:  # redis-py's own are not of one family
            answer = error
        if not (expected(answer) if callable(expected) else answer == expected):
            wrong.append(f"{name}: {answer!r}")
    assert not wrong, "\n".join(wrong)


def plain(node, protocol=3, **options):
    return redis.Redis(servers.HOST, node.port, protocol=protocol, **options)


@pytest.mark.parametrize("protocol", (2, 3))
def test_every_command_on_one_node(single, protocol):
    run_calls([plain(single, protocol)], CALLS + WITHOUT_KEY)


@pytest.mark.synod_only
@pytest.mark.parametrize("protocol", (2, 3))
def test_every_command_through_changing_nodes(cluster, protocol):
    run_calls([plain(node, protocol) for node in cluster.nodes], CALLS + WITHOUT_KEY)


@pytest.mark.parametrize("protocol", (2, 3))
def test_every_command_through_the_cluster_client(cluster, protocol):
    client = RedisCluster(servers.HOST, cluster.ports[0], protocol=protocol)
    run_calls([client], CALLS)
    client.close()


def test_a_pipeline(single):
    with plain(single).pipeline(transaction=False) as pipe:
        for i in range(1000):
            pipe.set(f"key:{i}", i).get(f"key:{i}")
        answers = pipe.execute()
    assert answers == [x for i in range(1000) for x in (True, str(i).encode())]


def test_a_pipeline_over_all_partitions(cluster):
    client = RedisCluster(servers.HOST, cluster.ports[0])
    pipe = client.pipeline()
    for i in range(300):
        pipe.set(f"key:{i}", i).get(f"key:{i}")
    assert pipe.execute() == [x for i in range(300) for x in (True, str(i).encode())]
    client.close()


def test_a_transaction_with_watch(single):
    """Optimistic locking as redis-py documents it; many threads, and no increment is lost."""
    from concurrent.futures import ThreadPoolExecutor

    def increment(_):
        client = plain(single)

        def body(pipe):
            value = int(pipe.get("counter") or 0)
            pipe.multi()
            pipe.set("counter", value + 1)

        for _ in range(25):
            client.transaction(body, "counter")
        client.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(increment, range(8)))
    assert plain(single).get("counter") == b"200"


def test_errors_have_their_types(single):
    client = plain(single)
    client.set("s", "text")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        client.lpush("s", "x")
    with pytest.raises(redis.ResponseError, match="not an integer"):
        client.incr("s")
    with pytest.raises(redis.ResponseError, match="unknown command"):
        client.execute_command("NOSUCH")
    with pytest.raises(redis.ResponseError, match="wrong number"):
        client.execute_command("GET")


def test_keys_expire(single):
    client = plain(single)
    client.set("short", "v", px=150)
    client.hset("hash", "f", "v")
    client.pexpire("hash", 150)
    assert client.get("short") == b"v"
    time.sleep(0.2)
    assert client.get("short") is None and client.exists("hash") == 0
    assert client.keys("*") == []
    # Nobody asks for these: they must go by themselves.
    for i in range(100):
        client.set(f"idle:{i}", "v", px=50)
    servers.wait_until("all keys are gone", lambda: client.dbsize() == 0, 5)


def test_scan_meets_every_key_that_stays(single):
    client = plain(single)
    with client.pipeline(transaction=False) as pipe:
        for i in range(3000):
            pipe.set(f"stay:{i}", i)
        pipe.execute()
    met, cursor, calls = set(), 0, 0
    while True:
        cursor, keys = client.scan(cursor, count=50)
        met.update(keys)
        # Others come and go meanwhile.
        client.set(f"come:{calls}", "v")
        client.delete(f"come:{calls - 5}")
        calls += 1
        if cursor == 0:
            break
    assert {f"stay:{i}".encode() for i in range(3000)} <= met
    assert calls > 10, "COUNT is a hint, but not for nothing"
