//! ZooKeeper's messages as a client writes and reads them: as few as the workload needs.

/// The numbers of requests.
pub(super) mod opcode {
    pub const CREATE: i32 = 1;
    pub const DELETE: i32 = 2;
    pub const EXISTS: i32 = 3;
    pub const GET_DATA: i32 = 4;
    pub const SET_DATA: i32 = 5;
    pub const PING: i32 = 11;
    pub const SET_WATCHES: i32 = 101;
    pub const CLOSE: i32 = -11;
}

/// Ephemeral, and sequential, among the flags of a create.
pub(super) const EPHEMERAL: i32 = 1;
pub(super) const SEQUENTIAL: i32 = 2;

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as i32).to_be_bytes()[..], text.as_bytes()].concat()
}

fn framed(payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as i32).to_be_bytes()[..], payload].concat()
}

/// The first message of a connection.
pub(super) fn connect(
    last_zxid: i64,
    timeout_ms: i32,
    session: i64,
    password: &[u8; 16],
) -> Vec<u8> {
    let parts: [&[u8]; 7] = [
        &0i32.to_be_bytes(),
        &last_zxid.to_be_bytes(),
        &timeout_ms.to_be_bytes(),
        &session.to_be_bytes(),
        &16i32.to_be_bytes(),
        password,
        &[0],
    ];
    framed(&parts.concat())
}

/// A request.
pub(super) fn request(xid: i32, number: i32, fields: &[u8]) -> Vec<u8> {
    framed(&[&xid.to_be_bytes()[..], &number.to_be_bytes(), fields].concat())
}

pub(super) fn watching(path: &str, watch: bool) -> Vec<u8> {
    [string(path), vec![u8::from(watch)]].concat()
}

pub(super) fn any_version(path: &str) -> Vec<u8> {
    [string(path), (-1i32).to_be_bytes().to_vec()].concat()
}

pub(super) fn create(path: &str, flags: i32) -> Vec<u8> {
    let acl = [1i32.to_be_bytes(), 31i32.to_be_bytes()].concat();
    let world = [string("world"), string("anyone")].concat();
    [string(path), string(""), acl, world, flags.to_be_bytes().to_vec()].concat()
}

pub(super) fn set(path: &str, data: &str) -> Vec<u8> {
    [string(path), string(data), (-1i32).to_be_bytes().to_vec()].concat()
}

/// `setWatches` of paths that are watched for their data.
pub(super) fn set_watches(seen: i64, paths: &[&str]) -> Vec<u8> {
    let mut fields = [&seen.to_be_bytes()[..], &(paths.len() as i32).to_be_bytes()].concat();
    paths.iter().for_each(|path| fields.extend(string(path)));
    fields.extend([0; 8]);
    fields
}

/// The payload of the first frame, and how many bytes it takes.
pub(super) fn take(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let len = usize::try_from(i32::from_be_bytes(*len)).ok()?;
    rest.get(..len).map(|payload| (payload, 4 + len))
}

/// Reads fields off the front; `None` where a message is shorter than it should be.
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub fn int(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub fn long(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    pub fn buffer(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.int()?).unwrap_or(0);
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    pub fn string(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.buffer()?).ok()
    }
}
