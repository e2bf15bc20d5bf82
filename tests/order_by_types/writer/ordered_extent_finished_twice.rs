//! An ordered extent that ends twice: a wait would count a write down that it never counted.

use blockgate::{OrderedExtent, OrderedExtents};

fn end(ordered: OrderedExtent<&OrderedExtents>) {
    ordered.finish();
    ordered.fail();
}

fn main() {}
