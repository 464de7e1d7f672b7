"""Transactions over keys, services and databases: money moves between two PostgreSQL databases, a service and a key of the
cluster, all or nothing, wherever the coordinating node is killed."""

import json
import signal
import subprocess
import threading
import urllib.error
import urllib.request

import pytest
import redis

import postgres
import servers
from bank import ACCOUNT, Bank, ask

pytestmark = pytest.mark.synod_only


@pytest.fixture
def bank():
    bank = Bank()
    try:
        yield bank
    finally:
        bank.close()


@pytest.fixture(scope="module")
def shared_bank():
    bank = Bank(nodes=1)
    try:
        yield bank
    finally:
        bank.close()


@pytest.fixture
def small(shared_bank):
    """One node, for what needs no other."""
    shared_bank.service.on = lambda action: None
    shared_bank.service.heard.clear()
    return shared_bank


BEFORE, AFTER = [100, 100, 100, 100], [70, 110, 115, 105]


@pytest.mark.parametrize("protocol", ["2pc", "3pc"])
def test_money_moves_everywhere_or_nowhere(bank, protocol):
    node = bank.cluster.nodes[0]
    tx = bank.begin(node, protocol=protocol)
    bank.enlist(node, tx)
    assert bank.balances() == BEFORE
    status, told = ask(bank.cluster.nodes[1], f"/{tx}/commit", {})
    assert status == 200 and told["state"] in ("pre-committed", "committed"), told
    assert bank.settled(bank.cluster.nodes[2], tx)["state"] == "committed"
    assert bank.balances() == AFTER
    bank.nothing_held()
    phases = ["prepare", "commit"] if protocol == "2pc" else ["prepare", "pre-commit", "commit"]
    assert bank.service.heard == phases
    assert ask(node, f"/{tx}/commit", {})[0] == 200, "who asks again is told the same"
    assert ask(node, f"/{tx}/abort", {})[0] == 409
    assert bank.balances() == AFTER


@pytest.mark.parametrize(
    "refuser, amounts, why",
    [
        ("the first database", {"north": -130}, "accounts_balance_check"),
        ("the service", {"service": -115}, "409"),
        ("the key", {"key": -105}, "INCRBY"),
    ],
)
def test_one_no_leaves_everything_as_it_was(small, refuser, amounts, why):
    node, before = small.cluster.nodes[0], small.balances()
    journal = small.client(0).lrange("journal", 0, -1)
    tx = small.begin(node)
    small.enlist(node, tx, **amounts)
    status, told = ask(node, f"/{tx}/commit", {})
    assert status == 409 and why in told["error"], told
    assert small.settled(node, tx)["state"] == "aborted"
    assert small.balances() == before
    assert small.client(0).lrange("journal", 0, -1) == journal
    small.nothing_held()


def test_a_service_that_never_answers_ends_in_an_abort_with_everything_released(small):
    node, before = small.cluster.nodes[0], small.balances()
    silent = threading.Event()
    small.service.on = lambda action: silent.wait(30) and None if action == "prepare" else None
    tx = small.begin(node, deadline_ms=1500)
    small.enlist(node, tx)
    status, told = ask(node, f"/{tx}/commit", {})
    assert status == 409 and "deadline" in told["error"], told
    silent.set()
    assert small.settled(node, tx)["state"] == "aborted"
    assert small.balances() == before
    small.nothing_held()


def test_what_is_not_decided_is_aborted_at_its_deadline_and_on_request(small):
    node = small.cluster.nodes[0]
    late = small.begin(node, deadline_ms=300)
    small.enlist(node, late)
    assert small.settled(node, late)["why"] == "the deadline is over"
    assert ask(node, f"/{late}/commit", {})[0] == 409
    unwanted = small.begin(node)
    small.enlist(node, unwanted)
    assert ask(node, f"/{unwanted}/abort", {})[1]["state"] == "aborted"
    assert small.settled(node, unwanted)["why"] == "it was asked for"
    small.nothing_held()


def test_asking_twice_is_asking_once(small):
    node = small.cluster.nodes[0]
    tx = small.begin(node, idempotency_key="order 7")
    assert small.begin(node, idempotency_key="order 7") == tx
    assert small.begin(node, idempotency_key="order 8") != tx
    for _ in range(2):
        assert ask(node, f"/{tx}/enlist", {"name": "k", "keys": [["INCR", "count"]]})[0] == 200
    status, told = ask(node, f"/{tx}/enlist", {"name": "k", "keys": [["DECR", "count"]]})
    assert status == 409 and "something else" in told["error"]
    for _ in range(3):
        assert ask(node, f"/{tx}/commit", {})[0] == 200
    assert small.client(0).get("count") == "1"
    assert small.begin(node, idempotency_key="order 7") == tx
    assert ask(node, f"/{tx}/enlist", {"name": "l", "keys": [["INCR", "count"]]})[0] == 409


def test_keys_of_all_sorts_are_put_back_when_a_later_command_fails(small):
    node, client = small.cluster.nodes[0], small.client(0)
    client.delete("fresh", "zset", "list", "hash")
    client.zadd("zset", {"a": 1})
    client.rpush("list", "a", "b")
    client.hset("hash", mapping={"f": "v"})
    client.expire("hash", 1000)
    commands = [["SET", "fresh", "x"], ["ZADD", "zset", "2", "b"], ["DEL", "list"], ["HDEL", "hash", "f"], ["LPUSH", "zset", "x"]]
    tx = small.begin(node)
    assert ask(node, f"/{tx}/enlist", {"name": "k", "keys": commands})[0] == 200
    status, told = ask(node, f"/{tx}/commit", {})
    assert status == 409 and "LPUSH" in told["error"] and "WRONGTYPE" in told["error"]
    assert client.get("fresh") is None and client.zrange("zset", 0, -1) == ["a"]
    assert client.lrange("list", 0, -1) == ["a", "b"] and client.hgetall("hash") == {"f": "v"}
    assert 900 < client.ttl("hash") <= 1000


def test_bad_input_is_refused_with_nothing_done(small):
    node = small.cluster.nodes[0]
    tx = small.begin(node)

    def refused(code, path, body, **how):
        status, told = ask(node, path, body, **how)
        assert status == code and told["error"], (path, body, status, told)
        return told["error"]

    assert "between 100" in refused(400, "", {"deadline_ms": 5})
    assert "2pc" in refused(400, "", {"protocol": "1pc"})
    assert "none of" in refused(400, "", {"deadlin_ms": 500})
    assert "pages" in refused(403, "", {}, headers={"Origin": "http://evil.example"})
    refused(415, "", b"{}", headers={"Content-Type": "text/plain"})
    refused(400, "", b"[")
    refused(404, f"/{'0' * 32}/commit", {})
    refused(404, "/nonsense/commit", {})
    refused(400, f"/{tx}/commit", {})
    refused(400, f"/{tx}/commit", {"wait_ms": 9000})
    enlist = f"/{tx}/enlist"
    for url in ["http://169.254.169.254/latest", f"http://localhost:{small.service.port}/", f"http://{servers.HOST}:1/"]:
        assert "--tx-callbacks" in refused(403, enlist, {"name": "h", "http": {"url": url}})
    refused(400, enlist, {"name": "h", "http": {"url": "file:///etc/passwd"}})
    refused(400, enlist, {"name": "h", "http": {"url": f"http://{servers.HOST}:{small.service.port}/" + "x" * 3000}})
    part = {"database": "east", "statements": ["SELECT 1"]}
    assert "--tx-databases" in refused(409, enlist, {"name": "p", "postgres": part})
    assert "commit" in refused(400, enlist, {"name": "p", "postgres": {"database": "north", "statements": ["commit"]}})
    assert "no key" in refused(400, enlist, {"name": "k", "keys": [["PING", "a"]]})
    refused(403, enlist, {"name": "k", "keys": [["NOSUCH", "a"]]})
    assert "coordinator" in refused(403, enlist, {"name": "k", "keys": [["DEL", "{synod:tx}open"]]})
    refused(400, enlist, {"name": "k", "keys": [["SET", "a", "x" * 300]] * 257})
    refused(413, enlist, {"name": "k", "keys": [["SET", "a", "x" * 400_000]]})
    assert "bytes" in refused(400, enlist, {"name": "k", "keys": [["SET", "a", "x" * 262_100]]})
    assert ask(node, f"/{tx}")[1]["participants"] == []
    for at in range(16):
        assert ask(node, enlist, {"name": f"k{at}", "keys": [["INCR", "n"]]})[0] == 200
    assert "16 participants" in refused(400, enlist, {"name": "k16", "keys": [["INCR", "n"]]})
    assert ask(node, f"/{tx}/abort", {})[0] == 200


def test_a_node_that_may_reach_nothing_coordinates_nothing():
    cluster = servers.synod(1, 1, "none")
    try:
        cluster.start()
        status, told = ask(cluster.nodes[0], "", {})
        assert status == 404 and "--tx-callbacks" in told["error"]
    finally:
        cluster.close()


def test_a_database_that_prepares_nothing_is_refused_before_anything_is_prepared():
    bank = Bank(nodes=1, prepared=0)
    try:
        node = bank.cluster.nodes[0]
        tx = bank.begin(node)
        part = {"database": "north", "statements": ["SELECT 1"]}
        status, told = ask(node, f"/{tx}/enlist", {"name": "north", "postgres": part})
        assert status == 409 and "max_prepared_transactions is 0" in told["error"]
        bank.databases[0].stop()
        status, told = ask(node, f"/{tx}/enlist", {"name": "north", "postgres": part})
        assert status == 409 and "refused" in told["error"].lower(), told
    finally:
        bank.close()


def test_a_user_does_only_what_it_may_and_sees_its_own(small):
    node, client = small.cluster.nodes[0], small.client(0)
    client.execute_command(
        "ACL", "SETUSER", "teller", "on", ">pw", "~till:*", "~synod:tx:database:north", "+set", "+multi", "+ping"
    )
    client.execute_command("ACL", "SETUSER", "guest", "on", ">pw", "~*", "+get")
    tx, theirs = small.begin(node), ask(node, "", {}, user="teller:pw")[1]["id"]
    assert ask(node, "", {}, user="teller:wrong")[0] == 401
    assert ask(node, "", {}, user="guest:pw")[0] == 403
    for path, body in [(f"/{tx}", None), (f"/{tx}/commit", {}), (f"/{tx}/abort", {}), (f"/{tx}/resolve", {"participant": "a"})]:
        assert ask(node, path, body, user="teller:pw")[0] == 403
    enlist = f"/{theirs}/enlist"

    def status(body):
        return ask(node, enlist, body, user="teller:pw")[0]

    assert status({"name": "a", "keys": [["SET", "till:1", "x"]]}) == 200
    assert status({"name": "b", "keys": [["SET", "safe", "x"]]}) == 403
    assert status({"name": "b", "keys": [["DEL", "till:1"]]}) == 403
    assert status({"name": "b", "http": {"url": small.service.url}}) == 403
    assert status({"name": "b", "postgres": {"database": "south", "statements": ["SELECT 1"]}}) == 403
    assert status({"name": "b", "postgres": {"database": "north", "statements": ["SELECT 1"]}}) == 200
    assert {line["id"] for line in ask(node, "", user="teller:pw")[1]["transactions"]} == {theirs}
    assert {line["id"] for line in ask(node, "")[1]["transactions"]} >= {theirs, tx}
    client.execute_command("ACL", "SETUSER", "teller", "resetkeys")
    got, told = ask(node, f"/{theirs}/commit", {}, user="teller:pw")
    assert got == 409 and "NOPERM" in told["error"], "a right that was taken away is gone at the commit"
    assert client.get("till:1") is None
    ask(node, f"/{tx}/abort", {})


def test_no_password_is_told_anywhere_and_flushall_forgets_no_decision(small):
    node, client = small.cluster.nodes[0], small.client(0)
    small.service.on = lambda action: 503 if action == "commit" else None
    tx = small.begin(node)
    small.enlist(node, tx, north=-1, south=0, service=0, key=1)
    assert ask(node, f"/{tx}/commit", {})[0] == 200
    balances = small.balances()
    client.flushall()
    client.set(ACCOUNT, balances[3])
    told = json.dumps([ask(node, f"/{tx}"), ask(node, "")])
    record = client.hget("{synod:tx}" + tx, "r")
    for text in (told, record, node.log()):
        assert postgres.PASSWORD not in text
    assert "secret" not in told and "UPDATE" not in told and tx in told
    small.service.on = lambda action: None
    assert small.settled(node, tx)["state"] == "committed"
    assert small.service.heard.count("commit") > 1
    small.nothing_held()


def test_while_memory_is_short_what_was_begun_comes_to_an_end(small):
    node, client, before = small.cluster.nodes[0], small.client(0), small.balances()
    writes, waits = small.begin(node), small.begin(node)
    small.enlist(node, writes)
    part = {"database": "north", "statements": ["UPDATE accounts SET balance = balance + 0"]}
    assert ask(node, f"/{waits}/enlist", {"name": "north", "postgres": part})[0] == 200
    client.config_set("maxmemory", "1")
    try:

        def refused():
            try:
                return client.set("x", "y") is None
            except redis.exceptions.OutOfMemoryError:
                return True

        servers.wait_until("writes are refused", refused)
        status, told = ask(node, f"/{writes}/commit", {})
        assert status == 409 and "OOM" in told["error"], told
        assert ask(node, f"/{waits}/commit", {})[0] == 200
        assert small.settled(node, writes)["state"] == "aborted"
        assert small.settled(node, waits)["state"] == "committed"
    finally:
        client.config_set("maxmemory", "0")
    small.nothing_held()
    assert small.balances() == before


def synod(node, *words):
    command = [servers.SYNOD_BIN, "tx", *words, "--http", f"{servers.HOST}:{node.http}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def test_an_operator_lists_shows_and_resolves(small):
    node = small.cluster.nodes[0]
    small.service.on = lambda action: 503 if action == "commit" else None
    stuck, waiting = small.begin(node), small.begin(node)
    small.enlist(node, stuck, north=-1, south=1, service=0, key=0)
    small.enlist(node, waiting)
    assert ask(node, f"/{stuck}/commit", {})[0] == 200
    assert synod(node, "resolve", waiting, "--ended", "service").returncode == 1, "nothing is decided"
    listed = synod(node, "list").stdout
    assert stuck in listed and waiting in listed and "committed" in listed, listed

    def shown():
        page = synod(node, "show", stuck).stdout
        return page if "status 503" in page else None

    page = servers.wait_until("the error is told", shown)
    assert f"{small.service.url.split('?')[0]}" in page and "secret" not in page and postgres.PASSWORD not in page
    refused = synod(node, "resolve", stuck, "--abort")
    assert refused.returncode == 1 and "committed" in refused.stderr
    assert synod(node, "resolve", stuck, "--ended", "nobody").returncode == 1
    assert synod(node, "resolve", stuck, "--ended", "service").returncode == 0
    assert synod(node, "resolve", waiting, "--abort").returncode == 0
    small.settled(node, waiting)
    small.settled(node, stuck)
    listed = synod(node, "list").stdout
    assert stuck not in listed and waiting not in listed
    assert stuck in synod(node, "list", "--all").stdout
    assert synod(node, "show", "../../status").returncode == 2
    small.service.held.clear()


class Killed:
    """Kills the first node at a named moment of a transaction that it coordinates, and only once."""

    def __init__(self, bank, action, when):
        self.bank, self.action, self.when = bank, action, when
        self.done = threading.Event()

    def kill(self):
        node = self.bank.cluster.nodes[0]
        node.process.kill()
        node.process.wait()
        self.done.set()

    def __call__(self, action):
        if action != self.action or self.done.is_set():
            return None
        if self.when == "with both prepared":
            held = lambda: all(database.prepared_names() for database in self.bank.databases)
            servers.wait_until("both databases are prepared", held)
        if self.when == "with both ended":
            ended = lambda: not any(database.prepared_names() for database in self.bank.databases)
            servers.wait_until("both databases have ended", ended)
        self.kill()
        # "unheard": the service does not do what it was told before the node is gone.
        return 503 if self.when == "unheard" else None


STEPS = [
    ("2pc", "begun", None, "aborted"),
    ("2pc", "enlisted", None, "aborted"),
    ("2pc", "prepare", "unheard", "aborted"),
    ("2pc", "prepare", "heard", "aborted"),
    ("2pc", "prepare", "with both prepared", "aborted"),
    ("2pc", "commit", "unheard", "committed"),
    ("2pc", "commit", "heard", "committed"),
    ("2pc", "commit", "with both ended", "committed"),
    ("2pc", "answered", None, "committed"),
    ("2pc", "abort", "unheard", "aborted"),
    ("2pc", "abort", "with both ended", "aborted"),
    ("3pc", "prepare", "with both prepared", "aborted"),
    ("3pc", "pre-commit", "unheard", "committed"),
    ("3pc", "pre-commit", "heard", "committed"),
    ("3pc", "commit", "unheard", "committed"),
    ("3pc", "commit", "with both ended", "committed"),
]


def test_wherever_the_coordinating_node_is_killed_all_end_the_same_way(bank):
    balances = bank.balances()
    for protocol, step, when, outcome in STEPS:
        first, second = bank.cluster.nodes[:2]
        killed = Killed(bank, step, when)
        bank.service.on = killed
        amounts = {"key": -1000} if step == "abort" else {}
        tx = bank.begin(first, protocol=protocol, deadline_ms=3000 if step in ("begun", "enlisted") else 60000)
        if step != "begun":
            bank.enlist(first, tx, **amounts)
        if step in ("begun", "enlisted"):
            killed.kill()
        else:
            try:
                ask(first, f"/{tx}/commit", {})
            except (OSError, ValueError):
                pass  # it was killed before it answered
            if step == "answered":
                killed.kill()
        assert killed.done.wait(30), (protocol, step, when)
        told = bank.settled(second, tx)
        assert told["state"] == outcome, (protocol, step, when, told)
        if outcome == "committed":
            balances = [balance + add for balance, add in zip(balances, (-30, 10, 15, 5))]
            for database in bank.databases:
                database.ask("UPDATE accounts SET balance = balance + 0")  # nobody holds a lock
        assert bank.balances(1) == balances, (protocol, step, when)
        if step != "begun":
            bank.nothing_held()
        journal = bank.client(1).lrange("journal", 0, -1)
        assert journal.count(tx) == (outcome == "committed"), (protocol, step, when)
        first.process = None
        first.start()
        bank.cluster.wait_ready()
        # Enough for the next one.
        bank.databases[0].ask("UPDATE accounts SET balance = 1000")
        balances[0] = 1000


def test_a_driver_that_stood_still_prepares_nothing_that_is_decided(bank):
    """The coordinating node is stopped while participants prepare, another one aborts, and the first one goes on."""
    first, second = bank.cluster.nodes[:2]
    asked, go_on = threading.Event(), threading.Event()

    def stand_still(action):
        if action == "prepare" and not asked.is_set():
            asked.set()
            go_on.wait(60)
        return None

    bank.service.on = stand_still
    tx = bank.begin(first, deadline_ms=60000)
    bank.enlist(first, tx)
    assert ask(first, f"/{tx}/commit", {"wait_ms": 0})[0] == 202
    assert asked.wait(30)
    first.process.send_signal(signal.SIGSTOP)
    try:
        told = bank.settled(second, tx)
        assert told["state"] == "aborted" and "was lost" in told["why"], told
        go_on.set()
    finally:
        first.process.send_signal(signal.SIGCONT)
    servers.wait_until("the first node answers", lambda: ask(first, f"/{tx}")[1].get("state") == "aborted")
    bank.nothing_held()
    assert bank.balances(1) == BEFORE


def test_a_session_of_a_driver_that_stood_still_is_ended_before_what_it_prepares_is_rolled_back(bank):
    """The statement waits for a row when the driver stops; when the row is free and the driver goes on, it is too late."""
    first, second = bank.cluster.nodes[:2]
    north = bank.databases[0]
    holder = north.open("BEGIN; UPDATE accounts SET balance = balance + 0; SELECT pg_sleep(120)")
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    tx = bank.begin(first, deadline_ms=60000)
    bank.enlist(first, tx)
    try:
        assert ask(first, f"/{tx}/commit", {"wait_ms": 0})[0] == 202
        servers.wait_until("the statement waits for the row", lambda: north.ask(waits) == "1")
        first.process.send_signal(signal.SIGSTOP)
        try:
            told = bank.settled(second, tx)
            assert told["state"] == "aborted" and "was lost" in told["why"], told
            assert north.ask(waits) == "0", "its session was ended"
        finally:
            north.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(120)' AND pid <> pg_backend_pid()")
            first.process.send_signal(signal.SIGCONT)
        servers.wait_until("the first node answers", lambda: ask(first, f"/{tx}")[1].get("state") == "aborted")
        sessions = f"SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'synod:{tx}:%'"
        servers.wait_until("no session is left", lambda: north.ask(sessions) == "0")
    finally:
        holder.wait(30)
    bank.nothing_held()
    assert bank.balances(1) == BEFORE


def test_a_database_that_dies_before_the_commit_and_a_cluster_that_dies_after_it_end_it_when_they_are_back(bank):
    node, (north, south) = bank.cluster.nodes[0], bank.databases

    def dies(action):
        if action == "prepare" and north.process is not None:
            servers.wait_until("both databases are prepared", lambda: north.prepared_names() and south.prepared_names())
            north.stop(signal.SIGQUIT)
        return None

    bank.service.on = dies
    tx = bank.begin(node, deadline_ms=60000)
    bank.enlist(node, tx)
    assert ask(node, f"/{tx}/commit", {})[0] == 200

    def waits():
        told = ask(node, f"/{tx}")[1]
        left = [one["name"] for one in told["participants"] if not one["ended"]]
        return left == ["north"] and told["participants"][0]["attempts"] > 1

    servers.wait_until("only the dead one is waited for", waits)
    for one in bank.cluster.nodes:
        one.process.kill()
        one.process.wait()
        one.process = None
    for one in bank.cluster.nodes:
        one.start()
    bank.cluster.wait_ready()
    north.start()
    assert len(north.prepared_names()) == 1
    assert bank.settled(bank.cluster.nodes[2], tx)["state"] == "committed"
    bank.nothing_held()
    assert bank.balances() == AFTER


def metrics(node):
    """The counters of the coordinator, by name and state."""
    with urllib.request.urlopen(f"http://{servers.HOST}:{node.http}/metrics", timeout=30) as answer:
        lines = [line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line.startswith("synod_tx_")]
    return {name.replace('{node="1"}', "").replace('node="1",', ""): float(value) for name, value in lines}


def test_what_the_coordinator_does_is_counted(small):
    node = small.cluster.nodes[0]
    before = metrics(node)
    refusals = iter([500])
    small.service.on = lambda action: next(refusals, None) if action == "commit" else None
    tx = small.begin(node)
    small.enlist(node, tx)
    assert ask(node, f"/{tx}/commit", {})[0] == 200
    small.settled(node, tx)
    other = small.begin(node)
    during = metrics(node)
    assert during['synod_tx_not_ended{state="open"}'] == before['synod_tx_not_ended{state="open"}'] + 1
    assert ask(node, f"/{other}/abort", {})[0] == 200
    grown = {name: value - before[name] for name, value in metrics(node).items()}
    expected = {"synod_tx_begun_total": 2, "synod_tx_committed_total": 1, "synod_tx_aborted_total": 1, "synod_tx_ended_total": 2,
                "synod_tx_calls_failed_total": 1, "synod_tx_calls_retried_total": 1, "synod_tx_calls_total": 7}  # fmt: skip
    assert {name: count for name, count in grown.items() if count} == expected


def test_names_that_may_lead_anywhere_are_served_for_a_password_alone(small):
    node = small.cluster.nodes[0]
    for path, root in (("", "/v1/tx"), ("?all=true", "/v1/tx"), ("", "/v1/lock"), ("/some", "/v1/lock")):
        status, told = ask(node, path, path_root=root, headers={"Host": f"rebound.example:{node.http}"})
        assert status == 403 and "Host" in told["error"], told
        assert ask(node, path, path_root=root, headers={"Host": "localhost"})[0] in (200, 404)
    assert ask(node, "", {}, headers={"Host": "rebound.example"})[0] == 403
    assert ask(node, "", user="default:x", headers={"Host": "rebound.example"})[0] in (200, 401)


def test_nobody_but_the_coordinator_writes_its_records(small):
    node, client = small.cluster.nodes[0], small.client(0)
    tx = small.begin(node)
    record = client.hgetall("{synod:tx}" + tx)
    assert record
    for write in (
        lambda: client.delete("{synod:tx}" + tx),
        lambda: client.hset("{synod:tx}" + tx, "v", 99),
        lambda: client.rename("{synod:tx}" + tx, "mine"),
        lambda: client.eval("return redis.call('DEL', KEYS[1])", 1, "{synod:tx}" + tx),
        lambda: client.eval("return redis.call('DEL', '{synod:tx}' .. ARGV[1])", 1, "synod:tx", tx),
    ):
        with pytest.raises(redis.ResponseError, match="coordinator of transactions alone"):
            write()
    client.flushall()
    assert client.hgetall("{synod:tx}" + tx) == record
    assert ask(node, f"/{tx}/abort", {})[0] == 200
    small.client(0).set(ACCOUNT, 100)
