//! Values of a host as a whole, updated look by look.

use crate::{
    merge::HostLook,
    model::{CowStr, Host, HostInterval, HostState, Hostname, Span},
};

/// Value from the best look that has one: the latest look with evidence, or the latest without.
#[derive(Debug)]
struct Best<T> {
    with_evidence: Option<T>,
    without: Option<T>,
}

impl<T> Default for Best<T> {
    fn default() -> Self {
        Self { with_evidence: None, without: None }
    }
}

impl<T> Best<T> {
    /// Takes the value of the next look, if it has one.
    fn put(&mut self, has_evidence: bool, value: Option<T>) {
        let mine = if has_evidence { &mut self.with_evidence } else { &mut self.without };
        if value.is_some() {
            *mine = value;
        }
    }

    fn get(&self) -> Option<&T> {
        self.with_evidence.as_ref().or(self.without.as_ref())
    }
}

/// Values of the looks at one device, combined as `latest` does.
#[derive(Debug, Default)]
pub(super) struct HostTrack<'b> {
    state: Best<HostState<'b>>,
    ip: Best<CowStr<'b>>,
    mac: Best<CowStr<'b>>,
    /// Names by type. The name of a type comes from the best look that has a name of that type.
    user_name: Best<CowStr<'b>>,
    ptr_name: Best<CowStr<'b>>,
    name: Best<CowStr<'b>>,
    /// Name of the best OS match, from looks that detected the operating system.
    os: Best<Option<CowStr<'b>>>,
}

/// Values of a host that a history lists.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HostValues<'b> {
    pub(super) ip: Option<CowStr<'b>>,
    pub(super) mac: Option<CowStr<'b>>,
    pub(super) hostname: Option<CowStr<'b>>,
    pub(super) state: HostState<'b>,
    pub(super) os_name: Option<CowStr<'b>>,
}

impl<'b> HostValues<'b> {
    /// Returns true if an interval has these values.
    pub(super) fn is_in(&self, open: &HostInterval<'_>) -> bool {
        let Self { ip, mac, hostname, state, os_name } = self;
        *state == open.state
            && *ip == open.ip
            && *mac == open.mac
            && *hostname == open.hostname
            && *os_name == open.os_name
    }

    pub(super) fn into_interval(self, span: Span) -> HostInterval<'b> {
        let Self { ip, mac, hostname, state, os_name } = self;
        HostInterval { ip, mac, hostname, state, os_name, span }
    }
}

impl<'b> HostTrack<'b> {
    /// Takes the values of the next look.
    pub(super) fn put(&mut self, look: &HostLook<'b>) {
        let (host, evidence) = (&look.host, look.facts.evidence);
        let name_of = |kind| {
            let mut names = host.hostnames.iter();
            text(names.find(|name| name.kind.as_deref() == Some(kind)))
        };
        self.state.put(evidence, Some(host.status.state.clone()));
        self.ip.put(evidence, host.ip().map(|address| address.text.clone()));
        self.mac.put(evidence, host.mac().map(|address| address.text.clone()));
        self.user_name.put(evidence, name_of("user"));
        self.ptr_name.put(evidence, name_of("PTR"));
        self.name.put(evidence, text(host.hostnames.first()));
        self.os.put(evidence, look.facts.detected_os.then(|| os_name(host)));
    }

    /// Returns the current values; `None` before the first look.
    pub(super) fn values(&self) -> Option<HostValues<'b>> {
        let names =
            self.user_name.get().or_else(|| self.ptr_name.get()).or_else(|| self.name.get());
        Some(HostValues {
            ip: self.ip.get().cloned(),
            mac: self.mac.get().cloned(),
            hostname: names.cloned(),
            state: self.state.get()?.clone(),
            os_name: self.os.get().cloned().flatten(),
        })
    }
}

fn text<'b>(name: Option<&Hostname<'b>>) -> Option<CowStr<'b>> {
    name.map(|name| name.name.clone())
}

/// Returns the name of the best OS match.
fn os_name<'b>(host: &Host<'b>) -> Option<CowStr<'b>> {
    host.os.best_match()?.1.name.clone()
}
