"""Starts and stops the servers that the tests talk to: synod, and the genuine redis-server.

The program under test is named by SYNOD_BIN. When that is a redis-server, the suite tests itself: a
cluster is then a genuine Redis Cluster of three masters, and what only synod does is skipped.
"""

import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

import resp

HOST = "127.0.0.1"
PORTS = range(20000, 30000)
SYNOD_BIN = os.environ.get("SYNOD_BIN", "redis-server")
IS_SYNOD = not pathlib.Path(SYNOD_BIN).name.startswith("redis-server")
START_SECONDS = 30

_next_port = PORTS.start + random.SystemRandom().randrange(len(PORTS))


def free_ports(count):
    """`count` neighbouring ports that nobody listens on; each call gives others."""
    global _next_port
    for _ in range(len(PORTS)):
        first = _next_port
        if first + count > PORTS.stop:
            first = PORTS.start
        _next_port = first + count
        if all(_is_free(port) for port in range(first, first + count)):
            return list(range(first, first + count))
    raise RuntimeError(f"no free ports in {PORTS}")


def _is_free(port):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except OSError:
            return False
    return True


def wait_until(what, condition, seconds=START_SECONDS):
    """Returns the first true value of `condition()`, which may fail with a connection error."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            if value := condition():
                return value
        except (OSError, resp.Closed) as error:
            last = error
        time.sleep(0.02)
    raise TimeoutError(f"{what}: not within {seconds} s (last: {last})")


class Process:
    """One server process with its data directory and log file."""

    def __init__(self, command, port, data, http=None):
        self.command, self.port, self.data = command, port, pathlib.Path(data)
        self.http = http
        self.process = None

    def start(self):
        assert self.process is None
        self.data.mkdir(parents=True, exist_ok=True)
        with open(self.data.with_suffix(".log"), "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.data
            )

    def stop(self, how=signal.SIGTERM):
        """Ends the process and returns its exit status; a stopped one stays stopped."""
        if self.process is None:
            return None
        self.process.send_signal(how)
        try:
            status = self.process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"port {self.port}: did not end on {how!r}\n{self.log()}")
        finally:
            self.process = None
        return status

    def running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        path = self.data.with_suffix(".log")
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def connect(self, protocol=2, timeout=10):
        return resp.Connection(HOST, self.port, protocol=protocol, timeout=timeout)

    def metric(self, family):
        """All samples of a family of metrics."""
        with urllib.request.urlopen(f"http://{HOST}:{self.http}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
        return [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(family)]

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"port {self.port}: ended by itself\n{self.log()}")
        with self.connect() as connection:
            return connection.call("PING") == resp.Simple("PONG")


class Cluster:
    """Processes that belong together, in a directory of their own that goes away with them."""

    def __init__(self, nodes, directory, ready, partitions):
        self.nodes, self.directory, self._ready = nodes, directory, ready
        self.partitions = partitions

    @property
    def ports(self):
        return [node.port for node in self.nodes]

    def start(self):
        for node in self.nodes:
            node.start()
        self.wait_ready()
        return self

    def wait_ready(self):
        for node in self.nodes:
            wait_until(f"port {node.port} answers", node.answers)
        wait_until("the cluster is whole", lambda: all(self._ready(node) for node in self.nodes))

    def stop(self, how=signal.SIGTERM):
        return [node.stop(how) for node in self.nodes]

    def close(self):
        for node in self.nodes:
            if node.running():
                node.process.kill()
            if node.process is not None:
                node.process.wait()
                node.process = None
        shutil.rmtree(self.directory, ignore_errors=True)


def _directory():
    return pathlib.Path(tempfile.mkdtemp(prefix="synod-clients-"))


def genuine(*options):
    """One genuine redis-server with nothing on disk."""
    directory = _directory()
    (port,) = free_ports(1)
    command = ["redis-server", "--port", str(port), "--bind", HOST, "--save", "",
               "--appendonly", "no", *options]  # fmt: skip
    nodes = [Process(command, port, directory / "node1")]
    return Cluster(nodes, directory, lambda node: True, 1)


def single(durability="none"):
    """The program under test as a cluster of one with one partition."""
    return synod(1, 1, durability) if IS_SYNOD else genuine()


def cluster(partitions, durability="always"):
    """The program under test as a cluster of three."""
    return synod(3, partitions, durability) if IS_SYNOD else genuine_cluster()


def synod(count, partitions, durability):
    directory = _directory()
    ports = free_ports(3 * count)
    members = ",".join(f"{i + 1}={HOST}:{ports[3 * i + 1]}" for i in range(count))
    nodes = []
    for i in range(count):
        client, peer, http = ports[3 * i : 3 * i + 3]
        data = directory / f"node{i + 1}"
        command = [SYNOD_BIN, "serve", "--data", str(data), "--listen", f"{HOST}:{client}",
                   "--peer-listen", f"{HOST}:{peer}", "--http", f"{HOST}:{http}",
                   "--durability", durability, "--workers", "1", "--partitions", str(partitions),
                   "--node-id", str(i + 1)]  # fmt: skip
        if count > 1:
            command += ["--replicas", str(count), "--initial-cluster", members]
        nodes.append(Process(command, client, data, http))
    return Cluster(nodes, directory, _synod_ready, partitions)


def _synod_ready(node):
    """Every slot can be written through this node."""
    with node.connect() as connection:
        keys = [f"ready:{i}" for i in range(64)]
        replies = connection.pipeline([["SET", key, "1"] for key in keys])
        connection.pipeline([["DEL", key] for key in keys])
        return all(reply == resp.Simple("OK") for reply in replies)


def genuine_cluster():
    directory = _directory()
    ports = free_ports(6)
    clients, buses = ports[:3], ports[3:]
    nodes = []
    for i, (port, bus) in enumerate(zip(clients, buses)):
        command = ["redis-server", "--port", str(port), "--bind", HOST, "--save", "",
                   "--appendonly", "yes", "--cluster-enabled", "yes",
                   "--cluster-port", str(bus)]  # fmt: skip
        nodes.append(Process(command, port, directory / f"node{i + 1}"))
    joined = []

    def ready(node):
        if not joined:
            joined.append(True)
            for i, other in enumerate(nodes):
                with other.connect() as connection:
                    slots = (16384 * i // 3, 16384 * (i + 1) // 3 - 1)
                    connection.call("CLUSTER", "ADDSLOTSRANGE", *slots)
                    connection.call("CLUSTER", "MEET", HOST, clients[0], buses[0])
        with node.connect() as connection:
            info = connection.call("CLUSTER", "INFO")
            return b"cluster_state:ok" in info and b"cluster_known_nodes:3" in info

    return Cluster(nodes, directory, ready, 3)
