"""redis-cli and redis-benchmark, as they come with Redis."""

import re
import subprocess
import urllib.request

import pytest

import resp
import servers


def cli(node, *arguments, input=None):
    command = ["redis-cli", "-h", servers.HOST, "-p", str(node.port), *arguments]
    done = subprocess.run(command, input=input, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def test_commands_as_arguments_and_as_lines(single):
    assert cli(single, "SET", "a", "1") == "OK\n"
    assert cli(single, "GET", "a") == "1\n"
    assert cli(single, "--no-raw", "GET", "a") == '"1"\n'
    assert cli(single, "-3", "--no-raw", "HSET", "h", "f", "v") == "(integer) 1\n"
    assert cli(single, "-3", "--no-raw", "HGETALL", "h") == '1# "f" => "v"\n'
    lines = b'MULTI\nINCR a\nINCR a\nEXEC\nGET "a"\nNOSUCH\n'
    assert cli(single, input=lines).split("\n")[:6] == ["OK", "QUEUED", "QUEUED", "2", "3", "3"]


def test_pipe_mode_loads_a_file(single):
    count = 20_000
    data = b"".join(resp.encode(["SET", f"pipe:{i}", f"value {i}"]) for i in range(count))
    told = cli(single, "--pipe", input=data)
    assert f"errors: 0, replies: {count}" in told
    with single.connect() as connection:
        assert connection.call("DBSIZE") == count


def test_scan_and_bigkeys(single):
    with single.connect() as connection:
        connection.pipeline([["SET", f"key:{i}", "v"] for i in range(100)])
        connection.call("RPUSH", "list", *range(50))
    assert len(cli(single, "--scan", "--pattern", "key:*").split()) == 100


def test_the_cluster_mode_follows_to_the_leader(cluster):
    for i in range(30):
        node = cluster.nodes[i % 3]
        assert cli(node, "-c", "SET", f"c:{i}", str(i)).strip().endswith("OK")
        assert cli(cluster.nodes[(i + 1) % 3], "-c", "GET", f"c:{i}").strip().endswith(str(i))


@pytest.mark.synod_only
def test_without_cluster_mode_no_node_redirects(cluster):
    for i in range(30):
        assert cli(cluster.nodes[i % 3], "SET", f"c:{i}", str(i)) == "OK\n"
        assert cli(cluster.nodes[(i + 1) % 3], "GET", f"c:{i}") == f"{i}\n"


def benchmark(node, *arguments):
    command = ["redis-benchmark", "-h", servers.HOST, "-p", str(node.port), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert "error" not in told.lower() and "warning" not in told.lower(), told
    return told


# What the default run does, in its words.
DEFAULT_TESTS = ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "RPUSH", "LPOP", "RPOP",
                 "SADD", "HSET", "SPOP", "ZADD", "ZPOPMIN", "LPUSH", "LRANGE_100", "LRANGE_300",
                 "LRANGE_500", "LRANGE_600", "MSET"]  # fmt: skip


@pytest.mark.parametrize("options", [(), ("-3",), ("-P", "16")], ids=["default", "resp3", "pipelined"])
def test_the_whole_default_benchmark(single, options):
    told = benchmark(single, "-n", "3000", "-q", *options)
    done = re.findall(r"^(\S+)(?: \(.*?\))?: [\d.]+ requests per second", told.replace("\r", "\n"), re.M)
    assert done == DEFAULT_TESTS, told


def test_the_benchmark_with_random_keys(single):
    told = benchmark(single, "-n", "5000", "-r", "1000", "-q", "-d", "200", "-t", "set,get,incr,lpush,sadd,hset")
    assert told.count("requests per second") == 6


@pytest.mark.synod_only
def test_the_default_benchmark_on_one_node_of_a_cluster(cluster):
    """All keys of a test are one key, so even MSET stays within a partition."""
    benchmark(cluster.nodes[1], "-n", "2000", "-q")


def test_the_benchmark_in_cluster_mode(cluster):
    told = benchmark(cluster.nodes[0], "--cluster", "-n", "3000", "-q", "-r", "1000", "-t", "set,get,incr")
    assert told.count("requests per second") == 3


@pytest.mark.synod_only
def test_a_browser_is_told_what_there_is(single):
    def page(path):
        with urllib.request.urlopen(f"http://{servers.HOST}:{single.http}{path}", timeout=10) as answer:
            return answer.read().decode()

    paths = re.findall(r"^(/\w+) ", page("/"), re.M)
    assert paths == ["/status", "/top", "/metrics", "/health", "/commands"]
    # Those of ZooKeeper's monitors are there where its clients are served.
    for path in paths[:-1]:
        assert page(path)
