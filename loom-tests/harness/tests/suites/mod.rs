//! Suites that `foreign` runs, each in a process of its own.

pub mod false_greens;
