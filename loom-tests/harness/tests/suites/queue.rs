//! After crossbeam-channel 0.5.12 to 0.5.14 (RUSTSEC-2025-0024): a list of blocks is freed twice.
//!
//! The receiver that goes away discards all messages, and takes the first block to free it. It can find that there are
//! messages, but no block yet: a sender has made it, and not linked it. So it waits for the link. The published code
//! read the block there, and left it in its place, from which the channel's own drop freed it again.

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use loom_harness::{Model, Twin, check, reached};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize as Unseen;

use Ordering::{AcqRel, Acquire, Relaxed, Release};

const NONE: usize = 0;
const BLOCK: usize = 1;

/// Set in `tail` when the receiver is gone. A message is 2.
const GONE: usize = 1;
const MESSAGE: usize = 2;

struct Channel {
    takes_late_block: bool,
    /// Where a sender finds the block, and where the receiver does.
    last: AtomicUsize,
    first: AtomicUsize,
    tail: AtomicUsize,
    freed: Unseen,
}

impl Channel {
    fn new(takes_late_block: bool) -> Self {
        let [last, first, tail] = [NONE, NONE, 0].map(AtomicUsize::new);
        Self { takes_late_block, last, first, tail, freed: Unseen::new(0) }
    }

    fn send(&self) {
        if self.last.compare_exchange(NONE, BLOCK, AcqRel, Acquire).is_ok() {
            // A store in the original: beside the receiver's swaps loom does not explore one as C11 has it.
            self.first.swap(BLOCK, Release);
        }
        let add = |tail: usize| (tail & GONE == 0).then_some(tail + MESSAGE);
        let _ = self.tail.fetch_update(AcqRel, Acquire, add);
    }

    /// The receiver goes away.
    fn discard_all(&self) {
        let tail = self.tail.fetch_or(GONE, AcqRel);
        let mut block = self.first.swap(NONE, AcqRel);
        if tail >= MESSAGE && block == NONE {
            reached("waited for the block");
            while block == NONE {
                thread::yield_now();
                block = self.late_block();
            }
        }
        self.free(block);
    }

    fn late_block(&self) -> usize {
        if self.takes_late_block { self.first.swap(NONE, AcqRel) } else { self.first.load(Acquire) }
    }

    fn free(&self, block: usize) {
        if block == BLOCK {
            let before = self.freed.fetch_add(1, Relaxed);
            check(before == 0, "double free", || "the block is freed again".into());
        }
    }

    /// Its drop: nothing else has it.
    fn end(mut self) {
        let left = self.first.with_mut(|block| *block);
        self.free(left);
        check(self.freed.load(Relaxed) == 1, "leak", || "the block is not freed".into());
    }
}

fn two_senders_and_a_receiver_that_goes(takes_late_block: bool) {
    let channel = Arc::new(Channel::new(takes_late_block));
    let senders = [(); 2].map(|()| {
        let channel = Arc::clone(&channel);
        thread::spawn(move || channel.send())
    });
    channel.discard_all();
    for sender in senders {
        sender.join().unwrap();
    }
    Arc::into_inner(channel).expect("the senders are gone").end();
}

const ROLES: &[&str] = &["receiver", "first sender", "second sender"];

pub fn cured() -> Model {
    Model::new("queue/discard")
        .theorem("The block is freed once, in whichever order they come.")
        .roles(ROLES)
        .must_reach(&["waited for the block"])
        .body(|| two_senders_and_a_receiver_that_goes(true))
}

pub fn as_published() -> Twin {
    Twin::new("queue/late-block-left")
        .of("queue/discard")
        .left_out("the swap of a block that comes late")
        .expect("double free")
        .roles(ROLES)
        .body(|| two_senders_and_a_receiver_that_goes(false))
}
