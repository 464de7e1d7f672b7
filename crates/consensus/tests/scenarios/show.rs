//! Effects and messages in a few words.

use synod_consensus::{Body, Effect, Message, Role, Status, paxos, raft, zab};
use synod_types::{Entry, EntryKind, Membership, NodeId};

pub fn effect(node: NodeId, effect: &Effect) -> String {
    match effect {
        Effect::Persist { token, hard_state, entries } => {
            let hard = hard_state.map_or(String::new(), |hard| {
                format!(" term {} vote {} commit {}", hard.term, hard.vote, hard.commit)
            });
            format!("{node} persist #{}{hard}{}", token.0, list(entries))
        }
        Effect::Send { to, message } => format!("{node}->{to} {}", self::message(message)),
        Effect::Commit(entries) => format!("{node} commit{}", list(entries)),
        Effect::ReadReady { id, index } => format!("{node} read {id} at {index}"),
        Effect::ReadAborted { id } => format!("{node} read {id} aborted"),
        Effect::RoleChanged { role, term, leader } => {
            format!("{node} {} of term {term}{}", self::role(*role), following(*leader))
        }
        Effect::MembershipChanged(members) => format!("{node} members {}", membership(members)),
        Effect::SnapshotWanted { at_least } => format!("{node} wants a snapshot from {at_least}"),
        Effect::FetchSnapshot { from, meta } => {
            format!("{node} fetches snapshot {}:{} from {from}", meta.index, meta.term)
        }
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Follower => "follower",
        Role::PreCandidate => "pre-candidate",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
    }
}

fn following(leader: Option<NodeId>) -> String {
    leader.map_or(String::new(), |leader| format!(", led by {leader}"))
}

/// Entries as index:term and what they carry.
fn list(entries: &[Entry]) -> String {
    entries
        .iter()
        .map(|entry| {
            let what = match entry.kind {
                EntryKind::Noop => "noop".to_owned(),
                EntryKind::Commands => String::from_utf8_lossy(&entry.payload).into_owned(),
                EntryKind::Membership => Membership::decode(&entry.payload)
                    .map_or_else(|| "?".to_owned(), |members| membership(&members)),
            };
            format!(" [{}:{} {what}]", entry.index, entry.term)
        })
        .collect()
}

pub fn membership(members: &Membership) -> String {
    let ids = |list: &[NodeId]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut shown = ids(&members.voters);
    if !members.outgoing.is_empty() {
        shown = format!("{shown} leaving {}", ids(&members.outgoing));
    }
    if !members.learners.is_empty() {
        shown = format!("{shown} learning {}", ids(&members.learners));
    }
    if let Some(engine) = members.engine {
        shown = format!("{shown} by {engine}");
    }
    shown
}

pub fn message(message: &Message) -> String {
    let said = match &message.body {
        Body::Raft(ask) => of_raft(ask),
        Body::Paxos(ask) => of_paxos(ask),
        Body::Zab(ask) => of_zab(ask),
        Body::Append { prev, prev_term, commit, entries, .. } => {
            format!("append after {prev}:{prev_term} commit {commit}{}", list(entries))
        }
        Body::Known { commit, commit_term } => {
            format!("runs {}, knows {commit}:{commit_term}", message.protocol)
        }
        Body::Lacking { commit } => format!("lacks what is behind {commit}"),
        Body::Decided { prev, prev_term, entries } => {
            format!("decided after {prev}:{prev_term}{}", list(entries))
        }
        Body::DecidedSnapshot(meta) => format!("decided: snapshot {}:{}", meta.index, meta.term),
        Body::AppendReply { matched, commit } => format!("has {matched} commit {commit}"),
        Body::AppendReject { prev, hint, hint_term } => {
            format!("lacks {prev}, try {hint}:{hint_term}")
        }
        Body::Heartbeat { commit, round, sleep, .. } => {
            let sleep =
                sleep.map_or(String::new(), |(last, term)| format!(" sleep at {last}:{term}"));
            format!("heartbeat {round} commit {commit}{sleep}")
        }
        Body::HeartbeatReply { round, commit } => format!("alive {round} commit {commit}"),
        Body::SnapshotOffer(meta) => format!("offers snapshot {}:{}", meta.index, meta.term),
        Body::TimeoutNow => "stand now".to_owned(),
    };
    format!("t{} {said}", message.term)
}

fn of_raft(ask: &raft::Ask) -> String {
    match ask {
        raft::Ask::Vote { pre, transfer, last, last_term } => {
            let pre = if *pre { "pre-" } else { "" };
            let transfer = if *transfer { " by transfer" } else { "" };
            format!("{pre}vote? last {last}:{last_term}{transfer}")
        }
        raft::Ask::VoteReply { pre, granted } => {
            let pre = if *pre { "pre-" } else { "" };
            let vote = if *granted { "vote" } else { "no vote" };
            format!("{pre}{vote}")
        }
    }
}

fn of_paxos(ask: &paxos::Ask) -> String {
    match ask {
        paxos::Ask::Survey { round } => format!("survey {round}"),
        paxos::Ask::SurveyReply { round, free } => {
            format!("survey {round}: {}", if *free { "free" } else { "hears a leader" })
        }
        paxos::Ask::Prepare { transfer, after } => {
            format!("prepare after {after}{}", if *transfer { " by transfer" } else { "" })
        }
        paxos::Ask::Promise { last, last_term, commit, after, after_term, entries } => format!(
            "promise, ends {last}:{last_term} commit {commit}, after {after}:{after_term}{}",
            list(entries)
        ),
        paxos::Ask::Offer(meta) => format!("has only snapshot {}:{}", meta.index, meta.term),
    }
}

fn of_zab(ask: &zab::Ask) -> String {
    match ask {
        zab::Ask::Notification { round, looking, leader, last, last_term } => {
            let what = if *looking { "proposes" } else { "follows" };
            format!("round {round}: {what} {leader}, ends {last}:{last_term}")
        }
        zab::Ask::FollowerInfo => "follower info".to_owned(),
        zab::Ask::NewEpoch { transfer, .. } => {
            format!("new epoch{}", if *transfer { " by transfer" } else { "" })
        }
        zab::Ask::AckEpoch { last, last_term } => format!("ack epoch, ends {last}:{last_term}"),
    }
}

pub fn status(node: NodeId, status: &Status) -> String {
    let asleep = if status.asleep { ", asleep" } else { "" };
    let runs = match status.membership.engine {
        Some(_) => format!(", runs {}", status.engine),
        None => String::new(),
    };
    let peers: String = status
        .peers
        .iter()
        .map(|peer| {
            let silent = if peer.active { "" } else { " silent" };
            let snapshot = if peer.snapshot { " in snapshot" } else { "" };
            format!(" | {} has {}{silent}{snapshot}", peer.node, peer.matched)
        })
        .collect();
    format!(
        "{node} is {} of term {}{}: applied {} commit {} last {}, members {}{runs}{asleep}{peers}",
        role(status.role),
        status.term,
        following(status.leader),
        status.applied,
        status.commit,
        status.last,
        membership(&status.membership),
    )
}
