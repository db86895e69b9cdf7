//! The time limit of a connection's heads, kept by one alarm for as long as the connection is.
//!
//! A sleep of its own for each request would be entered in the runtime's timers, and taken out again, a hundred thousand times
//! in a second, and hardly ever end. An alarm is left where it is until it rings: for a sleep that is over by then, or too
//! early, and then it is set anew.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::time::sleep_until;

tokio::task_local! {
    /// The alarm of the connection that the task serves.
    static ALARM: RefCell<Alarm>;
}

/// Serves a connection whose timer is [`Alarms`].
pub(super) fn with_alarm<F: Future>(connection: F) -> impl Future<Output = F::Output> {
    ALARM.scope(RefCell::default(), connection)
}

/// The timer of connections, each of which waits for one sleep at a time, the last that it asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alarms;

#[derive(Default)]
struct Alarm {
    /// When the last sleep is over.
    deadline: Option<Instant>,
    set: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Alarm {
    fn set_for(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
        match &mut self.set {
            Some(set) if set.deadline().into_std() <= deadline => {}
            Some(set) => set.as_mut().reset(deadline.into()),
            unset => *unset = Some(Box::pin(sleep_until(deadline.into()))),
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (Some(set), Some(deadline)) = (&mut self.set, self.deadline) else { return Poll::Ready(()) };
        loop {
            ready!(set.as_mut().poll(context));
            if set.deadline().into_std() >= deadline {
                return Poll::Ready(());
            }
            set.as_mut().reset(deadline.into());
        }
    }
}

impl Timer for Alarms {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        ALARM.with(|alarm| alarm.borrow_mut().set_for(deadline));
        Box::pin(Slept)
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

/// The last sleep that the connection asked for. It has nothing of its own, so that its box is no allocation.
struct Slept;

impl Sleep for Slept {}

impl Future for Slept {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        ALARM.with(|alarm| alarm.borrow_mut().poll(context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn slept(sleep: Pin<Box<dyn Sleep>>) -> Duration {
        let began = tokio::time::Instant::now();
        sleep.await;
        began.elapsed()
    }

    fn after(seconds: u32) -> Pin<Box<dyn Sleep>> {
        Alarms.sleep(seconds * SECOND)
    }

    #[tokio::test(start_paused = true)]
    async fn each_sleep_is_as_long_as_it_was_asked_to_be() {
        let sleeps = async {
            drop(after(3));
            tokio::time::advance(SECOND).await;
            assert_eq!(slept(after(5)).await, 5 * SECOND, "although the alarm was set for 2 seconds from then");
            assert_eq!(slept(after(1)).await, SECOND, "although it has rung");
            drop(after(9));
            assert_eq!(slept(after(1)).await, SECOND, "although it was set for later");
        };
        with_alarm(sleeps).await;
    }

    #[tokio::test(start_paused = true)]
    async fn each_connection_has_its_own() {
        let first = tokio::spawn(with_alarm(async { slept(after(5)).await }));
        let second = tokio::spawn(with_alarm(async { slept(after(1)).await }));
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (5 * SECOND, SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_waited_for_sets_no_timer_anew() {
        let set = || ALARM.with(|alarm| alarm.borrow().set.as_ref().map(|set| set.deadline()));
        let sleeps = async {
            drop(after(1));
            let first = set();
            for _ in 0..100 {
                drop(after(2));
            }
            assert_eq!(set(), first);
        };
        with_alarm(sleeps).await;
    }
}
