//! What a node asks of its world about TLS: the certificates are files, which the node never sees.

use crate::node::Node;
use synod_redis::Identity;
use synod_types::ClientId;

/// The world's side.
pub trait Certificates: Send {
    /// Whether CONFIG SET may change the setting with this name.
    fn may_change(&self, name: &str) -> bool;

    /// Changes settings, and reads the files that they name: all of them or none.
    ///
    /// # Errors
    /// The name of the setting that is no good, and Redis's words for why.
    fn change(&self, pairs: &[(String, String)]) -> Result<(), (String, String)>;

    /// The settings as they are.
    fn settings(&self) -> Vec<(&'static str, String)>;
}

impl Node {
    /// Who knows the certificates, where there is TLS.
    pub fn set_certificates(&mut self, certificates: Box<dyn Certificates>) {
        self.local.set_certificates(certificates);
    }

    /// A client came through the door of TLS: it is told of the same doors of other nodes.
    pub fn session_uses_tls(&mut self, client: ClientId) {
        if let Some(session) = self.clients.session(client) {
            session.set_tls();
        }
    }

    /// A session of the node's own coordinator: it may do everything, and is asked for no password.
    pub fn trust(&mut self, client: ClientId) {
        if let Some(session) = self.clients.session(client) {
            session.set_identity(Identity::coordinator());
        }
    }

    /// A client's certificate, which is good, names this user: it is logged in if there is such a user and it is on. Whoever is
    /// not has to log in as others do.
    pub fn certified(&mut self, client: ClientId, user: &[u8]) {
        if let (Some(identity), Some(session)) =
            (self.authority.certified(user), self.clients.session(client))
        {
            session.set_identity(identity);
        }
    }
}
