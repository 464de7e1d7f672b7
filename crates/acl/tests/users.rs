//! Words, rules, users: tables of what Redis 7.0 does, and that bytes come back as they were written.

// A test says what is wrong by failing.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use synod_acl::{
    Change, CommandRule, DEFAULT, Digest, Fault, KeyPattern, Rule, SelectorRule, User, Users,
    Vocabulary, Why, Word, merge_selectors, parse,
};

struct Table;

impl Vocabulary for Table {
    fn word(&self, name: &str) -> Option<Word> {
        Some(match name {
            "get" | "set" | "select" | "debug" => Word::Command,
            "config" => Word::Container,
            "config|get" | "config|set" => Word::Subcommand,
            _ => return None,
        })
    }

    fn has_category(&self, name: &str) -> bool {
        matches!(name, "read" | "write")
    }
}

fn said(users: &mut Users, name: &str, words: &str) -> Result<(), Why> {
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    let merged = merge_selectors(&words).unwrap();
    let rules: Result<Vec<_>, _> = merged.iter().map(|word| parse(word, &Table)).collect();
    let change = Change::Set { name: name.into(), rules: rules?.into_iter().flatten().collect() };
    users.apply(&change).map(|_| ()).map_err(|(_, why)| why)
}

#[test]
fn words_that_are_no_rules_are_refused_as_redis_does() {
    for (word, why) in [
        ("fancy", Why::Syntax),
        ("+nosuch", Why::Unknown),
        ("-nosuch", Why::Unknown),
        ("+@nosuch", Why::Unknown),
        ("-@all|x", Why::Unknown),
        ("+config|asdf", Why::Unknown),
        ("-config|asdf", Why::Unknown),
        ("+get|a|b", Why::Unknown),
        ("-select|0", Why::Unknown),
        ("+config|get|appendonly", Why::FirstArgOfSubcommand),
        ("+debug|", Why::Syntax),
        ("%~", Why::Syntax),
        ("%", Why::Syntax),
        ("%RR~x", Why::Syntax),
        ("%X~x", Why::Syntax),
        ("~a b", Why::Syntax),
        ("&a\tb", Why::Syntax),
        ("#abc", Why::BadHash),
        ("!abc", Why::BadHash),
        (")", Why::Syntax),
        (" () ", Why::Syntax),
        ("(this-is-invalid)", Why::Syntax),
        ("(on)", Why::Syntax),
    ] {
        assert_eq!(parse(word.as_bytes(), &Table), Err(why), "{word}");
    }
    assert_eq!(parse(b"", &Table), Ok(None));
}

#[test]
fn words_mean_what_they_mean_in_redis() {
    let key = |pattern: &str, read, write| {
        Rule::Root(SelectorRule::Key(KeyPattern { pattern: pattern.into(), read, write }))
    };
    let command =
        |allow, name: &str| Rule::Root(SelectorRule::Command { allow, name: name.into() });
    for (word, rule) in [
        ("ON", Rule::On),
        (">pw", Rule::AddPassword(Digest::of(b"pw"))),
        (">", Rule::AddPassword(Digest::of(b""))),
        ("~*", Rule::Root(SelectorRule::AllKeys)),
        ("AllKeys", Rule::Root(SelectorRule::AllKeys)),
        ("%rw~*", key("*", true, true)),
        ("%R~x", key("x", true, false)),
        ("%W~x", key("x", false, true)),
        ("%RW", key("", true, true)),
        ("~", key("", true, true)),
        ("&*", Rule::Root(SelectorRule::AllChannels)),
        ("&x", Rule::Root(SelectorRule::Channel(b"x".to_vec()))),
        ("+@ALL", Rule::Root(SelectorRule::AllCommands)),
        ("+GET", command(true, "get")),
        ("-config|SET", command(false, "config|set")),
        ("+config|get", command(true, "config|get")),
        (
            "+Select|A",
            Rule::Root(SelectorRule::FirstArg { command: "select".into(), arg: b"A".to_vec() }),
        ),
        ("-@Read", Rule::Root(SelectorRule::Category { allow: false, name: "read".into() })),
        ("()", Rule::Selector(vec![])),
    ] {
        assert_eq!(parse(word.as_bytes(), &Table), Ok(Some(rule)), "{word}");
    }
}

#[test]
fn parentheses_that_a_shell_took_apart_are_put_together() {
    let merge = |args: &[&str]| {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        merge_selectors(&args).map(|all| {
            all.into_iter().map(|arg| String::from_utf8(arg).unwrap()).collect::<Vec<_>>()
        })
    };
    assert_eq!(merge(&["on", "(~a", "+get", ")"]), Ok(vec!["on".into(), "(~a +get )".into()]));
    assert_eq!(merge(&["(a)", "(b", "c)"]), Ok(vec!["(a)".into(), "(b c)".into()]));
    assert_eq!(merge(&["on", "("]), Err(Fault(1)));
    assert_eq!(merge(&[")"]), Ok(vec![")".into()]));
    assert_eq!(merge(&[]), Ok(vec![]));
}

#[test]
fn a_change_is_made_as_a_whole_or_not_at_all() {
    let mut users = Users::default();
    assert!(users.are_untouched() && users.admit_anybody());
    for (words, why) in [
        ("on <pw", Why::NoSuchPassword),
        ("~a ~* ~b", Why::AllKeys),
        ("&* &b", Why::AllChannels),
        ("on (&* &fail)", Why::AllChannels),
    ] {
        assert_eq!(said(&mut users, "a", words), Err(why), "{words}");
        assert!(users.get(b"a").is_none());
    }
    assert_eq!(said(&mut users, "a", "on >pw ~a ~a %R~b %W~b &c &c"), Ok(()));
    let user = users.get(b"a").unwrap().clone();
    assert!(user.admits(&Digest::of(b"pw")) && !user.admits(&Digest::of(b"pW")));
    let root = user.selectors().next().unwrap();
    assert_eq!((root.keys().len(), root.channels().len()), (2, 1));
    assert!(root.keys()[1].read && root.keys()[1].write);
    assert_eq!(said(&mut users, "a", "off"), Ok(()));
    assert!(!users.get(b"a").unwrap().admits(&Digest::of(b"pw")));
    assert_eq!(said(&mut users, "a", "nopass on"), Ok(()));
    assert!(users.get(b"a").unwrap().admits(&Digest::of(b"")));
    assert_eq!(said(&mut users, "a", "resetpass"), Ok(()));
    assert!(!users.get(b"a").unwrap().admits(&Digest::of(b"")));
}

#[test]
fn a_rule_replaces_what_it_makes_void() {
    let mut users = Users::default();
    let mut rules = |words: &str| {
        said(&mut users, "a", words).unwrap();
        let root = users.get(b"a").unwrap().selectors().next().unwrap().clone();
        (root.all_commands(), root.commands().len())
    };
    assert_eq!(rules("+get +get"), (false, 1));
    assert_eq!(rules("+config|get +config|set"), (false, 3));
    assert_eq!(rules("+config"), (false, 2));
    assert_eq!(rules("+select|0 +select|0 +select|1"), (false, 4));
    assert_eq!(rules("-select"), (false, 3));
    assert_eq!(rules("+@read -@read +@write"), (false, 5));
    assert_eq!(rules("+@all"), (true, 0));
    assert_eq!(rules("-@all"), (false, 0));
}

#[test]
fn the_default_user_stays_and_the_others_go() {
    let mut users = Users::default();
    said(&mut users, "a", "on").unwrap();
    let names = ["a", "b", "default"].map(|name| name.as_bytes().to_vec()).to_vec();
    assert_eq!(users.apply(&Change::Delete(names)).unwrap().deleted, 1);
    assert_eq!(users.iter().map(|(name, _)| name).collect::<Vec<_>>(), [DEFAULT]);
    let first = users.clone();
    said(&mut users, "a", "on").unwrap();
    assert!(
        !first.get(DEFAULT).unwrap().is_same(users.get(b"a").unwrap()),
        "another one than any before"
    );
    let mut users = Users::default();
    said(&mut users, "default", ">pw").unwrap();
    assert!(!users.admit_anybody());
    assert_eq!(users, Users::with_password(Digest::of(b"pw")));
    said(&mut users, "default", "reset").unwrap();
    assert!(!users.get(DEFAULT).unwrap().is_enabled());
}

#[test]
fn a_user_and_all_of_them_are_bounded() {
    let mut users = Users::default();
    let long = format!("~{}", "k".repeat(65_000));
    assert_eq!(said(&mut users, "a", &long), Ok(()));
    let longer = format!("~{}", "l".repeat(1000));
    assert_eq!(said(&mut users, "a", &longer), Err(Why::UserTooLarge));
    let too_large = (0..100).find_map(|n| said(&mut users, &format!("u{n}"), &long).err());
    assert_eq!(too_large, Some(Why::TooLarge));
    assert_eq!(said(&mut users, "a", "resetkeys"), Ok(()), "it may always grow smaller");
    let mut many = Users::default();
    let too_many = (0..5000).find_map(|n| said(&mut many, &format!("u{n}"), "on").err());
    assert_eq!((too_many, many.iter().len()), (Some(Why::TooManyUsers), 4096));
}

#[test]
fn the_last_rule_about_a_command_decides() {
    let mut users = Users::default();
    said(&mut users, "a", "+@all -config +config|get +select|0").unwrap();
    let root = users.get(b"a").unwrap().selectors().next().unwrap().clone();
    let last = root.commands().last().unwrap();
    assert!(matches!(last, CommandRule::FirstArg { command, .. } if command == "select"));
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(
        [
            "on",
            "off",
            "nopass",
            "resetpass",
            ">pw",
            "<pw",
            ">x",
            "~a*",
            "%R~b",
            "%W~b",
            "allkeys",
            "resetkeys",
            "&c",
            "allchannels",
            "resetchannels",
            "+@all",
            "-@all",
            "+get",
            "-get",
            "+config|get",
            "-config",
            "+select|0",
            "+@read",
            "-@read",
            "(+get ~a)",
            "(&x)",
            "clearselectors",
            "reset",
            "sanitize-payload",
        ]
        .map(String::from)
        .to_vec(),
    )
}

proptest! {
    #[test]
    fn users_and_changes_come_back_as_they_were_written(
        changes in prop::collection::vec((0..3, prop::collection::vec(word(), 0..6)), 0..12)
    ) {
        let mut users = Users::default();
        for (name, words) in changes {
            let rules = words.iter().filter_map(|word| parse(word.as_bytes(), &Table).unwrap()).collect();
            let name = [&b"default"[..], b"a", b"b"][name as usize].to_vec();
            let change = Change::Set { name, rules };
            let mut bytes = Vec::new();
            change.encode(&mut bytes);
            prop_assert_eq!(Change::decode(&mut &bytes[..]), Some(change.clone()));
            for cut in 0..bytes.len() {
                prop_assert_eq!(Change::decode(&mut &bytes[..cut]), None);
            }
            let before = users.clone();
            if users.apply(&change).is_err() {
                prop_assert_eq!(&users, &before);
            }
        }
        let mut bytes = Vec::new();
        users.encode(&mut bytes);
        prop_assert_eq!(Users::decode(&mut &bytes[..]), Some(users.clone()));
        for cut in 0..bytes.len() {
            prop_assert_eq!(Users::decode(&mut &bytes[..cut]), None);
        }
        for (_, user) in users.iter() {
            let mut bytes = Vec::new();
            user.permissions().encode(&mut bytes);
            let back = User::decode(&mut &bytes[..]).unwrap();
            prop_assert!(back.selectors().eq(user.selectors()));
        }
    }

    #[test]
    fn bytes_that_nobody_wrote_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = Change::decode(&mut &bytes[..]);
        let _ = Users::decode(&mut &bytes[..]);
    }
}
