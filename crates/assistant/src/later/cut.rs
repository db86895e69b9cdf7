//! Tells a job that its process stops: what can be left to the next one is left, and what has begun to be said is ended.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How long a delivery that has begun may go on once its process stops.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(2);

/// Whether a process stops; where nobody can tell, it does not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cut(Option<watch::Receiver<bool>>);

impl Cut {
    pub(super) fn told_by(sender: &watch::Sender<bool>) -> Self {
        Self(Some(sender.subscribe()))
    }

    /// Does what can be left; none if it was left, done or not.
    pub(crate) async fn unless_told<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.told() => None,
            done = work => Some(done),
        }
    }

    /// Does what has to be ended once it has begun; none if it took too long behind a stop, and nobody knows how far it came.
    pub(crate) async fn even_if_told<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            done = &mut work => return Some(done),
            () = self.told() => {}
        }
        timeout(LAST_WORDS, work).await.ok()
    }

    /// Ends when the process stops.
    async fn told(&mut self) {
        let is_told = match &mut self.0 {
            Some(told) => told.wait_for(|is_told| *is_told).await.is_ok(),
            None => false,
        };
        if !is_told {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_can_be_left_is_left_and_what_has_begun_has_two_seconds() {
        let stop = watch::Sender::new(false);
        let mut cut = Cut::told_by(&stop);
        assert_eq!(cut.unless_told(ready(1)).await, Some(1));
        let stopping = async { stop.send_replace(true) };
        let (_, ended) = tokio::join!(stopping, cut.even_if_told(sleep(Duration::from_secs(1))));
        assert_eq!(ended, Some(()));
        assert_eq!(cut.even_if_told(pending::<()>()).await, None);
        assert_eq!(cut.unless_told(ready(1)).await, None, "nothing is begun any more");
    }

    #[tokio::test(start_paused = true)]
    async fn without_anybody_who_tells_nothing_is_left() {
        let gone = Cut::told_by(&watch::Sender::new(false));
        for mut cut in [Cut::default(), gone] {
            assert_eq!(cut.unless_told(sleep(Duration::from_hours(1))).await, Some(()));
            assert_eq!(cut.even_if_told(sleep(Duration::from_hours(1))).await, Some(()));
        }
    }
}
