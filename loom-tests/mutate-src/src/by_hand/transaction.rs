//! Of transactions, their turns and snapshots.

use super::{Change, change};

const TRANSACTION: &str = "src/transaction/mod.rs";
const TURNS: &str = "src/transaction/turns.rs";
const REFERENCES: &str = "src/transaction/references.rs";
const SNAPSHOTS: &str = "src/transaction/snapshots.rs";

pub const CHANGES: &[Change] = &[
    change(
        TRANSACTION,
        "the transaction opens before its refs are taken",
        "C3: a transaction's refs are all of it or none",
        "let (root, changes) = self.take_refs(transaction)?;
        emit(|| Event::OpenTransaction);
        drop(closed.take()); // C4",
        "emit(|| Event::OpenTransaction);
        drop(closed.take()); // C4
        let (root, changes) = self.take_refs(transaction)?;",
    ),
    change(
        TRANSACTION,
        "the transaction opens after the root was made durable",
        "a thread that joins does not wait for a flush",
        "drop(closed.take()); // C4
        // Before the switch: a root that readers see is one that survives a crash.
        self.steps.before_switch(&root, &changes).map_err(CommitError::persist)?;",
        "// Before the switch: a root that readers see is one that survives a crash.
        self.steps.before_switch(&root, &changes).map_err(CommitError::persist)?;
        drop(closed.take()); // C4",
    ),
    change(
        TRANSACTION,
        "the root is switched before it is durable",
        "C4: the root is switched after the steps succeeded",
        "self.steps.before_switch(&root, &changes).map_err(CommitError::persist)?;
        let switched = self.references.tree.switch_unreported(root.clone());",
        "let switched = self.references.tree.switch_unreported(root.clone());
        self.steps.before_switch(&root, &changes).map_err(CommitError::persist)?;",
    ),
    change(
        TRANSACTION,
        "what a commit freed is free before the switch",
        "B4, V4: pinned bytes become free after the commit",
        "let switched = self.references.tree.switch_unreported(root.clone());
        let reported = catch_unwind(|| emit(|| switched));
        self.steps.free(&self.references.freed(transaction, &changes)); // C8",
        "self.steps.free(&self.references.freed(transaction, &changes)); // C8
        let switched = self.references.tree.switch_unreported(root.clone());
        let reported = catch_unwind(|| emit(|| switched));",
    ),
    change(
        TRANSACTION,
        "a commit frees after it is complete",
        "C8: when a commit returns, what it freed is free",
        "Ok(Ok((root, reported))) => {\n                self.turns.complete(&root);",
        "Ok(Ok((root, reported))) => {\n                self.turns.complete(&self.commit_root());",
    ),
    change(
        TRANSACTION,
        "an abort forgets to seal the queue",
        "C5: once aborted, every push fails",
        "closed.unwrap_or_else(|| self.handles.close()).seal();\n            self.references.queue.seal();",
        "closed.unwrap_or_else(|| self.handles.close()).seal();",
    ),
    change(
        TRANSACTION,
        "an abort wakes nobody that waits for space",
        "C5: a thread that waits for space learns of the abort",
        "        // Before the event: a subscriber that panics is to keep nobody waiting.\n        self.steps.aborted();\n",
        "",
    ),
    change(
        TRANSACTION,
        "a reference is queued with the transaction after its own",
        "a handle says in which transaction its refs are",
        "TransactionId(drains + 1)",
        "TransactionId(drains + 2)",
    ),
    change(
        TRANSACTION,
        "a shared extent that a snapshot lists may be overwritten",
        "V8, S1: an extent that a snapshot lists is not overwritten",
        "Ok(known.index.is_exclusive(&live, extent)? && !known.snapshots.lists(extent))",
        "Ok(known.index.is_exclusive(&live, extent)?)",
    ),
    change(
        REFERENCES,
        "the index is taken before it is locked against others",
        "D1: each ref is in one place",
        "let mut refs = self.queue.drain_with(at_the_cut);\n        refs.push_part(known.index.take());",
        "let part = known.index.take();\n        let mut refs = self.queue.drain_with(at_the_cut);\n        refs.push_part(part);",
    ),
    change(
        REFERENCES,
        "the index is unlocked before its references are applied",
        "K1: the references of an extent are those in the tree and in the index",
        "refs.push_part(known.index.take());\n        self.tree",
        "refs.push_part(known.index.take());\n        drop(known);\n        self.tree",
    ),
    change(
        REFERENCES,
        "the live tree is read before the index is locked",
        "K1: the references of an extent are those in the tree and in the index",
        "let mut known = self.known.lock();
        let live = self.tree.live();",
        "let live = self.tree.live();
        let mut known = self.known.lock();",
    ),
    change(
        SNAPSHOTS,
        "a snapshot is counted after its root is held",
        "S1: no extent that a held root lists is freed",
        "self.held.insert(ticket, None);\n        self.publish_count();",
        "self.held.insert(ticket, None);",
    ),
    change(
        SNAPSHOTS,
        "what was removed is kept for the newest snapshot",
        "S1: no extent that a held root lists is freed",
        "let oldest = self.held.values().map(of).min();",
        "let oldest = self.held.values().map(of).max();",
    ),
    change(
        SNAPSHOTS,
        "a snapshot that is announced keeps nothing",
        "S1: no extent that a held root lists is freed",
        "map_or(TransactionId(0), CommitRoot::transaction)",
        "map_or(TransactionId(u64::MAX), CommitRoot::transaction)",
    ),
    change(
        TURNS,
        "a thread that waits shares the commit at work",
        "C6: a commit serves only threads that asked before it closed",
        "TransactionId(self.completed + 1 + u64::from(is_at_work))",
        "TransactionId(self.completed + 1 + u64::from(is_at_work && false))",
    ),
    change(
        TURNS,
        "a thread that waits asks again when it is woken",
        "C7: a thread that waits is overtaken by at most one commit",
        "*asked = Some(self.next());\n            self.waiting += 1;\n        }",
        "*asked = Some(self.next());\n            self.waiting += 1;\n        } else if self.phase == Phase::Gathering {\n            *asked = Some(self.next());\n        }",
    ),
    change(
        TURNS,
        "a root is kept for one thread less",
        "C6: a commit serves all threads that asked before it closed",
        "Shared { root: root.clone(), left: self.sharing }",
        "Shared { root: root.clone(), left: self.sharing.max(2) - 1 }",
    ),
    change(
        TURNS,
        "the leader counts as one that it serves",
        "C6: a commit serves all threads that asked before it closed",
        "self.waiting -= usize::from(has_waited);",
        "let _ = has_waited;",
    ),
    change(
        TURNS,
        "a thread that was served looks for an abort first",
        "C6: a later commit that failed takes nothing from a thread that this one served",
        "if let Some(root) = asked.and_then(|asked| self.fetch(asked)) {
            return Some(Ok(Answer::Served(root)));
        }
        if let Some(error) = &self.aborted {
            return Some(Err(error.clone()));
        }",
        "if let Some(error) = &self.aborted {
            return Some(Err(error.clone()));
        }
        if let Some(root) = asked.and_then(|asked| self.fetch(asked)) {
            return Some(Ok(Answer::Served(root)));
        }",
    ),
];
