//! The same loads for etcd, by its own client. A batch is one request: its protocol has no pipeline.

use crate::cost::Meter;
use crate::driver::{Run, Window};
use crate::keys::{Random, key};
use crate::report::{Outage, Report, Witness};
use crate::{Load, Op};
use anyhow::{Context, Result};
use etcd_client::{Client, ConnectOptions};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::{JoinSet, LocalSet};

/// How long a writer waits for an answer before it tries again.
const PATIENCE: Duration = Duration::from_millis(1_000);

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, work)
}

async fn connect(addrs: &[String]) -> Result<Client> {
    let urls: Vec<String> = addrs.iter().map(|addr| format!("http://{addr}")).collect();
    Client::connect(urls, None).await.with_context(|| format!("connect to etcd at {addrs:?}"))
}

/// What all tasks of one run share; they live on one thread.
struct Shared {
    run: RefCell<Run>,
    stop: Cell<bool>,
    next_key: Cell<u32>,
}

impl Shared {
    fn new() -> Rc<Self> {
        let run = RefCell::new(Run::new());
        Rc::new(Self { run, stop: Cell::new(false), next_key: Cell::new(0) })
    }

    fn count(&self, began: Instant, result: Result<bool, etcd_client::Error>) {
        let mut run = self.run.borrow_mut();
        match result {
            Ok(found) => {
                run.good += 1;
                run.missing += u64::from(!found);
                run.latency.record(began.elapsed().as_nanos() as u64);
            }
            Err(error) => {
                run.refused += 1;
                run.first_refusal.get_or_insert_with(|| error.to_string());
            }
        }
    }
}

async fn put(client: &mut Client, n: u32, size: usize) -> Result<bool, etcd_client::Error> {
    client.put(key(n), vec![b'x'; size], None).await.map(|_| true)
}

async fn get(client: &mut Client, n: u32) -> Result<bool, etcd_client::Error> {
    client.get(key(n), None).await.map(|reply| !reply.kvs().is_empty())
}

/// The closed loop, each connection a channel of its own, on the servers in turn.
pub fn load(load: &Load, window: Window, meter: &mut Meter) -> Result<Report> {
    let (op, keys, size) = (load.op, load.keys.max(1), load.size);
    let measure = window.measure.unwrap_or_default();
    block_on(async {
        let shared = Shared::new();
        let mut tasks = JoinSet::new();
        for n in 0..load.connections {
            let addr = load.target.addr[n % load.target.addr.len()].clone();
            let (mut client, shared) = (connect(&[addr]).await?, shared.clone());
            let mut random = Random::nth(n as u64);
            tasks.spawn_local(async move {
                while !shared.stop.get() {
                    let n = random.below(keys as usize) as u32;
                    let read = op == Op::Get || (op == Op::Mixed && random.below(10) != 0);
                    let began = Instant::now();
                    let result = match read {
                        true => get(&mut client, n).await,
                        false => put(&mut client, n, size).await,
                    };
                    shared.count(began, result);
                }
            });
        }
        tokio::time::sleep(window.warmup).await;
        *shared.run.borrow_mut() = Run::new();
        meter.begin();
        let began = Instant::now();
        tokio::time::sleep(measure).await;
        shared.run.borrow_mut().time = began.elapsed();
        shared.run.borrow_mut().cost = meter.end();
        let run = shared.run.replace(Run::new());
        shared.stop.set(true);
        while tasks.join_next().await.is_some() {}
        Ok(Report::of(run))
    })
}

/// Writes each key once.
pub fn fill(addrs: &[String], connections: usize, keys: u32, size: usize) -> Result<Report> {
    block_on(async {
        let shared = Shared::new();
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for n in 0..connections {
            let addr = addrs[n % addrs.len()].clone();
            let (mut client, shared) = (connect(&[addr]).await?, shared.clone());
            tasks.spawn_local(async move {
                while shared.next_key.get() < keys {
                    let n = shared.next_key.replace(shared.next_key.get() + 1);
                    let began = Instant::now();
                    let result = put(&mut client, n, size).await;
                    shared.count(began, result);
                }
            });
        }
        while tasks.join_next().await.is_some() {}
        let mut run = shared.run.replace(Run::new());
        run.time = began.elapsed();
        Ok(Report::of(run))
    })
}

/// The address, of those given, of the member that leads.
pub fn leader(addrs: &[String]) -> Result<String> {
    block_on(async {
        for addr in addrs {
            let mut client = connect(std::slice::from_ref(addr)).await?;
            let status = client.status().await?;
            let own = status.header().context("a status without a header")?.member_id();
            if status.leader() == own {
                return Ok(addr.clone());
            }
        }
        anyhow::bail!("none of {addrs:?} leads")
    })
}

/// Writes `keys` keys for some time, each by a client of its own, which knows all `addrs`.
pub fn failover(addrs: &[String], keys: u32, time: Duration) -> Result<Outage> {
    block_on(async {
        let end = Instant::now() + time;
        let mut tasks = JoinSet::new();
        for number in 0..keys {
            let options = ConnectOptions::new().with_timeout(PATIENCE);
            let addr = &addrs[number as usize % addrs.len()];
            let mut client = Client::connect([format!("http://{addr}")], Some(options)).await?;
            tasks.spawn_local(async move {
                let mut witness =
                    Witness { longest_gap: Duration::ZERO, acknowledged: 0, repeated: 0 };
                let mut last = Instant::now();
                while Instant::now() < end {
                    if put(&mut client, number, 5).await.is_ok() {
                        witness.longest_gap = witness.longest_gap.max(last.elapsed());
                        witness.acknowledged += 1;
                        last = Instant::now();
                    } else {
                        witness.repeated += 1;
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
                witness.longest_gap = witness.longest_gap.max(last.elapsed());
                witness
            });
        }
        let mut witnesses = Vec::new();
        while let Some(witness) = tasks.join_next().await {
            witnesses.push(witness.context("a writer panicked")?);
        }
        Ok(Outage::of(&witnesses))
    })
}
