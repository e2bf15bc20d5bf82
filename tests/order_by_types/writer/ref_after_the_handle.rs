//! A delayed ref queued by a handle that has ended: the commit may have drained already (C2).

use blockgate::{DelayedRef, LogicalRange, TransactionHandle};

fn publish(mut handle: TransactionHandle<'_>, extent: LogicalRange) {
    handle.end();
    handle.push(DelayedRef::add(extent));
}

fn main() {}
