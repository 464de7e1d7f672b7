//! From the tree's answers to jute's replies.

use crate::pending::Pending;
use synod_tree::{Answer, Stat};
use synod_wire::jute::{self, AclEntry, Body};

/// The body of the reply, or the code of its error.
pub(crate) fn render<'a>(answer: &'a Answer, pending: &'a Pending) -> Result<Body<'a>, i32> {
    Ok(match (answer, pending) {
        (Answer::Error(code), _) => return Err(code.number()),
        (Answer::Multi(answers), Pending::Multi(numbers)) => {
            let one = |(answer, number): (&'a Answer, &i32)| match answer {
                Answer::Error(code) => Err(code.number()),
                Answer::Children { names, .. } => Ok((*number, Body::Names { names, stat: None })),
                done => Ok((*number, body(done))),
            };
            Body::Multi(answers.iter().zip(numbers).map(one).collect())
        }
        (_, Pending::Sync(path)) => Body::Path { path, stat: None },
        (_, Pending::AddWatch { .. }) => Body::Number(0),
        (Answer::Children { names, .. }, Pending::Children { with_stat: false, .. }) => {
            Body::Names { names, stat: None }
        }
        _ => body(answer),
    })
}

fn body(answer: &Answer) -> Body<'_> {
    match answer {
        Answer::Created { path, stat } => Body::Path { path, stat: stat.as_ref().map(told) },
        Answer::Stat(stat) => Body::Stat(told(stat)),
        Answer::Data { data, stat } => Body::Data { data: data.as_deref(), stat: told(stat) },
        Answer::Children { names, stat } => Body::Names { names, stat: Some(told(stat)) },
        Answer::Acl { acl, stat } => {
            let entry = |acl: &'_ synod_tree::Acl| acl.perms;
            let acl = acl
                .iter()
                .map(|acl| AclEntry { perms: entry(acl), scheme: &acl.id.scheme, id: &acl.id.id })
                .collect();
            Body::Acl { acl, stat: told(stat) }
        }
        Answer::Paths(names) => Body::Names { names, stat: None },
        Answer::Number(n) => Body::Number(*n),
        _ => Body::Empty,
    }
}

fn told(stat: &Stat) -> jute::Stat {
    jute::Stat {
        czxid: stat.czxid,
        mzxid: stat.mzxid,
        ctime: stat.ctime,
        mtime: stat.mtime,
        version: stat.version,
        cversion: stat.cversion,
        aversion: stat.aversion,
        ephemeral_owner: stat.ephemeral_owner,
        data_length: stat.data_length,
        num_children: stat.num_children,
        pzxid: stat.pzxid,
    }
}
