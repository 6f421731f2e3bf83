//! What is collected is what was there: foreign programs judge archives and manifests, and days, failures and
//! changes in between are played through.
//!
//! Needs root (devices, owners, capabilities) and the programs tar, bsdtar, mtree, zcat, setfacl, setcap.

#![allow(clippy::unwrap_used, clippy::format_push_string)]

#[path = "collect/changing.rs"]
mod changing;
#[path = "collect/days.rs"]
mod days;
#[path = "collect/history.rs"]
mod history;
#[path = "collect/judges.rs"]
mod judges;
#[path = "collect/place.rs"]
mod place;
#[path = "collect/tree.rs"]
mod tree;

use cback::archive::Compression;
use place::{Place, assert_same, describe, run};

#[test]
fn foreign_programs_extract_everything_as_it_was() {
    let place = Place::new();
    tree::make(&place.at("src"));
    let before = {
        let mut all = describe(&place.at("src"));
        all.remove(std::path::Path::new("socket"));
        all
    };
    for compression in Compression::ALL {
        let mut source = place.source();
        source.compression = compression;
        place.fresh("work");
        place.collect("2026-11-21", &source);
        let archive = place
            .at("collect")
            .join(format!("src.{}", compression.extension()));
        let archive = archive.to_str().unwrap();
        let below = place.at("src");
        let below = below.strip_prefix("/").unwrap();
        for (name, program, flags) in [
            (
                "gnu",
                "tar",
                &[
                    "--xattrs",
                    "--xattrs-include=*",
                    "--acls",
                    "--numeric-owner",
                ][..],
            ),
            ("bsd", "bsdtar", &["--xattrs", "--acls", "--numeric-owner"]),
        ] {
            let target = place.fresh(name);
            let mut arguments = vec!["-x", "-p", "-f", archive];
            arguments.extend(flags);
            run(program, &arguments, &target);
            let what = format!("{program} {archive}");
            assert_same(&before, &describe(&target.join(below)), &what);
        }
    }
}
