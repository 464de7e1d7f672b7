// ioredis's Cluster against three nodes: it finds the leaders by itself. Prints only what is wrong.
'use strict';
const assert = require('node:assert/strict');
const Redis = require('ioredis');

async function main(ports) {
  const cluster = new Redis.Cluster(ports.map((port) => ({ host: '127.0.0.1', port })), {
    redisOptions: { maxRetriesPerRequest: 3 },
  });
  assert.equal(await cluster.ping(), 'PONG');
  assert.deepEqual(cluster.nodes('master').map((node) => node.options.port).sort().every((port) => ports.includes(port)), true);

  await Promise.all(Array.from({ length: 500 }, (_, i) => cluster.set(`c:${i}`, i)));
  const values = await Promise.all(Array.from({ length: 500 }, (_, i) => cluster.get(`c:${i}`)));
  values.forEach((value, i) => assert.equal(value, String(i)));

  const results = await cluster.multi().set('{tag}a', 1).incr('{tag}a').exec();
  assert.deepEqual(results, [[null, 'OK'], [null, 2]]);
  const pipeline = cluster.pipeline();
  for (let i = 0; i < 50; i++) pipeline.incr(`{tag}${i}`);
  assert.deepEqual((await pipeline.exec()).map(([error]) => error), Array(50).fill(null));
  assert.equal(await cluster.del('{tag}1', '{tag}2', '{tag}missing'), 2);

  // Replicas may be asked too; what they tell is not older than what was acknowledged.
  const reader = new Redis.Cluster(ports.map((port) => ({ host: '127.0.0.1', port })), { scaleReads: 'all' });
  for (let i = 0; i < 100; i++) {
    await cluster.set('fresh', i);
    assert.equal(await reader.get('fresh'), String(i));
  }
  await reader.quit();
  await cluster.quit();
}

main(process.argv.slice(2).map(Number)).catch((error) => {
  console.error(error);
  process.exit(1);
});
