//! Why several commits that belong together were not made.

use std::fmt;

use tenantry_core::scope::Scope;

use crate::error::StoreError;

/// Why several commits that belong together were not made: none of them was.
#[derive(Debug)]
pub struct BatchError {
    /// The scope whose commit was refused; none if they failed together.
    pub scope: Option<Scope>,
    /// Why.
    pub error: StoreError,
}

impl BatchError {
    /// Names the scope whose commit was refused.
    pub(crate) fn of(scope: &Scope) -> impl FnOnce(StoreError) -> Self + use<> {
        let scope = scope.clone();
        move |error| Self { scope: Some(scope), error }
    }
}

impl From<StoreError> for BatchError {
    fn from(error: StoreError) -> Self {
        Self { scope: None, error }
    }
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Some(scope) => write!(f, "{scope}: {}", self.error),
            None => self.error.fmt(f),
        }
    }
}

impl std::error::Error for BatchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The error itself is in the text already.
        self.error.source()
    }
}
