//! Processes that write at once, and processes that are killed while they write.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is a failing test, in the functions around them, too")]

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use tenantry_core::layer::Revision;
use tenantry_store::contract::acts::{Draft, history_of, read, read_secret, scope, texts, value, whole_log};
use tenantry_store::{OpenOptions, Severity, StoreError, StoreUrl, Stores};

async fn open(path: &Path) -> Stores {
    Stores::open(&StoreUrl::Sqlite(path.to_owned()), &OpenOptions::default()).await.unwrap()
}

async fn create(path: &Path) -> Stores {
    Stores::create(&StoreUrl::Sqlite(path.to_owned()), &OpenOptions::default()).await.unwrap().0
}

/// The other process: makes revision after revision of one tenant, each of which writes its own number at three places
/// at once, and a mark of its own. It tells of each when it is acknowledged.
#[tokio::test]
#[ignore = "is the other process that the tests beside it start"]
async fn the_other_process() {
    let setting = |name| env::var(name).expect("this is started by other tests, which set it");
    let (stores, name) = (open(Path::new(&setting("STORE"))).await, setting("NAME"));
    for mark in 0..setting("COUNT").parse().unwrap() {
        let revision = write_next(&stores, &name, mark).await;
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged {}", revision.0).unwrap();
        out.flush().unwrap();
    }
}

/// Tries until no other writer came between.
async fn write_next(stores: &Stores, name: &str, mark: i64) -> Revision {
    loop {
        let found = read(stores, &scope("acme")).await.head.revision;
        let secret = stores.read_secret(&scope("acme")).await.unwrap();
        let number = i64::try_from(found.0 + 1).unwrap();
        let draft = Draft::change(scope("acme"), found.0)
            .set("left", number)
            .set("right", number)
            .set(&format!("{name}.n{}", mark % 100), mark)
            .secret(secret.as_ref().map(|secret| &secret.version), &[("number", Some(&number.to_string()))]);
        match draft.send(stores).await {
            Ok(committed) => return committed.revision,
            Err(StoreError::Conflict { .. } | StoreError::SecretConflict) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
}

fn start(path: &Path, name: &str, count: u64) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "the_other_process", "--nocapture"])
        .envs([("STORE", path.to_str().unwrap()), ("NAME", name), ("COUNT", &count.to_string())])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

/// The revision that a line of the other process tells of, if it does.
fn acknowledged(line: &str) -> Option<u64> {
    line.trim().strip_prefix("acknowledged ")?.parse().ok()
}

async fn assert_whole(stores: &Stores) -> u64 {
    let revision = read(stores, &scope("acme")).await.head.revision.0;
    let number = Some(i64::try_from(revision).unwrap().into());
    assert_eq!(value(stores, &scope("acme"), "left").await, number);
    assert_eq!(value(stores, &scope("acme"), "right").await, number);
    assert_eq!(texts(&read_secret(stores, &scope("acme")).await)["number"], revision.to_string());
    let history = whole_log(stores, &history_of(&scope("acme"))).await;
    let revisions: Vec<u64> = history.iter().map(|entry| entry.revision.unwrap().0).collect();
    assert_eq!(revisions, (1..=revision).rev().collect::<Vec<_>>());
    let findings = stores.check().await.unwrap();
    assert!(findings.iter().all(|finding| finding.severity < Severity::Error), "{findings:?}");
    revision
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_write_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let stores = create(&path).await;
    Draft::create("acme").done(&stores).await;
    let others: Vec<_> = ["one", "two"].into_iter().map(|name| start(&path, name, 40)).collect();
    for (mut child, out) in others {
        let told = out.lines().map_while(Result::ok).filter(|line| acknowledged(line).is_some()).count();
        assert!(child.wait().unwrap().success());
        assert_eq!(told, 40);
    }
    assert_eq!(assert_whole(&stores).await, 81);
    for name in ["one", "two"] {
        for mark in 0..40 {
            assert_eq!(value(&stores, &scope("acme"), &format!("{name}.n{mark}")).await, Some(mark.into()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_no_acknowledged_write_and_leaves_none_half_done() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    Draft::create("acme").done(&create(&path).await).await;
    for round in 0..8 {
        let (mut child, mut out) = start(&path, "one", u64::MAX >> 1);
        let last = kill_while_writing(&mut child, &mut out);
        // With nobody else at the file, opening it recovers what the killed process left.
        let stores = open(&path).await;
        let found = assert_whole(&stores).await;
        assert!(found >= last, "round {round}: revision {last} was acknowledged, {found} is there");
        assert!(found <= last + 1, "round {round}: {found} is there, though {last} was the last one told");
    }
}

/// Kills the process after some writes, at whatever it does in that moment; tells the last write that it told of.
fn kill_while_writing(child: &mut Child, out: &mut BufReader<ChildStdout>) -> u64 {
    let mut some = [0];
    getrandom::fill(&mut some).unwrap();
    let (mut line, mut last, mut told) = (String::new(), 0, 0);
    while told <= some[0] % 32 {
        line.clear();
        assert_ne!(out.read_line(&mut line).unwrap(), 0, "the process ended by itself");
        if let Some(revision) = acknowledged(&line) {
            (last, told) = (revision, told + 1);
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it told before it died counts, too.
    out.lines().map_while(Result::ok).filter_map(|line| acknowledged(&line)).last().unwrap_or(last)
}
