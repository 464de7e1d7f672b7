"""A thousand clients in one line for a lock: each release tells one, whoever came first, and nobody is lost on the way."""

import asyncio
import struct
import uuid

import pytest
import redis

import servers

pytestmark = pytest.mark.synod_only

COUNT = 1_000
WAITING = 1_000


@pytest.fixture(scope="module")
def ensemble():
    cluster = servers.synod(3, partitions=4, durability="always")
    for node, port in zip(cluster.nodes, servers.free_ports(3)):
        node.zookeeper = port
        node.command += ["--zookeeper", f"{servers.HOST}:{port}"]
    try:
        yield cluster.start()
    finally:
        cluster.close()


def text(value):
    return struct.pack(">i", len(value)) + value


ANYONE = struct.pack(">ii", 1, 31) + text(b"world") + text(b"anyone")


class Session:
    """One session that pings, for as many of them as one thread can have."""

    def __init__(self):
        self.xid, self.replies, self.events = 0, {}, asyncio.Queue()

    async def open(self, port):
        self.reader, self.writer = await asyncio.open_connection(servers.HOST, port)
        self.writer.write(struct.pack(">i", 45) + struct.pack(">iqiqi", 0, 0, 40_000, 0, 16) + bytes(16) + b"\0")
        _, granted, _ = struct.unpack(">iiq", (await self.frame())[:16])
        assert granted == 40_000
        self.tasks = [asyncio.create_task(self.listen()), asyncio.create_task(self.ping())]
        return self

    async def frame(self):
        (length,) = struct.unpack(">i", await self.reader.readexactly(4))
        return await self.reader.readexactly(length)

    async def ping(self):
        while True:
            await asyncio.sleep(10)
            self.writer.write(struct.pack(">iii", 8, -2, 11))

    async def listen(self):
        try:
            while True:
                frame = await self.frame()
                xid, _, code = struct.unpack(">iqi", frame[:16])
                if xid == -1:
                    self.events.put_nowait(frame)
                elif xid > 0:
                    self.replies.pop(xid).set_result((code, frame[16:]))
        except (OSError, asyncio.IncompleteReadError) as error:
            for reply in self.replies.values():
                reply.set_exception(error)
            self.events.put_nowait(None)

    async def ask(self, number, path, rest, fine=(0,)):
        self.xid += 1
        reply = self.replies[self.xid] = asyncio.get_running_loop().create_future()
        body = struct.pack(">ii", self.xid, number) + text(path.encode()) + rest
        self.writer.write(struct.pack(">i", len(body)) + body)
        code, answer = await reply
        assert code in fine, (number, path, code)
        return code, answer

    async def create(self, path, flags=0):
        _, answer = await self.ask(1, path, text(b"") + ANYONE + struct.pack(">i", flags), (0, -110))
        return answer[4:].decode()

    async def children(self, path):
        _, answer = await self.ask(8, path, b"\0")
        (count,), at, names = struct.unpack(">i", answer[:4]), 4, []
        for _ in range(count):
            (length,) = struct.unpack(">i", answer[at : at + 4])
            names.append(answer[at + 4 : at + 4 + length].decode())
            at += 4 + length
        return sorted(names, key=lambda name: name[-10:])

    async def watched(self, path):
        """Whether it is there; then its end is told."""
        code, _ = await self.ask(3, path, b"\1", (0, -101))
        return code == 0

    def close(self):
        for task in self.tasks:
            task.cancel()
        self.writer.close()


async def line_of_recipes(ports):
    sessions = await asyncio.gather(*[Session().open(ports[n % 3]) for n in range(COUNT)])
    await sessions[0].create("/line")
    served, told, inside = [], 0, 0
    everybody = asyncio.Event()

    async def contend(session):
        nonlocal told, inside
        mine = (await session.create(f"/line/{uuid.uuid4().hex}__lock__", 3)).rsplit("/", 1)[1]
        while True:
            names = await session.children("/line")
            place = names.index(mine)
            if place == 0:
                break
            if not await session.watched(f"/line/{names[place - 1]}"):
                continue
            if place == COUNT - 1:
                everybody.set()
            assert await session.events.get() is not None, "the connection was closed in line"
            told += 1
        await everybody.wait()
        inside += 1
        assert inside == 1
        served.append(mine[-10:])
        inside -= 1
        await session.ask(2, f"/line/{mine}", struct.pack(">i", -1))

    await asyncio.gather(*[contend(session) for session in sessions])
    extra = sum(session.events.qsize() for session in sessions)
    for session in sessions:
        session.close()
    return served, told, extra


def test_each_release_of_a_recipe_wakes_one_of_a_thousand(ensemble):
    run = asyncio.wait_for(line_of_recipes([node.zookeeper for node in ensemble.nodes]), 300)
    served, told, extra = asyncio.run(run)
    assert served == sorted(set(served)) and len(served) == COUNT
    assert (told, extra) == (COUNT - 1, 0), "each release tells one client one time"


def fields(info):
    return info if isinstance(info, dict) else dict(zip(info[::2], info[1::2]))


@pytest.mark.parametrize("name", ["line", "{zookeeper}/redis-line"])
def test_a_thousand_clients_of_redis_get_a_lock_in_turn(ensemble, name):
    async def call(client, *words):
        reader, writer = client
        words = [str(word).encode() for word in words]
        writer.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        answer = await reader.readuntil(b"\r\n")
        assert answer[:1] == b":", answer
        return int(answer[1:])

    async def run():
        ports = [node.port for node in ensemble.nodes]
        clients = [await asyncio.open_connection(servers.HOST, ports[n % 3]) for n in range(WAITING)]
        holder = redis.Redis(servers.HOST, ports[0], decode_responses=True)
        first = holder.execute_command("LOCK", "ACQUIRE", name, 600_000)
        tokens, inside = [first], 1

        async def take(client):
            nonlocal inside
            token = await call(client, "LOCK", "ACQUIRE", name, 600_000, "WAIT", 0)
            inside += 1
            assert inside == 1
            tokens.append(token)
            inside -= 1
            assert await call(client, "LOCK", "RELEASE", name, token) == 1

        tasks = [asyncio.create_task(take(client)) for client in clients]
        if name.startswith("{zookeeper}"):
            while fields(holder.execute_command("LOCK", "INFO", name))["waiting"] < WAITING:
                await asyncio.sleep(0.1)
        else:
            await asyncio.sleep(2)
        assert tokens == [first]
        inside -= 1
        assert holder.execute_command("LOCK", "RELEASE", name, first) == 1
        await asyncio.gather(*tasks)
        for _, writer in clients:
            writer.close()
        holder.close()
        return tokens

    tokens = asyncio.run(asyncio.wait_for(run(), 300))
    assert tokens == sorted(set(tokens)) and len(tokens) == WAITING + 1
