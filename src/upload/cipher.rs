//! Copies of a day's files, encrypted by a command of the administrator, for as long as they are uploaded.

use std::io;
use std::path::{Path, PathBuf};

use super::{Cipher, Sizes, UploadError, Uploader};
use crate::event::Tell as _;
use crate::fsx;
use crate::process::Command;
use crate::units::Ids;

/// A directory with the copies. It is gone when this is dropped; what a killed run left, the next one removes.
pub(super) struct Sealed {
    path: PathBuf,
    names: Vec<String>,
}

impl Sealed {
    /// Encrypts the files of that name in `from`.
    pub(super) fn make(
        uploader: &Uploader<'_>,
        from: &Path,
        files: &Sizes,
        cipher: Cipher<'_>,
    ) -> Result<Self, UploadError> {
        let path = fsx::partial_path(&cipher.working_dir.join("amazons3"));
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| UploadError::Use { path, source }
        };
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(at(&path)(error));
            }
            _ => {}
        }
        let sealed = Self {
            path,
            names: files.keys().cloned().collect(),
        };
        make_private(&sealed.path, cipher.ids).map_err(at(&sealed.path))?;
        for (name, bytes) in files {
            let target = sealed.path.join(name);
            let below = Path::new(name).parent().unwrap_or(Path::new(""));
            fsx::make_dirs(&sealed.path, below, cipher.ids).map_err(at(&target))?;
            if *bytes == 0 {
                // Nothing to hide, and many programs refuse it.
                std::fs::File::create_new(&target)
                    .and_then(|_| fsx::give(&target, cipher.ids))
                    .map_err(at(&target))?;
                continue;
            }
            uploader.done(command(cipher.command, &from.join(name), &target))?;
            // A pipe hides that its first program failed.
            let written = target.metadata();
            if !written.is_ok_and(|stat| stat.is_file() && stat.len() > 0) {
                let missing = io::Error::other("the command of <encrypt> has written nothing");
                return Err(at(&target)(missing));
            }
        }
        let files = sealed.names.len();
        uploader
            .monitor
            .note(format!("encrypted {files} files for the bucket"));
        Ok(sealed)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Sizes of the copies.
    pub(super) fn sizes(&self) -> Result<Sizes, UploadError> {
        let size = |name: &String| {
            let path = self.path.join(name);
            match path.metadata() {
                Ok(stat) => Ok((name.clone(), stat.len())),
                Err(source) => Err(UploadError::Use { path, source }),
            }
        };
        self.names.iter().map(size).collect()
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Makes a directory into which nobody else can look.
fn make_private(path: &Path, ids: Option<Ids>) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(path)?;
    fsx::give(path, ids)
}

/// The command `text` for these files. It goes through a variable, so that a passphrase in it does not get into the
/// log. Ordinary paths stand in the text, as with Cedar Backup; others are shell variables that are not split.
fn command(text: &str, input: &Path, output: &Path) -> Command {
    let plain = |path: &Path| {
        use std::os::unix::ffi::OsStrExt as _;
        let sound = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+=:,@%~".contains(byte);
        path.as_os_str().as_bytes().iter().all(sound)
    };
    let text = match (input.to_str(), output.to_str()) {
        (Some(from), Some(to)) if plain(input) && plain(output) => {
            text.replace("${input}", from).replace("${output}", to)
        }
        _ => format!("IFS=; set -f\n{text}"),
    };
    Command::new("/bin/sh")
        .args(["-c", "eval \"$cback_encrypt\""])
        .env("cback_encrypt", text)
        .env("input", input)
        .env("output", output)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::event::Tally;
    use crate::process::{Runner as _, Stdout, System};

    #[test]
    fn a_command_finds_its_files_however_they_are_quoted_and_called() {
        let dir = tempfile::tempdir().unwrap();
        let tally = Tally::default();
        let system = System::new(&tally);
        for name in ["plain", "two  words", "it's $HOME *", "\u{e4}\n"] {
            let (input, output) = (dir.path().join(name), dir.path().join("out"));
            std::fs::write(&input, name).unwrap();
            for text in [
                "tr a b <${input} >${output}",
                "tr a b < \"${input}\" > \"${output}\"",
            ] {
                let command = command(text, &input, &output);
                let ended = system.run(&command, Stdout::Lines).unwrap();
                assert!(ended.success(), "{ended:?}");
                assert!(
                    std::fs::read(&output).unwrap().len() >= name.len(),
                    "{name}"
                );
                std::fs::remove_file(&output).unwrap();
            }
        }
        let secret = command("gpg --passphrase s3cret ${input}", dir.path(), dir.path());
        assert_eq!(secret.to_string(), r#"/bin/sh -c 'eval "$cback_encrypt"'"#);
    }
}
