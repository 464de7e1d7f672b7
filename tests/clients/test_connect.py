"""What clients send at connect time, in their own words, and what they read out of the answers.

Source: the table in docs on clients; each sequence was read off the client named.
"""

import pytest

import resp

# Client, protocol, requests. A reply must not be an error unless the request says so with a "?".
HANDSHAKES = {
    "redis-py": """
        HELLO 3
        ?CLIENT MAINT_NOTIFICATIONS ON
        CLIENT SETINFO LIB-NAME redis-py
        CLIENT SETINFO LIB-VER 8.1.0
        SELECT 0""",
    "go-redis": """
        HELLO 3
        CLIENT SETINFO LIB-NAME go-redis(,go1.24)
        CLIENT SETINFO LIB-VER 9.9.0
        CLIENT SETNAME app
        CLUSTER SLOTS
        COMMAND""",
    "Jedis": """
        HELLO 3
        CLIENT SETNAME jedis
        CLIENT SETINFO LIB-NAME jedis
        CLIENT SETINFO LIB-VER 6.0.0
        READONLY
        CLUSTER SLOTS""",
    "Lettuce": """
        HELLO 3
        CLIENT SETINFO lib-name Lettuce
        CLUSTER NODES
        INFO""",
    "ioredis": """
        HELLO 3
        CLIENT SETINFO LIB-NAME ioredis
        INFO
        CLUSTER SLOTS
        CLUSTER INFO""",
    "redis-benchmark": """
        CONFIG GET save
        CONFIG GET appendonly
        CLUSTER NODES""",
    "redis-cli": """
        HELLO 3
        INFO SERVER
        COMMAND DOCS
        CLUSTER NODES""",
    "any": """
        ECHO hello
        PING
        CLIENT ID
        CLIENT INFO
        CLIENT LIST
        CLIENT GETNAME
        CLIENT NO-EVICT OFF
        COMMAND COUNT
        COMMAND LIST
        COMMAND INFO get set
        COMMAND DOCS get
        CLUSTER MYID
        CLUSTER SHARDS
        CLUSTER KEYSLOT a
        CLUSTER COUNTKEYSINSLOT 0
        RESET""",
}


@pytest.mark.synod_only
@pytest.mark.parametrize("name", HANDSHAKES)
def test_the_handshake_of(name, cluster):
    for node in cluster.nodes:
        with node.connect() as connection:
            for line in HANDSHAKES[name].split("\n")[1:]:
                line = line.strip()
                reply = connection.call(*line.removeprefix("?").split(" "))
                assert line.startswith("?") or not isinstance(reply, resp.Error), f"{line}: {reply}"
            assert connection.call("PING") == "PONG"


def as_dict(reply):
    if isinstance(reply, resp.Typed):
        return dict(reply.value)
    return dict(zip(reply[::2], reply[1::2]))


@pytest.mark.parametrize("protocol", (2, 3))
def test_hello_names_the_server_and_the_protocol(single, genuine, protocol):
    answers = []
    for node in (single, genuine):
        with node.connect() as connection:
            answers.append(as_dict(connection.call("HELLO", protocol)))
    ours, theirs = answers
    assert ours.keys() == theirs.keys()
    for field in (b"server", b"proto", b"role", b"modules"):
        assert ours[field] == theirs[field], field
    assert isinstance(ours[b"id"], int)
    major = int(ours[b"version"].split(b".")[0])
    assert major >= 6, "clients turn features off below this"


def test_hello_may_change_the_protocol_back_and_forth(single):
    with single.connect() as connection:
        connection.call("HSET", "h", "f", "v")
        assert connection.call("HGETALL", "h") == [b"f", b"v"]
        connection.call("HELLO", 3)
        assert connection.call("HGETALL", "h") == resp.Typed("%", [(b"f", b"v")])
        assert connection.call("GET", "nothing") == resp.NULL
        connection.call("HELLO", 2)
        assert connection.call("GET", "nothing") == resp.NULL_BULK
        connection.call("HELLO", 3)
        assert connection.call("RESET") == "RESET"
        assert connection.call("GET", "nothing") == resp.NULL_BULK


def test_info_has_the_fields_that_clients_read(single):
    with single.connect() as connection:
        text = connection.call("INFO").decode()
        fields = dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)
        assert fields["loading"] == "0"
        assert fields["role"] == "master"
        assert int(fields["tcp_port"]) == single.port
        assert int(fields["process_id"]) == single.process.pid
        assert int(fields["connected_clients"]) >= 1
        assert fields["redis_version"].count(".") == 2
        assert fields["redis_mode"] in ("standalone", "cluster")
        assert "# Server" in text and "# Keyspace" in text
        only = connection.call("INFO", "server").decode()
        assert "redis_version" in only and "connected_clients" not in only


def test_client_names_and_ids(single):
    with single.connect() as one, single.connect() as two:
        assert one.call("CLIENT", "GETNAME") in (b"", resp.NULL_BULK)
        assert one.call("CLIENT", "SETNAME", "first") == "OK"
        assert one.call("CLIENT", "GETNAME") == b"first"
        assert one.call("CLIENT", "ID") != two.call("CLIENT", "ID")
        assert b"name=first" in one.call("CLIENT", "INFO")
        assert f"id={one.call('CLIENT', 'ID')}".encode() in one.call("CLIENT", "INFO")
        names = two.call("CLIENT", "LIST")
        assert b"name=first" in names and names.count(b"\n") >= 2


def test_quit_says_ok_and_closes(single):
    with single.connect() as connection:
        assert connection.call("QUIT") == "OK"
        assert connection.read_until_closed() == b""


def test_config_get_knows_what_tools_ask_for(single):
    with single.connect() as connection:
        for name in ("save", "appendonly", "maxmemory", "timeout", "databases"):
            [key, _] = connection.call("CONFIG", "GET", name)
            assert key == name.encode()
        found = connection.call("CONFIG", "GET", "max*", "save")
        assert b"save" in found[::2] and b"maxmemory" in found[::2]
        assert connection.call("CONFIG", "GET", "nosuchthing") == []


def test_connections_come_and_go(single):
    for _ in range(300):
        with single.connect() as connection:
            assert connection.call("PING") == "PONG"
    open_ones = [single.connect() for _ in range(300)]
    for connection in open_ones:
        assert connection.call("PING") == "PONG"
    for connection in open_ones:
        connection.close()
    with single.connect() as connection:
        text = connection.call("INFO", "clients").decode()
    connected = int(text.split("connected_clients:")[1].split("\r")[0])
    assert connected < 300
