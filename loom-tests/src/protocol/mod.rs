//! The protocol by hand: the steps of each role as data, and what does them with the types of L1 to L3.

#[cfg(loom)]
pub mod replace_by_hand;
#[cfg(shuttle)]
pub mod sampled;
#[cfg(loom)]
pub mod steps;
#[cfg(loom)]
pub mod transaction_by_hand;
