//! `scanmill history`.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use super::{
    args::{HistoryArgs, TalkArgs},
    convert::{check_outputs, filters, identity, with_report, write_json},
    exit::Exit,
    inputs::{self, budget, reserved, threads},
    output::{Plan, Rows},
    progress::progress,
    render::Talk,
    signals,
};
use crate::{
    error::Result,
    format::{RowFormat, RowFormatVisitor},
    merge::{MergePolicy, Merger, Precedence},
    ops::{JobOptions, MemoryBudget, ResolvedInputs},
    output::Temporaries,
    pipeline::{Filters, MergeInput, Pipeline},
};

pub(super) fn run(args: &HistoryArgs, (how, talk): (&TalkArgs, &Talk)) -> Result<Exit> {
    let begun = Instant::now();
    let temporaries = Temporaries::default();
    let (write, pick) = (args.write(), args.pick());
    let plan = Plan::of(&write, &pick, Rows::History)?;
    let inputs = inputs::inputs(&args.read)?;
    let found = inputs.resolve();
    let reserved = reserved(args.read.files_from.as_deref(), how.config_file());
    let reserved = with_report(reserved, args.report.as_deref(), write.overwrite);
    check_outputs((&plan, None), (&inputs, &found), &reserved)?;
    let budget = budget(&args.read.how, threads(args.threads))?;
    // Installed before any temporary file exists, so that a signal finds all of them.
    let stop = signals::stop_flag(&temporaries);
    let history = History {
        args,
        how,
        talk,
        on_stdout: plan.is_on_stdout(),
        overwrite: write.overwrite,
        found,
        filters: filters(&pick),
        budget: &budget,
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
    found: ResolvedInputs,
    filters: Filters,
    budget: &'h MemoryBudget,
    stop: Arc<AtomicBool>,
    temporaries: &'h Temporaries,
    begun: Instant,
}

impl RowFormatVisitor for History<'_> {
    type Output = Exit;

    fn visit<F: RowFormat + 'static>(self, format: F) -> Result<Exit> {
        let Self { args, how, talk, budget, temporaries, .. } = self;
        let series = &args.series;
        let policy = MergePolicy::new(Precedence::Latest)
            .with_identity(identity(series.identity))
            .with_keep_covered(series.keep_covered)
            .with_keep_identity(series.keep_identity);
        let merger = Merger::with_memory(policy, budget.merge_bytes(), series.temp_dir.as_deref());
        let input = MergeInput::new(merger).with_room(budget.document_bytes());
        // Finished scans that share an ID and differ are distinguished by their bytes.
        let options = inputs::options(&args.read.how, budget).with_hash(true);
        let pipeline = Pipeline::new(options, self.filters, input, self.stop);
        let pipeline = pipeline.with_threads(budget.threads())?.with_room(budget.document_bytes());
        let job = JobOptions::new(*budget).with_progress(progress(how, self.on_stdout));
        let (pipeline, progress) = job.read(self.found, pipeline, None)?;
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
