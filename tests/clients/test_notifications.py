"""Keyspace notifications: the genuine redis-server says the same of every command, and all nodes hear of all keys."""

import time

import pytest

import servers

# One line is one request; each stands for itself and for what is left by those before it.
COMMANDS = """
SET s v
SET s v2 EX 100
SET s v3 NX
SET s v4 KEEPTTL
SETNX s x
SETNX s2 x
GETSET s y
MSET m1 1 m2 2
MSETNX m1 1 m3 3
MSETNX m3 1 m4 3
SETEX s 100 v
PSETEX s 100000 v
APPEND s tail
SETRANGE s 2 xx
SETRANGE s 2
INCR n
DECR n
INCRBY n 5
DECRBY n 2
INCRBYFLOAT n 1.5
GETDEL n
GETDEL n
GETEX s
GETEX s EX 50
GETEX s PERSIST
GETEX s PERSIST
SETBIT bits 3 1
BITFIELD bits SET u8 0 7
BITOP NOT bits2 bits
BITOP AND bits2 nosuch nosuch2
PFADD hll a b
PFADD hll a
PFMERGE hll2 hll
LPUSH l a b c
RPUSH l d
LPUSHX l e
LPUSHX nosuch e
RPUSHX l f
LINSERT l BEFORE a z
LINSERT l BEFORE nosuch z
LSET l 0 q
LREM l 1 q
LREM l 1 nosuch
LTRIM l 0 3
LPOP l
RPOP l
RPOPLPUSH l l2
LMOVE l l2 LEFT RIGHT
LMOVE l2 l2 RIGHT LEFT
LMPOP 2 nosuch l2 LEFT
LMPOP 1 l2 RIGHT COUNT 10
RPUSH l a b c d
BLPOP l 0
BRPOP nosuch l 0
BLMOVE l l2 LEFT LEFT 0
BRPOPLPUSH l l2 0
BLMPOP 0 1 l2 LEFT
LPOP l2 10
RPUSH l a
LTRIM l 5 10
SADD t a b c d
SADD t a
SREM t a
SREM t nosuch
SMOVE t t2 b
SMOVE t t2 nosuch
SPOP t2
SINTERSTORE t3 t t
SUNIONSTORE t3 t t2
SDIFFSTORE t3 t t
SINTERSTORE t3 nosuch t
SREM t c d
HSET h f 1 g 2
HSET h f 1
HSETNX h f 1
HSETNX h k 1
HMSET h f 3
HINCRBY h f 2
HINCRBYFLOAT h f 1.5
HDEL h f nosuch
HDEL h g k
ZADD z 1 a 2 b 3 c 4 d 5 e
ZADD z 1 a
ZADD z INCR 1 a
ZINCRBY z 2 a
ZREM z nosuch
ZREM z a
ZPOPMIN z
ZPOPMAX z
ZMPOP 1 z MIN
BZPOPMIN z 0
ZADD z 1 a 2 b 3 c 4 d 5 e
BZPOPMAX z 0
BZMPOP 0 1 z MAX
ZRANGESTORE z2 z 0 -1
ZUNIONSTORE z2 2 z z2
ZINTERSTORE z2 2 z z2
ZDIFFSTORE z2 2 z nosuch
ZDIFFSTORE z2 2 z z
ZREMRANGEBYSCORE z 1 1
ZREMRANGEBYRANK z 0 0
ZREMRANGEBYLEX z - +
GEOADD g 13.36 38.11 p 15.08 37.50 c
GEOSEARCHSTORE g2 g FROMLONLAT 15 37 BYRADIUS 200 km
GEORADIUS g 15 37 200 km STORE g3
GEORADIUS g 1 1 1 km STORE g3
XADD x 1-1 f v
XADD x 2-1 f v
XADD x 3-1 f v
XDEL x 2-1
XDEL x 2-1
XTRIM x MAXLEN 1
XTRIM x MAXLEN 1
XSETID x 9-9
XGROUP CREATE x grp 0
XGROUP CREATECONSUMER x grp one
XGROUP SETID x grp 0
XGROUP DELCONSUMER x grp one
XADD x 10-1 f v
XADD x MAXLEN 1 11-1 f v
XREADGROUP GROUP grp two COUNT 1 STREAMS x >
XCLAIM x grp three 0 11-1
XAUTOCLAIM x grp four 0 0
XACK x grp 11-1
XGROUP DELCONSUMER x grp nosuch
XGROUP CREATECONSUMER x grp two
XGROUP DESTROY x grp
XGROUP DESTROY x grp
XGROUP CREATE x2 grp 0 MKSTREAM
EXPIRE s 100
EXPIRE s 200 GT
EXPIRE s 100 GT
PEXPIRE s 100000
EXPIREAT s 4000000000
PEXPIREAT s 4000000000000
PERSIST s
PERSIST s
EXPIRE nosuch 100
RENAME s s9
RENAMENX s9 m1
RENAMENX s9 s
COPY s s8
COPY s s8
COPY s s7 REPLACE
EXPIRE s8 -1
DEL s nosuch
UNLINK m1 m2 m3
MULTI
SET tx 1
INCR tx
DEL tx
EXEC
EVAL redis.call('set',KEYS[1],'1')redis.call('expire',KEYS[1],5)redis.call('del',KEYS[1]) 1 lua
GET nosuch
GETRANGE nosuch 0 1
HGET nosuch f
SET gone v PX 20
""".strip().splitlines()


def heard(listener, until):
    """The messages until one on the channel `until`."""
    messages = []
    while True:
        message = listener.read()
        if message[0] == b"pmessage":
            if message[2] == until:
                return messages
            messages.append((message[2], message[3]))


# Only of reading commands it is told that they miss a key; Redis tells it of some that write, too.
READING = {"GET", "GETRANGE", "HGET"}


def without_misses(line, messages):
    if line.split(" ")[0] in READING:
        return messages
    return [m for m in messages if b"keymiss" not in m and not m[0].endswith(b":keymiss")]


def told(server):
    """What a server says while the commands run, command by command."""
    with server.connect() as client, server.connect() as listener:
        client.call("FLUSHALL")
        assert client.call("CONFIG", "SET", "notify-keyspace-events", "KEAmn") == "OK"
        listener.call("PSUBSCRIBE", "*")
        try:
            answers = []
            for line in COMMANDS:
                client.call(*line.split(" "))
                if line.startswith("SET gone"):
                    time.sleep(0.5)
                    client.call("EXISTS", "gone")
                if line == "MULTI" or answers and answers[-1][0] == "queueing" and line != "EXEC":
                    answers.append(("queueing", line))
                    continue
                client.call("PUBLISH", "done", line)
                answers.append((line, without_misses(line, sorted(heard(listener, b"done")))))
            return answers
        finally:
            client.call("CONFIG", "SET", "notify-keyspace-events", "")


def test_every_command_says_what_it_says_on_redis(single, genuine):
    for ours, theirs in zip(told(single), told(genuine), strict=True):
        assert ours == theirs


@pytest.mark.synod_only
def test_a_node_hears_of_the_keys_of_all(cluster):
    listeners = [node.connect() for node in cluster.nodes]
    with cluster.nodes[0].connect() as client:
        for node, listener in zip(cluster.nodes, listeners):
            listener.call("CONFIG", "SET", "notify-keyspace-events", "E$")
            listener.call("SUBSCRIBE", "__keyevent@0__:set")
        time.sleep(1)  # a heartbeat tells the leaders what a node wants
        keys = [b"key:%d" % i for i in range(40)]
        for key in keys:
            client.call("SET", key, "v")
        for listener in listeners:
            # One that falls into a change of leader may be told twice.
            missing = set(keys)
            while missing:
                missing.discard(listener.read()[2])
    for node, listener in zip(cluster.nodes, listeners):
        listener.close()
        with node.connect() as client:
            client.call("CONFIG", "SET", "notify-keyspace-events", "")
