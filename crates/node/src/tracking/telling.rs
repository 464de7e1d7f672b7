//! How clients that keep copies are told: of one key, of the keys with their prefixes, or that everything may have changed.

use crate::node::Node;
use crate::settings::Setting;
use std::collections::{BTreeMap, BTreeSet};
use synod_redis::{Reader, invalidation};
use synod_types::{ClientId, limits};
use synod_wire::resp::Proto;

impl Node {
    /// Tells a client that a key which it has read has changed, behind the reply with the value that it had.
    pub(super) fn tell_reader(&mut self, client: ClientId, reader: Reader, key: &[u8]) {
        let keys: &[&[u8]] = &[key];
        let Some(session) = self.clients.session(client) else { return };
        let Some(tracking) = session.tracking().filter(|t| !t.broadcasts) else { return };
        if let Some(to) = tracking.redirect {
            let is_late = !session.has_left(reader.seq);
            self.tell_other(client, to, Some(keys));
            return if is_late {
                self.tell_other_late(client, reader.seq, Some(key))
            };
        }
        if session.proto() != Proto::Resp3 {
            return;
        }
        let message = invalidation(Some(keys), Proto::Resp3);
        let ready = &mut self.output.ready;
        if reader.holds && !session.has_left(reader.seq) {
            session.push(&message, ready);
        }
        session.push_behind(reader.seq, message, || invalidation(None, Proto::Resp3), ready);
    }

    /// Tells a client of changed keys, or that all may have, whatever replies are under way to it.
    pub(super) fn tell_keys(&mut self, client: ClientId, keys: Option<&[&[u8]]>) {
        let Some(session) = self.clients.session(client) else { return };
        let Some(tracking) = session.tracking() else { return };
        if let Some(to) = tracking.redirect {
            let (read, is_late) = (session.last_read(), !session.has_left(session.last_read()));
            self.tell_other(client, to, keys);
            return if is_late {
                self.tell_other_late(client, read, None)
            };
        }
        if session.proto() != Proto::Resp3 {
            return;
        }
        let message = invalidation(keys, Proto::Resp3);
        let ready = &mut self.output.ready;
        session.push(&message, ready);
        let read = session.last_read();
        if !session.has_left(read) {
            session.push_behind(read, message, || invalidation(None, Proto::Resp3), ready);
        }
    }

    /// The turn ends: those who hear of prefixes are told what has changed in it, and everybody, if something was lost.
    pub(crate) fn tell_of_changes(&mut self) {
        if self.groups.leaders_mut().take_change() {
            self.caching.unheard = true;
        }
        let all = std::mem::take(&mut self.caching.all_changed);
        let unheard = std::mem::take(&mut self.caching.unheard);
        let changed = std::mem::take(&mut self.caching.changed);
        let begun = std::mem::take(&mut self.caching.begun);
        if !self.caching.streams.listens() {
            return;
        }
        if all || unheard {
            self.tell_that_all_changed(all, &begun);
        } else if !changed.is_empty() {
            self.tell_by_prefix(&changed);
        }
        self.drop_superfluous();
        self.tell_late();
    }

    /// Everybody is told that everything may have changed; unless `all` did, those who cannot keep anything are not.
    pub(super) fn tell_that_all_changed(&mut self, all: bool, begun: &BTreeSet<ClientId>) {
        self.caching.tracked.forget_all();
        let clients: Vec<ClientId> = self.caching.tracked.clients().iter().copied().collect();
        for client in clients {
            let Some(session) = self.clients.session(client) else { continue };
            let Some(tracking) = session.tracking_mut() else { continue };
            let keeps = std::mem::take(&mut tracking.keeps);
            if all || keeps || (tracking.broadcasts && !begun.contains(&client)) {
                self.tell_keys(client, None);
            }
        }
    }

    pub(super) fn tell_by_prefix(&mut self, changed: &BTreeMap<Vec<u8>, Option<ClientId>>) {
        let prefixes = self.caching.tracked.prefixes().clone();
        for (prefix, clients) in prefixes {
            let ours =
                changed.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
            let ours: Vec<(&[u8], Option<ClientId>)> =
                ours.map(|(key, author)| (key.as_slice(), *author)).collect();
            for client in clients {
                let session = self.clients.session(client).and_then(|session| session.tracking());
                let skips_own = session.is_some_and(|tracking| tracking.skips_own);
                let told = ours.iter().filter(|(_, author)| !skips_own || *author != Some(client));
                let keys: Vec<&[u8]> = told.map(|(key, _)| *key).collect();
                if !keys.is_empty() {
                    self.tell_keys(client, Some(&keys));
                }
            }
        }
    }

    /// Keys beyond `tracking-table-max-keys` are told to have changed.
    pub(super) fn drop_superfluous(&mut self) {
        let wanted = self.settings.get(Setting::TrackingTableMaxKeys);
        let max = usize::try_from(wanted).unwrap_or(usize::MAX).min(limits::TRACKED_KEYS_MAX);
        let max = if max == 0 { limits::TRACKED_KEYS_MAX } else { max };
        let max = max.div_ceil(usize::from(self.local.config().workers));
        while let Some(key) = self.caching.tracked.superfluous(max) {
            for (client, reader) in self.caching.tracked.forget(&key, None) {
                self.tell_reader(client, reader, &key);
            }
        }
    }
}
