//! Calls of user functions: on threads of their own, with limits on their number and on the time each may take.
//!
//! A thread cannot be interrupted. If a function exceeds its time, [`CallLimiter::call`] returns an error and the thread
//! keeps running as a *late* call, which still occupies a slot. [`CallSlot`] frees the slot when the function returns,
//! even if it panics. If every slot is occupied by a late call, new calls wait at most their own timeout and then
//! fail, so a function that never returns cannot block a scan forever.
//!
//! All counts change under the lock of [`Slots`] only. The flags of [`CallState`] are changed under the same lock, so
//! that a call that ends while its caller gives up is counted exactly once.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{
    context::{ScriptContext, ScriptInput},
    function::call_function,
    job::EngineJob,
};

/// Counter of running calls, including late ones.
#[derive(Debug)]
pub(super) struct CallLimiter {
    workers: usize,
    slots: Mutex<Slots>,
    changed: Condvar,
}

#[derive(Debug)]
struct Slots {
    free: usize,
    /// Number of late calls, which still run although their time is over.
    timed_out: usize,
}

/// Slot of a running call. Dropping it frees the slot.
struct CallSlot {
    limiter: Arc<CallLimiter>,
    state: Arc<CallState>,
}

/// State of a call, changed only under the lock of the slots.
#[derive(Debug, Default)]
struct CallState {
    done: AtomicBool,
    timed_out: AtomicBool,
}

impl Drop for CallSlot {
    fn drop(&mut self) {
        let mut slots = self.limiter.lock();
        slots.free = slots.free.saturating_add(1);
        self.state.done.store(true, Ordering::Relaxed);
        if self.state.timed_out.load(Ordering::Relaxed) {
            slots.timed_out = slots.timed_out.saturating_sub(1);
        }
        drop(slots);
        self.limiter.changed.notify_all();
    }
}

impl CallLimiter {
    pub(super) fn new(workers: usize) -> Self {
        let slots = Mutex::new(Slots { free: workers, timed_out: 0 });
        Self { workers, slots, changed: Condvar::new() }
    }

    pub(super) fn workers(&self) -> usize {
        self.workers
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls a function and returns its value, or a message if it has none. Its time begins when a slot is free.
    pub(super) fn call(
        self: &Arc<Self>,
        job: &EngineJob<'_>,
        input: &Arc<ScriptInput>,
        timeout: Duration,
    ) -> Result<Value, String> {
        let slot = self.acquire(timeout)?;
        let state = Arc::clone(&slot.state);
        let (function, input, port) = (Arc::clone(job.function()), Arc::clone(input), job.port());
        let (sender, receiver) = mpsc::sync_channel(1);
        let call = move || {
            let _slot = slot;
            let _ = sender.send(call_function(&function, &ScriptContext::of_input(&input, port)));
        };
        let thread = thread::Builder::new().name("engine".to_owned()).spawn(call);
        thread.map_err(|error| format!("no thread: {error}"))?;
        receiver.recv_timeout(timeout).unwrap_or_else(|_| {
            self.give_up(&state);
            Err(timeout_message(timeout))
        })
    }

    /// Marks a call as late, unless it has ended.
    fn give_up(&self, state: &CallState) {
        let mut slots = self.lock();
        if !state.done.load(Ordering::Relaxed) {
            state.timed_out.store(true, Ordering::Relaxed);
            slots.timed_out = slots.timed_out.saturating_add(1);
        }
        drop(slots);
        self.changed.notify_all();
    }

    /// Waits for a free slot. If all running calls are late, they may never end; then it waits at most for `timeout`.
    fn acquire(self: &Arc<Self>, timeout: Duration) -> Result<CallSlot, String> {
        let mut slots = self.lock();
        loop {
            if let Some(left) = slots.free.checked_sub(1) {
                slots.free = left;
                return Ok(CallSlot { limiter: Arc::clone(self), state: Arc::default() });
            }
            if slots.timed_out < self.workers {
                slots = self.changed.wait(slots).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let all_late = |slots: &mut Slots| slots.free == 0 && slots.timed_out >= self.workers;
            let waited = self.changed.wait_timeout_while(slots, timeout, all_late);
            let (after, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            if waited.timed_out() {
                return Err(format!(
                    "{}: others that take too long still run",
                    timeout_message(timeout)
                ));
            }
            slots = after;
        }
    }
}

fn timeout_message(timeout: Duration) -> String {
    format!("it took more than {} s", timeout.as_secs_f64())
}
