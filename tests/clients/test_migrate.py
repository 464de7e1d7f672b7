"""MIGRATE: keys move to another server, and none is lost whatever that server does."""

import socket
import threading

import differential
import pytest
import resp
import servers
from test_dump import look, sequences

HOST = servers.HOST
OK = resp.Simple("OK")
NOKEY = resp.Simple("NOKEY")


def migrate(connection, to, *words, timeout="5000"):
    """MIGRATE of one key, or of none with KEYS among the words behind it."""
    key, *rest = words
    return connection.call("MIGRATE", HOST, str(to), key, "0", timeout, *rest)


@pytest.fixture
def empty(genuine):
    with genuine.connect() as connection:
        connection.call("FLUSHALL")
    return genuine


@pytest.mark.parametrize("from_synod", [True, False])
def test_every_value_moves(single, empty, from_synod):
    source, target = (single, empty) if from_synod else (empty, single)
    moved = 0
    with source.connect() as there, target.connect() as here:
        for name, commands in sequences():
            there.call("FLUSHALL"), here.call("FLUSHALL")
            for command in commands:
                there.call(*command)
            before = {}
            for key in there.call("KEYS", "*"):
                there.call("PERSIST", key)
                before[key] = look(there, key)
            if not before:
                continue
            assert migrate(there, target.port, "", "KEYS", *before) == OK, name
            assert there.call("EXISTS", *before) == 0, name
            for key, seen in before.items():
                assert look(here, key) == seen, (name, key)
                moved += 1
    assert moved > 100


def test_what_stays_and_what_is_overwritten(single, empty):
    with single.connect() as here, empty.connect() as there:
        here.call("SET", "a", "1", "PX", "100000")
        assert migrate(here, empty.port, "a", "COPY") == OK
        assert here.call("GET", "a") == there.call("GET", "a") == b"1"
        assert 90000 < there.call("PTTL", "a") <= 100000
        # It is there already: nothing is deleted.
        busy = migrate(here, empty.port, "a")
        assert busy == resp.Error("ERR Target instance replied with error: BUSYKEY Target key name already exists.")
        assert here.call("GET", "a") == b"1"
        here.call("SET", "a", "2")
        assert migrate(here, empty.port, "a", "REPLACE") == OK
        assert here.call("EXISTS", "a") == 0
        assert there.call("GET", "a") == b"2" and there.call("TTL", "a") == -1
        # Those before the one that fails have moved, it and those behind it have not.
        here.call("MSET", "b", "1", "a", "3", "c", "1")
        assert isinstance(migrate(here, empty.port, "", "KEYS", "b", "nosuch", "a", "c"), resp.Error)
        assert [here.call("EXISTS", key) for key in "bac"] == [0, 1, 1]
        assert here.call("MGET", "a", "c") == [b"3", b"1"]
        assert there.call("MGET", "b", "a") == [b"1", b"2"] and there.call("EXISTS", "c") == 0


def test_behind_it_the_key_is_gone(single, empty):
    with single.connect() as here:
        calls = [["SET", "k", "1"], ["MIGRATE", HOST, str(empty.port), "k", "0", "5000"], ["EXISTS", "k"]]
        assert here.pipeline(calls) == [OK, OK, 0]


def test_its_errors_are_those_of_redis(single, genuine):
    (nobody,) = servers.free_ports(1)
    here = f"MIGRATE {HOST} {nobody}"
    calls = [f"{here} nosuch 0 100", f"{here} a 0 100", f"{here} a x 100", f"{here} a 0 x", f"{here} a 0 100 foo",
             f"{here} a 0 100 KEYS b", f"{here} a 0 100 AUTH", f"{here} a 0 100 AUTH2 x", f"{here} a 0",
             f"{here} a x x KEYS b", f"{here} a 0 -1 COPY REPLACE", f"COMMAND GETKEYS {here} a 0 100 COPY"]  # fmt: skip
    for line in calls:
        differential.compare(single, genuine, [[b"SET", b"a", b"1"], line.encode().split(), [b"GET", b"a"]], 2)
    for keys in (["KEYS", "a", "b"], ["KEYS"], ["AUTH", "KEYS", "KEYS", "a"], []):
        words = ["COMMAND", "GETKEYS", "MIGRATE", HOST, "1", "", "0", "100", *keys]
        differential.compare(single, genuine, [[word.encode() for word in words]], 2)


def test_who_it_is_at_the_target(single, empty):
    with single.connect() as here, empty.connect() as there:
        try:
            there.call("CONFIG", "SET", "requirepass", "secret")
            there.call("ACL", "SETUSER", "mover", "on", ">word", "~*", "+@all")
            here.call("MSET", "a", "1", "b", "2")
            assert migrate(here, empty.port, "a") == resp.Error(
                "ERR Target instance replied with error: NOAUTH Authentication required.")
            wrong = migrate(here, empty.port, "a", "AUTH", "no")
            assert wrong.startswith("ERR Target instance replied with error: WRONGPASS"), wrong
            assert here.call("EXISTS", "a", "b") == 2
            assert migrate(here, empty.port, "a", "AUTH", "secret") == OK
            assert migrate(here, empty.port, "", "AUTH2", "mover", "word", "KEYS", "b") == OK
            assert there.call("MGET", "a", "b") == [b"1", b"2"]
        finally:
            there.call("CONFIG", "SET", "requirepass", "")
            there.call("ACL", "DELUSER", "mover")


def test_from_any_partition_to_another_synod(cluster, single):
    keys = [f"k{n}" for n in range(40)]
    with cluster.nodes[0].connect() as here, single.connect() as there:
        for key in keys:
            here.call("SET", key, key)
        assert migrate(here, single.port, "", "KEYS", *keys, "nosuch") == OK
        assert migrate(here, single.port, "", "KEYS", *keys) == NOKEY
        assert here.call("DBSIZE") == 0
        assert there.call("MGET", *keys) == [key.encode() for key in keys]


class Target:
    """A server that answers SELECT, and of the other requests what it is told to."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = 0
        self.socket = socket.create_server((HOST, 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()
        except OSError:
            pass

    def serve(self, connection):
        stream = connection.makefile("rb")
        while header := stream.readline():
            words = []
            for _ in range(int(header[1:])):
                length = int(stream.readline()[1:])
                words.append(stream.read(length + 2)[:-2])
            if words[0] == b"SELECT":
                connection.sendall(b"+OK\r\n")
                continue
            self.asked += 1
            if (reply := self.answer(words)) is None:
                break
            connection.sendall(reply)
        connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


@pytest.mark.synod_only
def test_a_key_that_changes_meanwhile_stays(single):
    with single.connect() as here, single.connect() as other:

        def change(words):
            other.call("APPEND", "k", "!")
            return b"+OK\r\n"

        here.call("SET", "k", "v")
        with Target(change) as target:
            assert migrate(here, target.port, "k").startswith("TRYAGAIN")
            assert (here.call("GET", "k"), target.asked) == (b"v!", 1)
            assert migrate(here, target.port, "k", "REPLACE").startswith("TRYAGAIN")
            assert here.call("GET", "k").startswith(b"v!!") and target.asked > 2


@pytest.mark.synod_only
def test_a_target_that_says_nothing_or_hangs_up_gets_no_key(single):
    release = threading.Event()

    def silent(words):
        release.wait(20)

    with single.connect() as here, single.connect() as other:
        here.call("MSET", "k", "v", "l", "w")
        with Target(lambda words: None) as target:
            assert migrate(here, target.port, "k") == resp.Error("IOERR error or timeout reading to target instance")
        with Target(silent) as target:
            here.send_raw(resp.encode([b"MIGRATE", HOST.encode(), str(target.port).encode(), b"k", b"0", b"300"]))
            # The node goes on meanwhile.
            servers.wait_until("the target is asked", lambda: target.asked)
            assert other.call("GET", "k") == b"v"
            assert here.read() == resp.Error("IOERR error or timeout reading to target instance")
            release.set()
        with Target(lambda words: b"-ERR no\r\n") as target:
            assert migrate(here, target.port, "k") == resp.Error("ERR Target instance replied with error: ERR no")
        assert here.call("MGET", "k", "l") == [b"v", b"w"]


@pytest.mark.synod_only
def test_it_is_refused_where_it_could_not_be_done(single):
    with single.connect() as here:
        here.call("MULTI")
        assert isinstance(migrate(here, 1, "k"), resp.Error)
        assert here.call("EXEC").startswith("EXECABORT")
        script = here.call("EVAL", f"return redis.call('migrate', '{HOST}', '1', 'k', '0', '1')", "1", "k")
        assert script.startswith("ERR This Redis command is not allowed from script")
        assert migrate(here, 1, "{synod:tx}due").startswith("ERR")


@pytest.mark.synod_only
def test_one_database_in_the_words_of_redis_cluster(single):
    """As redis-server 7.0.15 with cluster-enabled answers."""
    out = "ERR value is out of range, value must between -2147483648 and 2147483647"
    cases = {
        "SELECT 0": OK, "SELECT 1": "ERR SELECT is not allowed in cluster mode",
        "SELECT 99": "ERR SELECT is not allowed in cluster mode", "SELECT -1": "ERR SELECT is not allowed in cluster mode",
        "SELECT abc": "ERR value is not an integer or out of range", "SELECT 99999999999": out,
        "MOVE a 1": "ERR MOVE is not allowed in cluster mode", "MOVE a": "ERR wrong number of arguments for 'move' command",
        "SWAPDB 0 1": "ERR SWAPDB is not allowed in cluster mode", "SWAPDB a b": "ERR SWAPDB is not allowed in cluster mode",
        "COPY a b DB 1": "ERR Copying to another database is not allowed in cluster mode",
        "COPY a b DB 99": "ERR DB index is out of range", "COPY a b DB 0": 1,
        "COPY a b DB abc": "ERR value is not an integer or out of range",
        "COPY a b DB 99999999999": out, "COPY a a DB 1": "ERR Copying to another database is not allowed in cluster mode",
    }  # fmt: skip
    with single.connect() as here:
        here.call("SET", "a", "1")
        told = {line: here.call(*line.split()) for line in cases}
    assert told == cases
