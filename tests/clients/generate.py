"""Random command sequences over a small key space, from tables that read like a command reference.

A template is a line of words. `A|B|` picks one of the alternatives (an empty one leaves the word out),
`{x}` draws a value of kind x, and `( ... )+` repeats one to three times. All comes from one seed.
Nothing depends on the clock: times to live are long, absolute times far away, stream ids explicit.
"""

import hashlib
import random
import re

# Few keys per family, so that commands meet; shared ones bring the wrong type about. The sorted set
# `level` stands apart: BYLEX is only defined where all scores are equal. So does `number`, which holds
# only what INCRBYFLOAT can add up exactly.
KEYS = {family: [f"{family}{i}" for i in (1, 2, 3)] for family in
        ("string", "list", "set", "hash", "zset", "stream")}  # fmt: skip
ALL_KEYS = [key for keys in KEYS.values() for key in keys]
# What other families work on; HyperLogLogs stand apart, since PFCOUNT keeps its result in them in Redis and not here.
KEYS |= {"bitmap": KEYS["string"], "geo": KEYS["zset"], "group": KEYS["stream"], "hyperloglog": ["hll1", "hll2", "hll3"]}
OTHERS = ["string", "list", "set", "hash", "zset", "stream", "keys"]

VALUES = [b"a", b"b", b"c", b"hello world", b"", b"0", b"1", b"-7", b"42", b"3.5", b"1e3", b" 1",
          b"01", b"+1", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808",
          b"\x00\xff\r\n", b"nan", b"inf", "é".encode(), b"x" * 70, b"y" * 5000]  # fmt: skip
INTEGERS = ["0", "1", "-1", "2", "10", "-10", "123456789", "9223372036854775807",
            "-9223372036854775808", "9223372036854775808", "1.5", "abc", "", " 1", "+1"]  # fmt: skip
# Exact in binary: Redis counts with the x87's 80 bits, synod with 64, and neither rounds these.
FLOATS = ["0", "1", "-1", "0.5", "-0.25", "3.0e2", "1048576.125", "10.125", "1e9", "inf", "-inf", "nan",
          "abc", "", " 1", "1 ", "+1", "1e", "."]  # fmt: skip
# None of them expires while the test runs.
TTLS = ["0", "-1", "-5000000000", "abc", "", "1.5", "123456789", "9223372036854775807",
        "-9223372036854775808", "9223372036854775808", "9223372036854775"]  # fmt: skip
SCORES = ["0", "1", "2", "3", "-1", "1.5", "2.25", "0.1", "1e20", "-1e20", "inf", "-inf", "+inf",
          "nan", "abc", "3.0", "17179869184", "123456789012345680", "1e-7"]  # fmt: skip
BOUNDS = ["-inf", "+inf", "0", "1", "(1", "2", "(2", "3", "1.5", "(inf", "abc", "1e20"]
LEX = ["-", "+", "[a", "(a", "[b", "(c", "[", "(", "a", ""]
INDEXES = ["0", "1", "2", "3", "-1", "-2", "-3", "5", "100", "-100", "abc", "4294967296"]
COUNTS = ["0", "1", "2", "3", "100", "-1", "abc"]
IDS = ["1-1", "1-2", "2-0", "3", "5-5", "7-*", "0-0", "9-18446744073709551615", "10-0", "abc",
       "1-", "-1-1", "12-3", "18446744073709551615-1"]  # fmt: skip
RANGE_IDS = ["-", "+", "1", "2", "1-1", "(1-1", "5-5", "(5", "abc", "(-", "3-0"]
PATTERNS = ["*", "string*", "*1", "?et2", "[sl]*", "[^s]*", "\\*", "zset[1-2]", "", "nothing"]
BITS = ["0", "1", "7", "8", "15", "100", "1000", "#1", "-1", "abc", "4294967296"]
LONGITUDES = ["13.361389", "15.087269", "0", "-120.5", "179.9", "-180", "181", "abc", ""]
LATITUDES = ["38.115556", "37.502669", "0", "-45.25", "85", "86", "abc"]
RADII = ["0", "1", "200", "5000", "-1", "abc"]
# Sure to be the same everywhere: no text of theirs depends on an address, the order of a table or the time.
LUA = [
    "return redis.call('SET', KEYS[1], ARGV[1])", "return redis.pcall('INCR', KEYS[1])", "return redis.call('INCR', KEYS[1])",
    "redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('LRANGE', KEYS[1], 0, -1)",
    "return redis.pcall('LPUSH', KEYS[1], ARGV[1])['err'] or 'ok'", "return {1, 2, {3, ARGV[1], false}, nil, 5}",
    "return {ok = ARGV[1]}", "return {err = ARGV[1]}", "return redis.status_reply(ARGV[1])", "return redis.error_reply(ARGV[1])",
    "return tonumber(ARGV[1])", "return tostring(tonumber(ARGV[1]))", "return 3.99", "return true", "return false", "return nil", "return",
    "return #KEYS + #ARGV", "return redis.sha1hex(ARGV[1] or '')", "return cjson.encode({1, 2.5, 'x', ARGV[1]})",
    "return cjson.decode('[1,\"a\",null,true]')", "return cjson.decode(ARGV[1])", "return cmsgpack.unpack(cmsgpack.pack({1, 'a', ARGV[1]}))",
    "return {struct.unpack('>I2i4', struct.pack('>I2i4', 258, -5))}", "return bit.tohex(bit.bxor(tonumber(ARGV[1]), 255))",
    "return string.format('%s|%5.2f|%q', ARGV[1], 3.14159, 'x')", "error('gone')", "error({err = 'ERR mine'})", "return redis.call('NOSUCH')",
    "return redis.call('GET')", "return redis.pcall('GET', KEYS[1], 'x')", "return redis.call()", "return redis.call('EVAL', 'return 1', 0)",
    "this is no script", "return nosuch", "x = 1", "local a = {} a[1][2] = 3", "return redis.call('HSET', KEYS[1], ARGV[1], 'v', 'w', 1)",
    "for i = 1, 20 do redis.call('SADD', KEYS[1], i) end return redis.call('SCARD', KEYS[1])", "redis.setresp(3) return redis.call('ZADD', KEYS[1], 1, 'a')",
    "return redis.call('MGET', unpack(KEYS))", "return {unpack(ARGV)}", "return table.concat(ARGV, ',')", "return {ARGV[1]:sub(2), #ARGV[1]}",
    "#!lua\nreturn redis.call('SET', KEYS[1], 1)", "#!lua flags=no-writes\nreturn redis.call('SET', KEYS[1], 1)",
    "#!lua flags=no-writes\nreturn redis.call('GET', KEYS[1])", "#!lua flags=foo\nreturn 1", "#!js\nreturn 1", "#!lua",
]  # fmt: skip
LOADED = 12
MEMBERS = ["a", "b", "c", "d", "1", "2", "-5", "hello world", "", "x" * 70]

TEMPLATES = {
    "string": """
        SET {k} {v}
        SET {k} {v}
        SET {k} {v} NX|XX|GET|KEEPTTL|EX {ttl}
        SET {k} {v} NX|XX| GET|
        SET {k} {v} EX {ttl} NX|XX|GET|
        SET {k} {v} PX {ttlms}
        SET {k} {v} EXAT {at}
        SET {k} {v} PXAT {atms}
        SET {k} {v} EX|PX|EXAT|PXAT {badttl}
        SET {k} {v} NX|EX|KEEPTTL|foo XX|PX|GET {ttl}
        GET {k}
        GET {k}
        GETDEL {k}
        GETEX {k}
        GETEX {k} PERSIST|EX|KEEPTTL
        GETEX {k} EX {ttl}
        GETEX {k} PXAT {atms}
        GETEX {k} EX|PX {badttl}
        SETNX {k} {v}
        SETEX {k} {ttl} {v}
        SETEX {k} {badttl} {v}
        PSETEX {k} {ttlms} {v}
        GETSET {k} {v}
        APPEND {k} {v}
        STRLEN {k}
        GETRANGE {k} {index} {index}
        SUBSTR {k} {index} {index}
        SETRANGE {k} {index} {v}
        INCR {k}
        DECR {k}
        INCRBY {k} {int}
        DECRBY {k} {int}
        INCRBYFLOAT number {float}
        INCRBYFLOAT number {float}
        INCRBYFLOAT level {float}
        SET number {float}
        MGET ( {k} )+
        MSET ( {k} {v} )+
        MSETNX ( {k} {v} )+
        LCS {k} {k} LEN|IDX|
        LCS {k} {k} IDX MINMATCHLEN {count} WITHMATCHLEN|foo|
        """,
    "list": """
        LPUSH {k} ( {v} )+
        RPUSH {k} ( {v} )+
        RPUSH {k} ( {m} )+
        LPUSH {k} ( {m} )+
        LPOP {k}
        RPOP {k}
        LPOP {k} {count}
        RPOP {k} {count}
        LLEN {k}
        LRANGE {k} {index} {index}
        LRANGE {k} 0 -1
        LINDEX {k} {index}
        LSET {k} {index} {v}
        LREM {k} {count} {m}
        LTRIM {k} {index} {index}
        LINSERT {k} BEFORE|AFTER|before|foo {m} {v}
        LPUSHX {k} ( {v} )+
        RPUSHX {k} ( {v} )+
        LMOVE {k} {k} LEFT|RIGHT LEFT|RIGHT|foo
        RPOPLPUSH {k} {k}
        LPOS {k} {m}
        LPOS {k} {m} RANK {index} COUNT {count}
        LPOS {k} {m} COUNT {count} MAXLEN {count} RANK 1|-1
        LMPOP 1|2|0|abc {k} {k} LEFT|RIGHT|foo COUNT {count}
        LMPOP 1 {k} LEFT|RIGHT
        SORT {k} BY nosort LIMIT {index} {count} DESC| STORE {k}
        SORT {k} ALPHA DESC|LIMIT| STORE {k}
        SORT {k} BY nosort LIMIT {count} {count} GET # GET string* STORE {k}
        SORT_RO {k} BY nosort STORE {k}
        """,
    "set": """
        SADD {k} ( {m} )+
        SADD {k} ( {v} )+
        SADD {k} ( {int} )+
        SREM {k} ( {m} )+
        SREM {k} ( {int} )+
        SMEMBERS {k}
        SISMEMBER {k} {m}
        SCARD {k}
        SPOP {k} 1000
        SPOP {k} 0|-1|abc
        SRANDMEMBER {k} 1000|0|abc
        SMISMEMBER {k} ( {m} )+
        SMOVE {k} {k} {m}
        SINTER ( {k} )+
        SUNION ( {k} )+
        SDIFF ( {k} )+
        SINTERSTORE {k} ( {k} )+
        SUNIONSTORE {k} ( {k} )+
        SDIFFSTORE {k} ( {k} )+
        SINTERCARD 1|2|0|abc {k} {k}
        SINTERCARD 2 {k} {k} LIMIT {count}
        SORT {k} ALPHA DESC|LIMIT STORE {k}
        """,
    "hash": """
        HSET {k} ( {m} {v} )+
        HSET {k} ( {m} {int} )+
        HSET {k} {m} {v} {m}
        HGET {k} {m}
        HMGET {k} ( {m} )+
        HGETALL {k}
        HDEL {k} ( {m} )+
        HLEN {k}
        HEXISTS {k} {m}
        HINCRBY {k} {m} {int}
        HKEYS {k}
        HVALS {k}
        HSETNX {k} {m} {v}
        HMSET {k} ( {m} {v} )+
        HSTRLEN {k} {m}
        """,
    "zset": """
        ZADD {k} ( {score} {m} )+
        ZADD {k} ( {score} {m} )+
        ZADD {k} NX|XX|GT|LT|CH ( {score} {m} )+
        ZADD {k} NX|XX|GT|LT CH|GT|NX ( {score} {m} )+
        ZADD {k} INCR {score} {m}
        ZADD {k} NX|XX|GT|LT INCR {score} {m}
        ZADD {k} {score} {m} {score}
        ZREM {k} ( {m} )+
        ZSCORE {k} {m}
        ZRANGE {k} {index} {index} WITHSCORES|
        ZRANGE {k} {index} {index} REV|foo WITHSCORES|
        ZRANGE {k} {bound} {bound} BYSCORE WITHSCORES|REV|
        ZRANGE {k} {bound} {bound} BYSCORE REV| LIMIT {index} {index} WITHSCORES|
        ZADD level ( 0 {m} )+
        ZADD level ( 0 {m} )+
        ZRANGE level {lex} {lex} BYLEX REV|WITHSCORES|
        ZRANGE level {lex} {lex} BYLEX LIMIT {index} {index}
        ZRANGE {k} {index} {index} LIMIT {index} {index}
        ZRANGEBYSCORE {k} {bound} {bound} WITHSCORES|
        ZRANGEBYSCORE {k} {bound} {bound} WITHSCORES| LIMIT {index} {index}
        ZRANK {k} {m}
        ZCARD {k}
        ZINCRBY {k} {score} {m}
        ZPOPMIN {k}
        ZPOPMAX {k}
        ZPOPMIN {k} {count}
        ZPOPMAX {k} {count}
        ZMSCORE {k} ( {m} )+
        ZREVRANK {k} {m}
        ZCOUNT {k} {bound} {bound}
        ZLEXCOUNT level {lex} {lex}
        ZREVRANGE {k} {index} {index} WITHSCORES|
        ZREVRANGEBYSCORE {k} {bound} {bound} WITHSCORES|
        ZREVRANGEBYSCORE {k} {bound} {bound} LIMIT {index} {index}
        ZRANGEBYLEX level {lex} {lex} LIMIT {index} {index}
        ZREVRANGEBYLEX level {lex} {lex}
        ZRANGESTORE {k} {k} {index} {index} REV|
        ZRANGESTORE {k} {k} {bound} {bound} BYSCORE LIMIT {index} {index}
        ZREMRANGEBYRANK {k} {index} {index}
        ZREMRANGEBYSCORE {k} {bound} {bound}
        ZUNION 2 {k} {k} WITHSCORES|
        ZINTER 2 {k} {k} WEIGHTS {float} {float} WITHSCORES
        ZDIFF 2|1|3|0 {k} {k} WITHSCORES|
        ZUNIONSTORE {k} 2 {k} {k} AGGREGATE SUM|MIN|MAX|foo
        ZINTERSTORE {k} 2 {k} {k} WEIGHTS 1 {float}
        ZDIFFSTORE {k} 2 {k} {k}
        ZINTERCARD 2 {k} {k} LIMIT {count}
        ZMPOP 1|2|0|abc {k} {k} MIN|MAX|foo COUNT {count}
        ZMPOP 1 {k} MIN|MAX
        SORT {k} BY nosort DESC|ASC| LIMIT {count} {count} STORE {k}
        """,
    "bitmap": """
        SET {k} {v}
        SETBIT {k} {bit} 0|1|2
        SETBIT {k} {bit} 0|1
        GETBIT {k} {bit}
        BITCOUNT {k}
        BITCOUNT {k} {index} {index} BYTE|BIT|foo|
        BITPOS {k} 0|1|2
        BITPOS {k} 0|1 {index}
        BITPOS {k} 0|1 {index} {index} BYTE|BIT|
        BITOP AND|OR|XOR|foo {k} ( {k} )+
        BITOP NOT {k} {k}
        BITFIELD {k} SET u8|i5|u63|i64|u64|x {bit} {int} GET u4|i64 {bit}
        BITFIELD {k} OVERFLOW WRAP|SAT|foo INCRBY u2|i8|i64 {bit} {int}
        BITFIELD_RO {k} GET u8|i5|foo {bit}
        BITFIELD_RO {k} SET u8 0 1
        """,
    "geo": """
        GEOADD {k} {lon} {lat} {m}
        GEOADD {k} {lon} {lat} {m}
        GEOADD {k} NX|XX|CH ( {lon} {lat} {m} )+
        GEOPOS {k} ( {m} )+
        GEODIST {k} {m} {m} m|km|ft|mi|foo|
        GEOHASH {k} ( {m} )+
        GEOSEARCH {k} FROMLONLAT {lon} {lat} BYRADIUS {radius} km ASC|DESC COUNT 3|1 WITHHASH|
        GEOSEARCH {k} FROMMEMBER {m} BYBOX {radius} {radius} km ASC WITHDIST|WITHCOORD|foo|
        GEOSEARCHSTORE {k} {k} FROMMEMBER {m} BYRADIUS {radius} km ASC STOREDIST|
        GEORADIUSBYMEMBER {k} {m} {radius} km ASC STORE|STOREDIST {k}
        GEORADIUSBYMEMBER_RO {k} {m} {radius} km ASC WITHDIST|WITHHASH|
        GEORADIUS {k} {lon} {lat} {radius} km DESC COUNT {count}
        """,
    "hyperloglog": """
        PFADD {k} ( {m} )+
        PFADD {k} ( {int} )+
        PFADD {k}
        PFCOUNT ( {k} )+
        PFMERGE {k} ( {k} )+
        """,
    "group": """
        XADD {k} {id} ( {m} {v} )+
        XADD {k} {id} ( {m} {v} )+
        XGROUP CREATE {k} g|h {rangeid} MKSTREAM|foo|
        XGROUP CREATE {k} g 0 MKSTREAM
        XGROUP CREATE {k} h $|0 ENTRIESREAD {count}
        XGROUP SETID {k} g|h {rangeid}
        XGROUP DESTROY {k} h|nosuch
        XGROUP CREATECONSUMER {k} g|h alice|bob
        XGROUP DELCONSUMER {k} g|h alice|bob
        XREADGROUP GROUP g|h alice|bob COUNT {count} STREAMS {k} >
        XREADGROUP GROUP g|h alice|bob NOACK|COUNT STREAMS {k} >|0
        XREADGROUP GROUP g|h alice|bob STREAMS {k} {k} >|0 >|0
        XREADGROUP GROUP g|h alice|bob STREAMS {k} 0|>|$|abc
        XACK {k} g|h ( {id} )+
        XPENDING {k} g|h|nosuch
        XCLAIM {k} g|h alice|bob 0 ( {id} )+ JUSTID|FORCE
        XCLAIM {k} g bob 0 {id} RETRYCOUNT {count} FORCE JUSTID
        XAUTOCLAIM {k} g|h alice|bob 0 {rangeid} COUNT {count}
        XAUTOCLAIM {k} g|h alice|bob 0 0 JUSTID|foo|
        XINFO GROUPS {k}
        XREAD COUNT {count} STREAMS {k} 0|1-1|5|$|abc
        XSETID {k} {id}
        XDEL {k} ( {id} )+
        XTRIM {k} MAXLEN {count}
        """,
    "script": """
        EVAL {lua} 1 {k} {v}
        EVAL {lua} 1 {k} {v}
        EVAL {lua} 1 {k} {int}
        EVAL {lua} 2 {k} {k} {m} {m}
        EVAL {lua} 0|1|-1|abc|3 {k} {v}
        EVAL_RO {lua} 1 {k} {v}
        EVALSHA {sha} 1 {k} {v}
        EVALSHA_RO {sha} 1 {k} {v}
        SCRIPT EXISTS ( {sha} )+
        GET {k}
        DEL ( {k} )+
        """,
    "stream": """
        XADD {k} {id} ( {m} {v} )+
        XADD {k} {id} ( {m} {v} )+
        XADD {k} NOMKSTREAM {id} {m} {v}
        XADD {k} MAXLEN|MINID =| {count} {id} {m} {v}
        XADD {k} MAXLEN = {count} LIMIT {count} {id} {m} {v}
        XADD {k} {id} {m}
        XLEN {k}
        XRANGE {k} - +
        XRANGE {k} {rangeid} {rangeid}
        XRANGE {k} {rangeid} {rangeid} COUNT {count}
        XREVRANGE {k} {rangeid} {rangeid}
        XREVRANGE {k} + - COUNT {count}
        XDEL {k} ( {id} )+
        XTRIM {k} MAXLEN|MINID =|~| {count}
        XTRIM {k} MAXLEN|MINID ~|= {count} LIMIT {count}
        """,
    "keys": """
        DEL ( {k} )+
        UNLINK ( {k} )+
        EXISTS ( {k} )+
        TOUCH ( {k} )+
        TYPE {k}
        KEYS {pattern}
        RENAME {k} {k}
        RENAMENX {k} {k}
        COPY {k} {k} REPLACE|foo|
        DBSIZE
        FLUSHALL ASYNC|SYNC|foo|
        FLUSHDB ASYNC|foo|
        PING
        PING {v}
        ECHO {v}
        EXPIRE {k} {ttl} NX|XX|GT|LT|
        EXPIRE {k} {ttl} NX|XX|GT|LT|foo GT|XX|
        EXPIRE {k} {badttl}
        PEXPIRE {k} {ttlms} NX|XX|GT|LT|
        PEXPIRE {k} {badttl}
        EXPIREAT {k} {at} NX|XX|GT|LT|
        EXPIREAT {k} {badttl}
        PEXPIREAT {k} {atms}
        TTL {k}
        PTTL {k}
        EXPIRETIME {k}
        PEXPIRETIME {k}
        PERSIST {k}
        """,
    "scan": """
        SET {k} {m}
        RPUSH {k} {m}
        DEL {k}
        SCAN 0 COUNT 1000
        SCAN 0 MATCH {pattern} COUNT 1000
        SCAN 0 TYPE string|list|set|hash|zset|stream|foo COUNT 1000
        SCAN abc COUNT {count}
        SCAN 0 COUNT 0|abc|-1
        """,
    "transaction": """
        MULTI
        MULTI
        EXEC
        EXEC
        EXEC
        DISCARD
        WATCH ( {k} )+
        UNWATCH
        NOSUCHCOMMAND {m} {m}
        """,
}

# With another count they would answer at random, and ZRANK has one argument more since 7.2. The keys `number` and `level` are spared too.
NEVER_SPOILED = {"SPOP", "SRANDMEMBER", "SCAN", "ZRANK", "ZREVRANK"}
JUNK = ["", "x", "-1", "NX", "\x01", "99999999999999999999"]

TABLES = {"int": INTEGERS, "badttl": TTLS, "float": FLOATS, "score": SCORES, "bound": BOUNDS,
          "lex": LEX, "index": INDEXES, "count": COUNTS, "id": IDS, "rangeid": RANGE_IDS,
          "pattern": PATTERNS, "bit": BITS, "lon": LONGITUDES, "lat": LATITUDES, "radius": RADII, "lua": LUA,
          "sha": [hashlib.sha1(text.encode()).hexdigest() for text in LUA[:LOADED]] + ["0" * 40, "abc"]}  # fmt: skip

_TEMPLATES = {
    family: [line.split() for line in text.strip().splitlines()]
    for family, text in TEMPLATES.items()
}


class Generator:
    """Commands of one family, with some of the others in between."""

    def __init__(self, family, seed):
        self.family = family
        self.random = random.Random(f"{family} {seed}")

    def sequence(self, length):
        return [self.command() for _ in range(length)]

    def command(self):
        """One command as a list of byte strings; now and then it is spoiled."""
        family = self._family()
        template = self.random.choice(_TEMPLATES[family])
        self.keys = KEYS.get(family, ALL_KEYS)
        args = list(self._expand(template))
        roll = self.random.random()
        # A spoiled PFMERGE would make a HyperLogLog of another name.
        if args[0] in NEVER_SPOILED or args[0].startswith("PF") or {"number", "level"} & set(args):
            pass
        elif roll < 0.02 and len(args) > 1:
            args.pop()
        elif roll < 0.04:
            args.append(self.random.choice(JUNK))
        elif roll < 0.06 and len(args) > 1:
            # To Redis the empty string is the score 0, and NX an option of ZINCRBY; that is not copied.
            scored = args[0].startswith(("Z", "GEO"))
            junk = [word for word in JUNK if word not in ("", "NX") or not scored]
            args[self.random.randrange(1, len(args))] = self.random.choice(junk)
        elif roll < 0.10:
            args[0] = args[0].lower()
        return [arg if isinstance(arg, bytes) else arg.encode() for arg in args]

    def _family(self):
        if self.family == "mixed":
            return self.random.choice(OTHERS)
        if self.family == "transaction":
            # Not "keys": what speaks of all keys is refused inside a transaction, see test_cluster.py.
            return self.random.choice(["transaction", "transaction", "string", "list", "hash"])
        often = 1.0 if self.family == "scan" else 0.9
        return self.family if self.random.random() < often else "keys"

    def _expand(self, words):
        words = iter(words)
        for word in words:
            if word == "(":
                group = list(iter(lambda: next(words), ")+"))
                for _ in range(self.random.choice([1, 1, 2, 3])):
                    yield from self._expand(group)
            elif "|" in word:
                if chosen := self.random.choice(word.split("|")):
                    yield chosen
            elif match := re.fullmatch(r"\{(\w+)\}", word):
                yield self._draw(match[1])
            else:
                yield word

    def _draw(self, kind):
        pick = self.random.choice
        match kind:
            case "k" if self.family == "hyperloglog":
                return pick(self.keys)
            case "k":
                return pick(self.keys if self.random.random() < 0.93 else ALL_KEYS)
            case "v":
                return pick(VALUES)
            case "m":
                return pick(MEMBERS)
            case "ttl":  # so wide that two of them never tie
                return str(self.random.randrange(1_000, 1_000_000))
            case "ttlms":
                return str(self.random.randrange(1_000_000, 1_000_000_000))
            case "at":
                return str(self.random.randrange(4_000_000_000, 5_000_000_000))
            case "atms":
                return str(self.random.randrange(4_000_000_000_000, 5_000_000_000_000))
        return pick(TABLES[kind])


def final_look():
    """Commands that show all there is, whatever came before."""
    commands = [["DISCARD"], ["DBSIZE"], ["KEYS", "*"]]
    for key in [*ALL_KEYS, "level", "number"]:
        commands += [["TYPE", key], ["GET", key], ["LRANGE", key, "0", "-1"], ["SMEMBERS", key],
                     ["HGETALL", key], ["ZRANGE", key, "0", "-1", "WITHSCORES"],
                     ["XRANGE", key, "-", "+"], ["XINFO", "GROUPS", key], ["PTTL", key]]  # fmt: skip
    commands += [["PFCOUNT", key] for key in KEYS["hyperloglog"]]
    return [[arg.encode() for arg in command] for command in commands]
