//! Feeds as iterators of lines: they are those that the command writes.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use assert_cmd::cargo::cargo_bin;
use scanmill::{
    feed::{Feed, cim::Cim, ecs::Ecs, ocsf::Ocsf},
    ops::{
        self, CancellationToken, FeedOptions, Inputs, JobOptions, MemoryBudget, Progress,
        ProgressHandle,
    },
};

use crate::support::{command, root};

/// Options for this number of threads.
fn threads(threads: usize) -> FeedOptions {
    let budget = MemoryBudget::new(None, threads).unwrap();
    FeedOptions::default().with_job(JobOptions::new(budget))
}

#[test]
fn lines_are_those_of_the_command_for_any_number_of_threads() {
    for (name, feed) in [
        ("ecs", Feed::from(Ecs::default())),
        ("ocsf", Feed::from(Ocsf::default())),
        ("cim", Feed::from(Cim::default())),
        ("jsonl", Feed::Nested { events: false }),
    ] {
        let mut convert = command(cargo_bin!("scanmill"));
        let convert = convert.current_dir(root()).args(["convert", "-q", "--to", name, "fixtures"]);
        let said = convert.output().unwrap().stdout;
        let said = String::from_utf8(said).unwrap();
        for number in [1, 3] {
            let inputs = Inputs::new(["fixtures"]);
            let mut lines = ops::feed(&inputs, feed.clone(), threads(number)).unwrap();
            let all: Vec<String> = (&mut lines).map(Result::unwrap).collect();
            assert!(all.iter().map(String::as_str).eq(said.lines()), "{name}, {number} threads");
            let report = lines.finish().unwrap();
            assert!(report.lines == all.len() as u64 && !report.interrupted);
        }
    }
}

/// Counts the inputs that a job begins to read.
#[derive(Default)]
struct CountInputs(AtomicUsize);

impl Progress for CountInputs {
    fn input(&self, _name: &str) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn dropping_the_consumer_ends_reading_and_leaves_the_token_usable() {
    let fixtures: Vec<_> = fs::read_dir(root().join("fixtures"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .collect();
    let inputs = Inputs::new(fixtures.iter().cycle().take(2000).cloned());
    let (token, begun) = (CancellationToken::new(), Arc::new(CountInputs::default()));
    let progress = ProgressHandle::from(Arc::clone(&begun) as Arc<dyn Progress>);
    let job = JobOptions::default().with_cancellation(token.clone()).with_progress(progress);
    let options = FeedOptions::default().with_job(job);
    let mut lines = ops::feed(&inputs, Ecs::default().into(), options.clone()).unwrap();
    assert!(lines.next().unwrap().unwrap().starts_with('{'));
    drop(lines);
    let begun = begun.0.load(Ordering::Relaxed);
    assert!(begun < 2000, "everything was read, though nobody took the lines");
    assert!(!token.is_cancelled());
    let again = Inputs::new(["fixtures/01-tcp-connect-default.xml"]);
    let lines = ops::feed(&again, Ecs::default().into(), options).unwrap();
    assert!(lines.map(Result::unwrap).count() > 0);
}

#[test]
fn inputs_that_cannot_be_read_are_in_the_report() {
    let inputs = Inputs::new(["none.xml", "fixtures/01-tcp-connect-default.xml"]);
    let mut lines = ops::feed(&inputs, Ecs::default().into(), threads(1)).unwrap();
    assert!((&mut lines).count() > 0);
    let report = lines.finish().unwrap();
    assert_eq!((report.errors.len(), report.counts.hosts), (1, 1));
}
