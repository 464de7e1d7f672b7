"""Publish and subscribe through redis-py: a message reaches the subscribers of all nodes, and nobody else."""

import pytest
import redis

import resp
import servers

pytestmark = pytest.mark.synod_only  # a genuine cluster sends SSUBSCRIBE to the owner of the slot


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def clients(cluster, request):
    """One redis-py client per node."""
    clients = [
        redis.Redis(host=servers.HOST, port=port, protocol=request.param, socket_timeout=10)
        for port in cluster.ports
    ]
    yield clients
    for client in clients:
        client.close()


def received(pubsub, count):
    """The next messages as `(type, pattern, channel, data)`."""
    messages = []
    while len(messages) < count:
        message = pubsub.get_message(timeout=10)
        assert message is not None, f"only {messages}"
        messages.append(tuple(message[field] for field in ("type", "pattern", "channel", "data")))
    return messages


def test_messages_reach_the_subscribers_of_all_nodes_in_order(clients):
    with clients[0].pubsub() as one, clients[1].pubsub() as two:
        one.subscribe("news")
        two.psubscribe("n?ws")
        assert received(one, 1) == [("subscribe", None, b"news", 1)]
        assert received(two, 1) == [("psubscribe", None, b"n?ws", 1)]
        texts = [b"%d" % i for i in range(50)]
        assert [clients[2].publish("news", text) for text in texts] == [0] * 50
        assert received(one, 50) == [("message", None, b"news", text) for text in texts]
        assert received(two, 50) == [("pmessage", b"n?ws", b"news", text) for text in texts]
        assert clients[0].publish("news", "here") == 1
        assert received(one, 1) == [("message", None, b"news", b"here")]
        assert received(two, 1) == [("pmessage", b"n?ws", b"news", b"here")]


def test_a_subscriber_finds_the_writes_before_the_message(clients):
    with clients[0].pubsub() as pubsub:
        pubsub.subscribe("written")
        received(pubsub, 1)
        for i in range(20):
            with clients[2].pipeline(transaction=False) as pipeline:
                pipeline.set("pubsub:k", i).publish("written", i).execute()
            assert received(pubsub, 1) == [("message", None, b"written", b"%d" % i)]
            assert clients[1].get("pubsub:k") == b"%d" % i


def test_shard_channels_are_a_space_of_their_own(clients):
    # redis-py's plain client subscribes to shard channels but has no method that publishes to them.
    with clients[0].pubsub() as plain, clients[1].pubsub() as sharded:
        plain.subscribe("c")
        sharded.ssubscribe("c")
        assert received(plain, 1) == [("subscribe", None, b"c", 1)]
        assert received(sharded, 1) == [("ssubscribe", None, b"c", 1)]
        clients[2].execute_command("SPUBLISH", "c", "to shards")
        clients[2].publish("c", "to channels")
        assert received(plain, 1) == [("message", None, b"c", b"to channels")]
        assert received(sharded, 1) == [("smessage", None, b"c", b"to shards")]
        assert clients[1].execute_command("PUBSUB", "SHARDNUMSUB", "c") == [b"c", 1]
        sharded.sunsubscribe("c")
        assert received(sharded, 1) == [("sunsubscribe", None, b"c", 0)]


def test_who_unsubscribes_or_leaves_receives_nothing_more(clients):
    with clients[0].pubsub() as pubsub, clients[0].pubsub() as leaving:
        pubsub.subscribe("a", "b")
        leaving.subscribe("a")
        received(pubsub, 2)
        received(leaving, 1)
        assert clients[0].pubsub_numsub("a", "b", "none") == [(b"a", 2), (b"b", 1), (b"none", 0)]
        pubsub.unsubscribe("a")
        assert received(pubsub, 1) == [("unsubscribe", None, b"a", 1)]
        leaving.close()
        servers.wait_until(
            "who left is forgotten", lambda: clients[0].pubsub_numsub("a") == [(b"a", 0)]
        )
        clients[1].publish("a", "nobody")
        clients[1].publish("b", "somebody")
        assert received(pubsub, 1) == [("message", None, b"b", b"somebody")]
        assert clients[0].pubsub_channels() == [b"b"]
    servers.wait_until("nobody listens", lambda: clients[0].pubsub_channels() == [])


def test_what_a_subscriber_may_send(cluster):
    with cluster.nodes[0].connect() as two, cluster.nodes[0].connect(protocol=3) as three:
        two.call("SUBSCRIBE", "x")
        assert two.call("PING") == [b"pong", b""]
        assert "Can't execute 'get'" in str(two.call("GET", "a"))
        three.call("SUBSCRIBE", "x")
        assert three.call("PING") == resp.Simple("PONG")
        assert three.call("GET", "a") == resp.NULL
