//! `scanmill history`.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use super::{
    args::{HistoryArgs, TalkArgs},
    convert::{check_outputs, filters, identity, threads, write_json},
    exit::Exit,
    inputs::{self, Given, Inputs},
    memory::Shares,
    output::{Plan, Rows},
    overlap::Written,
    progress::Progress,
    render::Talk,
    signals,
};
use crate::{
    error::Result,
    format::{RowFormat, RowFormatVisitor},
    merge::{MergePolicy, Merger, Precedence},
    output::Temporaries,
    pipeline::{Filters, MergeInput, Pipeline},
};

pub(super) fn run(args: &HistoryArgs, (how, talk): (&TalkArgs, &Talk)) -> Result<Exit> {
    let begun = Instant::now();
    let temporaries = Temporaries::default();
    let (write, pick) = (args.write(), args.pick());
    let plan = Plan::of(&write, &pick, Rows::History)?;
    let inputs = Inputs::of(&args.read)?;
    let given = inputs.discover();
    let reading = inputs.reading(&given, how.config_file());
    let report = Written::report(args.report.as_deref(), write.overwrite);
    check_outputs(report, (&plan, None), &reading)?;
    let shares = Shares::of(args.read.how.memory, threads(args.threads))?;
    // Installed before any temporary file exists, so that a signal finds all of them.
    let stop = signals::stop_flag(&temporaries);
    let history = History {
        args,
        how,
        talk,
        on_stdout: plan.is_on_stdout(),
        overwrite: write.overwrite,
        inputs: &inputs,
        given,
        filters: filters(&pick),
        shares: &shares,
        stop,
        temporaries: &temporaries,
        begun,
    };
    plan.open_tables(&write, ("history", &temporaries), history)
}

/// State of a run before its output is opened.
struct History<'h> {
    args: &'h HistoryArgs,
    how: &'h TalkArgs,
    talk: &'h Talk,
    on_stdout: bool,
    overwrite: bool,
    inputs: &'h Inputs,
    given: Vec<Given>,
    filters: Filters,
    shares: &'h Shares,
    stop: Arc<AtomicBool>,
    temporaries: &'h Temporaries,
    begun: Instant,
}

impl RowFormatVisitor for History<'_> {
    type Output = Exit;

    fn visit<F: RowFormat + 'static>(self, format: F) -> Result<Exit> {
        let Self { args, how, talk, shares, temporaries, .. } = self;
        let series = &args.series;
        let policy = MergePolicy::new(Precedence::Latest)
            .with_identity(identity(series.identity))
            .with_keep_covered(series.keep_covered)
            .with_keep_identity(series.keep_identity);
        let merger = Merger::with_memory(policy, shares.merge, series.temp_dir.as_deref());
        let input = MergeInput::new(merger).with_room(shares.documents);
        // Finished scans that share an ID and differ are distinguished by their bytes.
        let options = inputs::options(&args.read.how, shares).with_hash(true);
        let pipeline = Pipeline::new(options, self.filters, input, self.stop);
        let mut pipeline = pipeline.with_threads(shares.threads)?.with_room(shares.documents);
        let lens = self.given.iter().map(Given::packed_len);
        let progress = Progress::begin(how, lens, self.on_stdout);
        pipeline = pipeline.with_meter(progress.meter());
        self.inputs.read(self.given, (&mut pipeline, &progress), None)?;
        let finished = pipeline.history_into(format);
        drop(progress);
        talk.leftovers(temporaries);
        let report = finished?;
        talk.report(&report, self.begun.elapsed());
        if let Some(path) = &args.report {
            write_json((path, self.overwrite), &report, temporaries)?;
        }
        Ok(Exit::of_report(&report))
    }
}
