//! Tables as text: a single stream, or a folder with one file per table.

use super::{SinkOptions, file_name};
use crate::{
    error::{Error, Result},
    output::{Output, Replace, StagedOutput, TextStream},
    table::Table,
};

/// Complete lines of a table.
#[derive(Debug)]
pub struct TextChunk {
    pub(super) table: Table,
    pub(super) text: Vec<u8>,
}

impl TextChunk {
    /// Returns the lines.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

/// Returns the error for rows of a table that an encoder of text was not created for.
#[cold]
pub(super) fn no_buffer(table: Table) -> Error {
    Error::internal(format!("no buffer for rows of the table {}", table.name()))
}

/// Streams of the tables in a text format.
pub(super) struct TextTables {
    options: SinkOptions,
    streams: Vec<(Table, TextStream)>,
    /// Folder that contains them, if any.
    folder: Option<StagedOutput>,
}

impl TextTables {
    pub(super) fn open(output: &Output, extension: &str, options: SinkOptions) -> Result<Self> {
        let Output::Dir(path) = output else {
            let replace = Replace::of(options.overwrite);
            let stream = TextStream::open(output, replace, &options.temporaries)?;
            let first = options.tables.first().copied().unwrap_or(Table::Hosts);
            return Ok(Self { options, streams: vec![(first, stream)], folder: None });
        };
        let folder = StagedOutput::dir(path, &options.folder())?;
        let files = folder.files();
        let streams = options.tables.iter().map(|table| {
            let member = file_name(*table, extension);
            Ok((*table, TextStream::new(&member, files.create(&member)?)?))
        });
        let streams = streams.collect::<Result<_>>()?;
        Ok(Self { options, streams, folder: Some(folder) })
    }

    pub(super) fn options(&self) -> &SinkOptions {
        &self.options
    }

    /// Returns true if all tables share a stream.
    pub(super) fn is_one_stream(&self) -> bool {
        self.folder.is_none()
    }

    /// Returns the streams, each with its table; a shared stream is listed with the first table.
    pub(super) fn streams(&mut self) -> impl Iterator<Item = (Table, &mut TextStream)> {
        self.streams.iter_mut().map(|(table, stream)| (*table, stream))
    }

    pub(super) fn write(&mut self, chunk: &TextChunk) -> Result<()> {
        self.write_bytes(chunk.table, &chunk.text)
    }

    /// Writes bytes to the file of a table.
    pub(super) fn write_bytes(&mut self, table: Table, bytes: &[u8]) -> Result<()> {
        let shared = self.is_one_stream();
        match self.streams.iter_mut().find(|(known, _)| shared || *known == table) {
            Some((_, stream)) => stream.write(bytes),
            None => Err(Error::internal(format!("no file of the table {}", table.name()))),
        }
    }

    /// Returns the name of an output that is not empty and will be replaced.
    pub(super) fn replaces(&self) -> Option<&str> {
        let of_stream = || self.streams.first().and_then(|(_, stream)| stream.replaces());
        self.folder.as_ref().map_or_else(of_stream, StagedOutput::replaces)
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.streams.iter_mut().try_for_each(|(_, stream)| stream.flush())
    }

    pub(super) fn finish(self) -> Result<()> {
        for (_, stream) in self.streams {
            stream.finish()?;
        }
        match self.folder {
            Some(folder) => folder.publish(),
            None => Ok(()),
        }
    }
}
