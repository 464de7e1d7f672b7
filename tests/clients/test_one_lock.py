"""One lock, four ways: redis-py, HTTP and kazoo's recipe, unmodified, take one and the same lock in turn."""

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

import pytest
import redis
from kazoo.client import KazooClient
from kazoo.recipe.lock import ReadLock

import servers

pytestmark = pytest.mark.synod_only

PATH = "/locks/orders"
NAME = "{zookeeper}" + PATH
LOG = "{zookeeper}log"
ROUNDS = 12


@pytest.fixture(scope="module")
def ensemble():
    cluster = servers.synod(3, partitions=4, durability="always")
    for node, port in zip(cluster.nodes, servers.free_ports(3)):
        node.zookeeper = port
        node.command += ["--zookeeper", f"{servers.HOST}:{port}"]
    try:
        yield cluster.start()
    finally:
        cluster.close()


@pytest.fixture
def connect():
    opened = []

    def client(node):
        one = redis.Redis(servers.HOST, node.port, decode_responses=True)
        opened.append(one)
        return one

    yield client
    for one in opened:
        one.close()


@pytest.fixture
def kazoo():
    opened = []

    def client(node):
        one = KazooClient(hosts=f"{servers.HOST}:{node.zookeeper}", timeout=10.0)
        opened.append(one)
        one.start(timeout=30)
        return one

    yield client
    for one in opened:
        one.stop()
        one.close()


def post(node, verb, **fields):
    url = f"http://{servers.HOST}:{node.http}/v1/lock/{urllib.parse.quote(NAME, safe='')}/{verb}"
    request = urllib.request.Request(url, json.dumps(fields).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


class Inside:
    """Who is in the critical section, as the clients themselves see it."""

    def __init__(self):
        self.who, self.entries, self.broken = None, [], []

    def enter(self, who, token):
        if self.who is not None:
            self.broken.append((self.who, who))
        self.who = who
        self.entries.append((token, who))
        time.sleep(0.005)
        self.who = None


def test_redis_http_and_zookeeper_exclude_each_other_and_see_one_sequence(ensemble, connect, kazoo):
    inside = Inside()
    failures = []

    def by_redis(node, name):
        client = connect(node)
        for _ in range(ROUNDS):
            token = client.execute_command("LOCK", "ACQUIRE", NAME, 20000, "WAIT", 60000)
            assert client.execute_command("FENCE", NAME, token, "RPUSH", LOG, token) > 0
            inside.enter(name, token)
            assert client.execute_command("LOCK", "RELEASE", NAME, token) == 1

    def by_http(node, name):
        taken = 0
        while taken < ROUNDS:
            status, answer = post(node, "acquire", ttl_ms=20000, wait_ms=5000)
            if status == 409:
                continue  # others were before it for all that time
            assert status == 200, answer
            token = answer["token"]
            status, answer = post(node, "write", token=token, command=["RPUSH", LOG, str(token)])
            assert status == 200, answer
            inside.enter(name, token)
            assert post(node, "release", token=token)[0] == 200
            taken += 1

    def by_kazoo(node, name):
        client, writer = kazoo(node), connect(node)
        for _ in range(ROUNDS):
            lock = client.Lock(PATH, name)
            assert lock.acquire(timeout=60)
            token = client.exists(f"{PATH}/{lock.node}").czxid
            assert writer.execute_command("FENCE", NAME, token, "RPUSH", LOG, token) > 0
            inside.enter(name, token)
            lock.release()

    def run(way, at, name):
        try:
            way(ensemble.nodes[at], name)
        except BaseException as error:
            failures.append((name, repr(error)))

    ways = [(by_redis, 0, "redis 0"), (by_redis, 1, "redis 1"), (by_http, 1, "http"), (by_http, 2, "http 2")]
    ways += [(by_kazoo, at, f"kazoo {at}") for at in range(3)]
    threads = [threading.Thread(target=run, args=way) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    assert not failures
    assert not inside.broken
    tokens = [token for token, _ in inside.entries]
    assert len(tokens) == ROUNDS * len(ways)
    assert tokens == sorted(set(tokens))
    assert [int(token) for token in connect(ensemble.nodes[2]).lrange(LOG, 0, -1)] == tokens


def test_whoever_waits_is_served_in_the_order_of_arrival_whichever_way(ensemble, connect, kazoo):
    first = connect(ensemble.nodes[0])
    token = first.execute_command("LOCK", "ACQUIRE", NAME, 30000)
    order = []

    def by_redis(node):
        client = connect(node)
        token = client.execute_command("LOCK", "ACQUIRE", NAME, 20000, "WAIT", 0)
        order.append(("redis", token))
        client.execute_command("LOCK", "RELEASE", NAME, token)

    def by_kazoo(node):
        client = kazoo(node)
        lock = client.Lock(PATH, "waits")
        assert lock.acquire(timeout=60)
        order.append(("kazoo", client.exists(f"{PATH}/{lock.node}").czxid))
        lock.release()

    threads = []
    zk = kazoo(ensemble.nodes[0])
    for place, way in enumerate([by_redis, by_kazoo, by_redis, by_kazoo]):
        threads.append(threading.Thread(target=way, args=[ensemble.nodes[place % 3]]))
        threads[-1].start()
        servers.wait_until("it is in line", lambda: len(zk.get_children(PATH)) == place + 2)
    info = first.execute_command("LOCK", "INFO", NAME)
    info = info if isinstance(info, dict) else dict(zip(info[::2], info[1::2]))
    assert (info["mode"], info["token"], info["waiting"]) == ("exclusive", token, 4)
    assert NAME in first.execute_command("LOCK", "LIST")
    assert first.execute_command("LOCK", "ACQUIRE", NAME, 1000) is None
    assert first.execute_command("LOCK", "ACQUIRE", NAME, 1000, "WAIT", 100) is None
    assert first.execute_command("LOCK", "RENEW", NAME, token, 30000) == 1
    assert first.execute_command("LOCK", "RELEASE", NAME, token) == 1
    for thread in threads:
        thread.join(60)
    assert [who for who, _ in order] == ["redis", "kazoo", "redis", "kazoo"]
    assert [token for _, token in order] == sorted(token for _, token in order)
    assert first.execute_command("LOCK", "RELEASE", NAME, token) == 0
    assert first.execute_command("LOCK", "INFO", NAME) is None


def test_readers_of_both_kinds_share(ensemble, connect, kazoo):
    client, zk = connect(ensemble.nodes[0]), kazoo(ensemble.nodes[1])
    reader = client.execute_command("LOCK", "ACQUIRE", NAME, 20000, "SHARED")
    lock = ReadLock(zk, PATH, "reads")
    assert lock.acquire(timeout=10)
    assert client.execute_command("LOCK", "ACQUIRE", NAME, 20000) is None
    writer = zk.WriteLock(PATH, "writes")
    assert not writer.acquire(blocking=False)
    lock.release()
    assert client.execute_command("LOCK", "RELEASE", NAME, reader) == 1
    assert writer.acquire(timeout=10)
    assert client.execute_command("LOCK", "ACQUIRE", NAME, 20000, "SHARED") is None
    writer.release()


def test_who_gives_up_waiting_leaves_the_line(ensemble, connect, kazoo):
    client, zk = connect(ensemble.nodes[0]), kazoo(ensemble.nodes[1])
    token = client.execute_command("LOCK", "ACQUIRE", NAME, 30000)
    gone = redis.Redis(servers.HOST, ensemble.nodes[2].port)
    connection = gone.connection_pool.get_connection()
    connection.send_command("LOCK", "ACQUIRE", NAME, 20000, "WAIT", 0)
    in_line = lambda count: servers.wait_until("so many", lambda: len(zk.get_children(PATH)) == count)
    in_line(2)
    connection.disconnect()
    in_line(1)
    unblocked = connect(ensemble.nodes[1])
    answers = []
    number = unblocked.client_id()
    thread = threading.Thread(target=lambda: answers.append(unblocked.execute_command("LOCK", "ACQUIRE", NAME, 20000, "WAIT", 0)))
    thread.start()
    in_line(2)
    assert connect(ensemble.nodes[1]).client_unblock(number) == 1
    thread.join(10)
    assert answers == [None]
    in_line(1)
    assert client.execute_command("LOCK", "RELEASE", NAME, token) == 1


def test_a_place_in_line_outlives_the_nodes_that_are_killed_meanwhile(ensemble, connect):
    hosts = ",".join(f"{servers.HOST}:{node.zookeeper}" for node in ensemble.nodes)
    zk = KazooClient(hosts=hosts, timeout=30.0)
    zk.start(timeout=30)
    lock = zk.Lock(PATH, "holds")
    assert lock.acquire(timeout=30)
    answers = []
    waits, later = connect(ensemble.nodes[1]), connect(ensemble.nodes[1])

    def stand(client):
        answers.append(client.execute_command("LOCK", "ACQUIRE", NAME, 20000, "WAIT", 0))

    threads = []
    for place, client in enumerate([waits, later]):
        threads.append(threading.Thread(target=stand, args=[client]))
        threads[-1].start()
        servers.wait_until("it is in line", lambda: len(zk.get_children(PATH)) == place + 2)
    for at in [0, 2]:
        ensemble.nodes[at].stop(signal.SIGKILL)
        time.sleep(1)
        ensemble.nodes[at].start()
        ensemble.wait_ready()
    assert answers == []
    servers.wait_until("the holder is back", lambda: zk.connected)
    lock.release()
    threads[0].join(60)
    assert len(answers) == 1
    assert waits.execute_command("LOCK", "RELEASE", NAME, answers[0]) == 1
    threads[1].join(60)
    assert answers[1] > answers[0]
    assert later.execute_command("LOCK", "RELEASE", NAME, answers[1]) == 1
    zk.stop()
    zk.close()


def test_a_lock_of_the_tree_is_not_taken_inside_of_multi_and_its_writes_are_fenced_there(ensemble, connect):
    client = connect(ensemble.nodes[0])
    token = client.execute_command("LOCK", "ACQUIRE", NAME, 30000)
    pipeline = client.pipeline(transaction=True)
    pipeline.execute_command("LOCK", "ACQUIRE", NAME, 1000)
    pipeline.execute_command("FENCE", NAME, token, "SET", "{zookeeper}x", "1")
    pipeline.execute_command("FENCE", NAME, token + 1, "SET", "{zookeeper}x", "2")
    refused, written, fenced = pipeline.execute(raise_on_error=False)
    assert "outside of MULTI" in str(refused) and written and str(fenced).startswith("FENCED")
    assert client.get("{zookeeper}x") == "1"
    assert client.execute_command("LOCK", "RELEASE", NAME, token) == 1


def test_writes_in_other_partitions_are_fenced_by_a_lock_of_the_tree(ensemble, connect, kazoo):
    client, zk = connect(ensemble.nodes[0]), kazoo(ensemble.nodes[1])
    lock = zk.Lock(PATH, "holds")
    assert lock.acquire(timeout=10)
    token = zk.exists(f"{PATH}/{lock.node}").czxid
    keys = [f"apart:{n}" for n in range(16)]
    for key in keys:
        assert client.execute_command("FENCE", NAME, token, "SET", key, "kept")
        with pytest.raises(redis.ResponseError, match="FENCED"):
            client.execute_command("FENCE", NAME, token - 1, "SET", key, "never")
    assert client.execute_command("FENCE", NAME, token, "MSET", *[word for key in keys for word in (key, "all")])
    lock.release()
    for key in keys:
        with pytest.raises(redis.ResponseError, match="FENCED"):
            client.execute_command("FENCE", NAME, token, "SET", key, "late")
        assert client.get(key) == "all"


HOLDERS = {
    "redis": """
import redis, sys
client = redis.Redis("127.0.0.1", int(sys.argv[1]), decode_responses=True)
token = client.execute_command("LOCK", "ACQUIRE", sys.argv[4], 1500)
""",
    "http": """
import json, redis, sys, urllib.parse, urllib.request
client = redis.Redis("127.0.0.1", int(sys.argv[1]), decode_responses=True)
url = "http://127.0.0.1:%s/v1/lock/%s/acquire" % (sys.argv[3], urllib.parse.quote(sys.argv[4], safe=""))
request = urllib.request.Request(url, b'{"ttl_ms": 1500}', {"Content-Type": "application/json"})
token = json.load(urllib.request.urlopen(request))["token"]
""",
    "kazoo": """
import redis, sys
from kazoo.client import KazooClient
client = redis.Redis("127.0.0.1", int(sys.argv[1]), decode_responses=True)
zk = KazooClient(hosts="127.0.0.1:" + sys.argv[2], timeout=4.0)
zk.start()
path = sys.argv[4].removeprefix("{zookeeper}")
lock = zk.Lock(path, "holder")
assert lock.acquire()
token = zk.exists(path + "/" + lock.node).czxid
""",
}

LATE = """
client.execute_command("FENCE", sys.argv[4], token, "SET", "{zookeeper}value", "first")
print(token, flush=True)
sys.stdin.readline()
# It has been stopped for longer than its lease, and knows nothing of it.
try:
    client.execute_command("FENCE", sys.argv[4], token, "SET", "{zookeeper}value", "late")
    print("written", flush=True)
except redis.ResponseError as error:
    print(error, flush=True)
"""

HTTP_LATE = """
import urllib.error
def write(value):
    url = "http://127.0.0.1:%s/v1/lock/%s/write" % (sys.argv[3], urllib.parse.quote(sys.argv[4], safe=""))
    body = json.dumps({"token": token, "command": ["SET", "{zookeeper}value", value]}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        urllib.request.urlopen(request)
        return "written"
    except urllib.error.HTTPError as error:
        return json.load(error)["error"]
assert write("first") == "written"
print(token, flush=True)
sys.stdin.readline()
print(write("late"), flush=True)
"""


@pytest.mark.parametrize("way", HOLDERS)
def test_a_holder_that_was_stopped_past_its_lease_does_not_write_whichever_way_it_came(ensemble, connect, way):
    node, other = ensemble.nodes[0], connect(ensemble.nodes[1])
    program = HOLDERS[way] + (HTTP_LATE if way == "http" else LATE)
    command = [sys.executable, "-c", program, str(node.port), str(node.zookeeper), str(node.http), NAME]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        token = int(holder.stdout.readline())
        assert other.execute_command("LOCK", "ACQUIRE", NAME, 20000) is None
        holder.send_signal(signal.SIGSTOP)
        newer = other.execute_command("LOCK", "ACQUIRE", NAME, 20000, "WAIT", 60000)
        assert newer > token
        assert other.execute_command("FENCE", NAME, newer, "SET", "{zookeeper}value", "second")
        holder.send_signal(signal.SIGCONT)
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert holder.stdout.readline().startswith("FENCED")
        assert other.get("{zookeeper}value") == "second"
        assert other.execute_command("LOCK", "RELEASE", NAME, newer) == 1
    finally:
        holder.kill()
        holder.wait()
