//! A few seeds of every size, for every change. The many run in CI through `synod sim --seeds`.

use synod_sim::{Params, Workload, run};

fn sweep(seeds: std::ops::Range<u64>, params: &Params) {
    for seed in seeds {
        let params = Params { seed, ..params.clone() };
        let outcome = run(&params);
        if let Some(failure) = outcome.failure {
            panic!("seed {seed}: {failure}\nagain: {}", params.replay());
        }
        assert!(outcome.answered > 0, "seed {seed} asked nothing: {}", params.replay());
    }
}

#[test]
fn three_nodes() {
    sweep(1..61, &Params { nodes: 3, partitions: 2, seconds: 10, clients: 4, ..Params::default() });
}

#[test]
fn five_nodes() {
    sweep(101..126, &Params { seconds: 10, ..Params::default() });
}

#[test]
fn one_node() {
    sweep(
        201..211,
        &Params { nodes: 1, partitions: 2, seconds: 20, clients: 3, ..Params::default() },
    );
}

#[test]
fn clients_that_wait_for_what_others_push() {
    let workload = Workload::Queues;
    sweep(
        301..321,
        &Params { nodes: 3, partitions: 2, seconds: 10, workload, ..Params::default() },
    );
}

/// With and without lease reads: a leader that reads without asking is the first to know a value that is about to change.
#[test]
fn clients_that_keep_copies() {
    let workload = Workload::Copies;
    let params = Params { nodes: 3, partitions: 2, seconds: 20, workload, ..Params::default() };
    for seed in 401..441 {
        let params = Params { seed, lease_reads: seed % 2 == 0, ..params.clone() };
        let failure = run(&params).failure;
        assert!(failure.is_none(), "seed {seed}: {failure:?}\nagain: {}", params.replay());
    }
}

/// Banks and rings over several partitions, where transactions are answered before they are decided.
#[test]
fn transactions_that_commit_in_parallel() {
    let (workload, parallel_commit) = (Workload::Bank, true);
    let params = Params { nodes: 3, partitions: 4, seconds: 10, clients: 6, ..Params::default() };
    sweep(501..521, &Params { workload, parallel_commit, ..params });
}
