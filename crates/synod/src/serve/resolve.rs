//! What the operator said, with defaults filled in and the whole checked.

use super::ServeOptions;
use crate::calls;
use crate::seat::Seat;
use crate::settings::{self, Address, Usage};
use anyhow::Result;
use std::collections::BTreeMap;
use std::path::PathBuf;
use synod_server::{
    Allowed, Config, Explicit, REPLICAS_DEFAULT, SPIN_US_DEFAULT, TlsSettings, Tuning, TxSettings,
    default_maxmemory, default_partitions,
};
use synod_types::NodeId;

impl ServeOptions {
    /// What is said of TLS.
    fn tls(&self) -> TlsSettings {
        let default = TlsSettings::default();
        TlsSettings {
            port: self.tls_port.filter(|port| *port != 0),
            cert_file: self.tls_cert_file.clone().unwrap_or_default(),
            key_file: self.tls_key_file.clone().unwrap_or_default(),
            ca_cert_file: self.tls_ca_cert_file.clone(),
            auth_clients: self.tls_auth_clients.unwrap_or_default(),
            auth_user: self.tls_auth_clients_user.unwrap_or_default(),
            cluster: self.tls_cluster.unwrap_or(default.cluster),
            cluster_name: self.tls_cluster_name.clone().unwrap_or(default.cluster_name),
            http: self.tls_http.unwrap_or(default.http),
            zookeeper: self.tls_zookeeper.unwrap_or(default.zookeeper),
        }
    }

    /// Fills in the defaults and checks the whole.
    pub(super) fn resolve(self) -> Result<Config> {
        let tls = self.tls();
        let allow_remote = self.allow_remote.unwrap_or(false);
        let listen = |flag: &str, given: Option<Address>, default: &str, guarded: bool| match given
        {
            Some(address) => address.to_listen(flag, allow_remote || guarded),
            None => default.parse::<Address>()?.to_listen(flag, allow_remote || guarded),
        };
        let certified = tls.demands_certificates();
        let given = self.listen.unwrap_or("127.0.0.1:6379".parse()?);
        let tls_only = tls.port.is_some() && tls.port == given.port();
        let guarded = self.requirepass.is_some() || (tls_only && certified);
        let clients = given.to_listen("--listen", allow_remote || guarded)?;
        let node_id = NodeId(self.node_id.unwrap_or(1));
        let explicit = Explicit {
            initial_cluster: self.initial_cluster.is_some(),
            partitions: self.partitions,
            replicas: self.replicas,
        };
        let data = self.data.unwrap_or_else(|| "synod-data/serve".into());
        let own =
            self.initial_cluster.as_ref().and_then(|cluster| cluster.0.get(&node_id).cloned());
        let peer_listen = listen(
            "--peer-listen",
            self.peer_listen,
            own.as_deref().unwrap_or("127.0.0.1:16379"),
            tls.cluster,
        )?;
        if let Some(own) = own
            && !own.parse::<Address>()?.may_reach(peer_listen)
        {
            return Err(Usage(format!(
                "--initial-cluster says that node {node_id}, this one, is reached at {own}, but it listens for peers on \
                 {peer_listen}: make --peer-listen and the list agree"
            ))
            .into());
        }
        let belongs = synod_server::remembered_cluster(&data).is_some();
        let seat = match &self.join {
            Some(_) if explicit != Explicit::default() || self.node_id.is_none() => {
                return Err(Usage(
                    "--join needs a --node-id that no member has, and neither --initial-cluster nor --partitions nor \
                     --replicas: what the cluster was made with holds for all of its nodes"
                        .into(),
                )
                .into());
            }
            Some(at) if !belongs => {
                call_with(&tls)?;
                Some(Seat::ask(at, node_id, peer_listen)?)
            }
            _ => None,
        };
        let founds = !explicit.initial_cluster && self.join.is_none();
        if founds && node_id > NodeId(1) && !synod_server::is_made(&data) {
            return Err(Usage(format!(
                "--node-id {node_id} without --initial-cluster would be a cluster of its own. Name all of its members with \
                 --initial-cluster 1=HOST:PORT,2=HOST:PORT,..., join one that runs with --join HOST:PORT, or leave --node-id \
                 out for a single node"
            ))
            .into());
        }
        let initial_cluster = match (&seat, self.initial_cluster) {
            (Some(seat), _) => seat.members.clone(),
            (None, Some(cluster)) => cluster.0,
            (None, None) => [(node_id, peer_listen.to_string())].into(),
        };
        let tx = TxSettings {
            ca_file: self.tx_ca_file,
            ..transactions(self.tx_callbacks.unwrap_or_default(), self.tx_databases)?
        };
        let nodes = initial_cluster.len() as u32;
        let workers = self.workers.or_else(|| synod_server::remembered_workers(&data));
        let workers = workers.unwrap_or_else(|| settings::workers_per_node(1));
        let config = Config {
            node_id,
            data,
            listen: clients,
            peer_listen,
            http: listen("--http", self.http, "127.0.0.1:26379", tls.http && certified)?,
            zookeeper: self
                .zookeeper
                .map(|served| served.to_listen(allow_remote || (tls.zookeeper && certified)))
                .transpose()?
                .unwrap_or_default(),
            zookeeper_super_digest: self.zookeeper_super_digest.map(digest).transpose()?,
            durability: self.durability.unwrap_or_default(),
            workers,
            partitions: self.partitions.unwrap_or_else(|| default_partitions(nodes, workers)),
            replicas: self.replicas.unwrap_or(REPLICAS_DEFAULT.min(nodes)),
            engine: match &seat {
                Some(seat) => seat.engine,
                None => self.engine.unwrap_or_default(),
            },
            initial_cluster,
            join: seat.map(|seat| seat.join),
            lease_reads: self.lease_reads.unwrap_or(false),
            debug_command: self.enable_debug_command.unwrap_or(false),
            zone: self.zone.map(|name| zone(&name)).transpose().map_err(Usage)?,
            weight: self.weight.map(share).transpose()?,
            maxmemory: self.maxmemory.map_or_else(|| default_maxmemory(1), |memory| memory.0),
            password: self.requirepass,
            tls,
            tx,
            explicit,
            tuning: Tuning {
                log_writes: self.log_writes.unwrap_or_default(),
                log_flush: self.log_flush.unwrap_or_default(),
                spin_us: self.spin_us.unwrap_or(SPIN_US_DEFAULT),
            },
        };
        config.validate().map_err(|error| Usage(error.to_string()))?;
        Ok(config)
    }
}

/// What transactions may reach.
fn transactions(callbacks: Allowed, databases: Option<PathBuf>) -> Result<TxSettings> {
    let strings: BTreeMap<String, String> = match &databases {
        // What is wrong with the file may repeat a password.
        Some(path) => toml::from_str(
            &std::fs::read_to_string(path)
                .map_err(|error| Usage(format!("--tx-databases {}: {error}", path.display())))?,
        )
        .map_err(|_| {
            Usage(format!(
                "--tx-databases {}: expected lines NAME = \"CONNECTION STRING\"",
                path.display()
            ))
        })?,
        None => BTreeMap::new(),
    };
    let settings = TxSettings { callbacks, databases_file: databases, ..TxSettings::default() };
    settings.with_databases(strings).map_err(|why| Usage(format!("--tx-databases: {why}")).into())
}

/// The name of a zone as it is said at the start.
pub(super) fn zone(name: &str) -> Result<String, String> {
    let named = crate::node::is_zone(name).then(|| name.to_owned());
    named.ok_or_else(|| {
        "--zone: a zone is named by 1 to 64 printing characters, without spaces".to_owned()
    })
}

/// A share; one that stands in a file was not looked at yet.
fn share(weight: u32) -> Result<u32> {
    if !(1..=64).contains(&weight) {
        return Err(Usage(format!("--weight: {weight} is not between 1 and 64")).into());
    }
    Ok(weight)
}

/// A node that joins calls the members as it is called itself.
fn call_with(tls: &TlsSettings) -> Result<()> {
    if tls.port.is_none() && !tls.http {
        return Ok(());
    }
    let Some(ca) = &tls.ca_cert_file else {
        return Err(
            Usage("--join with TLS needs --tls-ca-cert-file to know the members".into()).into()
        );
    };
    let caller = calls::caller(ca, Some(&tls.cert_file), Some(&tls.key_file))?;
    calls::begin(
        Some(caller.clone()).filter(|_| tls.port.is_some()),
        Some(caller).filter(|_| tls.http),
    );
    Ok(())
}

/// Base64 of 20 bytes has 28 letters.
fn digest(text: String) -> Result<String> {
    match text.split_once(':') {
        Some((user, hash)) if !user.is_empty() && hash.len() == 28 && hash.ends_with('=') => {
            Ok(text)
        }
        _ => Err(Usage(
            "--zookeeper-super-digest is USER:BASE64, of the SHA-1 of USER:PASSWORD".to_owned(),
        )
        .into()),
    }
}
