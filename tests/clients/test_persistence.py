"""ROLE, BGSAVE, LASTSAVE and what is refused beside them, as operators and tools send them."""

import pytest
import redis

from servers import wait_until


def client_of(node):
    return redis.Redis("127.0.0.1", node.port)


def saves(client):
    return client.info("persistence")["rdb_saves"]


def test_bgsave_takes_a_snapshot_of_what_is_new(single):
    client = client_of(single)
    client.set("bgsave", "1")
    before = saves(client)
    last = client.lastsave()
    assert client.bgsave()
    wait_until("a snapshot", lambda: saves(client) > before)
    assert client.lastsave() >= last
    client.set("bgsave", "2")
    before = saves(client)
    assert client.bgrewriteaof()
    wait_until("another", lambda: saves(client) > before)


def test_role_is_that_of_a_master(single):
    client = client_of(single)
    kind, offset, replicas = client.execute_command("ROLE")
    assert (kind, replicas) == (b"master", [])
    client.set("role", "1")
    assert client.execute_command("ROLE")[1] > offset


@pytest.mark.parametrize("call", [["SAVE"], ["REPLICAOF", "127.0.0.1", "1"], ["SLAVEOF", "NO", "ONE"]])
def test_what_a_node_does_not_do_is_refused(single, call):
    with pytest.raises(redis.ResponseError, match="not supported|not allowed in cluster mode"):
        client_of(single).execute_command(*call)
