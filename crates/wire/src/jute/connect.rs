//! The first message of each direction.

use super::read::{Fields, Malformed};
use super::write::{put_buffer, put_frame, put_int, put_long};

/// What a client says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectRequest {
    /// The newest change that the client has seen of any server.
    pub last_zxid: i64,
    /// The session timeout that it wants, in milliseconds.
    pub timeout_ms: i32,
    /// The session to go on with; 0 for a new one.
    pub session: i64,
    /// That session's password; zeros for a new one.
    pub password: [u8; 16],
    /// Whether it takes a server that cannot write; `None` from clients older than that.
    pub read_only: Option<bool>,
}

impl ConnectRequest {
    /// Reads the payload of the first frame.
    ///
    /// # Errors
    /// It is something else.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields(payload);
        let _protocol_version = fields.int()?;
        let last_zxid = fields.long()?;
        let timeout_ms = fields.int()?;
        let session = fields.long()?;
        let given = fields.buffer()?;
        if given.len() > 16 {
            return Err(Malformed);
        }
        let mut password = [0; 16];
        password[..given.len()].copy_from_slice(given);
        let read_only = match fields.0 {
            [] => None,
            _ => Some(fields.boolean()?),
        };
        Ok(Self { last_zxid, timeout_ms, session, password, read_only })
    }
}

/// Appends the answer. A session of 0 with a timeout of 0 says that the session has expired; `read_only` tells clients that
/// know of such whether this server only reads.
pub fn put_connect_reply(
    out: &mut Vec<u8>,
    session: i64,
    password: &[u8; 16],
    timeout_ms: i32,
    read_only: Option<bool>,
) {
    put_frame(out, |out| {
        put_int(out, 0);
        put_int(out, timeout_ms);
        put_long(out, session);
        put_buffer(out, password);
        if let Some(read_only) = read_only {
            out.push(read_only.into());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_is_read_with_and_without_the_flag_and_refused_when_cut() {
        let mut payload = Vec::new();
        put_int(&mut payload, 0);
        put_long(&mut payload, 77);
        put_int(&mut payload, 10_000);
        put_long(&mut payload, -4);
        put_buffer(&mut payload, &[9; 16]);
        let old = ConnectRequest {
            last_zxid: 77,
            timeout_ms: 10_000,
            session: -4,
            password: [9; 16],
            read_only: None,
        };
        assert_eq!(ConnectRequest::decode(&payload), Ok(old));
        for cut in 0..payload.len() {
            assert_eq!(ConnectRequest::decode(&payload[..cut]), Err(Malformed));
        }
        payload.push(1);
        let new = ConnectRequest { read_only: Some(true), ..old };
        assert_eq!(ConnectRequest::decode(&payload), Ok(new));
    }
}
