//! Starts threads without losing what they were to work on.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// Runs a function with `value` on a new thread. Returns `value` as the error if the system cannot start one.
pub(super) fn on_thread<T: Send + 'static>(
    name: &str,
    value: T,
    run: impl FnOnce(T) + Send + 'static,
) -> Result<(), T> {
    let place = Arc::new(Mutex::new(Some(value)));
    let take =
        |place: &Mutex<Option<T>>| place.lock().unwrap_or_else(PoisonError::into_inner).take();
    let shared = Arc::clone(&place);
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        if let Some(value) = take(&shared) {
            run(value);
        }
    });
    if thread.is_ok() { Ok(()) } else { take(&place).map_or(Ok(()), Err) }
}
