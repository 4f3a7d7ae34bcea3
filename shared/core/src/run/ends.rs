//! Dead ends end: what can never succeed is `failed`, with a code for programs and a sentence for people, and leaves nothing behind.

use super::*;
use crate::memory::Fault;
use crate::world::{LONG, Where, World, org, principal, source_id};

const OPERATOR: &str = "The file store refused the file. Tell the operator.";
const OURS: &str =
    "Something went wrong on our side. Export again; if it happens twice, tell the operator.";

/// What is wrong from the request on, for as long as it is asked.
enum Wrong {
    Refused(&'static str, StoreErrorKind),
    Deadly(&'static str),
    Gone,
    Revoked,
}

#[test]
fn dead_ends_end_with_their_code_and_sentence_and_leave_nothing() {
    use FailureCode::{AccessRevoked, Internal, SourceGone, StorageDenied, UnreadableLead};
    use StoreErrorKind::{Corrupt, Denied, NotFound};
    let unread = "A lead could not be read. Tell the operator.";
    let gone = "The source is no longer there. Check its name, then export again.";
    let lost = "The requester may no longer export this source. Ask an admin for the grant, then export again.";
    for (what, wrong, code, sentence) in [
        (
            "a missing bucket",
            Wrong::Refused("pieces.put", NotFound),
            StorageDenied,
            OPERATOR,
        ),
        (
            "a denied key",
            Wrong::Refused("pieces.put", Denied),
            StorageDenied,
            OPERATOR,
        ),
        (
            "a bucket that takes pieces and no file",
            Wrong::Refused("pieces.open", Denied),
            StorageDenied,
            OPERATOR,
        ),
        (
            "a wire that changes every piece",
            Wrong::Refused("pieces.put", Corrupt),
            Internal,
            OURS,
        ),
        (
            "an item that cannot be read",
            Wrong::Refused("leads.page", Corrupt),
            UnreadableLead,
            unread,
        ),
        (
            "a table that may not be read",
            Wrong::Refused("leads.page", Denied),
            Internal,
            OURS,
        ),
        (
            "a message whose lead kills every run",
            Wrong::Deadly("leads.page"),
            Internal,
            OURS,
        ),
        ("a vanished source", Wrong::Gone, SourceGone, gone),
        ("a lost grant", Wrong::Revoked, AccessRevoked, lost),
    ] {
        let world = World::new(60);
        let id = world.request("{}");
        match wrong {
            Wrong::Refused(name, kind) => {
                world.script.fail(Where::Every(name), Fault::Before(kind));
            }
            Wrong::Deadly(name) => world.script.fail(Where::Every(name), Fault::CrashBefore),
            Wrong::Gone => world.sources.remove_source(&org(), &source_id()),
            Wrong::Revoked => {
                let user = principal().user;
                world
                    .sources
                    .remove_grant(&org(), &user, Some(&source_id()));
            }
        }
        let mut minutes = 0;
        while !world.export(id).status().is_terminal() {
            while let Some((_, id)) = world.queue.pop() {
                let _ = world.run(id, LONG);
            }
            world.sweep();
            world.advance(limits::SWEEP_BACKOFF);
            minutes += 1;
            assert!(minutes < 20, "{what} does not end");
        }
        let failure = world.export(id).head.failure.unwrap();
        assert_eq!(failure.code, code, "{what}");
        let words = format!("{sentence} Quote the export {id}.");
        assert_eq!(failure.message, words, "{what}");
        assert_eq!(
            world.told(id),
            [format!("{id}:failed")],
            "{what}: one event"
        );
        assert!(world.exports.active(&org()).is_empty(), "{what}: I15");
        world.settle(LONG);
        world.check_rest(id);
        assert!(world.pieces.objects().is_empty(), "{what}: I6");
        assert!(world.pieces.uploads().is_empty(), "{what}: I6");
        assert_eq!(world.told(id).len(), 1, "{what}: one event");
    }
}
