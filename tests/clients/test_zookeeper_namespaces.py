"""Several namespaces of one cluster: each has a tree, sessions, watches and locks of its own."""

import signal

import pytest
import redis
from kazoo.client import KazooClient

import servers

pytestmark = pytest.mark.synod_only

NAMES = ["", "jobs", "kafka-1"]


@pytest.fixture(scope="module")
def ensemble():
    cluster = servers.synod(3, partitions=4, durability="always")
    for node in cluster.nodes:
        ports = servers.free_ports(len(NAMES))
        node.zookeeper = dict(zip(NAMES, ports))
        served = [f"{servers.HOST}:{port}" + (f"/{name}" if name else "") for name, port in node.zookeeper.items()]
        node.command += ["--zookeeper", ",".join(served)]
    try:
        yield cluster.start()
    finally:
        cluster.close()


@pytest.fixture
def kazoo():
    opened = []

    def connect(node, name, **options):
        one = KazooClient(hosts=f"{servers.HOST}:{node.zookeeper[name]}", timeout=10.0, **options)
        opened.append(one)
        one.start(timeout=30)
        return one

    yield connect
    for one in opened:
        one.stop()
        # One that a test cut off by hand is stopped already, and its thread may still be about to end.
        one._connection.connection_stopped.wait(30)
        one.close()


def until(what, condition):
    servers.wait_until(what, condition, 30)


def test_one_path_is_another_znode_in_each(ensemble, kazoo):
    for name in NAMES:
        kazoo(ensemble.nodes[0], name).create("/same", name.encode())
    for node in ensemble.nodes:
        for name in NAMES:
            zk = kazoo(node, name)
            assert zk.get("/same")[0] == name.encode()
            assert sorted(zk.get_children("/")) == ["same", "zookeeper"]
            until("it knows the members", lambda: zk.get("/zookeeper/config")[0].count(b"participant") == 3)


def test_a_chroot_is_a_path_of_the_namespace_and_no_namespace(ensemble, kazoo):
    zk = kazoo(ensemble.nodes[0], "jobs")
    zk.ensure_path("/kafka-1")
    inside = KazooClient(hosts=f"{servers.HOST}:{ensemble.nodes[1].zookeeper['jobs']}/kafka-1", timeout=10.0)
    inside.start(timeout=30)
    inside.create("/below", b"")
    assert zk.exists("/kafka-1/below")
    assert kazoo(ensemble.nodes[0], "kafka-1").exists("/below") is None
    inside.stop()
    inside.close()


def test_a_watch_hears_of_its_own_namespace_alone(ensemble, kazoo):
    told = {name: [] for name in NAMES}
    for name in NAMES:
        kazoo(ensemble.nodes[0], name).ensure_path("/watched")
        kazoo(ensemble.nodes[1], name).get("/watched", watch=lambda event, name=name: told[name].append(event.path))
    kazoo(ensemble.nodes[2], "jobs").set("/watched", b"x")
    until("it is told", lambda: told["jobs"] == ["/watched"])
    kazoo(ensemble.nodes[2], "kafka-1").set("/watched", b"x")
    until("it is told", lambda: told["kafka-1"] == ["/watched"])
    assert told == {"": [], "jobs": ["/watched"], "kafka-1": ["/watched"]}


def test_a_session_is_one_of_its_namespace_on_every_node(ensemble, kazoo):
    zk = kazoo(ensemble.nodes[0], "jobs")
    zk.create("/mine", b"", ephemeral=True)
    session, password = zk.client_id
    zk._stopped.set()
    zk._connection._socket.shutdown(2)
    stranger = KazooClient(
        hosts=f"{servers.HOST}:{ensemble.nodes[1].zookeeper['kafka-1']}", timeout=10.0, client_id=(session, password)
    )
    stranger.start(timeout=30)
    assert stranger.client_id[0] != session, "it is not known there, and the client got another"
    stranger.stop()
    stranger.close()
    again = kazoo(ensemble.nodes[2], "jobs", client_id=(session, password))
    assert again.client_id[0] == session and again.exists("/mine").ephemeralOwner == session


def test_locks_of_one_path_are_others_in_each(ensemble, kazoo):
    client = redis.Redis(servers.HOST, ensemble.nodes[0].port, decode_responses=True)
    locks = {name: "{zookeeper%s}/l" % (f"/{name}" if name else "") for name in NAMES}
    tokens = {}
    for name in NAMES:
        held = kazoo(ensemble.nodes[1], name).Lock("/l", name)
        assert held.acquire(timeout=20)
        tokens[name] = held.client.exists(f"/l/{held.node}").czxid
        assert client.execute_command("LOCK", "ACQUIRE", locks[name], 1000) is None
        if name != "jobs":
            continue
        held.release()
        tokens[name] = client.execute_command("LOCK", "ACQUIRE", locks[name], 60000, "WAIT", 20000)
        assert not held.acquire(blocking=False)
    assert set(locks.values()) <= set(client.execute_command("LOCK", "LIST"))
    for name in NAMES:
        tag = locks[name].removesuffix("/l")
        assert client.execute_command("FENCE", locks[name], tokens[name], "SET", f"{tag}value", name)
        with pytest.raises(redis.ResponseError, match="FENCED"):
            client.execute_command("FENCE", locks[name], tokens[name] + 1000, "SET", f"{tag}value", "never")
    assert client.execute_command("LOCK", "RELEASE", locks["jobs"], tokens["jobs"]) == 1
    # A name that no namespace has is that of a lock like any other.
    plain = client.execute_command("LOCK", "ACQUIRE", "{zookeeper/a b}/l", 60000)
    assert "waiting" not in client.execute_command("LOCK", "INFO", "{zookeeper/a b}/l")
    assert client.execute_command("LOCK", "RELEASE", "{zookeeper/a b}/l", plain) == 1
    client.close()


def test_a_silent_session_expires_in_its_namespace(ensemble, kazoo):
    zk, other = kazoo(ensemble.nodes[0], "jobs"), kazoo(ensemble.nodes[1], "jobs")
    silent = KazooClient(hosts=f"{servers.HOST}:{ensemble.nodes[0].zookeeper['jobs']}", timeout=4.0)
    silent.start(timeout=30)
    silent.create("/silent", b"", ephemeral=True)
    assert other.exists("/silent")
    silent._stopped.set()
    silent._connection._socket.shutdown(2)
    until("the ephemeral goes", lambda: zk.exists("/silent") is None)


def test_all_trees_outlive_all_processes(ensemble, kazoo):
    for name in NAMES:
        kazoo(ensemble.nodes[0], name).create("/kept", name.encode())
    for client_node in ensemble.nodes:
        client_node.stop(signal.SIGKILL)
    for client_node in ensemble.nodes:
        client_node.start()
    ensemble.wait_ready()
    for name in NAMES:
        assert kazoo(ensemble.nodes[2], name).get("/kept")[0] == name.encode()
