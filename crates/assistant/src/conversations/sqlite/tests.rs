//! What is the file's own beyond the contract: its format, who may read it, and that it outlives the process.

use tempfile::{TempDir, tempdir};
use tenantry_core::scope::TenantId;

use super::*;

conversations_contract!(async {
    let (store, folder) = store();
    (Arc::new(store), folder)
});

fn store() -> (SqliteConversations, TempDir) {
    let folder = tempdir().unwrap();
    (SqliteConversations::open(&file(&folder)).unwrap(), folder)
}

fn file(folder: &TempDir) -> PathBuf {
    SqliteConversations::beside(&folder.path().join("tenantry.db"))
}

fn place() -> Place {
    Place { tenant: TenantId::parse("acme").unwrap(), incarnation: "i1".to_owned(), prefix: None }
}

fn turn(at: Timestamp) -> Turn {
    Turn { at, said: "CANARY-said".to_owned(), answered: "CANARY-answered".to_owned() }
}

fn refusal(path: &Path) -> String {
    SqliteConversations::open(path).unwrap_err().to_string()
}

#[tokio::test]
async fn conversations_outlive_the_process_and_are_shared_by_two() {
    let (store, folder) = store();
    let other = SqliteConversations::open(&file(&folder)).unwrap();
    let (now, month) = (Timestamp::now(), Month::of(Timestamp::now()));
    store.add(&place(), "c", &turn(now)).await.unwrap();
    assert_eq!(store.claim(&place(), "e", now).await.unwrap(), Claim::Taken);
    store.spend(&place(), &month, 7).await.unwrap();
    drop(store);
    assert_eq!(other.turns(&place(), "c", 9).await.unwrap(), [turn(now)]);
    assert_eq!(other.claim(&place(), "e", now).await.unwrap(), Claim::InProgress);
    assert_eq!(other.spend(&place(), &month, 1).await.unwrap(), 8);
}

#[tokio::test]
async fn turns_are_neither_shown_nor_kept_after_their_time() {
    let (store, folder) = store();
    let now = Timestamp::now();
    let old = now - SignedDuration::from_hours(24 * KEPT_DAYS + 1);
    let almost = now - SignedDuration::from_hours(24 * KEPT_DAYS - 1);
    for at in [old, almost] {
        store.add(&place(), "c", &turn(at)).await.unwrap();
    }
    assert_eq!(store.turns(&place(), "c", 9).await.unwrap(), [turn(almost)]);
    let kept: i64 =
        Connection::open(file(&folder)).unwrap().query_row("SELECT count(*) FROM turns", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn forgotten_events_are_removed() {
    let (store, folder) = store();
    let now = Timestamp::now();
    for event in ["a", "b"] {
        store.finish(&place(), event, now).await.unwrap();
    }
    store.claim(&place(), "c", now + SignedDuration::from_secs(REMEMBERED_SECONDS)).await.unwrap();
    let kept: i64 = Connection::open(file(&folder))
        .unwrap()
        .query_row("SELECT count(*) FROM events", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 1);
}

#[test]
#[cfg(unix)]
fn the_owner_alone_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let (_store, folder) = store();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let (store, folder) = store();
    drop(store);
    Connection::open(file(&folder)).unwrap().pragma_update(None, "user_version", FORMAT + 1).unwrap();
    let before = std::fs::read(file(&folder)).unwrap();
    let told = refusal(&file(&folder));
    assert!(told.contains("found format 3") && told.contains("expected 2"), "{told}");
    assert_eq!(std::fs::read(file(&folder)).unwrap(), before);
}

#[tokio::test]
async fn a_file_of_the_first_format_is_brought_up_and_keeps_what_is_in_it() {
    use crate::later::Backlog as _;

    let (store, folder) = store();
    let now = Timestamp::now();
    store.add(&place(), "c", &turn(now)).await.unwrap();
    drop(store);
    let first = Connection::open(file(&folder)).unwrap();
    first.execute_batch("DROP TABLE jobs; PRAGMA user_version = 1").unwrap();
    drop(first);
    let store = SqliteConversations::open(&file(&folder)).unwrap();
    assert_eq!(store.turns(&place(), "c", 9).await.unwrap(), [turn(now)]);
    assert!(store.left().await.unwrap().is_empty());
}

#[test]
fn what_is_no_file_of_conversations_is_refused() {
    let folder = tempdir().unwrap();
    let foreign = folder.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(refusal(&foreign).contains("another program"), "{}", refusal(&foreign));
    let text = folder.path().join("text.db");
    std::fs::write(&text, "CANARY is no database, whatever its name says".repeat(100)).unwrap();
    let told = refusal(&text);
    assert!(told.contains("damaged or foreign") && !told.contains("CANARY"), "{told}");
    let nowhere = folder.path().join("nowhere/c.db");
    assert!(refusal(&nowhere).contains("may write to"), "{}", refusal(&nowhere));
}

#[tokio::test]
async fn tables_changed_by_hand_are_refused_by_name() {
    let (store, folder) = store();
    Connection::open(file(&folder)).unwrap().execute_batch("DROP TABLE turns").unwrap();
    let error = store.add(&place(), "c", &turn(Timestamp::now())).await.unwrap_err();
    assert!(matches!(&error, ConversationsError::Refused(told) if told.contains("changed by hand")), "{error:?}");
    assert!(!format!("{error:?} {store:?}").contains("CANARY"));
}

#[tokio::test]
async fn a_file_that_another_process_keeps_locked_is_a_passing_trouble() {
    let (store, folder) = store();
    // Patience is for production; here the lock is known to stay.
    store.connection.lock().unwrap().busy_timeout(Duration::ZERO).unwrap();
    let other = Connection::open(file(&folder)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.add(&place(), "c", &turn(Timestamp::now())).await.unwrap_err();
    assert!(matches!(error, ConversationsError::Unavailable(_)), "{error:?}");
    assert!(store.turns(&place(), "c", 9).await.unwrap().is_empty(), "reading goes on");
}
