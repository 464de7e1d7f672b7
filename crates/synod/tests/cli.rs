//! The program as an operator meets it: help, precedence of settings, refusals and exit codes.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the program with only these variables of ours in its environment.
fn synod(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("SYNOD_") {
            command.env_remove(variable);
        }
    }
    command.args(args).envs(env.iter().copied()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The configuration that `serve` would start with.
fn resolved(args: &[&str], env: &[(&str, &str)]) -> toml::Table {
    let output = synod(&[&["serve", "--check"], args].concat(), env);
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output).parse().unwrap()
}

/// The command is refused with this exit code, and says why.
fn refused(args: &[&str], env: &[(&str, &str)], code: i32, reason: &str) {
    let output = synod(args, env);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", stderr(&output));
    assert!(stderr(&output).contains(reason), "{args:?}: {}", stderr(&output));
}

fn file(dir: &Path, text: &str) -> String {
    let path = dir.join("synod.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn help_names_every_flag_and_its_variable() {
    for (command, flags) in [
        (
            "serve",
            &[
                "config",
                "data",
                "listen",
                "peer-listen",
                "http",
                "durability",
                "workers",
                "partitions",
                "replicas",
                "engine",
                "node-id",
                "initial-cluster",
                "join",
                "lease-reads",
                "enable-debug-command",
                "maxmemory",
                "log-writes",
                "log-flush",
                "spin-us",
                "tls-port",
                "tls-cert-file",
                "tls-key-file",
                "tls-ca-cert-file",
                "tls-auth-clients",
                "tls-auth-clients-user",
                "tls-cluster",
                "tls-cluster-name",
                "tls-http",
                "tls-zookeeper",
                "allow-remote",
                "log-format",
                "log-level",
            ][..],
        ),
        (
            "up",
            &[
                "config",
                "nodes",
                "data",
                "base-port",
                "durability",
                "partitions",
                "workers",
                "replicas",
                "engine",
                "lease-reads",
                "maxmemory",
                "log-format",
                "log-level",
            ],
        ),
        ("status", &["http", "tls", "tls-http", "tls-ca-cert-file"]),
        ("engine", &["http", "tls", "tls-cert-file", "tls-key-file"]),
    ] {
        let help = stdout(&synod(&[command, "--help"], &[]));
        for flag in flags {
            let variable = format!("[env: SYNOD_{}=]", flag.to_uppercase().replace('-', "_"));
            assert!(help.contains(&format!("--{flag}")), "{command} --{flag}:\n{help}");
            assert!(help.contains(&variable), "{command} {variable}:\n{help}");
        }
        assert!(help.contains("Examples:"), "{help}");
        let short = stdout(&synod(&[command, "-h"], &[]));
        assert!(short.len() < help.len());
    }
    let help = stdout(&synod(&["--help"], &[]));
    assert!(
        ["serve", "up", "status", "engine", "Examples:"].iter().all(|word| help.contains(word)),
        "{help}"
    );
    let version = stdout(&synod(&["--version"], &[]));
    assert_eq!(version.trim(), concat!("synod ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_node_has_sensible_defaults() {
    let config = resolved(&[], &[]);
    let text = |key: &str| config[key].as_str().unwrap().to_owned();
    assert_eq!(text("listen"), "127.0.0.1:6379");
    assert_eq!(text("peer-listen"), "127.0.0.1:16379");
    assert_eq!(text("http"), "127.0.0.1:26379");
    assert_eq!(text("durability"), "always");
    assert_eq!(text("engine"), "raft");
    assert_eq!(text("log-writes"), "buffered");
    assert_eq!(text("log-flush"), "thread");
    assert_eq!(text("initial-cluster"), "1=127.0.0.1:16379");
    assert_eq!(config["replicas"].as_integer(), Some(1));
    assert_eq!(config["lease-reads"].as_bool(), Some(false));
    assert!(config["workers"].as_integer().unwrap() >= 1);
}

#[test]
fn flag_beats_environment_beats_file_beats_default() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(
        dir.path(),
        "workers = 3\npartitions = 30\nreplicas = 1\ndurability = \"everysec\"\nlease-reads = true\n",
    );
    let env = [("SYNOD_WORKERS", "4"), ("SYNOD_PARTITIONS", "40"), ("SYNOD_CONFIG", &file)];
    let config = resolved(&["--workers", "5"], &env);
    assert_eq!(config["workers"].as_integer(), Some(5));
    assert_eq!(config["partitions"].as_integer(), Some(40));
    assert_eq!(config["durability"].as_str(), Some("everysec"));
    assert_eq!(config["lease-reads"].as_bool(), Some(true));
    assert_eq!(config["listen"].as_str(), Some("127.0.0.1:6379"));
    let config = resolved(&["--config", &file, "--lease-reads=false"], &[]);
    assert_eq!(config["lease-reads"].as_bool(), Some(false));
    assert_eq!(config["workers"].as_integer(), Some(3));
}

#[test]
fn what_check_prints_is_a_file_that_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "--node-id",
        "2",
        "--listen",
        "[::1]:7002",
        "--peer-listen",
        "127.0.0.1:17002",
        "--replicas",
        "3",
        "--initial-cluster",
        "1=127.0.0.1:17001,2=127.0.0.1:17002,3=127.0.0.1:17003",
        "--durability",
        "none",
        "--data",
        "here",
        "--log-writes",
        "buffered",
        "--log-flush",
        "thread",
        "--spin-us",
        "0",
        "--lease-reads",
    ];
    let config = resolved(&args, &[]);
    let file = file(dir.path(), &config.to_string());
    assert_eq!(resolved(&["--config", &file], &[]), config);
}

#[test]
fn what_makes_no_sense_is_refused_with_exit_code_2() {
    for (args, reason) in [
        (&["serve", "--durability", "sometimes"][..], "possible values: always, everysec, none"),
        (&["serve", "--engine", "vsr"], "possible values: raft, paxos, zab"),
        (&["serve", "--listen", "6379"], "HOST:PORT"),
        (&["serve", "--workers", "0"], "0 workers"),
        (&["serve", "--workers", "many"], "invalid digit"),
        (&["serve", "--partitions", "0"], "0 partitions"),
        (&["serve", "--replicas", "2"], "the number of nodes"),
        (&["serve", "--node-id", "0"], "count from 1"),
        (&["serve", "--node-id", "4", "--initial-cluster", "1=127.0.0.1:1"], "node 4 is not in"),
        (&["serve", "--initial-cluster", "127.0.0.1:1"], "has no `=`"),
        (
            &["serve", "--http", "127.0.0.1:6379"],
            "two of listen, peer-listen, http, zookeeper and tls-port",
        ),
        (&["serve", "--log-level", "loud=very"], "no log level"),
        (&["serve", "--config", "/nowhere.toml"], "/nowhere.toml"),
        (&["serve", "--no-such-flag"], "unexpected argument"),
        (&["serve", "--node-id", "2", "--data", "/nowhere"], "would be a cluster of its own"),
        (
            &["serve", "--peer-listen", "127.0.0.1:7", "--initial-cluster", "1=127.0.0.1:8"],
            "make --peer-listen and the list agree",
        ),
        (&["up", "--nodes", "0"], "--nodes 0"),
        (&["up", "--partitions", "5000"], "possible are 1 to 4096"),
        (&["frobnicate"], "unrecognized subcommand"),
        (&[], "Usage:"),
    ] {
        refused(args, &[], 2, reason);
    }
    refused(&["serve"], &[("SYNOD_WORKERS", "x")], 2, "--workers");
    refused(&["serve"], &[("SYNOD_PARTITONS", "4")], 2, "is SYNOD_PARTITIONS meant?");
}

#[test]
fn addresses_that_others_can_reach_need_a_word() {
    for flag in ["--listen", "--peer-listen", "--http"] {
        refused(
            &["serve", "--check", flag, "0.0.0.0:7001"],
            &[],
            2,
            "nobody is asked for a password",
        );
    }
    let config = resolved(&["--listen", "0.0.0.0:7001", "--allow-remote"], &[]);
    assert_eq!(config["listen"].as_str(), Some("0.0.0.0:7001"));
    resolved(&["--listen", "0.0.0.0:7001"], &[("SYNOD_ALLOW_REMOTE", "true")]);
}

#[test]
fn with_a_password_clients_may_come_from_anywhere_and_nobody_else() {
    let secret = [("SYNOD_REQUIREPASS", "open sesame")];
    let config = resolved(&["--listen", "0.0.0.0:7001"], &secret);
    assert!(!config.to_string().contains("sesame"), "{config}");
    for flag in ["--peer-listen", "--http", "--zookeeper"] {
        let args = ["serve", "--check", flag, "0.0.0.0:7001"];
        refused(&args, &secret, 2, "nobody is asked for a password");
    }
    refused(&["serve", "--check"], &[("SYNOD_REQUIREPASS", "")], 2, "an empty password");
    let help = synod(&["serve", "--help"], &secret);
    assert!(!stdout(&help).contains("sesame"));
}

#[test]
fn a_file_with_an_unknown_key_or_a_bad_value_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (command, text, reason) in [
        ("serve", "wrokers = 3\n", "unknown field `wrokers`"),
        ("serve", "nodes = 3\n", "unknown field `nodes`"),
        ("serve", "durability = \"maybe\"\n", "none of always, everysec, none"),
        ("serve", "listen = \"x\"\n", "not HOST:PORT"),
        ("serve", "workers = \"two\"\n", "invalid type"),
        ("serve", "workers = \n", "synod.toml"),
        ("up", "node-id = 3\n", "unknown field `node-id`"),
    ] {
        let file = file(dir.path(), text);
        refused(&[command, "--config", &file], &[], 2, reason);
    }
}

#[test]
fn up_refuses_ports_that_are_taken_and_other_clusters_data() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    // One of these ports is free on any machine; its being taken is then our doing.
    let taken = (2_000..12_000).find_map(|p| TcpListener::bind(("127.0.0.1", p)).ok()).unwrap();
    let port = taken.local_addr().unwrap().port();
    let base = (port - 1).to_string();
    let up = ["up", "--nodes", "2", "--data", data];
    refused(&[&up[..], &["--base-port", &base]].concat(), &[], 1, &format!("127.0.0.1:{port}"));
    refused(&[&up[..], &["--base-port", "12767"]].concat(), &[], 2, "possible are 1 to 12766");
    let made = "nodes = 3\nbase-port = 7001\npartitions = 16\nreplicas = 3\nworkers = 1\n";
    std::fs::write(Path::new(data).join("cluster.toml"), made).unwrap();
    refused(&up, &[], 2, "made with --nodes 3");
}

/// Whoever watches over the process can tell trouble of the disk from files that are damaged.
#[test]
fn a_log_that_cannot_be_read_ends_a_start_with_a_status_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let any = "127.0.0.1:0";
    let serve = ["serve", "--data", data, "--workers", "1", "--listen", any];
    let serve = [&serve[..], &["--peer-listen", any, "--http", any]].concat();
    // The directory becomes a node's before the node listens.
    let taken = TcpListener::bind(any).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let first = ["serve", "--data", data, "--workers", "1", "--listen", &address];
    let first = [&first[..], &["--peer-listen", any, "--http", any]].concat();
    refused(&first, &[], 1, "cannot listen for clients");
    let worker = dir.path().join("worker-0");
    std::fs::create_dir_all(&worker).unwrap();
    std::fs::write(worker.join("wal"), "a file in the place of a directory").unwrap();
    refused(&serve, &[], 74, "worker-0/wal cannot be used");

    std::fs::remove_file(worker.join("wal")).unwrap();
    std::fs::create_dir(worker.join("wal")).unwrap();
    std::fs::write(worker.join("wal/00000000000000000001.wal"), [7; 8192]).unwrap();
    refused(&serve, &[], 1, "worker-0/wal cannot be used");
}

#[test]
fn status_shows_what_a_node_answers() {
    let body = r#"{"cluster":"ab","node":1,"version":"9","durability":"always",
        "nodes":[{"id":1,"listen":"127.0.0.1:6379","up":true}],
        "partitions":[{"id":1,"slots":[0,16383],"leader":1,"replicas":[1],"term":2,"commit":5}]}"#;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let node = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
                .unwrap();
        }
    });
    let table = synod(&["status", "--http", &address], &[]);
    assert!(table.status.success(), "{}", stderr(&table));
    assert!(stdout(&table).contains("0-16383"), "{}", stdout(&table));
    let json = synod(&["status", "--json"], &[("SYNOD_HTTP", &address)]);
    assert_eq!(stdout(&json).trim(), body);
    node.join().unwrap();
    refused(&["status", "--http", &address], &[], 1, "is a node running there");
}
