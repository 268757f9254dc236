//! Names of files in a watched folder, without those that the watch writes itself.

use std::path::{Path, PathBuf};

use super::paths::parent_of;
use crate::source::Input;

/// Watched folder, and the paths in it that are no inputs.
pub(super) struct FolderNames<'w> {
    pub(super) folder: &'w Path,
    /// Path of the feed as it was given, and with links resolved.
    pub(super) feeds: [Option<&'w Path>; 2],
    /// Folder of the state, unless it has the default name, which is hidden.
    pub(super) state: Option<&'w Path>,
}

impl FolderNames<'_> {
    /// Returns the name of an input in the folder and its path, or `None` if it belongs to the feed
    /// or the state.
    pub(super) fn name(&self, input: &Input) -> Option<(String, PathBuf)> {
        let path = input.path()?;
        let folder = self.folder.display().to_string();
        let name = input.name.strip_prefix(&folder).unwrap_or(&input.name);
        let inside = |folder: &Path| {
            path.parent().and_then(|path| path.canonicalize().ok()).is_some_and(|path| {
                folder.canonicalize().is_ok_and(|folder| path.starts_with(folder))
            })
        };
        let is_of = |feed: &Path| {
            let of_path = path.file_name().unwrap_or_default().as_encoded_bytes();
            let rest =
                of_path.strip_prefix(feed.file_name().unwrap_or_default().as_encoded_bytes());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
                && inside(parent_of(feed))
        };
        // If a link names the feed, neither the link nor its target is an input.
        let own = self.feeds.into_iter().flatten().any(is_of);
        let of_state = self.state.is_some_and(inside);
        (!own && !of_state).then(|| (name.trim_start_matches('/').to_owned(), path.to_owned()))
    }
}
