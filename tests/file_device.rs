#![cfg(all(not(loom), unix))]
//! `Device` for `File`: replace between real files, under writers, and what a file does at its end.

mod support;

use std::fs::File;
use std::io;
use std::sync::Arc;

use blockgate::volume::{BuildError, Policy, ReplaceError};
use blockgate::{Device, LogicalRange, Volume};
use support::{Bytes, Counter, KIB, UNIT, panics, pattern, range, read};

const GROUP: u64 = 256 * KIB;
const LENGTH: u64 = 3 * GROUP;

fn file(length: u64) -> Arc<File> {
    let file = tempfile::tempfile().expect("a temporary file");
    file.set_len(length).expect("grows");
    Arc::new(file)
}

fn volume_on(source: Arc<File>) -> Result<Volume, BuildError> {
    let add = |builder: blockgate::volume::VolumeBuilder, index| builder.group(range(index * GROUP, GROUP));
    (0..3).fold(Volume::builder(UNIT), add).build(source)
}

/// Writes until there is no space or the replace is over, and returns what it wrote.
fn write(volume: &Volume, writer: u64, over: &Counter) -> Vec<(LogicalRange, Bytes)> {
    let mut random = fastrand::Rng::with_seed(writer);
    let mut written = Vec::new();
    loop {
        let data = pattern(random.u64(..), random.u64(1..=2) * UNIT);
        let Ok(extent) = volume.write(&data) else { return written };
        written.push((extent, data));
        if written.len() >= 20 && over.get() > 0 {
            return written;
        }
    }
}

fn differing(device: &dyn Device, written: &[(LogicalRange, Bytes)]) -> usize {
    written.iter().filter(|(extent, data)| read(device, *extent) != *data).count()
}

#[test]
fn a_file_is_replaced_by_another_while_it_is_written_to() {
    for policy in [Policy::CopyThenClone, Policy::CloneAlways] {
        let (source, target) = (file(LENGTH), file(LENGTH));
        let mut volume = volume_on(source.clone()).expect("long enough");
        let over = Counter::default();
        let written: Vec<_> = std::thread::scope(|scope| {
            let (volume, over) = (&volume, &over);
            let writers: Vec<_> =
                (0..2).map(|writer| scope.spawn(move || write(volume, writer, over))).collect();
            let end = over.next_at_end();
            let mut replace = volume.start_replace(target.clone(), policy).expect("long enough");
            assert_eq!(replace.run().expect("replaces").len(), 3);
            replace.finish().expect("finishes");
            drop(end);
            writers.into_iter().flat_map(|writer| writer.join().expect("no panic")).collect()
        });
        volume.commit().expect("commits");
        assert_eq!(volume.check(), Ok(()));
        let old = volume.retire_source().expect("the target is whole");
        assert_eq!(old.length().expect("known"), LENGTH);
        assert!(written.len() >= 40);
        assert_eq!((differing(&*source, &written), differing(&*target, &written)), (0, 0));
        assert_eq!(differing(&*file(LENGTH), &written), written.len(), "twin: a file that nobody copied to");
    }
}

#[test]
fn a_file_reads_what_was_written_at_any_place() {
    let file = file(3 * UNIT);
    for (offset, length) in [(0, 1), (UNIT - 1, 2), (2 * UNIT, UNIT)] {
        file.write_at(offset, &pattern(offset, length)).expect("writes");
        assert_eq!(read(&*file, range(offset, length)), pattern(offset, length));
    }
    file.flush().expect("flushes");
    assert_eq!(file.length().expect("known"), 3 * UNIT);
    assert_eq!(*read(&*file, range(UNIT + 1, 4)), [0; 4], "holes are zero");
}

#[test]
fn a_read_beyond_the_end_is_an_error() {
    let file = file(UNIT);
    let mut buffer = [0; 2];
    let error = Device::read_at(&*file, UNIT - 1, &mut buffer).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert!(Device::read_at(&*file, UNIT - 2, &mut buffer).is_ok());
}

#[test]
fn a_file_that_is_too_short_is_refused() {
    assert!(matches!(
        volume_on(file(LENGTH - 1)),
        Err(BuildError::DeviceTooSmall { length, needed: LENGTH }) if length == LENGTH - 1
    ));
    let volume = volume_on(file(LENGTH)).expect("long enough");
    let error = volume.start_replace(file(LENGTH - 1), Policy::default()).expect_err("refused");
    assert!(matches!(error, ReplaceError::TargetTooSmall { .. }), "{error}");
}

#[test]
fn a_file_that_cannot_be_written_fails_the_write() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("read-only");
    File::create(&path).and_then(|file| file.set_len(LENGTH)).expect("creates");
    let read_only = Arc::new(File::open(&path).expect("opens"));
    let mut volume = volume_on(read_only.clone()).expect("long enough");
    let error = volume.write(&[1]).unwrap_err();
    assert!(
        error.to_string().starts_with("the device failed") && std::error::Error::source(&error).is_some(),
        "{error}"
    );

    let extent = {
        let source = volume_on(file(LENGTH)).expect("long enough");
        let extent = source.write(&pattern(1, UNIT)).expect("space");
        let mut replace = source.start_replace(read_only, Policy::default()).expect("long enough");
        let error = replace.run().unwrap_err();
        assert!(error.to_string().contains("replace by another device"), "{error}");
        extent
    };
    assert_eq!(volume.check(), Ok(()));
    assert!(panics(|| drop(read(&*file(0), extent))), "twin: reading past the end is noticed");
}
