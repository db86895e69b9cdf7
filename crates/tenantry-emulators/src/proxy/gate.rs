//! Holds a call until a test lets it go, so that tests order what happens at the same time without sleeping.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// A gate for [`Fault::Wait`](super::Fault::Wait). Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate {
    arrived: Arc<Semaphore>,
    /// Open is closed, in a semaphore's words: nobody waits for one that is closed.
    barrier: Arc<Semaphore>,
}

impl Gate {
    /// A shut gate.
    pub fn shut() -> Self {
        Self { arrived: Arc::new(Semaphore::new(0)), barrier: Arc::new(Semaphore::new(0)) }
    }

    /// Waits until a call has arrived; each arrival ends one wait.
    pub async fn reached(&self) {
        self.arrived.acquire().await.expect("arrivals are never closed").forget();
    }

    /// Lets go all that wait, and all that come later.
    pub fn open(&self) {
        self.barrier.close();
    }

    pub(super) async fn pass(&self) {
        self.arrived.add_permits(1);
        let _ = self.barrier.acquire().await;
    }
}
