//! The machines step by step; what whole runs of them give is tested in `sim`.

use super::*;

const P1: SiteId = SiteId(1);
const P2: SiteId = SiteId(2);
const COMMIT: State = State::Ended(Decision::Commit);

/// A site of three that began and was told these.
fn told<M: Machine>(me: SiteId, messages: &[(SiteId, Message)]) -> M {
    let mut site = M::new(me, 3, true);
    site.step(Input::Begin);
    for (from, message) in messages {
        site.step(Input::Message(*from, *message));
    }
    site
}

fn sends(outputs: &[Output]) -> Vec<(SiteId, Message)> {
    let send = |output: &Output| match output {
        Output::Send(to, message) => Some((*to, *message)),
        _ => None,
    };
    outputs.iter().filter_map(send).collect()
}

fn step<M: Machine>(site: &mut M, from: SiteId, message: Message) -> Vec<Output> {
    site.step(Input::Message(from, message))
}

#[test]
fn nothing_is_promised_before_it_is_on_the_disk() {
    let mut two: TwoPhase = told(P1, &[]);
    let yes = [
        Output::Persist(State::Ready),
        Output::Send(COORDINATOR, Message::Vote(true)),
        Output::Timer(2),
    ];
    assert_eq!(step(&mut two, COORDINATOR, Message::Prepare), yes);
    let mut three: ThreePhase = told(P1, &[]);
    assert_eq!(step(&mut three, COORDINATOR, Message::Prepare), yes);
    let ack = [
        Output::Persist(State::PreCommitted),
        Output::Send(COORDINATOR, Message::Ack),
        Output::Timer(2),
    ];
    assert_eq!(step(&mut three, COORDINATOR, Message::PreCommit), ack);
    let mut coordinator: TwoPhase = told(COORDINATOR, &[(P1, Message::Vote(true))]);
    let outputs = step(&mut coordinator, P2, Message::Vote(true));
    let decide = Message::Decide(Decision::Commit);
    assert_eq!(
        outputs,
        [
            Output::Timer(0),
            Output::Persist(COMMIT),
            Output::Ended(Decision::Commit),
            Output::Answer(Decision::Commit),
            Output::Send(P1, decide),
            Output::Send(P2, decide),
        ]
    );
}

#[test]
fn three_phases_commit_when_all_know_that_all_agreed() {
    let yes = Message::Vote(true);
    let mut coordinator: ThreePhase = told(COORDINATOR, &[(P1, yes)]);
    assert!(step(&mut coordinator, P1, yes).is_empty(), "one vote counts once");
    let pre = [(P1, Message::PreCommit), (P2, Message::PreCommit)];
    assert_eq!(sends(&step(&mut coordinator, P2, yes)), pre);
    assert!(step(&mut coordinator, P2, Message::Ack).is_empty());
    let decide = Message::Decide(Decision::Commit);
    assert_eq!(sends(&step(&mut coordinator, P1, Message::Ack)), [(P1, decide), (P2, decide)]);
    assert_eq!(coordinator.state(), COMMIT);
}

#[test]
fn who_is_ready_in_two_phases_can_only_ask() {
    let mut site: TwoPhase = told(P1, &[(COORDINATOR, Message::Prepare)]);
    for _ in 0..9 {
        let asks = [(COORDINATOR, Message::Inquire), (P2, Message::Inquire)];
        assert_eq!(sends(&site.step(Input::Timeout)), asks);
        assert_eq!(site.state(), State::Ready);
    }
    assert!(step(&mut site, P2, Message::Inquire).is_empty());
    let mut other: TwoPhase = told(P2, &[]);
    let aborts = [(P1, Message::Decide(Decision::Abort))];
    assert_eq!(sends(&step(&mut other, P1, Message::Inquire)), aborts, "it has not voted");
}

#[test]
fn those_who_are_left_in_three_phases_end_it_by_where_they_stand() {
    let ended = |first: &[(SiteId, Message)], report: State| {
        let mut site: ThreePhase = told(P1, first);
        assert_eq!(sends(&site.step(Input::Timeout)), [(COORDINATOR, Message::Elect)]);
        let asks = [(COORDINATOR, Message::Inquire), (P2, Message::Inquire)];
        assert_eq!(sends(&site.step(Input::Timeout)), asks);
        step(&mut site, P2, Message::Report(report, false));
        let outputs = site.step(Input::Timeout);
        (site.state(), sends(&outputs))
    };
    let (ready, knows) = (
        [(COORDINATOR, Message::Prepare)],
        [(COORDINATOR, Message::Prepare), (COORDINATOR, Message::PreCommit)],
    );
    let all = |decision| {
        let told = Message::Decide(decision);
        (State::Ended(decision), vec![(COORDINATOR, told), (P2, told)])
    };
    assert_eq!(ended(&ready, State::Ready), all(Decision::Abort));
    let told_first = (State::PreCommitted, vec![(P2, Message::PreCommit)]);
    assert_eq!(ended(&knows, State::Ready), told_first);
    assert_eq!(ended(&knows, State::PreCommitted), all(Decision::Commit));
    assert_eq!(ended(&ready, State::PreCommitted), all(Decision::Commit));
}

#[test]
fn who_restarted_asks_and_does_not_lead() {
    let (mut site, outputs) = ThreePhase::restart(P1, 3, State::PreCommitted);
    assert_eq!(sends(&outputs), [(COORDINATOR, Message::Inquire), (P2, Message::Inquire)]);
    step(&mut site, P2, Message::Report(State::Ready, false));
    assert_eq!(site.step(Input::Timeout), [Output::Timer(2)], "P2 is left and will end it");
    assert!(step(&mut site, P2, Message::Elect).is_empty());
    site.step(Input::Timeout);
    step(&mut site, P2, Message::Report(State::Ready, true));
    let outputs = step(&mut site, COORDINATOR, Message::Report(State::PreCommitted, true));
    assert!(outputs.contains(&Output::Ended(Decision::Commit)), "all restarted, and all are here");
    let (site, _) = ThreePhase::restart(P2, 3, State::Working);
    assert_eq!(site.state(), State::Ended(Decision::Abort));
}
