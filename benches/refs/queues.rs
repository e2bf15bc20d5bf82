//! Where writers can put refs until a drain takes them all.

use std::collections::BTreeMap;
use std::mem;
use std::sync::mpsc;

use blockgate::delayed_ref::{DelayedRefQueue, FoldedRef, RefAction};
use blockgate::{DelayedRef, LogicalRange};
use crossbeam_queue::SegQueue;
use parking_lot::Mutex;

/// Something that refs are put into.
pub(crate) trait Queue: Default + Send + Sync + 'static {
    /// What a thread keeps while it pushes.
    type Local: Default + Send;

    /// How the tables call it.
    const NAME: &'static str;

    /// What a thread that begins to push gets.
    fn begin(&self) -> Self::Local {
        Self::Local::default()
    }

    fn push(&self, local: &mut Self::Local, delayed_ref: DelayedRef);

    /// The thread has no more refs for now.
    fn end(&self, _local: &mut Self::Local) {}

    /// Calls `f` with every ref that was put in, and takes it out.
    fn drain(&self, local: &mut Self::Local, f: impl FnMut(DelayedRef));

    /// The sum of changes of each extent, in the order of their addresses.
    fn fold(&self, local: &mut Self::Local) -> Vec<FoldedRef> {
        let mut refs = Vec::new();
        self.drain(local, |one| refs.push(one));
        sort_and_fold(refs)
    }
}

pub(crate) fn change(action: RefAction) -> i64 {
    match action {
        RefAction::Add => 1,
        RefAction::Drop => -1,
    }
}

/// What anyone would write.
fn sort_and_fold(mut refs: Vec<DelayedRef>) -> Vec<FoldedRef> {
    refs.sort_unstable_by_key(|one| one.extent);
    let by_extent = refs.chunk_by(|one, other| one.extent == other.extent);
    by_extent
        .map(|refs| FoldedRef {
            extent: refs[0].extent,
            change: refs.iter().map(|one| change(one.action)).sum(),
        })
        .collect()
}

/// The limit: a vector of the thread's own.
#[derive(Default)]
pub(crate) struct Own;

impl Queue for Own {
    type Local = Vec<DelayedRef>;
    const NAME: &'static str = "own Vec";

    #[inline]
    fn push(&self, local: &mut Self::Local, delayed_ref: DelayedRef) {
        local.push(delayed_ref);
    }

    fn drain(&self, local: &mut Self::Local, f: impl FnMut(DelayedRef)) {
        // Taken, and not cleared: the draining thread is another one, and keeps them.
        mem::take(local).into_iter().for_each(f);
    }

    fn fold(&self, local: &mut Self::Local) -> Vec<FoldedRef> {
        sort_and_fold(mem::take(local))
    }
}

/// Ours, for a thread that has many: collected by the thread, and handed over at the end of its handle.
#[derive(Default)]
pub(crate) struct Batched(DelayedRefQueue);

impl Queue for Batched {
    type Local = Vec<DelayedRef>;
    const NAME: &'static str = "DelayedRefQueue::append";

    #[inline]
    fn push(&self, refs: &mut Vec<DelayedRef>, delayed_ref: DelayedRef) {
        refs.push(delayed_ref);
    }

    fn end(&self, refs: &mut Vec<DelayedRef>) {
        self.0.append(refs);
    }

    fn drain(&self, _: &mut Vec<DelayedRef>, f: impl FnMut(DelayedRef)) {
        self.0.drain().iter().copied().for_each(f);
    }

    fn fold(&self, _: &mut Vec<DelayedRef>) -> Vec<FoldedRef> {
        self.0.drain().fold()
    }
}

/// Ours, one by one.
#[derive(Default)]
pub(crate) struct Single(DelayedRefQueue);

impl Queue for Single {
    type Local = ();
    const NAME: &'static str = "DelayedRefQueue::push";

    #[inline]
    fn push(&self, (): &mut (), delayed_ref: DelayedRef) {
        self.0.push(delayed_ref);
    }

    fn drain(&self, (): &mut (), f: impl FnMut(DelayedRef)) {
        self.0.drain().iter().copied().for_each(f);
    }

    fn fold(&self, (): &mut ()) -> Vec<FoldedRef> {
        self.0.drain().fold()
    }
}

#[derive(Default)]
pub(crate) struct Locked(Mutex<Vec<DelayedRef>>);

impl Queue for Locked {
    type Local = ();
    const NAME: &'static str = "Mutex<Vec>";

    #[inline]
    fn push(&self, (): &mut (), delayed_ref: DelayedRef) {
        self.0.lock().push(delayed_ref);
    }

    fn drain(&self, (): &mut (), f: impl FnMut(DelayedRef)) {
        mem::take(&mut *self.0.lock()).into_iter().for_each(f);
    }

    fn fold(&self, (): &mut ()) -> Vec<FoldedRef> {
        sort_and_fold(mem::take(&mut *self.0.lock()))
    }
}

#[derive(Default)]
pub(crate) struct Segments(SegQueue<DelayedRef>);

impl Queue for Segments {
    type Local = ();
    const NAME: &'static str = "crossbeam SegQueue";

    #[inline]
    fn push(&self, (): &mut (), delayed_ref: DelayedRef) {
        self.0.push(delayed_ref);
    }

    fn drain(&self, (): &mut (), f: impl FnMut(DelayedRef)) {
        std::iter::from_fn(|| self.0.pop()).for_each(f);
    }
}

pub(crate) struct Flume(flume::Sender<DelayedRef>, flume::Receiver<DelayedRef>);

impl Default for Flume {
    fn default() -> Self {
        let (sender, receiver) = flume::unbounded();
        Self(sender, receiver)
    }
}

impl Queue for Flume {
    type Local = ();
    const NAME: &'static str = "flume";

    #[inline]
    fn push(&self, (): &mut (), delayed_ref: DelayedRef) {
        self.0.send(delayed_ref).expect("the receiver is there");
    }

    fn drain(&self, (): &mut (), f: impl FnMut(DelayedRef)) {
        self.1.drain().for_each(f);
    }
}

pub(crate) struct Channel(mpsc::Sender<DelayedRef>, Mutex<mpsc::Receiver<DelayedRef>>);

impl Default for Channel {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel();
        Self(sender, Mutex::new(receiver))
    }
}

impl Queue for Channel {
    type Local = Option<mpsc::Sender<DelayedRef>>;
    const NAME: &'static str = "std mpsc";

    fn begin(&self) -> Self::Local {
        Some(self.0.clone())
    }

    #[inline]
    fn push(&self, sender: &mut Self::Local, delayed_ref: DelayedRef) {
        sender.as_ref().unwrap_or(&self.0).send(delayed_ref).expect("the receiver is there");
    }

    fn drain(&self, _: &mut Self::Local, f: impl FnMut(DelayedRef)) {
        self.1.lock().try_iter().for_each(f);
    }
}

/// The kernel's way: a tree under a lock, in which a ref finds the others of its extent when it comes.
#[derive(Default)]
pub(crate) struct Merging(Mutex<BTreeMap<LogicalRange, i64>>);

impl Queue for Merging {
    type Local = ();
    const NAME: &'static str = "merge on insert, kernel style";

    #[inline]
    fn push(&self, (): &mut (), delayed_ref: DelayedRef) {
        *self.0.lock().entry(delayed_ref.extent).or_default() += change(delayed_ref.action);
    }

    /// It has no refs any more: each change is given out so often as it counts.
    fn drain(&self, (): &mut (), mut f: impl FnMut(DelayedRef)) {
        for (extent, change) in mem::take(&mut *self.0.lock()) {
            (0..change).for_each(|_| f(DelayedRef::add(extent)));
            (change..0).for_each(|_| f(DelayedRef::drop(extent)));
        }
    }

    fn fold(&self, (): &mut ()) -> Vec<FoldedRef> {
        let merged = mem::take(&mut *self.0.lock());
        merged.into_iter().map(|(extent, change)| FoldedRef { extent, change }).collect()
    }
}
