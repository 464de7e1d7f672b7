"""ioredis, node-redis and (called from elsewhere) node-zookeeper-client; each script is a small application that fails on the first wrong answer."""

import os
import pathlib
import subprocess

import pytest

SCRIPTS = pathlib.Path(__file__).parent / "node"


def run(script, *arguments):
    assert os.environ.get("NODE_PATH"), "NODE_PATH must name the folder with the clients"
    done = subprocess.run(["node", SCRIPTS / script, *map(str, arguments)], capture_output=True,
                          text=True, timeout=60)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_ioredis(single):
    run("ioredis_plain.js", single.port)


def test_ioredis_cluster(cluster):
    run("ioredis_cluster.js", *cluster.ports)


@pytest.mark.parametrize("protocol", (2, 3))
def test_node_redis(single, protocol):
    run("node_redis.js", single.port, protocol)


@pytest.mark.synod_only
def test_plain_clients_on_any_node(cluster):
    """A client that knows nothing of clusters, with all its keys wherever they are."""
    run("plain_anywhere.js", *cluster.ports)
