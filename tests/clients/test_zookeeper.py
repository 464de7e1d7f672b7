"""Kazoo, unmodified, against real processes: the first clients of ZooKeeper that Synod serves."""

import signal
import subprocess
import sys
import time

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError, NoAuthError, NoNodeError, NodeExistsError, RolledBackError
from kazoo.security import make_acl, make_digest_acl

import servers
from test_node import run

pytestmark = pytest.mark.synod_only

# ZooKeeper's shortest session; long enough for a leader to be lost and found.
TIMEOUT = 10.0


@pytest.fixture(scope="module")
def ensemble():
    yield from started(3)


@pytest.fixture
def clients():
    opened = []

    def connect(node, **options):
        client = KazooClient(hosts=hosts(node), timeout=TIMEOUT, **options)
        opened.append(client)
        client.start(timeout=30)
        return client

    yield connect
    for client in opened:
        if not getattr(client, "abandoned", False):
            client.stop()
            client.close()


def hosts(*nodes):
    return ",".join(f"{servers.HOST}:{node.zookeeper}" for node in nodes)


def started(count):
    cluster = servers.synod(count, partitions=4, durability="always")
    for node, port in zip(cluster.nodes, servers.free_ports(count)):
        node.zookeeper = port
        node.command += ["--zookeeper", f"{servers.HOST}:{port}"]
    try:
        yield cluster.start()
    finally:
        cluster.close()


def abandon(client):
    """Its process is as good as dead: the socket is gone and nobody connects again."""
    client.abandoned = True
    client._stopped.set()
    client._connection._socket.shutdown(2)


def until(what, condition):
    servers.wait_until(what, condition, 30)


def test_the_smallest_session(ensemble, clients):
    zk = clients(ensemble.nodes[0])
    assert zk.create("/small", b"one") == "/small"
    with pytest.raises(NodeExistsError):
        zk.create("/small")
    assert zk.exists("/small").version == 0
    assert zk.exists("/absent") is None
    data, stat = zk.get("/small")
    assert (data, stat.dataLength, stat.czxid) == (b"one", 3, stat.mzxid)
    assert zk.set("/small", b"two", version=0).version == 1
    with pytest.raises(BadVersionError):
        zk.set("/small", b"three", version=0)
    with pytest.raises(NoNodeError):
        zk.get("/absent")
    assert "small" in zk.get_children("/")
    assert zk.create("/small/n-", sequence=True) == "/small/n-0000000000"
    zk.delete("/small", recursive=True)
    assert zk.exists("/small") is None


def test_a_transaction_happens_as_a_whole_or_not_at_all(ensemble, clients):
    zk = clients(ensemble.nodes[1])
    change = zk.transaction()
    change.create("/whole", b"1")
    change.set_data("/whole", b"2")
    change.check("/whole", version=1)
    assert [str(result) for result in change.commit()[:1]] == ["/whole"]
    change = zk.transaction()
    change.delete("/whole")
    change.check("/absent", version=0)
    rolled_back, failed = change.commit()
    assert isinstance(rolled_back, RolledBackError) and isinstance(failed, NoNodeError)
    assert zk.get("/whole")[0] == b"2"


def test_watches_on_one_node_are_told_what_happens_through_another(ensemble, clients):
    reader, writer = clients(ensemble.nodes[0]), clients(ensemble.nodes[2])
    writer.create("/watched")
    told = []
    reader.get("/watched", watch=told.append)
    reader.exists("/watched/later", watch=told.append)
    reader.get_children("/watched", watch=told.append)
    writer.set("/watched", b"new")
    writer.create("/watched/later")
    writer.set("/watched", b"again")
    until("all watches are told, each once", lambda: len(told) >= 3)
    seen = [(event.type, event.path) for event in told]
    assert seen == [
        ("CHANGED", "/watched"),
        ("CREATED", "/watched/later"),
        ("CHILD", "/watched"),
    ]


def test_ephemerals_go_with_their_session(ensemble, clients):
    owner, other = clients(ensemble.nodes[0]), clients(ensemble.nodes[1])
    owner.create("/ephemeral", ephemeral=True)
    assert other.exists("/ephemeral").ephemeralOwner == owner.client_id[0]
    told = []
    other.exists("/ephemeral", watch=told.append)
    owner.stop()
    until("the watch is told", lambda: told)
    assert (told[0].type, other.exists("/ephemeral")) == ("DELETED", None)


def test_a_session_goes_on_at_another_node(ensemble, clients):
    first = clients(ensemble.nodes[0])
    first.create("/moving", ephemeral=True)
    session = first.client_id
    abandon(first)
    second = clients(ensemble.nodes[2], client_id=session)
    assert second.client_id == session
    assert second.exists("/moving").ephemeralOwner == session[0]
    assert second.set("/moving", b"moved").version == 1


def test_a_session_and_its_ephemerals_survive_the_kill_of_every_node_in_turn(clients):
    for cluster in started(3):
        zk = KazooClient(hosts=hosts(*cluster.nodes), timeout=TIMEOUT)
        zk.start(timeout=30)
        try:
            session = zk.client_id
            zk.create("/survives", ephemeral=True)
            for turn, node in enumerate(cluster.nodes):
                node.stop(servers.signal.SIGKILL)
                zk.retry(zk.set, "/survives", b"%d" % turn)
                assert zk.get("/survives")[0] == b"%d" % turn
                node.start()
                cluster.wait_ready()
            assert zk.client_id == session
        finally:
            zk.stop()
            zk.close()


def test_a_silent_session_expires_and_its_ephemerals_with_it(ensemble, clients):
    watcher = clients(ensemble.nodes[1])
    silent = KazooClient(hosts=hosts(ensemble.nodes[0]), timeout=4.0)
    silent.start(timeout=30)
    silent.create("/silent", ephemeral=True)
    abandon(silent)
    begun = time.monotonic()
    until("the ephemeral is gone", lambda: watcher.exists("/silent") is None)
    assert time.monotonic() - begun > 2, "not before its time"


def test_the_tree_outlives_all_processes(clients):
    for cluster in started(1):
        zk = clients(cluster.nodes[0])
        zk.create("/kept", b"data", makepath=True)
        zk.stop()
        cluster.nodes[0].stop()
        cluster.nodes[0].start()
        cluster.wait_ready()
        again = clients(cluster.nodes[0])
        assert again.get("/kept")[0] == b"data"


def test_a_lock_excludes(ensemble, clients):
    one, two = clients(ensemble.nodes[0]), clients(ensemble.nodes[1])
    first, second = one.Lock("/lock", "one"), two.Lock("/lock", "two")
    assert first.acquire()
    assert not second.acquire(blocking=False)
    first.release()
    assert second.acquire(timeout=20)
    second.release()


HOLDER = """
import sys
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NoNodeError
zk = KazooClient(hosts=sys.argv[1], timeout=4.0)
zk.start(timeout=30)
lock = zk.Lock("/guard/lock", "first")
lock.acquire()
mine = lock.path + "/" + lock.node
zk.set("/guard/value", b"first")
print(mine, flush=True)
sys.stdin.readline()
# It has been stopped for longer than its session, and knows nothing of it.
while True:
    change = zk.transaction()
    change.check(mine, version=0)
    change.set_data("/guard/value", b"late")
    try:
        checked = change.commit()[0]
    except KazooException:
        continue
    print("refused" if isinstance(checked, NoNodeError) else "written", flush=True)
    break
zk.stop()
"""


def test_a_holder_that_was_stopped_past_its_session_writes_nothing_late(ensemble, clients):
    other = clients(ensemble.nodes[1])
    other.create("/guard/value", b"", makepath=True)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, hosts(ensemble.nodes[0])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        first = holder.stdout.readline().strip()
        holder.send_signal(signal.SIGSTOP)
        lock = other.Lock("/guard/lock", "second")
        assert lock.acquire(timeout=60)
        second = f"{lock.path}/{lock.node}"
        assert other.exists(first) is None and other.exists(second)
        assert int(second[-10:]) > int(first[-10:]), "the tokens of the recipe grow"
        other.set("/guard/value", b"second")
        holder.send_signal(signal.SIGCONT)
        late, _ = holder.communicate("go on\n", timeout=60)
        assert late.split() == ["refused"]
        assert other.get("/guard/value")[0] == b"second"
        lock.release()
    finally:
        holder.kill()
        holder.wait()


def moved(command, **places):
    words = [word for name, place in places.items() for word in (f"--{name.rstrip('_')}", place)]
    done = subprocess.run(
        [servers.SYNOD_BIN, command, *words, "--auth", "digest:mover:secret"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_tree_moves_in_and_out_with_its_data_and_access_lists(ensemble, clients):
    source = clients(ensemble.nodes[0], auth_data=[("digest", "mover:secret")])
    own = make_digest_acl("mover", "secret", all=True)
    readable = make_acl("world", "anyone", read=True)
    source.create("/old/app", b"data", makepath=True)
    source.create("/old/app/empty", b"")
    source.create("/old/app/secret", b"mine", acl=[own])
    source.create("/old/app/secret/below", b"x" * 100_000, acl=[own, readable])
    source.create("/old/app/here-for-now", ephemeral=True)
    for number in range(300):
        source.create(f"/old/app/n{number}", b"%d" % number)
    for other in started(1):
        node = other.nodes[0]
        there = clients(node, auth_data=[("digest", "mover:secret")])
        told = moved("import", **{"from": f"zookeeper://{hosts(*ensemble.nodes)}/old"}, into=f"zookeeper://{hosts(node)}/new/home")
        assert "305 znodes" in told and "1 ephemeral" in told
        again = moved("export", to=f"zookeeper://{hosts(node)}/new/home", **{"from": f"zookeeper://{hosts(ensemble.nodes[0])}/old"})
        assert "0 znodes" in again and "305 left as they were" in again
        assert there.get("/new/home/app")[0] == b"data"
        assert there.get("/new/home/app/empty")[0] == b""
        assert there.get_acls("/new/home/app/secret")[0] == [own]
        assert there.get("/new/home/app/secret/below")[0] == b"x" * 100_000
        assert there.get_acls("/new/home/app/secret/below")[0] == [own, readable]
        assert there.exists("/new/home/app/here-for-now") is None
        assert sorted(there.get_children("/new/home/app")) == sorted(
            name for name in source.get_children("/old/app") if name != "here-for-now"
        )
        there.set("/new/home/app/n7", b"changed")
        moved("export", **{"from": f"zookeeper://{hosts(node)}/new/home/app"}, to=f"zookeeper://{hosts(ensemble.nodes[1])}/back")
        assert source.get("/back/n7")[0] == b"changed"
        assert source.get_acls("/back/secret")[0] == [own]
    stranger = clients(ensemble.nodes[0])
    with pytest.raises(NoAuthError):
        stranger.get("/back/secret")


def test_node_zookeeper_client(ensemble):
    run("zookeeper.js", hosts(*ensemble.nodes))
