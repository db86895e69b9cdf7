//! Stands in for the export of traces where the program is built without it (feature `otlp`): there is none.

use std::convert::Infallible;

use tenantry_admin::Framed;
use tokio::runtime::Handle;
use tracing_subscriber::layer::Identity;

/// The target of spans that are for traces and not for the log.
pub(crate) const TARGET: &str = "traces";

/// The export of traces: there is none.
pub(crate) struct Traces(Infallible);

impl Traces {
    /// None, whatever is set.
    #[expect(clippy::unnecessary_wraps, reason = "with the feature, variables may be refused")]
    pub(crate) fn from_environment(_: &Handle) -> anyhow::Result<Option<Self>> {
        Ok(None)
    }

    pub(crate) fn layer(&self) -> Identity {
        match self.0 {}
    }

    pub(crate) fn stop(self) {
        match self.0 {}
    }
}

/// Nobody wants spans.
pub(crate) fn are_wanted() -> bool {
    false
}

/// The router as it is.
pub(crate) fn served(framed: Framed) -> Framed {
    framed
}
