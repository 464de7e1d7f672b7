"""Two partitions become one while clients write: no client sees an error, nothing is lost, whoever is killed in the middle; and what
cannot be merged is refused in words, by `synod partition merge`."""

import json
import random
import signal
import subprocess
import threading
import urllib.error
import urllib.request

import pytest
import redis
from redis.cluster import RedisCluster

import servers
from test_split import KEYS, WRITERS, Writer, connect, ranges, split, wait_for

pytestmark = pytest.mark.synod_only

FOUR = [(0, 4_095), (4_096, 8_191), (8_192, 12_287), (12_288, 16_383)]
HALVES = [(0, 8_191), (8_192, 16_383)]


@pytest.fixture
def fresh():
    """A cluster of its own with four partitions, whose shape the test may change."""
    cluster = servers.cluster(partitions=4)
    try:
        yield cluster.start()
    finally:
        cluster.close()


def synod(node, *words):
    command = [servers.SYNOD_BIN, "partition", *words, "--http", f"{servers.HOST}:{node.http}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def status(node):
    try:
        with urllib.request.urlopen(f"http://{servers.HOST}:{node.http}/status", timeout=10) as page:
            return json.loads(page.read())
    except urllib.error.HTTPError as page:
        # A partition without a leader; the answer says so, and the rest.
        return json.loads(page.read())


def merge(cluster, partition):
    done = synod(cluster.nodes[0], "merge", str(partition))
    assert done.returncode == 0, done.stderr
    assert f"partition {partition} is being merged" in done.stdout


def wait_merged(cluster, partition, expected):
    """The map is this one everywhere, and nothing is left of the partition that is gone."""
    servers.wait_until(f"slots {expected}", lambda: all(ranges(node) == expected for node in cluster.nodes))
    servers.wait_until("nothing is merging", lambda: all(status(node)["merging"] == [] for node in cluster.nodes))


def plain(node):
    return redis.Redis(host=servers.HOST, port=node.port, socket_timeout=20)


def test_nothing_is_lost_and_no_client_sees_an_error(fresh):
    client = connect(fresh)
    for n in range(KEYS):
        client.set(f"key:{n}", n)
    # foo lies in slot 12182.
    client.set("{foo}expires", "soon", px=600_000)
    token = plain(fresh.nodes[0]).execute_command("LOCK", "ACQUIRE", "foo", 600_000)
    writers = [Writer(fresh, number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    merge(fresh, 2)
    wait_merged(fresh, 2, [(0, 8_191), *FOUR[2:]])
    merge(fresh, 4)
    wait_merged(fresh, 4, HALVES)
    split(fresh, 3, "BY", "KEYS")
    servers.wait_until("three", lambda: all(len(ranges(node)) == 3 for node in fresh.nodes))
    (middle,) = {first for first, _ in ranges(fresh.nodes[0])} - {0, 8_192}
    assert 11_000 < middle < 13_500, "keys lie in all slots alike"
    child = next(p["id"] for p in status(fresh.nodes[0])["partitions"] if (p["slots"] or [0])[0] == middle)
    merge(fresh, child)
    wait_merged(fresh, child, HALVES)
    before = [len(writer.known) for writer in writers]
    servers.wait_until("all write on", lambda: all(len(w.known) >= min(b + 50, 500) or w.failed for w, b in zip(writers, before)))
    for writer in writers:
        writer.end()
    assert [writer.failed for writer in writers] == [None] * WRITERS
    print(f"the longest write took {max(writer.longest for writer in writers) * 1000:.0f} ms")
    for n in range(KEYS):
        assert client.get(f"key:{n}") == str(n).encode()
    for writer in writers:
        for key, value in writer.known.items():
            assert int(client.get(key)) == value
    assert 0 < client.pttl("{foo}expires") <= 600_000
    keys = KEYS + 1 + sum(len(writer.known) for writer in writers)
    with fresh.nodes[0].connect() as connection:
        # Of all keys it may answer TRYAGAIN for a while.
        servers.wait_until(f"{keys} keys", lambda: connection.call("DBSIZE") == keys)
        assert connection.call("LOCK", "RENEW", "foo", token, 600_000) == 1
        assert connection.call("LOCK", "RELEASE", "foo", token) == 1
        assert connection.call("LOCK", "ACQUIRE", "foo", 1_000) > token


class Insistent(threading.Thread):
    """Sets keys of its own to greater and greater numbers and says the same again until it is answered; a node may go meanwhile."""

    def __init__(self, node, number):
        super().__init__()
        self.node, self.number = node, number
        self.told, self.failed, self.over = {}, None, threading.Event()

    def run(self):
        try:
            n, client = 0, plain(self.node)
            while not self.over.is_set():
                n += 1
                key = f"insistent:{self.number}:{n % 200}"
                if self.was_told(lambda: client.set(key, n)):
                    self.told[key] = n
        except Exception as error:  # noqa: BLE001: whatever it was, the test tells
            self.failed = error

    def was_told(self, call):
        while not self.over.is_set():
            try:
                return call()
            except (redis.ConnectionError, redis.TimeoutError):
                self.over.wait(0.05)
            except redis.ResponseError as error:
                # Its leader was killed, so it may be done or not.
                if not str(error).startswith("UNKNOWN"):
                    raise
        return False

    def end(self):
        self.over.set()
        self.join()


def is_whole(cluster, writers):
    client = connect(cluster)
    for writer in writers:
        for key, value in dict(writer.told).items():
            # One more may have been set and not been answered.
            assert int(client.get(key)) >= value, key


@pytest.mark.parametrize("killed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_nodes_are_killed_in_the_middle_of_it(fresh, killed):
    """From the first entry to the last: the moments are drawn, so that each run meets others."""
    writers = [Insistent(node, number) for number, node in enumerate(fresh.nodes)]
    for writer in writers:
        writer.start()
    servers.wait_until("all write", lambda: all(len(writer.told) >= 100 or writer.failed for writer in writers))
    try:
        upper = 2
        for _ in range(3):
            merge(fresh, upper)
            threading.Event().wait(random.uniform(0, 0.4))
            for at in killed:
                fresh.nodes[at].stop(signal.SIGKILL)
            threading.Event().wait(random.uniform(0, 2))
            for at in killed:
                fresh.nodes[at].start()
            fresh.wait_ready()
            wait_merged(fresh, upper, [(0, 8_191), *FOUR[2:]])
            is_whole(fresh, writers)
            with fresh.nodes[0].connect() as connection:
                assert repr(connection.call("CLUSTER", "SPLIT", 1, 4_096)) == "+OK"
            wait_for(fresh, FOUR)
            (upper,) = [p["id"] for p in status(fresh.nodes[0])["partitions"] if p["slots"] == [4_096, 8_191]]
    finally:
        for writer in writers:
            writer.end()
    assert [str(writer.failed) for writer in writers if writer.failed] == []
    is_whole(fresh, writers)
    fresh.stop(signal.SIGKILL)
    fresh.start()
    is_whole(fresh, writers)


def test_transactions_are_whole_through_it(fresh):
    """A merge waits for those that are undecided, and one that it tears says so and has done nothing."""
    # In each of the four partitions one.
    accounts = ["{b}", "{c}", "{a}", "{foo}"]
    client = plain(fresh.nodes[0])
    slots = [client.execute_command("CLUSTER KEYSLOT", account) for account in accounts]
    assert len({slot // 4_096 for slot in slots}) == 4, slots
    client.mset({account: 100 for account in accounts})
    over, failed, done = threading.Event(), [], [0] * 3

    def pay(at):
        own = plain(fresh.nodes[at])
        while not over.is_set():
            payer, payee = random.sample(accounts, 2)
            pipe = own.pipeline()
            pipe.decrby(payer, 1).incrby(payee, 1).mget(accounts)
            try:
                *_, seen = pipe.execute()
                assert sum(map(int, seen)) == 400, seen
                done[at] += 1
            except redis.exceptions.TryAgainError:
                pass
            except Exception as error:  # noqa: BLE001: whatever it was, the test tells
                failed.append(error)

    payers = [threading.Thread(target=pay, args=(at,)) for at in range(3)]
    for payer in payers:
        payer.start()
    try:
        servers.wait_until("all pay", lambda: min(done) > 20 or failed)
        merge(fresh, 2)
        wait_merged(fresh, 2, [(0, 8_191), *FOUR[2:]])
        merge(fresh, 4)
        wait_merged(fresh, 4, HALVES)
        merge(fresh, 3)
        wait_merged(fresh, 3, [(0, 16_383)])
        before = list(done)
        servers.wait_until("all pay on", lambda: all(now > was + 20 for now, was in zip(done, before)) or failed)
    finally:
        over.set()
        for payer in payers:
            payer.join()
    assert failed == []
    assert sum(map(int, client.mget(accounts))) == 400


def test_who_waits_is_served_and_a_watched_key_is_watched(fresh):
    client = plain(fresh.nodes[0])
    served = []
    # a lies in slot 15495, so in the upper one of the two.
    waiting = threading.Thread(target=lambda: served.append(client.blpop("a", 30)))
    waiting.start()
    other = plain(fresh.nodes[1])
    servers.wait_until("a client waits", lambda: plain(fresh.nodes[0]).info("clients")["blocked_clients"] == 1)
    pipe, quiet = other.pipeline(), plain(fresh.nodes[2]).pipeline()
    pipe.watch("{a}watched")
    quiet.watch("{a}quiet")
    merge(fresh, 4)
    wait_merged(fresh, 4, [*FOUR[:2], (8_192, 16_383)])
    assert other.set("{a}watched", 1)
    pipe.multi()
    pipe.get("{a}watched")
    with pytest.raises(redis.WatchError):
        pipe.execute()
    quiet.multi()
    quiet.set("{a}quiet", 1)
    assert quiet.execute() == [True], "nobody has changed it"
    assert other.rpush("a", "v") == 1
    waiting.join()
    assert served == [(b"a", b"v")]


def refused(node, partition, why):
    done = synod(node, "merge", str(partition))
    assert done.returncode != 0 and why in done.stderr, (done.stdout, done.stderr)


def test_what_cannot_be_merged_is_refused_with_what_is_wrong(fresh):
    node = fresh.nodes[1]
    refused(node, 1, "has the lowest slots")
    refused(node, 9, "no partition 9")
    refused(node, 0, "0 is not in 1..")
    client = plain(node)

    def is_set(key):
        try:
            return client.set(key, b"x" * (1 << 20))
        except redis.ResponseError as error:
            # A busy machine may lose a leader over so many bytes.
            assert str(error).startswith("UNKNOWN")
            return False

    for n in range(70):
        servers.wait_until("a value is set", lambda: is_set(f"{{foo}}{n}"))
    for each in fresh.nodes:
        # One that lags behind does not know yet; then the leader gives the merge up.
        servers.wait_until("it is told", lambda: "it holds more than 64 MiB" in synod(each, "merge", "3").stderr)
    servers.wait_until("nothing is merging", lambda: all(status(each)["merging"] == [] for each in fresh.nodes))
    assert all(ranges(each) == FOUR for each in fresh.nodes)
    client.delete(*[f"{{foo}}{n}" for n in range(70)])
    for words in [(), ("x",), ("1", "2")]:
        with pytest.raises(redis.ResponseError):
            client.execute_command("CLUSTER MERGE", *words)


def test_the_last_partition_stays():
    cluster = servers.cluster(partitions=1)
    try:
        cluster.start()
        refused(cluster.nodes[0], 1, "has the lowest slots")
    finally:
        cluster.close()


def test_it_happens_by_itself_where_that_was_said():
    cluster = servers.cluster(partitions=8)
    try:
        cluster.start()
        node = cluster.nodes[0]
        client = connect(cluster)
        for n in range(500):
            client.set(f"key:{n}", n)
        assert synod(node, "auto", "perhaps").returncode != 0
        assert "by themselves" in synod(node, "auto", "on").stdout
        servers.wait_until("all know", lambda: all(status(each)["resizing"] for each in cluster.nodes))
        servers.wait_until("fewer", lambda: len(ranges(node)) < 8, 180)
        assert "only by command" in synod(node, "auto", "off").stdout
        servers.wait_until("all know", lambda: not any(status(each)["resizing"] for each in cluster.nodes))
        servers.wait_until("it is over", lambda: all(status(each)["merging"] == [] for each in cluster.nodes))
        assert 3 <= len(ranges(node)) < 8
        assert [client.get(f"key:{n}") for n in range(500)] == [str(n).encode() for n in range(500)]
    finally:
        cluster.close()
