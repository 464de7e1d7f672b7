//! Whom a connection proves to be.

use crate::sha1::{base64, sha1};
use std::net::IpAddr;
use synod_tree::Id;

/// The most identities of one connection.
const IDS_MAX: usize = 256;

/// The identities of one connection.
#[derive(Debug)]
pub(crate) struct Identities(Vec<Id>);

impl Identities {
    /// Of a connection that has proven nothing: it is its address.
    pub fn new(address: IpAddr) -> Self {
        Self(vec![Id::new("ip", &address.to_string())])
    }

    pub fn all(&self) -> Vec<Id> {
        self.0.clone()
    }

    /// Schemes with names, as `whoAmI` tells them: of a user only the name.
    pub fn told(&self) -> Vec<(String, String)> {
        let name = |id: &Id| match id.scheme.as_str() {
            "digest" => id.id.split(':').next().unwrap_or_default().to_owned(),
            _ => id.id.clone(),
        };
        self.0.iter().map(|id| (id.scheme.clone(), name(id))).collect()
    }

    /// Takes one more in; whether the scheme is known and there is room. `superuser` is the digest of who may do everything.
    pub fn add(&mut self, scheme: &str, auth: &[u8], superuser: Option<&str>) -> bool {
        let id = match (scheme, std::str::from_utf8(auth)) {
            ("digest", Ok(text)) => {
                let user = text.split(':').next().unwrap_or_default();
                Id::new("digest", &format!("{user}:{}", base64(&sha1(auth))))
            }
            ("ip", _) => return true,
            _ => return false,
        };
        let is_super = superuser == Some(&*id.id);
        self.put(id) && (!is_super || self.put(Id::new("super", "")))
    }

    fn put(&mut self, id: Id) -> bool {
        let known = self.0.contains(&id);
        if !known && self.0.len() < IDS_MAX {
            self.0.push(id);
            return true;
        }
        known
    }
}
