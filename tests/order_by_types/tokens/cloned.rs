//! Tokens, cloned: each is the only one of its admission, so nobody takes a step twice by another one.

use blockgate::replace::{Committed, Copied, Passed, Quiet, Settled};
use blockgate::{
    Closed, CowWrite, Cursor, Frozen, Inside, NocowAdmission, NocowWrite, OrderedExtent, OrderedExtents,
    ReadOnly, Reservation, TransactionHandle, Transactions,
};

fn clone<Token: Clone>() {}

fn main() {
    clone::<Inside<'_>>();
    clone::<Closed<'_>>();
    clone::<ReadOnly<'_>>();
    clone::<Reservation<'_>>();
    clone::<NocowAdmission<'_>>();
    clone::<OrderedExtent<&OrderedExtents>>();
    clone::<TransactionHandle<'_>>();
    clone::<CowWrite<'_>>();
    clone::<NocowWrite<'_>>();
    clone::<Cursor>();
    clone::<Frozen<'_>>();
    clone::<Quiet<'_>>();
    clone::<Settled<'_>>();
    clone::<Committed<'_, Transactions>>();
    clone::<Copied<'_>>();
    clone::<Passed<'_>>();
}
