//! Tells the program what it was built by and for, which `--diagnostics` prints.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let variable = |name| env::var(name).unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo:rustc-env=CBACK_TARGET={}", variable("TARGET"));
    println!("cargo:rustc-env=CBACK_PROFILE={}", variable("PROFILE"));
    let version = Command::new(variable("RUSTC")).arg("--version").output();
    let version = version
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let version = version.unwrap_or_else(|| "rustc, of an unknown version".to_owned());
    println!("cargo:rustc-env=CBACK_RUSTC={}", version.trim());
}
