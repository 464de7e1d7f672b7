// ioredis with TLS: alone, and as a client of the cluster, whose nodes tell it of their ports for TLS.
// Arguments: PORT CA CERT KEY
"use strict";
const fs = require("fs");
const Redis = require("ioredis");

const [port, ca, cert, key] = process.argv.slice(2);
const tls = { ca: fs.readFileSync(ca), cert: fs.readFileSync(cert), key: fs.readFileSync(key), servername: "localhost" };
const host = "127.0.0.1";

async function main() {
  const alone = new Redis({ host, port: Number(port), tls });
  await alone.set("ioredis", "one");
  if ((await alone.get("ioredis")) !== "one") throw new Error("alone: not what was written");
  alone.disconnect();
  const cluster = new Redis.Cluster([{ host, port: Number(port) }], { redisOptions: { tls } });
  const written = [];
  for (let i = 0; i < 50; i++) written.push(cluster.set(`ioredis:${i}`, String(i)));
  await Promise.all(written);
  for (let i = 0; i < 50; i++) {
    if ((await cluster.get(`ioredis:${i}`)) !== String(i)) throw new Error(`cluster: key ${i} is not what was written`);
  }
  const ports = cluster.nodes("all").map((node) => node.options.port);
  cluster.disconnect();
  console.log(JSON.stringify(ports.sort()));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
