//! The loader over the store in memory, with faults put in between and the time in the test's hand.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, wherever it does")]
#![expect(clippy::float_cmp, reason = "the numbers are stored and read back, not computed")]

mod failing;
mod faulty;
mod isolated;
mod malformed;
mod requests;
mod revoked;
mod serving;
mod world;
