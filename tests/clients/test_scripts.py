"""Scripts as applications use them: redis-py's register_script, Lock and pipelines, on one node and on any of three."""

import pytest
import redis
import resp
import servers
from redis.cluster import RedisCluster

MOVE = """
local value = redis.call('GET', KEYS[1])
if value then
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[2], value)
end
return value
"""


def plain(node):
    return redis.Redis(port=node.port)


def nodes_of(cluster):
    return [plain(node) for node in cluster.nodes]


def test_a_registered_script_runs_as_one(single):
    client = plain(single)
    client.set("a", "v")
    move = client.register_script(MOVE)
    assert move(keys=["a", "b"]) == b"v"
    assert (client.get("a"), client.get("b")) == (None, b"v")
    assert move(keys=["a", "b"]) is None
    assert client.script_exists(move.sha) == [True]


def test_scripts_in_a_pipeline_and_in_a_transaction(single):
    client = plain(single)
    add = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    for transaction in (False, True):
        client.delete("n")
        pipe = client.pipeline(transaction=transaction)
        add(keys=["n"], args=[2], client=pipe)
        pipe.get("n")
        add(keys=["n"], args=[3], client=pipe)
        assert pipe.execute() == [2, b"2", 5]


def test_a_lock_is_held_by_one_and_given_back(single):
    client = plain(single)
    lock = client.lock("lock", timeout=30)
    assert lock.acquire(blocking=False)
    assert not client.lock("lock", timeout=30).acquire(blocking=False)
    assert lock.extend(30) and lock.reacquire()
    lock.release()
    assert client.get("lock") is None
    with pytest.raises(redis.exceptions.LockError):
        lock.release()


def test_a_script_that_is_loaded_is_known_on_every_node(cluster):
    nodes = nodes_of(cluster)
    sha = nodes[0].script_load("return redis.call('SET', KEYS[1], ARGV[1])")
    for at, node in enumerate(nodes):
        assert node.script_exists(sha, "0" * 40) == [True, False]
        # Keys of all partitions, each through a node that mostly does not lead it.
        for key in "abcdefgh":
            assert node.evalsha(sha, 1, key, at) == b"OK"
    assert nodes[-1].script_flush()
    for node in nodes:
        assert node.script_exists(sha) == [False]
        with pytest.raises(redis.exceptions.NoScriptError):
            node.evalsha(sha, 1, "a", 1)


def test_keys_of_one_script_lie_anywhere_if_they_are_declared(cluster):
    client = nodes_of(cluster)[0]
    write = "for at, key in ipairs(KEYS) do redis.call('SET', key, at) end return redis.call('MGET', unpack(KEYS))"
    assert client.eval(write, 4, "a", "b", "c", "d") == [b"1", b"2", b"3", b"4"]
    with pytest.raises(redis.ResponseError, match="non local key"):
        client.eval("for i = 1, 100 do redis.call('GET', i) end", 1, "a")


def test_the_cluster_client_runs_scripts(cluster):
    client = RedisCluster(host="127.0.0.1", port=cluster.nodes[0].port)
    sha = client.script_load("return {KEYS[1], ARGV[1]}")
    assert client.evalsha(sha, 1, "x", "y") == [b"x", b"y"]
    assert client.eval("return redis.call('INCR', KEYS[1])", 1, "{s}n") == 1
    assert client.eval_ro("return redis.call('GET', KEYS[1])", 1, "{s}n") == b"1"
    with client.lock("{s}lock", timeout=10):
        pass


def test_a_script_wakes_who_waits_for_what_it_pushes(single):
    from concurrent.futures import ThreadPoolExecutor

    for declared in (["list"], []):
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(plain(single).blpop, "list", 30)
            servers.wait_until("the client waits", lambda: blocked(single))
            plain(single).eval("redis.call('RPUSH', 'list', ARGV[1])", len(declared), *declared, "v")
            assert waiting.result(timeout=30) in ((b"list", b"v"), [b"list", b"v"])


def blocked(node):
    return any(client["flags"] == "b" for client in plain(node).client_list())


def test_flags_decide_what_runs_while_memory_is_short(single, genuine):
    scripts = {
        "#!lua flags=allow-oom\nreturn redis.call('set', KEYS[1], 1)": "runs",
        "#!lua flags=no-writes\nreturn redis.call('get', KEYS[1])": "runs",
        "#!lua flags=no-writes\nreturn redis.call('set', KEYS[1], 1)": "fails",
        "#!lua\nreturn 1": "oom",
        "return redis.call('set', KEYS[1], 1)": "oom",
    }
    library = """#!lua name=short
        local function set(keys) return redis.call('set', keys[1], 1) end
        redis.register_function{function_name='plain', callback=set}
        redis.register_function{function_name='allowed', callback=set, flags={'allow-oom'}}
        redis.register_function{function_name='reads', callback=function() return 1 end, flags={'no-writes'}}"""

    def outcome(reply):
        return ("oom" if reply.startswith("OOM") else "fails") if isinstance(reply, resp.Error) else "runs"

    for node in (single, genuine):
        with node.connect() as connection:
            connection.call("SET", "k", "v")
            digests = [connection.call("SCRIPT", "LOAD", text) for text in scripts]
            connection.call("FUNCTION", "LOAD", "REPLACE", library)
            try:
                connection.call("CONFIG", "SET", "maxmemory", "1")
                servers.wait_until("memory is short", lambda: str(connection.call("SET", "k", "v")).startswith("OOM"))
                told = [outcome(connection.call("EVAL", text, "1", "k")) for text in scripts]
                assert told == list(scripts.values())
                told = [outcome(connection.call("EVALSHA", digest, "1", "k")) for digest in digests]
                assert told == list(scripts.values())
                calls = [outcome(connection.call("FCALL", name, "1", "k")) for name in ("plain", "allowed", "reads")]
                assert calls == ["oom", "runs", "runs"]
                assert connection.call("EVALSHA", "0" * 40, "1", "k").startswith("NOSCRIPT")
            finally:
                connection.call("CONFIG", "SET", "maxmemory", "0")
                servers.wait_until("memory is no longer short", lambda: connection.call("SET", "k", "v") == resp.Simple("OK"))
                connection.call("FUNCTION", "FLUSH")


@pytest.mark.synod_only
def test_what_is_not_for_a_cluster_and_what_may_write(single):
    with single.connect() as connection:
        refused = "ERR Can not run script on cluster, 'no-cluster' flag is set."
        assert connection.call("EVAL", "#!lua flags=no-cluster\nreturn 1", "0") == refused
        assert connection.call("EVAL_RO", "#!lua flags=no-cluster,no-writes\nreturn 1", "0") == refused
        writes = "ERR Can not execute a script with write flag using *_ro command."
        assert connection.call("EVAL_RO", "#!lua flags=\nreturn 1", "0") == writes
        assert connection.call("EVAL_RO", "#!lua flags=no-writes\nreturn 1", "0") == 1
        library = "#!lua name=nc\nredis.register_function{function_name='nc', callback=function() return 1 end, flags={'no-cluster'}}"
        connection.call("FUNCTION", "LOAD", "REPLACE", library)
        assert connection.call("FCALL", "nc", "0") == refused
        connection.call("FUNCTION", "FLUSH")
