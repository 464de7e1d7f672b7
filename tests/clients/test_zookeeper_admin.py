"""What operators of a ZooKeeper look at and rely on: its words, its AdminServer, the superuser, quotas."""

import json
import socket
import urllib.error
import urllib.request

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import NoAuthError, QuotaExceededError
from kazoo.security import make_digest_acl

import servers

pytestmark = pytest.mark.synod_only
SUPER = "super:D/InIHSb7yEEbrWz8b9l71RjZJU="  # of super:test


@pytest.fixture(scope="module")
def ensemble():
    cluster = servers.synod(3, partitions=4, durability="always")
    for node, port in zip(cluster.nodes, servers.free_ports(3)):
        node.zookeeper = port
        node.command += ["--zookeeper", f"{servers.HOST}:{port}", "--zookeeper-super-digest", SUPER]
    try:
        yield cluster.start()
    finally:
        cluster.close()


@pytest.fixture
def zk(ensemble):
    client = KazooClient(hosts=f"{servers.HOST}:{ensemble.nodes[0].zookeeper}", timeout=10)
    client.start(timeout=30)
    yield client
    client.stop()
    client.close()


def word(node, text):
    with socket.create_connection((servers.HOST, node.zookeeper), timeout=10) as connection:
        connection.sendall(text.encode())
        answer = b""
        while more := connection.recv(65536):
            answer += more
        return answer.decode()


def command(node, name):
    try:
        with urllib.request.urlopen(f"http://{servers.HOST}:{node.http}/commands/{name}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_one_leads_and_all_know_the_znodes(ensemble, zk):
    zk.ensure_path("/seen/by/all")
    counts = {word(node, "srvr").split("Node count: ")[1].strip() for node in ensemble.nodes}
    assert len(counts) == 1 and int(counts.pop()) >= 7

    def modes():
        return sorted(word(node, "srvr").split("Mode: ")[-1].split()[0] for node in ensemble.nodes)

    servers.wait_until("one leads", lambda: modes() == ["follower", "follower", "leader"])


def test_the_admin_server_tells_what_the_words_tell(ensemble, zk):
    node = ensemble.nodes[0]
    zk.create("/e", ephemeral=True)
    zk.exists("/e", watch=lambda event: None)
    session = f"{zk.client_id[0]:#x}"
    with urllib.request.urlopen(f"http://{servers.HOST}:{node.http}/commands", timeout=10) as answer:
        page = answer.read().decode()
    status, told = command(node, "ruok")
    assert (status, told) == (200, {"command": "ruok", "error": None})
    for name in ("configuration", "connections", "dump", "environment", "is_read_only", "monitor", "server_stats", "stats", "watch_summary", "watches", "watches_by_path"):  # fmt: skip
        assert f"/commands/{name}" in page
        status, told = command(node, name)
        assert (status, told["command"], told["error"]) == (200, name, None)
    assert command(node, "conf")[1]["max_session_timeout"] == 40_000
    assert command(node, "mntr")[1]["watch_count"] == 1
    assert command(node, "isro")[1]["read_only"] is False
    assert command(node, "stats")[1]["server_stats"]["server_state"] in ("leader", "follower")
    assert session in [one["session_id"] for one in command(node, "cons")[1]["connections"]]
    assert command(node, "wchp")[1]["path_to_session_ids"] == {"/e": [session]}
    assert command(node, "wchc")[1]["session_id_to_watched_paths"] == {session: ["/e"]}
    assert command(node, "dump")[1]["session_id_to_ephemeral_paths"][session] == ["/e"]
    assert command(node, "no-such")[0] == 404


def test_the_superuser_opens_what_nobody_else_may(ensemble, zk):
    zk.create("/closed", b"secret", acl=[make_digest_acl("nobody", "knows", read=True)])
    with pytest.raises(NoAuthError):
        zk.get("/closed")
    zk.add_auth("digest", "super:test")
    assert zk.get("/closed")[0] == b"secret"
    zk.delete("/closed")


def test_the_members_stand_in_the_config(zk):
    lines = zk.get("/zookeeper/config")[0].decode().splitlines()
    assert [line.split("=")[0] for line in lines] == ["server.1", "server.2", "server.3", "version"]
    assert all(line.endswith(":participant") for line in lines[:3])
    with pytest.raises(NoAuthError):
        zk.set("/zookeeper/config", b"server.1=elsewhere:1:1:participant")


def test_a_quota_is_kept_and_refuses_what_is_beyond_its_hard_limit(zk):
    zk.create("/limited", b"12345")
    zk.ensure_path("/zookeeper/quota/limited")
    zk.create("/zookeeper/quota/limited/zookeeper_limits", b"count=-1,bytes=-1;countHardLimit=2;byteHardLimit=-1")
    zk.create("/zookeeper/quota/limited/zookeeper_stats", b"count=0,bytes=0")

    def stats():
        return zk.get("/zookeeper/quota/limited/zookeeper_stats")[0]

    assert stats() == b"count=1,bytes=5"
    zk.create("/limited/a", b"1")
    assert stats() == b"count=2,bytes=6"
    with pytest.raises(QuotaExceededError):
        zk.create("/limited/b", b"1")
    zk.delete("/limited/a")
    assert stats() == b"count=1,bytes=5"
    zk.create("/limited/b", b"1")
