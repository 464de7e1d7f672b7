"""Client-side caching: redis-py's own cache stays true, whichever node is asked and whichever leads."""

import signal
import time

import pytest
import redis
from redis.cache import CacheConfig
from redis.connection import CacheProxyConnection

import resp
import servers

pytestmark = pytest.mark.synod_only

# It asks the version before it asks for CLIENT TRACKING; what it needs has been there since Redis 6.
CacheProxyConnection.MIN_ALLOWED_VERSION = "7.0.0"

KEYS = [f"key:{i}" for i in range(24)]


@pytest.fixture
def own_cluster():
    """A cluster that the test may stop and start."""
    cluster = servers.cluster(partitions=6)
    try:
        yield cluster.start()
    finally:
        cluster.close()


def caching(node):
    return redis.Redis(host=servers.HOST, port=node.port, protocol=3, decode_responses=True, cache_config=CacheConfig())


def becomes(client, key, value, seconds=10):
    """Waits until the client that caches reads this; what it read last."""
    deadline = time.monotonic() + seconds
    while (got := client.get(key)) != value and time.monotonic() < deadline:
        time.sleep(0.01)
    return got


def test_redis_pys_cache_follows_writes_through_any_node(cluster):
    """Each key is written through one node and cached by a client of another; leaders are on all of them."""
    writers = [redis.Redis(host=servers.HOST, port=port) for port in cluster.ports]
    with caching(cluster.nodes[0]) as reader:
        for turn in range(3):
            for key in KEYS:
                writers[turn].set(key, f"{key}:{turn}")
            assert [becomes(reader, key, f"{key}:{turn}") for key in KEYS] == [f"{key}:{turn}" for key in KEYS]
            before = cached(reader)
            assert [reader.get(key) for key in KEYS] == [f"{key}:{turn}" for key in KEYS]
            assert cached(reader) == before, "read again from its cache"
        writers[1].flushall()
        assert [becomes(reader, key, None) for key in KEYS] == [None] * len(KEYS)
    for writer in writers:
        writer.close()


def cached(reader):
    return len(reader.get_cache().collection)


def test_no_copy_stays_out_of_date_when_the_leaders_node_dies(own_cluster):
    """The node that dies may have answered a write whose message it did not send; others lead from then on."""
    first, second, third = own_cluster.nodes
    with caching(second) as reader, redis.Redis(host=servers.HOST, port=third.port, retry_on_timeout=True) as writer:
        for key in KEYS:
            writer.set(key, "before")
        assert [becomes(reader, key, "before") for key in KEYS] == ["before"] * len(KEYS)
        first.stop(signal.SIGKILL)
        for key in KEYS:
            servers.wait_until("the write is taken", lambda key=key: wrote(writer, key, "after"))
        assert [becomes(reader, key, "after") for key in KEYS] == ["after"] * len(KEYS)


def wrote(client, key, value):
    try:
        return client.set(key, value)
    except redis.RedisError:
        return False


def test_a_connection_of_resp2_is_told_by_another(cluster):
    """REDIRECT: what one connection has read, another one hears of as a message of a channel."""
    node, other = cluster.nodes[:2]
    with node.connect() as listener, node.connect() as reader, other.connect() as writer:
        number = listener.call("CLIENT", "ID")
        listener.call("SUBSCRIBE", "__redis__:invalidate")
        assert reader.call("CLIENT", "TRACKING", "ON", "REDIRECT", str(number)) == resp.Simple("OK")
        reader.call("GET", "told")
        writer.call("SET", "told", "1")
        assert listener.read() == [b"message", b"__redis__:invalidate", [b"told"]]
