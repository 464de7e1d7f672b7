"""Transactions over keys that lie apart, by redis-py's plain client on every node: no half of one is ever seen or left behind."""

import random
import signal
import threading
import time

import pytest
import redis

import servers

pytestmark = pytest.mark.synod_only

ACCOUNTS = [f"account:{n}" for n in range(10)]
BALANCE = 100


COMMITS = ["decided", "parallel"]


def client(node):
    return redis.Redis(port=node.port, socket_timeout=20)


def commit_as(nodes, commit):
    """Has these nodes answer the transactions that they conduct when they are decided, or when all of it is kept."""
    for node in nodes:
        assert client(node).config_set("transaction-commit", commit)


@pytest.fixture(params=COMMITS)
def commit(request):
    return request.param


@pytest.fixture
def own_cluster(commit):
    """A cluster of which the test may kill nodes."""
    cluster = servers.cluster(partitions=8)
    cluster.start()
    commit_as(cluster.nodes, commit)
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(cluster, commit):
    """The cluster that all tests share, with either setting; the others find it as it was."""
    commit_as(cluster.nodes, commit)
    yield cluster
    commit_as(cluster.nodes, COMMITS[0])


def transfer(connection, draw):
    """Moves some money under WATCH; whether it was moved."""
    payer, payee = draw.sample(ACCOUNTS, 2)
    with connection.pipeline() as pipe:
        pipe.watch(payer, payee)
        amount = min(draw.randint(1, 30), int(pipe.get(payer)))
        pipe.multi()
        pipe.decrby(payer, amount)
        pipe.incrby(payee, amount)
        try:
            pipe.execute()
            return True
        except redis.WatchError:
            return False


def balances(connection):
    with connection.pipeline() as pipe:
        pipe.mget(ACCOUNTS)
        return [int(value) for value in pipe.execute()[0]]


def test_every_kind_of_command_over_keys_that_lie_apart(cluster):
    for node in cluster.nodes:
        one = client(node)
        one.flushall()
        many = {f"many:{n}": str(n).encode() for n in range(100)}
        assert one.mset(many)
        assert one.mget(list(many)) == list(many.values())
        assert not one.msetnx({"many:7": "x", "fresh": "x"})
        assert not one.exists("fresh")
        assert one.rename("many:1", "moved") and one.get("moved") == b"1"
        one.rpush("list", "a", "b")
        assert one.lmove("list", "other") == b"a"
        one.sadd("left", "a", "b")
        one.sadd("right", "b", "c")
        assert one.sinterstore("both", ["left", "right"]) == 1
        assert one.smove("left", "right", "a") and one.smembers("right") == {b"a", b"b", b"c"}
        with one.pipeline() as pipe:
            for key in many:
                pipe.set(key, "y")
            pipe.hset("hash", "f", "v")
            pipe.client_id()
            assert pipe.execute()[:101] == [True] * 100 + [1]
        lock = one.lock("a-lock", timeout=10)
        assert lock.acquire() and lock.owned()
        lock.release()


def test_no_money_is_made_lost_or_seen_on_its_way_though_nodes_are_killed(own_cluster, commit):
    client(own_cluster.nodes[0]).mset(dict.fromkeys(ACCOUNTS, BALANCE))
    stop, wrong, moved = threading.Event(), [], [0] * 6

    def work(at):
        draw = random.Random(at)
        while not stop.is_set():
            node = own_cluster.nodes[at % len(own_cluster.nodes)]
            try:
                connection = client(node)
                while not stop.is_set():
                    if at % 3 == 0:
                        seen = balances(connection)
                        if sum(seen) != BALANCE * len(ACCOUNTS) or min(seen) < 0:
                            wrong.append(seen)
                    moved[at] += transfer(connection, draw)
            # A connection that is lost under WATCH is a WatchError to redis-py.
            except (redis.ConnectionError, redis.TimeoutError, redis.WatchError):
                time.sleep(0.1)
            except (redis.exceptions.TryAgainError, redis.exceptions.ClusterDownError):
                time.sleep(0.1)
            except redis.ResponseError as error:
                if not str(error).startswith("UNKNOWN"):
                    wrong.append(error)

    threads = [threading.Thread(target=work, args=(at,)) for at in range(6)]
    for thread in threads:
        thread.start()
    servers.wait_until("money moves", lambda: min(moved) > 5, 60)
    for node in own_cluster.nodes:
        node.stop(signal.SIGKILL)
        before = list(moved)
        others = [at for at in range(6) if own_cluster.nodes[at % 3] is not node]
        servers.wait_until("money moves on", lambda: all(moved[at] > before[at] for at in others), 60)
        node.start()
        own_cluster.wait_ready()
        commit_as([node], commit)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
    for node in own_cluster.nodes:
        seen = balances(client(node))
        assert sum(seen) == BALANCE * len(ACCOUNTS) and min(seen) >= 0


MOVE = """
local left = tonumber(redis.call('GET', KEYS[1])) - ARGV[1]
if left < 0 then return 0 end
redis.call('SET', KEYS[1], left)
redis.call('INCRBY', KEYS[2], ARGV[1])
return 1
"""


def test_scripts_and_functions_over_keys_that_lie_apart(cluster):
    first = client(cluster.nodes[0])
    first.flushall()
    first.script_flush()
    first.mset(dict.fromkeys(ACCOUNTS, BALANCE))
    moved = []

    def move(at):
        draw, connection = random.Random(at), client(cluster.nodes[at % 3])
        script = connection.register_script(MOVE)  # EVALSHA, and SCRIPT LOAD when that is not known
        for _ in range(50):
            moved.append(script(keys=draw.sample(ACCOUNTS, 2), args=[draw.randint(1, 30)]))

    threads = [threading.Thread(target=move, args=(at,)) for at in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(moved) == 300 and sum(moved) > 100
    seen = balances(first)
    assert sum(seen) == BALANCE * len(ACCOUNTS) and min(seen) >= 0
    for node in cluster.nodes:
        one = client(node)
        with one.pipeline() as pipe:
            pipe.set("total", 0)
            pipe.eval("return redis.call('INCRBY', KEYS[1], 7)", 1, "total")
            pipe.eval("return redis.call('MGET', KEYS[1], KEYS[2])", 2, "total", "account:1")
            assert pipe.execute()[:2] == [True, 7]
        before = balances(one)
        with pytest.raises(redis.ResponseError, match="did not declare"):
            one.eval("redis.call('SET', KEYS[1], 0) return redis.call('GET', 'total')", 2, *ACCOUNTS[:2])
        assert balances(one) == before
    first.function_load(
        "#!lua name=sums\nredis.register_function{function_name='sum', flags={'no-writes'}, callback=function(keys)"
        " local sum = 0 for _, key in ipairs(keys) do sum = sum + redis.call('GET', key) end return sum end}", replace=True)
    for node in cluster.nodes:
        assert client(node).fcall_ro("sum", len(ACCOUNTS), *ACCOUNTS) == BALANCE * len(ACCOUNTS)


def test_a_lock_guards_keys_of_other_partitions(cluster):
    one, other = client(cluster.nodes[0]), client(cluster.nodes[1])
    keys = [f"guarded:{n}" for n in range(20)]
    old = one.execute_command("LOCK", "ACQUIRE", "the-lock", 60_000)
    for key in keys:
        assert one.execute_command("FENCE", "the-lock", old, "SET", key, "old")
    assert one.execute_command("LOCK", "RELEASE", "the-lock", old) == 1
    new = other.execute_command("LOCK", "ACQUIRE", "the-lock", 60_000)
    for key in keys:
        with pytest.raises(redis.ResponseError, match="FENCED"):
            one.execute_command("FENCE", "the-lock", old, "SET", key, "late")
        assert other.execute_command("FENCE", "the-lock", new, "APPEND", key, "+") == 4
    assert other.mget(keys) == [b"old+"] * len(keys)
    with other.pipeline() as pipe:
        for key in keys:
            pipe.execute_command("FENCE", "the-lock", new, "DEL", key)
        assert pipe.execute() == [1] * len(keys)
    other.execute_command("LOCK", "RELEASE", "the-lock", new)


def test_each_element_ends_one_wait_for_keys_that_lie_apart(cluster):
    """Workers wait for several queues at once, by every command that can: nothing is lost and nothing is got twice."""
    queues = [f"queue:{n}" for n in range(8)]
    first = client(cluster.nodes[0])
    first.flushall()
    got, lock = [], threading.Lock()
    waits = [
        lambda c: (c.blpop(queues, 1) or (None, None))[1],
        lambda c: (c.brpop(queues[::-1], 1) or (None, None))[1],
        lambda c: ((c.blmpop(1, len(queues), *queues, direction="LEFT") or (None, [None]))[1])[0],
    ]

    def work(at):
        connection = client(cluster.nodes[at % 3])
        while (element := waits[at % len(waits)](connection)) != b"stop":
            if element is not None:
                with lock:
                    got.append(int(element))

    workers = [threading.Thread(target=work, args=(at,)) for at in range(9)]
    for worker in workers:
        worker.start()
    pushers = [client(node) for node in cluster.nodes]
    for n in range(600):
        pushers[n % 3].rpush(queues[n % len(queues)], n)
    servers.wait_until("all is taken", lambda: len(got) >= 600, 60)
    for n in range(len(workers)):
        first.rpush(queues[n % len(queues)], "stop")
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()
    assert sorted(got) == list(range(600))
    assert first.exists(*queues) == 0


def test_moves_between_partitions_end_waits_one_behind_the_other(cluster):
    """A ring of workers, each of which moves what comes to it on: every element comes round, and each is somewhere at any time."""
    stations = [f"station:{n}" for n in range(6)]
    first = client(cluster.nodes[0])
    first.flushall()

    def move(at):
        connection = client(cluster.nodes[at % 3])
        while connection.blmove(stations[at], stations[at + 1], 2, "LEFT", "RIGHT") != b"stop":
            pass

    workers = [threading.Thread(target=move, args=(at,)) for at in range(len(stations) - 1)]
    for worker in workers:
        worker.start()
    elements = [f"{n}".encode() for n in range(50)]
    for element in elements:
        first.rpush(stations[0], element)
    lengths = lambda pipe: [pipe.lrange(station, 0, -1) for station in stations]  # noqa: E731
    while True:
        with first.pipeline() as pipe:
            lengths(pipe)
            seen = pipe.execute()
        assert sorted(sum(seen, [])) == sorted(elements)
        if len(seen[-1]) == len(elements):
            break
    assert first.lrange(stations[-1], 0, -1) == elements
    first.rpush(stations[0], "stop")
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()


def test_waits_for_keys_that_lie_apart_outlive_every_leader(own_cluster):
    keys = [f"late:{n}" for n in range(6)]
    for at, dead in enumerate(own_cluster.nodes):
        alive = own_cluster.nodes[(at + 1) % 3]
        found = []
        waiter = threading.Thread(target=lambda: found.append(client(alive).blpop(keys, 60)))  # noqa: B023
        waiter.start()
        servers.wait_until("it waits", lambda: "cmd=blpop" in str(client(alive).execute_command("CLIENT", "LIST")), 20)  # noqa: B023
        dead.stop(signal.SIGKILL)

        def push(at=at, alive=alive):
            try:
                return client(alive).rpush(keys[at], at)
            except redis.exceptions.ClusterDownError:
                return 0

        servers.wait_until("it is pushed", push, 60)
        waiter.join(60)
        assert found == [(keys[at].encode(), str(at).encode())]
        dead.start()
        own_cluster.wait_ready()


def test_groups_of_streams_that_lie_apart(cluster):
    one, other = client(cluster.nodes[0]), client(cluster.nodes[1])
    one.flushall()
    streams = {f"stream:{n}": ">" for n in range(6)}
    with one.pipeline() as pipe:
        for stream in streams:
            pipe.xgroup_create(stream, "g", mkstream=True)
        assert pipe.execute() == [True] * 6
    found = []
    waiter = threading.Thread(target=lambda: found.append(other.xreadgroup("g", "c", streams, block=20_000)))
    waiter.start()
    time.sleep(0.2)
    entry = one.xadd("stream:3", {"f": "v"})
    waiter.join(30)
    assert found == [[[b"stream:3", [(entry, {b"f": b"v"})]]]]
    assert other.xpending("stream:3", "g")["pending"] == 1
    with one.pipeline() as pipe:
        pipe.xack("stream:3", "g", entry)
        pipe.set("done", "1")
        pipe.set("done too", "1")
        assert pipe.execute() == [1, True, True]
    assert other.xpending("stream:3", "g")["pending"] == 0


def test_who_asks_for_order_is_never_seen_out_of_order(cluster):
    """A write to one partition and one to another, pipelined: whoever sees the second sees the first."""
    stop, wrong, written = threading.Event(), [], [0] * 4

    def write(at):
        connection = client(cluster.nodes[at % 3])
        connection.execute_command("CLIENT", "ORDER", "STRICT")
        while not stop.is_set():
            with connection.pipeline(transaction=False) as pipe:
                pipe.set(f"first:{at}", written[at] + 1)
                pipe.set(f"second:{at}", written[at] + 1)
                pipe.execute()
            written[at] += 1

    def look(at):
        connection = client(cluster.nodes[(at + 1) % 3])
        while not stop.is_set():
            second = int(connection.get(f"second:{at}") or 0)
            first = int(connection.get(f"first:{at}") or 0)
            if first < second:
                wrong.append((at, first, second))

    client(cluster.nodes[0]).flushall()
    threads = [threading.Thread(target=what, args=(at,)) for at in range(4) for what in (write, look)]
    for thread in threads:
        thread.start()
    servers.wait_until("enough is written", lambda: min(written) >= 200, 60)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
