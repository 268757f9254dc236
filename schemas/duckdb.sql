-- Printed by `scanmill schema`; not edited by hand.

CREATE TABLE scans (
    "scan_id" VARCHAR NOT NULL,
    "source" VARCHAR NOT NULL,
    "doc_index" INTEGER NOT NULL,
    "scanner" VARCHAR,
    "scanner_version" VARCHAR,
    "xml_version" VARCHAR,
    "args" VARCHAR,
    "profile_name" VARCHAR,
    "start_time" TIMESTAMP WITH TIME ZONE,
    "start_str" VARCHAR,
    "end_time" TIMESTAMP WITH TIME ZONE,
    "end_str" VARCHAR,
    "elapsed_s" DOUBLE,
    "finished" BOOLEAN NOT NULL,
    "exit_status" VARCHAR,
    "error_message" VARCHAR,
    "summary" VARCHAR,
    "hosts_up" BIGINT,
    "hosts_down" BIGINT,
    "hosts_total" BIGINT,
    "verbosity" INTEGER,
    "debugging" INTEGER,
    "scan_info" STRUCT("type" VARCHAR, "protocol" VARCHAR, "num_services" BIGINT, "services" VARCHAR, "scan_flags" VARCHAR)[],
    "hosts_seen" BIGINT NOT NULL,
    "hosts_incomplete" BIGINT NOT NULL,
    "truncated" BOOLEAN NOT NULL,
    "resumed" BOOLEAN NOT NULL,
    "bytes" BIGINT NOT NULL,
    "warnings" BIGINT NOT NULL,
    "content_sha256" VARCHAR
);
COMMENT ON TABLE scans IS 'One row per document, written when it ends. Key: scan_id.';
COMMENT ON COLUMN scans."scan_id" IS 'Stable ID of the scan: equal whenever and from wherever the scan is read.';
COMMENT ON COLUMN scans."source" IS 'Name of the input as given.';
COMMENT ON COLUMN scans."doc_index" IS 'Index among the documents of the input, from 0.';
COMMENT ON COLUMN scans."scanner" IS 'nmap, masscan or the name that a merging tool wrote.';
COMMENT ON COLUMN scans."scanner_version" IS 'Version of the scanner.';
COMMENT ON COLUMN scans."xml_version" IS 'Version of the XML output; informative only.';
COMMENT ON COLUMN scans."args" IS 'Command line.';
COMMENT ON COLUMN scans."profile_name" IS 'Name of Zenmap''s profile.';
COMMENT ON COLUMN scans."start_time" IS 'Start time.';
COMMENT ON COLUMN scans."start_str" IS 'Start time in local time, as nmap wrote it.';
COMMENT ON COLUMN scans."end_time" IS 'End time.';
COMMENT ON COLUMN scans."end_str" IS 'End time in local time, as nmap wrote it.';
COMMENT ON COLUMN scans."elapsed_s" IS 'Duration in seconds; for a resumed scan the sum.';
COMMENT ON COLUMN scans."finished" IS 'True if a finished element was read.';
COMMENT ON COLUMN scans."exit_status" IS 'success or error.';
COMMENT ON COLUMN scans."error_message" IS 'Error message.';
COMMENT ON COLUMN scans."summary" IS 'Last line of nmap''s output.';
COMMENT ON COLUMN scans."hosts_up" IS 'Number of hosts up, as reported.';
COMMENT ON COLUMN scans."hosts_down" IS 'Number of hosts down, as reported; a list scan counts every host here.';
COMMENT ON COLUMN scans."hosts_total" IS 'Total number of hosts, as reported.';
COMMENT ON COLUMN scans."verbosity" IS 'Level of -v.';
COMMENT ON COLUMN scans."debugging" IS 'Level of -d.';
COMMENT ON COLUMN scans."scan_info" IS 'Ports that were scanned, one entry per scan type.';
COMMENT ON COLUMN scans."hosts_seen" IS 'Number of host elements read.';
COMMENT ON COLUMN scans."hosts_incomplete" IS 'Number of host elements that were cut off.';
COMMENT ON COLUMN scans."truncated" IS 'True if the document ends before its end tag.';
COMMENT ON COLUMN scans."resumed" IS 'True if nmap --resume continued the scan.';
COMMENT ON COLUMN scans."bytes" IS 'Size of the document in bytes, decompressed and undecoded.';
COMMENT ON COLUMN scans."warnings" IS 'Total number of warnings.';
COMMENT ON COLUMN scans."content_sha256" IS 'SHA-256 of the document in hexadecimal, with --hash.';

CREATE TABLE hosts (
    "host_id" VARCHAR NOT NULL,
    "scan_id" VARCHAR NOT NULL,
    "host_index" INTEGER NOT NULL,
    "host_key" VARCHAR NOT NULL,
    "ip" VARCHAR,
    "ip_version" INTEGER,
    "ip_bytes" BLOB,
    "ip_zone" VARCHAR,
    "mac" VARCHAR,
    "mac_vendor" VARCHAR,
    "hostname" VARCHAR,
    "hostnames" STRUCT("name" VARCHAR, "type" VARCHAR)[],
    "addresses" STRUCT("addr" VARCHAR, "type" VARCHAR, "vendor" VARCHAR)[],
    "state" VARCHAR NOT NULL,
    "reason" VARCHAR,
    "reason_ttl" INTEGER,
    "start_time" TIMESTAMP WITH TIME ZONE,
    "end_time" TIMESTAMP WITH TIME ZONE,
    "timed_out" BOOLEAN,
    "complete" BOOLEAN NOT NULL,
    "comment" VARCHAR,
    "distance" INTEGER,
    "uptime_s" BIGINT,
    "last_boot" VARCHAR,
    "tcp_seq_index" BIGINT,
    "tcp_seq_difficulty" VARCHAR,
    "tcp_seq_class" VARCHAR,
    "tcp_seq_values" VARCHAR,
    "ip_id_class" VARCHAR,
    "ip_id_values" VARCHAR,
    "tcp_ts_class" VARCHAR,
    "tcp_ts_values" VARCHAR,
    "srtt_ms" DOUBLE,
    "rttvar_ms" DOUBLE,
    "timeout_ms" DOUBLE,
    "smurf_responses" BIGINT,
    "extra_ports" STRUCT("state" VARCHAR, "count" BIGINT, "reasons" STRUCT("reason" VARCHAR, "count" BIGINT, "proto" VARCHAR, "ports" VARCHAR)[])[],
    "os_fingerprints" VARCHAR[],
    "os_ports_used" STRUCT("state" VARCHAR, "proto" VARCHAR, "port" INTEGER)[],
    "ports_listed" INTEGER NOT NULL,
    "ports_open" INTEGER NOT NULL
);
COMMENT ON TABLE hosts IS 'One row per host element; filters remove rows but change none. Key: host_id.';
COMMENT ON COLUMN hosts."host_id" IS 'ID of the host: scan_id, `-h` and host_index.';
COMMENT ON COLUMN hosts."scan_id" IS 'ID of the scan.';
COMMENT ON COLUMN hosts."host_index" IS 'Index among the host elements of the scan, from 0.';
COMMENT ON COLUMN hosts."host_key" IS 'Identity across scans: `ip:`, `mac:`, `name:` or `idx:` and a text.';
COMMENT ON COLUMN hosts."ip" IS 'First address of type ipv4 or ipv6, without its zone.';
COMMENT ON COLUMN hosts."ip_version" IS '4 or 6; null if ip is not an IP literal.';
COMMENT ON COLUMN hosts."ip_bytes" IS 'IP address in network order, for sorting; IPv4 addresses are mapped into ::ffff:0:0/96.';
COMMENT ON COLUMN hosts."ip_zone" IS 'Zone of the address: the part after `%`.';
COMMENT ON COLUMN hosts."mac" IS 'First MAC address, upper case with colons.';
COMMENT ON COLUMN hosts."mac_vendor" IS 'Vendor of the first MAC address.';
COMMENT ON COLUMN hosts."hostname" IS 'Name to show: the first of type user, or the first of type PTR, or the first.';
COMMENT ON COLUMN hosts."hostnames" IS 'Host names in document order.';
COMMENT ON COLUMN hosts."addresses" IS 'Addresses in document order.';
COMMENT ON COLUMN hosts."state" IS 'up, down, unknown or skipped; inferred from the ports if the host has no status.';
COMMENT ON COLUMN hosts."reason" IS 'Reason for the state, such as echo-reply; `inferred` if the host has no status.';
COMMENT ON COLUMN hosts."reason_ttl" IS 'TTL of the packet that the state was inferred from.';
COMMENT ON COLUMN hosts."start_time" IS 'Time at which nmap started on the host.';
COMMENT ON COLUMN hosts."end_time" IS 'Time at which nmap finished the host.';
COMMENT ON COLUMN hosts."timed_out" IS 'True if nmap gave up on the host.';
COMMENT ON COLUMN hosts."complete" IS 'True if the end of the host was read and nothing was cut off.';
COMMENT ON COLUMN hosts."comment" IS 'Comment that Zenmap saved.';
COMMENT ON COLUMN hosts."distance" IS 'Distance in hops.';
COMMENT ON COLUMN hosts."uptime_s" IS 'Uptime in seconds.';
COMMENT ON COLUMN hosts."last_boot" IS 'Local time of the last boot, as nmap wrote it.';
COMMENT ON COLUMN hosts."tcp_seq_index" IS 'Difficulty index of TCP sequence prediction.';
COMMENT ON COLUMN hosts."tcp_seq_difficulty" IS 'Difficulty of TCP sequence prediction, as text.';
COMMENT ON COLUMN hosts."tcp_seq_class" IS 'Class of TCP sequence numbers (before nmap 4.62).';
COMMENT ON COLUMN hosts."tcp_seq_values" IS 'Observed TCP sequence numbers, in hexadecimal.';
COMMENT ON COLUMN hosts."ip_id_class" IS 'Class of IP identification numbers.';
COMMENT ON COLUMN hosts."ip_id_values" IS 'Observed IP identification numbers, in hexadecimal.';
COMMENT ON COLUMN hosts."tcp_ts_class" IS 'Class of TCP time stamps.';
COMMENT ON COLUMN hosts."tcp_ts_values" IS 'Observed TCP time stamps, in hexadecimal.';
COMMENT ON COLUMN hosts."srtt_ms" IS 'Smoothed round trip time in milliseconds.';
COMMENT ON COLUMN hosts."rttvar_ms" IS 'Variance of the round trip time in milliseconds.';
COMMENT ON COLUMN hosts."timeout_ms" IS 'Probe timeout in milliseconds.';
COMMENT ON COLUMN hosts."smurf_responses" IS 'Number of answers to a ping of a broadcast address.';
COMMENT ON COLUMN hosts."extra_ports" IS 'Ports that are not listed singly, one entry per state.';
COMMENT ON COLUMN hosts."os_fingerprints" IS 'Fingerprints of the operating system.';
COMMENT ON COLUMN hosts."os_ports_used" IS 'Ports that operating system detection used.';
COMMENT ON COLUMN hosts."ports_listed" IS 'Number of ports that the document lists singly.';
COMMENT ON COLUMN hosts."ports_open" IS 'Number of listed ports that are open.';

CREATE TABLE ports (
    "scan_id" VARCHAR NOT NULL,
    "host_id" VARCHAR NOT NULL,
    "protocol" VARCHAR NOT NULL,
    "port" INTEGER NOT NULL,
    "ip" VARCHAR,
    "state" VARCHAR NOT NULL,
    "reason" VARCHAR,
    "reason_ttl" INTEGER,
    "reason_ip" VARCHAR,
    "owner" VARCHAR,
    "port_index" INTEGER NOT NULL,
    "expanded" BOOLEAN NOT NULL,
    "host_key" VARCHAR,
    "start_time" TIMESTAMP WITH TIME ZONE
);
COMMENT ON TABLE ports IS 'One row per port that is listed singly; with --expand-extraports also one per port of the lists. Key: host_id, protocol, port.';
COMMENT ON COLUMN ports."scan_id" IS 'ID of the scan.';
COMMENT ON COLUMN ports."host_id" IS 'ID of the host.';
COMMENT ON COLUMN ports."protocol" IS 'tcp, udp, sctp, ip or the name that masscan wrote, in lower case.';
COMMENT ON COLUMN ports."port" IS 'Port number; for ip the IP protocol number.';
COMMENT ON COLUMN ports."ip" IS 'First IP address of the host.';
COMMENT ON COLUMN ports."state" IS 'open, closed, filtered, unfiltered, open|filtered or closed|filtered.';
COMMENT ON COLUMN ports."reason" IS 'Reason for the state, such as syn-ack.';
COMMENT ON COLUMN ports."reason_ttl" IS 'TTL of the packet that the state was inferred from.';
COMMENT ON COLUMN ports."reason_ip" IS 'Sender of that packet, if it was not the host itself.';
COMMENT ON COLUMN ports."owner" IS 'User that identd named (nmap 3.x and 4.x).';
COMMENT ON COLUMN ports."port_index" IS 'Index among the ports of the host, from 0.';
COMMENT ON COLUMN ports."expanded" IS 'True if the port comes from a list of extrareasons.';
COMMENT ON COLUMN ports."host_key" IS 'Identity of the host across scans.';
COMMENT ON COLUMN ports."start_time" IS 'Time at which nmap started on the host, or else started the scan.';

CREATE TABLE services (
    "scan_id" VARCHAR NOT NULL,
    "host_id" VARCHAR NOT NULL,
    "protocol" VARCHAR NOT NULL,
    "port" INTEGER NOT NULL,
    "service_index" INTEGER NOT NULL,
    "ip" VARCHAR,
    "name" VARCHAR,
    "product" VARCHAR,
    "version" VARCHAR,
    "extra_info" VARCHAR,
    "hostname" VARCHAR,
    "os_type" VARCHAR,
    "device_type" VARCHAR,
    "method" VARCHAR,
    "confidence" INTEGER,
    "tunnel" VARCHAR,
    "rpc_proto" VARCHAR,
    "rpc_num" BIGINT,
    "low_ver" INTEGER,
    "high_ver" INTEGER,
    "cpes" VARCHAR[],
    "fingerprint" VARCHAR,
    "banner" VARCHAR,
    "host_key" VARCHAR,
    "state" VARCHAR,
    "start_time" TIMESTAMP WITH TIME ZONE
);
COMMENT ON TABLE services IS 'One row per service found on a port; nmap reports at most one, masscan several. Key: host_id, protocol, port, service_index.';
COMMENT ON COLUMN services."scan_id" IS 'ID of the scan.';
COMMENT ON COLUMN services."host_id" IS 'ID of the host.';
COMMENT ON COLUMN services."protocol" IS 'Protocol of the port.';
COMMENT ON COLUMN services."port" IS 'Port number.';
COMMENT ON COLUMN services."service_index" IS 'Index among the services of the port, from 0.';
COMMENT ON COLUMN services."ip" IS 'First IP address of the host.';
COMMENT ON COLUMN services."name" IS 'Name, from the port table or from the answer.';
COMMENT ON COLUMN services."product" IS 'Product.';
COMMENT ON COLUMN services."version" IS 'Version; before nmap 3.40 the whole banner.';
COMMENT ON COLUMN services."extra_info" IS 'Further information.';
COMMENT ON COLUMN services."hostname" IS 'Host name that the service reported.';
COMMENT ON COLUMN services."os_type" IS 'Operating system that the service reported.';
COMMENT ON COLUMN services."device_type" IS 'Device type that the service reported.';
COMMENT ON COLUMN services."method" IS 'table, probed or (before 4.85) detection.';
COMMENT ON COLUMN services."confidence" IS 'Confidence, 0 to 10.';
COMMENT ON COLUMN services."tunnel" IS 'ssl if the service was found inside TLS.';
COMMENT ON COLUMN services."rpc_proto" IS 'rpc (until nmap 6.01).';
COMMENT ON COLUMN services."rpc_num" IS 'RPC program number.';
COMMENT ON COLUMN services."low_ver" IS 'Lowest RPC version.';
COMMENT ON COLUMN services."high_ver" IS 'Highest RPC version.';
COMMENT ON COLUMN services."cpes" IS 'CPE 2.2 URIs.';
COMMENT ON COLUMN services."fingerprint" IS 'Fingerprint of a service that nmap does not know.';
COMMENT ON COLUMN services."banner" IS 'Banner that masscan read.';
COMMENT ON COLUMN services."host_key" IS 'Identity of the host across scans.';
COMMENT ON COLUMN services."state" IS 'State of the port.';
COMMENT ON COLUMN services."start_time" IS 'Time at which nmap started on the host, or else started the scan.';

CREATE TABLE scripts (
    "scan_id" VARCHAR NOT NULL,
    "host_id" VARCHAR,
    "protocol" VARCHAR,
    "port" INTEGER,
    "scope" VARCHAR NOT NULL,
    "script_index" INTEGER NOT NULL,
    "name" VARCHAR NOT NULL,
    "origin" VARCHAR NOT NULL,
    "output" VARCHAR,
    "data" VARCHAR,
    "ip" VARCHAR,
    "host_key" VARCHAR,
    "state" VARCHAR,
    "start_time" TIMESTAMP WITH TIME ZONE
);
COMMENT ON TABLE scripts IS 'One row per script result, of a scan, a host or a port. Key: scan_id, host_id, protocol, port, scope, script_index.';
COMMENT ON COLUMN scripts."scan_id" IS 'ID of the scan.';
COMMENT ON COLUMN scripts."host_id" IS 'ID of the host that the script ran on; null for prerule and postrule.';
COMMENT ON COLUMN scripts."protocol" IS 'Protocol of the port that the script ran on.';
COMMENT ON COLUMN scripts."port" IS 'Number of the port that the script ran on.';
COMMENT ON COLUMN scripts."scope" IS 'prerule, host, port or postrule.';
COMMENT ON COLUMN scripts."script_index" IS 'Index among the scripts of the same scan, host or port, from 0.';
COMMENT ON COLUMN scripts."name" IS 'ID of the script.';
COMMENT ON COLUMN scripts."origin" IS 'nse, or engine for a function of scanmill''s user.';
COMMENT ON COLUMN scripts."output" IS 'Output text; null if the script returned an empty table.';
COMMENT ON COLUMN scripts."data" IS 'Structured value as JSON text.';
COMMENT ON COLUMN scripts."ip" IS 'First IP address of the host.';
COMMENT ON COLUMN scripts."host_key" IS 'Identity of the host across scans.';
COMMENT ON COLUMN scripts."state" IS 'State of the port that the script ran on.';
COMMENT ON COLUMN scripts."start_time" IS 'Time at which nmap started on the host, or else started the scan.';

CREATE TABLE os_matches (
    "scan_id" VARCHAR NOT NULL,
    "host_id" VARCHAR NOT NULL,
    "match_index" INTEGER NOT NULL,
    "name" VARCHAR,
    "accuracy" INTEGER,
    "line" INTEGER,
    "ip" VARCHAR,
    "host_key" VARCHAR,
    "start_time" TIMESTAMP WITH TIME ZONE,
    "best" BOOLEAN
);
COMMENT ON TABLE os_matches IS 'One row per operating system that matches a host. Key: host_id, match_index.';
COMMENT ON COLUMN os_matches."scan_id" IS 'ID of the scan.';
COMMENT ON COLUMN os_matches."host_id" IS 'ID of the host.';
COMMENT ON COLUMN os_matches."match_index" IS 'Index among the matches of the host, from 0.';
COMMENT ON COLUMN os_matches."name" IS 'Name of the operating system.';
COMMENT ON COLUMN os_matches."accuracy" IS 'Accuracy of the match, in percent.';
COMMENT ON COLUMN os_matches."line" IS 'Line in nmap-os-db.';
COMMENT ON COLUMN os_matches."ip" IS 'First IP address of the host.';
COMMENT ON COLUMN os_matches."host_key" IS 'Identity of the host across scans.';
COMMENT ON COLUMN os_matches."start_time" IS 'Time at which nmap started on the host, or else started the scan.';
COMMENT ON COLUMN os_matches."best" IS 'True for the match with the best accuracy, the first of equal ones.';

CREATE TABLE os_classes (
    "scan_id" VARCHAR NOT NULL,
    "host_id" VARCHAR NOT NULL,
    "class_index" INTEGER NOT NULL,
    "match_index" INTEGER,
    "type" VARCHAR,
    "vendor" VARCHAR,
    "family" VARCHAR,
    "gen" VARCHAR,
    "accuracy" INTEGER,
    "cpes" VARCHAR[]
);
COMMENT ON TABLE os_classes IS 'One row per class of operating systems that matches a host. Key: host_id, class_index.';
COMMENT ON COLUMN os_classes."scan_id" IS 'ID of the scan.';
COMMENT ON COLUMN os_classes."host_id" IS 'ID of the host.';
COMMENT ON COLUMN os_classes."class_index" IS 'Index among the classes of the host, from 0.';
COMMENT ON COLUMN os_classes."match_index" IS 'Index of the match that the class belongs to; null if the class is directly in the element os.';
COMMENT ON COLUMN os_classes."type" IS 'Kind of device, such as general purpose.';
COMMENT ON COLUMN os_classes."vendor" IS 'Vendor.';
COMMENT ON COLUMN os_classes."family" IS 'Family, such as Linux.';
COMMENT ON COLUMN os_classes."gen" IS 'Generation, such as 5.X.';
COMMENT ON COLUMN os_classes."accuracy" IS 'Accuracy of the class, in percent.';
COMMENT ON COLUMN os_classes."cpes" IS 'CPE 2.2 URIs.';

CREATE TABLE hops (
    "scan_id" VARCHAR NOT NULL,
    "host_id" VARCHAR NOT NULL,
    "trace_index" INTEGER NOT NULL,
    "hop_index" INTEGER NOT NULL,
    "proto" VARCHAR,
    "trace_port" INTEGER,
    "ttl" INTEGER,
    "rtt_ms" DOUBLE,
    "ip" VARCHAR,
    "hostname" VARCHAR
);
COMMENT ON TABLE hops IS 'One row per hop of a route to a host. Key: host_id, trace_index, hop_index.';
COMMENT ON COLUMN hops."scan_id" IS 'ID of the scan.';
COMMENT ON COLUMN hops."host_id" IS 'ID of the host.';
COMMENT ON COLUMN hops."trace_index" IS 'Index among the routes of the host, from 0.';
COMMENT ON COLUMN hops."hop_index" IS 'Index in the route, from 0.';
COMMENT ON COLUMN hops."proto" IS 'Protocol of the probes.';
COMMENT ON COLUMN hops."trace_port" IS 'Port of the probes.';
COMMENT ON COLUMN hops."ttl" IS 'Distance from the scanner in hops; hops without an answer have no row.';
COMMENT ON COLUMN hops."rtt_ms" IS 'Round trip time in milliseconds.';
COMMENT ON COLUMN hops."ip" IS 'Address that answered.';
COMMENT ON COLUMN hops."hostname" IS 'Host name of that address.';

CREATE TABLE events (
    "scan_id" VARCHAR NOT NULL,
    "event_index" INTEGER NOT NULL,
    "kind" VARCHAR NOT NULL,
    "task" VARCHAR,
    "time" TIMESTAMP WITH TIME ZONE,
    "extra_info" VARCHAR,
    "percent" DOUBLE,
    "remaining_s" BIGINT,
    "etc_time" TIMESTAMP WITH TIME ZONE,
    "ip" VARCHAR,
    "mac" VARCHAR,
    "mac_vendor" VARCHAR,
    "hostname" VARCHAR,
    "state" VARCHAR,
    "reason" VARCHAR,
    "reason_ttl" INTEGER,
    "specification" VARCHAR
);
COMMENT ON TABLE events IS 'One row per task element, host hint or skipped target of a scan. Key: scan_id, event_index.';
COMMENT ON COLUMN events."scan_id" IS 'ID of the scan.';
COMMENT ON COLUMN events."event_index" IS 'Index among the events of the scan, from 0.';
COMMENT ON COLUMN events."kind" IS 'taskbegin, taskprogress, taskend, hosthint or target.';
COMMENT ON COLUMN events."task" IS 'Name of the step.';
COMMENT ON COLUMN events."time" IS 'Time of the event.';
COMMENT ON COLUMN events."extra_info" IS 'Further information on the step.';
COMMENT ON COLUMN events."percent" IS 'Progress of the step in percent.';
COMMENT ON COLUMN events."remaining_s" IS 'Remaining time in seconds.';
COMMENT ON COLUMN events."etc_time" IS 'Estimated time of completion.';
COMMENT ON COLUMN events."ip" IS 'First IP address of a host hint.';
COMMENT ON COLUMN events."mac" IS 'First MAC address of a host hint.';
COMMENT ON COLUMN events."mac_vendor" IS 'Vendor of the first MAC address of a host hint.';
COMMENT ON COLUMN events."hostname" IS 'First host name of a host hint.';
COMMENT ON COLUMN events."state" IS 'State of a host hint, or status of a target.';
COMMENT ON COLUMN events."reason" IS 'Reason of a host hint or a target.';
COMMENT ON COLUMN events."reason_ttl" IS 'TTL of the packet that the state of a host hint was inferred from.';
COMMENT ON COLUMN events."specification" IS 'Target as given.';

CREATE TABLE warnings (
    "source" VARCHAR NOT NULL,
    "doc_index" INTEGER NOT NULL,
    "warning_index" INTEGER NOT NULL,
    "scan_id" VARCHAR,
    "code" VARCHAR NOT NULL,
    "byte_offset" BIGINT NOT NULL,
    "line" BIGINT NOT NULL,
    "count" BIGINT NOT NULL,
    "detail" VARCHAR
);
COMMENT ON TABLE warnings IS 'One row per warning code and document, with the first position and the number of warnings. Key: source, doc_index, warning_index.';
COMMENT ON COLUMN warnings."source" IS 'Name of the input as given.';
COMMENT ON COLUMN warnings."doc_index" IS 'Index of the document in the input, from 0.';
COMMENT ON COLUMN warnings."warning_index" IS 'Index among the warnings of the document, in the order of their positions.';
COMMENT ON COLUMN warnings."scan_id" IS 'ID of the scan; null if the input contains none.';
COMMENT ON COLUMN warnings."code" IS 'Code of the warning, such as W_TRUNCATED.';
COMMENT ON COLUMN warnings."byte_offset" IS 'First position, in bytes from the start of the input.';
COMMENT ON COLUMN warnings."line" IS 'Line of the first position, from 1.';
COMMENT ON COLUMN warnings."count" IS 'Number of warnings with this code in the document.';
COMMENT ON COLUMN warnings."detail" IS 'Description of the problem at the first position.';
