//! A wait for the writers of a group that is read-write, which would never end (O7).

use blockgate::BlockGroup;

fn wait(group: &BlockGroup) {
    group.wait_reservations();
    group.wait_nocow_writers();
}

fn main() {}
