//! The addresses behind the names of peers, looked up on a thread of its own: a resolver that takes seconds to say that
//! it knows nothing holds nobody up.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// What is known of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It has this address.
    At(SocketAddr),
    /// It has none.
    Nowhere,
    /// The resolver has not answered yet.
    NotYet,
}

/// Looks names up, each again whenever it is asked for: an address may change.
#[derive(Debug)]
pub struct Names {
    known: BTreeMap<String, Option<SocketAddr>>,
    /// What the thread was asked and has not answered: each name once, so its queue holds no more than there are peers.
    asked: BTreeSet<String>,
    /// There once a name is asked for that is not a number.
    resolver: Option<Resolver>,
}

#[derive(Debug)]
struct Resolver {
    questions: Sender<String>,
    answers: Receiver<(String, Option<SocketAddr>)>,
}

impl Resolver {
    /// The thread ends with the sender of its questions.
    fn start() -> std::io::Result<Self> {
        let (questions, asked) = channel::<String>();
        let (sender, answers) = channel();
        thread::Builder::new().name("names".into()).spawn(move || {
            for name in asked {
                let address = name.to_socket_addrs().ok().and_then(|mut all| all.next());
                if sender.send((name, address)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { questions, answers })
    }
}

impl Names {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self { known: BTreeMap::new(), asked: BTreeSet::new(), resolver: None }
    }

    /// The address of `HOST:PORT` as it was found last, and asks for it anew.
    pub fn find(&mut self, name: &str) -> Found {
        if let Ok(address) = name.parse() {
            return Found::At(address);
        }
        if self.resolver.is_none() {
            self.resolver = Resolver::start().ok();
        }
        let Some(resolver) = &self.resolver else { return Found::Nowhere };
        for (name, address) in resolver.answers.try_iter() {
            self.asked.remove(&name);
            self.known.insert(name, address);
        }
        if self.asked.insert(name.to_owned()) {
            let _the_thread_lives_as_long_as_this = resolver.questions.send(name.to_owned());
        }
        match self.known.get(name) {
            Some(Some(address)) => Found::At(*address),
            Some(None) => Found::Nowhere,
            None => Found::NotYet,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_known_at_once_and_names_when_the_resolver_has_answered() {
        let mut names = Names::new();
        assert_eq!(names.find("127.0.0.1:7"), Found::At("127.0.0.1:7".parse().unwrap()));
        assert_eq!(names.find("[::1]:7"), Found::At("[::1]:7".parse().unwrap()));
        assert!(names.resolver.is_none(), "nobody was asked");
        let mut wait = |name: &str| {
            loop {
                match names.find(name) {
                    Found::NotYet => thread::yield_now(),
                    found => return found,
                }
            }
        };
        assert!(matches!(wait("localhost:7"), Found::At(address) if address.port() == 7));
        assert_eq!(wait("no such host:7"), Found::Nowhere);
    }
}
