//! The ordered extent of a reservation that has ended: it is to be added before (O2).

use blockgate::{OrderedExtents, Reservation};

fn begin(reservation: Reservation<'_>, in_flight: &OrderedExtents) {
    reservation.hand_over();
    let _ordered = in_flight.add(reservation.extent());
}

fn main() {}
