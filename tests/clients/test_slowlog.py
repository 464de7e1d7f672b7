"""SLOWLOG: the same shape, shortening and errors as in the genuine redis-server."""

import time

import pytest

import resp


@pytest.fixture
def all_logged(single, genuine):
    """Both servers, logging every command."""
    with single.connect() as ours, genuine.connect() as theirs:
        for server in (ours, theirs):
            server.call("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "128")
            server.call("SLOWLOG", "RESET")
            server.call("CLIENT", "SETNAME", "operator")
        yield ours, theirs
        for server in (ours, theirs):
            server.call("CONFIG", "SET", "slowlog-log-slower-than", "10000", "slowlog-max-len", "128")


CALLS = [
    ["SET", "a", "x" * 300], ["GET", "a"], ["DEL", *[f"k{i}" for i in range(50)]], ["KEYS", "*"],
    ["LRANGE", "l", "0", "-1"], ["SADD", "s", *range(31)], ["SADD", "s", *range(30)], ["INFO", "server"],
]  # fmt: skip


def logged(server):
    """The arguments, newest first, without what SLOWLOG itself and CONFIG were asked."""
    entries = server.call("SLOWLOG", "GET", "-1")
    return [entry for entry in entries if entry[3][0] not in (b"SLOWLOG", b"CONFIG", b"CLIENT")]


def test_entries_are_those_of_redis(all_logged):
    for call in CALLS:
        for server in all_logged:
            server.call(*call)
    ours, theirs = (logged(server) for server in all_logged)
    assert [entry[3] for entry in ours] == [entry[3] for entry in theirs]
    for entry, other in zip(ours, theirs):
        assert len(entry) == len(other) == 6
        assert [type(part) for part in entry] == [type(part) for part in other]
        assert abs(entry[1] - time.time()) < 60 and 0 < entry[2] < 10_000_000
        assert entry[4].startswith(b"127.0.0.1:") and entry[5] == other[5] == b"operator"
    ids = [entry[0] for entry in ours]
    assert ids == sorted(ids, reverse=True) and len(set(ids)) == len(ids)


def test_length_reset_and_errors(all_logged):
    ours, theirs = all_logged
    for server in all_logged:
        server.call("CONFIG", "SET", "slowlog-max-len", "3")
        for _ in range(9):
            server.call("PING")
    calls = [["SLOWLOG", "LEN"], ["SLOWLOG", "GET", "-2"], ["SLOWLOG", "GET", "x"], ["SLOWLOG", "GET", "0"],
             ["SLOWLOG", "NOSUCH"], ["SLOWLOG", "LEN", "x"], ["SLOWLOG"],
             ["CONFIG", "SET", "slowlog-log-slower-than", "-1"], ["SLOWLOG", "RESET"], ["PING"],
             ["SLOWLOG", "LEN"], ["SLOWLOG", "GET"]]  # fmt: skip
    for call in calls:
        assert ours.call(*call) == theirs.call(*call), call


def test_only_what_takes_long_is_told(single):
    """Many thousand keys are read in a turn that takes longer than a millisecond; a PING is not told."""
    with single.connect() as client:
        for start in range(0, 200_000, 10_000):
            client.call("RPUSH", "long", *range(start, start + 10_000))
        client.call("CONFIG", "SET", "slowlog-log-slower-than", "1000")
        client.call("SLOWLOG", "RESET")
        for _ in range(20):
            assert client.call("PING") == resp.Simple("PONG")
        assert len(client.call("LRANGE", "long", "0", "-1")) == 200_000
        told = [entry[3] for entry in client.call("SLOWLOG", "GET")]
        client.call("CONFIG", "SET", "slowlog-log-slower-than", "10000")
    assert [b"LRANGE", b"long", b"0", b"-1"] in told and [b"PING"] not in told
