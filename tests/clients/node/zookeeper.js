// node-zookeeper-client, unmodified: what an application does with it, through any node of those that are named.
const assert = require("assert");
const zookeeper = require("node-zookeeper-client");

const client = zookeeper.createClient(process.argv[2], { sessionTimeout: 10000 });
const call = (name, ...args) =>
  new Promise((done, failed) => client[name](...args, (error, ...all) => (error ? failed(error) : done(all))));

async function main() {
  await new Promise((done) => {
    client.once("connected", done);
    client.connect();
  });
  await call("mkdirp", "/js/a/b");
  const [own] = await call("create", "/js/own-", Buffer.from("x"), zookeeper.CreateMode.EPHEMERAL_SEQUENTIAL);
  assert.match(own, /\/js\/own-\d{10}$/);
  const told = new Promise((done) => client.exists("/js/w", (event) => done(event.name), () => {}));
  await call("create", "/js/w", Buffer.from("1"));
  assert.equal(await told, "NODE_CREATED");
  const [data, stat] = await call("getData", "/js/w");
  assert.deepEqual([data.toString(), stat.version], ["1", 0]);
  assert.equal((await call("setData", "/js/w", Buffer.from("2"), 0))[0].version, 1);
  await assert.rejects(call("setData", "/js/w", Buffer.from("3"), 0), { code: zookeeper.Exception.BAD_VERSION });
  assert.equal((await call("getChildren", "/js"))[0].length, 3);
  client.addAuthInfo("digest", Buffer.from("user:password"));
  await call("setACL", "/js/w", zookeeper.ACL.CREATOR_ALL_ACL, -1);
  assert.equal((await call("getACL", "/js/w"))[0][0].id.scheme, "digest");
  const transaction = client.transaction().create("/js/t").setData("/js/t", Buffer.from("t")).check("/js/t").remove("/js/t");
  const results = await new Promise((done, failed) => transaction.commit((error, all) => (error ? failed(error) : done(all))));
  assert.equal(results.length, 4);
  for (const path of ["/js/a/b", "/js/a", "/js/w", own, "/js"]) await call("remove", path);
  client.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
