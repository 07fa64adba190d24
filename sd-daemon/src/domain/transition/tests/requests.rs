//! What somebody wants of a container.

use super::*;

#[test]
fn wishes_lead_where_the_diagram_says() {
    type Row = (fn() -> Record, [(&'static str, Option<Effect>); 3]);
    let table: [Row; 6] = [
        // start                        stop                            remove
        (
            starting,
            [
                ("same", START),
                ("stopping Requested", STOP),
                ("removing", GRACEFUL),
            ],
        ),
        (
            running,
            [
                ("same", None),
                ("stopping Requested", STOP),
                ("removing", GRACEFUL),
            ],
        ),
        (
            paused,
            [
                ("refused: Paused", None),
                ("stopping Requested", STOP),
                ("removing", GRACEFUL),
            ],
        ),
        (
            stopping,
            [
                ("refused: Stopping", None),
                ("same", STOP),
                ("removing", GRACEFUL),
            ],
        ),
        (
            stopped,
            [("starting", START), ("same", None), ("removing", GRACEFUL)],
        ),
        (
            removing,
            [
                ("refused: BeingRemoved", None),
                ("refused: BeingRemoved", None),
                ("same", GRACEFUL),
            ],
        ),
    ];
    for (from, expected) in table {
        let wishes = [
            Request::Start,
            Request::Stop,
            Request::Remove(RemoveMode::Graceful),
        ];
        for (input, (expected, effect)) in wishes.into_iter().zip(expected) {
            let label = format!("{} then {input:?}", state(&from()));
            assert_eq!(outcome(&from(), input), (expected.to_owned(), effect), "{label}");
        }
    }
}

#[test]
fn a_rejected_start_removes_what_never_lived_and_keeps_what_did() {
    let mut never_lived = starting();
    never_lived.fields.last_run = None;
    let force = Some(Effect::Remove(RemoveMode::Force));
    assert_eq!(
        outcome(&never_lived, start_rejected()),
        ("removing".to_owned(), force)
    );
    assert_eq!(
        outcome(&starting(), start_rejected()),
        ("stopped Failed".to_owned(), None)
    );
    for other in [running(), paused(), stopping(), stopped(), removing()] {
        assert_eq!(outcome(&other, start_rejected()), ("same".to_owned(), None));
    }
}

#[test]
fn what_is_asked_for_is_told_once() {
    const ASKED: &str = "asked for over the API";
    for from in [starting(), running(), paused()] {
        assert_eq!(told(&from, Request::Stop, NOW), says(EventKind::Stopping, ASKED));
    }
    assert_eq!(told(&stopping(), Request::Stop, NOW), None);
    assert_eq!(told(&stopped(), Request::Stop, NOW), None);
    // What the engine makes of these is told when it has done it.
    assert_eq!(told(&stopped(), Request::Start, NOW), None);
    assert_eq!(told(&running(), Request::Remove(RemoveMode::Force), NOW), None);
    assert_eq!(
        told(&starting(), start_rejected(), NOW),
        says(EventKind::Stopped, "the engine refused to start it")
    );
}
