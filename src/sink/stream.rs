//! A stream of text, plain or compressed by the ending of its name.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};

use super::{
    lock::open_locked,
    target::{Output, Pending, refuse_existing},
    temporaries::Temporaries,
};
use crate::{
    error::{Error, Result},
    fs::{self, File},
};

/// Bytes gathered before they are handed to the system.
const BUFFER: usize = 64 << 10;

/// Text on its way to standard output or to a file.
pub(super) struct TextStream {
    name: String,
    writer: Writer,
    pending: Option<Box<Pending>>,
}

enum Writer {
    Plain(BufWriter<Raw>),
    Gzip(Box<GzEncoder<BufWriter<Raw>>>),
    Zstd(Box<zstd::Encoder<'static, BufWriter<Raw>>>),
}

impl TextStream {
    /// A stream to standard output or to a file of its own, which gets its name when it is finished. A file
    /// that is no regular one, such as `/dev/null` or a FIFO, is written as it is.
    pub(super) fn open(
        output: &Output,
        overwrite: bool,
        temporaries: &Temporaries,
    ) -> Result<Self> {
        let path = match output {
            Output::Stdout => {
                let writer =
                    Writer::Plain(BufWriter::with_capacity(BUFFER, Raw::Stdout(io::stdout())));
                return Ok(Self { name: "standard output".into(), writer, pending: None });
            }
            Output::File(path) | Output::Dir(path) => path,
        };
        let special = path.metadata().is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
        if special {
            return Self::special(path);
        }
        let (pending, file) = Pending::file(path, overwrite, temporaries)?;
        let mut stream = Self::over(path, (file, path.display().to_string()))?;
        stream.pending = Some(Box::new(pending));
        Ok(stream)
    }

    /// A stream to a new file that is part of something with a name of its own; with its name for messages.
    pub(super) fn member(path: &Path, file: (File, String)) -> Result<Self> {
        Self::over(path, file)
    }

    /// A stream to what is there and is no regular file.
    fn special(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let file = fs::OpenOptions::new().write(true).open(path);
        Self::over(path, (file.map_err(|error| Error::sink(&*name, error))?, name))
    }

    /// A stream to a file that has its name from the start, and no other writer.
    pub(super) fn live(path: &Path, overwrite: bool) -> Result<Self> {
        let special = path.metadata().is_ok_and(|meta| !meta.is_file());
        if special {
            return Self::special(path);
        }
        let name = path.display().to_string();
        refuse_existing(path, &name, overwrite)?;
        let mut options = File::options();
        // Nothing is cut before the lock is held: what is there may be the feed of another run.
        options.write(true).create(overwrite).create_new(!overwrite).truncate(false);
        let file = open_locked(path, &options)?;
        file.set_len(0).map_err(|error| Error::sink(&*name, error))?;
        Self::over(path, (file, name))
    }

    fn over(path: &Path, (file, name): (File, String)) -> Result<Self> {
        let buffered = BufWriter::with_capacity(BUFFER, Raw::File(file));
        let writer = match path.extension().and_then(|ending| ending.to_str()) {
            Some("gz") => Writer::Gzip(Box::new(GzEncoder::new(buffered, Compression::default()))),
            Some("zst") => {
                let encoder = zstd::Encoder::new(buffered, zstd::DEFAULT_COMPRESSION_LEVEL);
                Writer::Zstd(Box::new(encoder.map_err(|error| Error::sink(&*name, error))?))
            }
            _ => Writer::Plain(buffered),
        };
        Ok(Self { name, writer, pending: None })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match &mut self.writer {
            Writer::Plain(writer) => writer.write_all(bytes),
            Writer::Gzip(writer) => writer.write_all(bytes),
            Writer::Zstd(writer) => writer.write_all(bytes),
        };
        written.map_err(|error| Error::sink(&*self.name, error))
    }

    /// Hands what was written to the system.
    pub(super) fn flush(&mut self) -> Result<()> {
        let flushed = match &mut self.writer {
            Writer::Plain(writer) => writer.flush(),
            Writer::Gzip(writer) => writer.flush(),
            Writer::Zstd(writer) => writer.flush(),
        };
        flushed.map_err(|error| Error::sink(&*self.name, error))
    }

    /// Completes the stream, syncs it and gives it its name.
    pub(super) fn finish(self) -> Result<()> {
        let buffered = match self.writer {
            Writer::Plain(writer) => Ok(writer),
            Writer::Gzip(writer) => writer.finish(),
            Writer::Zstd(writer) => writer.finish(),
        };
        let synced = buffered.and_then(|mut writer| {
            writer.flush()?;
            writer.get_mut().sync()
        });
        synced.map_err(|error| Error::sink(&*self.name, error))?;
        match self.pending {
            Some(pending) => pending.publish(),
            None => Ok(()),
        }
    }
}

/// Writes to standard output or to a file.
#[derive(Debug)]
enum Raw {
    Stdout(io::Stdout),
    File(File),
}

impl Raw {
    /// Hands everything to the disk.
    fn sync(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => match file.sync_all() {
                // A device or a pipe has nothing to sync.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
                other => other,
            },
        }
    }
}

impl Write for Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.flush(),
        }
    }
}
