//! Errors in Redis's words, compared with redis-server 7.0.15.

use crate::world::World;

#[test]
fn errors_are_those_of_redis() {
    let cases = [
        (
            "return foo",
            "-ERR user_script:1: Script attempted to access nonexistent global variable 'foo' script: 47e30a5d10d5694f99208f9adc4fe3bf2450edbd, on @user_script:1.",
        ),
        (
            "foo=1",
            "-ERR user_script:1: Attempt to modify a readonly table script: 5bddd8336e5f711bfa499383fc73c17560c6250b, on @user_script:1.",
        ),
        (
            "return redis.call(\"nosuch\")",
            "-ERR Unknown Redis command called from script script: 2218effcac8108416909801acfb39c080a85adfa, on @user_script:1.",
        ),
        (
            "return redis.call(\"lpush\",\"x\")",
            "-ERR Wrong number of args calling Redis command from script script: 3900c6703ae7989f33b4230db728392aab70f74a, on @user_script:1.",
        ),
        (
            "error(\"boo\")",
            "-ERR user_script:1: boo script: 1edbcab56ef034bd9153538f890f38aef61d3b7b, on @user_script:1.",
        ),
        ("return {err=\"boo\"}", "-boo"),
        ("return redis.error_reply(\"boo\")", "-ERR boo"),
        ("return redis.error_reply(\"-MY boo\")", "-MY boo"),
        (
            "\nlocal t = 1 + nil",
            "-ERR user_script:2: attempt to perform arithmetic on a nil value script: 13004841996d5980e1b0d5555b87937401790474, on @user_script:2.",
        ),
        (
            "ret urn",
            "-ERR Error compiling script (new function): user_script:1: '=' expected near 'urn'",
        ),
        (
            "return redis.call(\"eval\",\"return 1\",0)",
            "-ERR This Redis command is not allowed from script script: e5084e7bcd2fb5da5f7764a118cb0e1f801776b7, on @user_script:1.",
        ),
        (
            "error({err=\"my\"})",
            "-my script: 18cdd8b282dafb4094946c062a93135e2cadd3d9, on @user_script:1.",
        ),
        (
            "return redis.call()",
            "-ERR Please specify at least one argument for this redis lib call script: 0a907e1429221a4d85516cab7fd219a82a9439d8, on @user_script:1.",
        ),
        (
            "return redis.call({})",
            "-ERR Lua redis lib command arguments must be strings or integers script: 80747816df1f4411f7c442b928fce6a814214839, on @user_script:1.",
        ),
        (
            "return redis.sha1hex()",
            "-ERR wrong number of arguments script: 3c7ce947ae74a835cc575b6ee87fb27503cb7ba4, on @user_script:1.",
        ),
        (
            "redis.log(1)",
            "-ERR redis.log() requires two arguments or more. script: 3f3f405a68f1629d40734c03d5bbba6b55824cf9, on @user_script:1.",
        ),
        (
            "redis.setresp(4)",
            "-ERR RESP version must be 2 or 3. script: 68e72e4d8a428b9f599dce492315f2455a425a82, on @user_script:1.",
        ),
    ];
    for (body, want) in cases {
        assert_eq!(World::new().eval(body), want, "{body}");
    }
}

#[test]
fn a_failing_command_is_raised_by_call_and_returned_by_pcall() {
    let mut world = World::new();
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    let raised = world.eval("redis.call('set','k','a') redis.call('lpush','k','v')");
    assert!(raised.starts_with(&format!("{wrong} script: ")), "{raised}");
    assert_eq!(world.eval("return redis.pcall('lpush','k','v')"), wrong);
    assert_eq!(
        world.eval("local ok, e = pcall(redis.call, 'nosuch') return {tostring(ok), type(e), e}"),
        r#"["false", "string", "ERR Unknown Redis command called from script"]"#
    );
}

/// A reply of every type comes from DEBUG PROTOCOL, the only part of DEBUG that a script may call.
#[test]
fn commands_that_are_not_for_scripts_are_refused() {
    let refused = [
        "blpop', 'k', 0",
        "brpop', 'k', 0",
        "blmove', 'a', 'b', 'left', 'left', 0",
        "brpoplpush', 'a', 'b', 0",
        "bzpopmin', 'k', 0",
        "bzpopmax', 'k', 0",
        "debug', 'reload",
        "debug', 'object', 'k",
        "eval', 'return 1', 0",
    ];
    for call in refused {
        let call =
            call.strip_suffix(", 0").map_or_else(|| format!("{call}'"), |c| format!("{c}, 0"));
        let answer = World::new().eval(&format!("return redis.call('{call})"));
        assert!(
            answer.starts_with("-ERR This Redis command is not allowed from script"),
            "{call}: {answer}"
        );
    }
    let mut world = World::new();
    let call = |resp: u8, kind: &str| {
        format!("redis.setresp({resp}) return redis.call('debug', 'protocol', '{kind}')")
    };
    for (resp, kind, expected) in [
        (2, "bignum", "\"1234567999999999999999999999999999999\""),
        (2, "map", "[0, 0, 1, 1, 2, 0]"),
        (2, "attrib", "\"Some real reply following the attribute\""),
        (3, "true", "1"),
        (3, "null", "nil"),
    ] {
        assert_eq!(world.eval(&call(resp, kind)), expected, "{resp} {kind}");
    }
}
