//! The pieces of a commented configuration. `{…}` are slots.

pub(super) const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!--
  What is backed up on this machine, and where to. Change it as you like: cback says what is wrong, and where.
  cback.conf(5) and "cback config explain" tell what every element means.
{when}-->
<cb_config>

  <reference>
    <description>{description}</description>
    <generator>{generator}</generator>
  </reference>

  <options>
    <!-- On this day the week begins: everything is collected in full{and_disc}. -->
    <starting_day>{day}</starting_day>
    <working_dir>{base}/work</working_dir>
    <!-- Who owns the backup's files when cback runs as root. -->
    <backup_user>{user}</backup_user>
    <backup_group>{group}</backup_group>
{commands}  </options>
"#;

pub(super) const COMMANDS: &str = concat!(
    "    <!-- This machine reaches the others by the SSH that is built in: as the user above, who needs a key without a\n",
    "         passphrase, and whose known_hosts has to know them. `cback config explain transport` tells another way. -->\n",
);

pub(super) const PEERS: &str = "
  <!-- The machines whose archives are staged here. -->
  <peers>
    <peer>
      <name>{peer}</name>
      <type>local</type>
      <collect_dir>{base}/collect</collect_dir>
    </peer>
{clients}  </peers>
";

pub(super) const CLIENT: &str = "    \
    <peer>
      <!-- The name of the host. Its own configuration: cback config init client -->
      <name>{client}</name>
      <type>remote</type>
      <!-- Where it leaves its archives, on that machine. -->
      <collect_dir>{base}/collect</collect_dir>
    </peer>
";

pub(super) const COLLECT: &str = "
  <!-- collect: what is saved. Add a <dir> for each further directory. -->
  <collect>
    <collect_dir>{base}/collect</collect_dir>
    <!-- incr: once a week everything, on the other days what differs. -->
    <collect_mode>incr</collect_mode>
    <!-- tar, targz, tarbz2 or tarzst -->
    <archive_mode>{archive}</archive_mode>
    <!-- A directory with a file of this name in it is left out. -->
    <ignore_file>.cbignore</ignore_file>
    <!-- Of caches that are marked with a CACHEDIR.TAG only the mark is saved. -->
    <cachedir_tag>Y</cachedir_tag>
{exclude}{sources}  </collect>
";

pub(super) const EXCLUDE: &str = "    \
    <!-- What cback keeps itself is not backed up again. -->
    <exclude>
      <abs_path>{base}</abs_path>
    </exclude>
";

pub(super) const STAGE: &str = "
  <!-- stage: archives are gathered here by day. -->
  <stage>
    <staging_dir>{base}/stage</staging_dir>
  </stage>
";

pub(super) const STORE: &str = "
  <!-- store: each day becomes a session on a disc, and is read back. -->
  <store>
    <source_dir>{base}/stage</source_dir>
    <media_type>{media}</media_type>
{device}    <check_data>Y</check_data>
{blanking}  </store>
";

pub(super) const FILE: &str = "    \
    <!-- The disc is a file. For a drive: dvdwriter or cdwriter here, and its device below. -->
    <device_type>file</device_type>
    <target_device>{base}/disc/current.iso</target_device>
";

pub(super) const DRIVE: &str = "    \
    <!-- A dvdwriter also writes Blu-ray discs. For a disc that is a file: file here, and its path below. If the drive is in
         a changer: cback config explain changer. -->
    <device_type>{device_type}</device_type>
    <target_device>{target}</target_device>
";

pub(super) const BLANKING: &str = "    \
    <!-- At the start of a week the disc is blanked if the room left is no more than 1.3 times what is needed. -->
    <blank_behavior>
      <mode>weekly</mode>
      <factor>1.3</factor>
    </blank_behavior>
";

pub(super) const PURGE: &str = "
  <!-- purge: {why}. The only copy of anything is never deleted. -->
  <purge>
{staged}    <dir>
      <abs_path>{base}/collect</abs_path>
      <retain_days>0</retain_days>
    </dir>
  </purge>

</cb_config>
";

pub(super) const STAGED: &str = "    \
    <dir>
      <abs_path>{base}/stage</abs_path>
      <retain_days>7</retain_days>
    </dir>
";

pub(super) const WHEN_SINGLE: &str = "
  Every night, as root:
    30 0 * * *  cback all
";

pub(super) const WHEN_CLIENT: &str = "
  Every night, as root; the master fetches the archives in between, and has the same starting day:
    30 0 * * *  cback collect
    30 6 * * *  cback purge
";

pub(super) const WHEN_MASTER: &str = "
  Every night, as root; an hour or two lie between the steps, so that the clients have collected:
    30 0 * * *  cback collect
    30 2 * * *  cback stage
    30 4 * * *  cback store
    30 6 * * *  cback purge
";
