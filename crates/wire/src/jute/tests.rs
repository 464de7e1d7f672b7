//! Messages as clients send them, whole, cut and beyond their bounds; replies as clients read them.

use super::write::{put_buffer, put_int, put_long, put_string, put_strings};
use super::*;

fn acl(out: &mut Vec<u8>) {
    put_int(out, 1);
    put_int(out, 31);
    put_string(out, "world");
    put_string(out, "anyone");
}

fn open<'a>() -> Vec<AclEntry<'a>> {
    vec![AclEntry { perms: 31, scheme: "world", id: "anyone" }]
}

fn payload(number: i32, fields: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_int(&mut bytes, 5);
    put_int(&mut bytes, number);
    fields(&mut bytes);
    bytes
}

fn path(out: &mut Vec<u8>) {
    put_string(out, "/a");
}

fn asked(request: &Request<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    request.put(&mut frame);
    take_frame(&frame).unwrap().unwrap().0.to_vec()
}

fn multi_header(out: &mut Vec<u8>, number: i32, done: bool) {
    put_int(out, number);
    out.push(u8::from(done));
    put_int(out, -1);
}

#[test]
fn each_request_is_read_and_refused_when_cut() {
    let at = "/a";
    let watched = || vec!["/a"];
    type Fields = fn(&mut Vec<u8>);
    let create: Fields = |out| {
        path(out);
        put_buffer(out, b"data");
        acl(out);
        put_int(out, 3);
    };
    let version: Fields = |out| {
        path(out);
        put_int(out, 7);
    };
    let set: Fields = |out| {
        path(out);
        put_buffer(out, b"data");
        put_int(out, 7);
    };
    let watch: Fields = |out| {
        path(out);
        out.push(1);
    };
    let made = |number, ttl| Op::Create {
        path: at,
        data: Some(b"data"),
        acl: open(),
        flags: 3,
        ttl,
        number,
    };
    let cases: Vec<(i32, Fields, Op<'_>)> = vec![
        (opcode::CREATE, create, made(opcode::CREATE, None)),
        (opcode::CREATE2, create, made(opcode::CREATE2, None)),
        (opcode::CREATE_CONTAINER, create, made(opcode::CREATE_CONTAINER, None)),
        (
            opcode::CREATE_TTL,
            |out| {
                path(out);
                put_buffer(out, b"data");
                acl(out);
                put_int(out, 3);
                put_long(out, 1 << 39);
            },
            made(opcode::CREATE_TTL, Some(1 << 39)),
        ),
        (opcode::DELETE, version, Op::Delete { path: at, version: 7 }),
        (opcode::EXISTS, watch, Op::Exists { path: at, watch: true }),
        (opcode::GET_DATA, watch, Op::GetData { path: at, watch: true }),
        (opcode::SET_DATA, set, Op::SetData { path: at, data: Some(b"data"), version: 7 }),
        (
            opcode::SET_DATA,
            |out| {
                path(out);
                put_int(out, -1);
                put_int(out, 7);
            },
            Op::SetData { path: at, data: None, version: 7 },
        ),
        (
            opcode::ADD_WATCH,
            |out| {
                path(out);
                put_int(out, 1);
            },
            Op::AddWatch { path: at, recursive: true },
        ),
        (opcode::GET_ACL, path, Op::GetAcl { path: at }),
        (opcode::GET_CHILDREN, watch, Op::GetChildren { path: at, watch: true, with_stat: false }),
        (opcode::GET_CHILDREN2, watch, Op::GetChildren { path: at, watch: true, with_stat: true }),
        (opcode::SYNC, path, Op::Sync { path: at }),
        (opcode::CHECK, version, Op::Check { path: at, version: 7 }),
        (opcode::GET_EPHEMERALS, path, Op::GetEphemerals { prefix: at }),
        (opcode::GET_ALL_CHILDREN_NUMBER, path, Op::GetAllChildrenNumber { path: at }),
        (
            opcode::REMOVE_WATCHES,
            version,
            Op::RemoveWatches { path: at, kind: 7, check_only: false },
        ),
        (
            opcode::SET_ACL,
            |out| {
                path(out);
                acl(out);
                put_int(out, 7);
            },
            Op::SetAcl { path: at, acl: open(), version: 7 },
        ),
        (
            opcode::AUTH,
            |out| {
                put_int(out, 0);
                put_string(out, "digest");
                put_buffer(out, b"u:p");
            },
            Op::Auth { scheme: "digest", auth: b"u:p" },
        ),
        (
            opcode::SET_WATCHES,
            |out| {
                put_long(out, 9);
                put_strings(out, &["/a".to_owned()]);
                put_strings(out, &[]);
                put_strings(out, &["/a".to_owned()]);
            },
            Op::SetWatches(WatchPaths {
                relative_zxid: 9,
                data: watched(),
                exist: vec![],
                child: watched(),
                persistent: vec![],
                recursive: vec![],
            }),
        ),
        (
            opcode::SET_WATCHES2,
            |out| {
                put_long(out, 9);
                (0..3).for_each(|_| put_strings(out, &[]));
                (0..2).for_each(|_| put_strings(out, &["/a".to_owned()]));
            },
            Op::SetWatches(WatchPaths {
                relative_zxid: 9,
                data: vec![],
                exist: vec![],
                child: vec![],
                persistent: watched(),
                recursive: watched(),
            }),
        ),
        (
            opcode::MULTI_READ,
            |out| {
                for number in [opcode::GET_DATA, opcode::GET_CHILDREN] {
                    multi_header(out, number, false);
                    path(out);
                    out.push(0);
                }
                multi_header(out, -1, true);
            },
            Op::MultiRead(vec![
                Op::GetData { path: at, watch: false },
                Op::GetChildren { path: at, watch: false, with_stat: false },
            ]),
        ),
        (
            opcode::MULTI,
            |out| {
                multi_header(out, opcode::DELETE, false);
                path(out);
                put_int(out, 7);
                multi_header(out, -1, true);
            },
            Op::Multi(vec![Op::Delete { path: at, version: 7 }]),
        ),
    ];
    for (number, fields, op) in cases {
        let bytes = payload(number, fields);
        let request = Request { xid: 5, op };
        assert_eq!(asked(&request), bytes, "{number} as a client writes it");
        assert_eq!(Request::decode(&bytes), Ok(request), "{number}");
        for cut in 0..bytes.len() {
            assert_eq!(Request::decode(&bytes[..cut]), Err(Malformed), "{number} cut at {cut}");
        }
    }
    for (number, op) in [
        (11, Op::Ping),
        (-11, Op::Close),
        (107, Op::WhoAmI),
        (16, Op::Other(16)),
        (999, Op::Other(999)),
    ] {
        let bytes = payload(number, |_| ());
        let request = Request { xid: 5, op };
        assert_eq!(asked(&request), bytes);
        assert_eq!(Request::decode(&bytes), Ok(request));
    }
}

#[test]
fn lengths_that_cannot_be_are_refused_before_anything_is_allocated() {
    let frame = |len: i32| len.to_be_bytes().to_vec();
    for len in [-1, i32::MIN, FRAME_BYTES_MAX as i32 + 1, i32::MAX] {
        assert_eq!(take_frame(&frame(len)), Err(Oversized(len)));
    }
    assert_eq!(take_frame(&frame(FRAME_BYTES_MAX as i32)), Ok(None));
    assert_eq!(take_frame(&[0, 0]), Ok(None));
    assert_eq!(take_frame(&[0, 0, 0, 2, 7, 8, 9]), Ok(Some((&[7, 8][..], 6))));
    for len in [-2, i32::MIN, i32::MAX] {
        let string = payload(opcode::SYNC, |out| put_int(out, len));
        assert_eq!(Request::decode(&string), Err(Malformed));
        let list = payload(opcode::SET_WATCHES, |out| {
            put_long(out, 0);
            put_int(out, len);
        });
        assert_eq!(Request::decode(&list), Err(Malformed));
    }
    let not_text = payload(opcode::SYNC, |out| put_buffer(out, &[0xff]));
    assert_eq!(Request::decode(&not_text), Err(Malformed));
    let nested = payload(opcode::MULTI, |out| multi_header(out, opcode::MULTI, false));
    assert_eq!(Request::decode(&nested), Err(Malformed), "a multi in a multi");
    let write = payload(opcode::MULTI_READ, |out| multi_header(out, opcode::DELETE, false));
    assert_eq!(Request::decode(&write), Err(Malformed), "a write among reads");
    let mode = payload(opcode::ADD_WATCH, |out| {
        path(out);
        put_int(out, 2);
    });
    assert_eq!(Request::decode(&mode), Err(Malformed), "a mode that there is not");
}

#[test]
fn replies_and_events_are_spelled_as_clients_read_them() {
    let mut out = Vec::new();
    put_event(&mut out, 3, "/a");
    let event =
        [&[0, 0, 0, 30][..], &[0xff; 12], &[0; 4], &[0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 2], b"/a"];
    assert_eq!(out, event.concat());
    out.clear();
    put_reply(&mut out, 1, 2, &Err(-101));
    assert_eq!(out[4..], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0x9b]);
    out.clear();
    put_reply(&mut out, 1, 2, &Ok(Body::Stat(Stat::default())));
    assert_eq!(out.len(), 4 + 16 + 68);
    out.clear();
    let who = Body::Who(vec![("digest", "u"), ("ip", "::1")]);
    put_reply(&mut out, 1, 2, &Ok(who));
    assert_eq!(out.len(), 4 + 16 + 4 + 10 + 5 + 6 + 7);
    out.clear();
    for (data, len) in [(None, 0), (Some(&b""[..]), 0), (Some(&b"abc"[..]), 3)] {
        put_reply(&mut out, 1, 2, &Ok(Body::Data { data, stat: Stat::default() }));
        assert_eq!(out.len(), 4 + 16 + 4 + len + 68);
        let spelled = data.map_or(-1i32, |data| data.len() as i32);
        assert_eq!(out[20..24], spelled.to_be_bytes());
        out.clear();
    }
    let results = vec![Ok((opcode::DELETE, Body::Empty)), Err(-103)];
    put_reply(&mut out, 1, 2, &Ok(Body::Multi(results)));
    assert_eq!(out.len(), 4 + 16 + 9 + 13 + 9);
    assert_eq!(out[out.len() - 9..], [0xff, 0xff, 0xff, 0xff, 1, 0xff, 0xff, 0xff, 0xff]);
}
