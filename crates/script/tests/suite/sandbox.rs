//! What must not be reachable, and the published advisories on Redis's scripts as cases.

use crate::world::World;

/// Scripts that must fail or answer harmlessly, by advisory.
#[test]
fn published_advisories() {
    let cases = [
        // CVE-2015-4335: bytecode.
        ("return loadstring('\\27Lua')", "nil"),
        ("return tostring(string.dump)", "\"nil\""),
        ("local f, e = load(function() return nil end and '\\27Lua') return e", "error"),
        // CVE-2018-11218: cmsgpack, a stack of many small values.
        ("return #{cmsgpack.unpack(string.rep('\\0', 100000))}", "error"),
        ("return cmsgpack.unpack(string.rep('\\145', 100000))", "error"),
        // CVE-2018-11219, CVE-2020-14147: struct, sizes that overflow.
        ("return struct.pack('>I2147483648', 1)", "error"),
        ("return struct.unpack('c2147483647c2147483647', 'abc')", "error"),
        ("return struct.unpack('>I4c0', '\\255\\255\\255\\255abc')", "error"),
        ("return struct.size('c2147483647c2147483647c2147483647')", "error"),
        // CVE-2022-24834: cjson and cmsgpack, text of a length that overflows.
        ("return cjson.encode(string.rep('\\0', 30 * 1024 * 1024))", "error"),
        ("return cjson.decode(string.rep('{\"a\":', 100000))", "error"),
        // CVE-2022-24735: changing what other users' scripts call.
        ("local m = getmetatable('') m.__index = function() return 1 end", "error"),
        ("getmetatable(_G).__index = nil", "error"),
        ("setmetatable(string, {})", "error"),
        ("rawset(redis, 'call', 1)", "error"),
        ("getmetatable(redis).__newindex = nil redis.call = 1", "error"),
        // CVE-2024-31449: bit.tohex with the smallest integer.
        ("return bit.tohex(65535, -2147483648)", "\"0000FFFF\""),
        // CVE-2024-46981, CVE-2025-49844: use after free around the collector and the parser.
        (
            "for i = 1, 100 do collectgarbage() loadstring(string.rep('a=1 ', 1000) .. i) end return 1",
            "1",
        ),
        // CVE-2025-46817: unpack of a range that overflows.
        ("return unpack({}, -2147483648, 2147483647)", "error"),
        ("return unpack({}, 0, 2147483647)", "error"),
        // CVE-2025-46818: metatables of the basic types.
        ("getmetatable('').__add = function() return 1 end return 'a' + 'b'", "error"),
        // CVE-2025-46819: long brackets that are not closed.
        ("return loadstring('return [' .. string.rep('=', 100000))", "nil"),
    ];
    for (script, want) in cases {
        let got = World::new().eval(script);
        match want {
            "error" => {
                assert!(got.starts_with('-') || got.starts_with("\"user_script"), "{script}: {got}")
            }
            want => assert_eq!(got, want, "{script}"),
        }
    }
}

#[test]
fn nothing_leads_out() {
    let names = [
        "os", "io", "debug", "package", "require", "module", "dofile", "loadfile", "print",
        "getfenv", "setfenv", "newproxy", "jit", "ffi",
    ];
    for name in names {
        assert_eq!(
            World::new().eval(&format!("return tostring(rawget(_G, '{name}'))")),
            "\"nil\"",
            "{name}"
        );
    }
}

#[test]
fn one_script_leaves_nothing_to_the_next() {
    let mut world = World::new();
    world.eval(
        "KEYS.x = 1 ARGV.y = 2 math.randomseed(9) cjson.encode_max_depth(1) redis.setresp(3)",
    );
    let after = "return {tostring(KEYS.x), tostring(ARGV.y), cjson.encode_max_depth(), type(redis.call('get', 'no'))}";
    assert_eq!(world.eval(after), r#"["nil", "nil", 1000, "boolean"]"#);
    assert_eq!(
        world.eval("return tostring(math.random())"),
        World::new().eval("return tostring(math.random())")
    );
}

#[test]
fn what_differs_between_replicas_is_not_seen() {
    let mut world = World::new();
    for kind in
        ["{}", "function() end", "coroutine.create(function() end)", "print0 or pcall", "redis"]
    {
        let script = format!("return tostring({kind})").replace("print0 or ", "");
        assert!(world.eval(&script).ends_with(": 0x000000000000\""), "{script}");
    }
    let walks = [
        "for k in pairs({[{}] = 1}) do end",
        "return next({[function() end] = 1})",
        "local f, t = pairs({[{}] = 1}) return f(t)",
        "table.foreach({[{}] = 1}, function() end)",
        "return cjson.encode({[{}] = 1})",
        "return cmsgpack.pack({[{}] = 1})",
        "return {map = {[{}] = 1}}",
    ];
    for script in walks {
        assert!(world.eval(script).contains('-'), "{script}: {}", world.eval(script));
    }
    assert_eq!(world.eval("return collectgarbage('count') + gcinfo()"), "0");
    assert_eq!(world.eval("return redis.call('time')"), r#"["1700000000", "123000"]"#);
}

#[test]
fn a_key_of_another_partition_is_refused() {
    let mut world = World::with_slots(0, 100);
    let refused = "-ERR Script attempted to access a non local key in a cluster node";
    for script in [
        "return redis.call('get', 'a')",
        "return redis.call('set', 'a', 1)",
        "return redis.call('dbsize')",
    ] {
        assert!(world.eval(script).starts_with(refused), "{script}");
    }
}

#[test]
fn read_only_scripts_write_nothing() {
    let mut world = World::new();
    let refused = "Write commands are not allowed from read-only scripts.";
    let ro = |world: &mut World, body: &str| {
        crate::world::text(&world.run(&[b"EVAL_RO", body.as_bytes(), b"0"]))
    };
    assert!(ro(&mut world, "return redis.call('set', 'a', 1)").contains(refused));
    assert!(
        world.eval("#!lua flags=no-writes\nreturn redis.call('set', 'a', 1)").contains(refused)
    );
    assert_eq!(ro(&mut world, "return redis.call('get', 'a')"), "nil");
}

#[test]
fn evalsha_finds_what_eval_ran() {
    let mut world = World::new();
    let sha = synod_data::scripting::sha1_hex(b"return ARGV[1]");
    let evalsha = |world: &mut World| {
        crate::world::text(&world.run(&[b"EVALSHA", sha.to_uppercase().as_bytes(), b"0", b"x"]))
    };
    assert_eq!(evalsha(&mut world), "-NOSCRIPT No matching script. Please use EVAL.");
    world.eval("return ARGV[1]");
    assert_eq!(evalsha(&mut world), "\"x\"");
    world.keyspace.forget_scripts();
    assert!(evalsha(&mut world).starts_with("-NOSCRIPT"));
}

#[test]
fn equal_entries_make_equal_keyspaces() {
    let script = "for i = 1, 100 do redis.call('zadd', 'z', math.random(), i) end \
        redis.call('rpush', 'l', redis.call('time')[1], tostring({}), redis.call('zrandmember', 'z')) \
        local t = {} for i = 1, 50 do t['k' .. i] = i end for k, v in pairs(t) do redis.call('rpush', 'l', k) end";
    let digest = || {
        let mut world = World::new();
        assert_eq!(world.eval(script), "nil");
        world.keyspace.digest()
    };
    assert_eq!(digest(), digest());
}
