//! Both spellings of every reply, and that they read back as what was written.

use super::*;
use crate::resp::Value;
use proptest::collection::vec;
use proptest::prelude::*;

fn written(proto: Proto, write: impl Fn(&mut RespWriter<'_>)) -> String {
    let mut out = Vec::new();
    write(&mut RespWriter::new(&mut out, proto));
    String::from_utf8(out).unwrap()
}

/// Replies that wait for a client that does not read were in a room of nearly twice their length.
#[test]
fn a_long_room_for_replies_does_not_double() {
    type Put = fn(&mut RespWriter<'_>, &[u8]);
    let ways: [Put; 2] = [|w, bytes| w.bulk(bytes), |w, bytes| w.raw(bytes)];
    for put in ways {
        let mut out = Vec::new();
        let (mut larger, mut steps) = (0, 0);
        while out.len() < 64 * DOUBLED_BYTES_MAX {
            let before = out.capacity();
            put(&mut RespWriter::new(&mut out, Proto::Resp2), &[b'v'; 1000]);
            if out.capacity() != before && before > DOUBLED_BYTES_MAX {
                assert!(
                    out.capacity() <= out.len() + out.len() / 4,
                    "{before}: {}",
                    out.capacity()
                );
                steps += 1;
            }
            larger = larger.max(out.capacity() - out.len());
        }
        assert!(steps > 10, "it grew in steps of a quarter: {steps}");
        assert!(larger < out.len() / 4, "{larger} of {}", out.len());
    }
}

type Write = fn(&mut RespWriter<'_>);

#[test]
fn each_reply_has_its_spelling_in_each_version() {
    let cases: [(Write, &str, &str); 20] = [
        (|w| w.simple("OK"), "+OK\r\n", "+OK\r\n"),
        (|w| w.simple("a\r\nb"), "+a  b\r\n", "+a  b\r\n"),
        (|w| w.error("ERR a\nb"), "-ERR a b\r\n", "-ERR a b\r\n"),
        (|w| w.integer(7), ":7\r\n", ":7\r\n"),
        (|w| w.integer(i64::MIN), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"),
        (|w| w.bulk(b""), "$0\r\n\r\n", "$0\r\n\r\n"),
        (|w| w.bulk(b"hello, world"), "$12\r\nhello, world\r\n", "$12\r\nhello, world\r\n"),
        (|w| w.null(), "$-1\r\n", "_\r\n"),
        (|w| w.null_array(), "*-1\r\n", "_\r\n"),
        (|w| w.array(0), "*0\r\n", "*0\r\n"),
        (|w| w.array(1_000_000), "*1000000\r\n", "*1000000\r\n"),
        (|w| w.map(5), "*10\r\n", "%5\r\n"),
        (|w| w.set(2), "*2\r\n", "~2\r\n"),
        (|w| w.push(3), "*3\r\n", ">3\r\n"),
        (|w| w.double(3.0), "$1\r\n3\r\n", ",3\r\n"),
        (|w| w.double(3.1), "$3\r\n3.1\r\n", ",3.1\r\n"),
        (|w| w.double(f64::NEG_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n"),
        (|w| w.boolean(true), ":1\r\n", "#t\r\n"),
        (|w| w.boolean(false), ":0\r\n", "#f\r\n"),
        (|w| w.verbatim("hi"), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"),
    ];
    for (write, resp2, resp3) in cases {
        assert_eq!(written(Proto::Resp2, write), resp2);
        assert_eq!(written(Proto::Resp3, write), resp3);
    }
}

#[test]
fn fixed_replies_are_those_of_the_writer() {
    let mut out = Vec::new();
    write_ok(&mut out);
    write_pong(&mut out);
    write_queued(&mut out);
    let expected = written(Proto::Resp2, |w| {
        w.simple("OK");
        w.simple("PONG");
        w.simple("QUEUED");
    });
    assert_eq!(out, expected.as_bytes());
}

/// Values that both versions can tell; RESP2 has no more types than these.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        "[a-zA-Z ]{0,12}".prop_map(Value::Simple),
        "ERR [a-z ]{0,12}".prop_map(Value::Error),
        any::<i64>().prop_map(Value::Integer),
        vec(any::<u8>(), 0..40).prop_map(Value::Bulk),
        Just(Value::Null),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| vec(inner, 0..4).prop_map(Value::Array))
}

/// What only RESP3 can tell.
fn value3() -> impl Strategy<Value = Value> {
    prop_oneof![
        vec((value(), value()), 0..4).prop_map(Value::Map),
        vec(value(), 0..4).prop_map(Value::Set),
        vec(value(), 0..4).prop_map(Value::Push),
        any::<bool>().prop_map(Value::Boolean),
        (-1e12..1e12f64).prop_map(Value::Double),
        "[a-z\n]{0,20}".prop_map(|text| Value::Verbatim("txt".into(), text.into_bytes())),
    ]
}

fn write(value: &Value, w: &mut RespWriter<'_>) {
    match value {
        Value::Simple(text) => w.simple(text),
        Value::Error(text) => w.error(text),
        Value::Integer(n) => w.integer(*n),
        Value::Bulk(bytes) => w.bulk(bytes),
        Value::Null => w.null(),
        Value::Double(x) => w.double(*x),
        Value::Boolean(b) => w.boolean(*b),
        Value::BigNumber(_) => unreachable!("the writer has no big numbers"),
        Value::Verbatim(_, text) => w.verbatim(std::str::from_utf8(text).unwrap()),
        Value::Map(pairs) => {
            w.map(pairs.len());
            for (key, value) in pairs {
                write(key, w);
                write(value, w);
            }
        }
        Value::Array(values) => {
            w.array(values.len());
            values.iter().for_each(|value| write(value, w));
        }
        Value::Set(values) => {
            w.set(values.len());
            values.iter().for_each(|value| write(value, w));
        }
        Value::Push(values) => {
            w.push(values.len());
            values.iter().for_each(|value| write(value, w));
        }
    }
}

fn reads_back(value: &Value, proto: Proto) -> Result<(), TestCaseError> {
    let mut out = Vec::new();
    write(value, &mut RespWriter::new(&mut out, proto));
    for cut in 0..out.len() {
        prop_assert_eq!(Value::decode(&out[..cut]), Ok(None));
    }
    let len = out.len();
    out.extend_from_slice(b"+next\r\n");
    prop_assert_eq!(Value::decode(&out), Ok(Some((value.clone(), len))));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn replies_read_back(value in value()) {
        reads_back(&value, Proto::Resp2)?;
        reads_back(&value, Proto::Resp3)?;
    }

    #[test]
    fn replies_of_version_3_read_back(value in value3()) {
        reads_back(&value, Proto::Resp3)?;
    }

    #[test]
    fn garbage_is_no_panic(bytes in vec(prop_oneof![
        Just(b"*2\r\n".to_vec()), Just(b"%1\r\n".to_vec()), Just(b"$3\r\nabc\r\n".to_vec()),
        Just(b"|1\r\n".to_vec()), Just(b":1\r\n".to_vec()), Just(b"=2\r\nab\r\n".to_vec()),
        vec(any::<u8>(), 0..4),
    ], 0..20)) {
        let _ = Value::decode(&bytes.concat());
    }
}
