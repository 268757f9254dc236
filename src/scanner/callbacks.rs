//! Callbacks of a [`Scanner`](super::Scanner) that are called while nmap runs, on the thread that reads its XML.

use std::{
    fmt,
    io::Write,
    sync::{Mutex, PoisonError},
};

use crate::model::{Host, Task};

/// Optional callback or writer. The lock is never contended; it only makes scanners `Sync`.
pub(super) type Callback<T> = Option<Mutex<Box<T>>>;

/// Callbacks for events while nmap runs.
#[derive(Default)]
pub(super) struct ScanCallbacks {
    pub(super) host: Callback<dyn FnMut(&Host<'_>) + Send>,
    pub(super) progress: Callback<dyn FnMut(&Task) + Send>,
    /// Writer that receives a copy of the XML.
    pub(super) xml: Callback<dyn Write + Send>,
}

impl fmt::Debug for ScanCallbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanCallbacks")
            .field("host", &self.host.is_some())
            .field("progress", &self.progress.is_some())
            .field("xml", &self.xml.is_some())
            .finish()
    }
}

/// Returns a callback, if it is set.
pub(super) fn get_mut<T: ?Sized>(callback: &mut Callback<T>) -> Option<&mut T> {
    let callback = callback.as_mut()?;
    Some(&mut **callback.get_mut().unwrap_or_else(PoisonError::into_inner))
}
