//! Text stream, compressed according to the extension of its name.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};

use super::{
    in_place::{InPlaceFile, UntouchedFile},
    replace_policy::Replace,
    staged_output::StagedOutput,
    target::{Output, OutputWriter},
    temp_files::Temporaries,
};
use crate::{
    error::{Error, Result},
    fs::{self, File},
};

/// Number of bytes buffered before they are passed to the operating system.
const BUFFER: usize = 64 << 10;

/// Text stream to standard output, to a writer or to a file.
pub(crate) struct TextStream {
    name: String,
    compression: StreamCompression,
    writer: Writer,
    staged: Option<Box<StagedOutput>>,
}

enum Writer {
    /// File to which nothing was written yet.
    Untouched(UntouchedFile),
    Plain(BufWriter<RawOutput>),
    Gzip(Box<GzEncoder<BufWriter<RawOutput>>>),
    Zstd(Box<zstd::Encoder<'static, BufWriter<RawOutput>>>),
}

impl TextStream {
    /// Opens a stream to standard output, to a writer, or to a file that is renamed to its final path when it is finished.
    /// Anything that is not a regular file, such as `/dev/null` or a FIFO, is written in place.
    pub(crate) fn open(
        output: &Output,
        replace: Replace,
        temporaries: &Temporaries,
    ) -> Result<Self> {
        let path = match output {
            Output::Stdout => {
                return Ok(Self::uncompressed("standard output", RawOutput::Stdout(io::stdout())));
            }
            Output::Writer(writer) => {
                let raw = RawOutput::Writer(writer.take()?);
                return Ok(Self::uncompressed(OutputWriter::NAME, raw));
            }
            Output::File(path) | Output::Dir(path) => path,
        };
        let special = path.metadata().is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
        if special {
            return Self::open_special(path);
        }
        let (staged, file) = StagedOutput::file(path, replace, temporaries)?;
        let mut stream = Self::new(path, (file, path.display().to_string()))?;
        stream.staged = Some(Box::new(staged));
        Ok(stream)
    }

    fn uncompressed(name: &str, raw: RawOutput) -> Self {
        let writer = Writer::Plain(BufWriter::with_capacity(BUFFER, raw));
        Self { name: name.to_owned(), compression: StreamCompression::None, writer, staged: None }
    }

    /// Opens a stream to an existing path that is not a regular file.
    fn open_special(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let file = fs::OpenOptions::new().write(true).open(path);
        Self::new(path, (file.map_err(|error| Error::sink(&*name, error))?, name))
    }

    /// Opens a stream to a file that has its final name from the start and no other writer.
    pub(crate) fn open_in_place(
        path: &Path,
        overwrite: bool,
        temporaries: &Temporaries,
    ) -> Result<Self> {
        let special = path.metadata().is_ok_and(|meta| !meta.is_file());
        if special {
            return Self::open_special(path);
        }
        let name = path.display().to_string();
        let writer = Writer::Untouched(UntouchedFile::open(path, overwrite, temporaries)?);
        Ok(Self { name, compression: StreamCompression::of(path), writer, staged: None })
    }

    /// Opens a stream to a new file, which is called `name` in messages.
    pub(crate) fn new(path: &Path, (file, name): (File, String)) -> Result<Self> {
        let compression = StreamCompression::of(path);
        let writer = compression
            .writer(RawOutput::File(file))
            .map_err(|error| Error::sink(&*name, error))?;
        Ok(Self { name, compression, writer, staged: None })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let written = self.begin().and_then(|()| match &mut self.writer {
            Writer::Untouched(_) => Ok(()),
            Writer::Plain(writer) => writer.write_all(bytes),
            Writer::Gzip(writer) => writer.write_all(bytes),
            Writer::Zstd(writer) => writer.write_all(bytes),
        });
        written.map_err(|error| Error::sink(&*self.name, error))
    }

    /// Returns the name of a file that is not empty and will be replaced.
    pub(crate) fn replaces(&self) -> Option<&str> {
        match (&self.staged, &self.writer) {
            (Some(staged), _) => staged.replaces(),
            (None, Writer::Untouched(file)) if file.replaces() => Some(&self.name),
            _ => None,
        }
    }

    /// Truncates a file that is about to be written.
    fn begin(&mut self) -> io::Result<()> {
        if !matches!(self.writer, Writer::Untouched(_)) {
            return Ok(());
        }
        let nowhere = Writer::Plain(BufWriter::new(RawOutput::Nowhere));
        if let Writer::Untouched(file) = std::mem::replace(&mut self.writer, nowhere) {
            let file = file.begin(self.compression == StreamCompression::None)?;
            self.writer = self.compression.writer(RawOutput::InPlace(file))?;
        }
        Ok(())
    }

    /// Passes buffered output to the operating system.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let flushed = match &mut self.writer {
            Writer::Untouched(_) => Ok(()),
            Writer::Plain(writer) => writer.flush(),
            Writer::Gzip(writer) => writer.flush(),
            Writer::Zstd(writer) => writer.flush(),
        };
        flushed.map_err(|error| Error::sink(&*self.name, error))
    }

    /// Completes the stream, syncs it and renames it to its final path.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.begin().map_err(|error| Error::sink(&*self.name, error))?;
        let buffered = match self.writer {
            // Unreachable after `begin`.
            Writer::Untouched(_) => return Ok(()),
            Writer::Plain(writer) => Ok(writer),
            Writer::Gzip(writer) => writer.finish(),
            Writer::Zstd(writer) => writer.finish(),
        };
        let synced = buffered.and_then(|mut writer| {
            writer.flush()?;
            writer.get_mut().sync()
        });
        synced.map_err(|error| Error::sink(&*self.name, error))?;
        match self.staged {
            Some(staged) => staged.publish(),
            None => Ok(()),
        }
    }
}

/// Compression, chosen by the extension of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StreamCompression {
    None,
    Gzip,
    Zstd,
}

impl StreamCompression {
    fn of(path: &Path) -> Self {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("gz") => Self::Gzip,
            Some("zst") => Self::Zstd,
            _ => Self::None,
        }
    }

    fn writer(self, raw: RawOutput) -> io::Result<Writer> {
        let buffered = BufWriter::with_capacity(BUFFER, raw);
        Ok(match self {
            Self::None => Writer::Plain(buffered),
            Self::Gzip => Writer::Gzip(Box::new(GzEncoder::new(buffered, Compression::default()))),
            Self::Zstd => {
                let encoder = zstd::Encoder::new(buffered, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                Writer::Zstd(Box::new(encoder))
            }
        })
    }
}

/// Unbuffered output to standard output, a writer or a file.
enum RawOutput {
    Stdout(io::Stdout),
    Writer(Box<dyn Write + Send>),
    File(File),
    InPlace(InPlaceFile),
    /// An output that could not be opened.
    Nowhere,
}

impl RawOutput {
    /// Syncs everything to disk.
    fn sync(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::Writer(writer) => writer.flush(),
            Self::File(file) => match file.sync_all() {
                // Devices and pipes cannot be synced.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
                other => other,
            },
            Self::InPlace(file) => file.sync(),
            Self::Nowhere => Ok(()),
        }
    }
}

impl Write for RawOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::Writer(writer) => writer.write(bytes),
            Self::File(file) => file.write(bytes),
            Self::InPlace(file) => file.write(bytes),
            Self::Nowhere => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::Writer(writer) => writer.flush(),
            Self::File(file) => file.flush(),
            Self::InPlace(file) => file.flush(),
            Self::Nowhere => Ok(()),
        }
    }
}
