//! Tokens, kept longer than the gate, the group, the tracker or the transactions that they are of.

use blockgate::{BlockGroup, Gate, LogicalRange, OrderedExtents, Transactions};

fn inside(gate: Gate) {
    let inside = gate.enter();
    drop(gate);
    drop(inside);
}

fn closed(gate: Gate) {
    let closed = gate.close();
    drop(gate);
    closed.wait_empty();
}

fn reservation(group: BlockGroup) {
    let reservation = group.reserve(4096);
    drop(group);
    drop(reservation);
}

fn nocow(group: BlockGroup) {
    let admission = group.begin_nocow();
    drop(group);
    drop(admission);
}

fn read_only(group: BlockGroup) {
    let read_only = group.set_read_only();
    drop(group);
    read_only.wait_reservations();
}

fn ordered(in_flight: OrderedExtents, extent: LogicalRange) {
    let ordered = in_flight.add(extent);
    drop(in_flight);
    ordered.finish();
}

fn handle(transactions: Transactions) {
    let handle = transactions.join();
    drop(transactions);
    drop(handle);
}

fn main() {}
