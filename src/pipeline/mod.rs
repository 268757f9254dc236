//! From inputs to one output: order, filters, counts. Errors of one input never stop the others.

mod batches;
mod coder;
mod crew;
mod destination;
mod ids;
mod live;
mod merging;
mod outlet;
mod output;
mod reading;
mod report;
mod room;
mod split;

use std::{
    io::{self, Cursor, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

pub use self::{
    batches::Batches,
    destination::{Destination, Filters},
    report::{
        Counts, FailedScan, FailedScans, FailureReport, InputReport, Outcome, Report, WarningReport,
    },
};
use self::{
    coder::Coder,
    crew::{Crew, Next, Task},
    outlet::Outlet,
    output::{Flushes, Taker as _, Writing},
    reading::{Reading, Stream},
    split::{Turn, Turns},
};
use crate::{
    error::{Error, Result},
    limits::Limits,
    merge::Merger,
    model::{RunHeader, ScanEvent, ScanEvents},
    sink::{StateSink, Workers},
    source::{Bytes, Input, Manner, Member, Meter, Pick},
    xml::{Decoder, HostBatch, Options, most_ports},
};

/// Bytes of an input that one thread of several reads.
const SMALL: u64 = 4 << 20;

/// Bytes of output gathered before they are written.
const OUTPUT: usize = 256 << 10;

/// A consumer of all that is read, beside the output, with the name of what it is read from.
pub type Observer<'o> = &'o mut dyn FnMut(&str, &ScanEvent<'_>);

/// Reads inputs in order and writes what they hold. Whatever the number of threads, the output is the same.
pub struct Pipeline {
    options: Options,
    /// The decoder of the input that was read here before.
    spare: Option<Box<Decoder>>,
    filters: Filters,
    coder: Coder,
    outlet: Outlet,
    /// Where the state of a merge goes.
    state: Option<StateSink>,
    crew: Option<Crew>,
    turns: Turns,
    meter: Meter,
    stop: Arc<AtomicBool>,
}

impl Pipeline {
    /// A pipeline to a destination, on one thread. It stops between two events when `stop` becomes true.
    #[must_use]
    pub fn new(
        options: Options,
        filters: Filters,
        destination: Destination,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let outlet = Outlet::from(destination);
        let mut coder = coder(&outlet, &filters, &options);
        coder.is_absorbed = false;
        let turns = Turns::default();
        let meter = Meter::default();
        let (spare, state, crew) = (None, None, None);
        Self { options, spare, filters, coder, outlet, state, crew, turns, meter, stop }
    }

    /// The same with so many threads, or with as many as the system gives: the output has the same bytes. With
    /// strict reading one thread reads all, as a scan that was read before ends its input.
    ///
    /// # Errors
    /// None today: a pipeline that gets no thread works on that of its caller.
    pub fn with_threads(mut self, threads: usize) -> Result<Self> {
        if threads > 1
            && !self.options.strict
            && let Ok(workers) = Workers::new(threads).or_else(|_| Workers::new(2))
        {
            self.outlet.share(&workers);
            let best = self.coder.best_input();
            self.crew = Some(Crew::new(workers, &self.options, &self.stop, best));
        }
        Ok(self)
    }

    /// The same, with the bytes of inputs counted here as they are read.
    #[must_use]
    pub fn with_meter(mut self, meter: Meter) -> Self {
        self.meter = meter;
        self
    }

    /// Reads an input to its end, or what is in it if it is compressed or an archive, as far as it is
    /// picked. What cannot be read is told in the report.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn read(&mut self, input: &Input, pick: &Pick) -> Result<()> {
        let limits = self.options.limits.clone();
        let manner = self.manner(&limits, pick);
        input.visit_as(&manner, &mut |member| match member {
            _ if self.is_stopped() => Ok(()),
            Ok(member) => self.read_member(member, &mut |_, _| {}),
            Err(error) => self.refuse(error),
        })
    }

    /// The same with an observer, on one thread.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn read_observed(
        &mut self,
        input: &Input,
        pick: &Pick,
        observer: Observer<'_>,
    ) -> Result<()> {
        self.write_crew()?;
        let limits = self.options.limits.clone();
        let manner = self.manner(&limits, pick);
        input.visit_as(&manner, &mut |member| match member {
            _ if self.is_stopped() => Ok(()),
            Ok(member) => self.read_here(member, observer),
            Err(error) => self.refuse(error),
        })
    }

    /// Takes scans that were read before, as one input of this name; hosts in the order of the scans. With an
    /// observer beside the output.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn replay(
        &mut self,
        name: &str,
        scans: &mut dyn ScanEvents,
        observer: Observer<'_>,
    ) -> Result<()> {
        self.write_crew()?;
        let read = (&self.options, &*self.stop);
        let mut writing = Writing::new(&mut self.outlet);
        reading::replay(&mut self.coder, (name, true), scans, read, observer, &mut writing)?;
        Ok(())
    }

    fn manner<'m>(&self, limits: &'m Limits, pick: &'m Pick) -> Manner<'m> {
        let (meter, ahead) = (self.meter.clone(), self.crew.is_some());
        Manner { meter, ahead, ..Manner::new(limits, pick) }
    }

    /// Tells of an input that was not even found.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn refuse(&mut self, error: Error) -> Result<()> {
        self.tell(Task::Refused(error))
    }

    /// Tells of an input that need not be read, as all in it is known.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn skip_known(&mut self, name: &str) -> Result<()> {
        self.tell(Task::Known(name.to_owned()))
    }

    /// Has a sink that takes notices told this number, when it has been told of all that was read before.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn mark(&mut self, number: u64) -> Result<()> {
        self.tell(Task::Mark(number))
    }

    fn tell(&mut self, task: Task) -> Result<()> {
        if self.crew.is_some() {
            return self.add(task);
        }
        crew::told(&task, &mut self.coder);
        self.outlet.notice(self.coder.take_notices())
    }

    /// Whether the run was told to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Completes the output. A run that was told to stop, or that could read nothing, leaves no file, and keeps what has the
    /// output's name; one that read no scan keeps it if it holds something. On standard output is what was whole.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn finish(mut self) -> Result<Report> {
        self.write_crew()?;
        let rest = self.coder.take_all()?;
        self.outlet.write(rest)?;
        self.outlet.notice(self.coder.take_notices())?;
        self.merge()?;
        self.outlet.flush()?;
        let mut report = std::mem::take(&mut self.coder.report);
        report.interrupted = self.is_stopped();
        for table in self.outlet.tables() {
            report.rows.insert(table.name(), self.coder.rows(*table));
        }
        if report.interrupted || !report.has_input() {
            return Ok(report);
        }
        // Nothing takes the place of something.
        report.kept = self.outlet.replaces().filter(|_| !report.has_scan()).map(str::to_owned);
        if report.kept.is_none() {
            self.publish()?;
        }
        Ok(report)
    }

    /// Ends reading, of a pipeline whose destination is [`Destination::Merge`], and gives its merger with all
    /// that was read; of any other, `None`.
    ///
    /// # Errors
    /// If temporary files cannot be written.
    pub fn into_merger(mut self) -> Result<(Report, Option<Merger>)> {
        self.write_crew()?;
        let rest = self.coder.take_all()?;
        self.outlet.write(rest)?;
        let mut report = std::mem::take(&mut self.coder.report);
        report.interrupted = self.is_stopped();
        Ok((report, self.outlet.into_merger()))
    }

    /// Small members go to the crew as they are, and of others their hosts. Without a crew, and if it comes
    /// slowly, a member is read here.
    fn read_member(&mut self, member: Member<'_>, observer: Observer<'_>) -> Result<()> {
        if self.crew.is_none() || member.live {
            self.write_crew()?;
            return self.read_here(member, observer);
        }
        let Member { name, named, len, bytes, .. } = member;
        let mut rest = match bytes.into_held() {
            Ok(bytes) => return self.add(Task::Read { name, named, bytes }),
            Err(bytes) => bytes,
        };
        if len.is_some_and(|len| len > SMALL) {
            self.send();
            return self.read_split(name, named, rest);
        }
        let most = SMALL.saturating_add(1);
        let room = len.map_or(0, |len| len.saturating_add(1).min(most));
        let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or(0));
        let result = io::copy(&mut (&mut rest).take(most), &mut bytes);
        if matches!(result, Ok(len) if len <= SMALL) {
            return self.add(Task::Read { name, named, bytes });
        }
        self.send();
        let head = Cursor::new(bytes);
        match result {
            Ok(_) => self.read_split(name, named, head.chain(rest)),
            Err(error) => self.read_split(name, named, head.chain(Failed(Some(error)))),
        }
    }

    /// Reads a member on this thread.
    fn read_here(&mut self, member: Member<'_>, observer: Observer<'_>) -> Result<()> {
        let Member { name, named, live, bytes, .. } = member;
        let (held, bytes) = match bytes.into_held() {
            Ok(held) => (held, Bytes::of(io::empty())),
            Err(bytes) => (Vec::new(), bytes),
        };
        let stream = Stream { name, named, head: &held, bytes: bytes.into_read() };
        let flushes = match live {
            false => Flushes::Seldom,
            // What an engine takes for the next host is waiting too.
            true if self.filters.engine.is_some() => Flushes::Always,
            true => Flushes::BeforeWaits,
        };
        let mut writing = Writing { outlet: &mut self.outlet, flushes };
        let mut reading =
            Reading { options: &self.options, stop: &self.stop, spare: &mut self.spare };
        reading::read(&mut self.coder, stream, &mut reading, observer, &mut writing)?;
        Ok(())
    }

    /// Gives a task to the crew.
    fn add(&mut self, task: Task) -> Result<()> {
        let Some(crew) = &mut self.crew else { return Ok(()) };
        if crew.add(task) {
            self.make_room()?;
            self.send();
        }
        Ok(())
    }

    /// Sends the group that is gathered to the crew.
    fn send(&mut self) {
        let coder = || coder(&self.outlet, &self.filters, &self.options);
        if let Some(crew) = &mut self.crew {
            crew.send_group(coder);
        }
    }

    /// Sends hosts to the crew.
    fn send_hosts(&mut self, run: &Arc<RunHeader>, batch: HostBatch) -> Result<()> {
        self.make_room()?;
        let coder = || coder(&self.outlet, &self.filters, &self.options);
        if let Some(crew) = &mut self.crew {
            crew.send_hosts(run, batch, coder);
        }
        Ok(())
    }

    /// Has something done in its turn that was read from so many bytes.
    fn then(&mut self, turn: Turn, read: usize) -> Result<()> {
        self.make_room()?;
        if let Some(crew) = &mut self.crew {
            crew.then(turn, read);
        }
        Ok(())
    }

    fn make_room(&mut self) -> Result<()> {
        while self.crew.as_ref().is_some_and(Crew::is_full) {
            self.write_oldest()?;
        }
        Ok(())
    }

    /// Writes all that the crew has, so that what comes next can be written.
    fn write_crew(&mut self) -> Result<()> {
        self.send();
        while self.write_oldest()? {}
        Ok(())
    }

    /// Takes the oldest step of the crew, behind what was encoded here; false if there is none.
    fn write_oldest(&mut self) -> Result<bool> {
        let Some(crew) = &mut self.crew else { return Ok(false) };
        let next = crew.next(&mut self.coder)?;
        let mut writing = Writing::new(&mut self.outlet);
        match next {
            None => return Ok(false),
            Some(Next::Then(turn)) => {
                self.turns.take(turn, &mut self.coder, &mut writing)?;
            }
            Some(Next::Outputs(outputs, notes)) => {
                self.coder.check_room()?;
                self.turns.merge(notes.unwrap_or_default());
                writing.take(self.coder.take_all()?)?;
                outputs.into_iter().try_for_each(|output| writing.take(output))?;
            }
            Some(Next::Again(work)) => {
                let (options, stop) = crew.options();
                writing.take(self.coder.take_all()?)?;
                let notes = work.run(&mut self.coder, (&options, &stop), &mut writing)?;
                self.turns.merge(notes.unwrap_or_default());
                writing.take(self.coder.take_all()?)?;
            }
        }
        self.outlet.notice(self.coder.take_notices())?;
        Ok(true)
    }
}

/// A coder whose output this outlet writes.
fn coder(outlet: &Outlet, filters: &Filters, options: &Options) -> Coder {
    let takes = outlet.takes_notices();
    Coder::new(outlet.way(), filters.clone(), most_ports(&options.limits)).with_notices(takes)
}

/// Fails as what it stands for did.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
