"""Hot and big keys: named by every node of a cluster, over HTTP, and by `synod top`."""

import json
import random
import subprocess
import urllib.request

import pytest
import redis
from redis.commands.core import HotkeysMetricsTypes

import servers

pytestmark = pytest.mark.synod_only


def client(node, protocol=2):
    return redis.Redis(servers.HOST, node.port, protocol=protocol, socket_timeout=20)


def skewed_load(node, hot, requests=20_000):
    """Every fifth request is for the hot key, the rest for any of 2,000."""
    draw = random.Random(7)
    with client(node) as c:
        pipe = c.pipeline(transaction=False)
        for n in range(requests):
            key = hot if n % 5 == 0 else f"cold:{draw.randrange(2000)}"
            pipe.get(key) if n % 2 else pipe.set(key, "v" * 30)
            if len(pipe) == 500:
                pipe.execute()
        pipe.execute()


def top(node, *words):
    with client(node, protocol=3) as c:
        return c.execute_command("HOTKEYS", "TOP", *words)


def field(told, name):
    """Of a map with names as bytes or text."""
    return told[name.encode()] if name.encode() in told else told[name]


def keys(told):
    return [field(one, "key") for one in field(told, "keys")]


def plain_top(node, *options):
    command = [servers.SYNOD_BIN, "top", "--once", "--http", f"{servers.HOST}:{node.http}", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def certain(told):
    """What a key was asked for at least: of what other tests asked for before, something is left for some minutes."""
    return field(told, "ops-per-sec") - field(told, "error-per-sec")


def test_the_hot_key_is_named_first_by_every_node(cluster):
    def is_first():
        skewed_load(cluster.nodes[0], "the-hot-one")
        for node in cluster.nodes:
            told = top(node, "COUNT", "3")
            assert field(told, "unreachable-nodes") == []
            first, second = field(told, "keys")[:2]
            # A fifth of all requests against a 2,500th.
            if field(first, "key") != b"the-hot-one" or certain(first) <= 5 * certain(second):
                return False
            assert field(first, "cpu-us-per-sec") > 0
        return True

    servers.wait_until("the hot key is first", is_first, 60)
    done = plain_top(cluster.nodes[1], "--count", "3")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    first = lines[next(at for at, line in enumerate(lines) if line.startswith("HOT KEY")) + 1]
    assert first.startswith("the-hot-one "), done.stdout
    assert sum(" up " in line for line in lines) == 3, done.stdout
    told = [node.metric('synod_hot_key_ops{') for node in cluster.nodes]
    assert all(len(samples) <= 10 for samples in told) and any(told)


def test_a_big_key_is_found_by_a_walk(cluster):
    with client(cluster.nodes[0]) as c:
        c.setrange("a-big-one", 3_000_000, "x")
        c.set("small", "x")

    def is_found():
        told = top(cluster.nodes[2], "COUNT", "1", "BY", "SIZE")
        return keys(told) == [b"a-big-one"] and field(field(told, "keys")[0], "bytes") >= 3_000_000

    servers.wait_until("a walk", is_found)
    assert "a-big-one" in plain_top(cluster.nodes[0], "--count", "1").stdout


def test_a_time_of_watching_covers_the_cluster(cluster):
    node = cluster.nodes[0]
    with client(node, protocol=3) as c, client(cluster.nodes[1], protocol=3) as other:
        both = [HotkeysMetricsTypes.CPU, HotkeysMetricsTypes.NET]
        assert c.hotkeys_start(both, count=5) in (b"OK", True)
        with pytest.raises(redis.ResponseError, match="already in progress"):
            other.hotkeys_start(both)
        with pytest.raises(redis.ResponseError, match="stop tracking first"):
            other.hotkeys_reset()
        skewed_load(cluster.nodes[2], "watched", requests=2000)
        assert other.hotkeys_stop() in (b"OK", True)
        (told,) = c.hotkeys_get()
        assert field(told, "tracking-active") == 0
        by_bytes = field(told, "by-net-bytes")
        assert len(by_bytes) == 10 and by_bytes[0] == b"watched"
        assert by_bytes[1] > 400 * 30 / 2
        assert field(told, "by-cpu-time-us")
        assert field(told, "net-bytes-all-commands-all-slots") > by_bytes[1]
        assert c.hotkeys_reset() in (b"OK", True)
        assert other.execute_command("HOTKEYS", "GET") is None


def test_binary_and_very_long_keys(cluster):
    binary, long = bytes(range(256)), b"long:" + b"k" * 1_000_000
    with client(cluster.nodes[0]) as c:
        c.config_set("hotkeys-sample-ratio", 1)
        for _ in range(50):
            c.set(long, "1")
            c.set(binary, "1")
    told = keys(top(cluster.nodes[1], "COUNT", "64", "BY", "BYTES"))
    assert all(len(key) < 300 for key in told)
    with urllib.request.urlopen(f"http://{servers.HOST}:{cluster.nodes[0].http}/top", timeout=10) as page:
        body = json.load(page)
    assert all(len(one["key"]) <= 200 and one["key"].isprintable() for one in body["hot_keys"])
    assert plain_top(cluster.nodes[0]).returncode == 0
    with client(cluster.nodes[0]) as c:
        c.delete(long, binary)
        c.config_set("hotkeys-sample-ratio", 128)


def test_where_a_password_is_asked_for_http_tells_no_names(single):
    with client(single) as c:
        c.config_set("hotkeys-sample-ratio", 1)
        pipe = c.pipeline(transaction=False)
        for _ in range(20_000):
            pipe.set("secret:name", "1")
        pipe.execute()
        c.config_set("requirepass", "sesame")
        c.execute_command("AUTH", "sesame")
        try:
            assert b"secret:name" in keys_flat(c.execute_command("HOTKEYS", "TOP", "COUNT", "64"))
            for path in ("top", "metrics"):
                with urllib.request.urlopen(f"http://{servers.HOST}:{single.http}/{path}", timeout=10) as page:
                    text = page.read().decode()
                assert "secret" not in text and "#" in text
        finally:
            c.config_set("requirepass", "")
            c.config_set("hotkeys-sample-ratio", 128)


def keys_flat(told):
    """From RESP2."""
    pairs = dict(zip(told[::2], told[1::2]))
    return [one[1] for one in pairs[b"keys"]]


def test_no_terminal_is_an_error_and_nobody_there_too(single):
    command = [servers.SYNOD_BIN, "top", "--http", f"{servers.HOST}:{single.http}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and "--once" in done.stderr, done
    (port,) = servers.free_ports(1)
    done = subprocess.run([servers.SYNOD_BIN, "top", "--once", "--node", f"{servers.HOST}:{port}"],
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 1 and "is a node running there?" in done.stderr, done


def test_a_node_that_is_gone_is_named_and_the_rest_is_told():
    with_two = servers.cluster(partitions=6)
    try:
        with_two.start()
        gone = with_two.nodes[2]
        gone.stop(how=9)

        def is_named():
            return field(top(with_two.nodes[0]), "unreachable-nodes") == [3]

        servers.wait_until("node 3 is missed", is_named)
        done = plain_top(with_two.nodes[0])
        assert done.returncode == 1 and "no answer from node 3" in done.stderr
        assert "unreachable" in done.stdout and "2 of 3 nodes answer" in done.stdout
    finally:
        with_two.close()
