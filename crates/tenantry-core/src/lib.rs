//! The pure rules of Tenantry: no async, no I/O, no clock, no environment.
