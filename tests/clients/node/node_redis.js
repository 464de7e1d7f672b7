// node-redis as an application uses it, in RESP2 and RESP3. Prints only what is wrong.
'use strict';
const assert = require('node:assert/strict');
const { createClient, WatchError } = require('redis');

async function main(port, RESP) {
  const client = createClient({ RESP, socket: { host: '127.0.0.1', port } });
  client.on('error', (error) => { throw error; });
  await client.connect();
  await client.flushAll();
  assert.equal(await client.ping(), 'PONG');

  assert.equal(await client.set('s', 'v', { expiration: { type: 'EX', value: 1000 } }), 'OK');
  assert.equal(await client.get('s'), 'v');
  assert.equal(await client.incrBy('n', 7), 7);
  assert.deepEqual(await client.mGet(['s', 'n', 'missing']), ['v', '7', null]);
  assert.equal(await client.hSet('h', { a: 1, b: 2 }), 2);
  assert.deepEqual({ ...(await client.hGetAll('h')) }, { a: '1', b: '2' });
  assert.equal(await client.rPush('l', ['1', '2']), 2);
  assert.deepEqual(await client.lRange('l', 0, -1), ['1', '2']);
  assert.equal(await client.sAdd('set', ['x', 'y']), 2);
  assert.deepEqual([...(await client.sMembers('set'))].sort(), ['x', 'y']);
  assert.equal(await client.zAdd('z', [{ score: 1, value: 'a' }, { score: 2.5, value: 'b' }]), 2);
  assert.deepEqual(await client.zRangeWithScores('z', 0, -1), [{ value: 'a', score: 1 }, { value: 'b', score: 2.5 }]);
  assert.equal(await client.xAdd('x', '1-1', { f: 'v' }), '1-1');
  assert.equal((await client.xRange('x', '-', '+'))[0].message.f, 'v');

  assert.deepEqual(await client.multi().incr('m').incr('m').exec(), [1, 2]);
  const other = client.duplicate();
  await other.connect();
  await client.watch('m');
  await other.incr('m');
  await assert.rejects(client.multi().incr('m').exec(), WatchError);

  // Requests of one tick travel in one write.
  const values = await Promise.all(Array.from({ length: 500 }, (_, i) => client.set(`p:${i}`, i).then(() => client.get(`p:${i}`))));
  values.forEach((value, i) => assert.equal(value, String(i)));
  let seen = 0;
  for await (const keys of client.scanIterator({ MATCH: 'p:*', COUNT: 50 })) seen += keys.length;
  assert.ok(seen >= 500);
  await assert.rejects(client.lPush('s', 'x'), /WRONGTYPE/);
  await other.close();
  await client.close();
}

main(Number(process.argv[2]), Number(process.argv[3])).catch((error) => {
  console.error(error);
  process.exit(1);
});
