//! Tests of the emulators' own lives and of the proxy, by plain HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod life;
mod official;
mod proxy;
mod wire;
