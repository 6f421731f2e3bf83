//! Every rule of the configuration, one row a case: what is written, and what is said of it.

use std::path::Path;

use cback::config::{Config, ConfigError};
use cback::units::Naming;

/// Sections that are sound, into which the case is put.
const OPTIONS: &str = "<starting_day>monday</starting_day><working_dir>/w</working_dir>\
    <backup_user>u</backup_user><backup_group>g</backup_group>";
const SECTION: &str = "<collect_dir>/c</collect_dir><collect_mode>daily</collect_mode>\
    <archive_mode>tar</archive_mode><ignore_file>.i</ignore_file>";
const DISC: &str = "<source_dir>/s</source_dir><media_type>cdrw-74</media_type><target_device>/dev/sr0</target_device>";
const REMOTE: &str = "<name>p</name><type>remote</type><collect_dir>/c</collect_dir>";
const CALLED: &str = "<name>x</name><module>m.sysinfo</module><function>f</function>";

/// Where a case stands.
#[derive(Clone, Copy, Debug)]
enum In {
    /// The whole file.
    File,
    /// `<cb_config>`, beside sound options and an empty purge.
    Root,
    /// `<options>`, beside what has to be there.
    Options,
    /// `<peers>`, with options that say nothing of remote peers.
    Peers,
    /// `<collect>`, beside what has to be there.
    Collect,
    /// A `<dir>` of it.
    Dir,
    /// A `<file>` in a `<collect>` that says nothing but its directory.
    File1,
    /// `<store>`, beside what has to be there.
    Store,
    /// `<purge>`.
    Purge,
    /// An `<action>` of `<extensions>`, beside its names.
    Action,
}

fn file(place: In, text: &str) -> String {
    let rest = match place {
        In::File => return text.to_owned(),
        In::Root => format!("<options>{OPTIONS}</options><purge/>{text}"),
        In::Options => format!("<options>{OPTIONS}{text}</options><purge/>"),
        In::Peers => format!("<options>{OPTIONS}</options><purge/><peers>{text}</peers>"),
        In::Collect => format!("<options>{OPTIONS}</options><collect>{SECTION}{text}</collect>"),
        In::Dir => {
            return file(
                In::Collect,
                &format!("<dir><abs_path>/d</abs_path>{text}</dir>"),
            );
        }
        In::File1 => format!(
            "<options>{OPTIONS}</options><collect><collect_dir>/c</collect_dir><file>{text}</file></collect>"
        ),
        In::Store => format!("<options>{OPTIONS}</options><store>{DISC}{text}</store>"),
        In::Purge => format!("<options>{OPTIONS}</options><purge>{text}</purge>"),
        In::Action => {
            return file(
                In::Root,
                &format!("<extensions><action>{CALLED}{text}</action></extensions>"),
            );
        }
    };
    format!("<cb_config>{rest}</cb_config>")
}

/// What is said of it: errors, or warnings of a file that is taken; nothing if it is sound.
fn said(text: &str) -> (bool, Vec<String>) {
    let (taken, report) = match Config::parse(text.as_bytes(), Path::new("x"), Naming::V3) {
        Ok((_, report)) => (true, report),
        Err(ConfigError::Problems(report)) => (false, report),
        Err(error) => panic!("{error}"),
    };
    let findings = report.findings().iter();
    (
        taken,
        findings.map(|finding| finding.message.clone()).collect(),
    )
}

/// Cases that are refused, each with what is said.
const REFUSED: &[(In, &str, &str)] = &[
    // The file
    (In::File, "", "there is no element in this file"),
    (
        In::File,
        "<cb_config>",
        "the file ends within `<cb_config>`",
    ),
    (In::File, "<backup/>", "the outermost element is `<backup>`"),
    (
        In::File,
        "<cb_config/>",
        "`<cb_config>` lacks its `<options>`",
    ),
    (
        In::File,
        "<cb_config><options/></cb_config>",
        "there is nothing to do in `<cb_config>`",
    ),
    (
        In::Root,
        "<CB_OPTIONS/>",
        "`<cb_config>` has no element `<CB_OPTIONS>`",
    ),
    (
        In::Root,
        "loose",
        "there is text in `<cb_config>` beside its elements",
    ),
    // Scalars
    (
        In::Options,
        "<rcp_command>\"\"</rcp_command>",
        "there is no command in it",
    ),
    (
        In::Dir,
        "<dereference>yes</dereference>",
        "`yes` is neither yes nor no",
    ),
    (
        In::Dir,
        "<link_depth>one</link_depth>",
        "`one` is not a whole number",
    ),
    (
        In::Dir,
        "<link_depth>5.0</link_depth>",
        "`5.0` is not a whole number",
    ),
    (
        In::Dir,
        "<link_depth>0x5</link_depth>",
        "`0x5` is not a whole number",
    ),
    (
        In::Dir,
        "<link_depth>-1</link_depth>",
        "`-1` is less than 0",
    ),
    (
        In::Dir,
        "<link_depth>99999999999</link_depth>",
        "`99999999999` is too large",
    ),
    (
        In::Dir,
        "<exclude><abs_path>tmp</abs_path></exclude>",
        "`tmp` is not an absolute path",
    ),
    (
        In::Dir,
        "<exclude><pattern>*</pattern></exclude>",
        "`*` is not a regular expression",
    ),
    (
        In::Dir,
        "<exclude><pattern>\\N{DASH}</pattern></exclude>",
        "more than cback can match as Python would",
    ),
    (
        In::Options,
        "<managed_actions>collect purge</managed_actions>",
        "`collect purge` cannot name an action",
    ),
    (
        In::Root,
        "<split><size_limit>10 B</size_limit><split_size>1</split_size></split>",
        "`10 B` is not an amount of bytes",
    ),
    (
        In::Root,
        "<split><size_limit>10kb</size_limit><split_size>1</split_size></split>",
        "`10kb` is not an amount of bytes",
    ),
    (
        In::Root,
        "<split><size_limit>1 TB</size_limit><split_size>1</split_size></split>",
        "`1 TB` is not an amount of bytes",
    ),
    (
        In::Root,
        "<split><size_limit>1,5 GB</size_limit><split_size>1</split_size></split>",
        "`1,5 GB` is not an amount of bytes",
    ),
    (
        In::Root,
        "<split><size_limit>-1</size_limit><split_size>1</split_size></split>",
        "`-1` is not an amount of bytes",
    ),
    (
        In::Root,
        "<split><size_limit>inf</size_limit><split_size>1</split_size></split>",
        "`inf` is not an amount of bytes",
    ),
    (
        In::Root,
        "<split><size_limit>1</size_limit></split>",
        "`<split>` lacks its `<split_size>`",
    ),
    (
        In::Root,
        "<split><size_limit>1</size_limit><split_size>0</split_size></split>",
        "a part cannot be empty",
    ),
    // Extensions
    (
        In::Root,
        "<extensions><order_mode>indexes</order_mode></extensions>",
        "`indexes` is no order mode",
    ),
    (
        In::Root,
        "<extensions><action><module>m</module><function>f</function><index>1</index></action></extensions>",
        "`<action>` lacks its `<name>`",
    ),
    (
        In::Root,
        "<extensions><action><name>n</name><function>f</function><index>1</index></action></extensions>",
        "`<action>` lacks its `<module>`",
    ),
    (
        In::Root,
        "<extensions><action><name>n</name><module>m</module><index>1</index></action></extensions>",
        "`<action>` lacks its `<function>`",
    ),
    (In::Action, "", "`<action>` lacks its `<index>`"),
    (In::Action, "<index>-1</index>", "`-1` is less than 0"),
    (
        In::Action,
        "<index>1</index><depends><run_before>nobody</run_before></depends>",
        "there is no action `nobody`",
    ),
    (
        In::Root,
        "<extensions><order_mode>dependency</order_mode><action><name>n</name><module>m</module><function>f</function><index>1</index></action></extensions>",
        "`<action>` lacks its `<depends>`",
    ),
    (
        In::Root,
        "<extensions><action><name>My-Sql</name><module>m</module><function>f</function><index>1</index></action></extensions>",
        "`My-Sql` cannot name an action",
    ),
    (
        In::Root,
        "<extensions><action><name>n</name><module>1m</module><function>f</function><index>1</index></action></extensions>",
        "`1m` cannot name a module",
    ),
    (
        In::Root,
        "<extensions><action><name>n</name><module>a..b</module><function>f</function><index>1</index></action></extensions>",
        "`a..b` cannot name a module",
    ),
    (
        In::Root,
        "<extensions><action><name>n</name><module>m</module><function>a.b</function><index>1</index></action></extensions>",
        "`a.b` cannot name a function",
    ),
    (
        In::Root,
        "<extensions><action><name>purge</name><module>m</module><function>f</function><index>1</index></action></extensions>",
        "`purge` is built in",
    ),
    (
        In::Root,
        "<extensions><action><name>restore</name><module>m</module><function>f</function><index>1</index></action></extensions>",
        "`cback restore` is a command",
    ),
    (
        In::Root,
        "<extensions><action><name>n</name><module>m</module><function>f</function><index>1</index></action><action><name>n</name><module>m</module><function>f</function><index>2</index></action></extensions>",
        "there is already an extension `n`",
    ),
    // Options
    (
        In::File,
        "<cb_config><options><working_dir>/w</working_dir><backup_user>u</backup_user><backup_group>g</backup_group></options><purge/></cb_config>",
        "`<options>` lacks its `<starting_day>`",
    ),
    (
        In::File,
        "<cb_config><options><starting_day>monday</starting_day><backup_user>u</backup_user><backup_group>g</backup_group></options><purge/></cb_config>",
        "`<options>` lacks its `<working_dir>`",
    ),
    (
        In::File,
        "<cb_config><options><starting_day>monday</starting_day><working_dir>/w</working_dir><backup_group>g</backup_group></options><purge/></cb_config>",
        "`<options>` lacks its `<backup_user>`",
    ),
    (
        In::File,
        "<cb_config><options><starting_day>monday</starting_day><working_dir>/w</working_dir><backup_user>u</backup_user></options><purge/></cb_config>",
        "`<options>` lacks its `<backup_group>`",
    ),
    (
        In::File,
        "<cb_config><options><starting_day>Monday</starting_day><working_dir>/w</working_dir><backup_user>u</backup_user><backup_group>g</backup_group></options><purge/></cb_config>",
        "`Monday` is no day of the week",
    ),
    (
        In::Options,
        "<override><command>mkisofs</command></override>",
        "`<override>` lacks its `<abs_path>`",
    ),
    (
        In::Options,
        "<override><abs_path>/bin/x</abs_path></override>",
        "`<override>` lacks its `<command>`",
    ),
    (
        In::Options,
        "<override><command>x</command><abs_path>bin/x</abs_path></override>",
        "`bin/x` is not an absolute path",
    ),
    (
        In::Options,
        "<pre_action_hook><action>collect</action></pre_action_hook>",
        "`<pre_action_hook>` lacks its `<command>`",
    ),
    (
        In::Options,
        "<post_action_hook><command>x</command></post_action_hook>",
        "`<post_action_hook>` lacks its `<action>`",
    ),
    (
        In::Options,
        "<pre_action_hook><action>Collect</action><command>x</command></pre_action_hook>",
        "`Collect` cannot name an action",
    ),
    // Peers
    (In::Peers, "", "`<peers>` has no peer"),
    (
        In::Peers,
        "<peer><type>local</type><collect_dir>/c</collect_dir></peer>",
        "`<peer>` lacks its `<name>`",
    ),
    (
        In::Peers,
        "<peer><name>p</name><type>local</type></peer>",
        "`<peer>` lacks its `<collect_dir>`",
    ),
    (
        In::Peers,
        "<peer><name>p</name><collect_dir>/c</collect_dir></peer>",
        "`<peer>` lacks its `<type>`",
    ),
    (
        In::Peers,
        "<peer><name>p</name><type>ftp</type><collect_dir>/c</collect_dir></peer>",
        "`ftp` is no type of peer",
    ),
    (
        In::Peers,
        "<peer><name>p</name><type>local</type><collect_dir>c</collect_dir></peer>",
        "`c` is not an absolute path",
    ),
    (
        In::Peers,
        "<peer><name>a/b</name><type>local</type><collect_dir>/c</collect_dir></peer>",
        "`a/b` cannot name a peer",
    ),
    (
        In::Peers,
        "<peer><name>..</name><type>local</type><collect_dir>/c</collect_dir></peer>",
        "`..` cannot name a peer",
    ),
    (
        In::Peers,
        "<peer><name>p</name><type>local</type><collect_dir>/c</collect_dir><ignore_failures>Y</ignore_failures></peer>",
        "`Y` is no way to ignore failures",
    ),
    (
        In::Peers,
        "<peer><name>p</name><type>local</type><collect_dir>/c</collect_dir></peer><peer><name>p</name><type>local</type><collect_dir>/d</collect_dir></peer>",
        "there is already a peer `p`",
    ),
    // Collect
    (
        In::File,
        "<cb_config><options/><collect/></cb_config>",
        "`<collect>` lacks its `<collect_dir>`",
    ),
    (
        In::File1,
        "<collect_mode>daily</collect_mode><archive_mode>tar</archive_mode>",
        "`<file>` lacks its `<abs_path>`",
    ),
    (
        In::File1,
        "<abs_path>/f</abs_path><archive_mode>tar</archive_mode>",
        "`<file>` lacks its `<collect_mode>`",
    ),
    (
        In::File1,
        "<abs_path>/f</abs_path><collect_mode>daily</collect_mode>",
        "`<file>` lacks its `<archive_mode>`",
    ),
    (
        In::File1,
        "<abs_path>/f</abs_path><collect_mode>yearly</collect_mode><archive_mode>tar</archive_mode>",
        "`yearly` is no collect mode",
    ),
    (
        In::File1,
        "<abs_path>/f</abs_path><mode>yearly</mode><archive_mode>tar</archive_mode>",
        "`yearly` is no collect mode",
    ),
    (
        In::File1,
        "<abs_path>/f</abs_path><collect_mode>daily</collect_mode><archive_mode>zip</archive_mode>",
        "`zip` is no archive mode",
    ),
    (
        In::File1,
        "<abs_path>/f</abs_path><ignore_file>x</ignore_file>",
        "`<file>` has no element `<ignore_file>`",
    ),
    (
        In::Dir,
        "<dereference>Y</dereference>",
        "no link is followed, so none can be dereferenced",
    ),
    (
        In::Dir,
        "<ignore_file>a/b</ignore_file>",
        "`a/b` is not the name of a file",
    ),
    (
        In::Dir,
        "<recursion_level>all</recursion_level>",
        "`all` is not a whole number",
    ),
    (
        In::Dir,
        "<compress_level>3</compress_level>",
        "`tar` does not compress, so it has no level",
    ),
    (
        In::Dir,
        "<archive_mode>targz</archive_mode><compress_level>12</compress_level>",
        "`targz` has no level 12",
    ),
    (
        In::Collect,
        "<dir><abs_path>/home/a-b</abs_path></dir><dir><abs_path>/home/a/b</abs_path></dir>",
        "two sources would both be archived as `home-a-b`",
    ),
    (
        In::Collect,
        "<dir><abs_path>/a</abs_path></dir><dir><abs_path>/a/</abs_path></dir>",
        "`/a/` is collected twice",
    ),
    (
        In::Collect,
        "<dir><abs_path>/a</abs_path></dir><dir><abs_path>/a+2</abs_path></dir>",
        "could be that of a second archive of `a`",
    ),
    (
        In::Collect,
        "<dir><abs_path>/a</abs_path><recursion_level>1</recursion_level></dir><dir><abs_path>/a/b</abs_path></dir>",
        "is also split off",
    ),
    // Stage
    (In::Root, "<stage/>", "`<stage>` lacks its `<staging_dir>`"),
    (
        In::Root,
        "<stage><staging_dir>/s</staging_dir></stage>",
        "`<stage>` has no peer",
    ),
    (
        In::Root,
        "<stage><staging_dir>s</staging_dir></stage>",
        "`s` is not an absolute path",
    ),
    // Store
    (
        In::Root,
        "<store><media_type>cdr-74</media_type><target_device>/d</target_device></store>",
        "`<store>` lacks its `<source_dir>`",
    ),
    (
        In::Root,
        "<store><source_dir>/s</source_dir><target_device>/d</target_device></store>",
        "`<store>` lacks its `<media_type>`",
    ),
    (
        In::Root,
        "<store><source_dir>/s</source_dir><media_type>cdr-74</media_type></store>",
        "`<store>` lacks its `<target_device>`",
    ),
    (
        In::Root,
        "<store><source_dir>/s</source_dir><media_type>dvd+r</media_type><target_device>/d</target_device></store>",
        "a `cdwriter` does not write `dvd+r`",
    ),
    (
        In::Store,
        "<device_type>dvdwriter</device_type>",
        "a `dvdwriter` does not write `cdrw-74`",
    ),
    (
        In::Store,
        "<device_type>dvd</device_type>",
        "`dvd` is no device type",
    ),
    (
        In::Store,
        "<drive_speed>0</drive_speed>",
        "`0` is less than 1",
    ),
    (
        In::Store,
        "<refresh_media_delay>-1</refresh_media_delay>",
        "`-1` is less than 0",
    ),
    (
        In::Store,
        "<eject_delay>-1</eject_delay>",
        "`-1` is less than 0",
    ),
    (
        In::Store,
        "<blank_behavior/>",
        "`<blank_behavior>` lacks its `<mode>`",
    ),
    (
        In::Store,
        "<blank_behavior><mode>daily</mode></blank_behavior>",
        "`<blank_behavior>` lacks its `<factor>`",
    ),
    (
        In::Store,
        "<blank_behavior><factor>1</factor></blank_behavior>",
        "`<blank_behavior>` lacks its `<mode>`",
    ),
    (
        In::Store,
        "<blank_behavior><mode>never</mode><factor>1</factor></blank_behavior>",
        "`never` is no blank mode",
    ),
    (
        In::Store,
        "<blank_behavior><mode>daily</mode><factor>-1</factor></blank_behavior>",
        "`-1` is less than 0",
    ),
    (
        In::Store,
        "<blank_behavior><mode>daily</mode><factor>nan</factor></blank_behavior>",
        "`nan` is no amount",
    ),
    (In::Store, "<target_scsi_id>1,2</target_scsi_id>", "1,2"),
    (
        In::Store,
        "<target_scsi_id>IOCompactDiscServices\\3</target_scsi_id>",
        "is not the address of a drive",
    ),
    (
        In::Store,
        "<target_scsi_id>ATAPI;1,2,3</target_scsi_id>",
        "ATAPI;1,2,3",
    ),
    (
        In::Store,
        "<target_scsi_id>ATA-1,2,3</target_scsi_id>",
        "ATA-1,2,3",
    ),
    // Purge
    (
        In::Purge,
        "<dir><retain_days>1</retain_days></dir>",
        "`<dir>` lacks its `<abs_path>`",
    ),
    (
        In::Purge,
        "<dir><abs_path>/p</abs_path></dir>",
        "`<dir>` lacks its `<retain_days>`",
    ),
    (
        In::Purge,
        "<dir><abs_path>/p</abs_path><retain_days>-1</retain_days></dir>",
        "`-1` is less than 0",
    ),
    (
        In::Purge,
        "<dir><abs_path>p</abs_path><retain_days>1</retain_days></dir>",
        "`p` is not an absolute path",
    ),
    (
        In::Purge,
        "<dir><abs_path>/</abs_path><retain_days>1</retain_days></dir>",
        "purging `/` would delete the whole machine",
    ),
    (
        In::Collect,
        "<dir><abs_path>/d/x</abs_path></dir></collect><purge><dir><abs_path>/d</abs_path><retain_days>1</retain_days></dir></purge><collect>",
        "purging `/d` would delete the source `/d/x`",
    ),
    // Sections of extensions
    (
        In::Root,
        "<amazons3/>",
        "`<amazons3>` lacks its `<s3_bucket>`",
    ),
    (In::Root, "<capacity/>", "`<capacity>` has no limit"),
    (
        In::Root,
        "<capacity><max_percentage>1</max_percentage><min_bytes>1</min_bytes></capacity>",
        "`<capacity>` has two limits",
    ),
    (
        In::Root,
        "<capacity><max_percentage>101</max_percentage></capacity>",
        "`101` is more than 100",
    ),
    (
        In::Root,
        "<encrypt><encrypt_target>x</encrypt_target></encrypt>",
        "`<encrypt>` lacks its `<encrypt_mode>`",
    ),
    (
        In::Root,
        "<encrypt><encrypt_mode>gpg</encrypt_mode></encrypt>",
        "`<encrypt>` lacks its `<encrypt_target>`",
    ),
    (
        In::Root,
        "<encrypt><encrypt_mode>pgp</encrypt_mode><encrypt_target>x</encrypt_target></encrypt>",
        "`pgp` is no encrypt mode",
    ),
    (In::Root, "<mbox/>", "`<mbox>` names no mailbox"),
    (
        In::Root,
        "<mbox><file><abs_path>/m</abs_path></file></mbox>",
        "`<file>` lacks its `<collect_mode>`",
    ),
    (
        In::Root,
        "<mbox><collect_mode>incr</collect_mode><file><abs_path>/m</abs_path></file></mbox>",
        "`<file>` lacks its `<compress_mode>`",
    ),
    (
        In::Root,
        "<mysql><compress_mode>none</compress_mode></mysql>",
        "`<mysql>` names no database",
    ),
    (
        In::Root,
        "<mysql><all>Y</all></mysql>",
        "`<mysql>` lacks its `<compress_mode>`",
    ),
    (
        In::Root,
        "<mysql><compress_mode>none</compress_mode><all>Y</all><database>d</database></mysql>",
        "all databases are asked for, and single ones beside",
    ),
    (
        In::Root,
        "<postgresql><compress_mode>xz</compress_mode><all>Y</all></postgresql>",
        "`xz` is no compress mode",
    ),
    (
        In::Root,
        "<postgresql><password>x</password><compress_mode>none</compress_mode><all>Y</all></postgresql>",
        "`<postgresql>` has no element `<password>`",
    ),
    (
        In::Root,
        "<subversion/>",
        "`<subversion>` names no repository",
    ),
    (
        In::Root,
        "<subversion><repository><abs_path>/r</abs_path></repository></subversion>",
        "`<repository>` lacks its `<collect_mode>`",
    ),
];

#[test]
fn every_rule_is_told_when_it_is_broken() {
    for (place, text, message) in REFUSED {
        let (taken, said) = said(&file(*place, text));
        assert!(!taken, "{place:?} {text} is taken");
        assert!(
            said.iter().any(|line| line.contains(message)),
            "{place:?} {text}: not {message:?} but {said:#?}"
        );
    }
}

/// Cases that are taken with a warning.
const WARNED: &[(In, &str, &str)] = &[
    (
        In::Store,
        "<blank_behavior><blank_mode>daily</blank_mode><factor>1</factor></blank_behavior>",
        "the manual's spelling",
    ),
    (
        In::Store,
        "<blank_behavior><mode>daily</mode><blank_factor>1</blank_factor></blank_behavior>",
        "the manual's spelling",
    ),
    (In::Dir, "<mode>incr</mode>", "`<mode>` is the old spelling"),
    (
        In::Dir,
        "<recursion_level>1</recursion_level><recursion_level>2</recursion_level>",
        "stands here again and is not read",
    ),
    (
        In::Dir,
        "<exclude><rel_path>a/</rel_path></exclude>",
        "this excludes nothing",
    ),
    (
        In::Dir,
        "<exclude><abs_path>/d/a/../b</abs_path></exclude>",
        "this excludes nothing",
    ),
    (
        In::Collect,
        "<exclude><rel_path>a</rel_path></exclude>",
        "is not read: it would be relative to nothing",
    ),
    (
        In::Options,
        "<pre_action_hook><action>all</action><command>x</command></pre_action_hook>",
        "a hook for `all` never runs",
    ),
    (
        In::Options,
        "<post_action_hook><action>stroe</action><command>x</command></post_action_hook>",
        "there is no action `stroe`",
    ),
    (
        In::Root,
        "<reference version='1'><author>a</author></reference>",
        "attributes are not read",
    ),
    (
        In::Root,
        "<capacity><min_bytes>1</min_bytes></capacity>",
        "no extension runs what `<capacity>` says",
    ),
    (
        In::Root,
        "<extensions><action><name>n</name><module>CedarBackup2.extend.split</module><function>executeAction</function><index>1</index></action></extensions>",
        "has no section `<split>` to read",
    ),
    (
        In::Purge,
        "<dir><abs_path>/w</abs_path><retain_days>1</retain_days></dir>",
        "deletes what incrementals need to know",
    ),
    (
        In::Collect,
        "<dir><abs_path>/c</abs_path></dir>",
        "so each backup would contain the ones before",
    ),
    (
        In::Peers,
        "<peer><name>p</name><type>local</type><collect_dir>/c</collect_dir><managed>Y</managed></peer>",
        "`<managed>` has no effect on a local peer",
    ),
    (
        In::Root,
        "<options/>",
        "`<options>` stands here again and is not read",
    ),
];

#[test]
fn what_is_hardly_meant_is_warned_of() {
    for (place, text, message) in WARNED {
        let (taken, said) = said(&file(*place, text));
        assert!(taken, "{place:?} {text}: {said:#?}");
        assert!(
            said.iter().any(|line| line.contains(message)),
            "{place:?} {text}: not {message:?} but {said:#?}"
        );
    }
}

/// Cases that are as good as any.
const SOUND: &[(In, &str)] = &[
    (In::Root, ""),
    (In::Purge, ""),
    (In::Collect, ""),
    (
        In::Options,
        "<!-- nothing --><managed_actions>,</managed_actions>",
    ),
    (
        In::Options,
        "<rsh_command><![CDATA[ssh -o \"A <b>\"]]></rsh_command>",
    ),
    (
        In::Dir,
        "<link_depth> 1_0 </link_depth><dereference>y</dereference>",
    ),
    (In::Dir, "<recursion_level>-1</recursion_level>"),
    (
        In::Dir,
        "<exclude><pattern>.*(?&lt;!a)b</pattern><pattern>(?P&lt;n>/).*(?P=n)</pattern></exclude>",
    ),
    (In::Dir, "<collect_mode>da<!-- and -->ily</collect_mode>"),
    (In::Dir, "<collect_mode/><collect_mode>daily</collect_mode>"),
    (
        In::File1,
        "<abs_path>\n  /f\n</abs_path><collect_mode>weekly</collect_mode><archive_mode>tarbz2</archive_mode>",
    ),
    (In::Store, "<target_scsi_id> 0,   0, 0 </target_scsi_id>"),
    (In::Store, "<target_scsi_id>ATA: 3, 2,1  </target_scsi_id>"),
    (In::Store, "<target_scsi_id>ATAPI:1,2,3</target_scsi_id>"),
    (
        In::Store,
        "<target_scsi_id>IOCompactDiscServices/12</target_scsi_id>",
    ),
    (
        In::Store,
        "<refresh_media_delay>0</refresh_media_delay><drive_speed>1</drive_speed>",
    ),
    (
        In::Store,
        "<blank_behavior><mode>weekly</mode><factor>0</factor></blank_behavior>",
    ),
    (
        In::Purge,
        "<dir><abs_path>/p</abs_path><retain_days>0</retain_days></dir>",
    ),
    (In::Action, "<index>0</index>"),
];

#[test]
fn what_is_sound_is_taken_without_a_word() {
    for (place, text) in SOUND {
        assert_eq!(
            said(&file(*place, text)),
            (true, Vec::new()),
            "{place:?} {text}"
        );
    }
}

/// Remote peers that are reached by commands need them, here or in the options; managed ones need to be told what to
/// do.
#[test]
fn a_remote_peer_needs_commands_from_somewhere() {
    let all = "<rcp_command>scp</rcp_command><rsh_command>ssh</rsh_command>\
        <cback_command>cback</cback_command><managed_actions>purge</managed_actions>";
    let peer = |text: &str| format!("<peer>{REMOTE}{text}</peer>");
    for (missing, managed) in [
        ("rcp_command", false),
        ("rsh_command", true),
        ("managed_actions", true),
    ] {
        let (before, rest) = all.split_once(&format!("<{missing}>")).unwrap();
        let (_, after) = rest.split_once(&format!("</{missing}>")).unwrap();
        let without = format!("{before}{after}");
        let managed = if managed {
            "<transport>command</transport><managed>Y</managed>"
        } else {
            "<transport>command</transport>"
        };
        let message = format!("`<peer>` lacks its `<{missing}>`");
        let bare = |options: &str, own: &str| {
            format!(
                "<cb_config><options>{OPTIONS}{options}</options><purge/><peers>{}</peers></cb_config>",
                peer(&format!("{managed}{own}"))
            )
        };
        let (taken, lines) = said(&bare(&without, ""));
        assert!(!taken && lines.contains(&message), "{missing}: {lines:?}");
        assert!(said(&bare(&without, all)).0, "{missing} of its own");
        assert!(said(&bare(all, "")).0, "{missing} of the options");
    }
}
