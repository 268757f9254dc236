//! Inputs to the lines of a feed: many inputs, one pass, one line at a time.

use std::vec::IntoIter;

use super::{
    CancellationToken, Inputs, JobOptions,
    background::{Background, Results},
};
use crate::{
    error::{Error, Result},
    feed::Feed,
    filter::Filter,
    format::{ChunkWriter, FeedEncoder, Format},
    pipeline::{Filters, Report},
};

/// Options of [`feed`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct FeedOptions {
    /// How the job runs.
    pub job: JobOptions,
    /// Which hosts and ports are in the feed, and the engine that runs on them.
    pub filters: Filters,
}

impl FeedOptions {
    /// Sets how the job runs.
    #[must_use]
    pub fn with_job(mut self, job: JobOptions) -> Self {
        self.job = job;
        self
    }

    /// Sets which hosts and ports are in the feed.
    #[must_use]
    pub fn with_filters(mut self, filters: Filters) -> Self {
        self.filters = filters;
        self
    }

    /// Selects hosts and ports by an expression.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filters.expression = Some(filter);
        self
    }
}

/// Returns the lines of a feed, such as the events of ECS, for files, folders, archives and datasets. Lines come in the
/// order of the inputs, the same for any number of threads.
///
/// An input that cannot be read does not end the others: [`FeedLines::finish`] returns the report with its error.
///
/// ```
/// use scanmill::{feed::ecs::Ecs, ops::{self, FeedOptions, Inputs}};
///
/// let inputs = Inputs::new(["fixtures/01-tcp-connect-default.xml"]);
/// let mut lines = ops::feed(&inputs, Ecs::default().into(), FeedOptions::default())?;
/// for line in &mut lines {
///     assert!(line?.contains("@timestamp"));
/// }
/// assert_eq!(lines.finish()?.counts.hosts, 1);
/// # Ok::<(), scanmill::error::Error>(())
/// ```
///
/// # Errors
/// Returns an error of the kind [`Resource`](crate::error::ErrorKind::Resource) if the system starts no thread.
pub fn feed(inputs: &Inputs, feed: Feed, options: FeedOptions) -> Result<FeedLines> {
    let inputs = inputs.clone();
    let caller = options.job.cancellation.clone();
    let job = Background::start("scanmill-feed", &caller, move |results, token| {
        let FeedOptions { job, filters } = options;
        let job = job.with_cancellation(token);
        let pipeline = job.pipeline(LineChannel { feed, results }, filters, false)?;
        let (pipeline, progress) = job.read(inputs.resolve(), pipeline)?;
        let report = pipeline.finish();
        drop(progress);
        report
    })?;
    Ok(FeedLines { job, lines: Vec::new().into_iter() })
}

/// Format whose chunks go to the consumer.
struct LineChannel {
    feed: Feed,
    results: Results<Vec<u8>>,
}

impl Format for LineChannel {
    type Encoder = FeedEncoder;

    fn encoder(&self) -> FeedEncoder {
        FeedEncoder::new(self.feed.clone())
    }
}

impl ChunkWriter for LineChannel {
    type Chunk = Vec<u8>;

    fn wants_activities(&self) -> bool {
        self.feed.writes_events()
    }

    fn write(&mut self, lines: Vec<u8>) -> Result<()> {
        self.results.send(lines);
        Ok(())
    }

    fn finish(self) -> Result<()> {
        Ok(())
    }
}

/// Lines of a feed, without their line breaks; see [`feed`].
///
/// Dropping it ends reading.
#[derive(Debug)]
pub struct FeedLines {
    job: Background<Vec<u8>>,
    /// Lines that were received and not returned yet.
    lines: IntoIter<String>,
}

impl FeedLines {
    /// Returns the token that ends reading: lines that are complete still come.
    #[must_use]
    pub fn cancellation(&self) -> CancellationToken {
        self.job.cancellation()
    }

    /// Ends reading, if it has not ended, and returns the report.
    ///
    /// # Errors
    /// Returns the error that ended reading as a whole, unless the iterator returned it.
    pub fn finish(self) -> Result<Report> {
        self.job.finish()
    }
}

impl Iterator for FeedLines {
    type Item = Result<String>;

    /// Returns the next line. An error that ends reading as a whole comes once, at the end.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(line) = self.lines.next() {
                return Some(Ok(line));
            }
            let text = match self.job.next()? {
                Ok(chunk) => String::from_utf8(chunk),
                Err(error) => return Some(Err(error)),
            };
            match text {
                Ok(text) => {
                    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
                    self.lines = lines.into_iter();
                }
                Err(_) => return Some(Err(Error::internal("a line of a feed is not UTF-8"))),
            }
        }
    }
}
