//! Selects files of folders and members of archives by path.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::{
    error::{Error, Result},
    fs,
};

/// Selection of files in folders and members of archives by path; selects everything by default.
///
/// A pattern without `/` is matched against the last component of a path, any other against the whole path inside the
/// folder or archive. `*` and `?` do not match `/`; `**` does.
#[derive(Debug, Clone, Default)]
pub struct PathFilter {
    include: Option<GlobSet>,
    exclude: GlobSet,
}

impl PathFilter {
    /// Selects paths that match one of `include` (or all paths if it is empty) and none of `exclude`.
    ///
    /// # Errors
    /// Returns a usage error if a pattern is invalid.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self> {
        let include = if include.is_empty() { None } else { Some(set(include)?) };
        Ok(Self { include, exclude: set(exclude)? })
    }

    /// Returns true if it has no patterns, so that every path is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.include.is_none() && self.exclude.is_empty()
    }

    /// Returns true if `path` is selected.
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        let path = fs::os_str(path.strip_prefix(b"./").unwrap_or(path));
        let path = Path::new(&path);
        self.include.as_ref().is_none_or(|set| set.is_match(path)) && !self.exclude.is_match(path)
    }
}

fn set(patterns: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let anywhere = if pattern.contains('/') { String::new() } else { "**/".to_owned() };
        let pattern = format!("{anywhere}{}", pattern.trim_start_matches('/'));
        let glob = GlobBuilder::new(&pattern).literal_separator(true).build();
        set.add(glob.map_err(|error| Error::usage(error.to_string()))?);
    }
    set.build().map_err(|error| Error::usage(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_the_last_part_or_the_whole_path() {
        let pick = |include: &[&str], exclude: &[&str], path: &str| {
            let owned = |list: &[&str]| list.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>();
            PathFilter::new(&owned(include), &owned(exclude)).unwrap().matches(path.as_bytes())
        };
        assert!(pick(&[], &[], "any/thing"));
        assert!(pick(&["*.xml"], &[], "./a/b.xml") && !pick(&["*.xml"], &[], "a/b.xml.gz"));
        assert!(pick(&["2024/*.xml"], &[], "2024/b.xml"));
        assert!(!pick(&["2024/*.xml"], &[], "2024/05/b.xml"));
        assert!(pick(&["/2024/**"], &[], "2024/05/b.xml"));
        assert!(!pick(&["*.xml"], &["old-*"], "a/old-1.xml"));
        assert!(PathFilter::new(&["[".into()], &[]).is_err());
    }
}
