//! What may be combined, and what becomes of it: tables, one row a case.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use super::order::tests::extensions;
use super::*;
use crate::units::Naming;

const CONFIG: &str = "\
<cb_config><options><starting_day>monday</starting_day><working_dir>/work</working_dir>\
<backup_user>root</backup_user><backup_group>root</backup_group><rcp_command>scp</rcp_command>\
<rsh_command>ssh</rsh_command><cback_command>cback</cback_command><managed_actions>collect, purge</managed_actions>\
<pre_action_hook><action>collect</action><command>one</command></pre_action_hook>\
<pre_action_hook><action>collect</action><command>two</command></pre_action_hook>\
<post_action_hook><action>collect</action><command>three</command></post_action_hook>\
<post_action_hook><action>store</action><command>four</command></post_action_hook></options>\
<peers>\
<peer><name>here</name><type>local</type><collect_dir>/c</collect_dir></peer>\
<peer><name>one</name><type>remote</type><collect_dir>/c</collect_dir><managed>Y</managed></peer>\
<peer><name>two</name><type>remote</type><collect_dir>/c</collect_dir></peer>\
<peer><name>three</name><type>remote</type><collect_dir>/c</collect_dir><managed>Y</managed>\
<managed_actions>collect,mysql,rebuild,nothing</managed_actions></peer>\
</peers><purge><dir><abs_path>/p</abs_path><retain_days>1</retain_days></dir></purge></cb_config>";

fn config(own: &str) -> Config {
    let (mut config, _) =
        Config::parse(CONFIG.as_bytes(), Path::new("test.conf"), Naming::V3).unwrap();
    config.extensions = extensions(own);
    config
}

/// Steps as words: hooks in brackets, managed ones with `@` and their peers.
fn steps(own: &str, words: &str, reach: Reach) -> Result<String, PlanError> {
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    let plan = Plan::new(&words, reach, &config(own))?;
    let steps = plan.steps().iter().map(|step| match step {
        Step::Hook { hook, .. } => format!("[{}]", hook.command),
        Step::Run(task) => task.word().to_owned(),
        Step::Managed { action, peers } => {
            let peers: Vec<_> = peers.iter().map(PeerName::as_str).collect();
            format!("{action}@{}", peers.join("+"))
        }
    });
    Ok(steps.collect::<Vec<_>>().join(" "))
}

fn without_hooks(own: &str, words: &str) -> Result<String, PlanError> {
    let steps = steps(own, words, Reach::Here)?;
    let steps: Vec<_> = steps
        .split(' ')
        .filter(|word| !word.starts_with('['))
        .collect();
    Ok(steps.join(" "))
}

#[test]
fn actions_run_in_their_order_however_they_are_named() {
    // extensions, words, order
    for (own, words, order) in [
        ("", "all", "collect stage store purge"),
        ("", "purge store stage collect", "collect stage store purge"),
        ("", "purge collect", "collect purge"),
        ("", "collect", "collect"),
        ("", "collect collect", "collect collect"),
        ("", "store collect store", "collect store store"),
        ("", "rebuild", "rebuild"),
        ("", "validate", "validate"),
        ("", "initialize", "initialize"),
        // `all` has no extensions
        ("mysql=50", "all", "collect stage store purge"),
        ("mysql<collect", "all", "collect stage store purge"),
        // an extension may be named beside any action, or alone, or twice
        ("mysql=50", "mysql", "mysql"),
        ("mysql=50", "mysql mysql", "mysql mysql"),
        ("mysql=50", "collect mysql", "mysql collect"),
        ("mysql=150", "stage mysql collect", "collect mysql stage"),
        ("mysql=9000", "mysql purge", "purge mysql"),
        // of two at one place, the first one named
        ("a=50 b=50", "b a", "b a"),
        ("a=50 b=50", "a b", "a b"),
        ("a=100", "a collect", "a collect"),
        ("a=100", "collect a", "collect a"),
        // dependencies
        ("one", "collect one", "one collect"),
        ("one two", "one two collect", "two one collect"),
        (
            "one<store>stage",
            "purge one store stage collect",
            "collect stage one store purge",
        ),
        ("one>collect", "one collect", "collect one"),
        (
            "sysinfo mysql<collect encrypt<store>stage amazons3<purge>encrypt",
            "collect stage store purge sysinfo mysql encrypt amazons3",
            "mysql sysinfo collect stage encrypt amazons3 store purge",
        ),
    ] {
        assert_eq!(
            without_hooks(own, words).as_deref(),
            Ok(order),
            "{own}: {words}"
        );
    }
}

#[test]
fn what_stands_alone_is_not_combined() {
    // words, who is named
    for (words, offender) in [
        ("all all", "`all` stands alone"),
        ("rebuild rebuild", "`rebuild` stands alone"),
        ("validate validate", "`validate` stands alone"),
        ("initialize initialize", "`initialize` stands alone"),
        ("all collect", "`all` stands alone"),
        ("collect all", "`all` stands alone"),
        ("mysql all", "`all` stands alone"),
        ("mysql rebuild", "`rebuild` stands alone"),
        // of several, the first one of rebuild, validate, initialize, all
        ("all rebuild", "`rebuild` stands alone"),
        ("initialize validate", "`validate` stands alone"),
        ("all initialize", "`initialize` stands alone"),
        ("all validate initialize rebuild", "`rebuild` stands alone"),
        // names are looked at before combinations
        ("all nothing", "`nothing` is no action"),
        ("Collect", "`Collect` is no action"),
        ("collect --full", "`--full` is no action"),
        ("postgresql", "`postgresql` is no action"),
        ("", "no action is named"),
    ] {
        let error = steps("mysql=50", words, Reach::Here)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(offender), "{words}: {error}");
    }
}

#[test]
fn hooks_are_run_beside_their_action_each_time() {
    for (words, reach, expected) in [
        ("collect", Reach::Here, "[one] [two] collect [three]"),
        ("stage", Reach::Here, "stage"),
        (
            "store collect collect",
            Reach::Here,
            "[one] [two] collect [three] [one] [two] collect [three] store [four]",
        ),
        // of managed actions there are none
        ("collect", Reach::ManagedOnly, "collect@one+three"),
    ] {
        assert_eq!(steps("", words, reach).as_deref(), Ok(expected), "{words}");
    }
}

#[test]
fn managed_peers_are_asked_for_the_actions_that_were_named() {
    let also = Reach::HereAndManaged;
    for (own, words, reach, expected) in [
        ("", "stage", also, "stage"),
        ("", "purge", also, "purge purge@one"),
        (
            "",
            "collect",
            also,
            "[one] [two] collect [three] collect@one+three",
        ),
        (
            "",
            "all",
            also,
            "[one] [two] collect [three] collect@one+three stage store [four] purge purge@one",
        ),
        ("", "all", Reach::ManagedOnly, "collect@one+three purge@one"),
        ("", "rebuild", also, "rebuild rebuild@three"),
        ("", "rebuild", Reach::ManagedOnly, "rebuild@three"),
        ("", "store", Reach::ManagedOnly, ""),
        ("", "purge purge", also, "purge purge purge@one purge@one"),
        ("mysql=50", "mysql", also, "mysql mysql@three"),
        // what this machine does comes first at one place, whatever was named first
        (
            "mysql=400",
            "purge mysql",
            also,
            "purge mysql purge@one mysql@three",
        ),
        (
            "mysql=400",
            "mysql purge",
            also,
            "mysql purge mysql@three purge@one",
        ),
    ] {
        assert_eq!(
            steps(own, words, reach).as_deref(),
            Ok(expected),
            "{own}: {words}"
        );
    }
}

#[test]
fn without_an_order_there_is_no_plan() {
    for (own, says) in [
        ("one<collect>stage", "goes round in a circle"),
        ("one<nothing", "no such action"),
    ] {
        // also if the extension is not asked for
        let error = steps(own, "purge", Reach::Here).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
