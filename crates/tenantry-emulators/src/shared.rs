//! One of each emulator for a whole test process.

use tokio::sync::OnceCell;

use crate::{Dynamo, Moto};

/// What all tests of a process share. Tests keep apart by the names of their tables and secrets.
#[derive(Debug)]
pub struct Shared {
    /// Stands in for DynamoDB.
    pub dynamo: Dynamo,
    /// Stands in for Secrets Manager, STS and the other services.
    pub moto: Moto,
}

/// Starts both at the first call; later calls get the same.
pub async fn shared() -> &'static Shared {
    static SHARED: OnceCell<Shared> = OnceCell::const_new();
    SHARED
        .get_or_init(|| async {
            let (dynamo, moto) = tokio::join!(Dynamo::start(), Moto::start());
            Shared { dynamo, moto }
        })
        .await
}
