//! Command overrides hold for the programs that reach peers, too.

use std::fs;

use crate::machine::Machine;
use crate::master::{COMMAND, DAY, MANAGED, Pool, lock_to_agent, staged};
use crate::sshd::{Claims, Sshd};
use crate::tree;

#[test]
fn the_programs_of_rcp_and_rsh_are_those_that_overrides_name() {
    let (machine, client) = (Machine::new(), Machine::new());
    let ada = Sshd::start(&machine, "ada");
    fs::write(client.path("source/file"), "on the client").unwrap();
    lock_to_agent(&client, &ada, "--allow collect");
    ada.collected(&[("a", b"a")], Claims::Nothing);
    // A path with a blank in it, and programs that note that they were called.
    fs::create_dir(machine.path("my tools")).unwrap();
    let calls = machine.path("calls");
    let mut overrides = String::new();
    for name in ["scp", "ssh"] {
        let own = machine.path("my tools").join(name);
        let text = format!(
            "#!/bin/sh\necho {name} >> {}\nexec /usr/bin/{name} \"$@\"\n",
            calls.display()
        );
        tree::program(&own, text);
        overrides += &format!(
            "<override><command>/usr/bin/{name}</command><abs_path>{}</abs_path></override>",
            own.display()
        );
    }
    let pool = Pool {
        options: &overrides,
        peer: MANAGED,
        ..COMMAND
    };
    pool.master(&machine, &[&ada]);
    let called = |words: &str| {
        fs::write(&calls, "").unwrap();
        machine.cback(words).on(DAY).run().well();
        fs::read_to_string(&calls).unwrap()
    };
    assert!(called("validate").contains("scp"));
    assert_eq!(called("-N collect"), "ssh\n");
    let files = called("stage");
    assert!(files.lines().count() >= 3 && files.lines().all(|line| line == "scp"));
    assert!(staged(&machine, "ada").join("a").exists());
}
