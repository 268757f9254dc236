//! Values that expressions read: those of a host, of its ports and services, and of their histories.

use std::{cmp::Reverse, net::IpAddr};

use super::field::{Field, FieldSet};
use crate::model::{
    Address, AddressKind, Host, HostInterval, OsMatch, Port, PortInterval, Script, SeenRange,
    Service, Timestamp,
};

/// Source of values. Each method returns true if a value of the field passes the test, and false if it has none.
pub(super) trait Values {
    /// Tests the numbers of a field; times are seconds since 1970, and flags that are true are 1.
    fn any_number(&self, field: Field, test: impl Fn(i64) -> bool) -> bool;

    /// Tests the texts of a field.
    fn any_text(&self, field: Field, test: impl Fn(&str) -> bool) -> bool;

    /// Tests the IP addresses.
    fn any_address(&self, test: impl Fn(IpAddr) -> bool) -> bool;

    /// Tests the scripts of a field.
    fn any_script(&self, field: Field, test: impl Fn(&Script<'_>) -> bool) -> bool;
}

/// Times at which a host was first and last seen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SeenTimes {
    pub(crate) first: Option<Timestamp>,
    pub(crate) last: Option<Timestamp>,
}

impl SeenTimes {
    /// Returns the times of a host of one scan: its start and its end. Each replaces the other if it is missing, and
    /// the start of the scan replaces both.
    pub(crate) fn of(host: &Host<'_>, scan_start: Option<Timestamp>) -> Self {
        Self {
            first: host.start_time.or(host.end_time).or(scan_start),
            last: host.end_time.or(host.start_time).or(scan_start),
        }
    }

    /// Returns the times of a merged host.
    pub(crate) fn of_merged(seen: &SeenRange) -> Self {
        Self { first: seen.first, last: seen.last }
    }
}

/// Host without its ports.
#[derive(Debug, Clone, Copy)]
pub(super) struct HostValues<'h> {
    pub(super) host: &'h Host<'h>,
    pub(super) seen: SeenTimes,
}

impl HostValues<'_> {
    /// Returns the addresses of types ipv4 and ipv6.
    fn ips(&self) -> impl Iterator<Item = &Address<'_>> {
        let is_ip =
            |address: &&Address<'_>| matches!(address.kind, AddressKind::Ipv4 | AddressKind::Ipv6);
        self.host.addresses.iter().filter(is_ip)
    }

    /// Returns the match of the best accuracy, the first of equal ones.
    fn best_os(&self) -> Option<&OsMatch<'_>> {
        self.host.os.matches.iter().min_by_key(|found| Reverse(found.accuracy))
    }
}

impl Values for HostValues<'_> {
    fn any_number(&self, field: Field, test: impl Fn(i64) -> bool) -> bool {
        let host = self.host;
        let number = match field {
            Field::IpVersion => {
                let ip = host.ip().and_then(|address| address.ip);
                ip.map(|ip| if ip.is_ipv4() { 4 } else { 6 })
            }
            Field::OsAccuracy => self.best_os().and_then(|found| found.accuracy).map(i64::from),
            Field::Distance => host.distance.map(i64::from),
            Field::Uptime => host.uptime_s,
            Field::PortsListed => Some(host.ports_listed.into()),
            Field::PortsOpen => Some(host.ports_open.into()),
            Field::TimedOut => host.timed_out.map(i64::from),
            Field::Complete => Some(host.complete.into()),
            Field::FirstSeen => self.seen.first.map(Timestamp::seconds),
            Field::LastSeen => self.seen.last.map(Timestamp::seconds),
            _ => None,
        };
        number.is_some_and(test)
    }

    fn any_text(&self, field: Field, test: impl Fn(&str) -> bool) -> bool {
        let host = self.host;
        let value = match field {
            Field::Ip => return self.ips().any(|address| test(&address.text)),
            Field::Hostname => return host.hostnames.iter().any(|name| test(&name.name)),
            Field::Mac => host.mac().map(|address| &*address.text),
            Field::MacVendor => host.mac().and_then(|address| address.vendor.as_deref()),
            Field::HostState => Some(host.status.state.as_str()),
            Field::HostReason => host.status.reason.as_deref(),
            Field::Os => self.best_os().and_then(|found| found.name.as_deref()),
            Field::Comment => host.comment.as_deref(),
            _ => None,
        };
        value.is_some_and(test)
    }

    fn any_address(&self, test: impl Fn(IpAddr) -> bool) -> bool {
        self.ips().filter_map(|address| address.ip).any(test)
    }

    fn any_script(&self, field: Field, test: impl Fn(&Script<'_>) -> bool) -> bool {
        field == Field::HostScript && self.host.scripts.iter().any(test)
    }
}

/// Port of a host, with one of its services.
#[derive(Debug, Clone, Copy)]
pub(super) struct PortValues<'h> {
    pub(super) host: HostValues<'h>,
    pub(super) port: &'h Port<'h>,
    pub(super) service: Option<&'h Service<'h>>,
}

impl Values for PortValues<'_> {
    fn any_number(&self, field: Field, test: impl Fn(i64) -> bool) -> bool {
        let number = match field {
            Field::Port => Some(self.port.number.into()),
            Field::ReasonTtl => self.port.reason_ttl.map(i64::from),
            Field::Expanded => Some(self.port.expanded.into()),
            Field::Confidence => self.service.and_then(|service| service.confidence).map(i64::from),
            _ => return self.host.any_number(field, test),
        };
        number.is_some_and(test)
    }

    fn any_text(&self, field: Field, test: impl Fn(&str) -> bool) -> bool {
        let (port, service) = (self.port, self.service);
        let value = match field {
            Field::Protocol => Some(port.protocol.as_str()),
            Field::State => Some(port.state.as_str()),
            Field::Reason => port.reason.as_deref(),
            Field::Owner => port.owner.as_deref(),
            Field::Service => service.and_then(|service| service.name.as_deref()),
            Field::Product => service.and_then(|service| service.product.as_deref()),
            Field::Version => service.and_then(|service| service.version.as_deref()),
            Field::ExtraInfo => service.and_then(|service| service.extra_info.as_deref()),
            Field::Tunnel => service.and_then(|service| service.tunnel.as_deref()),
            Field::Method => service.and_then(|service| service.method.as_deref()),
            Field::ServiceHostname => service.and_then(|service| service.hostname.as_deref()),
            Field::OsType => service.and_then(|service| service.os_type.as_deref()),
            Field::DeviceType => service.and_then(|service| service.device_type.as_deref()),
            Field::Fingerprint => service.and_then(|service| service.fingerprint.as_deref()),
            Field::Banner => service.and_then(|service| service.banner.as_deref()),
            Field::Cpe => {
                return service.is_some_and(|service| service.cpes.iter().any(|cpe| test(cpe)));
            }
            _ => return self.host.any_text(field, test),
        };
        value.is_some_and(test)
    }

    fn any_address(&self, test: impl Fn(IpAddr) -> bool) -> bool {
        self.host.any_address(test)
    }

    fn any_script(&self, field: Field, test: impl Fn(&Script<'_>) -> bool) -> bool {
        match field {
            Field::Script => self.port.scripts.iter().any(test),
            _ => self.host.any_script(field, test),
        }
    }
}

/// Intervals of a host, of which each field holds the values of all.
#[derive(Debug, Clone, Copy)]
pub(super) struct HostHistoryValues<'h>(pub(super) &'h [HostInterval<'h>]);

/// Fields that intervals of hosts and ports have.
pub(super) const HISTORY_FIELDS: FieldSet = FieldSet::of(&[
    Field::Ip,
    Field::Mac,
    Field::Hostname,
    Field::HostState,
    Field::Os,
    Field::FirstSeen,
    Field::LastSeen,
    Field::Port,
    Field::Protocol,
    Field::State,
    Field::Reason,
    Field::Service,
    Field::Product,
    Field::Version,
    Field::Cpe,
]);

impl Values for HostHistoryValues<'_> {
    fn any_number(&self, field: Field, test: impl Fn(i64) -> bool) -> bool {
        self.0.iter().any(|interval| {
            let time = match field {
                Field::FirstSeen => interval.span.valid_from,
                Field::LastSeen => interval.span.last_seen,
                _ => None,
            };
            time.is_some_and(|time| test(time.seconds()))
        })
    }

    fn any_text(&self, field: Field, test: impl Fn(&str) -> bool) -> bool {
        self.0.iter().any(|interval| {
            let value = match field {
                Field::Ip => interval.ip.as_deref(),
                Field::Mac => interval.mac.as_deref(),
                Field::Hostname => interval.hostname.as_deref(),
                Field::HostState => Some(interval.state.as_str()),
                Field::Os => interval.os_name.as_deref(),
                _ => None,
            };
            value.is_some_and(&test)
        })
    }

    fn any_address(&self, test: impl Fn(IpAddr) -> bool) -> bool {
        self.any_text(Field::Ip, |text| text.parse().is_ok_and(&test))
    }

    fn any_script(&self, _: Field, _: impl Fn(&Script<'_>) -> bool) -> bool {
        false
    }
}

/// Interval of a port, with all intervals of its host.
#[derive(Debug, Clone, Copy)]
pub(super) struct PortHistoryValues<'h> {
    pub(super) host: HostHistoryValues<'h>,
    pub(super) port: &'h PortInterval<'h>,
}

impl Values for PortHistoryValues<'_> {
    fn any_number(&self, field: Field, test: impl Fn(i64) -> bool) -> bool {
        match field {
            Field::Port => test(self.port.number.into()),
            _ => self.host.any_number(field, test),
        }
    }

    fn any_text(&self, field: Field, test: impl Fn(&str) -> bool) -> bool {
        let (port, service) = (self.port, self.port.service.as_ref());
        let value = match field {
            // The address that the host had during the interval.
            Field::Ip => port.ip.as_deref(),
            Field::Protocol => Some(port.protocol.as_str()),
            Field::State => Some(port.state.as_str()),
            Field::Reason => port.reason.as_deref(),
            Field::Service => service.and_then(|service| service.name.as_deref()),
            Field::Product => service.and_then(|service| service.product.as_deref()),
            Field::Version => service.and_then(|service| service.version.as_deref()),
            Field::Cpe => {
                return service.is_some_and(|service| service.cpes.iter().any(|cpe| test(cpe)));
            }
            _ => return self.host.any_text(field, test),
        };
        value.is_some_and(test)
    }

    fn any_address(&self, test: impl Fn(IpAddr) -> bool) -> bool {
        self.any_text(Field::Ip, |text| text.parse().is_ok_and(&test))
    }

    fn any_script(&self, _: Field, _: impl Fn(&Script<'_>) -> bool) -> bool {
        false
    }
}
