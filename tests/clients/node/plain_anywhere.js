// Clients that know nothing of clusters, one per node: they see one store. Prints only what is wrong.
'use strict';
const assert = require('node:assert/strict');
const Redis = require('ioredis');

async function main(ports) {
  const clients = ports.map((port) => new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: 3 }));
  for (let i = 0; i < 300; i++) {
    await clients[i % clients.length].set(`any:${i}`, i);
    assert.equal(await clients[(i + 1) % clients.length].get(`any:${i}`), String(i));
  }
  await Promise.all(Array.from({ length: 300 }, (_, i) => clients[i % clients.length].incr('shared')));
  assert.equal(await clients[0].get('shared'), '300');
  await Promise.all(clients.map((client) => client.quit()));
}

main(process.argv.slice(2).map(Number)).catch((error) => {
  console.error(error);
  process.exit(1);
});
