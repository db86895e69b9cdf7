//! Starts what stands in for AWS in tests, and breaks it on purpose.
