//! What is read of `ssh_config`, with OpenSSH itself as the judge.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::units::Owner;
use std::process::Command;

/// Two files as a user has them, one including others, in a directory of their own.
struct Files {
    dir: tempfile::TempDir,
    account: Account,
}

impl Files {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let me = nix::unistd::User::from_uid(nix::unistd::Uid::effective());
        let owner = Owner {
            user: me.unwrap().unwrap().name,
            group: String::new(),
        };
        let mut account = Account::of(&owner).unwrap();
        account.home = dir.path().to_owned();
        let files = Self { dir, account };
        files.write("config", text);
        files.write("more.conf", "Port 7\nUser included\n");
        files.write("conf.d/a/x.conf", "IdentityFile /from-a\n");
        files.write(
            "conf.d/b/x.conf",
            "Include DIR/deep.conf\nIdentityFile /from-b\n",
        );
        files.write("deep.conf", "IdentityFile /from-deep\n");
        files
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.replace("DIR", self.dir.path().to_str().unwrap())).unwrap();
    }

    fn try_read(&self, host: &str, user: Option<&str>) -> Result<HostConfig, String> {
        let asked = Asked {
            host,
            user,
            port: None,
            account: &self.account,
        };
        let dir = self.dir.path();
        let read = HostConfig::read(&[dir.join("config"), dir.join("none")], asked);
        read.map_err(|reason| reason.replace(dir.to_str().unwrap(), ""))
    }
}

fn read(text: &str, host: &str) -> HostConfig {
    Files::new(text).try_read(host, None).unwrap()
}

#[test]
fn the_first_value_counts_and_patterns_choose() {
    let text = "# all\nHost ada\n  HostName ada.example.org\n  Port=2222\n\nHost *.org !bad.org\n  User orga\n\
                Host *\n  Port 99\n  User anybody\n  IdentityFile ~/a\n  IdentityFile \"/b c\"\n\
                UserKnownHostsFile /k1 /k2\n  ProxyJump hop:22\n ProxyCommand nc %h %p\n";
    let ada = read(text, "ada");
    assert_eq!(ada.host_name.as_deref(), Some("ada.example.org"));
    assert_eq!(
        (ada.port, ada.user.as_deref()),
        (Some(2222), Some("anybody"))
    );
    assert_eq!(ada.identity_files, ["~/a", "/b c"]);
    assert_eq!(ada.user_known_hosts, ["/k1", "/k2"]);
    assert_eq!(
        (ada.proxy_jump.as_deref(), ada.proxy_command),
        (Some("hop:22"), None)
    );
    assert_eq!(read(text, "x.org").user.as_deref(), Some("orga"));
    assert_eq!(read(text, "bad.org").user.as_deref(), Some("anybody"));
}

#[test]
fn relative_names_of_included_files_begin_where_the_first_file_is() {
    let files = Files::new("Include below/one.conf\nPort 9\n");
    files.write("below/one.conf", "Include m*.conf\nIdentityFile /one\n");
    let config = files.try_read("x", None).unwrap();
    assert_eq!(
        (config.port, config.identity_files),
        (Some(7), vec!["/one".to_owned()])
    );
}

#[test]
fn a_proxy_command_is_the_rest_of_the_line() {
    let config = read("proxycommand = ssh -W %h:%p \"a b\" # x\n", "x");
    assert_eq!(
        config.proxy_command.as_deref(),
        Some("ssh -W %h:%p \"a b\" # x")
    );
}

#[test]
fn what_is_not_understood_and_decides_is_refused_by_name_and_place() {
    for (text, host, told) in [
        (
            "Match tagged x\nPort 8\n",
            "x",
            Some("/config:1: `Match tagged` is not understood"),
        ),
        (
            "\nMatch host x localnetwork 10.0.0.0/8\n",
            "x",
            Some("/config:2: `Match localnetwork`"),
        ),
        // It is not about this host, whatever it means.
        ("Match host y localnetwork 10.0.0.0/8\n", "x", None),
        ("Match localnetwork 10.0.0.0/8 !host x\n", "x", None),
        ("Match host\n", "x", Some("`Match host` says nothing")),
        (
            "CanonicalizeHostname yes\n",
            "x",
            Some("`canonicalizehostname` is not understood"),
        ),
        ("CanonicalizeHostname no\n", "x", None),
        ("Host y\nRevokedHostKeys /r\n", "x", None),
        (
            "RevokedHostKeys /r\n",
            "x",
            Some("`revokedhostkeys` is not understood"),
        ),
        (
            "Match exec \"test %C\"\n",
            "x",
            Some("`%C` in `test %C` is not understood"),
        ),
        (
            "Include DIR/config\n",
            "x",
            Some("too many files include one another"),
        ),
        ("Include [ab].conf\n", "x", Some("of wildcards only")),
        (
            "Include ${NO_SUCH_VARIABLE}\n",
            "x",
            Some("there is no variable `NO_SUCH_VARIABLE`"),
        ),
    ] {
        let outcome = Files::new(text).try_read(host, None);
        match (told, outcome) {
            (None, outcome) => assert!(outcome.is_ok(), "{text}: {outcome:?}"),
            (Some(told), Err(reason)) => assert!(reason.contains(told), "{text}: {reason}"),
            (Some(_), Ok(_)) => panic!("{text}: it was understood"),
        }
    }
}

/// Configurations for hosts, and for users there.
const CASES: &[&str] = &[
    "Host ada\n Port 1\nHost *\n Port 2\n",
    "Host * !ada\n Port 1\nHost a?a bob\n Port 2\n",
    "Host !ada *.org\n Port 1\nHost !ada\n Port 5\nHost *\n Port 3\n",
    "Match host ada\n Port 1\nMatch all\n Port 2\n",
    "Match host=ada\n Port 1\n",
    "Match host bob,a*\n Port 1\nMatch !host ada\n Port 2\n",
    "Match HOST ADA\n Port 1\n",
    "Match host !ada,*\n Port 1\nMatch all\n Port 4\n",
    "Host ada\n HostName real.example.org\nMatch host real.*\n Port 1\nMatch originalhost ada\n User x\n",
    "Host ada\n HostName %h.example.org\nMatch host ada.example.org\n Port 1\n",
    "Match user backup\n Port 1\nMatch user *\n Port 2\n",
    "User late\nMatch user late\n Port 1\n",
    "Match localuser nobody-here\n Port 1\nMatch localuser *\n Port 2\n",
    "Match exec true\n Port 1\n",
    "Match exec \"test %h = ada\"\n Port 1\nMatch exec \"test %n = bob\"\n Port 2\n",
    "Match exec \"test %r = backup\"\n Port 1\nMatch exec \"test %p = 22\"\n Port 2\n",
    "Match !exec false host ada\n Port 1\n",
    "Match exec false\n Port 1\nMatch all\n Port 2\n",
    "Match final\n Port 1\nHost *\n User x\n",
    "Match final host real\n Port 1\nHost ada\n HostName real\n",
    "Match final all\n Port 1\nHost real\n User inner\nHost ada\n HostName real\n IdentityFile /one\n",
    "Match !final host ada\n Port 1\nMatch final\n Port 2\n",
    "Match canonical\n Port 1\nMatch all\n Port 2\n",
    "Host bob\n Port 1\nMatch all\n Port 2\nHost ada\n User x\n",
    "Include DIR/more.conf\nPort 8\n",
    "Host bob\n Include DIR/more.conf\nHost *\n Port 8\n",
    "Include DIR/conf.d/*/*.conf\n",
    "Include DIR/more.* DIR/none\nHost ada\n IdentityFile /k\n",
    "IdentityFile \"/with blank\"\nIdentityFile /plain # comment\n",
    "IdentityFile '/single quoted'\n",
    "HostName a%%b\n",
    "ProxyJump one,two:22\n",
    "ProxyJump none\n",
    "ProxyCommand nc %h %p\nProxyJump one\n",
    "HostKeyAlias alias\nIdentitiesOnly yes\nGlobalKnownHostsFile /g1 /g2\nUserKnownHostsFile /u1 \"/u 2\"\n",
    "ServerAliveInterval 7\nServerAliveCountMax 2\nConnectTimeout 5\n",
    "ServerAliveInterval 1m\nConnectTimeout 1m30S\n",
    "ConnectTimeout none\n",
    "Port 1\nMatch host ada\n Port 2\n",
];

#[test]
fn openssh_understands_every_configuration_in_the_same_way() {
    for case in CASES {
        for (host, user) in [
            ("ada", None),
            ("bob", None),
            ("ada", Some("backup")),
            ("x.org", None),
        ] {
            let files = Files::new(case);
            let ours = files.try_read(host, user).unwrap();
            let mut ssh = Command::new("ssh");
            ssh.arg("-G").arg("-F").arg(files.dir.path().join("config"));
            if let Some(user) = user {
                ssh.args(["-l", user]);
            }
            let output = ssh.arg(host).output().unwrap();
            assert!(output.status.success(), "{case}: {output:?}");
            let theirs = String::from_utf8(output.stdout).unwrap();
            let all = |keyword: &str| -> Vec<String> {
                let values = theirs.lines().filter_map(|line| line.split_once(' '));
                let values = values.filter(|(name, _)| *name == keyword);
                values.map(|(_, value)| value.to_owned()).collect()
            };
            let one = |keyword: &str| all(keyword).first().cloned().unwrap_or_default();
            let what = format!("{case} for {user:?} at {host}\n{ours:?}");
            assert_eq!(ours.real_name(host).unwrap(), one("hostname"), "{what}");
            assert_eq!(ours.port.unwrap_or(22).to_string(), one("port"), "{what}");
            let name = user.or(ours.user.as_deref());
            assert_eq!(name.unwrap_or(&files.account.name), one("user"), "{what}");
            if !ours.identity_files.is_empty() {
                assert_eq!(ours.identity_files, all("identityfile"), "{what}");
            }
            let word = if ours.identities_only { "yes" } else { "no" };
            assert_eq!(word, one("identitiesonly"), "{what}");
            if !ours.user_known_hosts.is_empty() {
                assert_eq!(
                    ours.user_known_hosts.join(" "),
                    one("userknownhostsfile"),
                    "{what}"
                );
                assert_eq!(
                    ours.global_known_hosts.join(" "),
                    one("globalknownhostsfile"),
                    "{what}"
                );
            }
            let times = [
                (ours.connect_timeout, "connecttimeout"),
                (ours.alive_interval, "serveraliveinterval"),
            ];
            for (seconds, keyword) in times {
                if let Some(seconds) = seconds {
                    assert_eq!(seconds.to_string(), one(keyword), "{what}");
                }
            }
            let jump = ours.proxy_jump.filter(|jump| jump != "none");
            assert_eq!(jump.unwrap_or_default(), one("proxyjump"), "{what}");
            assert_eq!(
                ours.proxy_command.unwrap_or_default(),
                one("proxycommand"),
                "{what}"
            );
            assert_eq!(
                ours.host_key_alias.unwrap_or_default(),
                one("hostkeyalias"),
                "{what}"
            );
        }
    }
}

#[test]
fn tokens_stand_for_what_openssh_says() {
    let files = Files::new("");
    let tokens = Tokens {
        host: "real",
        original: "ada",
        alias: Some("alias"),
        port: 2222,
        user: "backup",
        account: &files.account,
    };
    let home = files.account.home.to_str().unwrap().to_owned();
    for (text, value) in [
        ("%r@%h:%p", "backup@real:2222".to_owned()),
        ("%n %k 100%%", "ada alias 100%".to_owned()),
        ("%d/.ssh/%u", format!("{home}/.ssh/{}", files.account.name)),
    ] {
        assert_eq!(tokens.expand(text).unwrap(), value);
    }
    assert!(tokens.expand("%C").is_err() && tokens.expand("%").is_err());
    assert_eq!(
        tokens.path("~/id_%n").unwrap(),
        files.account.home.join("id_ada")
    );
    let root = tokens.path("~root/x").unwrap();
    assert!(root.is_absolute() && root.ends_with("x"));
    assert!(tokens.path("~nobody-of-this-name/x").is_err());
    // `cargo` sets it for every test.
    let expanded = tokens.path("${CARGO_PKG_NAME}/x").unwrap();
    assert_eq!(expanded, PathBuf::from("cback/x"));
}

#[test]
fn a_number_that_is_none_is_refused_with_its_place() {
    for line in [
        "Port ssh",
        "Port 70000",
        "ConnectTimeout soon",
        "ServerAliveInterval 1x",
    ] {
        let told = Files::new(line).try_read("ada", None).unwrap_err();
        assert!(
            told.starts_with("/config:1: ") && told.ends_with("is not understood"),
            "{told}"
        );
    }
}
