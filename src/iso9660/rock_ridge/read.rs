//! Reading system use areas, whoever wrote them.

use super::{COMPONENT_CONTINUES, COMPONENT_CURRENT, COMPONENT_PARENT, COMPONENT_ROOT};
use crate::iso9660::date::Time;
use crate::iso9660::directory::le32;
use crate::iso9660::tree::TARGET_MAX;

/// What the entries of one record say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::iso9660) struct Facts {
    /// Mode with the file type, owner, group.
    pub posix: Option<(u32, u32, u32)>,
    pub mtime: Option<Time>,
    pub name: Option<Vec<u8>>,
    /// Target of a symbolic link.
    pub target: Option<Vec<u8>>,
    pub device: Option<(u32, u32)>,
    /// First sector of the directory that was moved away from here.
    pub child: Option<u32>,
    /// Whether this directory was moved here and is shown where it came from.
    pub is_relocated: bool,
    /// The bytes on the medium are not those of the file (compressed, sparse).
    pub is_transformed: bool,
    /// Whether there was an entry of Rock Ridge at all.
    pub is_present: bool,
}

/// How many continuation areas a record may have; Linux allows 32.
const AREAS_MAX: usize = 64;

/// Whether the first record of the root directory announces SUSP; if so, how many bytes of each following area
/// are not ours.
pub(in crate::iso9660) fn is_announced(system_use: &[u8]) -> Option<usize> {
    // CD-ROM XA puts 14 bytes before it
    [0, 14].into_iter().find_map(|at| {
        let entry = system_use.get(at..at + 7)?;
        let announced = &entry[..2] == b"SP" && entry[4..6] == [0xBE, 0xEF];
        announced.then(|| usize::from(entry[6]))
    })
}

/// Reads the entries of an area and of its continuation areas, which `fetch(sector, offset, length)` gives.
/// `Err` with a word is damage.
pub(in crate::iso9660) fn facts<E: From<&'static str>>(
    system_use: &[u8],
    skip: usize,
    fetch: &mut dyn FnMut(u32, usize, usize) -> Result<Vec<u8>, E>,
) -> Result<Facts, E> {
    let mut facts = Facts::default();
    let mut link = Link::default();
    let mut next = area(system_use.get(skip..).unwrap_or(&[]), &mut facts, &mut link)?;
    let mut areas = 0;
    while let Some((sector, offset, length)) = next {
        areas += 1;
        if areas > AREAS_MAX {
            return Err("a chain of continuation areas has no end".into());
        }
        next = area(&fetch(sector, offset, length)?, &mut facts, &mut link)?;
    }
    Ok(facts)
}

/// What is known of a symbolic link's target between its components.
#[derive(Default)]
struct Link {
    /// Whether a slash is due before the next component.
    slash: bool,
}

fn area(
    mut rest: &[u8],
    facts: &mut Facts,
    link: &mut Link,
) -> Result<Option<(u32, usize, usize)>, &'static str> {
    let mut next = None;
    while rest.len() >= 4 && rest[0] != 0 {
        let length = usize::from(rest[2]);
        if length < 4 || length > rest.len() {
            return Err("an entry does not fit its system use area");
        }
        let (entry, behind) = rest.split_at(length);
        rest = behind;
        let data = &entry[4..];
        match &entry[..2] {
            b"ST" => break,
            b"CE" if data.len() >= 24 => {
                next = Some((
                    le32(data, 0),
                    le32(data, 8) as usize,
                    le32(data, 16) as usize,
                ));
            }
            b"PX" if data.len() >= 32 => {
                facts.posix = Some((le32(data, 0), le32(data, 16), le32(data, 24)));
            }
            b"PN" if data.len() >= 16 => facts.device = Some((le32(data, 0), le32(data, 8))),
            b"TF" if !data.is_empty() => facts.mtime = modification(data).or(facts.mtime),
            b"NM" if !data.is_empty() => {
                // flags 2 and 4: the name is that of the directory itself or the one above
                if data[0] & 6 == 0 {
                    let name = facts.name.get_or_insert_default();
                    name.extend(&data[1..]);
                    if name.len() > TARGET_MAX {
                        return Err("a name has no end");
                    }
                }
            }
            b"SL" if !data.is_empty() => {
                let target = facts.target.get_or_insert_default();
                components(&data[1..], target, link)?;
            }
            b"CL" if data.len() >= 8 => facts.child = Some(le32(data, 0)),
            b"RE" => facts.is_relocated = true,
            b"ZF" | b"SF" => facts.is_transformed = true,
            b"ER" | b"RR" => {}
            _ => continue,
        }
        facts.is_present = true;
    }
    Ok(next)
}

fn modification(data: &[u8]) -> Option<Time> {
    let flags = data[0];
    if flags & 2 == 0 {
        return None;
    }
    let before = usize::from(flags & 1); // the time of creation
    if flags & 0x80 == 0 {
        let at = 1 + before * 7;
        let stamp: [u8; 7] = data.get(at..at + 7)?.try_into().ok()?;
        Some(Time::from_record(stamp))
    } else {
        let at = 1 + before * 17;
        let stamp: [u8; 17] = data.get(at..at + 17)?.try_into().ok()?;
        Some(Time::from_descriptor(stamp))
    }
}

fn components(mut rest: &[u8], target: &mut Vec<u8>, link: &mut Link) -> Result<(), &'static str> {
    while let [flags, length, ..] = *rest {
        let end = 2 + usize::from(length);
        let text = rest
            .get(2..end)
            .ok_or("a component does not fit its symbolic link")?;
        rest = &rest[end..];
        if link.slash {
            target.push(b'/');
        }
        match flags & !COMPONENT_CONTINUES {
            COMPONENT_CURRENT => target.push(b'.'),
            COMPONENT_PARENT => target.extend(b".."),
            COMPONENT_ROOT => target.push(b'/'),
            _ => target.extend(text),
        }
        link.slash = flags & (COMPONENT_CONTINUES | COMPONENT_ROOT) == 0;
        if target.len() > TARGET_MAX {
            return Err("the target of a symbolic link has no end");
        }
    }
    Ok(())
}
