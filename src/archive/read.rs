//! Reading a tar archive member by member, without believing it: ustar, PAX, GNU's long names, sparse files
//! of the PAX kind. Names are as they come; who writes files by them must check where they lead.

mod attributes;
mod content;

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use self::attributes::Attributes;
use self::content::Content;
use super::member::LONGEST_PATH;
use super::{Kind, Member, Timestamp};

/// A tar block.
const BLOCK: u64 = 512;
/// The longest extended header or long name that is believed.
const LONGEST_HEADER: u64 = 16 << 20;

/// Why an archive cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes cannot be had or unpacked.
    #[error("the archive cannot be read")]
    Io(#[from] io::Error),
    /// It is damaged or no tar archive.
    #[error("the archive is damaged at byte {offset}: {reason}")]
    Corrupt {
        /// Where in the unpacked archive.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// It uses a form of tar that is not read.
    #[error("the archive holds {what} at byte {offset}, which is not supported")]
    Unsupported {
        /// Where in the unpacked archive.
        offset: u64,
        /// Which form.
        what: &'static str,
    },
    /// It ends before its end mark.
    #[error("the archive is cut short after {0} bytes")]
    Truncated(u64),
}

/// Reads members one after the other. As a [`Read`] it is the content of the member that was given last,
/// holes as zeros.
pub struct Reader<'a> {
    input: Input<'a>,
    content: Content,
    global: Attributes,
    ended: bool,
}

impl<'a> Reader<'a> {
    /// Reads the unpacked archive `tar`.
    pub fn new(tar: &'a mut dyn Read) -> Self {
        Self {
            input: Input {
                inner: tar,
                offset: 0,
            },
            content: Content::default(),
            global: Attributes::default(),
            ended: false,
        }
    }

    /// The next member; what was not read of the one before is passed over. `None` after the end mark of
    /// an archive that is complete.
    pub fn next_member(&mut self) -> Result<Option<Member>, ReadError> {
        let mut attributes = self.global.clone();
        while !self.ended {
            let stored = std::mem::take(&mut self.content).stored();
            self.input.skip(stored)?;
            let at = self.input.offset;
            let mut header = tar::Header::new_old();
            self.input.fill(header.as_mut_bytes())?;
            if header.as_bytes().iter().all(|&byte| byte == 0) {
                self.ended = true;
                self.input.drain()?;
                break;
            }
            let corrupt = |reason: String| ReadError::Corrupt { offset: at, reason };
            if header.cksum().ok() != Some(checksum(&header)) {
                return Err(corrupt("not a tar header".to_owned()));
            }
            let size = header
                .entry_size()
                .map_err(|error| corrupt(error.to_string()))?;
            let fault = |what| Err(ReadError::Unsupported { offset: at, what });
            match header.entry_type().as_byte() {
                b'x' | b'X' => attributes.merge(&self.input.text(size)?).map_err(corrupt)?,
                b'g' => {
                    self.global
                        .merge(&self.input.text(size)?)
                        .map_err(corrupt)?;
                    attributes = self.global.clone();
                }
                b'L' | b'K' if size > LONGEST_PATH as u64 => {
                    return Err(corrupt(format!("a name of {size} bytes")));
                }
                b'L' => attributes.path = Some(name(self.input.text(size)?)),
                b'K' => attributes.link = Some(name(self.input.text(size)?)),
                b'V' => self.content = Content::plain(size), // a volume label
                b'S' => return fault("a sparse file of the old GNU kind"),
                b'M' => return fault("the continuation of another volume"),
                _ => return self.member(&header, attributes, size, at).map(Some),
            }
        }
        Ok(None)
    }

    /// The member whose header is `header`, the stream standing behind it.
    fn member(
        &mut self,
        header: &tar::Header,
        mut attributes: Attributes,
        size: u64,
        at: u64,
    ) -> Result<Member, ReadError> {
        let corrupt = |reason: &dyn std::fmt::Display| ReadError::Corrupt {
            offset: at,
            reason: reason.to_string(),
        };
        let path = attributes.path.take();
        let path = path.unwrap_or_else(|| header.path_bytes().into_owned());
        let kind = kind(header, &attributes, path.ends_with(b"/"));
        let kind = kind.map_err(|reason| corrupt(&reason))?;
        if kind == Kind::File {
            let size = attributes.size.unwrap_or(size);
            self.content = if attributes.sparse {
                let real = attributes.real_size;
                let real = real.ok_or_else(|| corrupt(&"a sparse file without its size"))?;
                Content::sparse(&mut self.input, size, real)?
            } else {
                Content::plain(size)
            };
        }
        let text = |own: Option<Vec<u8>>, field: Option<&[u8]>| {
            OsString::from_vec(own.unwrap_or_else(|| field.unwrap_or_default().to_vec()))
        };
        let number = |own: Option<u32>, field: io::Result<u64>| match own {
            Some(own) => Ok(own),
            None => u32::try_from(field?).map_err(io::Error::other),
        };
        let mtime = match attributes.mtime {
            Some(mtime) => mtime,
            None => Timestamp {
                seconds: header
                    .mtime()
                    .map_err(|error| corrupt(&error))?
                    .cast_signed(),
                nanos: 0,
            },
        };
        Ok(Member {
            path: relative(attributes.sparse_name.unwrap_or(path)),
            kind,
            mode: header.mode().map_err(|error| corrupt(&error))? & 0o7777,
            uid: number(attributes.uid, header.uid()).map_err(|error| corrupt(&error))?,
            gid: number(attributes.gid, header.gid()).map_err(|error| corrupt(&error))?,
            user: text(attributes.user, header.username_bytes()),
            group: text(attributes.group, header.groupname_bytes()),
            mtime,
            size: self.content.size(),
            extended: attributes.extended,
        })
    }

    /// Reads on in the current member's content, but passes over its holes: gives where in the file the
    /// bytes belong and how many there are, `None` at the end.
    pub fn read_data(&mut self, buffer: &mut [u8]) -> io::Result<Option<(u64, usize)>> {
        self.content.read_data(&mut self.input, buffer)
    }

    /// Whether the current member's file has holes.
    pub fn has_holes(&self) -> bool {
        self.content.has_holes()
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.content.read(&mut self.input, buffer)
    }
}

/// What the member is whose header is `header`, whose path ends in a slash if it is `trailing`; or what is
/// wrong with it.
fn kind(header: &tar::Header, attributes: &Attributes, trailing: bool) -> Result<Kind, String> {
    let target = || {
        let own = attributes.link.clone();
        let field = || header.link_name_bytes().map(std::borrow::Cow::into_owned);
        let target = own.or_else(field).filter(|target| !target.is_empty());
        target.ok_or("a link without a target")
    };
    let device = || {
        let major = header.device_major().ok().flatten();
        let numbers = major.zip(header.device_minor().ok().flatten());
        numbers.ok_or("a device without its numbers")
    };
    Ok(match header.entry_type().as_byte() {
        b'0' | b'\0' if trailing => Kind::Dir, // as before POSIX
        b'0' | b'\0' | b'7' => Kind::File,
        b'1' => Kind::HardLink(relative(target()?)),
        b'2' => Kind::Symlink(OsString::from_vec(target()?)),
        b'3' => device().map(|(major, minor)| Kind::CharDevice(major, minor))?,
        b'4' => device().map(|(major, minor)| Kind::BlockDevice(major, minor))?,
        b'5' => Kind::Dir,
        b'6' => Kind::Fifo,
        other => {
            return Err(format!(
                "member type `{}` is not known",
                other.escape_ascii()
            ));
        }
    })
}

/// The archive's bytes, counted.
struct Input<'a> {
    inner: &'a mut dyn Read,
    offset: u64,
}

impl Input<'_> {
    /// Fills `buffer`.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), ReadError> {
        match self.inner.read_exact(buffer) {
            Ok(()) => {
                self.offset += buffer.len() as u64;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(ReadError::Truncated(self.offset))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Passes over `count` bytes.
    fn skip(&mut self, count: u64) -> Result<(), ReadError> {
        let passed = io::copy(&mut self.inner.take(count), &mut io::sink())?;
        self.offset += passed;
        if passed < count {
            return Err(ReadError::Truncated(self.offset));
        }
        Ok(())
    }

    /// Passes over everything, so that the checksums of the packing are looked at.
    fn drain(&mut self) -> Result<(), ReadError> {
        self.offset += io::copy(&mut self.inner, &mut io::sink())?;
        Ok(())
    }

    /// The `size` bytes of an extended header or long name, and what fills its last block.
    fn text(&mut self, size: u64) -> Result<Vec<u8>, ReadError> {
        if size > LONGEST_HEADER {
            return Err(ReadError::Corrupt {
                offset: self.offset,
                reason: format!("an extended header of {size} bytes"),
            });
        }
        let mut text = Vec::new();
        self.inner.take(size).read_to_end(&mut text)?;
        self.offset += text.len() as u64;
        if (text.len() as u64) < size {
            return Err(ReadError::Truncated(self.offset));
        }
        self.skip(padding(size))?;
        Ok(text)
    }
}

/// Bytes that fill the last block of `size` bytes.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK
}

/// The sum of a header's bytes, its checksum field counted as spaces.
fn checksum(header: &tar::Header) -> u32 {
    let bytes = header.as_bytes();
    let sum = |part: &[u8]| part.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    sum(&bytes[..148]) + 8 * 32 + sum(&bytes[156..])
}

/// A GNU long name up to its NUL.
fn name(mut text: Vec<u8>) -> Vec<u8> {
    let end = text.iter().position(|&byte| byte == 0);
    text.truncate(end.unwrap_or(text.len()));
    text
}

/// A member's path without slashes at its ends; the root is `.`.
fn relative(mut path: Vec<u8>) -> PathBuf {
    while path.len() > 1 && path.ends_with(b"/") {
        path.pop();
    }
    let start = path.iter().take_while(|&&byte| byte == b'/').count();
    path.drain(..start);
    if path.is_empty() {
        path.push(b'.');
    }
    PathBuf::from(OsString::from_vec(path))
}
