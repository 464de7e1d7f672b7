"""Raw bytes: what a broken or hostile client may send, and that nobody else notices.

Where the genuine redis-server draws the same line, its bytes are the expectation.
"""

import socket
import time

import pytest

import resp
import servers

# Sent as they stand; the reply, and whether the server then closes, is what genuine Redis does.
SAME_AS_GENUINE = {
    "a whole request": b"*1\r\n$4\r\nPING\r\n",
    "two at once": b"*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$1\r\na\r\n",
    "inline": b"PING\r\n",
    "inline without CR": b"PING\n",
    "inline with spaces around": b"   ECHO   hello  \r\n",
    "inline quotes": b'ECHO "a b\\x41\\n"\r\n',
    "inline single quotes": b"ECHO 'a b'\r\n",
    "inline unbalanced quotes": b'ECHO "abc\r\n',
    "inline text after a quote": b'ECHO "a"b\r\n',
    "inline empty lines": b"\r\n\r\nPING\r\n",
    "inline unknown": b"NOSUCH thing\r\n",
    "an empty array": b"*0\r\nPING\r\n",
    "a null array": b"*-1\r\nPING\r\n",
    "a very negative array": b"*-100\r\nPING\r\n",
    "an array length that is no number": b"*abc\r\n",
    "an array length with a space": b"* 1\r\n$4\r\nPING\r\n",
    "an array length with a plus": b"*+1\r\n$4\r\nPING\r\n",
    "an empty array length": b"*\r\nPING\r\n",
    "an array length beyond 64 bits": b"*99999999999999999999\r\n",
    "an array length beyond 32 bits": b"*4294967297\r\n",
    "a negative bulk": b"*1\r\n$-1\r\n",
    "a very negative bulk": b"*1\r\n$-9223372036854775808\r\n",
    "a bulk length that is no number": b"*1\r\n$abc\r\n",
    "an empty bulk length": b"*1\r\n$\r\n",
    "a bulk beyond the limit": b"*2\r\n$4\r\nECHO\r\n$1000000000\r\n",
    "a bulk beyond 64 bits": b"*2\r\n$4\r\nECHO\r\n$99999999999999999999\r\n",
    "an array inside": b"*1\r\n*1\r\n$4\r\nPING\r\n",
    "an integer where a bulk belongs": b"*2\r\n$4\r\nECHO\r\n:1\r\n",
    "a byte of garbage where a bulk belongs": b"*1\r\nPING\r\n",
    "an empty command name": b"*1\r\n$0\r\n\r\n",
    "good, then bad": b"*1\r\n$4\r\nPING\r\n*1\r\n$x\r\nPING\r\n",
    "bad, then good": b"*1\r\n!4\r\nPING\r\n*1\r\n$4\r\nPING\r\n",
    "binary arguments": b"*2\r\n$4\r\nECHO\r\n$4\r\n\r\n\x00\xff\r\n",
    "quit with more behind it": b"*1\r\n$4\r\nQUIT\r\n*1\r\n$4\r\nPING\r\n",
    "names in any case": b"*1\r\n$4\r\npInG\r\n",
    "an endless inline command": b"a" * 70_000,
    "an endless array length": b"*" + b"1" * 70_000,
    "an endless bulk length": b"*1\r\n$" + b"1" * 70_000,
}


def exchange(node, data):
    """The reply to `data` followed by a mark, and whether the server closed by itself."""
    with socket.create_connection((servers.HOST, node.port), timeout=5) as sock:
        sock.sendall(data)
        answer = b""
        # Quiet for a while means that the server waits for more.
        sock.settimeout(0.15)
        try:
            while chunk := sock.recv(65536):
                answer += chunk
        except TimeoutError:
            return answer, "open"
        except ConnectionResetError:
            return answer, "closed"
        return answer, "closed"


@pytest.mark.parametrize("name", SAME_AS_GENUINE)
def test_bytes_are_answered_as_redis_does(name, single, genuine):
    data = SAME_AS_GENUINE[name]
    assert exchange(single, data) == exchange(genuine, data)


def test_a_declared_length_is_not_allocated(single):
    """Hundreds of clients that promise a lot and send nothing cost next to nothing."""
    before = resident_kib(single)
    promises = []
    for _ in range(200):
        sock = socket.create_connection((servers.HOST, single.port), timeout=5)
        sock.sendall(b"*1000000\r\n$4\r\nMSET\r\n$60000000\r\n")
        promises.append(sock)
    with single.connect() as connection:
        assert connection.call("PING") == "PONG"
    grown = resident_kib(single) - before
    for sock in promises:
        sock.close()
    assert grown < 200 * 1024, f"{grown} KiB for {len(promises)} unkept promises"


def resident_kib(node):
    with open(f"/proc/{node.process.pid}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1])


def test_an_unfinished_request_disturbs_nobody(single):
    with socket.create_connection((servers.HOST, single.port), timeout=5) as slow:
        slow.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhe")
        with single.connect() as other:
            assert other.call("SET", "k", "other") == "OK"
            assert other.call("GET", "k") == b"other"
        # Byte by byte it still arrives.
        for byte in b"llo\r\n":
            slow.sendall(bytes([byte]))
            time.sleep(0.01)
        assert slow.recv(100) == b"+OK\r\n"
    with single.connect() as other:
        assert other.call("GET", "k") == b"hello"


def test_every_cut_of_a_request_is_put_together(single):
    request = resp.encode(["SET", "cut", "a\r\nb"]) + resp.encode(["GET", "cut"])
    for cut in range(1, len(request)):
        with socket.create_connection((servers.HOST, single.port), timeout=5) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(request[:cut])
            time.sleep(0.001)
            sock.sendall(request[cut:])
            wanted = b"+OK\r\n$4\r\na\r\nb\r\n"
            answer = b""
            while len(answer) < len(wanted):
                answer += sock.recv(100)
            assert answer == wanted, cut


def test_a_client_that_breaks_off_loses_nothing_for_others(single):
    """Requests cut off by a close or a reset: the whole ones count, the part does not."""
    for hard in (False, True):
        with single.connect() as connection:
            connection.call("DEL", "list")
        sock = socket.create_connection((servers.HOST, single.port), timeout=5)
        if hard:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.sendall(resp.encode(["RPUSH", "list", "whole"]))
        assert sock.recv(100) == b":1\r\n"
        sock.sendall(resp.encode(["RPUSH", "list", "part"])[:-3])
        sock.close()
        with single.connect() as connection:
            assert connection.call("LRANGE", "list", 0, -1) == [b"whole"]


def test_a_client_that_does_not_read_is_not_waited_for(single):
    """A pipeline whose replies nobody takes; others are answered meanwhile."""
    with single.connect() as connection:
        connection.call("SET", "big", b"x" * 100_000)
    deaf = socket.create_connection((servers.HOST, single.port), timeout=5)
    deaf.sendall(resp.encode(["GET", "big"]) * 500)
    try:
        # A server that waited would wait for ever; the time-out only ends the test then.
        with single.connect(timeout=30) as other:
            for i in range(100):
                assert other.call("SET", "small", i) == "OK"
    finally:
        deaf.close()


def test_many_requests_in_one_write(single):
    count = 20_000
    with single.connect() as connection:
        replies = connection.pipeline([["INCR", "counter"]] * count)
    assert replies == list(range(1, count + 1))


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 1 << 20])
def test_values_of_every_size(single, size):
    value = bytes(i * 7 % 251 for i in range(1024)) * (size // 1024 + 1)
    value = value[:size]
    with single.connect() as connection:
        assert connection.call("SET", "value", value) == "OK"
        assert connection.call("STRLEN", "value") == size
        assert connection.call("GET", "value") == value
        assert connection.call("APPEND", "value", b"x") == size + 1
        assert connection.call("RPUSH", "values", value, value) == 2
        assert connection.call("LRANGE", "values", 0, -1) == [value, value]
        assert connection.call("HSET", "hash", value[:1000], value) == 1
        assert connection.call("HGET", "hash", value[:1000]) == value


def test_garbage_of_all_kinds_leaves_the_server_well(single):
    """Fixed noise: random bytes, and good requests with one byte changed."""
    import random

    noise = random.Random(20240)
    good = resp.encode(["SET", "noise", "value"]) + resp.encode(["LRANGE", "l", "0", "-1"])
    for _ in range(300):
        if noise.random() < 0.3:
            data = noise.randbytes(noise.randrange(1, 200))
        else:
            data = bytearray(good)
            data[noise.randrange(len(data))] = noise.randrange(256)
        with socket.create_connection((servers.HOST, single.port), timeout=5) as sock:
            sock.sendall(bytes(data))
            sock.shutdown(socket.SHUT_WR)
            try:
                while sock.recv(65536):
                    pass
            except ConnectionResetError:
                pass
    assert single.answers()
