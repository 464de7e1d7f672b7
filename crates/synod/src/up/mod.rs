//! `synod up`: a whole cluster on this machine, one child process per node.
//!
//! ```text
//! plan (options over what DIR/cluster.toml remembers) -> ports free? -> start all -> wait until ready
//!   -> hints -> watch until Ctrl-C or until nobody is left -> stop all
//! ```

mod certificates;
mod children;
mod claim;
mod plan;
mod ready;

use crate::{calls, settings, signals};
use anyhow::{Result, bail};
use children::Children;
use plan::Plan;
pub use plan::UpOptions;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often children are looked after.
const PACE: Duration = Duration::from_millis(100);
/// How often a wait is spoken of.
const NEWS: Duration = Duration::from_secs(5);

/// Runs a cluster until it is told to stop.
pub fn run(options: UpOptions) -> Result<()> {
    let file = settings::from_file(options.config())?;
    let options = options.over(file);
    // Before the directory is made: a wrong option leaves no trace.
    options.check()?;
    let _claim = claim::take(options.data())?;
    let plan = Plan::new(&options)?;
    plan.check_ports()?;
    plan.remember()?;
    if let Some(tls) = &plan.tls {
        // The nodes ask nobody for a certificate, but for each other.
        calls::begin(Some(calls::caller(&tls.ca(), None, None)?), None);
    }
    let stop = signals::stop_flag()?;
    println!(
        "Starting {} nodes, data under {} (each node's log: node-i/synod.log)",
        plan.nodes.len(),
        plan.data.display()
    );
    let mut children = Children::start(&plan)?;
    if wait_until_ready(&plan, &mut children, &stop) {
        print!("{}", plan.hints());
        watch(&mut children, &stop);
    }
    if children.alive() > 0 {
        println!("Stopping {} nodes", children.alive());
    }
    children.stop();
    if children.deaths > 0 {
        bail!("{} of {} nodes ended unasked", children.deaths, plan.nodes.len());
    }
    println!("Stopped. The data stays in {}", plan.data.display());
    Ok(())
}

/// Whether the cluster got ready before it was told to stop. A node that dies early leaves the others to
/// get ready without it, if they are a majority.
fn wait_until_ready(plan: &Plan, children: &mut Children, stop: &AtomicBool) -> bool {
    let mut news = Instant::now() + NEWS;
    loop {
        std::thread::sleep(PACE);
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        children.report_deaths();
        if children.alive() * 2 <= plan.nodes.len() {
            println!("{} of {} nodes are left: no majority", children.alive(), plan.nodes.len());
            return false;
        }
        let running = plan.nodes.iter().filter(|node| children.is_alive(node.id));
        let waiting: Vec<_> = running
            .filter_map(|node| ready::probe(node.listen).err().map(|reason| (node.id, reason)))
            .collect();
        if waiting.is_empty() {
            return true;
        }
        if Instant::now() >= news {
            for (id, reason) in &waiting {
                println!("waiting for node {id}: {reason}");
            }
            news = Instant::now() + NEWS;
        }
    }
}

fn watch(children: &mut Children, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) && children.alive() > 0 {
        std::thread::sleep(PACE);
        if !stop.load(Ordering::Relaxed) {
            children.report_deaths();
        }
    }
}
