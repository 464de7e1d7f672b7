//! One user.

use crate::password::Digest;
use crate::rule::{Rule, SelectorRule, Why};
use crate::selector::Selector;

/// Who may log in how, and do what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// How many had been made before it: one that was deleted and made again is another one.
    pub(crate) serial: u64,
    pub(crate) enabled: bool,
    pub(crate) no_password: bool,
    /// What was said of payloads, if anything was.
    pub(crate) sanitize: Option<bool>,
    pub(crate) passwords: Vec<Digest>,
    pub(crate) root: Selector,
    pub(crate) selectors: Vec<Selector>,
}

impl User {
    /// The user of connections that name none, until somebody changes it.
    pub(crate) fn open() -> Self {
        Self { enabled: true, no_password: true, root: Selector::open(), ..Self::default() }
    }

    /// Whether both are the same user, whatever may have changed about it.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.serial == other.serial
    }

    /// Whether it may log in.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Whether any password will do.
    #[must_use]
    pub fn needs_no_password(&self) -> bool {
        self.no_password
    }

    /// What was said of payloads, if anything was.
    #[must_use]
    pub fn sanitize(&self) -> Option<bool> {
        self.sanitize
    }

    /// Its passwords, the oldest first.
    #[must_use]
    pub fn passwords(&self) -> &[Digest] {
        &self.passwords
    }

    /// What it may do: its own permissions, and those that were added in parentheses. A request has to be allowed by one
    /// of them as a whole.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.root).chain(&self.selectors)
    }

    /// Whether nothing is forbidden to it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.root.is_open()
    }

    /// Whether it logs in with the password of this digest. Takes as long for one that is wrong.
    #[must_use]
    pub fn admits(&self, password: &Digest) -> bool {
        let known =
            self.passwords.iter().fold(false, |found, known| found | known.matches(password));
        self.enabled && (self.no_password | known)
    }

    pub(crate) fn apply(&mut self, rule: &Rule) -> Result<(), Why> {
        match rule {
            Rule::On => self.enabled = true,
            Rule::Off => self.enabled = false,
            Rule::Sanitize(sanitize) => self.sanitize = Some(*sanitize),
            Rule::NoPass | Rule::ResetPass => {
                self.no_password = *rule == Rule::NoPass;
                self.passwords.clear();
            }
            Rule::AddPassword(digest) => {
                if !self.passwords.contains(digest) {
                    self.passwords.push(*digest);
                }
                self.no_password = false;
            }
            Rule::RemovePassword(digest) => {
                let before = self.passwords.len();
                self.passwords.retain(|known| known != digest);
                if self.passwords.len() == before {
                    return Err(Why::NoSuchPassword);
                }
            }
            Rule::Selector(rules) => {
                let mut selector = Selector::default();
                rules.iter().try_for_each(|rule| selector.apply(rule))?;
                self.selectors.push(selector);
            }
            Rule::ClearSelectors => self.selectors.clear(),
            Rule::Reset => {
                *self = Self { serial: self.serial, sanitize: Some(true), ..Self::default() };
            }
            Rule::Root(rule) => self.root.apply(rule)?,
        }
        Ok(())
    }
}

/// A rule of the user's own selector.
impl From<SelectorRule> for Rule {
    fn from(rule: SelectorRule) -> Self {
        Self::Root(rule)
    }
}
