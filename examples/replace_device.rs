//! Replaces the device of a volume while it is written to: from one file to another, group after group.

use std::error::Error;
use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc;

use blockgate::{Device, LogicalRange, Policy, Volume, WriteError};

const GROUP: u64 = 8 << 20;
const GROUPS: u64 = 8;
/// What is written at once, and how often that fits.
const BLOCK: usize = 16 << 10;
const ROOM: usize = 4096;

/// An extent and the byte that it is full of.
type Written = (LogicalRange, u8);

/// Opens what takes the place of a disk here.
fn disk() -> std::io::Result<Arc<File>> {
    let file = tempfile::tempfile()?;
    file.set_len(GROUP * GROUPS)?;
    Ok(Arc::new(file))
}

/// Writes `count` extents, or until told to stop, and commits now and then. A group that is frozen is
/// passed over: the writer does not notice the replace.
fn write(volume: &Volume, count: usize, stop: &mpsc::Receiver<()>) -> Result<Vec<Written>, WriteError> {
    let mut written = Vec::new();
    for byte in (0..251).cycle().take(count) {
        if stop.try_recv().is_ok() {
            break;
        }
        written.push((volume.write(&[byte; BLOCK])?, byte));
        if written.len().is_multiple_of(64) {
            volume.commit()?;
        }
    }
    Ok(written)
}

/// Replaces group after group. An error leaves the volume on its old device, as it was.
fn replace(volume: &Volume, target: Arc<File>) -> Result<(), Box<dyn Error>> {
    let mut replace = volume.start_replace(target, Policy::CopyThenClone)?;
    while let Some(summary) = replace.next_group()? {
        let (done, groups) = replace.progress();
        println!(
            "group {done} of {groups}: {} extents copied, waited for {} writes in flight",
            summary.copied.extents, summary.ordered.count
        );
    }
    replace.finish()?;
    Ok(())
}

fn verify(device: &dyn Device, written: &[Written]) -> Result<(), Box<dyn Error>> {
    let mut buffer = [0; BLOCK];
    for (extent, byte) in written {
        device.read_at(extent.start(), &mut buffer)?;
        if buffer.iter().any(|found| found != byte) {
            return Err(format!("{extent} is not what was written").into());
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = Volume::builder(BLOCK as u64);
    for group in 0..GROUPS {
        builder = builder.group(LogicalRange::new(group * GROUP, GROUP)?);
    }
    let mut volume = builder.build(disk()?)?;
    let target = disk()?;

    let (stop, is_stopped) = mpsc::channel();
    let mut written = write(&volume, ROOM / 2, &is_stopped)?;
    let (replaced, during_replace) = std::thread::scope(|scope| {
        let volume = &volume;
        let writer = scope.spawn(move || write(volume, ROOM / 4, &is_stopped));
        let replaced = replace(volume, Arc::clone(&target));
        // The writer may be done already.
        let _ = stop.send(());
        (replaced, writer.join().expect("the writer does not panic"))
    });
    replaced?;
    written.extend(during_replace?);

    // The old device is ours again. What is written from here on goes to the new one alone.
    drop(volume.retire_source()?);
    written.push((volume.write(&[252; BLOCK])?, 252));
    volume.commit()?;
    volume.check()?;
    verify(&*target, &written)?;
    println!("{} extents written, all of them on the new device", written.len());
    Ok(())
}
