//! What replicas apply: commands, operations, and the snapshots of other nodes.

use synod_data::op::{Op, put_command};
use synod_data::{Context, Keyspace, lookup};
use synod_machine::{MachineId, Operation, put_operation};
use synod_ring::{ClusterMap, MetaCommand, NodeInfo};
use synod_types::{ClusterId, Millis, NodeId, Protocol, Slot, key_slot};
use synod_wire::resp::{Decoded, Decoder, Limits, Proto, RespWriter, Value};

/// All keys that are not refused have this tag; more slots would only cost time.
const TAG: &str = "{x}";
/// Enough for a story, not enough for a long one.
const COMMANDS_MAX: usize = 200;

fn slots() -> std::ops::RangeInclusive<Slot> {
    let slot = key_slot(TAG.as_bytes());
    slot..=slot
}

/// Commands on a keyspace: no panic, exactly one readable reply each, the same on two replicas, and
/// the state survives a snapshot, also one that was begun before the last commands.
pub fn commands(input: &[u8]) {
    let (mut first, mut second) = (Keyspace::new(slots()), Keyspace::new(slots()));
    let (mut decoder, mut rest) = (Decoder::new(Limits::default()), input);
    let mut early = None;
    for step in 0..COMMANDS_MAX {
        let consumed = match decoder.decode(rest) {
            Ok(Decoded::Request { consumed }) => consumed,
            Ok(Decoded::Empty { consumed }) => {
                rest = &rest[consumed..];
                continue;
            }
            Ok(Decoded::Incomplete) | Err(_) => break,
        };
        let args: Vec<&[u8]> = decoder.args(rest).iter().collect();
        if step == 5 {
            first.snapshot_begin();
            early = Some((first.digest(), first.snapshot_next(64)));
        }
        let ctx = Context { now: Millis(1_000_000 + step as u64 * 700), seed: step as u64 };
        let proto = if step % 2 == 0 { Proto::Resp2 } else { Proto::Resp3 };
        let reply = execute(&mut first, &args, &ctx, proto);
        assert_eq!(reply, execute(&mut second, &args, &ctx, proto), "replicas answer differently");
        rest = &rest[consumed..];
    }
    assert_eq!(first.digest(), second.digest(), "replicas differ");
    if let Some((digest, Some(chunk))) = early {
        assert_eq!(restored(&mut first, vec![chunk]), Ok(digest), "a snapshot beside writes");
    }
    second.snapshot_begin();
    let digest = second.digest();
    assert_eq!(restored(&mut second, Vec::new()), Ok(digest), "a snapshot at rest");
}

fn execute(keyspace: &mut Keyspace, args: &[&[u8]], ctx: &Context, proto: Proto) -> Vec<u8> {
    let mut out = Vec::new();
    let Some(command) = args.first().and_then(|name| lookup(name)) else { return out };
    if !command.check_arity(args.len()) || is_costly(command.name, args) {
        return out;
    }
    keyspace.execute_write(command, args, ctx, &mut RespWriter::new(&mut out, proto));
    match Value::decode(&out) {
        Ok(Some((_, len))) if len == out.len() => out,
        other => panic!("{} answers {}: {other:?}", command.name, out.escape_ascii()),
    }
}

/// A string of a gigabyte and a billion random members are legal answers, and no finding.
fn is_costly(name: &str, args: &[&[u8]]) -> bool {
    let is_long = |arg: &&[u8]| arg.len() > 5 && arg[1..].iter().all(u8::is_ascii_digit);
    matches!(name, "setrange" | "setbit" | "srandmember" | "hrandfield" | "zrandmember")
        && args.iter().any(is_long)
}

/// The digest of what comes back from the rest of the snapshot under way.
fn restored(keyspace: &mut Keyspace, mut chunks: Vec<Vec<u8>>) -> Result<u64, String> {
    while let Some(chunk) = keyspace.snapshot_next(64) {
        chunks.push(chunk);
    }
    let mut restorer = Keyspace::restore(keyspace.slots());
    for chunk in &chunks {
        restorer.chunk(chunk).map_err(|error| error.to_string())?;
    }
    let restored = restorer.finish().map_err(|error| error.to_string())?;
    Ok(restored.digest())
}

/// Snapshots of a keyspace as another node might send them: refused, or a keyspace that works.
pub fn snapshots(input: &[u8]) {
    let mut restorer = Keyspace::restore(slots());
    if restorer.chunk(input).is_err() {
        return;
    }
    if let Ok(mut keyspace) = restorer.finish() {
        keyspace.snapshot_begin();
        let digest = keyspace.digest();
        assert_eq!(restored(&mut keyspace, Vec::new()), Ok(digest));
    }
}

/// Operations in an entry: what can be read survives being written and read again.
pub fn operations(input: &[u8]) {
    let mut rest = input;
    while let Some(operation) = Operation::take(&mut rest) {
        let Some(op) = Op::decode(operation.body) else { continue };
        let mut bytes = Vec::new();
        op.encode(&mut bytes);
        let mut encoded = &bytes[..];
        let again = Operation::take(&mut encoded).expect("what was encoded is read");
        let mut twice = Vec::new();
        Op::decode(again.body).expect("what was encoded is an operation").encode(&mut twice);
        assert!(encoded.is_empty() && twice == bytes);
    }
}

/// Commands of the metadata group, and the cluster map in a snapshot.
pub fn cluster_map(input: &[u8]) {
    if let Some(command) = MetaCommand::decode(input) {
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        assert_eq!(MetaCommand::decode(&bytes).as_ref(), Some(&command));
        let _ = ClusterMap::default().apply(command);
    }
    if let Some(map) = ClusterMap::decode(input) {
        let mut bytes = Vec::new();
        map.encode(&mut bytes);
        assert_eq!(ClusterMap::decode(&bytes), Some(map));
    }
}

/// Stories that touch every type and change its encoding.
pub fn command_seeds() -> Vec<Vec<u8>> {
    [
        "SET @a 1 EX 10\r\nINCR @a\r\nAPPEND @a xyz\r\nGETRANGE @a 0 -2\r\nSETRANGE @a 5 q\r\n\
         GETEX @a PERSIST\r\nINCRBYFLOAT @f 1.5\r\nMSETNX @b 1 @c 2\r\nMGET @a @b @c\r\nRENAME @b @d\r\n\
         COPY @d @e REPLACE\r\nPEXPIRE @a 900\r\nPTTL @a\r\nGET @a\r\n",
        "RPUSH @l 1 2 three\r\nLPUSH @l zero\r\nLINSERT @l BEFORE 2 x\r\nLREM @l -1 2\r\nLTRIM @l 0 2\r\n\
         LSET @l 0 y\r\nLRANGE @l 0 -1\r\nLPOP @l 2\r\nRPOP @l\r\nEXISTS @l\r\nEXPIRE @l 0\r\nTYPE @l\r\n",
        "SADD @s 1 2 3\r\nSADD @s word\r\nSPOP @s\r\nSRANDMEMBER @s -5\r\nSREM @s 1\r\nSMEMBERS @s\r\n\
         SINTERCARD 2 @s @s\r\nSMOVE @s @t 2\r\nSUNIONSTORE @u @s @t\r\nSCARD @u\r\n\
         OBJECT ENCODING @s\r\n",
        "HSET @h f v g 2\r\nHINCRBY @h g 5\r\nHDEL @h f\r\nHGETALL @h\r\nHINCRBYFLOAT @h x 0.5\r\n\
         HKEYS @h\r\n",
        "ZADD @z 1 a 2 b inf c\r\nZADD @z GT CH 5 a\r\nZRANGE @z 0 -1 WITHSCORES\r\n\
         ZRANGEBYSCORE @z (1 +inf\r\nZINCRBY @z -inf b\r\nZPOPMIN @z 2\r\nZRANK @z c\r\n",
        "XADD @x 1-1 f v\r\nXADD @x * f w\r\nXRANGE @x - + COUNT 1\r\nXLEN @x\r\n\
         XADD @x MAXLEN ~ 1 * a b\r\n",
        "*3\r\n$3\r\nSET\r\n$4\r\n@k\r\n$3\r\n\x00\r\n\r\nKEYS *\r\nDEL @k\r\nDBSIZE\r\n",
    ]
    .map(|story| story.replace('@', TAG).into_bytes())
    .to_vec()
}

/// The snapshots of the stories' ends.
pub fn snapshot_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for story in command_seeds() {
        let mut keyspace = Keyspace::new(slots());
        let (mut decoder, mut rest) = (Decoder::default(), &story[..]);
        while let Ok(Decoded::Request { consumed }) = decoder.decode(rest) {
            let args: Vec<&[u8]> = decoder.args(rest).iter().collect();
            let ctx = Context { now: Millis(1_000_000), seed: 1 };
            execute(&mut keyspace, &args, &ctx, Proto::Resp2);
            rest = &rest[consumed..];
        }
        keyspace.snapshot_begin();
        seeds.extend(keyspace.snapshot_next(usize::MAX));
    }
    seeds
}

/// One operation of each shape.
pub fn operation_seeds() -> Vec<Vec<u8>> {
    let mut command = Vec::new();
    put_command(&mut command, &[b"SET", b"k", b"v"]);
    let mut seeds = vec![command];
    for op in [
        Op::Transaction { watched: vec![(b"k", 3)], commands: Vec::new() },
        Op::Expire(vec![b"k", b"l"]),
        Op::Clear,
        Op::Scan { cursor: 1, count: 10, pattern: Some(b"*"), kind: None },
        Op::Stats,
        Op::RandomKey,
    ] {
        let mut bytes = Vec::new();
        op.encode(&mut bytes);
        seeds.push(bytes);
    }
    let mut other = Vec::new();
    put_operation(&mut other, MachineId::CLUSTER_MAP, |body| body.extend_from_slice(b"meta"));
    seeds.push(other);
    seeds
}

/// The founding of a cluster, and the map that comes of it.
pub fn cluster_map_seeds() -> Vec<Vec<u8>> {
    let node = |id: u64| {
        let info = NodeInfo { client_addr: "127.0.0.1:7001".into(), ..NodeInfo::default() };
        (NodeId(id), info)
    };
    let found = MetaCommand::Found {
        cluster: ClusterId(9),
        partitions: 4,
        replicas: 2,
        nodes: [node(1), node(2), node(3)].into_iter().collect(),
        engine: Some(Protocol::Paxos),
    };
    let (mut command, mut state) = (Vec::new(), Vec::new());
    found.encode(&mut command);
    let mut map = ClusterMap::default();
    let _ = map.apply(found);
    map.encode(&mut state);
    vec![command, state]
}
