//! What a script may use, and that nothing it does keeps it going beyond that.

use crate::world::World;

const STOPPED: &str = "-ERR The script was stopped: it used more than a script may";

#[test]
fn a_script_without_end_is_stopped_whatever_it_catches() {
    let scripts = [
        "while true do end",
        "local function again() pcall(again) again() end while true do pcall(again) end",
        "while true do xpcall(function() while true do end end, function() while true do end end) end",
        "while true do local c = coroutine.create(function() local x = 0 for i = 1, 900 do x = x + i end end) coroutine.resume(c) end",
        "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) while true do pcall(function() return t[1] end) end",
        "while true do pcall(redis.call, 'ping') end",
    ];
    for script in scripts {
        assert_eq!(World::new().eval(script), STOPPED, "{script}");
    }
}

#[test]
fn a_script_that_takes_all_memory_is_stopped_whatever_it_catches() {
    let scripts = [
        "local s = 'x' while true do s = s .. s end",
        "return #string.rep('x', 1024 * 1024 * 1024)",
        "local t = {} while true do t[#t + 1] = string.rep('x', 1000000) .. #t end",
        "while true do pcall(string.rep, 'x', 1024 * 1024 * 1024) end",
        "local t = {} while true do pcall(function() t[#t + 1] = string.rep('x', 10000000) .. #t end) end",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "local s = string.rep('a', 1000000) local t = {} for i = 1, 1000 do t[i] = s end return #table.concat(t)",
        "local s = string.rep('a', 100000) return #string.gsub(s, 'a', string.rep('b', 100000))",
        "local t = {} for i = 1, 100000 do t[i] = coroutine.create(function() end) end",
    ];
    for script in scripts {
        assert_eq!(World::new().eval(script), STOPPED, "{script}");
    }
}

#[test]
fn what_a_script_wrote_before_it_was_stopped_stays_as_with_any_error() {
    let mut world = World::new();
    assert_eq!(world.eval("redis.call('set', 'a', 1) while true do end"), STOPPED);
    assert_eq!(world.eval("return redis.call('get', 'a')"), "\"1\"");
}

#[test]
fn a_partition_goes_on_after_a_script_that_was_stopped() {
    let mut world = World::new();
    for _ in 0..3 {
        assert_eq!(world.eval("local s = 'x' while true do s = s .. s end"), STOPPED);
        assert_eq!(world.eval("return 1"), "1");
    }
}

#[test]
fn long_loops_that_leave_garbage_fit() {
    let script = "local n = 0 for i = 1, 300000 do n = n + #('x' .. i) end return n";
    assert_eq!(World::new().eval(script), "1988895");
    let script = "for i = 1, 50000 do redis.call('set', 'k', i) end return redis.call('get', 'k')";
    assert_eq!(World::new().eval(script), "\"50000\"");
}

#[test]
fn recursion_ends_in_an_error_that_a_script_may_catch() {
    let mut world = World::new();
    let script = "local function f() return 1 + f() end local ok, e = pcall(f) return e";
    assert!(world.eval(script).contains("stack overflow"), "{}", world.eval(script));
    let script = "local s = string.rep('(', 300) .. '1' .. string.rep(')', 300) return loadstring('return ' .. s)()";
    assert!(world.eval(script).starts_with('-'));
}

#[test]
fn replies_without_end_are_refused() {
    let mut world = World::new();
    let deep = world.eval("local a = {} local b = {a} a[1] = b return a");
    assert!(deep.contains("-ERR reached lua stack limit"), "{deep}");
    let wide = world.eval("local t = {} for i = 1, 25 do t = {t, t, t, t, t, t} end return t");
    assert_eq!(wide, "-ERR the script's reply is too large");
}

/// The interpreter gives what lies outside of it some thousand places for values. A function of ours that took more ended
/// the process, and every replica's, and again at each restart.
#[test]
fn many_values_at_once_are_refused_or_taken() {
    let many = "local t = {} for i = 1, 7900 do t[i] = 'x' .. i end ";
    let words = (0..200).map(|n| format!("'k{n}'")).collect::<Vec<_>>().join(",");
    let refused = [
        format!("{many} return redis.call('del', {words}, unpack(t))"),
        format!("{many} return redis.sha1hex({words}, unpack(t))"),
        format!("{many} return cjson.encode({words}, unpack(t))"),
        format!("{many} return cmsgpack.pack({words}, unpack(t))"),
        format!("{many} return struct.pack('s', {words}, unpack(t))"),
        format!("{many} return bit.bor({words}, unpack(t))"),
        format!("{many} return math.random({words}, unpack(t))"),
        format!("{many} return unpack(t, {words}, unpack(t))"),
    ];
    for script in refused {
        assert_eq!(World::new().eval(&script), STOPPED, "{script}");
    }
    let resumed = format!(
        "{many} local f = coroutine.wrap(function(...) return redis.call('del', ...) end) \
         return f({words}, unpack(t))"
    );
    assert_eq!(World::new().eval(&resumed), "-ERR synod:218: too many arguments to resume");
    let taken = [
        (format!("{many} return redis.call('del', unpack(t))"), "0"),
        (format!("{many} return #cjson.encode({{{words}, unpack(t)}})"), "63384"),
        ("local t = {} for i = 1, 50000 do t['x' .. i] = 'x' .. i end return #cjson.encode(t)".into(), "877789"),
        ("local t = {} for i = 1, 50000 do t[i] = 'x' .. i end return #cjson.decode(cjson.encode(t))".into(), "50000"),
        ("local t = {} for i = 1, 50000 do t['x' .. i] = 'y' end return #cmsgpack.pack(t)".into(), "438897"),
        ("local t = {} for i = 1, 50000 do t[i] = 'y' .. i end return #cmsgpack.unpack(cmsgpack.pack(t))".into(), "50000"),
        ("for i = 1, 20000 do redis.call('rpush', 'l', i) end return #redis.call('lrange', 'l', 0, -1)".into(), "20000"),
        ("for i = 1, 20000 do redis.call('hset', 'h', 'f' .. i, i) end redis.setresp(3) return #cjson.encode(redis.call('hgetall', 'h'))".into(), "317797"),
    ];
    for (script, expected) in taken {
        assert_eq!(World::new().eval(&script), expected, "{script}");
    }
}
