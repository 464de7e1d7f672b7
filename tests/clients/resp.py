"""A RESP client that hides nothing: every reply keeps its wire type.

Independent of any client library, so that what is compared is what the server sent.
"""

import socket


class Closed(Exception):
    """The server closed the connection, or answered with something that is not RESP."""


class Simple(str):
    """A status line."""

    def __repr__(self):
        return f"+{str(self)}"


class Error(str):
    """An error line."""

    def __repr__(self):
        return f"-{str(self)}"


class Typed:
    """An aggregate or a scalar of RESP3 that has no type of its own in Python."""

    def __init__(self, kind, value):
        self.kind, self.value = kind, value

    def __eq__(self, other):
        return isinstance(other, Typed) and (self.kind, self.value) == (other.kind, other.value)

    def __repr__(self):
        return f"{self.kind}{self.value!r}"


NULL = Typed("_", None)
NULL_BULK = Typed("$", None)
NULL_ARRAY = Typed("*", None)


def encode(args):
    """One request; arguments are bytes, text or numbers."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        arg = arg if isinstance(arg, bytes) else str(arg).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(arg), arg))
    return b"".join(parts)


class Connection:
    """One connection; `protocol` 3 sends HELLO 3 first."""

    def __init__(self, host, port, protocol=2, timeout=10):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        if protocol == 3:
            hello = self.call("HELLO", "3")
            assert isinstance(hello, Typed) and hello.kind == "%", hello

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def call(self, *args):
        self.socket.sendall(encode(args))
        return self.read()

    def pipeline(self, requests):
        self.socket.sendall(b"".join(encode(args) for args in requests))
        return [self.read() for _ in requests]

    def send_raw(self, data):
        self.socket.sendall(data)

    def read_until_closed(self):
        """All that comes before the server closes."""
        try:
            return self.file.read()
        except ConnectionResetError:
            return b""

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise Closed(f"after {line!r}")
        kind, rest = chr(line[0]), line[1:-2]
        if kind == "+":
            return Simple(rest.decode("latin-1"))
        if kind == "-":
            return Error(rest.decode("latin-1"))
        if kind == ":":
            return int(rest)
        if kind == "_":
            return NULL
        if kind == "#":
            return Typed("#", rest == b"t")
        if kind in ",(":
            return Typed(kind, rest.decode())
        if kind in "$=!":
            return self._read_bulk(kind, int(rest))
        if kind in "*~>":
            return self._read_array(kind, int(rest))
        if kind == "%":
            return Typed("%", [(self.read(), self.read()) for _ in range(int(rest))])
        raise Closed(f"not RESP: {line!r}")

    def _read_bulk(self, kind, length):
        if length < 0:
            return NULL_BULK
        data = self.file.read(length + 2)
        if len(data) != length + 2 or not data.endswith(b"\r\n"):
            raise Closed(f"in a bulk of {length}")
        return data[:-2] if kind == "$" else Typed(kind, data[:-2])

    def _read_array(self, kind, length):
        if length < 0:
            return NULL_ARRAY
        items = [self.read() for _ in range(length)]
        return items if kind == "*" else Typed(kind, items)
