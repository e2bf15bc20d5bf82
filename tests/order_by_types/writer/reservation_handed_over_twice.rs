//! One reservation, handed over to two ordered extents.

use blockgate::{LogicalRange, Reservation};

fn hand_over(reservation: Reservation<'_>) -> [LogicalRange; 2] {
    [reservation.hand_over(), reservation.hand_over()]
}

fn main() {}
