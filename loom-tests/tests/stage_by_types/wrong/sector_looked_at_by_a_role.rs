//! A role looks at the device in the way that no engine sees.

use blockgate_models::stage::{SectorDevice, stage};

fn main() {
    let cast = stage(&[]).world(|| SectorDevice::new(1)).main("main", |_| ());
    cast.role("other", |device| drop(device.last(0))).end(drop);
}
