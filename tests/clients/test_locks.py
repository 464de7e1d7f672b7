"""Locks as unmodified clients take them: LOCK and FENCE through redis-py, and the recipes that Redis clients already run."""

import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import redis
from redis.exceptions import LockNotOwnedError, ResponseError

import servers

NAME = "{vault}lock"


@pytest.fixture
def three():
    cluster = servers.synod(3, partitions=4, durability="always")
    try:
        yield cluster.start()
    finally:
        cluster.close()


@pytest.fixture
def connect():
    opened = []

    def client(node, **options):
        opened.append(redis.Redis(servers.HOST, node.port, decode_responses=True, **options))
        return opened[-1]

    yield client
    for one in opened:
        one.close()


HOLDER = """
import redis, sys
port, name = int(sys.argv[1]), sys.argv[2]
client = redis.Redis("127.0.0.1", port, decode_responses=True)
token = client.execute_command("LOCK", "ACQUIRE", name, 1000)
client.execute_command("FENCE", name, token, "SET", "{vault}value", "first")
print(token, flush=True)
sys.stdin.readline()
# It has been stopped for longer than its lease, and knows nothing of it.
for command in (["FENCE", name, token, "SET", "{vault}value", "late"],
                ["FENCE", name, token, "APPEND", "{vault}value", "late"]):
    try:
        client.execute_command(*command)
        print("written", flush=True)
    except redis.ResponseError as error:
        print(error, flush=True)
print(client.execute_command("LOCK", "RENEW", name, token, 1000), flush=True)
"""


@pytest.mark.synod_only
def test_a_holder_that_was_stopped_past_its_lease_writes_nothing_late(three, connect):
    node = three.nodes[0]
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(node.port), NAME],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        first = int(holder.stdout.readline())
        holder.send_signal(signal.SIGSTOP)
        other = connect(three.nodes[1])
        second = other.execute_command("LOCK", "ACQUIRE", NAME, 60000, "WAIT", 20000)
        assert second > first
        other.execute_command("FENCE", NAME, second, "SET", "{vault}value", "second")
        holder.send_signal(signal.SIGCONT)
        late, _ = holder.communicate("go on\n", timeout=30)
        assert [line.split()[0] for line in late.splitlines()] == ["FENCED", "FENCED", "0"]
        assert other.get("{vault}value") == "second"
    finally:
        holder.kill()
        holder.wait()


@pytest.mark.synod_only
def test_a_lock_and_its_tokens_survive_the_kill_of_every_node_in_turn(three, connect):
    tokens, name = [], NAME
    for node in three.nodes:
        client = connect(node)
        token = client.execute_command("LOCK", "ACQUIRE", name, 60000)
        tokens.append(token)
        node.stop(signal.SIGKILL)
        other = connect(next(n for n in three.nodes if n.running()))
        servers.wait_until("the lock is still held", lambda: held_by(other, name, token))
        assert other.execute_command("LOCK", "RELEASE", name, token) == 1
        node.start()
        three.wait_ready()
    assert tokens == sorted(set(tokens))


def held_by(client, name, token):
    try:
        info = client.execute_command("LOCK", "INFO", name)
    except redis.RedisError:
        return False
    flat = dict(zip(info[::2], info[1::2])) if isinstance(info, list) else info
    return flat["mode"] == "exclusive" and flat["token"] == token


@pytest.mark.synod_only
def test_those_who_wait_are_served_in_order_through_any_node(three, connect):
    first = connect(three.nodes[0])
    token = first.execute_command("LOCK", "ACQUIRE", NAME, 60000)
    served = []

    def wait(number):
        client = connect(three.nodes[number % 3])
        mine = client.execute_command("LOCK", "ACQUIRE", NAME, 60000, "WAIT", 0)
        served.append((number, mine))
        client.execute_command("LOCK", "RELEASE", NAME, mine)

    threads = []
    for number in range(6):
        thread = threading.Thread(target=wait, args=(number,))
        thread.start()
        threads.append(thread)
        blocked = number + 1
        servers.wait_until("it stands in line", lambda: waiting(three, blocked, connect))
    first.execute_command("LOCK", "RELEASE", NAME, token)
    for thread in threads:
        thread.join(30)
    assert [number for number, _ in served] == list(range(6))
    tokens = [mine for _, mine in served]
    assert tokens == sorted(set(tokens)) and tokens[0] > token


def waiting(cluster, count, connect):
    blocked = sum(client["flags"] == "b" for node in cluster.nodes for client in connect(node).client_list())
    return blocked == count


@pytest.mark.synod_only
def test_a_thousand_wait_in_one_line_and_each_release_wakes_one(three, connect):
    first = connect(three.nodes[0])
    token = first.execute_command("LOCK", "ACQUIRE", NAME, 86_400_000)
    line, places = [], selectors.DefaultSelector()
    try:
        # One connection to the node at a time, so that their requests have an order.
        for number in range(1_000):
            one = socket.create_connection((servers.HOST, three.nodes[0].port))
            one.sendall(b"PING\r\nLOCK ACQUIRE %s 86400000 WAIT 0\r\n" % NAME.encode())
            assert one.recv(64) == b"+PONG\r\n"
            line.append(one)
            places.register(one, selectors.EVENT_READ, number)
        servers.wait_until("all stand in line", lambda: first.info("clients")["blocked_clients"] == 1_000)
        for number in range(1_000):
            assert first.execute_command("LOCK", "RELEASE", NAME, token) == 1
            woken = [key.data for key, _ in places.select(30)]
            assert woken == [number]
            mine = int(line[number].recv(64).lstrip(b":"))
            assert mine > token
            token = mine
        assert places.select(0) == []
    finally:
        places.close()
        for one in line:
            one.close()


@pytest.mark.synod_only
def test_the_writes_of_a_connection_carry_its_token(three, connect):
    client = connect(three.nodes[2], single_connection_client=True)
    token = client.execute_command("LOCK", "ACQUIRE", NAME, 60000)
    assert client.execute_command("CLIENT", "FENCE", NAME, token)
    with client.pipeline() as pipe:
        assert pipe.set("{vault}a", 1).incr("{vault}a").get("{vault}a").execute() == [True, 2, "2"]
    for number in range(20):
        assert client.set(f"elsewhere{number}", 1)
    other = connect(three.nodes[0])
    other.execute_command("LOCK", "RELEASE", NAME, token)
    other.execute_command("LOCK", "ACQUIRE", NAME, 60000)
    with pytest.raises(ResponseError, match="^FENCED"):
        client.incr("{vault}a")
    for number in range(20):
        with pytest.raises(ResponseError, match="^FENCED"):
            client.incr(f"elsewhere{number}")
    assert client.get("{vault}a") == "2"
    client.execute_command("CLIENT", "FENCE", "OFF")
    assert client.incr("{vault}a") == 3


def test_the_lock_of_redis_py_unmodified(single, connect):
    client, other = connect(single), connect(single)
    lock = client.lock("recipe", timeout=10)
    assert lock.acquire(blocking=False)
    assert not other.lock("recipe", timeout=10).acquire(blocking=False)
    assert lock.extend(5) and lock.reacquire() and lock.owned()
    lock.release()
    with other.lock("recipe", timeout=10, blocking_timeout=5) as held:
        assert held.locked()
    short = client.lock("recipe", timeout=0.2)
    assert short.acquire()
    assert other.lock("recipe", timeout=10).acquire(blocking_timeout=10)
    with pytest.raises(LockNotOwnedError):
        short.release()


def test_set_nx_px_and_its_script(single, connect):
    client, other = connect(single), connect(single)
    release = client.register_script(
        "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end"
    )
    assert client.set("plain", "mine", nx=True, px=60000)
    assert other.set("plain", "theirs", nx=True, px=60000) is None
    assert release(keys=["plain"], args=["theirs"]) == 0
    assert release(keys=["plain"], args=["mine"]) == 1
    assert other.set("plain", "theirs", nx=True, px=100)
    deadline = time.monotonic() + 30
    while not client.set("plain", "mine", nx=True, px=60000):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.synod_only
def test_an_elected_program_runs_on_one_machine_and_stops_when_its_lease_is_lost(three, tmp_path):
    runs = tmp_path / "runs"
    script = (
        f"trap 'echo $SYNOD_TOKEN stopped $$ >> {runs}; exit 0' TERM; "
        f"echo $SYNOD_TOKEN started $$ >> {runs}; while :; do sleep 0.05; done"
    )
    where = ",".join(f"{servers.HOST}:{node.port}" for node in three.nodes)
    command = [servers.SYNOD_BIN, "elect", "--connect", where, "--ttl", "2000", "job", "--", "sh", "-c", script]  # fmt: skip

    def lines():
        all_lines = runs.read_text().splitlines() if runs.exists() else []
        return [(int(token), what, int(pid)) for token, what, pid in map(str.split, all_lines)]

    def is_gone(pid):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    candidates = []
    try:
        candidates.append(subprocess.Popen(command))
        servers.wait_until("the first runs", lambda: len(lines()) == 1, 60)
        candidates.append(subprocess.Popen(command))
        first, _, pid = lines()[0]
        candidates[0].send_signal(signal.SIGSTOP)
        servers.wait_until("the second takes over", lambda: len(lines()) == 2, 60)
        second, what, _ = lines()[1]
        assert second > first and what == "started"
        # Its lease is long over, so its program is given no time to stop.
        candidates[0].send_signal(signal.SIGCONT)
        servers.wait_until("the first is stopped", lambda: is_gone(pid), 60)
        candidates[1].send_signal(signal.SIGTERM)
        assert candidates[1].wait(60) == 0
        servers.wait_until("the first runs again", lambda: len(lines()) >= 4, 60)
        assert [line[:2] for line in lines()[2:3]] == [(second, "stopped")]
        third, what, _ = lines()[3]
        assert third > second and what == "started"
        candidates[0].send_signal(signal.SIGTERM)
        assert candidates[0].wait(60) == 0
        assert [line[:2] for line in lines()[4:]] == [(third, "stopped")]
    finally:
        for candidate in candidates:
            candidate.send_signal(signal.SIGCONT)
            candidate.kill()
            candidate.wait()
