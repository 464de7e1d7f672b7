"""The cluster as its clients see it: the views agree, any node answers for any key, and what cannot be
done across partitions is refused as Redis Cluster refuses it."""

import pytest
import redis
from redis.cluster import RedisCluster

import resp
import servers

SLOTS = 16_384


def fields(row):
    """A map of either protocol as a dict."""
    if isinstance(row, resp.Typed):
        return dict(row.value)
    return dict(zip(row[::2], row[1::2]))


def text(reply):
    """A bulk string, or the verbatim string that RESP3 has for text."""
    return (reply.value.removeprefix(b"txt:") if isinstance(reply, resp.Typed) else reply).decode()


def from_slots(connection):
    """`{(first, last): (leader port, set of all ports)}`"""
    view = {}
    for first, last, *nodes in connection.call("CLUSTER", "SLOTS"):
        view[first, last] = nodes[0][1], {node[1] for node in nodes}
    return view


def from_shards(connection):
    view = {}
    for shard in map(fields, connection.call("CLUSTER", "SHARDS")):
        nodes = [fields(node) for node in shard[b"nodes"]]
        leaders = [node[b"port"] for node in nodes if node[b"role"] == b"master"]
        assert len(leaders) == 1, shard
        slots = shard[b"slots"]
        for first, last in zip(slots[::2], slots[1::2]):
            view[first, last] = leaders[0], {node[b"port"] for node in nodes}
    return view


def from_nodes(connection):
    """CLUSTER NODES names each range once, at its leader."""
    view, myself = {}, None
    for line in text(connection.call("CLUSTER", "NODES")).splitlines():
        identity, address, flags, _, _, _, _, link, *ranges = line.split()
        port = int(address.split(":")[1].split("@")[0])
        assert link == "connected" and len(identity) == 40, line
        if "myself" in flags.split(","):
            myself = identity, port
        for span in ranges:
            if not span.startswith("["):
                first, _, last = span.partition("-")
                view[int(first), int(last or first)] = port
    return view, myself


def merged(view):
    """Neighbouring ranges of one leader as one, since the views may cut them differently."""
    ranges = []
    for (first, last), leader in sorted(view.items()):
        if ranges and ranges[-1][2] == leader and ranges[-1][1] + 1 == first:
            ranges[-1][1] = last
        else:
            ranges.append([first, last, leader])
    return ranges


def leaders(view):
    return {span: leader for span, (leader, _) in view.items()}


def key_of(slot_range, connection):
    """A key whose slot is in the range."""
    first, last = slot_range
    for i in range(1_000_000):
        if first <= connection.call("CLUSTER", "KEYSLOT", f"k{i}") <= last:
            return f"k{i}"
    raise AssertionError(slot_range)


def keys_of_all_partitions(cluster):
    """One key per range of slots, with the port of its leader."""
    with cluster.nodes[0].connect() as connection:
        view = leaders(from_slots(connection))
        return [(key_of(span, connection), leader) for span, leader in sorted(view.items())]


@pytest.mark.parametrize("protocol", (2, 3))
def test_the_views_agree_with_each_other_and_on_every_node(cluster, protocol):
    views = []
    for node in cluster.nodes:
        with node.connect(protocol) as connection:
            slots, shards = from_slots(connection), from_shards(connection)
            nodes, (identity, port) = from_nodes(connection)
            assert port == node.port
            assert connection.call("CLUSTER", "MYID").decode() == identity
            assert merged(leaders(slots)) == merged(leaders(shards)) == merged(nodes)
            covered = sum(last - first + 1 for first, last in slots)
            assert covered == SLOTS
            info = dict(line.split(":") for line in
                        text(connection.call("CLUSTER", "INFO")).split("\r\n") if line)  # fmt: skip
            assert info["cluster_state"] == "ok"
            assert info["cluster_slots_assigned"] == info["cluster_slots_ok"] == str(SLOTS)
            assert info["cluster_known_nodes"] == str(len(cluster.nodes))
            assert int(info["cluster_size"]) >= 1
            views.append(merged(leaders(slots)))
    assert views[0] == views[1] == views[2]


@pytest.mark.synod_only
def test_every_partition_has_a_replica_on_every_node(cluster):
    with cluster.nodes[0].connect() as connection:
        view = from_slots(connection)
    assert len(view) == cluster.partitions
    for span, (leader, everyone) in view.items():
        assert everyone == set(cluster.ports) and leader in everyone, span


def test_keyslot_and_countkeysinslot(cluster):
    keys = {"foo": 12182, "": 0, "{user1000}.following": 3443, "foo{}{bar}": 8363,
            "foo{{bar}}zap": 4015, "123456789": 12739}  # fmt: skip
    with cluster.nodes[1].connect() as connection:
        for key, slot in keys.items():
            assert connection.call("CLUSTER", "KEYSLOT", key) == slot, key
    client = RedisCluster(servers.HOST, cluster.ports[0])
    for i in range(5):
        client.set(f"{{foo}}{i}", i)
    leader = client.get_node_from_key("foo").port
    node = next(node for node in cluster.nodes if node.port == leader)
    with node.connect() as connection:
        assert connection.call("CLUSTER", "COUNTKEYSINSLOT", 12182) == 5
        assert isinstance(connection.call("CLUSTER", "COUNTKEYSINSLOT", 20000), resp.Error)
        assert isinstance(connection.call("CLUSTER", "COUNTKEYSINSLOT", "x"), resp.Error)
    client.close()


@pytest.mark.synod_only
def test_every_node_answers_for_every_key(cluster):
    """Written through one node, read through the others, at once."""
    connections = [node.connect() for node in cluster.nodes]
    for i in range(300):
        writer, reader = connections[i % 3], connections[(i + 1) % 3]
        assert writer.call("SET", f"key:{i}", i) == "OK"
        assert reader.call("GET", f"key:{i}") == str(i).encode()
    for connection in connections:
        replies = connection.pipeline([["GET", f"key:{i}"] for i in range(300)])
        assert replies == [str(i).encode() for i in range(300)]
        connection.close()


@pytest.mark.synod_only
def test_replies_keep_their_order_whoever_answers(cluster):
    """A pipeline whose requests go to all partitions, near and far, large and small."""
    requests, wanted = [], []
    for i in range(500):
        value = bytes([i % 256]) * (1 + i * 37 % 5000)
        requests += [["SET", f"k{i}", value], ["GET", f"k{i}"], ["STRLEN", f"k{i}"], ["NOSUCH"], ["PING"]]
        wanted += [resp.Simple("OK"), value, len(value), None, resp.Simple("PONG")]
    for node in cluster.nodes:
        with node.connect(timeout=20) as connection:
            replies = connection.pipeline(requests)
        assert all(isinstance(r, resp.Error) if w is None else r == w for r, w in zip(replies, wanted))


@pytest.mark.synod_only
def test_big_values_are_forwarded_whole(cluster):
    value = bytes(range(256)) * 4096
    for i, node in enumerate(cluster.nodes):
        with node.connect() as connection:
            for key, _ in keys_of_all_partitions(cluster):
                assert connection.call("SET", key, value) == "OK"
                assert connection.call("GET", key) == value


SPANNING = {
    "MSET": (["MSET", "{a}", "1", "{b}", "2"], resp.Simple("OK"), [b"1", b"2"]),
    "MSETNX": (["MSETNX", "{a}", "1", "{b}", "2"], 0, [b"v", resp.NULL_BULK]),
    "RENAME": (["RENAME", "{a}", "{b}"], resp.Simple("OK"), [resp.NULL_BULK, b"v"]),
    "RENAMENX": (["RENAMENX", "{a}", "{b}"], 1, [resp.NULL_BULK, b"v"]),
    "COPY": (["COPY", "{a}", "{b}"], 1, [b"v", b"v"]),
}


@pytest.mark.synod_only
@pytest.mark.parametrize("name", SPANNING)
def test_what_spans_partitions_is_one_step_all_the_same(cluster, name):
    (one, _), (two, _), *_ = keys_of_all_partitions(cluster)
    command, reply, values = SPANNING[name]
    command = [arg.replace("{a}", one).replace("{b}", two) for arg in command]
    for node in cluster.nodes:
        with node.connect() as connection:
            connection.call("DEL", two)
            connection.call("SET", one, "v")
            assert connection.call(*command) == reply
            assert connection.call("MGET", one, two) == values


@pytest.mark.synod_only
def test_what_is_harmless_to_split_is_split(cluster):
    keys = [key for key, _ in keys_of_all_partitions(cluster)]
    for node in cluster.nodes:
        with node.connect() as connection:
            for key in keys:
                assert connection.call("SET", key, f"value of {key}") == "OK"
            values = [f"value of {key}".encode() for key in keys]
            assert connection.call("MGET", *keys, "missing") == [*values, resp.NULL_BULK]
            assert connection.call("EXISTS", *keys, keys[0], "missing") == len(keys) + 1
            assert connection.call("TOUCH", *keys, "missing") == len(keys)
            assert connection.call("DBSIZE") == len(keys)
            assert sorted(connection.call("KEYS", "*")) == sorted(key.encode() for key in keys)
            assert connection.call("RANDOMKEY").decode() in keys
            assert connection.call("UNLINK", keys[0], "missing") == 1
            assert connection.call("DEL", *keys) == len(keys) - 1
            connection.call("SET", keys[0], "v")
            connection.call("SET", keys[1], "v")
            assert connection.call("FLUSHALL") == "OK"
            assert connection.call("DBSIZE") == 0


@pytest.mark.synod_only
def test_scan_goes_through_all_partitions_on_any_node(cluster):
    keys = {f"scan:{i}".encode() for i in range(500)}
    with cluster.nodes[0].connect() as connection:
        connection.pipeline([["SET", key, "v"] for key in keys])
    for node in cluster.nodes:
        with node.connect() as connection:
            met, cursor = [], b"0"
            while True:
                cursor, part = connection.call("SCAN", cursor, "COUNT", 20)
                met += part
                if cursor == b"0":
                    break
            assert set(met) == keys


@pytest.mark.synod_only
def test_transactions_over_one_partition_and_over_several(cluster):
    (one, _), (two, _), *_ = keys_of_all_partitions(cluster)
    for node in cluster.nodes:
        with node.connect() as connection:
            connection.call("DEL", one, two)
            assert connection.call("MULTI") == "OK"
            assert connection.call("SET", one, "1") == "QUEUED"
            assert connection.call("INCR", one) == "QUEUED"
            assert connection.call("EXEC") == [resp.Simple("OK"), 2]
            # Across partitions: one as well.
            connection.call("MULTI")
            connection.call("SET", one, "3")
            connection.call("INCR", two)
            assert connection.call("EXEC") == [resp.Simple("OK"), 1]
            assert connection.call("MGET", one, two) == [b"3", b"1"]
            connection.call("DEL", two)


@pytest.mark.synod_only
@pytest.mark.parametrize("command", ["KEYS *", "DBSIZE", "RANDOMKEY", "FLUSHALL", "FLUSHDB"])
def test_what_speaks_of_all_keys_is_refused_in_a_transaction(cluster, command):
    with cluster.nodes[0].connect() as connection:
        connection.call("SET", "k", "v")
        assert connection.call("MULTI") == "OK"
        assert isinstance(connection.call(*command.split()), resp.Error)
        assert connection.call("EXEC").startswith("EXECABORT")
        assert connection.call("GET", "k") == b"v"


@pytest.mark.synod_only
def test_watch_works_through_any_node(cluster):
    a, b, c = (node.connect() for node in cluster.nodes)
    a.call("SET", "watched", "1")
    assert b.call("WATCH", "watched") == "OK"
    assert c.call("INCR", "watched") == 2
    b.call("MULTI")
    b.call("INCR", "watched")
    assert b.call("EXEC") == resp.NULL_ARRAY
    assert b.call("WATCH", "watched") == "OK"
    b.call("MULTI")
    b.call("INCR", "watched")
    assert b.call("EXEC") == [3]
    assert a.call("GET", "watched") == b"3"
    for connection in (a, b, c):
        connection.close()


@pytest.mark.synod_only
def test_with_one_partition_nothing_is_crossslot(single):
    with single.connect() as connection:
        assert connection.call("MSET", "a", 1, "b", 2, "c", 3) == "OK"
        assert connection.call("RENAME", "a", "z") == "OK"
        connection.call("MULTI")
        connection.call("INCR", "b")
        connection.call("INCR", "c")
        assert connection.call("EXEC") == [3, 4]


def test_the_cluster_client_knows_all_nodes_and_finds_all_keys(cluster):
    client = RedisCluster(servers.HOST, cluster.ports[2])
    assert {node.port for node in client.get_nodes()} == set(cluster.ports)
    for i in range(300):
        client.set(f"c:{i}", i)
    assert [client.get(f"c:{i}") for i in range(300)] == [str(i).encode() for i in range(300)]
    assert client.mget_nonatomic([f"c:{i}" for i in range(50)]) == [
        str(i).encode() for i in range(50)
    ]
    assert client.delete(*[f"c:{i}" for i in range(50)]) == 50
    with pytest.raises((redis.RedisClusterException, redis.ResponseError)):
        client.rename("one", "two-in-another-slot")
    client.close()


@pytest.mark.synod_only
def test_the_first_node_of_a_range_is_its_leader(cluster):
    """INFO replication agrees with CLUSTER SLOTS as far as it can: clients write where they are told."""
    for key, leader in keys_of_all_partitions(cluster):
        node = next(node for node in cluster.nodes if node.port == leader)
        with node.connect() as connection:
            assert connection.call("SET", key, "v") == "OK"
            assert "role:master" in text(connection.call("INFO", "replication"))
