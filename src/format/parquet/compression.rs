//! Compression of the pages of a Parquet file.

use ::parquet::basic::{Compression as Codec, ZstdLevel};

use crate::error::{Error, Result};

/// Compression of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Zstandard with this level, 1 to 22.
    Zstd(i32),
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// No compression.
    None,
}

impl Default for Compression {
    fn default() -> Self {
        Self::Zstd(1)
    }
}

impl Compression {
    /// Returns the codec of the Parquet library.
    pub(super) fn codec(self) -> Result<Codec> {
        Ok(match self {
            Self::Zstd(level) => {
                let level = ZstdLevel::try_new(level);
                Codec::ZSTD(level.map_err(|error| Error::usage(error.to_string()))?)
            }
            Self::Snappy => Codec::SNAPPY,
            Self::Lz4 => Codec::LZ4_RAW,
            Self::None => Codec::UNCOMPRESSED,
        })
    }
}

impl std::str::FromStr for Compression {
    type Err = Error;

    /// Parses `zstd`, `zstd(LEVEL)`, `snappy`, `lz4` or `none`.
    fn from_str(text: &str) -> Result<Self> {
        let level = text.strip_prefix("zstd(").and_then(|rest| rest.strip_suffix(')'));
        match (text, level.map(str::parse)) {
            ("zstd", _) => Ok(Self::Zstd(1)),
            ("snappy", _) => Ok(Self::Snappy),
            ("lz4", _) => Ok(Self::Lz4),
            ("none", _) => Ok(Self::None),
            (_, Some(Ok(level))) if (1..=22).contains(&level) => Ok(Self::Zstd(level)),
            _ => Err(Error::usage(format!(
                "unknown compression {text:?}: use zstd(1) to zstd(22), snappy, lz4 or none"
            ))),
        }
    }
}
