"""Named locks by HTTP: the same locks and the same tokens as those of Redis's clients."""

import base64
import json
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest
import redis

import servers

pytestmark = pytest.mark.synod_only
NAME = "{vault}lock"


@pytest.fixture
def three():
    cluster = servers.synod(3, partitions=4, durability="always")
    try:
        yield cluster.start()
    finally:
        cluster.close()


def ask(node, path, body=None, user=None, kind="application/json"):
    """The status and the JSON of the answer."""
    data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
    request = urllib.request.Request(f"http://{servers.HOST}:{node.http}/v1/lock{path}", data)
    if data is not None:
        request.add_header("Content-Type", kind)
    if user is not None:
        request.add_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def client(node):
    return redis.Redis(servers.HOST, node.port, decode_responses=True)


def test_a_lock_is_one_lock_by_http_and_by_redis(three):
    one, other = three.nodes[0], client(three.nodes[1])
    status, got = ask(one, f"/{NAME}/acquire", {"ttl_ms": 60000})
    first = got["token"]
    assert (status, got) == (200, {"name": NAME, "token": first, "ttl_ms": 60000})
    assert other.execute_command("LOCK", "ACQUIRE", NAME, 1000) is None
    assert ask(three.nodes[2], f"/{NAME}/acquire", {"ttl_ms": 1000})[0] == 409
    told = {"name": NAME, "mode": "exclusive", "token": first, "holders": [{"token": first, "ttl": 60000, "renewals": 0}]}
    assert ask(three.nodes[2], f"/{NAME}") == (200, told)
    assert ask(one, "") == (200, {"locks": [NAME]})
    assert ask(one, f"/{NAME}/renew", {"token": first, "ttl_ms": 50000})[0] == 200
    assert ask(one, f"/{NAME}/write", {"token": first, "command": ["SET", "{vault}v", "http"]}) == (200, {"reply": "OK"})
    assert ask(one, f"/{NAME}/release", {"token": first})[0] == 200
    assert ask(one, f"/{NAME}/release", {"token": first})[0] == 409
    second = other.execute_command("LOCK", "ACQUIRE", NAME, 60000)
    assert second > first
    status, got = ask(one, f"/{NAME}/write", {"token": first, "command": ["SET", "{vault}v", "late"]})
    assert status == 409 and got["error"].startswith("FENCED")
    assert other.get("{vault}v") == "http"
    waiting = []
    thread = threading.Thread(
        target=lambda: waiting.append(ask(one, f"/{NAME}/acquire", {"ttl_ms": 1000, "wait_ms": 8000}))
    )
    thread.start()
    third = client(three.nodes[0])
    servers.wait_until("somebody waits", lambda: third.info("clients")["blocked_clients"] == 1)
    assert other.execute_command("LOCK", "RELEASE", NAME, second) == 1
    thread.join(30)
    assert waiting[0][0] == 200 and waiting[0][1]["token"] > second


def test_what_makes_no_sense_is_refused(three):
    node = three.nodes[0]
    cases = [
        (404, "/none", None),
        (400, "/a/acquire", {}),
        (400, "/a/acquire", {"ttl_ms": 0}),
        (400, "/a/acquire", {"ttl_ms": -1}),
        (400, "/a/acquire", {"ttl_ms": 1000, "wait_ms": 8001}),
        (400, "/a/acquire", {"ttl_ms": 1000, "shared": "yes"}),
        (400, "/a/acquire", b"[]"),
        (400, "/a/acquire", b"{"),
        (400, "/" + "n" * 513 + "/acquire", {"ttl_ms": 1000}),
        (400, "/a/renew", {"token": 1}),
        (409, "/a/renew", {"token": 1, "ttl_ms": 1}),
        (409, "/a/release", {"token": 1}),
        (400, "/a/release", {"token": "1"}),
        (400, "/a/write", {"token": 1, "command": []}),
        (400, "/a/write", {"token": 1, "command": ["GET", "a"]}),
        (400, "/a/write", {"token": 1, "command": ["SET", "elsewhere", 1]}),
        (409, "/a/write", {"token": 1, "command": ["SET", "a", "1"]}),
        (409, "/a/write", {"token": 1, "command": ["SET", "b", "1"]}),  # in another partition
    ]
    for status, path, body in cases:
        assert ask(node, path, body)[0] == status, (path, body)
    assert ask(node, "/a/acquire", {"ttl_ms": 1000}, kind="text/plain")[0] == 415


def test_whoever_asks_by_http_has_the_rights_of_a_user(three):
    node = three.nodes[0]
    admin = client(node)
    admin.execute_command("ACL", "SETUSER", "keeper", "on", ">pass:word", "~{vault}*", "+lock", "+fence", "+set")
    admin.execute_command("ACL", "SETUSER", "reader", "on", ">r", "~*", "+get")
    admin.execute_command("ACL", "SETUSER", "default", "on", "resetpass", ">secret")

    def known():
        return ask(node, f"/{NAME}/acquire", {"ttl_ms": 60000})[0] == 401

    servers.wait_until("strangers are refused", known)
    assert ask(node, f"/{NAME}", user="keeper:wrong")[0] == 401
    assert ask(node, f"/{NAME}", user="nobody:x")[0] == 401
    assert ask(node, f"/{NAME}/acquire", {"ttl_ms": 1000}, user="reader:r")[0] == 403
    status, got = ask(node, f"/{NAME}/acquire", {"ttl_ms": 60000}, user="keeper:pass:word")
    assert status == 200
    write = {"token": got["token"], "command": ["SET", "{vault}v", "1"]}
    assert ask(node, f"/{NAME}/write", write, user="keeper:pass:word")[0] == 200
    write["command"][0] = "APPEND"
    assert ask(node, f"/{NAME}/write", write, user="keeper:pass:word")[0] == 403
    assert ask(node, "/other/acquire", {"ttl_ms": 1000}, user="keeper:pass:word")[0] == 403
    assert ask(node, "/other/acquire", {"ttl_ms": 1000}, user=":secret")[0] == 200


HOLDER = """
import json, sys, urllib.request, urllib.error
def ask(what, **body):
    request = urllib.request.Request(sys.argv[1] + what, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
token = ask("/acquire", ttl_ms=1000)[1]["token"]
ask("/write", token=token, command=["SET", "{vault}value", "first"])
print(token, flush=True)
sys.stdin.readline()
# It has been stopped for longer than its lease, and knows nothing of it.
print(ask("/write", token=token, command=["SET", "{vault}value", "late"])[0])
print(ask("/renew", token=token, ttl_ms=1000)[0])
"""


def test_a_holder_that_was_stopped_past_its_lease_writes_nothing_late(three):
    url = f"http://{servers.HOST}:{three.nodes[0].http}/v1/lock/%7Bvault%7Dlock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        first = int(holder.stdout.readline())
        holder.send_signal(signal.SIGSTOP)
        other = client(three.nodes[1])
        assert other.get("{vault}value") == "first"
        second = other.execute_command("LOCK", "ACQUIRE", NAME, 60000, "WAIT", 20000)
        assert second > first
        other.execute_command("FENCE", NAME, second, "SET", "{vault}value", "second")
        holder.send_signal(signal.SIGCONT)
        late, _ = holder.communicate("go on\n", timeout=30)
        assert late.split() == ["409", "409"]
        assert other.get("{vault}value") == "second"
    finally:
        holder.kill()
        holder.wait()
