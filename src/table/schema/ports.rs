//! Tables of ports, services and scripts.

use crate::{
    model::{Port, Script, Service},
    table::{
        Cell, ColumnType,
        row::{PortRow, ScriptRow, ServiceRow},
    },
};

table! { PORTS, "One row per port that is listed singly; with --expand-extraports also one per port of the lists.", key ["host_id", "protocol", "port"], Port(r: PortRow<'_>), [port: Port<'_> = r.port]:
    "scan_id" ColumnType::Utf8, ! "ID of the scan." => r.host.scan_id;
    "host_id" ColumnType::Utf8, ! "ID of the host." => r.host.host_id;
    "protocol" ColumnType::Dictionary, ! "tcp, udp, sctp, ip or the name that masscan wrote, in lower case." value => &port.protocol;
    "port" ColumnType::Int32, ! "Port number; for ip the IP protocol number." value => &port.number;
    "ip" ColumnType::Utf8, ? "First IP address of the host." => r.host.ip();
    "state" ColumnType::Dictionary, ! "open, closed, filtered, unfiltered, open|filtered or closed|filtered." value => &port.state;
    "reason" ColumnType::Dictionary, ? "Reason for the state, such as syn-ack." field => port.reason;
    "reason_ttl" ColumnType::Int32, ? "TTL of the packet that the state was inferred from." field => port.reason_ttl;
    "reason_ip" ColumnType::Utf8, ? "Sender of that packet, if it was not the host itself." field => port.reason_ip;
    "owner" ColumnType::Utf8, ? "User that identd named (nmap 3.x and 4.x)." field => port.owner;
    "port_index" ColumnType::Int32, ! "Index among the ports of the host, from 0." flat => port.index;
    "expanded" ColumnType::Boolean, ! "True if the port comes from a list of extrareasons." flat => port.expanded;
    "host_key" ColumnType::Utf8, ? "Identity of the host across scans." => r.host.host_key, since 3;
    "start_time" ColumnType::Timestamp, ? "Time at which nmap started on the host, or else started the scan." => r.host.start_time, since 3;
merged:
    "first_seen" ColumnType::Timestamp, ? "Time at which the port was first listed: the earliest start of the host, or its end if there is no start." => r.host.seen.first;
    "last_seen" ColumnType::Timestamp, ? "Time at which the port was last listed: the latest end of the host, or its start if there is no end." => r.host.seen.last;
    "last_looked" ColumnType::Timestamp, ? "Time at which the port was last listed or covered: the latest end of the host, or its start if there is no end." => r.host.seen.looked;
    "seen" ColumnType::Int32, ! "Number of scans that listed the port." => r.host.seen.count;
}

table! { SERVICES, "One row per service found on a port; nmap reports at most one, masscan several.", key ["host_id", "protocol", "port", "service_index"], Service(r: ServiceRow<'_>), [service: Service<'_> = r.service]:
    "scan_id" ColumnType::Utf8, ! "ID of the scan." => r.host.scan_id;
    "host_id" ColumnType::Utf8, ! "ID of the host." => r.host.host_id;
    "protocol" ColumnType::Dictionary, ! "Protocol of the port." => &r.port.protocol;
    "port" ColumnType::Int32, ! "Port number." => &r.port.number;
    "service_index" ColumnType::Int32, ! "Index among the services of the port, from 0." => r.index;
    "ip" ColumnType::Utf8, ? "First IP address of the host." => r.host.ip();
    "name" ColumnType::Dictionary, ? "Name, from the port table or from the answer." field => service.name;
    "product" ColumnType::Utf8, ? "Product." field => service.product;
    "version" ColumnType::Utf8, ? "Version; before nmap 3.40 the whole banner." field => service.version;
    "extra_info" ColumnType::Utf8, ? "Further information." field => service.extra_info;
    "hostname" ColumnType::Utf8, ? "Host name that the service reported." field => service.hostname;
    "os_type" ColumnType::Dictionary, ? "Operating system that the service reported." field => service.os_type;
    "device_type" ColumnType::Dictionary, ? "Device type that the service reported." field => service.device_type;
    "method" ColumnType::Dictionary, ? "table, probed or (before 4.85) detection." field => service.method;
    "confidence" ColumnType::Int32, ? "Confidence, 0 to 10." field => service.confidence;
    "tunnel" ColumnType::Dictionary, ? "ssl if the service was found inside TLS." field => service.tunnel;
    "rpc_proto" ColumnType::Dictionary, ? "rpc (until nmap 6.01)." field => service.rpc_proto;
    "rpc_num" ColumnType::Int64, ? "RPC program number." field => service.rpc_num;
    "low_ver" ColumnType::Int32, ? "Lowest RPC version." field => service.low_ver;
    "high_ver" ColumnType::Int32, ? "Highest RPC version." field => service.high_ver;
    "cpes" ColumnType::Texts, ? "CPE 2.2 URIs." field => service.cpes;
    "fingerprint" ColumnType::Utf8, ? "Fingerprint of a service that nmap does not know." field => service.fingerprint;
    "banner" ColumnType::Utf8, ? "Banner that masscan read." field => service.banner;
    "host_key" ColumnType::Utf8, ? "Identity of the host across scans." => r.host.host_key, since 3;
    "state" ColumnType::Dictionary, ? "State of the port." => &r.port.state, since 3;
    "start_time" ColumnType::Timestamp, ? "Time at which nmap started on the host, or else started the scan." => r.host.start_time, since 3;
}

table! { SCRIPTS, "One row per script result, of a scan, a host or a port.", key ["scan_id", "host_id", "protocol", "port", "scope", "script_index"], Script(r: ScriptRow<'_>), [script: Script<'_> = r.script]:
    "scan_id" ColumnType::Utf8, ! "ID of the scan." => r.scan_id;
    "host_id" ColumnType::Utf8, ? "ID of the host that the script ran on; null for prerule and postrule." => r.host.map(|host| host.host_id);
    "protocol" ColumnType::Dictionary, ? "Protocol of the port that the script ran on." => r.port.map(|port| &port.protocol);
    "port" ColumnType::Int32, ? "Number of the port that the script ran on." => r.port.map(|port| &port.number);
    "scope" ColumnType::Dictionary, ! "prerule, host, port or postrule." => Cell::Plain(r.scope.as_str());
    "script_index" ColumnType::Int32, ! "Index among the scripts of the same scan, host or port, from 0." => r.index;
    "name" ColumnType::Dictionary, ! "ID of the script." field => script.name;
    "origin" ColumnType::Dictionary, ! "nse, or engine for a function of scanmill's user." flat => script.origin;
    "output" ColumnType::Utf8, ? "Output text; null if the script returned an empty table." field => script.output;
    "data" ColumnType::Json, ? "Structured value as JSON text." field => script.data;
    "ip" ColumnType::Utf8, ? "First IP address of the host." => r.host.map_or(Cell::Null, |host| host.ip()), since 3;
    "host_key" ColumnType::Utf8, ? "Identity of the host across scans." => r.host.map(|host| host.host_key), since 3;
    "state" ColumnType::Dictionary, ? "State of the port that the script ran on." => r.port.map(|port| &port.state), since 3;
    "start_time" ColumnType::Timestamp, ? "Time at which nmap started on the host, or else started the scan." => r.start_time, since 3;
}
