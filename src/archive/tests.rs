//! What the writer writes, the reader reads; and the reader believes nothing.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation)]

use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use super::*;

fn member(path: &[u8], kind: Kind) -> Member {
    Member {
        path: PathBuf::from(OsString::from_vec(path.to_vec())),
        kind,
        mode: 0o644,
        uid: 1000,
        gid: 100,
        user: "somebody".into(),
        group: "users".into(),
        mtime: Timestamp {
            seconds: 1_700_000_000,
            nanos: 123_456_789,
        },
        size: 0,
        extended: Vec::new(),
    }
}

fn named(path: &[u8], content: &[u8]) -> (Member, Vec<u8>) {
    let mut member = member(path, Kind::File);
    member.size = content.len() as u64;
    (member, content.to_vec())
}

/// Members that every field of a header has trouble with.
fn awkward() -> Vec<(Member, Vec<u8>)> {
    let deep = |length: usize, byte: u8| {
        let mut path = Vec::new();
        while path.len() < length {
            path.extend_from_slice(&[byte; 60]);
            path.push(b'/');
        }
        path.truncate(length);
        path.push(byte);
        path
    };
    let mut all = vec![
        named(b"short", b"x"),
        named(b"empty", b""),
        named(b"a\\b\nc\xff\xfe d", &[7; 513]),
        named(&[b'n'; 100], b"1"),
        named(&[b'n'; 101], b"2"),
        named(&[0xff; 255], b"3"),
        named(&deep(5000, b'p'), b"4"),
        named(&deep(5000, 0xe4), b"5"),
        named(&deep(250, b'q'), b"6"),
    ];
    let plain = |path: &[u8], kind| (member(path, kind), Vec::new());
    all.extend([
        plain(b".", Kind::Dir),
        plain(&[b'd'; 100], Kind::Dir),
        plain(b"l", Kind::Symlink("to\nsomewhere".into())),
        plain(b"l2", Kind::Symlink(OsString::from_vec(deep(4000, b't')))),
        plain(b"l3", Kind::Symlink(OsString::from_vec(deep(4000, 0xc0)))),
        plain(
            b"h",
            Kind::HardLink(OsString::from_vec(deep(300, 0xc0)).into()),
        ),
        plain(b"f", Kind::Fifo),
        plain(b"c", Kind::CharDevice(4_095, 1_048_575)),
        plain(b"b", Kind::BlockDevice(8, 1)),
    ]);
    for (seconds, nanos) in [(0, 0), (-1, 0), (-1, 750_000_000), (-9, 1), (1 << 40, 5)] {
        let (mut member, content) = named(b"time", b"");
        member.mtime = Timestamp { seconds, nanos };
        all.push((member, content));
    }
    let (mut great, content) = named(b"great", b"");
    (great.uid, great.gid) = (u32::MAX - 1, 0o1000_0000);
    great.user = "u".repeat(40).into();
    great.group = OsString::new();
    great.mode = 0o7777;
    great.extended = vec![
        ("user.a=%b".into(), b"\0\n=1".to_vec()),
        (
            "system.posix_acl_access".into(),
            acl::from_text(b"user::rwx,user:5:r--,group::---,mask::r--,other::---").unwrap(),
        ),
        ("user.large".into(), vec![b'x'; 70_000]),
    ];
    all.push((great, content));
    all
}

fn write(members: &[(Member, Vec<u8>)], way: Compression) -> Vec<u8> {
    let mut writer = Writer::new(way, None, Vec::new());
    for (member, content) in members {
        match member.kind {
            Kind::File => writer.append_file(member, &mut &content[..]).unwrap(),
            _ => writer.append(member).unwrap(),
        }
    }
    writer.finish().unwrap().0
}

fn read(tar: &mut dyn std::io::Read) -> Result<Vec<(Member, Vec<u8>)>, ReadError> {
    let mut reader = Reader::new(tar);
    let mut all = Vec::new();
    while let Some(member) = reader.next_member()? {
        let mut content = Vec::new();
        reader.read_to_end(&mut content)?;
        all.push((member, content));
    }
    Ok(all)
}

#[test]
fn members_are_read_as_they_were_written() {
    for way in Compression::ALL {
        let packed = write(&awkward(), way);
        let members = unpack(way, &packed[..], |tar| read(tar)).unwrap();
        for (read, written) in members.iter().zip(awkward()) {
            assert_eq!(read, &written);
        }
        assert_eq!(members.len(), awkward().len());
    }
}

#[test]
fn holes_are_neither_stored_nor_lost() {
    let mut file = member(b"holes", Kind::File);
    file.size = 10 << 20;
    let layouts: [Parts; 4] = [
        vec![],
        vec![(0, 5), (4096, 4096), ((10 << 20) - 1, 1)],
        vec![(1 << 20, 1 << 20)],
        (0..500).map(|at| (at * 8192, 4096)).collect(),
    ];
    for parts in layouts {
        let data: u64 = parts.iter().map(|part| part.1).sum();
        let stored: Vec<u8> = (0..data).map(|at| (at % 251) as u8 + 1).collect();
        let mut writer = Writer::new(Compression::None, None, Vec::new());
        writer
            .append_sparse(&file, &parts, &mut &stored[..])
            .unwrap();
        writer.append(&member(b"after", Kind::Fifo)).unwrap();
        let tar = writer.finish().unwrap().0;
        assert!(tar.len() < 30_000 + stored.len());
        let members = read(&mut &tar[..]).unwrap();
        assert_eq!(members[0].0, file);
        let mut expected = vec![0; 10 << 20];
        let mut rest = &stored[..];
        for (offset, length) in parts {
            let (part, after) = rest.split_at(length as usize);
            expected[offset as usize..][..part.len()].copy_from_slice(part);
            rest = after;
        }
        assert!(members[0].1 == expected);
        assert_eq!(members[1].0, member(b"after", Kind::Fifo));

        let mut input = &tar[..];
        let mut reader = Reader::new(&mut input);
        reader.next_member().unwrap();
        assert!(reader.has_holes());
        let (mut rebuilt, mut buffer) = (vec![0; 10 << 20], [0; 1000]);
        while let Some((at, count)) = reader.read_data(&mut buffer).unwrap() {
            rebuilt[at as usize..][..count].copy_from_slice(&buffer[..count]);
        }
        assert!(rebuilt == expected);
    }
}

#[test]
fn an_archive_that_was_cut_short_is_noticed() {
    let tar = write(&awkward()[..3], Compression::None);
    // The last zeros only fill the record.
    let end = tar.iter().rposition(|&byte| byte != 0).unwrap() + 1;
    for cut in 0..end.next_multiple_of(512) {
        let error = read(&mut &tar[..cut]).unwrap_err();
        assert!(
            matches!(error, ReadError::Truncated(_) | ReadError::Io(_)),
            "{cut}: {error}"
        );
    }
    for way in [Compression::Gzip, Compression::Bzip2, Compression::Zstd] {
        let packed = write(&awkward()[..3], way);
        for cut in 0..packed.len() {
            assert!(
                unpack(way, &packed[..cut], |tar| read(tar)).is_err(),
                "{way:?} {cut}"
            );
        }
    }
}

#[test]
fn a_flipped_bit_is_noticed_or_harmless_but_never_a_panic() {
    let tar = write(&awkward()[..6], Compression::None);
    for at in (0..tar.len().min(8192)).step_by(3) {
        for bit in [1, 0x80] {
            let mut damaged = tar.clone();
            damaged[at] ^= bit;
            let _ = read(&mut &damaged[..]);
        }
    }
}
