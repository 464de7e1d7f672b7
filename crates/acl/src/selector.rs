//! What may be done: keys, channels and commands that go together.

use crate::rule::{KeyPattern, SelectorRule, Why};

/// A rule about commands, as a selector keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandRule {
    /// A command, or `command|subcommand`.
    Command {
        /// Whether it is allowed.
        allow: bool,
        /// Which.
        name: String,
    },
    /// A forbidden command is allowed with this first argument.
    FirstArg {
        /// The command.
        command: String,
        /// The argument, in whatever case.
        arg: Vec<u8>,
    },
    /// The commands of a category.
    Category {
        /// Whether they are allowed.
        allow: bool,
        /// Which, without its `@`.
        name: String,
    },
}

/// One set of permissions: a request is allowed if all of it is allowed here.
///
/// Of the rules about commands the last one that speaks of a command decides; where none does, `all_commands`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    pub(crate) all_keys: bool,
    pub(crate) keys: Vec<KeyPattern>,
    pub(crate) all_channels: bool,
    pub(crate) channels: Vec<Vec<u8>>,
    pub(crate) all_commands: bool,
    pub(crate) commands: Vec<CommandRule>,
}

impl Selector {
    /// Everything.
    pub(crate) fn open() -> Self {
        Self { all_keys: true, all_channels: true, all_commands: true, ..Self::default() }
    }

    /// Whether every key is allowed.
    #[must_use]
    pub fn all_keys(&self) -> bool {
        self.all_keys
    }

    /// The keys that are allowed, if not all are.
    #[must_use]
    pub fn keys(&self) -> &[KeyPattern] {
        &self.keys
    }

    /// Whether every channel is allowed.
    #[must_use]
    pub fn all_channels(&self) -> bool {
        self.all_channels
    }

    /// The channels that are allowed, if not all are.
    #[must_use]
    pub fn channels(&self) -> &[Vec<u8>] {
        &self.channels
    }

    /// Whether a command is allowed that no rule speaks of.
    #[must_use]
    pub fn all_commands(&self) -> bool {
        self.all_commands
    }

    /// The rules about commands; of those that speak of one command the last decides.
    #[must_use]
    pub fn commands(&self) -> &[CommandRule] {
        &self.commands
    }

    /// Whether nothing is forbidden.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.all_keys && self.all_channels && self.all_commands && self.commands.is_empty()
    }

    pub(crate) fn apply(&mut self, rule: &SelectorRule) -> Result<(), Why> {
        match rule {
            SelectorRule::AllKeys => {
                self.all_keys = true;
                self.keys.clear();
            }
            SelectorRule::ResetKeys => {
                self.all_keys = false;
                self.keys.clear();
            }
            SelectorRule::Key(_) if self.all_keys => return Err(Why::AllKeys),
            SelectorRule::Key(new) => self.add_key(new),
            SelectorRule::AllChannels => {
                self.all_channels = true;
                self.channels.clear();
            }
            SelectorRule::ResetChannels => {
                self.all_channels = false;
                self.channels.clear();
            }
            SelectorRule::Channel(_) if self.all_channels => return Err(Why::AllChannels),
            SelectorRule::Channel(pattern) => {
                if !self.channels.contains(pattern) {
                    self.channels.push(pattern.clone());
                }
            }
            SelectorRule::AllCommands | SelectorRule::NoCommands => {
                self.all_commands = *rule == SelectorRule::AllCommands;
                self.commands.clear();
            }
            SelectorRule::Command { allow, name } => self.set_command(*allow, name),
            SelectorRule::FirstArg { command, arg } => {
                let new = CommandRule::FirstArg { command: command.clone(), arg: arg.clone() };
                // Behind whatever forbids the command: an earlier one may have been made void since.
                self.commands.retain(|known| !known.is_first_arg(command, Some(arg)));
                self.commands.push(new);
            }
            SelectorRule::Category { allow, name } => {
                self.commands.retain(
                    |known| !matches!(known, CommandRule::Category { name: known, .. } if known == name),
                );
                self.commands.push(CommandRule::Category { allow: *allow, name: name.clone() });
            }
        }
        Ok(())
    }

    fn add_key(&mut self, new: &KeyPattern) {
        match self.keys.iter_mut().find(|known| known.pattern == new.pattern) {
            Some(known) => {
                known.read |= new.read;
                known.write |= new.write;
            }
            None => self.keys.push(new.clone()),
        }
    }

    /// What was said before of the command and, if it is a whole one, of its parts, does not count any more.
    fn set_command(&mut self, allow: bool, name: &str) {
        self.commands.retain(|known| match known {
            CommandRule::Command { name: known, .. } => {
                known != name && known.strip_prefix(name).is_none_or(|rest| !rest.starts_with('|'))
            }
            CommandRule::FirstArg { .. } => !known.is_first_arg(name, None),
            CommandRule::Category { .. } => true,
        });
        self.commands.push(CommandRule::Command { allow, name: name.to_owned() });
    }
}

impl CommandRule {
    /// Whether it allows a first argument, this one or any, of a command.
    fn is_first_arg(&self, name: &str, wanted: Option<&[u8]>) -> bool {
        matches!(self, Self::FirstArg { command, arg }
            if command == name && wanted.is_none_or(|wanted| arg.eq_ignore_ascii_case(wanted)))
    }
}
