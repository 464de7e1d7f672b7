//! What clients hear, and what they make of it.

use super::several::Plan;
use super::{ToClient, Waiting, large, single};
use crate::params::Workload;
use crate::world::World;
use synod_checker::{Operation, Outcome, Output};
use synod_wire::resp::Value;

/// How an error reply leaves the request.
pub(crate) fn fate(error: &str) -> Option<Outcome> {
    let refused = ["CLUSTERDOWN", "TRYAGAIN", "MISCONF", "OOM"];
    match error.split(' ').next()? {
        "UNKNOWN" => Some(Outcome::Unknown),
        word if refused.contains(&word) => Some(Outcome::Refused),
        _ => None,
    }
}

impl World {
    /// Something reaches a client.
    pub(crate) fn client_hears(&mut self, at: usize, conn: u64, what: ToClient) {
        if self.clients[at].conn != conn || self.clients[at].node.is_none() {
            return;
        }
        match what {
            what if self.params.workload == Workload::Tree && what.is_end() => {
                self.gate_closed(at);
                self.lose_connection(at);
                self.act_later(at);
            }
            ToClient::Closed => {
                self.lose_connection(at);
                self.act_later(at);
            }
            ToClient::Bytes(bytes) => {
                self.recorder.mix_bytes(&bytes);
                if self.params.workload == Workload::Tree {
                    return self.tree_hears(at, &bytes);
                }
                self.clients[at].input.extend_from_slice(&bytes);
                while self.take_reply(at) {}
            }
        }
    }

    fn take_reply(&mut self, at: usize) -> bool {
        let client = &mut self.clients[at];
        match Value::decode(&client.input) {
            Ok(None) => false,
            Ok(Some((value, len))) => {
                client.input.drain(..len);
                if let Value::Push(message) = &value {
                    self.copies_changed(at, message);
                    return true;
                }
                let Some((number, waiting)) = client.waiting.pop_front() else {
                    self.fail("replies", format!("a reply that nobody waits for: {value:?}"));
                    return false;
                };
                self.tell_reply(number, &waiting, Some(&value));
                self.answered(at, waiting, &value);
                if self.clients[at].waiting.is_empty() {
                    match self.clients[at].plan.take() {
                        Some(plan) => {
                            self.carry_out(at, plan);
                            self.expect_answer(at);
                        }
                        None => self.act_later(at),
                    }
                }
                true
            }
            Err(error) => {
                self.fail("replies", error.to_string());
                false
            }
        }
    }

    fn answered(&mut self, at: usize, waiting: Waiting, value: &Value) {
        match waiting {
            Waiting::Op(op) => {
                self.resolve(at, op, value);
            }
            Waiting::Seen(op, key) => {
                if let Some(Output::Value(from)) = self.resolve(at, op, value) {
                    self.clients[at].plan = Some(Plan::Swap(key, from));
                }
            }
            Waiting::Sheet { several, call_us, builds } => {
                self.take_sheet(at, several, call_us, builds, value);
            }
            Waiting::TrailWrite { trail, place, number } => {
                self.trail_written(at, (trail, place, number), value);
            }
            Waiting::TrailRead(trail) => self.trail_seen(at, trail, value),
            Waiting::Fading(key, place) => self.faded(at, &key, place, value),
            // Its replies are no RESP.
            Waiting::Tree(_) => {}
            Waiting::Lock(asked) => self.lock_answered(at, asked, value),
            Waiting::Copy(asked) => self.copy_answered(at, &asked, value),
            Waiting::User(asked) => self.users_answered(at, asked, value),
            Waiting::Queue(asked) => self.queue_answered(at, asked, value),
            Waiting::Filler(asked) => self.filler_answered(at, asked, value),
            Waiting::Beyond => self.beyond_answered(at, value),
            Waiting::HeldBack { held_until_us } => self.held_back(at, held_until_us, value),
            Waiting::OwnWrite(key, wrote) => self.own_written(at, key, wrote, value),
            Waiting::OwnRead(keys) => self.own_read(at, &keys, value),
            Waiting::Exec(op) => self.swapped(at, op, value),
            Waiting::Settled => self.settled(at, value),
            Waiting::Step => {
                if let Value::Error(_) = value {
                    self.give_up_plans(at);
                }
            }
        }
    }

    /// Writes down how an operation ended; what was answered, if it was.
    pub(super) fn resolve(&mut self, at: usize, op: usize, value: &Value) -> Option<Output> {
        let return_us = self.time;
        let Operation { key, input, .. } = &self.history[op];
        let outcome = match value {
            Value::Error(text) => fate(text),
            value => {
                let output = match large::is_long(key) {
                    true => large::output(key, input, value, &self.large),
                    false => single::output(input, value),
                };
                output.map(|output| Outcome::Returned { return_us, output })
            }
        };
        let Some(outcome) = outcome else {
            let detail = format!("{} {input:?} was answered {value:?}", self.history[op].key);
            self.fail("replies", detail);
            return None;
        };
        let returned = match &outcome {
            Outcome::Returned { output, .. } => Some(output.clone()),
            _ => None,
        };
        if outcome == Outcome::Unknown {
            self.leave_open(op);
        }
        self.history[op].outcome = outcome;
        if returned.is_some() {
            self.clients[at].served += 1;
        }
        returned
    }
}
