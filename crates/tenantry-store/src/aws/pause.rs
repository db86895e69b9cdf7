//! How long writers that met wait before they try again.

use std::time::Duration;

use crate::random;

/// The pause before the next try grows by this much with each, and is shortened at random.
const PAUSE: Duration = Duration::from_millis(8);

/// Writers that met come again at different times. `turn` counts the tries that were made, from 0.
pub(crate) async fn pause(turn: u32) {
    let [random] = random::bytes::<1>();
    tokio::time::sleep(PAUSE * (turn + 1) * u32::from(random) / 256).await;
}
