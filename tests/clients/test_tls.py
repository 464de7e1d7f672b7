"""TLS: real clients with certificates, nodes that know each other by theirs, and those that have none or the wrong one.

The certificates are made with openssl, as docs/tls.md tells it.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
import urllib.request

import pytest
import redis

import servers
from certificates import Authority
from servers import HOST, SYNOD_BIN, wait_until

pytestmark = pytest.mark.synod_only

HERE = pathlib.Path(__file__).parent


class Node(servers.Process):
    """A node of which clients speak TLS; what asks it here does so as well."""

    client = None

    def connect_tls(self, **options):
        ca, (cert, key) = self.client
        given = dict(host=HOST, port=self.tls_port, ssl=True, ssl_ca_certs=str(ca),
                     ssl_certfile=str(cert), ssl_keyfile=str(key), socket_timeout=10)  # fmt: skip
        return redis.Redis(**{**given, **options})

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"port {self.port}: ended by itself\n{self.log()}")
        try:
            with self.connect_tls() as client:
                return client.cluster("INFO")["cluster_state"] == "ok"
        except redis.RedisError as error:
            raise OSError(str(error)) from error


def cluster(tmp_path, count, *options, both=False, flaws=None):
    """`count` nodes with mutual TLS. `flaws`: node number to the certificate that it shows instead of its own."""
    authority = Authority(tmp_path / "pki")
    client = authority.ca, authority.sign("alice")
    ports = servers.free_ports(5 * count)
    peers = ",".join(f"{i + 1}={HOST}:{ports[count + i]}" for i in range(count))
    nodes = []
    for i in range(count):
        plain, peer, http, with_tls, zookeeper = ports[i::count]
        cert, key = authority.node(i + 1)
        listen = plain if both else with_tls
        command = [SYNOD_BIN, "serve", "--data", str(tmp_path / f"node{i + 1}"), "--workers", "2",
                   "--node-id", str(i + 1), "--listen", f"{HOST}:{listen}",
                   "--peer-listen", f"{HOST}:{peer}", "--http", f"{HOST}:{http}",
                   "--zookeeper", f"{HOST}:{zookeeper}", "--initial-cluster", peers,
                   "--partitions", "6", "--tls-port", str(with_tls), "--tls-cluster", "--tls-http",
                   "--tls-zookeeper", "--tls-ca-cert-file", str(authority.ca),
                   "--tls-cert-file", str(cert), "--tls-key-file", str(key), *options]  # fmt: skip
        node = Node(command, listen, tmp_path / f"node{i + 1}", http)
        node.tls_port, node.zookeeper, node.client = with_tls, zookeeper, client
        nodes.append(node)
    made = servers.Cluster(nodes, tmp_path / "gone", lambda node: True, 6)
    made.authority = authority
    return made


@pytest.fixture
def single(tmp_path):
    made = cluster(tmp_path, 1, "--tls-auth-clients-user", "CN")
    yield from running(made)


@pytest.fixture
def three(tmp_path):
    yield from running(cluster(tmp_path, 3, both=True))


def running(made):
    try:
        made.start()
        yield made
    finally:
        made.close()


def redis_cli(node, *words, options=()):
    ca, (cert, key) = node.client
    certificates = options or ("--cert", str(cert), "--key", str(key))
    command = ["redis-cli", "-p", str(node.tls_port), "--tls", "--cacert", str(ca), *certificates]
    done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=30)
    return done.stdout.strip() + done.stderr.strip()


def test_redis_cli_comes_in_with_a_certificate_and_not_without(single):
    node = single.nodes[0]
    assert redis_cli(node, "SET", "k", "v") == "OK"
    assert redis_cli(node, "GET", "k") == "v"
    refused = redis_cli(node, "GET", "k", options=("--sni", "localhost"))
    assert "v" != refused and ("rror" in refused or "eset" in refused or "losed" in refused), refused
    stranger = Authority(pathlib.Path(str(single.authority.directory) + "-other")).sign("alice")
    refused = redis_cli(node, "GET", "k", options=("--cert", str(stranger[0]), "--key", str(stranger[1])))
    assert "v" != refused, refused
    wait_until("the log tells of it", lambda: "a TLS connection failed" in node.log())


def test_a_certificate_logs_its_user_in(single):
    node = single.nodes[0]
    with node.connect_tls() as client:
        assert client.acl_whoami() == "default", "there is no such user yet"
        client.execute_command("ACL", "SETUSER", "alice", "on", "~a:*", "+@all")
        client.execute_command("ACL", "SETUSER", "default", ">pw")
    with node.connect_tls() as client:
        assert client.acl_whoami() == "alice"
        assert client.set("a:1", "x")
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.set("b:1", "x")
        client.config_set("tls-auth-clients-user", "off")
    with node.connect_tls() as client, pytest.raises(redis.exceptions.AuthenticationError):
        client.ping()
    with node.connect_tls(password="pw") as client:
        client.config_set("tls-auth-clients-user", "CN")
        client.execute_command("ACL", "SETUSER", "alice", "off")
    with node.connect_tls() as client, pytest.raises(redis.exceptions.AuthenticationError):
        client.ping()


def serial(node):
    context = ssl.create_default_context(cafile=node.client[0])
    context.load_cert_chain(*map(str, node.client[1]))
    with socket.create_connection((HOST, node.tls_port), 10) as bare:
        with context.wrap_socket(bare, server_hostname="localhost") as connection:
            return connection.getpeercert()["serialNumber"]


def test_new_certificates_are_taken_without_a_restart(single):
    node, authority = single.nodes[0], single.authority
    first = serial(node)
    with node.connect_tls() as before:
        assert before.ping()
        authority.node(1)  # over the same files
        assert serial(node) == first, "nobody has said so"
        node.process.send_signal(signal.SIGHUP)
        wait_until("SIGHUP is heard", lambda: serial(node) != first)
        second = serial(node)
        cert, key = authority.sign("later", "DNS:localhost,IP:127.0.0.1")
        with pytest.raises(redis.ResponseError, match="Unable to update TLS configuration"):
            before.config_set("tls-cert-file", str(cert))
        assert serial(node) == second, "a certificate without its key"
        before.config_set("tls-cert-file", str(cert), "tls-key-file", str(key))
        assert before.config_get("tls-cert-file") == {"tls-cert-file": str(cert)}
        assert serial(node) not in (first, second)
        cert.write_text("nothing of use")
        third = serial(node)
        node.process.send_signal(signal.SIGHUP)
        wait_until("it is refused", lambda: "those read before stay in force" in node.log())
        assert serial(node) == third
        assert before.ping(), "who was there stays"


def test_an_expired_certificate_is_refused(single):
    node = single.nodes[0]
    cert, key = single.authority.sign("late", days=-1)
    with node.connect_tls(ssl_certfile=str(cert), ssl_keyfile=str(key)) as client:
        with pytest.raises(redis.exceptions.ConnectionError):
            client.ping()
    wait_until("the log says why", lambda: "invalid peer certificate: Expired" in node.log())


def test_a_client_is_no_node(single):
    """Its certificate is of the same CA, and it says the words of a peer."""
    node = single.nodes[0]
    context = ssl.create_default_context(cafile=node.client[0])
    context.load_cert_chain(*map(str, node.client[1]))
    peer = next(int(word.rsplit(":", 1)[1]) for before, word in zip(node.command, node.command[1:])
                if before == "--peer-listen")  # fmt: skip
    with socket.create_connection((HOST, peer), 10) as bare:
        with context.wrap_socket(bare, server_hostname="localhost") as link:
            link.sendall(b"SY\x02" + bytes(29))  # a heartbeat before any hello
            assert ended(link)
    bare = ssl.create_default_context(cafile=node.client[0])
    with socket.create_connection((HOST, peer), 10) as connection:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with bare.wrap_socket(connection, server_hostname="localhost") as link:
                link.sendall(b"SY")
                link.recv(1)
    with node.connect_tls() as client:
        assert client.ping()


def resident(node):
    status = pathlib.Path(f"/proc/{node.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) << 10


def ended(connection):
    """Whether the other side closes, within a minute."""
    connection.settimeout(60)
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def test_who_does_not_keep_to_the_protocol_is_let_go(single):
    node = single.nodes[0]
    with socket.create_connection((HOST, node.tls_port)) as plain:
        plain.sendall(b"*1\r\n$4\r\nPING\r\n")
        assert ended(plain)
    before = resident(node)
    # A record of a handshake that never ends: 200 MB are offered.
    record = b"\x16\x03\x01" + struct.pack(">H", 16384) + b"\x01\xff\xff\xff" + bytes(16380)
    with socket.create_connection((HOST, node.tls_port)) as flood:
        flood.settimeout(60)
        with pytest.raises(ConnectionError):
            for _ in range((200 << 20) // len(record)):
                flood.sendall(record)
    assert resident(node) - before < 64 << 20
    # Half a ClientHello, and nothing: ended after ten seconds.
    with socket.create_connection((HOST, node.tls_port)) as silent:
        silent.sendall(b"\x16\x03\x01\x02\x00\x01")
        with node.connect_tls() as client:
            assert client.ping(), "others are served meanwhile"
        assert ended(silent)
    assert len(node.log()) < 3900, "a line now and then"


def test_who_does_not_read_is_bounded(single):
    node = single.nodes[0]
    with node.connect_tls() as client:
        client.set("long", "x" * (1 << 20))
        before = resident(node)
        context = ssl.create_default_context(cafile=node.client[0])
        context.load_cert_chain(*map(str, node.client[1]))
        with socket.create_connection((HOST, node.tls_port), 10) as bare:
            with context.wrap_socket(bare, server_hostname="localhost") as deaf:
                deaf.sendall(b"GET long\r\n" * 1000)
                for _ in range(200):
                    assert client.get("long") is not None
                # What was asked of another worker at once may be held, 256 MiB at most: of a gigabyte that was asked for.
                assert resident(node) - before < 400 << 20


def test_cluster_clients_are_told_of_the_doors_for_tls(three):
    node = three.nodes[0]
    ca, (cert, key) = node.client
    wanted = sorted(node.tls_port for node in three.nodes)
    client = redis.cluster.RedisCluster(host=HOST, port=node.tls_port, ssl=True, ssl_ca_certs=str(ca),
                                        ssl_certfile=str(cert), ssl_keyfile=str(key))  # fmt: skip
    with client:
        for i in range(50):
            client.set(f"py:{i}", i)
        assert [client.get(f"py:{i}") for i in range(50)] == [b"%d" % i for i in range(50)]
        assert sorted(node.port for node in client.get_nodes()) == wanted
    with redis.cluster.RedisCluster(host=HOST, port=node.port) as plain:
        assert sorted(node.port for node in plain.get_nodes()) == sorted(three.ports)
    script = HERE / "node" / "ioredis_tls.js"
    done = subprocess.run(["node", str(script), str(node.tls_port), str(ca), str(cert), str(key)],
                          capture_output=True, text=True, timeout=60, env=os.environ)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == wanted


def test_three_nodes_lose_one_and_take_in_nobody_else(three):
    one, two, lost = three.nodes
    written = 0
    with one.connect_tls() as client:
        for n in range(100):
            client.set(f"key:{n}", n)
        lost.stop(signal.SIGKILL)

        def write():
            nonlocal written
            try:
                client.set(f"key:{written}", "after")
            except redis.RedisError as error:
                raise OSError(str(error)) from error
            written += 1
            return written == 100

        wait_until("two of three serve", write)
        # It comes back with the certificate of another node, then with that of a stranger.
        right = list(lost.command)
        pki = three.authority
        other = Authority(pathlib.Path(str(pki.directory) + "-other"))
        at = right.index("--tls-cert-file") + 1
        for wrong in (pki.node(7), other.node(3)):
            lost.command = [*right]
            lost.command[at], lost.command[at + 2] = map(str, wrong)
            before = refused(one) + refused(two)
            lost.start()
            wait_until("it is refused", lambda: refused(one) + refused(two) > before)
            assert [node["up"] for node in status(one)["nodes"]] == [True, True, False]
            lost.stop(signal.SIGKILL)
        # What it missed and what it has to be sent anew passes through TLS, in long frames.
        for n in range(40):
            client.set(f"long:{n}", os.urandom(1 << 20))
        shutil.rmtree(lost.data)
        lost.command = right
        lost.start()
        wait_until("it is taken in", lambda: all(node["up"] for node in status(one)["nodes"]))
        with lost.connect_tls() as there:
            wait_until("it serves", lambda: answers(there, "key:5", b"after"))
        groups = status(one)["partitions"]
        wait_until("it has caught up", lambda: caught_up(three), 90)
        assert all(len(group["replicas"]) == 3 for group in groups)


def answers(client, key, value):
    """Whether a node that may not be ready gives this value."""
    try:
        return client.get(key) == value
    except redis.RedisError as error:
        raise OSError(str(error)) from error


def caught_up(cluster):
    """Whether no follower is behind its leader, as the leaders say."""
    pages = [status(node) for node in cluster.nodes]
    lags = [lag for page in pages for group in page["partitions"] for lag in group.get("lag", {}).values()]
    return len(lags) >= 14 and not any(lags) and not any(page["replacing"] for page in pages)


def refused(node):
    """How often the log tells of peers that failed."""
    return node.data.with_suffix(".log").read_text().count('door="peers"')


def status(node):
    context = ssl.create_default_context(cafile=node.client[0])
    context.load_cert_chain(*map(str, node.client[1]))
    with urllib.request.urlopen(f"https://{HOST}:{node.http}/status", context=context, timeout=10) as page:
        return json.load(page)


def test_the_commands_of_an_operator(three, tmp_path):
    node = three.nodes[0]
    ca, (cert, key) = node.client
    calls = ["--http", f"{HOST}:{node.http}", "--tls", "--tls-http", "--tls-ca-cert-file", str(ca),
             "--tls-cert-file", str(cert), "--tls-key-file", str(key)]  # fmt: skip

    def say(*words, environment=()):
        return subprocess.run([SYNOD_BIN, *words], capture_output=True, text=True, timeout=60,
                              env={**os.environ, **dict(environment)})  # fmt: skip

    shown = say("status", *calls)
    assert shown.returncode == 0 and str(node.port) in shown.stdout, shown
    assert say("node", "copies", "3", *calls).returncode == 0
    assert say("status", *calls[:2]).returncode == 1, "without TLS"
    refused = say("status", *calls[:4])
    assert refused.returncode == 2 and "--tls-ca-cert-file" in refused.stderr, refused
    elected = say("elect", "--connect", f"localhost:{node.tls_port}", "--tls", *calls[4:], "l", "--", "echo", "led")
    assert elected.stdout.strip() == "led", elected
    # A node joins through the doors for TLS.
    plain, peer, http, with_tls = servers.free_ports(4)
    distance = node.tls_port - node.port
    pki = three.authority
    cert, key = pki.node(4)
    command = [SYNOD_BIN, "serve", "--node-id", "4", "--data", str(tmp_path / "node4"),
               "--listen", f"{HOST}:{plain}", "--peer-listen", f"{HOST}:{peer}",
               "--http", f"{HOST}:{http}", "--tls-port", str(plain + distance), "--tls-cluster",
               "--tls-http", "--tls-ca-cert-file", str(pki.ca), "--tls-cert-file", str(cert),
               "--tls-key-file", str(key), "--workers", "1",
               "--join", f"{HOST}:{node.http}"]  # fmt: skip
    joined = Node(command, plain, tmp_path / "node4", http)
    joined.start()
    three.nodes.append(joined)
    wait_until(
        "it is a member",
        lambda: [(n["id"], n["up"]) for n in status(node)["nodes"]][3:] == [(4, True)],
    )


def test_zookeepers_clients(single):
    kazoo = pytest.importorskip("kazoo.client")
    node = single.nodes[0]
    ca, (cert, key) = node.client
    client = kazoo.KazooClient(hosts=f"{HOST}:{node.zookeeper}", use_ssl=True, ca=str(ca),
                               certfile=str(cert), keyfile=str(key), verify_certs=True)  # fmt: skip
    client.start(30)
    try:
        client.create("/tls", b"x" * 300_000)
        seen = threading.Event()
        assert client.get("/tls", watch=lambda event: seen.set())[0] == b"x" * 300_000
        client.set("/tls", b"y")
        assert seen.wait(30)
    finally:
        client.stop()
        client.close()


def test_a_listener_for_the_world_needs_no_flag_where_nobody_gets_in_unasked(tmp_path):
    authority = Authority(tmp_path / "pki")
    cert, key = authority.node(1)
    tls = ["--tls-ca-cert-file", str(authority.ca), "--tls-cert-file", str(cert),
           "--tls-key-file", str(key)]  # fmt: skip
    cases = [
        (["--listen", "0.0.0.0:7001"], False),
        (["--listen", "0.0.0.0:7001", "--tls-port", "7001", *tls], True),
        (["--listen", "0.0.0.0:7001", "--tls-port", "7002", *tls], False),
        (["--listen", "0.0.0.0:7001", "--tls-port", "7001", *tls, "--tls-auth-clients", "optional"], False),
        (["--listen", "0.0.0.0:7001", "--requirepass", "x"], True),
        (["--peer-listen", "0.0.0.0:7001"], False),
        (["--peer-listen", "0.0.0.0:7001", "--tls-cluster", *tls], True),
        (["--http", "0.0.0.0:7001", "--tls-http", *tls], True),
        (["--zookeeper", "0.0.0.0:7001", "--tls-http", *tls], False),
        (["--tls-cluster"], False),
        (["--tls-port", "7001", "--tls-auth-clients", "no", *tls[2:]], True),
    ]  # fmt: skip
    for words, fine in cases:
        command = [SYNOD_BIN, "serve", "--check", "--data", str(tmp_path / "d"), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert (done.returncode == 0) == fine, (words, done.stderr)
        assert fine or done.returncode == 2, (words, done.stderr)


def test_a_cluster_to_try_out(tmp_path):
    def free():
        for _ in range(20):
            (port,) = servers.free_ports(1)
            base = 7000 + port % 5000
            if servers._is_free(base) and servers._is_free(base + 10_000) and servers._is_free(base + 20_000):
                return base
        raise RuntimeError("no free ports")

    base = free()
    command = [SYNOD_BIN, "up", "--tls", "--nodes", "1", "--base-port", str(base), "--data", str(tmp_path / "up")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as up:
        try:
            lines = []
            for line in up.stdout:
                lines.append(line)
                if "Ctrl-C" in line:
                    break
            cli = next(line for line in lines if "redis-cli" in line).split("redis-cli ")[1].split()
            assert subprocess.check_output(["redis-cli", *cli, "PING"], text=True).strip() == "PONG", lines
            shown = next(line for line in lines if "synod status" in line).split("synod ")[1].split(",")[0]
            assert subprocess.run([SYNOD_BIN, *shown.split()], capture_output=True).returncode == 0, lines
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(30)
