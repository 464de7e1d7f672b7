//! The ring of libketama, as clients of memcached compute it: servers are named `host:port`, and the points are cut
//! out of MD5 digests, so that a key goes to the same server whoever asks.

use super::md5::md5;
use std::collections::BTreeMap;

/// Digests per server of average weight; each gives four points.
const DIGESTS_PER_SERVER: u64 = 40;
/// The longest name of a server, in bytes.
pub const SERVER_NAME_BYTES_MAX: usize = 280;

/// The points of all servers, sorted.
#[derive(Clone, Debug)]
pub struct Ketama {
    /// `(hash, position in servers)`, ascending.
    points: Vec<(u32, usize)>,
    servers: Vec<String>,
}

impl Ketama {
    /// A ring of these servers and weights. A server named twice counts once, with the weight named last; one of
    /// weight 0 or with a name over [`SERVER_NAME_BYTES_MAX`] is left out.
    #[must_use]
    pub fn new(servers: &[(String, u32)]) -> Self {
        let unique: BTreeMap<&str, u64> = servers
            .iter()
            .filter(|(name, weight)| *weight > 0 && name.len() <= SERVER_NAME_BYTES_MAX)
            .map(|(name, weight)| (name.as_str(), u64::from(*weight)))
            .collect();
        let (count, weights) = (unique.len() as u64, unique.values().sum::<u64>());
        let mut points = Vec::new();
        for (at, (name, weight)) in unique.iter().enumerate() {
            for digest in 0..DIGESTS_PER_SERVER * count * weight / weights {
                let digest = md5(format!("{name}-{digest}").as_bytes());
                let hashes = digest.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
                points.extend(hashes.map(|hash| (hash, at)));
            }
        }
        points.sort_unstable();
        Self { points, servers: unique.into_keys().map(str::to_owned).collect() }
    }

    /// The server of a key; `None` when there is none.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&str> {
        let [a, b, c, d, ..] = md5(key);
        let hash = u32::from_le_bytes([a, b, c, d]);
        let at = self.points.partition_point(|(point, _)| *point < hash);
        let (_, server) = self.points.get(at).or(self.points.first())?;
        Some(&self.servers[*server])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last digit of the server of each of the keys `key:0` to `key:119`.
    fn spread(weights: &[u32]) -> String {
        let servers: Vec<_> =
            (1..).zip(weights).map(|(n, weight)| (format!("10.0.1.{n}:11211"), *weight)).collect();
        let ring = Ketama::new(&servers);
        (0..120)
            .map(|n| char::from(ring.get(format!("key:{n}").as_bytes()).unwrap().as_bytes()[7]))
            .collect()
    }

    #[test]
    fn keys_go_where_others_send_them() {
        // As uhashring 2.4 computes them in its ketama mode.
        assert_eq!(
            spread(&[1, 1, 1]),
            "132322322333213321113213112313331112321223323311322222111313321132111131333312213332323331331133122313111232211111312221"
        );
        assert_eq!(
            spread(&[600, 300, 200, 350]),
            "114142141143213331414411112414111112411214344311212224141113411412111441131342213411321411421123142143111132141444312221"
        );
    }

    #[test]
    fn what_is_no_server_gets_nothing() {
        assert_eq!(Ketama::new(&[]).get(b"k"), None);
        let long = "x".repeat(SERVER_NAME_BYTES_MAX + 1);
        let ring = Ketama::new(&[(long, 1), ("a:1".into(), 0), ("b:1".into(), 7)]);
        assert_eq!(ring.get(b"k"), Some("b:1"));
    }
}
