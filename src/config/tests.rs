//! Inheritance and defaults: what a value is when it is said here, there, or nowhere.

#![allow(clippy::unwrap_used)]

use crate::archive::Compression;
use crate::collect::{Compare, Mode, Shape, Source};
use crate::media::BlankMode;
use crate::select::{CacheDirs, Dereference, Mounts, NoDump, Rules};

use super::*;

fn config(sections: &str) -> Config {
    let text = format!(
        "<cb_config><options><starting_day>monday</starting_day><working_dir>/w</working_dir>\
         <backup_user>u</backup_user><backup_group>g</backup_group>\
         <managed_actions>purge</managed_actions></options>{sections}</cb_config>"
    );
    match Config::parse(text.as_bytes(), Path::new("cback.conf"), Naming::V3) {
        Ok((config, _)) => config,
        Err(ConfigError::Problems(report)) => panic!("{report}"),
        Err(error) => panic!("{error}"),
    }
}

fn sources(section: &str, inner: &str) -> Vec<Source> {
    let text = format!("<collect><collect_dir>/c</collect_dir>{section}{inner}</collect>");
    config(&text).collect.unwrap().sources
}

fn rules(source: &Source) -> (&Rules, i64) {
    match &source.shape {
        Shape::Dir {
            rules,
            recursion_level,
        } => (rules, *recursion_level),
        Shape::File => panic!("a file"),
    }
}

const SECTION: &str = "<collect_mode>weekly</collect_mode><archive_mode>tarzst</archive_mode>\
    <compress_level>7</compress_level><compare>content</compare><ignore_file>.no</ignore_file>\
    <recursion_level>-1</recursion_level><cachedir_tag>Y</cachedir_tag><nodump>Y</nodump>\
    <one_file_system>Y</one_file_system>\
    <exclude><abs_path>/all</abs_path><pattern>all</pattern></exclude>";

#[test]
fn a_source_has_from_its_section_what_it_does_not_say() {
    let sources = sources(
        SECTION,
        "<dir><abs_path>/d</abs_path></dir><file><abs_path>/f</abs_path></file>",
    );
    let [file, dir] = &sources[..] else {
        panic!("{sources:?}");
    };
    for source in [file, dir] {
        assert_eq!(source.mode, Mode::Weekly);
        assert_eq!(source.compression, Compression::Zstd);
        assert_eq!(source.level, Some(7));
        assert_eq!(source.compare, Compare::Content);
    }
    assert_eq!(file.shape, Shape::File);
    let (rules, recursion_level) = rules(dir);
    assert_eq!(recursion_level, -1);
    assert_eq!(rules.ignore_file.as_deref(), Some(".no".as_ref()));
    assert_eq!(
        rules.exclude_paths,
        [crate::units::AbsPath::new("/all").unwrap()]
    );
    assert_eq!(rules.exclude_patterns.len(), 1);
    assert_eq!(rules.cache_dirs, CacheDirs::Skip);
    assert_eq!(rules.nodump, NoDump::Skip);
    assert_eq!(rules.mounts, Mounts::Stay);
}

#[test]
fn a_source_overrides_its_section() {
    let sources = sources(
        SECTION,
        "<dir><abs_path>/d</abs_path><collect_mode>daily</collect_mode><archive_mode>targz</archive_mode>\
         <compress_level>1</compress_level><compare>metadata</compare><ignore_file>.own</ignore_file>\
         <recursion_level>0</recursion_level><cachedir_tag>N</cachedir_tag><nodump>N</nodump>\
         <one_file_system>N</one_file_system><link_depth>2</link_depth><dereference>Y</dereference>\
         <exclude><rel_path>a</rel_path><rel_path>/b</rel_path><pattern>own</pattern></exclude></dir>",
    );
    let dir = &sources[0];
    assert_eq!(
        (dir.mode, dir.compression),
        (Mode::Daily, Compression::Gzip)
    );
    assert_eq!((dir.level, dir.compare), (Some(1), Compare::Metadata));
    let (rules, recursion_level) = rules(dir);
    assert_eq!(recursion_level, 0);
    assert_eq!(rules.ignore_file.as_deref(), Some(".own".as_ref()));
    assert_eq!((rules.link_depth, rules.dereference), (2, Dereference::Yes));
    assert_eq!(rules.cache_dirs, CacheDirs::Keep);
    assert_eq!(rules.nodump, NoDump::Collect);
    assert_eq!(rules.mounts, Mounts::Cross);
    // Exclusions add up; a relative path that begins with a slash stands for itself.
    let paths: Vec<_> = rules
        .exclude_paths
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(paths, ["/all", "/d/a", "/b"]);
    assert_eq!(rules.exclude_patterns.len(), 2);
}

#[test]
fn what_nobody_says_has_its_default() {
    let section = "<collect_mode>incr</collect_mode><archive_mode>tar</archive_mode><ignore_file>i</ignore_file>";
    let sources = sources(section, "<dir><abs_path>/d</abs_path></dir>");
    assert_eq!(
        (sources[0].level, sources[0].compare),
        (None, Compare::Metadata)
    );
    let (rules, recursion_level) = rules(&sources[0]);
    assert_eq!((rules.link_depth, recursion_level), (0, 0));
    let expected = Rules {
        ignore_file: Some("i".into()),
        ..Rules::default()
    };
    assert_eq!(rules, &expected);
}

#[test]
fn a_level_for_all_sources_does_not_concern_those_that_are_not_packed() {
    let section = "<collect_mode>incr</collect_mode><compress_level>9</compress_level>\
        <archive_mode>tar</archive_mode>";
    let file = "<file><abs_path>/f</abs_path></file>";
    assert_eq!(sources(section, file)[0].level, None);
}

#[test]
fn the_old_spelling_of_the_mode_wins() {
    let file = "<file><abs_path>/f</abs_path><collect_mode>daily</collect_mode><mode/><mode>incr</mode>\
        <archive_mode>tar</archive_mode></file>";
    assert_eq!(sources("", file)[0].mode, Mode::Incr);
}

fn peer(name: &str, inner: &str) -> String {
    format!("<peer><name>{name}</name><collect_dir>/c</collect_dir>{inner}</peer>")
}

#[test]
fn local_peers_come_first_and_those_of_the_stage_stand_alone() {
    let remote = "<type>remote</type><rcp_command>scp</rcp_command>";
    let pool = format!(
        "<peers>{}{}{}</peers>",
        peer("far", remote),
        peer("near", "<type>local</type>"),
        peer("here", "<type>local</type>"),
    );
    let stage = |peers: &str| {
        config(&format!(
            "{pool}<stage><staging_dir>/s</staging_dir>{peers}</stage>"
        ))
    };
    let names = |peers: &[Peer]| -> String {
        let names: Vec<_> = peers.iter().map(|peer| peer.name.as_str()).collect();
        names.join(" ")
    };
    let config = stage("");
    assert_eq!(names(&config.stage.unwrap().peers), "near here far");
    let config = stage(&peer("other", "<type>local</type>"));
    assert_eq!(names(&config.stage.unwrap().peers), "other");
    assert_eq!(names(&config.peers), "near here far");
}

#[test]
fn a_remote_peer_has_from_the_options_what_it_does_not_say() {
    let stage = format!(
        "<stage><staging_dir>/s</staging_dir>{}</stage>",
        peer(
            "far",
            "<type>remote</type><rcp_command>scp -B</rcp_command><rsh_command>ssh</rsh_command>\
             <cback_command>cback3</cback_command><managed>Y</managed><ignore_failures>daily</ignore_failures>"
        )
    );
    let peers = config(&stage).stage.unwrap().peers;
    assert_eq!(peers[0].ignore_failures, IgnoreFailures::Daily);
    let Place::Remote(remote) = &peers[0].place else {
        panic!("local");
    };
    assert_eq!(remote.user, "u");
    let managed = remote.managed.as_ref().unwrap();
    assert_eq!(managed.actions[0].as_str(), "purge");
    assert_eq!(remote.cback_command.as_ref().unwrap().as_str(), "cback3");
}

#[test]
fn blanking_is_read_in_both_spellings() {
    for inner in [
        "<mode>daily</mode><factor>1.5</factor>",
        "<blank_mode>daily</blank_mode><blank_factor>1.5</blank_factor>",
        "<mode>daily</mode><blank_factor>1.5</blank_factor>",
        "<mode>daily</mode><blank_mode>weekly</blank_mode><factor>1.5</factor>",
    ] {
        let store = config(&format!(
            "<store><source_dir>/s</source_dir><media_type>bd-re</media_type>\
             <device_type>dvdwriter</device_type><target_device>/dev/sr0</target_device>\
             <blank_behavior>{inner}</blank_behavior></store>"
        ));
        let store = store.store.unwrap();
        let blanking = store.blanking.unwrap();
        assert_eq!(blanking.mode, BlankMode::Daily, "{inner}");
        assert!((blanking.factor - 1.5).abs() < f64::EPSILON, "{inner}");
        assert!(!store.check_data && store.drive_speed.is_none() && store.eject_delay.is_zero());
    }
}

#[test]
fn an_only_copy_is_kept_unless_it_is_said_otherwise() {
    let dir = |inner: &str| {
        format!("<dir><abs_path>/s</abs_path><retain_days>1</retain_days>{inner}</dir>")
    };
    for (section, own, expected) in [
        ("", "", OnlyCopy::Keep),
        ("", "purge", OnlyCopy::Purge),
        ("purge", "", OnlyCopy::Purge),
        ("purge", "keep", OnlyCopy::Keep),
    ] {
        let word = |word: &str| format!("<only_copy>{word}</only_copy>");
        let text = format!("<purge>{}{}</purge>", word(section), dir(&word(own)));
        assert_eq!(config(&text).purge.unwrap().dirs[0].only_copy, expected);
    }
}

#[test]
fn dependencies_stand_in_for_indexes() {
    let config = config(
        "<extensions><order_mode>dependency</order_mode><action><name>a</name><module>m.sysinfo</module>\
         <function>f</function><depends><run_before>store, b</run_before></depends></action>\
         <action><name>b</name><module>m</module><function>f</function><depends/></action></extensions><purge/>",
    );
    assert_eq!(config.extensions.order_mode, OrderMode::Dependency);
    let OrderPlace::Depends {
        run_before,
        run_after,
    } = &config.extensions.actions[0].place
    else {
        panic!("an index");
    };
    assert_eq!((run_before.len(), run_after.len()), (2, 0));
}

#[test]
fn nothing_is_there_that_was_not_configured() {
    let config = config("<purge/>");
    assert!(config.collect.is_none() && config.stage.is_none() && config.store.is_none());
    assert!(config.reference.is_none() && config.peers.is_empty());
    assert!(config.extensions.actions.is_empty() && config.purge.unwrap().dirs.is_empty());
    assert!(config.options.rcp_command.is_none());
}
