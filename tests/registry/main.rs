//! Placeholder while the journeys are written.
fn main() {}
