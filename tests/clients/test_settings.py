"""CONFIG SET: a value that is accepted is in force, in the same words as in the genuine redis-server."""

import socket
import time

import pytest

import resp
import servers

DEFAULTS = {"timeout": "0", "maxclients": "10000", "tcp-keepalive": "300"}


@pytest.fixture
def changed(single):
    """A node whose settings are put back afterwards."""
    yield single
    with single.connect() as connection:
        for name, value in DEFAULTS.items():
            connection.call("CONFIG", "SET", name, value)


CALLS = [
    ["CONFIG", "SET", "timeout", "7"], ["CONFIG", "GET", "timeout"],
    ["CONFIG", "SET", "TIMEOUT", "8", "tcp-keepalive", "60"], ["CONFIG", "GET", "timeout"],
    ["CONFIG", "GET", "tcp-keep*"], ["CONFIG", "GET", "time?ut", "tcp-keepalive"],
    ["CONFIG", "SET", "timeout", "-1"], ["CONFIG", "SET", "timeout", "x"], ["CONFIG", "SET", "timeout", ""],
    ["CONFIG", "SET", "timeout", "99999999999"], ["CONFIG", "SET", "timeout", "1", "timeout", "2"],
    ["CONFIG", "SET", "timeout", "1", "tcp-keepalive", "-5"], ["CONFIG", "GET", "timeout"],
    ["CONFIG", "SET", "timeout", "1", "nosuch", "1"], ["CONFIG", "GET", "timeout"],
    ["CONFIG", "SET", "maxclients", "500"], ["CONFIG", "GET", "maxclients"],
    ["CONFIG", "SET", "databases", "7"], ["CONFIG", "SET", "timeout"],
    ["CONFIG", "RESETSTAT"],
]  # fmt: skip


def test_words_are_those_of_redis(changed, genuine):
    ranges = ("maxclients", "tcp-keepalive")  # what is possible at most differs
    with changed.connect() as ours, genuine.connect() as theirs:
        for call in CALLS:
            a, b = ours.call(*call), theirs.call(*call)
            if isinstance(b, resp.Error) and any(name in b for name in ranges):
                a, b = a.split("between")[0], b.split("between")[0]
            if isinstance(a, list):  # Redis has no order
                a, b = (sorted(zip(told[::2], told[1::2])) for told in (a, b))
            assert a == b, call
        for name, value in DEFAULTS.items():
            theirs.call("CONFIG", "SET", name, value)


def test_a_silent_client_is_closed(changed):
    with changed.connect() as operator, changed.connect() as silent, changed.connect() as busy:
        assert operator.call("CONFIG", "SET", "timeout", "1") == resp.Simple("OK")
        silent.call("PING")
        deadline = time.monotonic() + 2.8
        while time.monotonic() < deadline:
            assert busy.call("PING") == resp.Simple("PONG")
            time.sleep(0.1)
        with pytest.raises((resp.Closed, OSError)):
            silent.call("PING")
        assert busy.call("CONFIG", "SET", "timeout", "0") == resp.Simple("OK")


def test_no_more_clients_than_allowed(changed):
    with changed.connect() as operator:
        there = len(operator.call("CLIENT", "LIST").decode().splitlines())
        assert operator.call("CONFIG", "SET", "maxclients", there + 2) == resp.Simple("OK")
        with changed.connect() as one, changed.connect() as two:
            assert one.call("PING") == two.call("PING") == resp.Simple("PONG")
            with socket.create_connection((servers.HOST, changed.port), timeout=5) as third:
                assert third.recv(100) == b"-ERR max number of clients reached\r\n"
                assert third.recv(100) == b""
        assert operator.call("CONFIG", "SET", "maxclients", there + 3) == resp.Simple("OK")
        servers.wait_until("there is room again", changed.answers)


@pytest.mark.synod_only
def test_new_connections_are_watched_by_the_kernel(changed):
    """/proc/net/tcp tells which timer runs: 02 is keepalive, with the jiffies it has left."""
    with changed.connect() as operator:
        operator.call("CONFIG", "SET", "tcp-keepalive", "60")
        with changed.connect() as watched:
            watched.call("PING")
            kind, seconds = timer(changed.port, watched.socket.getsockname()[1])
            assert kind == "02" and 30 < seconds <= 60
        operator.call("CONFIG", "SET", "tcp-keepalive", "0")
        with changed.connect() as unwatched:
            unwatched.call("PING")
            assert timer(changed.port, unwatched.socket.getsockname()[1])[0] != "02"


def timer(server, client):
    """The timer of the server's side of a connection: its kind, and the seconds left."""
    with open("/proc/net/tcp") as table:
        for line in table:
            fields = line.split()
            if fields[1].endswith(f":{server:04X}") and fields[2].endswith(f":{client:04X}"):
                kind, jiffies = fields[5].split(":")
                return kind, int(jiffies, 16) / 100
    raise AssertionError("the connection is not in the table")
