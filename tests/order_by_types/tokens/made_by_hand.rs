//! Tokens, made by hand. An admission made so would be a check for read-only and a count in two steps (O1,
//! O5), and nobody would wait for an ordered extent or a handle made so.

use blockgate::replace::{Committed, Copied, Passed, Quiet, Settled};
use blockgate::{
    Closed, CowWrite, Frozen, Inside, NocowAdmission, NocowWrite, OrderedExtent, OrderedExtents, ReadOnly,
    Reservation, TransactionHandle, Transactions,
};

fn main() {
    Inside {};
    Closed {};
    ReadOnly {};
    Reservation {};
    NocowAdmission {};
    OrderedExtent::<&OrderedExtents> {};
    TransactionHandle {};
    CowWrite {};
    NocowWrite {};
    Frozen {};
    Quiet {};
    Settled {};
    Committed::<Transactions> {};
    Copied {};
    Passed {};
}
