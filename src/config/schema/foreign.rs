//! Extensions of somebody's own, which are not carried out here and may have sections of their own.

use crate::config::document::Element;

/// Where Cedar Backup has its own extensions, version 2 and 3.
const OWN_MODULES: [&str; 2] = ["CedarBackup2.extend.", "CedarBackup3.extend."];

/// The extension that `module` means if it is one of Cedar Backup's own: `mysql` for `CedarBackup3.extend.mysql`.
pub(in crate::config) fn own_extension(module: &str) -> Option<&str> {
    let mut own = OWN_MODULES
        .iter()
        .filter_map(|place| module.strip_prefix(place));
    own.next()
}

/// If `parent` is the root: the name of an extension that is somebody's own.
pub(super) fn foreign_extension(parent: Element<'_>) -> Option<&str> {
    if parent.name() != "cb_config" {
        return None;
    }
    below(parent, "extensions")
        .flat_map(|extensions| below(extensions, "action"))
        .find(|&action| {
            value(action, "module").is_some_and(|module| own_extension(module).is_none())
        })
        .map(|action| value(action, "name").unwrap_or_default())
}

fn below<'d>(element: Element<'d>, name: &'static str) -> impl Iterator<Item = Element<'d>> {
    element.children().filter(move |child| child.name() == name)
}

fn value<'d>(element: Element<'d>, name: &'static str) -> Option<&'d str> {
    below(element, name).find_map(Element::value)
}
