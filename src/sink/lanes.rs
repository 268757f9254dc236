//! Work in lanes: what is given to one lane is done in order, lanes are done beside each other.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use super::Workers;
use crate::error::{Error, Result};

/// Items that wait in all lanes together; whoever gives more waits.
const WAITING: usize = 24;

/// Something that takes items in order.
pub(super) trait Lane<I>: Send + 'static {
    fn take(&mut self, item: I) -> Result<()>;

    /// Does what is left to do behind the last item.
    fn finish(self) -> Result<()>;
}

/// Lanes on threads, or on that of the caller.
pub(super) struct Lanes<L, I> {
    shared: Arc<Shared<L, I>>,
    workers: Option<Workers>,
}

struct Shared<L, I> {
    lanes: Mutex<State<L, I>>,
    changed: Condvar,
}

struct State<L, I> {
    lanes: Vec<Slot<L, I>>,
    waiting: usize,
    /// The first error. After it nothing more is done.
    failed: Option<Error>,
}

struct Slot<L, I> {
    /// `None` while a thread has it, and when that ended early.
    lane: Option<L>,
    lost: bool,
    items: VecDeque<I>,
}

impl<L, I> State<L, I> {
    /// Whether no thread has a lane.
    fn is_idle(&self) -> bool {
        self.lanes.iter().all(|slot| slot.lane.is_some() || slot.lost)
    }
}

impl<L: Lane<I>, I: Send + 'static> Lanes<L, I> {
    pub(super) fn new(lanes: Vec<L>) -> Self {
        let slot = |lane| Slot { lane: Some(lane), lost: false, items: VecDeque::new() };
        let lanes = lanes.into_iter().map(slot).collect();
        let state = State { lanes, waiting: 0, failed: None };
        let shared = Shared { lanes: Mutex::new(state), changed: Condvar::new() };
        Self { shared: Arc::new(shared), workers: None }
    }

    /// From now on threads do the work.
    pub(super) fn share(&mut self, workers: &Workers) {
        self.workers = Some(workers.clone());
    }

    /// Gives an item to a lane. An error may be one of an item before it.
    pub(super) fn give(&self, lane: usize, item: I) -> Result<()> {
        let Some(workers) = &self.workers else {
            let mut state = self.shared.lock();
            let Some(Slot { lane: Some(lane), .. }) = state.lanes.get_mut(lane) else {
                return Ok(());
            };
            return lane.take(item);
        };
        let has_room = |state: &State<L, I>| state.waiting < WAITING || state.failed.is_some();
        let mut state = self.shared.wait(workers, has_room);
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        state.waiting = state.waiting.saturating_add(1);
        if let Some(slot) = state.lanes.get_mut(lane) {
            slot.items.push_back(item);
            if let Some(taken) = slot.lane.take() {
                let shared = Arc::clone(&self.shared);
                workers.spawn(move || shared.run(lane, taken));
            }
        }
        Ok(())
    }

    /// Waits until all is done, and finishes the lanes, beside each other too. An error is that of the
    /// first lane that has one.
    pub(super) fn finish(self) -> Result<()> {
        let lanes = self.rest()?;
        let Some(workers) = &self.workers else {
            return lanes.into_iter().try_for_each(L::finish);
        };
        let start = |lane: L| workers.start(move || lane.finish());
        let tasks: Vec<_> = lanes.into_iter().map(start).collect();
        let results = tasks.into_iter().map(|task| task.wait().flatten());
        // All of them are waited for.
        results.fold(Ok(()), Result::and)
    }

    /// Waits until all is done and takes the lanes.
    fn rest(&self) -> Result<Vec<L>> {
        let mut state = match &self.workers {
            Some(workers) => self.shared.wait(workers, State::is_idle),
            None => self.shared.lock(),
        };
        if let Some(error) = state.failed.take() {
            return Err(error);
        }
        let lanes = std::mem::take(&mut state.lanes);
        Ok(lanes.into_iter().filter_map(|slot| slot.lane).collect())
    }
}

impl<L, I> Drop for Lanes<L, I> {
    /// A lane that is at work has files open that somebody may want to remove.
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        for slot in &mut state.lanes {
            slot.items.clear();
        }
        while self.workers.is_some() && !state.is_idle() {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        // A thread that has just put its lane back may still hold on to all of this.
        let lanes = std::mem::take(&mut state.lanes);
        drop(state);
        drop(lanes);
    }
}

impl<L, I> Shared<L, I> {
    fn lock(&self) -> MutexGuard<'_, State<L, I>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lanes, when they are as asked for. This thread helps until then.
    fn wait(
        &self,
        workers: &Workers,
        is_so: impl Fn(&State<L, I>) -> bool,
    ) -> MutexGuard<'_, State<L, I>> {
        loop {
            let state = self.lock();
            if is_so(&state) {
                return state;
            }
            drop(state);
            if workers.help() {
                continue;
            }
            // All work was begun: whoever is at it tells when something is done.
            let state = self.lock();
            let waits = |state: &mut State<L, I>| !is_so(state);
            return self.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<L: Lane<I>, I> Shared<L, I> {
    /// Does what waits in a lane, then gives the lane back.
    fn run(&self, number: usize, mut lane: L) {
        let ends = Ends { shared: self, number };
        let mut state = self.lock();
        loop {
            let failed = state.failed.is_some();
            let slot = state.lanes.get_mut(number);
            let item = slot.and_then(|slot| slot.items.pop_front());
            let Some(item) = item else { break };
            state.waiting = state.waiting.saturating_sub(1);
            if failed {
                continue;
            }
            drop(state);
            self.changed.notify_all();
            let result = lane.take(item);
            state = self.lock();
            if let Err(error) = result {
                state.failed.get_or_insert(error);
            }
        }
        if let Some(slot) = state.lanes.get_mut(number) {
            slot.lane = Some(lane);
        }
        drop(state);
        drop(ends);
    }
}

/// Tells that a thread is done with a lane, in any way.
struct Ends<'s, L, I> {
    shared: &'s Shared<L, I>,
    number: usize,
}

impl<L, I> Drop for Ends<'_, L, I> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        // After a bug in the lane nothing more can be done with it. Otherwise another thread may have it by now.
        if thread::panicking()
            && let Some(slot) = state.lanes.get_mut(self.number)
        {
            slot.lost = true;
            state.failed.get_or_insert_with(|| Error::usage("a thread ended early"));
        }
        drop(state);
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps what it was given, and shows it at the end; refuses 13, to end on 14 and 15, and breaks at 16.
    #[derive(Default)]
    struct Kept(Vec<u32>, Shown);

    type Shown = Arc<Mutex<Vec<Vec<u32>>>>;

    impl Lane<u32> for Kept {
        fn take(&mut self, item: u32) -> Result<()> {
            if item == 13 {
                return Err(Error::usage("13"));
            }
            assert_ne!(item, 16, "on purpose");
            self.0.push(item);
            Ok(())
        }

        fn finish(self) -> Result<()> {
            if let Some(last @ (14 | 15)) = self.0.last() {
                return Err(Error::usage(last.to_string()));
            }
            self.1.lock().unwrap().push(self.0);
            Ok(())
        }
    }

    /// Three lanes, and what they show at the end.
    fn lanes(workers: Option<&Workers>) -> (Lanes<Kept, u32>, Shown) {
        let shown = Shown::default();
        let lane = || Kept(Vec::new(), Arc::clone(&shown));
        let mut lanes = Lanes::new(vec![lane(), lane(), lane()]);
        if let Some(workers) = workers {
            lanes.share(workers);
        }
        (lanes, shown)
    }

    #[test]
    fn what_is_given_to_a_lane_is_done_in_order() {
        let workers = Workers::new(4).unwrap();
        for workers in [None, Some(&workers)] {
            let (lanes, shown) = lanes(workers);
            for n in 99..999 {
                lanes.give(usize::try_from(n % 3).unwrap(), n).unwrap();
            }
            lanes.finish().unwrap();
            let mut shown = std::mem::take(&mut *shown.lock().unwrap());
            shown.sort_unstable();
            for (lane, kept) in (0_u32..3).zip(shown) {
                assert!(kept.iter().all(|n| n % 3 == lane) && kept.is_sorted());
                assert_eq!(kept.len(), 300);
            }
        }
    }

    #[test]
    fn an_error_is_told_at_last_and_nothing_is_done_behind_it() {
        let workers = Workers::new(2).unwrap();
        for workers in [None, Some(&workers)] {
            let (lanes, _) = lanes(workers);
            let early = (10..2000).any(|n| lanes.give(1, n).is_err());
            let late = lanes.finish();
            assert!(early && (workers.is_none() || late.is_err()));
        }
        // Dropped with work under way it waits for that, not for ever.
        let (lanes, _) = lanes(Some(&workers));
        (20..40).for_each(|n| lanes.give(0, n).unwrap());
        drop(lanes);
    }

    #[test]
    fn a_lane_that_breaks_is_an_error_on_whatever_thread() {
        for threads in [2, 4] {
            let workers = Workers::new(threads).unwrap();
            let (kept, _) = lanes(Some(&workers));
            let early = (10..2000).any(|n| kept.give(1, n).is_err());
            assert!(early || kept.finish().is_err());
            let (dropped, _) = lanes(Some(&workers));
            let _ = dropped.give(0, 16);
        }
    }

    #[test]
    fn the_first_lane_that_cannot_be_finished_is_told_of() {
        let workers = Workers::new(2).unwrap();
        for workers in [None, Some(&workers)] {
            let (lanes, _) = lanes(workers);
            lanes.give(2, 14).unwrap();
            lanes.give(1, 15).unwrap();
            assert_eq!(lanes.finish().unwrap_err().to_string(), Error::usage("15").to_string());
        }
    }
}
