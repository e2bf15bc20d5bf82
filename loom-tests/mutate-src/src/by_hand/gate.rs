//! Of the gate.

use super::{Change, change};

const GATE: &str = "src/gate/mod.rs";
const WORD: &str = "src/gate/word.rs";

pub const CHANGES: &[Change] = &[
    change(
        GATE,
        "a closing forgets that the last shard was occupied",
        "G4: `wait_empty` waits for all that were inside",
        "occupied.insert_if(index, before.is_occupied());",
        "occupied.insert_if(index, before.is_occupied() && index + 1 < self.words.len());",
    ),
    change(
        GATE,
        "a closing forgets that shard 0 was occupied",
        "G4: `wait_empty` waits for all that were inside",
        "occupied.insert_if(0, before.is_occupied());",
        "",
    ),
    change(
        GATE,
        "a closing marks the shard before the occupied one",
        "G4: `wait_empty` waits for all that were inside",
        "occupied.insert_if(index, before.is_occupied());",
        "occupied.insert_if(index - 1, before.is_occupied());",
    ),
    change(
        GATE,
        "shards are opened in the order in which they are closed",
        "the levels are those of shard 0: it is closed first and opened last",
        "self.shards().rev().for_each(Shard::open_one_level);",
        "self.shards().for_each(Shard::open_one_level);",
    ),
    change(
        GATE,
        "a wait ends after the first occupied shard",
        "G4: `wait_empty` waits for all that were inside",
        "self.gate.shard(shard).wait_empty();\n        }",
        "self.gate.shard(shard).wait_empty();\n            break;\n        }",
    ),
    change(
        GATE,
        "a thread that was let in is not counted off those that wait",
        "G3, G7: each thread that waits is counted in once",
        "(Some(_), Some(_)) => waiting.count -= 1,",
        "(Some(_), Some(_)) => {}",
    ),
    change(
        GATE,
        "those that were let in are expected again",
        "G3, G7: each thread that waits is counted in once",
        "*waiting = Waiting { count: 0, admissions: waiting.admissions + 1 };",
        "waiting.admissions += 1;",
    ),
    change(
        GATE,
        "a seal leaves out shard 0",
        "G2: a sealed gate lets nobody in",
        "for shard in self.gate.shards() {\n            // Relaxed: the seal",
        "for shard in self.gate.shards().skip(1) {\n            // Relaxed: the seal",
    ),
    change(
        GATE,
        "a seal opens its level",
        "G2: a sealed gate is a closed one",
        "        // Its level stays too: a sealed gate is a closed one.\n        std::mem::forget(self);",
        "",
    ),
    change(
        WORD,
        "the bit of a closer that waits is that of threads that wait to enter",
        "G5, G6: each bit of the word means one thing",
        "const AWAITED: u64 = 1 << 62;",
        "const AWAITED: u64 = 1 << 61;",
    ),
    change(
        WORD,
        "a level is one bit lower",
        "G2: a level makes a word larger than any count",
        "const ONE_LEVEL: u64 = 1 << 48;",
        "const ONE_LEVEL: u64 = 1 << 47;",
    ),
    change(
        WORD,
        "letting in clears the bit of a closer that waits",
        "G5: the last one out wakes a closer that waits",
        "Self((self.0 & !EXPECTED) + waiting)",
        "Self((self.0 & !(EXPECTED | AWAITED)) + waiting)",
    ),
    change(
        WORD,
        "one waiter too few is let in",
        "G7: all that wait are let in",
        "Self((self.0 & !EXPECTED) + waiting)",
        "Self((self.0 & !EXPECTED) + waiting - u64::from(waiting > 1))",
    ),
];
