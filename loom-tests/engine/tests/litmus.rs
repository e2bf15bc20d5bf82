//! Small programs, each with the number of its traces, and how the wrong ones fail.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use traceset::{AtomicU64, Cell, Coverage, FailureKind, Mutex, Report, Search, replay, thread};

/// What the executions sent, and the report.
fn outcomes<T: Ord + 'static>(body: impl Fn(&Sender<T>) + 'static) -> (BTreeSet<T>, Report) {
    let (sender, receiver): (Sender<T>, Receiver<T>) = channel();
    let report = Search::new().run(move || body(&sender));
    (receiver.iter().collect(), report)
}

#[test]
fn independent_threads_are_one_trace() {
    let report = Search::new().run(|| {
        for _ in 0..7 {
            thread::spawn(|| AtomicU64::new(0).fetch_add(1, Relaxed));
        }
    });
    assert!(report.is_exhaustive());
    assert_eq!((report.complete, report.blocked, report.threads), (1, 0, 8));
}

#[test]
fn critical_sections_of_three_threads_come_in_six_orders() {
    let (orders, report) = outcomes(|orders| {
        let log = Arc::new(Mutex::new(Vec::new()));
        for me in 0..3 {
            let (log, orders) = (Arc::clone(&log), orders.clone());
            thread::spawn(move || {
                let mut log = log.lock();
                log.push(me);
                if log.len() == 3 {
                    orders.send(log.clone()).unwrap();
                }
            });
        }
    });
    assert_eq!((report.complete, orders.len()), (6, 6));
}

#[test]
fn a_load_may_read_an_older_value_and_not_go_back() {
    let (seen, report) = outcomes(|seen| {
        let word = Arc::new(AtomicU64::new(0));
        let (other, seen) = (Arc::clone(&word), seen.clone());
        thread::spawn(move || seen.send((other.load(Acquire), other.load(Acquire))).unwrap());
        word.store(1, Release);
        word.store(2, Release);
    });
    assert!(report.is_exhaustive());
    assert_eq!(seen, BTreeSet::from([(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]));
}

#[test]
fn store_buffering_has_both_zero_and_message_passing_has_not() {
    let (seen, _) = outcomes(|seen| {
        let words = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let (other, mine, theirs) = (Arc::clone(&words), seen.clone(), seen.clone());
        let handle = thread::spawn(move || {
            other[0].store(1, Release);
            other[1].load(Acquire)
        });
        words[1].store(1, Release);
        let here = words[0].load(Acquire);
        drop(theirs);
        mine.send((here, handle.join().unwrap())).unwrap();
    });
    assert_eq!(seen.len(), 4);
    let (seen, _) = outcomes(|seen| {
        let words = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let (other, seen) = (Arc::clone(&words), seen.clone());
        thread::spawn(move || seen.send((other[1].load(Acquire), other[0].load(Relaxed))).unwrap());
        words[0].store(1, Relaxed);
        words[1].store(1, Release);
    });
    assert_eq!(seen, BTreeSet::from([(0, 0), (0, 1), (1, 1)]));
}

#[test]
fn read_modify_writes_read_the_newest_value_whatever_the_ordering() {
    let (seen, report) = outcomes(|seen| {
        let word = Arc::new(AtomicU64::new(0));
        let (other, seen) = (Arc::clone(&word), seen.clone());
        let handle = thread::spawn(move || other.fetch_add(1, Relaxed));
        let here = word.fetch_add(1, Relaxed);
        seen.send((here, handle.join().unwrap())).unwrap();
    });
    assert_eq!((seen, report.complete), (BTreeSet::from([(0, 1), (1, 0)]), 2));
}

#[test]
fn a_wakeup_is_kept_and_two_are_one() {
    let report = Search::new().run(|| {
        let main = thread::current();
        thread::spawn(move || main.unpark());
        thread::park();
    });
    assert_eq!((report.complete, report.is_exhaustive()), (1, true));
    let twice = Search::new().run(|| {
        let main = thread::current();
        thread::spawn(move || {
            main.unpark();
            main.unpark();
        });
        thread::park();
        thread::park();
    });
    assert!(matches!(twice.failure.unwrap().kind, FailureKind::Deadlock(_)));
}

#[test]
fn a_deadlock_names_who_waits_for_what() {
    let report = Search::new().run(|| {
        let locks = Arc::new([Mutex::new(()), Mutex::new(())]);
        let other = Arc::clone(&locks);
        thread::spawn(move || {
            let _one = other[1].lock();
            let _two = other[0].lock();
        });
        let _one = locks[0].lock();
        let _two = locks[1].lock();
    });
    let failure = report.failure.unwrap();
    let FailureKind::Deadlock(waiting) = &failure.kind else { panic!("{failure}") };
    assert_eq!(waiting.len(), 2);
    assert_eq!(waiting[0].holder.unwrap().0, 1);
    assert!(failure.to_string().contains("waits for the mutex 0.1"), "{failure}");
}

/// Hands a cell over by a word, with these orderings.
fn handover(store: std::sync::atomic::Ordering, load: std::sync::atomic::Ordering) -> Report {
    Search::new().run(move || {
        let shared = Arc::new((Cell::new(0), AtomicU64::new(0)));
        let other = Arc::clone(&shared);
        thread::spawn(move || {
            if other.1.load(load) == 1 {
                assert_eq!(other.0.get(), 7);
            }
        });
        shared.0.set(7);
        shared.1.store(1, store);
    })
}

#[test]
fn release_and_acquire_order_a_cell_and_relaxed_does_not() {
    assert!(handover(Release, Acquire).is_exhaustive());
    for (store, load) in [(Relaxed, Acquire), (Release, Relaxed)] {
        let failure = handover(store, load).failure.unwrap();
        let FailureKind::Race { first, second, .. } = failure.kind else { panic!("{failure}") };
        assert!(first.is_write && !second.is_write);
        assert_ne!(first.place.line(), second.place.line());
    }
}

#[test]
fn a_failing_schedule_fails_again_and_is_observed() {
    fn body() {
        let word = Arc::new(AtomicU64::new(0));
        let other = Arc::clone(&word);
        thread::spawn(move || other.fetch_add(1, AcqRel));
        assert_eq!(word.fetch_add(1, AcqRel), 0, "the other one came first");
    }
    let failure = Search::new().run(body).failure.unwrap();
    assert!(failure.to_string().contains("the other one came first"), "{failure}");
    let schedule = failure.schedule.to_string().parse().unwrap();
    let (sender, receiver) = channel();
    let again = replay(&schedule, body, move |operation| sender.send(operation.to_string()).unwrap());
    assert!(again.unwrap().to_string().contains("the other one came first"));
    let told: Vec<_> = receiver.iter().collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[1].starts_with("thread 1: fetch_add of the word 0.0, AcqRel, read 0, wrote 1, at"),
        "{}",
        told[1]
    );
}

#[test]
fn guards_do_operations_while_their_thread_unwinds() {
    struct Leave(Arc<AtomicU64>);
    impl Drop for Leave {
        fn drop(&mut self) {
            self.0.fetch_sub(1, AcqRel);
        }
    }
    let report = Search::new().run(|| {
        let inside = Arc::new(AtomicU64::new(0));
        let other = Arc::clone(&inside);
        let role = move || {
            let caught = std::panic::catch_unwind(|| {
                other.fetch_add(1, AcqRel);
                let _leave = Leave(Arc::clone(&other));
                panic!("caught by its own thread");
            });
            assert!(caught.is_err());
        };
        let again = role.clone();
        let (one, two) = (thread::spawn(role), thread::spawn(again));
        one.join().unwrap();
        two.join().unwrap();
        assert_eq!(inside.fetch_add(0, Acquire), 0);
    });
    assert!(report.is_exhaustive(), "{report}");
    assert_eq!(report.complete, 6);
}

#[test]
fn a_failing_execution_leaves_nobody_behind() {
    struct Counted(std::rc::Rc<std::cell::Cell<i32>>, Arc<Mutex<()>>);
    impl Drop for Counted {
        fn drop(&mut self) {
            drop(self.1.lock());
            self.0.set(self.0.get() - 1);
        }
    }
    let alive = std::rc::Rc::new(std::cell::Cell::new(0));
    let seen = std::rc::Rc::clone(&alive);
    let report = Search::new().run(move || {
        let lock = Arc::new(Mutex::new(()));
        for role in 0..3 {
            alive.set(alive.get() + 1);
            let counted = Counted(std::rc::Rc::clone(&alive), Arc::clone(&lock));
            thread::spawn(move || {
                let counted = counted;
                let _guard = counted.1.lock();
                assert!(role != 1, "fails");
            });
        }
        thread::park();
    });
    assert!(report.failure.unwrap().to_string().contains("fails"));
    assert_eq!(seen.get(), 0);
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    let refused = |body: fn()| Search::new().run(body).failure.unwrap().to_string();
    assert!(refused(|| AtomicU64::new(0).store(1, SeqCst)).contains("SeqCst is not offered"));
    assert!(refused(|| drop(Mutex::new(0).try_lock())).contains("try_lock is not offered"));
    assert!(refused(|| thread::park_timeout(std::time::Duration::ZERO)).contains("timeouts are not offered"));
    assert!(refused(|| thread::sleep(std::time::Duration::ZERO)).contains("sleep is not offered"));
    assert!(refused(|| (0..8).for_each(|_| drop(thread::spawn(|| ())))).contains("more than 8 threads"));
    let outside = Arc::new(AtomicU64::new(0));
    let foreign = Search::new().run(move || outside.store(1, Relaxed)).failure.unwrap();
    assert!(foreign.to_string().contains("not made in this execution"));
}

#[test]
fn an_endless_loop_and_a_program_that_changes_are_found() {
    let endless = Search::new().max_steps(50).run(|| {
        let word = Arc::new(AtomicU64::new(0));
        let other = Arc::clone(&word);
        thread::spawn(move || while other.fetch_add(0, Relaxed) == 0 {});
        thread::park();
    });
    assert!(matches!(endless.failure.unwrap().kind, FailureKind::TooManySteps(50)));
    let runs = AtomicU64::new(0);
    let runs = std::sync::Mutex::new(runs);
    let changing = Search::new().run(move || {
        let is_odd = {
            let mut runs = runs.lock().unwrap();
            *runs.get_mut() += 1;
            *runs.get_mut() % 2 == 1
        };
        let words = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let other = Arc::clone(&words);
        thread::spawn(move || other[0].fetch_add(1, Relaxed));
        words[usize::from(is_odd)].fetch_add(1, Relaxed);
        words[0].fetch_add(1, Relaxed);
    });
    assert!(matches!(changing.failure.unwrap().kind, FailureKind::NotDeterministic(_)));
}

#[test]
fn pieces_add_up_to_the_whole() {
    fn body() {
        let words = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        for role in 0..4 {
            let words = Arc::clone(&words);
            thread::spawn(move || {
                words[role % 2].fetch_add(1, Relaxed);
                words[0].fetch_add(1, Relaxed);
                words[1].load(Relaxed);
            });
        }
    }
    let whole = Search::new().run(body);
    for count in [1, 2, 9] {
        let (report, pieces) = Search::new().divide(count, body, |_| ControlFlow::Continue(()));
        assert!(pieces.len() >= count && !report.is_exhaustive(), "{report}");
        let reports: Vec<_> = pieces.into_iter().map(|piece| Search::new().piece(piece).run(body)).collect();
        assert!(reports.iter().all(|report| report.coverage == Coverage::Piece), "{reports:?}");
        let sum: u64 = reports.iter().map(|report| report.complete).sum();
        assert_eq!(report.complete + sum, whole.complete, "{reports:?}");
        let share: f64 = reports.iter().map(|report| report.share).sum();
        assert!((report.share + share - 1.0).abs() < 1e-9, "{} {reports:?}", report.share);
    }
    let (report, pieces) = Search::new().divide(1, || (), |_| ControlFlow::Continue(()));
    assert!(report.is_exhaustive() && pieces.is_empty());
}

#[test]
fn each_trace_is_the_same_in_any_order_of_its_independent_steps() {
    let mut orders = 0;
    let report = Search::new().run_with(
        || {
            let words = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
            for role in 0..3 {
                let words = Arc::clone(&words);
                thread::spawn(move || {
                    words[role % 2].store(1, Release);
                    words[1 - role % 2].load(Acquire)
                });
            }
        },
        |complete| {
            complete.reorder(5, 1, |_| orders += 1).unwrap();
            ControlFlow::Continue(())
        },
    );
    assert!(report.is_exhaustive());
    assert_eq!(orders, 5 * report.complete);
}

#[test]
fn few_preemptions_find_a_short_counterexample() {
    fn body() {
        let word = Arc::new(AtomicU64::new(0));
        let other = Arc::clone(&word);
        thread::spawn(move || (0..3).map(|_| other.fetch_add(1, Relaxed)).sum::<u64>());
        let before = word.fetch_add(0, Relaxed);
        assert_eq!(word.fetch_add(0, Relaxed), before, "somebody came between");
    }
    let none = Search::new().most_preemptions(0).run(body);
    assert_eq!(none.coverage, traceset::Coverage::Preemptions(0));
    let found = Search::new().most_preemptions(1).run(body);
    assert!(found.failure.is_some(), "{found}");
}

#[test]
fn searches_on_several_threads_do_not_meet() {
    let search = || {
        Search::new()
            .run(|| {
                let word = Arc::new(AtomicU64::new(0));
                for _ in 0..3 {
                    let word = Arc::clone(&word);
                    thread::spawn(move || word.fetch_add(1, Relaxed));
                }
            })
            .complete
    };
    let searches: Vec<_> = (0..4).map(|_| std::thread::spawn(search)).collect();
    assert!(searches.into_iter().all(|search| search.join().unwrap() == 6));
}

#[test]
fn an_estimate_has_the_order_of_magnitude() {
    fn body() {
        let word = Arc::new(AtomicU64::new(0));
        for _ in 0..5 {
            let word = Arc::clone(&word);
            thread::spawn(move || word.fetch_add(1, Relaxed));
        }
    }
    let (estimate, count) = (Search::new().estimate(200, 1, body), Search::new().run(body).complete);
    assert_eq!(count, 120);
    assert!((12.0..1200.0).contains(&estimate), "{estimate}");
}

#[test]
fn a_failure_at_once_is_the_last_step() {
    let report = Search::new().run(|| {
        let lock = Arc::new((Mutex::new(()), AtomicU64::new(0)));
        let other = Arc::clone(&lock);
        thread::spawn(move || drop(other.0.lock()));
        let _guard = lock.0.lock();
        lock.1.fetch_add(1, Relaxed);
        traceset::fail_with(Box::new("violated"));
    });
    let failure = report.failure.unwrap();
    assert_eq!(failure.schedule.to_string(), "t00");
    let FailureKind::Panic { thread: 0, payload, place } = failure.kind else { panic!("{failure}") };
    assert_eq!(payload.text(), "violated");
    assert!(place.unwrap().contains("litmus.rs"));
}

/// What `replay` sees of the first execution after the last, beside what `observe_first` saw of it before.
fn first_before_and_after(body: impl Fn() + Clone + 'static) -> [Vec<String>; 2] {
    let (before, after) = (Rc::new(RefCell::new(Vec::new())), Rc::new(RefCell::new(Vec::new())));
    let (seen, seen_again, mut first) = (Rc::clone(&before), Rc::clone(&after), None);
    let search = Search::new().observe_first(move |done| seen.borrow_mut().push(done.to_string()));
    let report = search.run_with(body.clone(), |complete| {
        first.get_or_insert_with(|| complete.schedule());
        ControlFlow::Continue(())
    });
    assert!(report.is_exhaustive() && report.complete > 1);
    replay(&first.unwrap(), body, move |done| seen_again.borrow_mut().push(done.to_string()));
    [before, after].map(|seen| seen.take())
}

#[test]
fn the_first_execution_is_observed_and_no_other() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let adds = |first: fn() -> bool| {
        move || {
            let word = Arc::new(AtomicU64::new(0));
            let other = Arc::clone(&word);
            thread::spawn(move || other.fetch_add(1, Relaxed));
            if first() {
                word.store(1, Relaxed);
            } else {
                word.fetch_add(1, Relaxed);
            }
        }
    };
    let [before, after] = first_before_and_after(adds(|| false));
    assert!(!before.is_empty());
    assert_eq!(before, after);
    // What survives an execution shows.
    let [before, after] = first_before_and_after(adds(|| RUNS.fetch_add(1, Relaxed) == 0));
    assert_ne!(before, after);
}

#[test]
fn a_schedule_of_another_program_is_no_replay() {
    let schedule = "t0001".parse().unwrap();
    let failure = replay(&schedule, || AtomicU64::new(0).store(1, Relaxed), |_| ()).unwrap();
    assert!(failure.to_string().contains("the schedule has 4"), "{failure}");
}

#[test]
fn a_waiting_lock_is_thought_of_where_the_execution_ends() {
    // Thread 1 may take the lock first; then nobody deadlocks.
    let deadlocks = std::rc::Rc::new(std::cell::Cell::new(0));
    let seen = std::rc::Rc::clone(&deadlocks);
    let report = Search::new().pass_deadlocks().run_with(
        || {
            let (lock, main) = (Arc::new(Mutex::new(())), thread::current());
            let other = Arc::clone(&lock);
            thread::spawn(move || {
                drop(other.lock());
                main.unpark();
            });
            let _guard = lock.lock();
            thread::park();
        },
        |complete| {
            seen.set(seen.get() + u32::from(complete.deadlock().is_some()));
            ControlFlow::Continue(())
        },
    );
    assert_eq!((report.complete, deadlocks.get()), (2, 1));
}

/// Adds to the word when it is dropped.
struct AddOnDrop(Arc<AtomicU64>);

impl Drop for AddOnDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, AcqRel);
    }
}

#[test]
fn an_execution_fails_while_another_thread_unwinds() {
    let report = Search::new().run(|| {
        let word = Arc::new(AtomicU64::new(0));
        let (other, guarded) = (Arc::clone(&word), Arc::clone(&word));
        thread::spawn(move || {
            let caught = std::panic::catch_unwind(|| {
                let _guard = AddOnDrop(guarded);
                panic!("caught by its own thread");
            });
            assert!(caught.is_err());
            other.fetch_add(1, AcqRel);
        });
        assert_eq!(word.fetch_add(0, AcqRel), 1, "the guard's step is no other thread's business");
    });
    assert!(report.failure.unwrap().to_string().contains("no other thread's business"));
}

#[test]
fn a_thread_that_catches_everything_is_given_up() {
    let report = Search::new().run(|| {
        let word = Arc::new(AtomicU64::new(0));
        thread::spawn(move || {
            loop {
                let other = Arc::clone(&word);
                drop(std::panic::catch_unwind(move || other.fetch_add(1, AcqRel)));
            }
        });
        panic!("fails");
    });
    assert!(report.failure.unwrap().to_string().contains("fails"));
}

#[test]
fn a_search_in_an_execution_is_refused_and_one_between_two_is_not() {
    let inner = Search::new().run(|| drop(Search::new().run(|| ())));
    assert!(inner.failure.unwrap().to_string().contains("a search inside of an execution"));
    let between = Search::new().run_with(
        || (),
        |_| {
            assert!(Search::new().run(|| ()).is_exhaustive());
            ControlFlow::Continue(())
        },
    );
    assert!(between.is_exhaustive());
}

#[test]
fn progress_is_told_and_comes_near_the_whole() {
    let (sender, receiver) = channel();
    let report =
        Search::new().progress(std::time::Duration::ZERO, move |now| sender.send(*now).unwrap()).run(|| {
            let word = Arc::new(AtomicU64::new(0));
            for _ in 0..5 {
                let word = Arc::clone(&word);
                thread::spawn(move || (word.fetch_add(1, Relaxed), word.fetch_add(1, Relaxed)));
            }
        });
    let shares: Vec<_> = receiver.iter().map(|progress| progress.share.unwrap()).collect();
    assert!(shares.len() > 10 && shares.iter().all(|share| (0.0..=1.0).contains(share)));
    assert!(shares.last().is_some_and(|share| *share > 0.9));
    assert!(report.is_exhaustive());
}
