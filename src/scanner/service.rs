//! What listens on a port, with the scripts that ran there.

use serde::Serialize;

use crate::{
    engine,
    error::{Error, Result},
    model::{Port, Script, ScriptOrigin, Service, Text},
};

/// A service with the scripts of its port.
#[derive(Debug, Clone, Copy)]
pub struct ServiceView<'s> {
    service: Option<&'s Service<'static>>,
    scripts: &'s [Script<'static>],
}

/// The same, to change its scripts.
#[derive(Debug)]
pub struct ServiceViewMut<'s>(&'s mut Port<'static>);

impl<'s> ServiceView<'s> {
    /// The first service of a port; an empty one if an engine's function ran there.
    pub(super) fn of(port: &'s Port<'static>) -> Option<Self> {
        let service = port.services.first();
        let is_there = || port.scripts.iter().any(|script| script.origin == ScriptOrigin::Engine);
        (service.is_some() || is_there()).then_some(Self { service, scripts: &port.scripts })
    }

    /// All that is known of the service; `None` if there are only scripts.
    #[must_use]
    pub fn service(&self) -> Option<&'s Service<'static>> {
        self.service
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Option<&'s str> {
        self.service?.name.as_deref()
    }

    /// Its product.
    #[must_use]
    pub fn product(&self) -> Option<&'s str> {
        self.service?.product.as_deref()
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> Option<&'s str> {
        self.service?.version.as_deref()
    }

    /// Further information.
    #[must_use]
    pub fn extra_info(&self) -> Option<&'s str> {
        self.service?.extra_info.as_deref()
    }

    /// Product, version and further information, with a blank between words; what is absent is left out.
    #[must_use]
    pub fn standard_info(&self) -> String {
        let parts = [self.product(), self.version(), self.extra_info()];
        let words = parts.into_iter().flatten().flat_map(str::split_whitespace);
        words.collect::<Vec<_>>().join(" ")
    }

    /// What the script of this name gave; `None` is a value too.
    ///
    /// # Errors
    /// [`ErrorKind::Scan`](crate::error::ErrorKind::Scan) if there is no such script.
    pub fn get(&self, script: &str) -> Result<Option<&'s str>> {
        exact(self.scripts, script)
    }

    /// Whether there is a script of this name.
    #[must_use]
    pub fn contains(&self, script: &str) -> bool {
        self.scripts.iter().any(|known| known.name == script)
    }

    /// Names and outputs of the scripts whose name contains a text, the empty one for all.
    #[must_use]
    pub fn scripts(&self, containing: &str) -> Vec<(&'s str, Option<&'s str>)> {
        containing_name(self.scripts, containing)
    }
}

impl<'s> ServiceViewMut<'s> {
    pub(super) fn of(port: &'s mut Port<'static>) -> Option<Self> {
        ServiceView::of(port)?;
        Some(Self(port))
    }

    /// The service, to look at.
    #[must_use]
    pub fn view(&self) -> ServiceView<'_> {
        ServiceView { service: self.0.services.first(), scripts: &self.0.scripts }
    }

    /// Sets what the script of this name gave: anything that is JSON, null too.
    ///
    /// # Errors
    /// [`ErrorKind::Engine`](crate::error::ErrorKind::Engine) if it cannot be written as JSON.
    pub fn set(&mut self, script: &str, value: impl Serialize) -> Result<()> {
        let made = engine::script_of(script, value)?;
        let scripts = &mut self.0.scripts;
        match scripts.iter_mut().find(|known| known.name == script) {
            Some(known) => *known = made,
            None => scripts.push(made),
        }
        Ok(())
    }

    /// Deletes the scripts of this name.
    ///
    /// # Errors
    /// [`ErrorKind::Scan`](crate::error::ErrorKind::Scan) if there is none.
    pub fn delete(&mut self, script: &str) -> Result<()> {
        exact(&self.0.scripts, script)?;
        self.0.scripts.retain(|known| known.name != script);
        Ok(())
    }
}

/// What the first script of exactly this name gave.
pub(super) fn exact<'s>(scripts: &'s [Script<'static>], name: &str) -> Result<Option<&'s str>> {
    let found = scripts.iter().find(|script| script.name == name);
    let found = found.ok_or_else(|| Error::scan(format!("there is no script {name:?}")))?;
    Ok(found.output.as_deref())
}

/// Names and outputs of scripts whose name contains a text.
pub(super) fn containing_name<'s>(
    scripts: &'s [Script<'static>],
    text: &str,
) -> Vec<(&'s str, Option<&'s str>)> {
    let of_script = |script: &'s Script<'static>| -> (&'s str, Option<&'s str>) {
        let name: &'s Text<'static> = &script.name;
        (name, script.output.as_deref())
    };
    scripts.iter().filter(|script| script.name.contains(text)).map(of_script).collect()
}
