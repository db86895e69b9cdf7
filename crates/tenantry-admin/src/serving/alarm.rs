//! The time limit of a connection's heads, kept by one alarm for as long as the connection is.
//!
//! A sleep of its own for each request would be entered in the runtime's timers, and taken out again, a hundred thousand times
//! in a second, and hardly ever end. An alarm is left where it is until it rings: for a sleep that is over by then, or too
//! early, and then it is set anew.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::time::sleep_until;

/// A timer for one connection, of whose sleeps one is waited for at a time.
#[derive(Debug, Default)]
pub(super) struct Alarm(Shared);

type Shared = Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>;

fn locked(shared: &Shared) -> MutexGuard<'_, Option<Pin<Box<tokio::time::Sleep>>>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Timer for Alarm {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let mut set = locked(&self.0);
        match &mut *set {
            Some(alarm) if alarm.deadline().into_std() <= deadline => {}
            Some(alarm) => alarm.as_mut().reset(deadline.into()),
            unset => *unset = Some(Box::pin(sleep_until(deadline.into()))),
        }
        Box::pin(Slept { deadline, alarm: Arc::clone(&self.0) })
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

/// Is over when the alarm rings at its deadline or later.
struct Slept {
    deadline: Instant,
    alarm: Shared,
}

impl Sleep for Slept {}

impl Future for Slept {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut set = locked(&self.alarm);
        let Some(alarm) = &mut *set else { return Poll::Ready(()) };
        loop {
            ready!(alarm.as_mut().poll(context));
            if alarm.deadline().into_std() >= self.deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(self.deadline.into());
        }
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

    #[tokio::test(start_paused = true)]
    async fn each_sleep_is_as_long_as_it_was_asked_to_be() {
        let alarm = Alarm::default();
        drop(alarm.sleep_until(alarm.now() + 3 * SECOND));
        tokio::time::advance(SECOND).await;
        let later = alarm.sleep_until(alarm.now() + 5 * SECOND);
        assert_eq!(slept(later).await, 5 * SECOND, "although the alarm was set for 2 seconds from then");
        let next = alarm.sleep_until(alarm.now() + SECOND);
        assert_eq!(slept(next).await, SECOND, "although it has rung");
        drop(alarm.sleep_until(alarm.now() + 9 * SECOND));
        let earlier = alarm.sleep_until(alarm.now() + SECOND);
        assert_eq!(slept(earlier).await, SECOND, "although it was set for later");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_waited_for_sets_no_timer_anew() {
        let alarm = Alarm::default();
        drop(alarm.sleep_until(alarm.now() + SECOND));
        let first = locked(&alarm.0).as_ref().map(|alarm| alarm.deadline());
        for _ in 0..100 {
            drop(alarm.sleep_until(alarm.now() + 2 * SECOND));
        }
        assert_eq!(locked(&alarm.0).as_ref().map(|alarm| alarm.deadline()), first);
    }
}
