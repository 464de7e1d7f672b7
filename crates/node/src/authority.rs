//! Who may do what on this worker: the users as the newest applied cluster map has them, and the gate that every request
//! passes.
//!
//! A request is judged where its client is, with the newest state that this worker has applied; the leader that runs it
//! does not judge again. A script takes what its user may do along, since only it knows what it calls.
//!
//! A password that the node was started with holds for its default user as long as that has none in the map: before the
//! cluster is founded, and if somebody takes it away.

use crate::colleagues::NODE;
use crate::commands::{self, acl, subcommand};
use crate::errand::Errand;
use crate::node::Node;
use std::collections::BTreeMap;
use std::sync::Arc;
use synod_acl::{Change, DEFAULT, Digest, Rule, Users};
use synod_data::authority::{Denied, Named, Rights, fenced};
use synod_data::op::Op;
use synod_data::{Categories, Command, Flags, Group};
use synod_redis::{AclLog, Flow, Identity, Reason, Refusal, Space};
use synod_replica::{Audience, Origin};
use synod_ring::ClusterMap;
use synod_types::plant::planted;
use synod_types::{ClientId, ReplySink, limits};

const NOAUTH: &str = "NOAUTH Authentication required.";
/// What a client is told whose change of users is committed, and not known to all workers of its node in time.
const LATE: &str = "UNKNOWN The users were changed, and this node has not heard of it yet";

/// So long after a start the users of an older map than the log tells of are not taken over.
const REMEMBERED_US: u64 = 10_000_000;

/// A worker's answer to [`Errand::Know`] that has to wait.
#[derive(Debug)]
struct Awaited {
    epoch: u64,
    origin: Origin,
    deadline_us: u64,
}

/// See the module's page.
#[derive(Debug)]
pub(crate) struct Authority {
    /// As the map has them.
    given: Arc<Users>,
    /// As they hold here.
    users: Arc<Users>,
    /// After a start: the epoch of the map that the log tells of, committed or not, and until when older maps do not count.
    /// How far the log is committed may have been written down long before, and a right that was revoked stays revoked.
    remembered: Option<(u64, u64)>,
    /// What the default user's password is here while it has none in the map.
    password: Option<Digest>,
    /// What each user may do; `None`: everything.
    rights: BTreeMap<Arc<[u8]>, Option<Arc<Rights>>>,
    /// Whether a connection that names nobody needs no password.
    admits_anybody: bool,
    /// Whether the users of the cluster are known. Before, nobody has a password but by `password`.
    informed: bool,
    unheard: Vec<Awaited>,
    /// The refusals of the whole node, on worker 0.
    pub log: AclLog,
    /// How many passwords were made up.
    pub made_up: u64,
}

impl Authority {
    pub fn new(password: Option<Digest>) -> Self {
        let mut authority = Self {
            given: Arc::default(),
            users: Arc::default(),
            remembered: None,
            password,
            rights: BTreeMap::new(),
            admits_anybody: true,
            informed: false,
            unheard: Vec::new(),
            log: AclLog::default(),
            made_up: 0,
        };
        authority.take_over(Arc::default());
        authority
    }

    fn take_over(&mut self, given: Arc<Users>) {
        let mut users = given.clone();
        self.given = given;
        if let Some(password) = self.password.filter(|_| users.admit_anybody()) {
            let rules = vec![Rule::ResetPass, Rule::AddPassword(password)];
            let change = Change::Set { name: DEFAULT.to_vec(), rules };
            // The default user is there, and one password is not too much.
            let _done = Arc::make_mut(&mut users).apply(&change);
        }
        self.admits_anybody = users.admit_anybody();
        let before = std::mem::take(&mut self.rights);
        let compile = |(name, user): (&[u8], &Arc<synod_acl::User>)| {
            let same =
                self.users.get(name).is_some_and(|old| Arc::ptr_eq(old, user) || old == user);
            let kept = before.get_key_value(name).filter(|_| same);
            kept.map_or_else(
                || (Arc::from(name), (!user.is_open()).then(|| Arc::new(Rights::of(user)))),
                |(name, rights)| (name.clone(), rights.clone()),
            )
        };
        self.rights = users.iter().map(compile).collect();
        self.users = users;
    }

    /// The users there are.
    pub fn users(&self) -> &Arc<Users> {
        &self.users
    }

    /// What a connection is that has not said who it is.
    pub fn stranger(&self) -> Identity {
        self.identity(DEFAULT, self.admits_anybody).unwrap_or_default()
    }

    fn identity(&self, name: &[u8], authenticated: bool) -> Option<Identity> {
        let (name, rights) = self.rights.get_key_value(name)?;
        Some(Identity::new(name.clone(), rights.clone(), authenticated))
    }

    /// Who logs in with this name and password.
    pub fn login(&self, name: &[u8], password: &[u8]) -> Option<Identity> {
        let digest = Digest::of(password);
        self.users.get(name).filter(|user| user.admits(&digest))?;
        self.identity(name, true)
    }

    /// Who logs in by a certificate with this name.
    pub fn certified(&self, name: &[u8]) -> Option<Identity> {
        self.users.get(name).filter(|user| user.is_enabled())?;
        self.identity(name, true)
    }

    /// Whether a connection that names nobody needs no password.
    pub fn admits_anybody(&self) -> bool {
        self.admits_anybody
    }

    /// Whether the default user needs no password, whether it may log in or not.
    pub fn default_needs_no_password(&self) -> bool {
        self.users.get(DEFAULT).is_some_and(|user| user.needs_no_password())
    }
}

/// A command as rules speak of it; `None` when it has no such subcommand, or not with so many arguments, so that it is
/// refused in any case.
pub(crate) fn named<'a>(command: &'a Command, args: &'a [&'a [u8]]) -> Option<Named<'a>> {
    let table = acl::subcommands(command.name);
    if table.is_empty() || args.len() < 2 {
        return Some(Named { command, sub: None, categories: command.categories() });
    }
    match subcommand::find(table, args[1]) {
        Some(sub) if !sub.check_arity(args.len()) && command.is_session() => None,
        Some(sub) => {
            let of_sub = Categories::of(command.group, sub.flags);
            let categories = of_sub.and(command.categories_also);
            Some(Named { command, sub: Some(sub.word()), categories })
        }
        None if command.is_session() => None,
        None => Some(Named::of(command, args)),
    }
}

/// The name that a refusal repeats.
pub(crate) fn full_name(named: &Named<'_>) -> String {
    match named.sub {
        Some(sub) => format!("{}|{}", named.command.name, sub.to_ascii_lowercase()),
        None => named.command.name.to_owned(),
    }
}

/// Whether a request runs a script, by itself or behind a FENCE.
pub(crate) fn runs_script(command: &Command, args: &[&[u8]]) -> bool {
    let is_script = |command: &Command| command.group == Group::Scripting && !command.is_session();
    is_script(command) || fenced(command, args).is_some_and(|(inner, _)| is_script(inner))
}

/// What one may not do: the command's name, and where a key or channel stands.
pub(crate) struct Refused {
    pub name: String,
    pub why: Denied,
}

/// Whether rights allow a request; what a fence stands before has to be allowed as well.
pub(crate) fn check(rights: &Rights, command: &Command, args: &[&[u8]]) -> Result<(), Refused> {
    let Some(named) = named(command, args) else { return Ok(()) };
    rights.check(&named, args).map_err(|why| Refused { name: full_name(&named), why })?;
    match fenced(command, args) {
        // Another fence would be refused by the partition.
        Some((inner, words)) if inner.check_arity(words.len()) && inner.name != "fence" => {
            check(rights, inner, words)
        }
        _ => Ok(()),
    }
}

impl Node {
    /// Judges a request of a connection that may not do everything: `Some` if it is refused, and answered.
    pub(crate) fn judge(
        &mut self,
        client: ClientId,
        command: &Command,
        args: &[&[u8]],
    ) -> Option<Flow> {
        let admits_anybody = self.authority.admits_anybody;
        let session = self.clients.session(client)?;
        let identity = session.identity();
        if !identity.is_authenticated() && !admits_anybody && !command.flags.has(Flags::NO_AUTH) {
            return Some(self.refuse_stranger(client, command, NOAUTH));
        }
        let rights = identity.rights()?.clone();
        match check(&rights, command, args) {
            Ok(()) => {
                let text = rights.refuse_patterns(&Named::of(command, args), args)?;
                Some(self.refuse_request(client, text))
            }
            Err(refused) => {
                let in_multi = self.clients.session(client).is_some_and(|s| s.multi().is_some());
                self.note_refusal(client, &refused, args, in_multi);
                Some(self.refuse_stranger(client, command, &text(&refused)))
            }
        }
    }

    /// Whether a client has yet to log in, so that little is taken from it.
    #[must_use]
    pub fn is_stranger(&mut self, client: ClientId) -> bool {
        !self.authority.admits_anybody
            && self.clients.session(client).is_some_and(|s| !s.identity().is_authenticated())
    }

    /// Refuses what a client may not do. An EXEC that is refused ends the transaction all the same.
    fn refuse_stranger(&mut self, client: ClientId, command: &Command, text: &str) -> Flow {
        if command.name != "exec" {
            return self.refuse_request(client, text);
        }
        if let Some(session) = self.clients.session(client) {
            let _discarded = session.end_multi();
            session.end_watches();
        }
        let text = format!("EXECABORT Transaction discarded because of: {text}");
        self.refuse_request(client, &text)
    }

    /// What a client may do; `None`: everything.
    pub(crate) fn rights_of(&mut self, client: ClientId) -> Option<Arc<Rights>> {
        self.clients.session(client)?.identity().rights().cloned()
    }

    /// Whether a queued command is still allowed.
    ///
    /// # Errors
    /// What EXEC answers in its place.
    pub(crate) fn judge_queued(&mut self, client: ClientId, args: &[&[u8]]) -> Result<(), String> {
        let (Some(rights), Some(command)) = (self.rights_of(client), synod_data::lookup(args[0]))
        else {
            return Ok(());
        };
        let Err(refused) = check(&rights, command, args) else { return Ok(()) };
        self.note_refusal(client, &refused, args, true);
        let reason = match refused.why {
            Denied::Command => "no permission to execute the command or subcommand",
            Denied::Key(_) => "no permission to touch the specified keys",
            Denied::Channel(_) => {
                "no permission to access one of the channels used as arguments to the command"
            }
        };
        Err(format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is \
             no longer allowed for the following reason: {reason}"
        ))
    }

    fn note_refusal(
        &mut self,
        client: ClientId,
        refused: &Refused,
        args: &[&[u8]],
        in_multi: bool,
    ) {
        let (reason, object) = match refused.why {
            Denied::Command => (Reason::Command, refused.name.as_bytes()),
            Denied::Key(at) => (Reason::Key, in_place(args, &refused.name, at)),
            Denied::Channel(at) => (Reason::Channel, in_place(args, &refused.name, at)),
        };
        let user = self.clients.session(client).map(|session| session.identity().name().to_vec());
        self.log_refusal(client, (reason, in_multi), object, &user.unwrap_or_default());
    }

    /// Tells worker 0 what a client was refused, and as whom.
    pub(crate) fn log_refusal(
        &mut self,
        client: ClientId,
        (reason, in_multi): (Reason, bool),
        object: &[u8],
        user: &[u8],
    ) {
        let mut refusal = Refusal::new(reason, in_multi, object, user, self.local.now().wall.0);
        refusal.client = commands::client::own_line(self, client).into_bytes();
        self.ask_colleague(0, Origin::Internal, &Errand::Denied(refusal));
    }

    /// Takes over the users of a new map: connections whose user is gone end, and so do those that listen to what their
    /// user may not hear any more.
    pub(crate) fn learn_users(&mut self) {
        if !self.groups.map().is_founded() {
            return;
        }
        self.take_users_over();
        let epoch = self.groups.map().epoch;
        let unheard = std::mem::take(&mut self.authority.unheard);
        for one in unheard {
            match one.epoch <= epoch {
                true => self.know(one.origin),
                false => self.authority.unheard.push(one),
            }
        }
    }

    /// As the log has them after a start, committed or not: no older ones are to hold until the group has said how far it is.
    pub(crate) fn remember_users(&mut self, map: &ClusterMap) {
        if map.is_founded() {
            self.authority.remembered = Some((map.epoch, self.local.now().mono_us + REMEMBERED_US));
            self.authority.take_over(map.users().clone());
        }
    }

    fn take_users_over(&mut self) {
        if let Some((epoch, until_us)) = self.authority.remembered {
            if self.groups.map().epoch < epoch && self.local.now().mono_us < until_us {
                return;
            }
            self.authority.remembered = None;
        }
        let users = self.groups.map().users().clone();
        let before = self.authority.users.clone();
        let given = &self.authority.given;
        if !Arc::ptr_eq(&users, given) && users != *given {
            let was_open = self.authority.admits_anybody && !self.authority.informed;
            self.authority.take_over(users);
            self.apply_users(&before, was_open);
        }
        self.authority.informed = true;
    }

    /// Those who came while this node knew no users (`was_open`) have to log in now, if anybody has to.
    fn apply_users(&mut self, before: &Users, was_open: bool) {
        let Self { authority, clients, output, .. } = self;
        let stays = !was_open || authority.admits_anybody;
        let mut gone = Vec::new();
        for session in clients.sessions_mut().iter_mut() {
            let identity = session.identity();
            let name = identity.name();
            let same = match (before.get(name), authority.users.get(name)) {
                (Some(old), Some(new)) => old.is_same(new),
                _ => false,
            };
            if !same {
                gone.push(session.id());
                session.dismiss(&mut output.ready);
                continue;
            }
            let rights = authority.rights.get(name).cloned().flatten();
            let mut identity = identity.clone();
            identity.set_rights(rights);
            if !stays {
                identity.forget_login();
            }
            let deaf = identity.rights().is_some_and(|rights| hears_too_much(session, rights));
            session.set_identity(identity);
            if deaf {
                gone.push(session.id());
                session.kill(&mut output.ready);
            }
        }
        for client in gone {
            self.end_wait_of(client, synod_replica::WaitEnd::Timeout);
            self.clients.unsubscribe_all(client);
        }
    }

    /// Answers once this worker knows a map of this epoch.
    pub(crate) fn know_epoch(&mut self, epoch: u64, origin: Origin) {
        if self.groups.map().epoch >= epoch || planted("users-answered-early") {
            return self.know(origin);
        }
        let deadline_us = self.local.now().mono_us + limits::REQUEST_WAIT_MS_MAX * 1000;
        self.authority.unheard.push(Awaited { epoch, origin, deadline_us });
    }

    fn know(&mut self, origin: Origin) {
        self.desk(NODE).answer(origin, &mut |out: &mut dyn ReplySink| out.simple("OK"));
    }

    /// Gives up waiting for a map that does not come, or one that is as new as the log.
    pub(crate) fn expire_awaited(&mut self) {
        if self.authority.remembered.is_some() && self.groups.map().is_founded() {
            self.take_users_over();
        }
        let now_us = self.local.now().mono_us;
        let is_late = |one: &mut Awaited| one.deadline_us <= now_us;
        let late: Vec<Awaited> = self.authority.unheard.extract_if(.., is_late).collect();
        for one in late {
            self.desk(NODE).answer(one.origin, &mut |out: &mut dyn ReplySink| out.error(LATE));
        }
    }
}

/// An operation whose scripts may do what these rights allow; `None`: everything.
pub(crate) fn acting<'a>(rights: Option<&'a Arc<Rights>>, op: Op<'a>) -> Op<'a> {
    match rights {
        Some(rights) => Op::As { rights: rights.encoded(), op: Box::new(op) },
        None => op,
    }
}

/// The key or channel that was refused: behind a fence it stands three words later.
fn in_place<'a>(args: &[&'a [u8]], name: &str, at: usize) -> &'a [u8] {
    let own = args[0].eq_ignore_ascii_case(name.split('|').next().unwrap_or_default().as_bytes());
    args.get(if own { at } else { at + 3 }).copied().unwrap_or_default()
}

fn hears_too_much(session: &synod_redis::Session, rights: &Rights) -> bool {
    [Space::Channel, Space::Pattern, Space::Shard].into_iter().any(|space| {
        let mut names = session.subscriptions().of(space).iter();
        names.any(|name| !rights.allow_channel(name, space == Space::Pattern))
    })
}

fn text(refused: &Refused) -> String {
    match refused.why {
        Denied::Command => {
            format!("NOPERM this user has no permissions to run the '{}' command", refused.name)
        }
        Denied::Key(_) => {
            "NOPERM this user has no permissions to access one of the keys used as arguments".into()
        }
        Denied::Channel(_) => {
            "NOPERM this user has no permissions to access one of the channels used as arguments"
                .into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::started;
    use synod_ring::{MetaCommand, NodeInfo};
    use synod_types::{ClusterId, Millis, NodeId, Now};

    fn founded() -> ClusterMap {
        let nodes = [(NodeId(1), NodeInfo::default())].into();
        let (cluster, partitions, replicas) = (ClusterId(9), 1, 1);
        let mut map = ClusterMap::default();
        map.apply(MetaCommand::Found { cluster, partitions, replicas, nodes, engine: None })
            .unwrap();
        map
    }

    fn with_password(map: &ClusterMap) -> ClusterMap {
        let rules = vec![Rule::ResetPass, Rule::AddPassword(Digest::of(b"pw"))];
        let mut map = map.clone();
        let change = Change::Set { name: DEFAULT.to_vec(), rules };
        map.apply(MetaCommand::Users(change)).unwrap();
        map
    }

    /// What is known to be committed after a start may be older than what the process before it had applied.
    #[test]
    fn a_restart_brings_no_revoked_right_back() {
        let old = founded();
        let new = with_password(&old);
        let mut node = started(1);
        node.remember_members(&new);
        node.install_map(Arc::new(old.clone()));
        assert!(!node.authority.admits_anybody());
        let stranger = node.open_session("a".into());
        assert!(node.is_stranger(stranger));
        // The change was never committed: another entry took its place.
        let later_us = node.local.now().mono_us + REMEMBERED_US;
        node.begin_turn(Now { wall: Millis(1), mono_us: later_us });
        node.tick();
        assert!(node.authority.admits_anybody() && !node.is_stranger(stranger));
        let mut node = started(1);
        node.remember_members(&old);
        node.install_map(Arc::new(new));
        assert!(!node.authority.admits_anybody(), "a newer map counts at once");
    }

    #[test]
    fn a_nodes_own_password_holds_while_the_map_has_none() {
        let mut authority = Authority::new(Some(Digest::of(b"own")));
        assert!(!authority.admits_anybody() && !authority.stranger().is_authenticated());
        assert!(authority.login(DEFAULT, b"own").is_some());
        authority.take_over(with_password(&founded()).users().clone());
        assert!(
            authority.login(DEFAULT, b"own").is_none() && authority.login(DEFAULT, b"pw").is_some()
        );
        authority.take_over(founded().users().clone());
        assert!(
            authority.login(DEFAULT, b"own").is_some() && authority.login(DEFAULT, b"pw").is_none()
        );
    }
}
