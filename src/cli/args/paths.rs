//! Paths on the command line. The type of an option's value records the role of its path: it is
//! read, written or run.
//!
//! `config` derives from these types which options a `scanmill.toml` in the working directory may
//! set, and all of them refuse URLs. Every option that names a path must have one of these types; a
//! test in `config` fails for any other.

use std::{
    any::TypeId,
    ops::Deref,
    path::{Path, PathBuf},
};

use clap::{
    Arg,
    builder::{PathBufValueParser, TryMapValueParser, TypedValueParser as _, ValueParserFactory},
};

/// Role of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum PathRole {
    /// The path is read.
    Input,
    /// The path is written: a file, or a folder of files.
    Output,
    /// The path is a program, or a file that names programs.
    Program,
}

/// Returns the role of the path that an option names, or `None` if the option names no path.
pub(in super::super) fn path_role(arg: &Arg) -> Option<PathRole> {
    let id = arg.get_value_parser().type_id();
    let roles = [
        (TypeId::of::<InputPath>(), PathRole::Input),
        (TypeId::of::<OutputPath>(), PathRole::Output),
        (TypeId::of::<ProgramPath>(), PathRole::Program),
    ];
    roles.into_iter().find(|(of_type, _)| id == *of_type).map(|(_, role)| role)
}

type PathParser<T> = TryMapValueParser<PathBufValueParser, fn(PathBuf) -> Result<T, String>>;

macro_rules! path_types {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(in super::super) struct $name(PathBuf);

        impl $name {
            fn parse(path: PathBuf) -> Result<Self, String> {
                refuse_url(&path)?;
                Ok(Self(path))
            }
        }

        impl ValueParserFactory for $name {
            type Parser = PathParser<Self>;

            fn value_parser() -> Self::Parser {
                PathBufValueParser::new().try_map(Self::parse)
            }
        }

        impl Deref for $name {
            type Target = Path;

            fn deref(&self) -> &Path {
                &self.0
            }
        }
    )*};
}

path_types! {
    /// Path to read, or `-` for standard input.
    InputPath;
    /// Path to write, or `-` for standard output.
    OutputPath;
    /// Program, or a file that names programs.
    ProgramPath;
}

/// Refuses a URL, which would otherwise create a folder named `s3:`.
pub(in super::super) fn refuse_url(path: &Path) -> Result<(), String> {
    if !is_url(path.as_os_str().as_encoded_bytes()) {
        return Ok(());
    }
    Err("URLs are not supported: name a local file or folder (one of such a name begins with ./)"
        .to_owned())
}

/// Returns true if a path starts with a scheme and `://`, or with `file:/`.
fn is_url(path: &[u8]) -> bool {
    let Some(colon) = path.iter().position(|byte| *byte == b':') else { return false };
    let (scheme, rest) = path.split_at(colon);
    let begins = scheme.first().is_some_and(u8::is_ascii_alphabetic);
    let named = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let file = scheme.eq_ignore_ascii_case(b"file") && rest.starts_with(b":/");
    begins && scheme.iter().all(named) && (rest.starts_with(b"://") || file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_distinguished_from_paths() {
        for url in
            ["s3://b/x", "gs://b", "az://b", "http://h", "HTTPS://h/x", "file:///x", "file:/x"]
        {
            assert!(refuse_url(Path::new(url)).is_err(), "{url}");
        }
        for path in ["-", "a:b", "a:/b", "./s3://b", "/s3://b", "1://x", "://x", "a b://x", "x"] {
            assert!(refuse_url(Path::new(path)).is_ok(), "{path}");
        }
    }
}
