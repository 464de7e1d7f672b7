"""What breaks the rules: each is answered with ZooKeeper's own error or a closed connection, and nobody else notices."""

import random
import socket
import struct
import threading

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import (
    ConnectionLoss,
    NoNodeError,
    NotEmptyError,
    SessionExpiredError,
)

import servers

pytestmark = pytest.mark.synod_only


@pytest.fixture(scope="module")
def node():
    cluster = servers.synod(1, partitions=2, durability="always")
    (port,) = servers.free_ports(1)
    cluster.nodes[0].zookeeper = port
    cluster.nodes[0].command += ["--zookeeper", f"{servers.HOST}:{port}"]
    try:
        cluster.start()
        yield cluster.nodes[0]
    finally:
        cluster.close()


def kazoo(node, **options):
    client = KazooClient(hosts=f"{servers.HOST}:{node.zookeeper}", timeout=10, **options)
    client.start(timeout=30)
    return client


@pytest.fixture
def zk(node):
    client = kazoo(node)
    yield client
    client.stop()
    client.close()


@pytest.fixture(autouse=True)
def bystander(node):
    """Writes all the time, by one session that nothing may disturb."""
    client = kazoo(node)
    states, end, wrote = [], threading.Event(), []
    client.add_listener(states.append)
    client.ensure_path("/bystander")

    def write():
        while not end.wait(0.01):
            wrote.append(client.set("/bystander", b"x").version)

    thread = threading.Thread(target=write)
    thread.start()
    servers.wait_until("it writes", lambda: wrote)
    yield
    end.set()
    thread.join(30)
    assert states == [] and wrote == list(range(wrote[0], wrote[0] + len(wrote)))
    client.stop()
    client.close()


class Raw:
    """A connection that says what it is told to."""

    def __init__(self, node):
        self.socket = socket.create_connection((servers.HOST, node.zookeeper), timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def say(self, payload, length=None):
        self.socket.sendall(struct.pack(">i", len(payload) if length is None else length) + payload)

    def hear(self):
        """The payload of the next frame; None at the end."""
        head = self._exactly(4)
        return None if head is None else self._exactly(struct.unpack(">i", head)[0])

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionError:
                return None
            if not more:
                return None
            data += more
        return data

    def connect(self, session=0, password=bytes(16)):
        self.say(struct.pack(">iqiqi", 0, 0, 10_000, session, len(password)) + password + b"\0")
        answer = self.hear()
        return answer and struct.unpack(">iiq", answer[:16])[1:]

    def ask(self, xid, number, fields=b""):
        self.say(struct.pack(">ii", xid, number) + fields)

    def code(self):
        answer = self.hear()
        return answer and struct.unpack(">i", answer[12:16])[0]


def text(value):
    return struct.pack(">i", len(value)) + value


@pytest.mark.parametrize("length", [-1, -(2**31), 0x100000, 2**31 - 1])
def test_a_length_that_cannot_be_closes_the_connection(node, length):
    for greeted in (False, True):
        with Raw(node) as raw:
            assert not greeted or raw.connect()[1] > 0
            raw.say(b"x" * 100, length)
            assert raw.hear() is None


def test_messages_that_are_none_close_the_connection(node):
    dice = random.Random(7)
    whole = text(b"/a") + text(b"data") + struct.pack(">ii", 1, 31) + text(b"world") + text(b"anyone") + struct.pack(">i", 0)
    cut = [whole[:n] for n in range(len(whole))]
    odd = [
        struct.pack(">i", -2) + b"/a",  # a length below that of null
        struct.pack(">i", 2**31 - 1) + b"/a",
        text(b"\xff\xfe") + whole[6:],  # no UTF-8
        text(b"/a") + text(b"") + struct.pack(">i", 2**31 - 1),  # more entries than there are bytes
    ]
    for fields in cut + odd:
        with Raw(node) as raw:
            assert raw.connect()[1] > 0
            raw.ask(1, 1, fields)
            assert raw.hear() is None, fields
    for _ in range(200):
        with Raw(node) as raw:
            raw.socket.sendall(dice.randbytes(dice.randrange(1, 200)))
            raw.socket.shutdown(socket.SHUT_WR)
            while raw.hear() is not None:
                pass


def test_a_number_that_is_not_served_is_answered_and_the_connection_goes_on(node):
    with Raw(node) as raw:
        assert raw.connect()[1] > 0
        for number in (999, -7, 0, 20, 108, 2**31 - 1):
            raw.ask(1, number)
            assert raw.code() == -6, number
        raw.ask(2, 16, b"")
        assert raw.code() == -123
        raw.ask(-2, 11)
        assert raw.code() == 0


def test_a_session_is_taken_up_with_its_own_password_alone(node):
    with Raw(node) as raw:
        session = raw.connect()[1]
        for wrong in (bytes(16), b"x" * 16, b""):
            with Raw(node) as other:
                assert other.connect(session, wrong) == (0, 0)
                assert other.hear() is None
        with Raw(node) as other:
            assert other.connect(session + 1, bytes(16)) == (0, 0)
        raw.ask(-2, 11)
        assert raw.code() == 0, "whose session it is notices nothing"


def test_a_client_that_never_pings_loses_its_session(node, zk):
    with Raw(node) as raw:
        raw.say(struct.pack(">iqiqi", 0, 0, 1, 0, 16) + bytes(16) + b"\0")
        granted = struct.unpack(">iiq", raw.hear()[:16])
        assert granted[1] == 4_000, "the shortest timeout there is"
        acl = struct.pack(">ii", 1, 31) + text(b"world") + text(b"anyone")
        raw.ask(1, 1, text(b"/silent") + text(b"") + acl + struct.pack(">i", 1))
        assert raw.code() == 0
        assert zk.exists("/silent")
        assert raw.hear() is None
    servers.wait_until("the ephemeral goes", lambda: zk.exists("/silent") is None, 30)


def test_paths_that_break_the_rules_are_refused(node):
    acl = struct.pack(">ii", 1, 31) + text(b"world") + text(b"anyone")
    with Raw(node) as raw:
        assert raw.connect()[1] > 0
        for path in ("", "a", "/a/", "//a", "/a//b", "/.", "/a/..", "/a/./b", "/\x00", "/\x1f", "/\x7f", "/\ue000", "/\ufff0"):
            raw.ask(1, 4, text(path.encode()) + b"\0")
            assert raw.code() == -8, path
            raw.ask(2, 1, text(path.encode()) + text(b"") + acl + struct.pack(">i", 0))
            assert raw.code() == -8, path


def test_what_is_larger_than_a_request_may_be_closes_the_connection_and_nothing_is_written(node):
    client = kazoo(node)
    try:
        client.create("/fits", b"x" * 1_000_000)
        assert len(client.get("/fits")[0]) == 1_000_000
        with pytest.raises((ConnectionLoss, SessionExpiredError)):
            client.create("/too-large", b"x" * 1_048_576)
        servers.wait_until("it is connected again", lambda: client.connected, 30)
        assert client.exists("/too-large") is None
    finally:
        client.stop()
        client.close()


def test_sixty_thousand_children_are_listed_and_go_again(node, zk):
    count, batch = 60_000, 2_000
    zk.create("/many", b"")

    def each(do):
        for start in range(0, count, batch):
            transaction = zk.transaction()
            for number in range(start, start + batch):
                do(transaction, f"/many/child-{number:06}-with-a-name-of-some-length")
            answers = transaction.commit()
            assert not any(isinstance(answer, Exception) for answer in answers)

    each(lambda transaction, path: transaction.create(path, b""))
    names, stat = zk.get_children("/many", include_data=True)
    assert len(names) == stat.numChildren == count
    with pytest.raises(NotEmptyError):
        zk.delete("/many")
    each(lambda transaction, path: transaction.delete(path))
    zk.delete("/many")
    with pytest.raises(NoNodeError):
        zk.get_children("/many")
