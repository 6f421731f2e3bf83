//! Archives and manifests that were encrypted after they were staged, `NAME.gpg`. Nobody here can look into them: they
//! are copied as they are, in the layout of a staging directory, with word how to go on. Decrypted there, the copy can
//! be restored from like any other.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::by_hand::quoted;
use super::find;
use super::recipe::{PlainFile, Recipe};
use super::shelf::{Item, Shelf};

/// Where the copies go, below the target directory.
const PLACE: &str = "_encrypted";
const SUFFIX: &[u8] = b".gpg";

/// The archive or manifest that is encrypted under `name`.
pub(super) fn content(name: &OsStr) -> Option<&OsStr> {
    let name = OsStr::from_bytes(name.as_bytes().strip_suffix(SUFFIX)?);
    let ours = find::stem_of_archive(name).is_some() || find::stem_of_manifest(name).is_some();
    ours.then_some(name)
}

/// Whether `item` lies decrypted beside itself.
pub(super) fn is_open(item: &Item, shelves: &[Shelf]) -> bool {
    let Some(name) = content(&item.name) else {
        return false;
    };
    let open = item.beside(item.day, name);
    shelves.iter().any(|shelf| shelf.length(&open).is_some())
}

/// Where the copy of `item` goes.
pub(super) fn target(item: &Item) -> PathBuf {
    Path::new(PLACE).join(item.path())
}

fn is_sealed(file: &PlainFile) -> bool {
    file.to.starts_with(PLACE)
}

/// How many encrypted files `recipe` copies, and what to do with them; `None` if there are none.
pub(super) fn next(recipe: &Recipe) -> Option<(u64, String)> {
    let count = recipe.files.iter().filter(|file| is_sealed(file)).count();
    if count == 0 {
        return None;
    }
    let place = recipe.into.join(PLACE);
    let place = quoted(place.as_os_str());
    let text = format!(
        "decrypt them where the secret key is, `find {place} -name '*.gpg' -exec gpg --decrypt-files {{}} +`, and \
         then run `cback restore --from {place} --into DIRECTORY`"
    );
    Some((count as u64, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_archives_and_manifests_have_to_be_looked_into() {
        for (name, inner) in [
            ("etc.tar.gz.gpg", Some("etc.tar.gz")),
            ("etc.mtree.gz.gpg", Some("etc.mtree.gz")),
            ("mysqldump.txt.gz.gpg", None),
            ("etc.tar.gz", None),
            (".gpg", None),
        ] {
            let found = content(OsStr::new(name)).and_then(OsStr::to_str);
            assert_eq!(found, inner, "{name}");
        }
    }
}
