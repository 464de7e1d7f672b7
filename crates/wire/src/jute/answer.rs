//! Replies as a client reads them.

use super::read::{Fields, Malformed};
use super::reply::Stat;
use super::request::AclEntry;

/// The xid of what comes unasked.
const EVENT_XID: i32 = -1;

/// A reply's header, and what stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The number of the request.
    pub xid: i32,
    /// The newest change that the server knew of.
    pub zxid: i64,
    /// ZooKeeper's number for what went wrong; 0 for nothing.
    pub code: i32,
    body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// Reads the payload of a frame that is not a connection's first.
    ///
    /// # Errors
    /// It is something else.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Fields(payload);
        let (xid, zxid, code) = (fields.int()?, fields.long()?, fields.int()?);
        Ok(Self { xid, zxid, code, body: fields.0 })
    }

    /// Whether a watch tells it.
    #[must_use]
    pub const fn is_event(&self) -> bool {
        self.xid == EVENT_XID
    }

    /// What `getData` answers.
    ///
    /// # Errors
    /// It is something else.
    pub fn data(&self) -> Result<(Option<&'a [u8]>, Stat), Malformed> {
        let mut fields = Fields(self.body);
        Ok((fields.data()?, stat(&mut fields)?))
    }

    /// What `getChildren` answers.
    ///
    /// # Errors
    /// It is something else.
    pub fn names(&self) -> Result<Vec<&'a str>, Malformed> {
        Fields(self.body).vector(Fields::string)
    }

    /// What `getACL` answers.
    ///
    /// # Errors
    /// It is something else.
    pub fn acl(&self) -> Result<Vec<AclEntry<'a>>, Malformed> {
        Fields(self.body).vector(|fields| {
            Ok(AclEntry { perms: fields.int()?, scheme: fields.string()?, id: fields.string()? })
        })
    }
}

/// The session that a connection's first reply grants: 0 when it grants none.
///
/// # Errors
/// It is something else.
pub fn granted_session(payload: &[u8]) -> Result<i64, Malformed> {
    let mut fields = Fields(payload);
    let (_version, _timeout_ms) = (fields.int()?, fields.int()?);
    fields.long()
}

fn stat(fields: &mut Fields<'_>) -> Result<Stat, Malformed> {
    Ok(Stat {
        czxid: fields.long()?,
        mzxid: fields.long()?,
        ctime: fields.long()?,
        mtime: fields.long()?,
        version: fields.int()?,
        cversion: fields.int()?,
        aversion: fields.int()?,
        ephemeral_owner: fields.long()?,
        data_length: fields.int()?,
        num_children: fields.int()?,
        pzxid: fields.long()?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Body, put_connect_reply, put_event, put_reply, take_frame};
    use super::*;

    fn payload(frame: &[u8]) -> &[u8] {
        take_frame(frame).unwrap().unwrap().0
    }

    #[test]
    fn a_client_reads_what_a_server_writes_and_refuses_it_when_cut() {
        let stat = Stat {
            czxid: 1,
            mzxid: 2,
            ephemeral_owner: -3,
            num_children: 4,
            pzxid: 5,
            ..Stat::default()
        };
        let entry = AclEntry { perms: 31, scheme: "world", id: "anyone" };
        let names = ["a".to_owned(), "b".to_owned()];
        let mut frame = Vec::new();
        for data in [Some(&b"data"[..]), Some(&[]), None] {
            frame.clear();
            put_reply(&mut frame, 7, 9, &Ok(Body::Data { data, stat }));
            let answer = Answer::decode(payload(&frame)).unwrap();
            assert_eq!((answer.xid, answer.zxid, answer.code), (7, 9, 0));
            assert_eq!(answer.data(), Ok((data, stat)));
            for cut in 0..answer.body.len() {
                assert!(Answer { body: &answer.body[..cut], ..answer }.data().is_err());
            }
        }
        frame.clear();
        put_reply(&mut frame, 7, 9, &Ok(Body::Names { names: &names, stat: None }));
        assert_eq!(Answer::decode(payload(&frame)).unwrap().names(), Ok(vec!["a", "b"]));
        frame.clear();
        put_reply(&mut frame, 7, 9, &Ok(Body::Acl { acl: vec![entry], stat }));
        assert_eq!(Answer::decode(payload(&frame)).unwrap().acl(), Ok(vec![entry]));
        frame.clear();
        put_reply(&mut frame, 7, 9, &Err(-101));
        assert_eq!(Answer::decode(payload(&frame)).unwrap().code, -101);
        frame.clear();
        put_event(&mut frame, 1, "/a");
        assert!(Answer::decode(payload(&frame)).unwrap().is_event());
        frame.clear();
        put_connect_reply(&mut frame, 44, &[0; 16], 4_000, Some(false));
        assert_eq!(granted_session(payload(&frame)), Ok(44));
    }
}
