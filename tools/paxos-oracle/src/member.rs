//! What both implementations are asked.

/// A command, by its number.
pub type Command = u64;

/// One member of a group. Its disk writes at once.
pub trait Member {
    /// What members say to each other.
    type Message;
    /// Where members find each other's snapshots.
    type Archive: Default;

    /// A member of a new group.
    fn new(id: u64, nodes: &[u64], archive: &Self::Archive) -> Self;
    /// Forgets everything but its disk.
    fn restart(&mut self);
    /// The connection to a peer broke.
    fn disconnected(&mut self, peer: u64);
    /// The connection to a peer stands again: what was sent meanwhile is lost.
    fn reconnected(&mut self, peer: u64);
    /// A message came.
    fn hear(&mut self, from: u64, message: Self::Message);
    /// Time passes.
    fn tick(&mut self);
    /// Asks the member, which believes to lead, to have this decided.
    fn propose(&mut self, command: Command) -> bool;
    /// The ballot in which it believes to lead.
    fn leads(&self) -> Option<u64>;
    /// Takes what it has to say.
    fn speak(&mut self, mail: &mut Vec<(u64, Self::Message)>);
    /// What it knows to be decided.
    fn decided(&self) -> Vec<Command>;
}
