//! A freeze of all groups that commits while writes are in flight: the root would not list them (O9).

use blockgate::Volume;

fn back_up(volume: &Volume) {
    let _root = volume.freeze().wait_writers().commit();
}

fn main() {}
