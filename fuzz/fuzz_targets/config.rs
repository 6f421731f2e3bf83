//! Whatever bytes a configuration has, reading it gives an answer that can be shown.

#![no_main]

use std::path::Path;

use cback::config::{Colour, Config, ConfigError, Severity};
use cback::units::Naming;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Config::parse(bytes, Path::new("cback.conf"), Naming::V3) {
        Ok((_, report)) => assert_eq!(report.count(Severity::Error), 0),
        Err(ConfigError::Problems(report)) => {
            assert!(report.count(Severity::Error) > 0);
            assert!(!report.render(Colour::Ansi).is_empty());
            assert_eq!(report.lines().count(), report.findings().len());
        }
        Err(error) => panic!("{error}"),
    }
});
