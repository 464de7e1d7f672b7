//! The live view: asks the nodes, each on a thread of its own, and draws what they have answered once a second.

use super::figures::{self, Answer, Cluster, Node, Order};
use super::screen::{self, Line, Tone};
use anyhow::{Context, Result};
use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, queue};
use std::collections::BTreeMap;
use std::io::{Stdout, Write, stdout};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often a node is asked, and the screen drawn anew.
const PERIOD: Duration = Duration::from_secs(1);
/// After so long without an answer a node is shown as unreachable.
const PATIENCE: Duration = Duration::from_secs(3);
/// No more nodes are asked than a cluster may have.
const NODES_MAX: usize = 1024;

/// A node, and what it said last.
struct Known {
    node: Node,
    said: Option<(Instant, Answer)>,
}

/// What is known of all nodes; filled by a thread for each.
#[derive(Clone, Default)]
struct Watched(Arc<Mutex<BTreeMap<u64, Known>>>);

impl Watched {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an answer in. Nodes that it names and that were not known are asked from now on.
    fn learn(&self, answer: Answer) {
        let mut known = self.lock();
        for node in &answer.nodes {
            let is_new = !known.contains_key(&node.id) && known.len() < NODES_MAX;
            match known.get_mut(&node.id) {
                Some(one) => one.node = node.clone(),
                None if is_new => {
                    known.insert(node.id, Known { node: node.clone(), said: None });
                    let (watched, id) = (self.clone(), node.id);
                    thread::spawn(move || watched.watch(id));
                }
                None => {}
            }
        }
        // Who left the cluster is asked no more.
        known.retain(|id, _| answer.nodes.iter().any(|node| node.id == *id));
        if let Some(one) = known.get_mut(&answer.node) {
            one.said = Some((Instant::now(), answer));
        }
    }

    /// Asks a node again and again, until it is a member no more.
    fn watch(&self, id: u64) {
        loop {
            let Some(address) = self.lock().get(&id).map(|known| known.node.http.clone()) else {
                return;
            };
            if let Ok(answer) = figures::ask(&address)
                && answer.node == id
            {
                self.learn(answer);
            }
            thread::sleep(PERIOD);
        }
    }

    fn cluster(&self) -> Cluster {
        let fresh = |known: &Known| {
            let (at, answer) = known.said.as_ref()?;
            (at.elapsed() < PATIENCE).then(|| answer.clone())
        };
        Cluster::of(self.lock().values().map(|known| (known.node.clone(), fresh(known))).collect())
    }
}

/// The terminal, taken over until this is dropped.
struct Screen(Stdout);

impl Screen {
    fn take() -> Result<Self> {
        terminal::enable_raw_mode().context("the terminal cannot be taken over")?;
        let mut screen = Self(stdout());
        execute!(screen.0, EnterAlternateScreen, cursor::Hide)?;
        Ok(screen)
    }

    fn draw(&mut self, lines: &[Line]) -> Result<()> {
        for (row, (tone, line)) in lines.iter().enumerate() {
            queue!(
                self.0,
                cursor::MoveTo(0, row as u16),
                ResetColor,
                SetAttribute(Attribute::Reset)
            )?;
            match tone {
                Tone::Title => queue!(self.0, SetAttribute(Attribute::Bold))?,
                Tone::Head => queue!(self.0, SetAttribute(Attribute::Reverse))?,
                Tone::Alarm => queue!(self.0, SetForegroundColor(Color::Red))?,
                Tone::Plain => {}
            }
            queue!(self.0, Print(line), ResetColor, SetAttribute(Attribute::Reset))?;
            queue!(self.0, Clear(ClearType::UntilNewLine))?;
        }
        queue!(self.0, cursor::MoveTo(0, lines.len() as u16), Clear(ClearType::FromCursorDown))?;
        self.0.flush()?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = execute!(self.0, LeaveAlternateScreen, cursor::Show);
        let _ = terminal::disable_raw_mode();
    }
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    End,
    Sort(Order),
    Nothing,
}

fn asked(key: KeyEvent) -> Asked {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        _ if key.kind == KeyEventKind::Release => Asked::Nothing,
        KeyCode::Char('c' | 'd') if control => Asked::End,
        KeyCode::Char('q') | KeyCode::Esc => Asked::End,
        KeyCode::Char('o') => Asked::Sort(Order::Ops),
        KeyCode::Char('b') => Asked::Sort(Order::Bytes),
        KeyCode::Char('c') => Asked::Sort(Order::Cpu),
        _ => Asked::Nothing,
    }
}

/// Shows the cluster until a key ends it.
pub fn run(first: Answer, mut order: Order) -> Result<()> {
    let watched = Watched::default();
    watched.learn(first);
    let mut screen = Screen::take()?;
    loop {
        let (cols, rows) = terminal::size()?;
        screen.draw(&screen::lines(&watched.cluster(), order, cols.into(), rows.into()))?;
        let next = Instant::now() + PERIOD;
        loop {
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() || !event::poll(left)? {
                break;
            }
            match event::read()? {
                Event::Key(key) => match asked(key) {
                    Asked::End => return Ok(()),
                    Asked::Sort(by) => {
                        order = by;
                        break;
                    }
                    Asked::Nothing => {}
                },
                Event::Resize(..) => break,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_and_end() {
        let key = |code, modifiers| asked(KeyEvent::new(code, modifiers));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Asked::End);
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::NONE), Asked::Sort(Order::Cpu));
        assert_eq!(key(KeyCode::Esc, KeyModifiers::NONE), Asked::End);
        assert_eq!(key(KeyCode::Char('x'), KeyModifiers::NONE), Asked::Nothing);
    }

    #[test]
    fn a_node_that_left_is_forgotten_and_a_silent_one_is_shown_as_such() {
        // Nobody answers on port 1.
        let node = |id| Node { id, http: "127.0.0.1:1".into(), ..Node::default() };
        let watched = Watched::default();
        watched.learn(Answer { node: 1, nodes: vec![node(1), node(2)], ..Answer::default() });
        assert_eq!(watched.cluster().silent(), ["2"]);
        watched.learn(Answer { node: 1, nodes: vec![node(1)], ..Answer::default() });
        assert!(watched.cluster().silent().is_empty());
        assert_eq!(watched.cluster().nodes.len(), 1);
    }
}
