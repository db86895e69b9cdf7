//! Single flight: however many ask for the same at once, the work is done once, and all get its result.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The flights under way, by what they are for.
///
/// The work runs in a task of its own, so that a caller who gives up does not take the others down.
pub(crate) struct Flights<K, V>(Arc<Mutex<Board<K, V>>>);

struct Board<K, V> {
    running: HashMap<K, Flight<V>, foldhash::fast::RandomState>,
    next: u64,
}

struct Flight<V> {
    number: FlightNumber,
    result: watch::Receiver<Option<V>>,
}

/// Tells a flight from an earlier or later one of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlightNumber(u64);

/// A place on a flight: its result comes when the work is done.
pub(crate) struct Seat<V>(watch::Receiver<Option<V>>);

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Board { running: HashMap::default(), next: 0 })))
    }
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Joins the flight of that name, or starts it in the current runtime.
    pub(crate) fn join<F>(&self, name: &K, work: impl FnOnce(FlightNumber) -> F) -> Seat<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut board = lock(&self.0);
        if let Some(flight) = board.running.get(name) {
            return Seat(flight.result.clone());
        }
        board.next += 1;
        let number = FlightNumber(board.next);
        let (sender, result) = watch::channel(None);
        board.running.insert(name.clone(), Flight { number, result: result.clone() });
        // A panic in the work takes the landing with it, and so the flight off the board.
        let landing = Landing { board: Arc::clone(&self.0), name: name.clone(), number };
        let work = work(number);
        tokio::spawn(async move {
            let value = work.await;
            drop(landing);
            sender.send_replace(Some(value));
        });
        Seat(result)
    }

    /// Whether the flight is the one that callers of that name join now.
    pub(crate) fn is_current(&self, name: &K, number: FlightNumber) -> bool {
        lock(&self.0).running.get(name).is_some_and(|flight| flight.number == number)
    }

    /// Lets later callers of that name start a flight of their own. Those who have a seat keep it.
    pub(crate) fn forget(&self, name: &K) {
        lock(&self.0).running.remove(name);
    }

    /// The same for all names.
    pub(crate) fn forget_all(&self) {
        lock(&self.0).running.clear();
    }
}

impl<V: Clone> Seat<V> {
    /// Waits for the result; `None` if the work was broken off, by a panic or the end of its runtime.
    pub(crate) async fn arrive(mut self) -> Option<V> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|value| value.clone())
    }
}

/// Takes a flight off the board when it has landed, one way or the other.
struct Landing<K: Eq + Hash, V> {
    board: Arc<Mutex<Board<K, V>>>,
    name: K,
    number: FlightNumber,
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let mut board = lock(&self.board);
        if board.running.get(&self.name).is_some_and(|flight| flight.number == self.number) {
            board.running.remove(&self.name);
        }
    }
}

/// No code that holds the lock can panic half way, so what a poisoned lock guards is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn all_who_ask_at_once_get_the_result_of_one_flight() {
        let flights = Flights::<&str, u32>::default();
        let started = Arc::new(AtomicU32::new(0));
        let (go, wait) = oneshot::channel::<()>();
        let mut wait = Some(wait);
        let seats: Vec<_> = (0..100)
            .map(|_| {
                flights.join(&"acme", |_| {
                    let (started, wait) = (Arc::clone(&started), wait.take());
                    async move {
                        wait.expect("there is one flight").await.unwrap();
                        started.fetch_add(1, Ordering::Relaxed) + 1
                    }
                })
            })
            .collect();
        go.send(()).unwrap();
        for seat in seats {
            assert_eq!(seat.arrive().await, Some(1));
        }
        assert_eq!(flights.join(&"acme", |_| async { 2 }).arrive().await, Some(2), "it has left the board");
    }

    #[tokio::test]
    async fn a_flight_goes_on_when_the_one_who_started_it_gives_up() {
        let flights = Flights::<&str, u32>::default();
        let (go, wait) = oneshot::channel::<u32>();
        let leader = flights.join(&"acme", |_| async move { wait.await.unwrap() });
        let follower = flights.join(&"acme", |_| async { 0 });
        drop(leader);
        go.send(7).unwrap();
        assert_eq!(follower.arrive().await, Some(7));
    }

    #[tokio::test]
    async fn work_that_panics_leaves_nobody_waiting() {
        let flights = Flights::<&str, u32>::default();
        let broken = flights.join(&"acme", |_| async { panic!("as the test wants it") });
        assert_eq!(broken.arrive().await, None);
        assert_eq!(flights.join(&"acme", |_| async { 1 }).arrive().await, Some(1));
    }

    #[tokio::test]
    async fn a_forgotten_flight_is_not_joined_any_more() {
        let flights = Flights::<&str, u32>::default();
        let (go, wait) = oneshot::channel::<u32>();
        let mut old_number = None;
        let old = flights.join(&"acme", |number| {
            old_number = Some(number);
            async move { wait.await.unwrap() }
        });
        flights.forget(&"acme");
        assert!(!flights.is_current(&"acme", old_number.unwrap()));
        assert_eq!(flights.join(&"acme", |_| async { 2 }).arrive().await, Some(2));
        go.send(1).unwrap();
        assert_eq!(old.arrive().await, Some(1));
    }
}
