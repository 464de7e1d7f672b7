"""What `synod up` prints when it is ready is what a user types next, so it has to work as it stands."""

import re
import shlex
import signal
import subprocess
import urllib.request

import pytest
import redis
import redis.cluster  # noqa: F401  the hint names it

import servers

pytestmark = pytest.mark.synod_only


def base_port():
    """A port whose neighbours, and those of the peers and of HTTP above them, are free."""
    for port in range(3000, 12000, 10):
        if all(servers._is_free(port + offset + i) for offset in (0, 10000, 20000) for i in range(3)):
            return port
    raise RuntimeError("no free ports")


@pytest.fixture
def up(tmp_path):
    command = [servers.SYNOD_BIN, "up", "--base-port", str(base_port()), "--data", str(tmp_path / "up")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = []
    for line in process.stdout:
        said.append(line)
        if "Ctrl-C stops" in line:
            break
    yield "".join(said)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def test_every_hint_works_as_it_is_printed(up):
    shells = re.findall(r"(redis-cli -p \d+)", up)
    assert len(shells) == 3, up
    for command in shells:
        done = subprocess.run([*shlex.split(command), "PING"], capture_output=True, text=True, timeout=20)
        assert done.stdout.strip() == "PONG", done
    python = re.search(r"Python +(.*)", up).group(1).split(", or ")
    assert len(python) == 2, up
    for at, expression in enumerate(python):
        client = eval(expression, {"redis": redis})
        assert client.set(f"hint:{at}", "works")
        assert client.get(f"hint:{at}") == b"works"
        client.close()
    status = re.search(r"synod (status --http \S+?),", up).group(1)
    done = subprocess.run([servers.SYNOD_BIN, *shlex.split(status)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and "GROUP" in done.stdout, done
    for url in re.findall(r"(http://\S+)", up):
        with urllib.request.urlopen(url, timeout=10) as page:
            assert page.status == 200, url
