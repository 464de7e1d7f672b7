//! Libraries of functions, as tables of texts and replies; the errors are those of redis-server 7.0.15.

use crate::world::{World, text};
use synod_data::op::{Args, Op};
use synod_machine::Machine;
use synod_wire::resp::{Proto, RespWriter, Value};

fn function(world: &mut World, words: &[&str]) -> String {
    let args: Args<'_> = words.iter().map(|word| word.as_bytes()).collect();
    let op = match words[0] {
        "LIST" | "DUMP" | "STATS" => Op::ReadFunctions(args),
        _ => Op::ChangeFunctions(args),
    };
    text(&run(world, &op))
}

fn run(world: &mut World, op: &Op<'_>) -> Value {
    let mut bytes = Vec::new();
    op.encode(&mut bytes);
    let operation = synod_machine::Operation::take(&mut &*bytes).expect("an operation");
    let mut reply = Vec::new();
    let mut out = RespWriter::new(&mut reply, Proto::Resp3);
    world.keyspace.apply(operation.body, &world.ctx, &mut out);
    Value::decode(&reply).expect("a reply").expect("a whole one").0
}

fn fcall(world: &mut World, words: &str) -> String {
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    text(&world.run(&words))
}

const LIBRARY: &str = "#!lua name=lib
local calls = 0
local function add(a) calls = calls + 1 return a + 1 end
redis.register_function('plus', function(keys, args) return add(tonumber(args[1])) end)
redis.register_function('calls', function() add(1) return calls end)
redis.register_function('put', function(keys, args) return redis.call('set', keys[1], args[1]) end)
redis.register_function{
  function_name = 'look', callback = function(keys) return redis.call('get', keys[1]) end,
  flags = { 'no-writes', 'ALLOW-OOM' }, description = 'looks',
}
redis.register_function('index', function() local x return x.y end)
redis.register_function('command', function() return redis.call('nosuch') end)
redis.register_function('global', function() return foo end)
redis.register_function('inside', function() return redis.register_function('a', 1) end)
redis.register_function('keys', function() return KEYS end)
redis.register_function('own', function() return redis.error_reply('MY err') end)
redis.register_function('loop', function() while true do end end)";

#[test]
fn functions_are_called() {
    let mut world = World::new();
    assert_eq!(function(&mut world, &["LOAD", LIBRARY]), "\"lib\"");
    for (call, reply) in [
        ("FCALL plus 0 41", "42"),
        ("FCALL PLUS 0 41", "42"),
        // Each call begins anew.
        ("FCALL calls 0", "1"),
        ("FCALL calls 0", "1"),
        ("FCALL put 1 k v", "+OK"),
        ("FCALL_RO look 1 k", "\"v\""),
        ("FCALL look 1 k", "\"v\""),
        ("FCALL nosuch 0", "-ERR Function not found"),
        ("FCALL plus x", "-ERR Bad number of keys provided"),
        ("FCALL plus -1", "-ERR Number of keys can't be negative"),
        ("FCALL plus 2 a", "-ERR Number of keys can't be greater than number of args"),
        ("FCALL_RO plus 0 1", "-ERR Can not execute a script with write flag using *_ro command."),
        (
            "FCALL index 0",
            "-ERR user_function:11: attempt to index local 'x' (a nil value) script: index, on @user_function:11.",
        ),
        (
            "FCALL command 0",
            "-ERR Unknown Redis command called from script script: command, on @user_function:12.",
        ),
        (
            "FCALL global 0",
            "-ERR user_function:13: Script attempted to access nonexistent global variable 'foo' script: global, on @user_function:13.",
        ),
        (
            "FCALL inside 0",
            "-ERR user_function:14: attempt to call field 'register_function' (a nil value) script: inside, on @user_function:14.",
        ),
        (
            "FCALL keys 0",
            "-ERR user_function:15: Script attempted to access nonexistent global variable 'KEYS' script: keys, on @user_function:15.",
        ),
        ("FCALL own 0", "-MY err"),
        ("FCALL loop 0", "-ERR The script was stopped: it used more than a script may"),
    ] {
        assert_eq!(fcall(&mut world, call), reply, "{call}");
    }
    let code = "#!lua name=w\nredis.register_function{function_name='w', callback=function() return redis.call('set','x',1) end, flags={'no-writes'}}";
    assert_eq!(function(&mut world, &["LOAD", code]), "\"w\"");
    let refused = "-ERR Write commands are not allowed from read-only scripts. script: w, on @user_function:2.";
    assert_eq!(fcall(&mut world, "FCALL w 0"), refused);
    assert_eq!(fcall(&mut world, "FCALL_RO w 0"), refused);
}

#[test]
fn what_cannot_be_loaded_changes_nothing() {
    let mut world = World::new();
    let good = "#!lua name=good\nredis.register_function('f', function() return 'good' end)";
    assert_eq!(function(&mut world, &["LOAD", good]), "\"good\"");
    for (code, why) in [
        ("return 1", "Missing library metadata"),
        (
            "#!lua name=l\nbad script",
            "Error compiling function: user_function:2: '=' expected near 'script'",
        ),
        ("#!lua name=l\nreturn 1", "No functions registered"),
        ("#!lua name=good\nbad script", "Library 'good' already exists"),
        ("#!lua name=l\nredis.register_function('F', function() end)", "Function F already exists"),
        (
            "#!lua name=l\nredis.register_function('a', function() end) redis.register_function('A', function() end)",
            "Error registering functions: ERR Function already exists in the library",
        ),
        (
            "#!lua name=l\nredis.register_function()",
            "Error registering functions: ERR wrong number of arguments to redis.register_function",
        ),
        (
            "#!lua name=l\nredis.register_function('f1')",
            "Error registering functions: ERR calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).",
        ),
        (
            "#!lua name=l\nredis.register_function('f1', 'x')",
            "Error registering functions: ERR second argument to redis.register_function must be a function",
        ),
        (
            "#!lua name=l\nredis.register_function(nil, function() end)",
            "Error registering functions: ERR first argument to redis.register_function must be a string",
        ),
        (
            "#!lua name=l\nredis.register_function('a-b', function() end)",
            "Error registering functions: ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
        ),
        (
            "#!lua name=l\nredis.register_function{function_name='f1', callback=function() end, flags={'x'}}",
            "Error registering functions: ERR unknown flag given",
        ),
        (
            "#!lua name=l\nredis.register_function{callback=function() end}",
            "Error registering functions: ERR redis.register_function must get a function name argument",
        ),
        (
            "#!lua name=l\nlocal x = math.random()",
            "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'math'",
        ),
        (
            "#!lua name=l\nredis.call('ping')",
            "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'call'",
        ),
        (
            "#!lua name=l\na = 1",
            "Error registering functions: ERR user_function:2: Attempt to modify a readonly table",
        ),
        (
            "#!lua name=l\nredis.x = 1",
            "Error registering functions: ERR user_function:2: Attempt to modify a readonly table",
        ),
        ("#!lua name=l\nwhile true do end", "Error registering functions: FUNCTION LOAD timeout"),
    ] {
        assert_eq!(function(&mut world, &["LOAD", code]), format!("-ERR {why}"), "{code}");
        assert_eq!(fcall(&mut world, "FCALL f 0"), "\"good\"", "{code}");
    }
    assert_eq!(function(&mut world, &["LOAD", "foo", good]), "-ERR Unknown option given: foo");
    assert_eq!(function(&mut world, &["DELETE", "nosuch"]), "-ERR Library not found");
    assert_eq!(
        function(&mut world, &["RESTORE", "bad"]),
        "-ERR DUMP payload version or checksum are wrong"
    );
}

#[test]
fn libraries_are_listed_counted_and_deleted() {
    let mut world = World::new();
    function(&mut world, &["LOAD", LIBRARY]);
    let one = "#!lua name=one\nredis.register_function{function_name='f', callback=function() end, flags={'no-writes'}, description='d'}";
    function(&mut world, &["LOAD", one]);
    let told = "{\"library_name\": \"one\", \"engine\": \"LUA\", \"functions\": [{\"name\": \"f\", \"description\": \"d\", \"flags\": ~[+no-writes]}]}";
    assert_eq!(function(&mut world, &["LIST", "LIBRARYNAME", "O*"]), format!("[{told}]"));
    let stats = |libraries, functions| {
        format!(
            "{{\"running_script\": nil, \"engines\": {{\"LUA\": {{\"libraries_count\": {libraries}, \"functions_count\": {functions}}}}}}}"
        )
    };
    assert_eq!(function(&mut world, &["STATS"]), stats(2, 12));
    assert_eq!(function(&mut world, &["LIST", "x"]), "-ERR Unknown argument x");
    assert_eq!(function(&mut world, &["DELETE", "lib"]), "+OK");
    assert_eq!(function(&mut world, &["STATS"]), stats(1, 1));
    assert_eq!(fcall(&mut world, "FCALL plus 0 1"), "-ERR Function not found");
    assert_eq!(function(&mut world, &["FLUSH", "ASYNC"]), "+OK");
    assert_eq!(function(&mut world, &["LIST"]), "[]");
}

#[test]
fn dumped_libraries_are_restored_by_each_policy() {
    let mut world = World::new();
    let a = "#!lua name=a\nredis.register_function('f', function() return 1 end)";
    let b = "#!lua name=b\nredis.register_function('g', function() return 2 end)";
    function(&mut world, &["LOAD", a]);
    let Value::Bulk(payload) =
        run(&mut world, &Op::ReadFunctions([&b"DUMP"[..]].into_iter().collect()))
    else {
        panic!("no payload")
    };
    function(&mut world, &["FLUSH"]);
    function(&mut world, &["LOAD", b]);
    let restore = |world: &mut World, policy: &str| {
        let args: Args<'_> = [b"RESTORE", &payload[..], policy.as_bytes()].into_iter().collect();
        text(&run(world, &Op::ChangeFunctions(args)))
    };
    assert_eq!(restore(&mut world, "APPEND"), "+OK");
    assert_eq!(restore(&mut world, "APPEND"), "-ERR Library a already exists");
    assert_eq!(restore(&mut world, "REPLACE"), "+OK");
    assert_eq!(fcall(&mut world, "FCALL g 0"), "2");
    assert_eq!(restore(&mut world, "FLUSH"), "+OK");
    assert_eq!(fcall(&mut world, "FCALL g 0"), "-ERR Function not found");
    assert_eq!(fcall(&mut world, "FCALL f 0"), "1");
    let policy =
        "-ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.";
    assert_eq!(restore(&mut world, "x"), policy);
    // A library that takes a name of another one's function.
    function(&mut world, &["FLUSH"]);
    function(&mut world, &["LOAD", "#!lua name=c\nredis.register_function('f', function() end)"]);
    assert_eq!(restore(&mut world, "REPLACE"), "-ERR Function f already exists");
}

/// A library behind its limit of a record's length too: it goes into parts.
#[test]
fn a_snapshot_brings_libraries_along() {
    for padding in [0, 2 << 20] {
        let mut world = World::new();
        let code = format!(
            "#!lua name=lib\n-- {}\nredis.register_function('f', function() return 7 end)",
            "x".repeat(padding)
        );
        assert_eq!(function(&mut world, &["LOAD", &code]), "\"lib\"");
        let slots = world.keyspace.slots();
        let mut restorer = synod_data::Keyspace::restore(slots);
        world.keyspace.snapshot_begin();
        while let Some(chunk) = world.keyspace.snapshot_next(1 << 16) {
            restorer.chunk(&chunk).unwrap();
        }
        let restored = restorer.finish().unwrap().with_engine(&synod_script::LUA);
        assert_eq!(restored.digest(), world.keyspace.digest());
        world.keyspace = restored;
        assert_eq!(fcall(&mut world, "FCALL f 0"), "7", "{padding} bytes");
        assert!(function(&mut world, &["LIST"]).contains("\"name\": \"f\""));
    }
}
