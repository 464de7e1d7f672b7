"""Leaders of applications: kazoo's Election, a recipe of Redis's clients and `synod elect`, while nodes are killed."""

import os
import signal
import subprocess
import threading
import time

import pytest
import redis
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException

import servers

pytestmark = pytest.mark.synod_only


@pytest.fixture
def ensemble():
    cluster = servers.synod(3, partitions=4, durability="always")
    for node, port in zip(cluster.nodes, servers.free_ports(3)):
        node.zookeeper = port
        node.command += ["--zookeeper", f"{servers.HOST}:{port}"]
    try:
        yield cluster.start()
    finally:
        cluster.close()


class Reign:
    """Who leads from when to when."""

    def __init__(self):
        self.all, self.lock = [], threading.Lock()

    def lead(self, who, seconds):
        began = time.monotonic()
        time.sleep(seconds)
        with self.lock:
            self.all.append((began, time.monotonic(), who))

    def check(self, everybody):
        ordered = sorted(self.all)
        for earlier, later in zip(ordered, ordered[1:]):
            assert earlier[1] <= later[0], (earlier, later)
        assert {who for *_, who in ordered} == everybody


def kill_each_in_turn(ensemble):
    for node in ensemble.nodes:
        node.stop(signal.SIGKILL)
        time.sleep(0.5)
        node.start()
        ensemble.wait_ready()


def started(contestants):
    threads = [threading.Thread(target=run, args=args) for run, args in contestants]
    for thread in threads:
        thread.start()
    return threads


def test_kazoos_election_has_one_leader_at_a_time_while_nodes_are_killed(ensemble):
    reign, hosts = Reign(), ",".join(f"{servers.HOST}:{node.zookeeper}" for node in ensemble.nodes)
    names = {f"candidate {n}" for n in range(4)}
    stop = threading.Event()

    def stand(name):
        client = KazooClient(hosts=hosts, timeout=20.0)
        client.start(timeout=30)
        election = client.Election("/election", name)
        while not stop.is_set():
            try:
                election.run(reign.lead, name, 0.3)
            except KazooException:
                pass  # a connection was lost while it stood in line: it stands for election anew
        client.stop()
        client.close()

    threads = started([(stand, [name]) for name in names])
    kill_each_in_turn(ensemble)
    servers.wait_until("all have led", lambda: {who for *_, who in reign.all} == names, 60)
    stop.set()
    for thread in threads:
        thread.join(60)
    reign.check(names)


def test_a_recipe_of_redis_clients_has_one_leader_at_a_time_while_nodes_are_killed(ensemble):
    """SET NX PX and the script that deletes only one's own: redis-py's Lock, whose leader extends it."""
    reign, names = Reign(), {f"candidate {n}" for n in range(3)}
    stop = threading.Event()

    def stand(at, name):
        node = 0
        while not stop.is_set():
            port = ensemble.nodes[(at + node) % 3].port
            try:
                client = redis.Redis(servers.HOST, port, socket_timeout=10, decode_responses=True)
                lock = client.lock("leader", timeout=8, sleep=0.02)
                if not lock.acquire(blocking_timeout=2):
                    continue
                lock.extend(8, replace_ttl=True)
                reign.lead(name, 0.3)
                lock.release()
                time.sleep(0.1)
            except (redis.RedisError, OSError):
                node += 1

    threads = started([(stand, [at, name]) for at, name in enumerate(sorted(names))])
    kill_each_in_turn(ensemble)
    servers.wait_until("all have led", lambda: {who for *_, who in reign.all} == names, 60)
    stop.set()
    for thread in threads:
        thread.join(60)
    reign.check(names)


def test_a_program_and_a_client_of_zookeeper_stand_in_one_election(ensemble, tmp_path):
    zk = KazooClient(hosts=f"{servers.HOST}:{ensemble.nodes[1].zookeeper}", timeout=10.0)
    zk.start(timeout=30)
    lock = zk.Lock("/election", "kazoo")
    assert lock.acquire(timeout=10)
    said = tmp_path / "said"
    where = f"{servers.HOST}:{ensemble.nodes[0].port}"
    command = [servers.SYNOD_BIN, "elect", "--connect", where, "--ttl", "5000", "{zookeeper}/election", "--"]
    program = f"echo $SYNOD_TOKEN > {said}.new; mv {said}.new {said}; sleep 60"
    elect = subprocess.Popen([*command, "sh", "-c", program], start_new_session=True)
    try:
        servers.wait_until("it is in line", lambda: len(zk.get_children("/election")) == 2)
        token = zk.exists(f"/election/{lock.node}").czxid
        assert not said.exists()
        lock.release()
        servers.wait_until("the program runs", said.exists)
        assert int(said.read_text()) > token
        assert not zk.Lock("/election", "late").acquire(blocking=False)
        elect.send_signal(signal.SIGTERM)
        assert elect.wait(20) == 0
        assert lock.acquire(timeout=10)
    finally:
        if elect.poll() is None:
            os.killpg(elect.pid, signal.SIGKILL)
            elect.wait()
        zk.stop()
        zk.close()
