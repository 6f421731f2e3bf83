//! `README.txt` on every disc: how to get everything back with tar and gzip alone, in plain words, for
//! somebody who has never heard of this program.

use crate::units::Day;

/// Its name at the root of the disc.
pub(super) const NAME: &str = "README.txt";

/// The text on a session of `label`, whose days are `days`.
pub(super) fn text(label: &str, days: &[Day]) -> String {
    let example = days.last().map_or_else(
        || "2026/11/21".to_owned(),
        |day| day.path().display().to_string(),
    );
    let added = days
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    TEXT.replace("@LABEL@", label)
        .replace("@DAYS@", &added)
        .replace("@DAY@", &example)
}

const TEXT: &str = "\
THIS IS A BACKUP DISC
=====================

Label of this session:  @LABEL@
Days added with it:     @DAYS@

You need no special program to read it. Everything here is ordinary: directories,
tar archives, and text. Keep calm, and never write to this disc.


WHAT IS ON IT
-------------

    YYYY/MM/DD/                  one directory for each day of backup
    YYYY/MM/DD/MACHINE/          one directory for each machine that was backed up
    YYYY/MM/DD/MACHINE/*.tar*    the archives: the files themselves
    YYYY/MM/DD/MACHINE/*.mtree.gz   the manifests: lists of what there was
    YYYY/MM/DD/SHA256SUMS        checksums of all files of that day

An archive is named after the directory it was made of: home-user.tar.gz has
/home/user. The paths inside lack the leading slash.

A disc may have been written in several sessions, on several days. Each session shows
everything that the earlier ones had. If your computer shows an old state, it shows
an old session; ask it for the last one.


IS THE DISC SOUND?
------------------

    cd /path/to/disc/@DAY@
    sha256sum -c SHA256SUMS

Every line should end in OK. A file that is not OK may be intact on another disc.


GETTING EVERYTHING BACK
-----------------------

The archives of a machine are either full or incremental. A full one has everything; an
incremental one has what changed since the archive before it. So unpack in the order
of the days, the full one first; where two archives have the same file, the
later one wins. As root, to keep owners and permissions:

    mkdir /tmp/restored
    cd /path/to/disc
    for d in */*/*/MACHINE; do
        for f in \"$d\"/home-user.tar.gz \"$d\"/home-user+?.tar.gz \"$d\"/home-user+??.tar.gz; do
            if [ -e \"$f\" ]; then tar -xzpf \"$f\" -C /tmp/restored; fi
        done
    done

The shell puts the days into the right order by itself. An archive called NAME+2 was made
later on the same day than NAME, so it comes after it.

    .tar        tar -xpf  FILE -C DIRECTORY
    .tar.gz     tar -xzpf FILE -C DIRECTORY              or  gzip  -dc FILE | tar -xpf - -C DIRECTORY
    .tar.bz2    tar -xjpf FILE -C DIRECTORY              or  bzip2 -dc FILE | tar -xpf - -C DIRECTORY
    .tar.zst    tar --zstd -xpf FILE -C DIRECTORY        or  zstd  -dc FILE | tar -xpf - -C DIRECTORY

A file called NAME.gpg is encrypted; whoever has the key gets NAME from it. One that was too
large is in parts NAME_00000, NAME_00001 and so on; join them first:

    cat NAME_????? > NAME
    gpg --output NAME --decrypt NAME.gpg

One file only:

    tar -tzf FILE                      lists the archive
    tar -xzpf FILE home/user/letter    unpacks that file

A file that was deleted between two days is still in the older archive, so it comes back
with the loop above. The manifest says what existed on a day:

    zcat @DAY@/MACHINE/home-user.mtree.gz

Each of its lines is a file, directory or link with its size, time and SHA-256 digest, and
says which archive has its bytes. The format is mtree(5); `bsdtar` and `mtree` read
it. What is not in a day's manifest did not exist that day and can be deleted again.


WHERE IS THE FULL ARCHIVE?
--------------------------

Perhaps on an older disc: discs are begun at the start of a week as a rule. The
manifest names the day of every archive that it needs. Discs are labelled
`CEDAR BACKUP` with the day on which a session was written.


THE COMFORTABLE WAY
-------------------

The program that wrote this is called cback. If you have it, one command does all of the
above, deletions included, and checks every digest while it writes:

    cback restore --from /path/to/disc --into /tmp/restored
    cback restore --from /path/to/disc --as-of 2026-11-21 --into /tmp/restored
";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_names_the_session_and_leaves_no_blank_to_fill_in() {
        let days = ["2026-11-20".parse().unwrap(), "2026-11-21".parse().unwrap()];
        let text = text("CEDAR BACKUP 21-NOV-2026", &days);
        assert!(text.contains("2026-11-20, 2026-11-21"));
        assert!(text.contains("cd /path/to/disc/2026/11/21\n"));
        assert!(!text.contains('@'));
        for words in ["cat NAME_?????", "--decrypt NAME.gpg"] {
            assert!(text.contains(words), "{words}");
        }
        assert!(text.is_ascii());
    }
}
