//! A member that runs the published Omni-Paxos.

use crate::member::{Command, Member};
use crate::storage::{Disk, Number};
use omnipaxos::messages::Message;
use omnipaxos::util::LogEntry;
use omnipaxos::{ClusterConfig, OmniPaxos, OmniPaxosConfig, ServerConfig};

/// The member.
pub struct Theirs {
    config: OmniPaxosConfig,
    paxos: OmniPaxos<Number, Disk>,
    disk: Disk,
    mail: Vec<Message<Number>>,
}

impl Theirs {
    fn build(config: &OmniPaxosConfig, disk: &Disk) -> OmniPaxos<Number, Disk> {
        config.clone().build(disk.clone()).expect("the configuration is sound")
    }
}

impl Member for Theirs {
    type Message = Message<Number>;
    type Archive = ();

    fn new(id: u64, nodes: &[u64], (): &()) -> Self {
        let config = OmniPaxosConfig {
            cluster_config: ClusterConfig {
                configuration_id: 1,
                nodes: nodes.to_vec(),
                flexible_quorum: None,
            },
            server_config: ServerConfig {
                pid: id,
                election_tick_timeout: 5,
                resend_message_tick_timeout: 20,
                ..ServerConfig::default()
            },
        };
        let disk = Disk::default();
        Self { paxos: Self::build(&config, &disk), config, disk, mail: Vec::new() }
    }

    fn restart(&mut self) {
        self.paxos = Self::build(&self.config, &self.disk);
        self.mail.clear();
    }

    /// Theirs never sleeps.
    fn disconnected(&mut self, _: u64) {}

    fn reconnected(&mut self, peer: u64) {
        self.paxos.reconnected(peer);
    }

    fn hear(&mut self, _: u64, message: Message<Number>) {
        self.paxos.handle_incoming(message);
    }

    fn tick(&mut self) {
        self.paxos.tick();
    }

    fn propose(&mut self, command: Command) -> bool {
        self.paxos.append(Number(command)).is_ok()
    }

    fn leads(&self) -> Option<u64> {
        let (leader, accepting) = self.paxos.get_current_leader()?;
        (leader == self.paxos.get_pid() && accepting).then(|| u64::from(self.paxos.get_promise().n))
    }

    fn speak(&mut self, mail: &mut Vec<(u64, Message<Number>)>) {
        self.paxos.take_outgoing_messages(&mut self.mail);
        mail.extend(self.mail.drain(..).map(|message| (message.get_receiver(), message)));
    }

    fn decided(&self) -> Vec<Command> {
        let entries = self.paxos.read_decided_suffix(0).unwrap_or_default();
        let number = |entry: LogEntry<Number>| match entry {
            LogEntry::Decided(Number(number)) => number,
            other => unreachable!("neither trimmed nor reconfigured: {other:?}"),
        };
        entries.into_iter().map(number).collect()
    }
}
