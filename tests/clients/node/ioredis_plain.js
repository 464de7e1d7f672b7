// ioredis as an application uses it, against one node. Prints nothing but what is wrong.
'use strict';
const assert = require('node:assert/strict');
const Redis = require('ioredis');

async function main(port) {
  const redis = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: 3 });
  const other = redis.duplicate();
  assert.equal(await redis.ping(), 'PONG');
  await redis.flushall();

  assert.equal(await redis.set('s', 'v', 'EX', 1000), 'OK');
  assert.equal(await redis.get('s'), 'v');
  assert.ok((await redis.ttl('s')) > 990);
  assert.equal(await redis.incrby('n', 5), 5);
  assert.deepEqual(await redis.mget('s', 'n', 'missing'), ['v', '5', null]);
  assert.deepEqual(await redis.getBuffer('s'), Buffer.from('v'));

  assert.equal(await redis.hset('h', { a: 1, b: 2 }), 2);
  assert.deepEqual(await redis.hgetall('h'), { a: '1', b: '2' });
  assert.equal(await redis.rpush('l', 1, 2, 3), 3);
  assert.deepEqual(await redis.lrange('l', 0, -1), ['1', '2', '3']);
  assert.equal(await redis.sadd('set', 'x', 'y'), 2);
  assert.deepEqual((await redis.smembers('set')).sort(), ['x', 'y']);
  assert.equal(await redis.zadd('z', 1, 'a', 2.5, 'b'), 2);
  assert.deepEqual((await redis.zrange('z', 0, -1, 'WITHSCORES')).flat().map(String), ['a', '1', 'b', '2.5']);
  assert.equal(await redis.xadd('x', '1-1', 'f', 'v'), '1-1');
  assert.deepEqual(await redis.xrange('x', '-', '+'), [['1-1', ['f', 'v']]]);

  const pipeline = redis.pipeline();
  for (let i = 0; i < 500; i++) pipeline.set(`p:${i}`, i).get(`p:${i}`);
  const answers = await pipeline.exec();
  assert.equal(answers.length, 1000);
  answers.forEach(([error, answer], i) => {
    assert.equal(error, null);
    assert.equal(answer, i % 2 ? String((i - 1) / 2) : 'OK');
  });

  assert.deepEqual(await redis.multi().incr('m').incr('m').exec(), [[null, 1], [null, 2]]);
  await redis.watch('m');
  await other.incr('m');
  assert.equal(await redis.multi().incr('m').exec(), null);

  await assert.rejects(redis.lpush('s', 'x'), /WRONGTYPE/);
  await assert.rejects(redis.call('NOSUCH'), /unknown command/);

  const big = Buffer.alloc(1 << 20, 'b');
  await redis.set('big', big);
  assert.ok(big.equals(await redis.getBuffer('big')));

  const seen = new Set();
  for await (const keys of redis.scanStream({ match: 'p:*', count: 50 })) keys.forEach((key) => seen.add(key));
  assert.equal(seen.size, 500);

  assert.equal(await redis.quit(), 'OK');
  other.disconnect();
}

main(Number(process.argv[2])).catch((error) => {
  console.error(error);
  process.exit(1);
});
