//! The extensions `mysql` and `postgresql` with real servers.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::extend::{self, Server, names, prepare, unpacked, verified};
use crate::machine::Machine;

const DAY: &str = "2026-11-24";
const PASSWORD: &str = "s3cret\"\\#'x y";

fn sql(server: &Server, text: &str) {
    let mut command = Command::new("mysql");
    command.args(["--no-defaults", "-u", "root", "-e", text, "-S"]);
    prepare(command.arg(server.path("socket")));
}

fn mysql() -> Server {
    let mut server = Server::new();
    let args = [
        "--no-defaults",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ];
    let mut install = server.command("mariadb-install-db");
    let data = format!("--datadir={}", server.path("data").display());
    prepare(install.args(args).arg(&data));
    let mut start = server.command("mariadbd");
    start.args([
        "--no-defaults",
        "--skip-networking",
        "--innodb-flush-log-at-trx-commit=0",
    ]);
    start.arg("--datadir").arg(server.path("data"));
    start.arg("--socket").arg(server.path("socket"));
    let mut ping = Command::new("mysqladmin");
    ping.args(["--no-defaults", "-u", "root", "--silent", "ping", "-S"])
        .arg(server.path("socket"));
    server.start(&mut start, || ping.output().unwrap().status.success());
    sql(
        &server,
        "create database shop; create table shop.orders (what text); insert into shop.orders values ('socks');
         create function shop.answer() returns int deterministic return 42;
         create database `odd/name`; create table `odd/name`.t (a int)",
    );
    sql(
        &server,
        &format!(
            "create user 'keeper'@'localhost' identified by '{}'; grant all on *.* to 'keeper'@'localhost';
             create user 'reader'@'localhost' identified by 'x';
             grant select, lock tables, show view, trigger, reload on *.* to 'reader'@'localhost'",
            PASSWORD.replace('\\', "\\\\").replace('\'', "\\'")
        ),
    );
    server
}

/// The administrator's own file says where the server is.
fn my_cnf(machine: &Machine, server: &Server, more: &str) {
    let text = format!(
        "[client]\nsocket={}\n{more}",
        server.path("socket").display()
    );
    fs::write(machine.path("home/.my.cnf"), text).unwrap();
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[test]
fn mysql_databases_are_dumped_staged_and_restored() {
    let server = mysql();
    let section = format!(
        "<mysql><user>keeper</user><password>{}</password><compress_mode>gzip</compress_mode>
         <database>shop</database><database>missing</database><database>odd/name</database></mysql>",
        escaped(PASSWORD)
    );
    let machine = extend::machine("mysql", 99, &section);
    my_cnf(&machine, &server, "");
    // What an earlier night left, and nobody staged.
    fs::write(
        machine.path("collect/mysqldump-missing.txt.gz"),
        "yesterday's",
    )
    .unwrap();
    let ended = machine
        .cback("--output mysql collect stage")
        .on(DAY)
        .run()
        .with_status(10)
        .says(&["missing", "Unknown database"]);
    let collected = names(&machine.path("collect"));
    assert!(
        collected.contains(&"mysqldump-shop.txt.gz".to_owned()),
        "{collected:?}"
    );
    assert!(
        collected.contains(&"mysqldump-odd%2Fname.txt.gz".to_owned()),
        "{collected:?}"
    );
    assert!(
        !collected.contains(&"mysqldump-missing.txt.gz".to_owned()),
        "{collected:?}"
    );
    let kept = collected
        .iter()
        .find(|name| name.starts_with("mysqldump-missing."))
        .unwrap();
    assert!(kept.ends_with(".txt.gz"), "{collected:?}");
    for text in [machine.log(), ended.screen()] {
        assert!(
            !text.contains("s3cret") && !text.contains("keeper"),
            "{text}"
        );
    }
    assert!(machine.log().contains("mysqldump"), "{}", machine.log());
    assert_eq!(
        names(&machine.path("work"))
            .iter()
            .filter(|name| name.contains("cnf"))
            .count(),
        0
    );

    let day = machine.path("stage/2026/11/24");
    let dump = unpacked(&day.join("ada/mysqldump-shop.txt.gz"));
    assert!(dump.contains("socks") && dump.contains("answer"), "{dump}");
    assert!(verified(&day).contains(&"ada/mysqldump-shop.txt.gz".to_owned()));

    machine.restore("back", "");
    let restored = machine.path("back/_files/mysqldump-shop.txt.gz");
    assert_eq!(
        fs::read(restored).unwrap(),
        fs::read(day.join("ada/mysqldump-shop.txt.gz")).unwrap()
    );
    // The dump is one: loaded again, the order is there.
    sql(&server, "drop database shop");
    let load = format!(
        "mysql --no-defaults -u root -S {} < {}",
        server.path("socket").display(),
        {
            fs::write(machine.path("dump.sql"), dump).unwrap();
            machine.path("dump.sql").display().to_string()
        }
    );
    assert!(
        Command::new("sh")
            .args(["-c", &load])
            .status()
            .unwrap()
            .success()
    );
    sql(
        &server,
        "select shop.answer() from shop.orders where what = 'socks'",
    );
}

#[test]
fn a_wrong_password_is_told_without_it_and_lacking_privileges_are_named() {
    let server = mysql();
    let section = |user: &str, password: &str| {
        format!(
            "<mysql><user>{user}</user><password>{password}</password><compress_mode>none</compress_mode>\
             <database>shop</database></mysql>"
        )
    };
    let machine = extend::machine("mysql", 99, &section("keeper", "wrong-one"));
    my_cnf(&machine, &server, "");
    let ended = machine
        .cback("-d mysql")
        .on(DAY)
        .run()
        .with_status(10)
        .says(&["shop", "Access denied"]);
    for text in [machine.log(), ended.screen()] {
        assert!(
            !text.contains("wrong-one") && !text.contains("keeper"),
            "{text}"
        );
    }
    assert_eq!(names(&machine.path("collect")), [""; 0]);

    extend::configure(&machine, &[("mysql", 99)], &section("reader", "x"), &[]);
    machine
        .cback("mysql")
        .on(DAY)
        .run()
        .with_status(10)
        .says(&["without its stored routines"]);
    let dump = unpacked(&machine.path("collect/mysqldump-shop.txt"));
    assert!(dump.contains("socks") && !dump.contains("answer"), "{dump}");

    // Nothing configured: the administrator's own file says who asks.
    my_cnf(&machine, &server, "user=root\n");
    let all = "<mysql><compress_mode>bzip2</compress_mode><all>Y</all></mysql>";
    extend::configure(&machine, &[("mysql", 99)], all, &[]);
    machine.cback("mysql").on(DAY).run().well_and_silent();
    let dump = unpacked(&machine.path("collect/mysqldump.txt.bz2"));
    assert!(
        dump.contains("socks") && dump.contains("odd/name"),
        "{}",
        dump.len()
    );
}

fn postgresql() -> Server {
    let mut server = Server::new();
    let bin = fs::read_dir("/usr/lib/postgresql")
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path()
        .join("bin");
    let program = |name: &str| bin.join(name).to_str().unwrap().to_owned();
    let mut install = server.command(&program("initdb"));
    install.args([
        "-U",
        "tester",
        "--auth=trust",
        "--no-sync",
        "-E",
        "UTF8",
        "--locale=C",
        "-D",
    ]);
    prepare(install.arg(server.path("data")));
    let mut start = server.command(&program("postgres"));
    start
        .args(["-F", "-c", "listen_addresses=", "-D"])
        .arg(server.path("data"));
    start.arg("-k").arg(server.dir.path());
    let mut ping = Command::new("pg_isready");
    ping.args(["--quiet", "-h"]).arg(server.dir.path());
    server.start(&mut start, || ping.status().unwrap().success());
    for (database, text) in [
        ("postgres", "create database shop"),
        ("postgres", "create database \"a=b 'c\""),
        (
            "shop",
            "create table orders (what text); insert into orders values ('socks')",
        ),
    ] {
        psql(&server, database, text);
    }
    server
}

fn psql(server: &Server, database: &str, text: &str) {
    let mut command = Command::new("psql");
    command.args([
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-U",
        "tester",
        "-d",
        database,
        "-c",
        text,
        "-h",
    ]);
    prepare(command.arg(server.dir.path()));
}

/// Programs that find the server: the configuration has no element for a socket.
fn finders(machine: &Machine, server: &Server) -> Vec<(&'static str, std::path::PathBuf)> {
    ["pg_dump", "pg_dumpall"]
        .map(|name| {
            let text = format!(
                "PGHOST={} exec /usr/bin/{name} \"$@\"",
                server.dir.path().display()
            );
            (name, extend::script(machine, name, &text))
        })
        .to_vec()
}

#[test]
fn postgresql_databases_are_dumped_one_by_one_and_all() {
    let server = postgresql();
    let machine = extend::machine("postgresql", 99, "");
    let finders = finders(&machine, &server);
    let configure = |which: &str| {
        let section = format!(
            "<postgresql><user>tester</user><compress_mode>zstd</compress_mode>{which}</postgresql>"
        );
        extend::configure(&machine, &[("postgresql", 99)], &section, &finders);
    };
    configure("<database>shop</database><database>none</database><database>a=b 'c</database>");
    machine
        .cback("--output postgresql")
        .on(DAY)
        .run()
        .with_status(10)
        .says(&["postgresql database none", "does not exist"]);
    let collect = machine.path("collect");
    assert_eq!(
        names(&collect),
        [
            "postgresqldump-a=b 'c.txt.zst",
            "postgresqldump-shop.txt.zst"
        ]
    );
    assert!(unpacked(&collect.join("postgresqldump-shop.txt.zst")).contains("socks"));
    assert!(!machine.log().contains("tester"), "{}", machine.log());

    configure("<all>Y</all>");
    machine
        .cback("postgresql collect stage")
        .on(DAY)
        .run()
        .well_and_silent();
    let staged = machine.path("stage/2026/11/24/ada/postgresqldump.txt.zst");
    let dump = unpacked(&staged);
    assert!(
        dump.contains("socks") && dump.contains("CREATE DATABASE shop"),
        "{dump}"
    );
    psql(&server, "postgres", "drop database shop");
    fs::write(machine.path("dump.sql"), dump).unwrap();
    let mut load = Command::new("psql");
    load.args(["-q", "-U", "tester", "-d", "postgres", "-h"])
        .arg(server.dir.path());
    assert!(
        load.arg("-f")
            .arg(machine.path("dump.sql"))
            .output()
            .unwrap()
            .status
            .success()
    );
    psql(
        &server,
        "shop",
        "do $$ begin assert (select count(*) from orders) = 1; end $$",
    );
}

#[test]
fn what_is_missing_is_named_by_validate() {
    let section = "<mysql><compress_mode>none</compress_mode><all>Y</all></mysql>";
    let nowhere = [("mysqldump", Path::new("/nonexistent/mysqldump").to_owned())];
    let machine = extend::with_overrides("mysql", 99, section, &nowhere);
    machine.cback("validate").run().with_status(4).says(&[
        "in place of mysqldump [/nonexistent/mysqldump] does not exist\n",
        "install it, or correct the path",
    ]);
}
