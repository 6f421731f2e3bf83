//! The elements of `<collect>` and what they mean.

use super::super::schema::{Rule, Wins, many, one, part, parts};
use super::super::value::{ARCHIVE_MODE, FLAG, MODE, PATH, PATTERN, WHOLE};

const COMPARE: &str = "one of `metadata`, `content`";
const FILE_NAME: &str = "the name of a file, such as `.cbignore`";
const INTEGER: &str = "a whole number of any sign";
const LEVEL: &str = "a number from 1 (fast) to 9 (small), for `tarzst` to 22";
const BELOW: &str = "a path below the directory";

const EXCLUDE: &[Rule] = &[
    many("abs_path", PATH)
        .means(
            "Left out: what has this path, with all below it. It is compared letter by letter: with a slash at its end \
             it matches nothing.",
        )
        .example("/home/ada/tmp"),
    many("rel_path", BELOW)
        .means("Left out: what has this path below the <dir>. It says nothing in the section's own <exclude>.")
        .example("tmp"),
    many("pattern", PATTERN)
        .means("Left out: whatever has a path that this pattern matches as a whole, with all below it.")
        .example(r".*\.(o|core)"),
];

const COLLECT_MODE: Rule = one("collect_mode", MODE).means(
    "`daily`: every day everything. `weekly`: once a week everything. `incr`: once a week everything, on the other days \
     what differs.",
);
const ARCHIVED: Rule = one("archive_mode", ARCHIVE_MODE)
    .means("How archives are packed. `tarzst` is not Cedar Backup's.");
const COMPRESS_LEVEL: Rule = one("compress_level", LEVEL)
    .means("How hard archives are packed. Without it: the format's usual level. `tar` has none.")
    .example("6")
    .ours();
const COMPARED: Rule = one("compare", COMPARE)
    .means(
        "How an incremental finds what differs. `metadata`: by size, times and inode, without reading files that have \
         not changed. `content`: by reading every file.",
    )
    .otherwise("metadata")
    .ours();
const IGNORE_FILE: Rule = one("ignore_file", FILE_NAME)
    .means("A directory that contains something of this name is left out, with all below it.")
    .example(".cbignore");
const RECURSION_LEVEL: Rule = one("recursion_level", INTEGER)
    .means(
        "Levels of subdirectories that become archives of their own; a negative number stands for all. Cedar Backup \
         reads it in <dir> only.",
    )
    .otherwise("0");
const CACHEDIR_TAG: Rule = one("cachedir_tag", FLAG)
    .means("Whether of directories with a `CACHEDIR.TAG` only the tag is collected.")
    .otherwise("N")
    .ours();
const NODUMP: Rule = one("nodump", FLAG)
    .means("Whether things with the attribute `d` of chattr(1) are left out.")
    .otherwise("N")
    .ours();
const ONE_FILE_SYSTEM: Rule = one("one_file_system", FLAG)
    .means("Whether what is mounted below a source is left out. Mount points are collected as empty directories.")
    .otherwise("N")
    .ours();

const OLD_MODE: Rule = one("mode", MODE)
    .means("The old spelling of <collect_mode>. If both are there, this one counts.")
    .spells("collect_mode", Wins::Spelling);

const FILE: &[Rule] = &[
    one("abs_path", PATH)
        .means("Where the file is.")
        .required()
        .example("/root/.profile"),
    COLLECT_MODE.from("collect").required().example("weekly"),
    OLD_MODE,
    ARCHIVED.from("collect").required().example("tar"),
    COMPRESS_LEVEL.from("collect"),
    COMPARED.from("collect"),
];

const DIR: &[Rule] = &[
    one("abs_path", PATH)
        .means("Where the directory is.")
        .required()
        .example("/home"),
    COLLECT_MODE.from("collect").required().example("incr"),
    OLD_MODE,
    ARCHIVED.from("collect").required().example("targz"),
    COMPRESS_LEVEL.from("collect"),
    COMPARED.from("collect"),
    IGNORE_FILE.from("collect").required(),
    one("link_depth", WHOLE)
        .means("Down to how many levels of directories symbolic links to directories are followed.")
        .otherwise("0"),
    one("dereference", FLAG)
        .means(
            "Whether what a followed link points to is collected under its own path, beside the link. Needs a \
             <link_depth> of 1 or more.",
        )
        .otherwise("N"),
    RECURSION_LEVEL.from("collect"),
    CACHEDIR_TAG.from("collect"),
    NODUMP.from("collect"),
    ONE_FILE_SYSTEM.from("collect"),
    part("exclude", EXCLUDE)
        .means(
            "What is left out of this directory, besides what the section leaves out of every one.",
        )
        .from("collect"),
];

pub(in crate::config) const RULES: &[Rule] = &[
    one("collect_dir", PATH)
        .means("Where archives go.")
        .required()
        .example("/var/lib/cback/collect"),
    COLLECT_MODE.example("incr"),
    ARCHIVED.example("targz"),
    COMPRESS_LEVEL,
    COMPARED,
    IGNORE_FILE,
    RECURSION_LEVEL,
    CACHEDIR_TAG,
    NODUMP,
    ONE_FILE_SYSTEM,
    part("exclude", EXCLUDE)
        .means("What is left out of every <dir>. Nothing of it concerns a <file>."),
    parts("file", FILE).means("A single file."),
    parts("dir", DIR).means("A directory with all below it."),
];
