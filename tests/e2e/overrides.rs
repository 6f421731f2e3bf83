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

#[test]
fn an_override_that_leads_nowhere_is_named_wherever_it_matters() {
    let machine = Machine::new();
    let here = |name: &str| {
        format!(
            "<override><command>{name}</command><abs_path>/nonexistent/{name}</abs_path></override>"
        )
    };
    let options = [here("gpg"), here("mkisofs")].concat();
    let extension = "<extensions><action><name>encrypt</name><module>CedarBackup3.extend.encrypt</module>\
         <function>executeAction</function><index>250</index></action></extensions>\
         <encrypt><encrypt_mode>gpg</encrypt_mode><encrypt_target>me</encrypt_target></encrypt></cb_config>";
    machine.configure(|text| {
        let text = text.replace("</options>", &format!("{options}</options>"));
        let text = text.replace(">/usr/bin/scp ", ">/nonexistent/scp ");
        text.replace("</cb_config>", extension)
    });
    let told = machine.cback("--diagnostics").run().well().stdout;
    for line in [
        "not found, though named by <override>, as /nonexistent/gpg: correct that, or install it",
        "not found, though named by <override>, as /nonexistent/mkisofs: correct that, or install it",
        "not found, though named by <rcp_command>: correct that, or install it",
    ] {
        assert!(told.contains(line), "{line}:\n{told}");
    }
    machine.cback("validate").run().with_status(4).says(&[
        "the program that an <override> puts in place of gpg [/nonexistent/gpg] does not exist",
    ]);
    machine.cback("encrypt").on(DAY).run().with_status(6).says(&[
        "there is no program `/nonexistent/gpg`, which an <override> of the configuration names for `gpg`",
    ]);
}
