"""Data survives: a clean stop, a kill of every process at once, one node away for a while."""

import signal

import pytest

import resp
import servers

pytestmark = pytest.mark.synod_only


@pytest.fixture(params=[1, 4])
def own_cluster(request):
    """A cluster that the test may stop and start."""
    cluster = servers.cluster(partitions=request.param)
    try:
        yield cluster.start()
    finally:
        cluster.close()


def fill(node, count=500):
    commands = [["SET", f"s:{i}", f"value {i}"] for i in range(count)]
    commands += [["RPUSH", "list", *[str(i) for i in range(200)]],
                 ["SADD", "set", *[str(i) for i in range(200)]],
                 ["HSET", "hash", *[str(i) for i in range(200)]],
                 ["ZADD", "zset", *[str(i) for i in range(200)]],
                 ["XADD", "stream", "5-1", "field", "value"],
                 ["SET", "lasting", "v", "PXAT", "4102444800000"],
                 ["SET", "big", b"x" * 1_000_000]]  # fmt: skip
    with node.connect(timeout=30) as connection:
        replies = connection.pipeline(commands)
    assert not [reply for reply in replies if isinstance(reply, resp.Error)]


LOOK = [["LRANGE", "list", "0", "-1"], ["HGETALL", "hash"], ["ZRANGE", "zset", "0", "-1", "WITHSCORES"],
        ["XRANGE", "stream", "-", "+"], ["PEXPIRETIME", "lasting"], ["GET", "big"], ["DBSIZE"]]  # fmt: skip


def look(node, count=500):
    with node.connect(timeout=30) as connection:
        found = connection.pipeline(LOOK + [["GET", f"s:{i}"] for i in range(count)])
        return [*found, sorted(connection.call("SMEMBERS", "set"))]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_all_stop_and_come_back_with_their_data(own_cluster, how):
    fill(own_cluster.nodes[0])
    before = look(own_cluster.nodes[1])
    assert before[6] == 507 and len(before[0]) == 200
    for _ in range(2):
        statuses = own_cluster.stop(how)
        if how != signal.SIGKILL:
            assert statuses == [0, 0, 0]
        own_cluster.start()
        for node in own_cluster.nodes:
            assert look(node) == before


def test_two_of_three_go_on_and_the_third_catches_up(own_cluster):
    fill(own_cluster.nodes[0])
    for away in own_cluster.nodes:
        others = [node for node in own_cluster.nodes if node is not away]
        away.stop(signal.SIGKILL)
        for node in others:
            servers.wait_until("the others go on", lambda: set_all(node), 10)
        before = look(others[0])
        away.start()
        servers.wait_until("it is back", away.answers)
        servers.wait_until("it forwards or leads", lambda: look(away) == before, 10)


def test_a_node_that_missed_much_is_brought_up_by_a_snapshot():
    """What it missed is no longer in the others' logs. It was founded before, so nothing tells it the
    cluster's map anew: it has to load the snapshot by the map that its own log holds."""
    cluster = servers.cluster(partitions=1)
    try:
        cluster.start()
        away, *others = cluster.nodes
        # So that its log knows all of the map as committed.
        away.stop(signal.SIGTERM)
        away.start()
        servers.wait_until("it is back", away.answers)
        assert set_all(away)
        away.stop(signal.SIGKILL)
        servers.wait_until("the others go on", lambda: set_all(others[0]), 10)
        with others[0].connect(timeout=30) as connection:
            for i in range(80):
                assert connection.call("SET", f"big:{i % 8}", b"%d" % i * 500_000) == "OK"
        away.start()
        servers.wait_until("it is back", away.answers)
        servers.wait_until("it has a snapshot", lambda: away.metric("synod_snapshots_installed_total") != [0], 20)
        lags = lambda: [lag for node in others for lag in node.metric("synod_partition_lag")]
        servers.wait_until("it is not behind", lambda: max(lags()) == 0, 20)
    finally:
        cluster.close()


def set_all(node):
    with node.connect() as connection:
        replies = connection.pipeline([["SET", f"s:{i}", f"value {i}"] for i in range(100)])
        return all(reply == "OK" for reply in replies)


def test_one_of_three_alone_does_not_pretend(own_cluster):
    """Without a quorum nothing is acknowledged, and nothing stale is told as if it were current."""
    alone, *others = own_cluster.nodes
    with alone.connect() as connection:
        assert connection.call("SET", "k", "1") == "OK"
    for node in others:
        node.stop(signal.SIGKILL)
    for command in (["SET", "k", "2"], ["GET", "k"], ["INCR", "n"]):
        with alone.connect(timeout=20) as connection:
            reply = connection.call(*command)
            assert isinstance(reply, resp.Error), reply
            assert reply.split(" ")[0] in ("CLUSTERDOWN", "TRYAGAIN", "UNKNOWN"), reply
            assert connection.call("PING") == "PONG"
    for node in others:
        node.start()
    own_cluster.wait_ready()
    with alone.connect() as connection:
        assert connection.call("GET", "k") in (b"1", b"2")


def test_a_cluster_of_one_keeps_its_data():
    cluster = servers.synod(1, 3, "always")
    try:
        cluster.start()
        fill(cluster.nodes[0])
        before = look(cluster.nodes[0])
        for how in (signal.SIGTERM, signal.SIGKILL):
            cluster.stop(how)
            cluster.start()
            assert look(cluster.nodes[0]) == before
    finally:
        cluster.close()
