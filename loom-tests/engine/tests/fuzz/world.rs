//! Runs a program, with the primitives of the crate.

use crate::program::{CELLS, LOCKS, Op, Program, WORDS};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use traceset::thread::{JoinHandle, Thread};
use traceset::{AtomicU64, Cell, Mutex, MutexGuard, thread};

/// What each thread read, in its order.
pub(crate) type Outcome = Vec<Vec<u64>>;

thread_local! {
    /// Of the execution that runs on this thread of the system.
    static READ: RefCell<Outcome> = const { RefCell::new(Vec::new()) };
    static TURN: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// What the execution that just ended came to.
pub(crate) fn outcome() -> Outcome {
    READ.with_borrow(Clone::clone)
}

struct World {
    words: [AtomicU64; WORDS],
    locks: [Mutex<u64>; LOCKS],
    monitor: Mutex<(u64, Vec<Thread>)>,
    cells: [Cell<u64>; CELLS],
    first: Thread,
}

/// One execution.
pub(crate) fn execute(program: &Rc<Program>) {
    READ.set(vec![Vec::new(); program.threads.len()]);
    let world = Arc::new(World {
        words: std::array::from_fn(|_| AtomicU64::new(0)),
        locks: std::array::from_fn(|_| Mutex::new(0)),
        monitor: Mutex::new((0, Vec::new())),
        cells: std::array::from_fn(|_| Cell::new(0)),
        first: thread::current(),
    });
    run(program, &world, 0);
}

fn run(program: &Rc<Program>, world: &Arc<World>, me: usize) {
    let owners = std::array::from_fn(|_| owner());
    let mut role = Role { program, world, me, owners, last: 0, held: VecDeque::new(), children: Vec::new() };
    program.threads[me].iter().for_each(|op| role.operate(*op));
}

/// Something whose address differs from one execution to the next.
fn owner() -> Vec<u8> {
    let turn = TURN.get();
    TURN.set(turn + 1);
    vec![0; 16 * (1 + turn % 7)]
}

struct Role<'a> {
    program: &'a Rc<Program>,
    world: &'a Arc<World>,
    me: usize,
    owners: [Vec<u8>; WORDS],
    last: u64,
    held: VecDeque<MutexGuard<'a, u64>>,
    children: Vec<(usize, JoinHandle<()>)>,
}

/// An exchange that was refused reads differently from one that went through.
const REFUSED: u64 = 1 << 32;

impl Role<'_> {
    fn operate(&mut self, op: Op) {
        let read = match op {
            Op::Lock(_) | Op::Unlock | Op::UnlockFirst => self.lock_or_unlock(op),
            Op::Spawn(_) | Op::Join(_) => self.spawn_or_join(op),
            Op::Notify | Op::Wait(_) => Some(self.at_the_monitor(op)),
            Op::ReadCell(cell) => Some(self.world.cells[cell].get()),
            Op::Park | Op::UnparkFirst | Op::WriteCell(_) | Op::Unwind(_) => {
                self.silently(op);
                None
            }
            _ => self.on_a_word(op),
        };
        if let Some(read) = read {
            self.last = read;
            READ.with_borrow_mut(|all| all[self.me].push(read));
        }
    }

    fn on_a_word(&self, op: Op) -> Option<u64> {
        let words = &self.world.words;
        Some(match op {
            Op::Add(word, n, order) => words[word].fetch_add(n, order),
            Op::SetBits(word, mask, order) => words[word].fetch_or(mask, order),
            Op::Exchange { word, old, new, orders } => {
                words[word].compare_exchange(old, new, orders.0, orders.1).unwrap_or_else(|now| now ^ REFUSED)
            }
            Op::Load(word, order) => words[word].load(order),
            Op::AddWhereItPoints => words[index(self.last)].fetch_add(1, Relaxed),
            Op::AddAtRemembered => words[self.remembered()].fetch_add(1, Relaxed),
            Op::Store(word, value, order) => {
                words[word].store(value, order);
                return None;
            }
            _ => unreachable!("an operation on no word"),
        })
    }

    /// As code does that keeps something by an owner's address.
    fn remembered(&self) -> usize {
        let owner = &self.owners[index(self.last)];
        thread::number_of(owner.as_ptr().addr()) % WORDS
    }

    fn lock_or_unlock(&mut self, op: Op) -> Option<u64> {
        match op {
            Op::Lock(lock) => {
                let mut value = self.world.locks[lock].lock();
                *value += 1 + self.me as u64;
                let read = *value;
                self.held.push_back(value);
                Some(read)
            }
            Op::Unlock => {
                drop(self.held.pop_back());
                None
            }
            _ => {
                drop(self.held.pop_front());
                None
            }
        }
    }

    fn spawn_or_join(&mut self, op: Op) -> Option<u64> {
        match op {
            Op::Spawn(child) => {
                let (program, world) = (Rc::clone(self.program), Arc::clone(self.world));
                let handle = thread::spawn(move || run(&program, &world, child));
                let number = handle.thread().id().index() as u64;
                self.children.push((child, handle));
                Some(number)
            }
            Op::Join(child) => {
                let at = self.children.iter().position(|(number, _)| *number == child)?;
                self.children.remove(at).1.join().expect("never an error");
                None
            }
            _ => unreachable!("neither spawn nor join"),
        }
    }

    fn at_the_monitor(&self, op: Op) -> u64 {
        let monitor = &self.world.monitor;
        let Op::Wait(wanted) = op else {
            let mut value = monitor.lock();
            value.0 += 1;
            value.1.drain(..).for_each(|waiting| waiting.unpark());
            return value.0;
        };
        let me = thread::current();
        loop {
            let mut value = monitor.lock();
            value.1.retain(|waiting| waiting.id() != me.id());
            if value.0 >= wanted {
                return value.0;
            }
            value.1.push(me.clone());
            drop(value);
            thread::park();
        }
    }

    fn silently(&self, op: Op) {
        match op {
            Op::Park => thread::park(),
            Op::UnparkFirst => self.world.first.unpark(),
            Op::WriteCell(cell) => self.world.cells[cell].set(1 + self.me as u64),
            Op::Unwind(word) => {
                let caught = catch_unwind(AssertUnwindSafe(|| {
                    let _guard = AddOnDrop(&self.world.words[word]);
                    resume_unwind(Box::new("caught below"));
                }));
                // Anything else is the engine's, and goes on.
                if let Err(payload) = caught
                    && !payload.is::<&str>()
                {
                    resume_unwind(payload);
                }
            }
            _ => unreachable!("it reads something"),
        }
    }
}

struct AddOnDrop<'a>(&'a AtomicU64);

impl Drop for AddOnDrop<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, AcqRel);
    }
}

fn index(value: u64) -> usize {
    usize::try_from(value % WORDS as u64).expect("small")
}
