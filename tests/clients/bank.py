"""A bank for the tests of transactions over keys, services and databases: nodes, PostgreSQL servers and a service with accounts."""

import base64
import http.server
import json
import pathlib
import shutil
import signal
import ssl
import tempfile
import threading
import urllib.error
import urllib.request

import redis

import postgres
import servers

ACCOUNT = "acct:{alice}"


def ask(node, path, body=None, user=None, headers=None, path_root="/v1/tx"):
    """The status and the JSON of the answer."""
    data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
    request = urllib.request.Request(f"http://{servers.HOST}:{node.http}{path_root}{path}", data)
    if data is not None:
        request.add_header("Content-Type", "application/json")
    if user is not None:
        request.add_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        return error.code, json.loads(text) if text.startswith("{") else {"error": text}


class Service:
    """A participant that speaks HTTP: an account, and what it was told. `on` is called with each action before the answer, and may
    return the status to answer with."""

    def __init__(self, certificate=None):
        self.balance, self.held, self.ended, self.heard = 100, {}, {}, []
        self.on = lambda action: None
        self.lock = threading.Lock()
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = service.tell(told)
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    pass  # whoever asked is dead

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((servers.HOST, 0), Handler)
        self.port, scheme = self.server.server_address[1], "http"
        if certificate is not None:
            self.context, scheme = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "https"
            self.context.load_cert_chain(*certificate)
            # The handshake is done by the thread of the request: a client that ends it holds up nobody else.
            self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
            self.server.handle_error = lambda *_: None
        self.url = f"{scheme}://{servers.HOST}:{self.port}/tx?secret=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def tell(self, told):
        action, name = told["action"], told["transaction"]
        with self.lock:
            self.heard.append(action)
        status = self.on(action)
        with self.lock:
            return status or self.obey(action, name, told)

    def obey(self, action, name, told):
        if action == "prepare":
            if name in self.ended:
                return 409
            amount = told["data"]["add"]
            if self.balance + amount < 0:
                return 409
            self.held[name] = amount
        elif action == "commit" and name not in self.ended:
            self.balance += self.held.pop(name)
            self.ended[name] = action
        elif action == "abort" and name not in self.ended:
            self.held.pop(name, None)
            self.ended[name] = action
        elif action in ("commit", "abort") and self.ended[name] != action:
            return 500
        return 200

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Bank:
    """Three nodes, two databases and a service, with 100 in each of four accounts. With a certificate and its key databases and
    service speak TLS only, and the nodes believe the CA."""

    def __init__(self, nodes=3, prepared=16, certificate=None, ca=None, sslmode=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="synod-tx-"))
        self.directory.chmod(0o755)
        self.ca, self.sslmode = ca, sslmode
        self.service = Service(certificate)
        self.databases = [postgres.Postgres(self.directory, name, prepared, certificate) for name in ("north", "south")]
        self.cluster = servers.synod(nodes, partitions=4, durability="always")
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        names = self.directory / "databases.toml"
        for database in self.databases:
            database.start()
            database.ask("CREATE TABLE accounts (owner text PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0));"
                         "INSERT INTO accounts VALUES ('alice', 100)")  # fmt: skip
        mode = f" sslmode={self.sslmode}" if self.sslmode else ""
        names.write_text("".join(f'{database.name} = "{database.string()}{mode}"\n' for database in self.databases))
        for node in self.cluster.nodes:
            node.command += ["--tx-databases", str(names), "--tx-callbacks", f"{servers.HOST}:{self.service.port}"]
            if self.ca is not None:
                node.command += ["--tx-ca-file", str(self.ca)]
        self.cluster.start()
        self.client(0).set(ACCOUNT, 100)

    def close(self):
        self.cluster.close()
        self.service.close()
        for database in self.databases:
            database.stop(signal.SIGQUIT)
        shutil.rmtree(self.directory, ignore_errors=True)

    def client(self, at):
        return redis.Redis(servers.HOST, self.cluster.nodes[at].port, decode_responses=True)

    def balances(self, at=0):
        sql = "SELECT balance FROM accounts WHERE owner = 'alice'"
        return [int(database.ask(sql)) for database in self.databases] + [
            self.service.balance, int(self.client(at).get(ACCOUNT))
        ]  # fmt: skip

    def begin(self, node, **fields):
        status, told = ask(node, "", {"deadline_ms": 20000, **fields})
        assert status in (200, 201), told
        return told["id"]

    def enlist(self, node, tx, north=-30, south=10, service=15, key=5):
        """Moves money from the first database to the others."""
        sql = "UPDATE accounts SET balance = balance + $1::text::bigint WHERE owner = $2"
        for database, amount in zip(self.databases, (north, south)):
            statement = {"sql": sql, "params": [str(amount), "alice"], "rows": 1}
            part = {"database": database.name, "statements": [statement]}
            assert ask(node, f"/{tx}/enlist", {"name": database.name, "postgres": part})[0] == 200
        part = {"url": self.service.url, "data": {"add": service}}
        assert ask(node, f"/{tx}/enlist", {"name": "service", "http": part})[0] == 200
        commands = [{"command": ["INCRBY", ACCOUNT, str(key)], "reply_min": 0}, ["RPUSH", "journal", tx]]
        assert ask(node, f"/{tx}/enlist", {"name": "keys", "keys": commands})[0] == 200

    def settled(self, node, tx):
        """The record, once everybody has ended it."""

        def ended():
            status, told = ask(node, f"/{tx}")
            return told if status == 200 and told["ended"] else None

        return servers.wait_until("the transaction has ended", ended, 60)

    def nothing_held(self):
        assert [database.prepared_names() for database in self.databases] == [[], []]
        assert self.service.held == {}
