"""A partition becomes two while redis-py's RedisCluster writes and reads: no client sees an error, nothing is lost, and a split
meets what is under way: keys that expire, clients that wait, a walk over all keys."""

import threading
import time

import pytest
import redis
from redis.cluster import RedisCluster

import servers

SLOTS = 16_384
KEYS = 3_000
WRITERS = 4


@pytest.fixture
def fresh():
    """A cluster of its own: a split cannot be taken back."""
    cluster = servers.cluster(partitions=2)
    try:
        yield cluster.start()
    finally:
        cluster.close()


def connect(cluster):
    return RedisCluster(host=servers.HOST, port=cluster.nodes[0].port)


def ranges(node):
    with node.connect() as connection:
        return sorted((first, last) for first, last, *_ in connection.call("CLUSTER", "SLOTS"))


def split(cluster, partition, *at):
    with cluster.nodes[0].connect() as connection:
        assert repr(connection.call("CLUSTER", "SPLIT", partition, *at)) == "+OK"


def wait_for(cluster, expected):
    def is_so():
        return all(ranges(node) == expected for node in cluster.nodes)

    servers.wait_until(f"slots {expected}", is_so)


class Writer(threading.Thread):
    """Counts keys of its own up, one after the other, and notes what it was answered last."""

    def __init__(self, cluster, number):
        super().__init__()
        self.client, self.number = connect(cluster), number
        self.known, self.failed, self.over, self.longest = {}, None, threading.Event(), 0.0

    def run(self):
        try:
            n = 0
            while not self.over.is_set():
                key = f"count:{self.number}:{n % 500}"
                began = time.monotonic()
                value = self.client.incr(key)
                self.longest = max(self.longest, time.monotonic() - began)
                assert value == self.known.get(key, 0) + 1, (key, value)
                self.known[key] = value
                assert int(self.client.get(key)) == value
                n += 1
        except Exception as error:  # noqa: BLE001: whatever it was, the test tells
            self.failed = error

    def end(self):
        self.over.set()
        self.join()


def test_nothing_is_lost_and_no_client_sees_an_error(fresh):
    client = connect(fresh)
    for n in range(KEYS):
        client.set(f"key:{n}", n)
    client.set("expires", "soon", px=60_000)
    writers = [Writer(fresh, number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    split(fresh, 1)
    wait_for(fresh, [(0, 4_095), (4_096, 8_191), (8_192, 16_383)])
    split(fresh, 2, 12_000)
    wait_for(fresh, [(0, 4_095), (4_096, 8_191), (8_192, 11_999), (12_000, 16_383)])
    before = [len(writer.known) for writer in writers]
    servers.wait_until("all write on", lambda: all(len(w.known) >= min(b + 50, 500) or w.failed for w, b in zip(writers, before)))
    for writer in writers:
        writer.end()
    assert [writer.failed for writer in writers] == [None] * WRITERS
    print(f"the longest write took {max(writer.longest for writer in writers) * 1000:.0f} ms")
    for n in range(KEYS):
        assert client.get(f"key:{n}") == str(n).encode()
    for writer in writers:
        for key, value in writer.known.items():
            assert int(client.get(key)) == value
    assert 0 < client.pttl("expires") <= 60_000
    counts = sum(len(writer.known) for writer in writers)
    with fresh.nodes[0].connect() as connection:
        assert connection.call("DBSIZE") == KEYS + 1 + counts


def test_a_walk_that_began_before_meets_every_key(fresh):
    client = redis.Redis(host=servers.HOST, port=fresh.nodes[0].port)
    for n in range(500):
        client.set(f"key:{n}", n)
    cursor, found = client.scan(0, count=50)
    split(fresh, 1, 100)
    again = True
    while cursor:
        cursor, more = client.scan(cursor, count=50)
        found += more
        if len(found) > 150 and again:
            again = False
            split(fresh, 2, 9_000)
    assert {f"key:{n}".encode() for n in range(500)} <= set(found)


def test_who_waits_is_served_and_a_watched_key_is_watched(fresh):
    client = redis.Redis(host=servers.HOST, port=fresh.nodes[0].port)
    served = []
    # foo lies in slot 12182.
    waiting = threading.Thread(target=lambda: served.append(client.blpop("foo", 30)))
    waiting.start()
    servers.wait_until("a client waits", lambda: client.info("clients")["blocked_clients"] == 1)
    pipe = redis.Redis(host=servers.HOST, port=fresh.nodes[1].port).pipeline()
    pipe.watch("{foo}watched")
    split(fresh, 2, 12_182)
    wait_for(fresh, [(0, 8_191), (8_192, 12_181), (12_182, 16_383)])
    assert client.set("{foo}watched", 1)
    pipe.multi()
    pipe.get("{foo}watched")
    with pytest.raises(redis.WatchError):
        pipe.execute()
    assert client.rpush("foo", "a") == 1
    waiting.join()
    assert served == [(b"foo", b"a")]


def test_what_cannot_be_split_is_refused_with_what_is_wrong(fresh):
    client = redis.Redis(host=servers.HOST, port=fresh.nodes[0].port)
    for words, wrong in [
        (("9",), "no partition 9"),
        (("1", "0"), "not the first"),
        (("1", "9000"), "one of its slots"),
        (("1", "16384"), "Invalid slot"),
        (("x",), "not an integer"),
        (("1", "5", "6"), "syntax error"),
    ]:
        with pytest.raises(redis.ResponseError, match=wrong):
            client.execute_command("CLUSTER SPLIT", *words)
    assert ranges(fresh.nodes[0]) == [(0, 8_191), (8_192, 16_383)]
