-- Printed by `scanmill schema`; not edited by hand.

CREATE TABLE scans (
    `scan_id` STRING NOT NULL COMMENT 'Stable ID of the scan: equal whenever and from wherever the scan is read.',
    `source` STRING NOT NULL COMMENT 'Name of the input as given.',
    `doc_index` INT NOT NULL COMMENT 'Index among the documents of the input, from 0.',
    `scanner` STRING COMMENT 'nmap, masscan or the name that a merging tool wrote.',
    `scanner_version` STRING COMMENT 'Version of the scanner.',
    `xml_version` STRING COMMENT 'Version of the XML output; informative only.',
    `args` STRING COMMENT 'Command line.',
    `profile_name` STRING COMMENT 'Name of Zenmap\'s profile.',
    `start_time` TIMESTAMP COMMENT 'Start time.',
    `start_str` STRING COMMENT 'Start time in local time, as nmap wrote it.',
    `end_time` TIMESTAMP COMMENT 'End time.',
    `end_str` STRING COMMENT 'End time in local time, as nmap wrote it.',
    `elapsed_s` DOUBLE COMMENT 'Duration in seconds; for a resumed scan the sum.',
    `finished` BOOLEAN NOT NULL COMMENT 'True if a finished element was read.',
    `exit_status` STRING COMMENT 'success or error.',
    `error_message` STRING COMMENT 'Error message.',
    `summary` STRING COMMENT 'Last line of nmap\'s output.',
    `hosts_up` BIGINT COMMENT 'Number of hosts up, as reported.',
    `hosts_down` BIGINT COMMENT 'Number of hosts down, as reported; a list scan counts every host here.',
    `hosts_total` BIGINT COMMENT 'Total number of hosts, as reported.',
    `verbosity` INT COMMENT 'Level of -v.',
    `debugging` INT COMMENT 'Level of -d.',
    `scan_info` ARRAY<STRUCT<`type`: STRING COMMENT 'Scan type, such as syn.', `protocol`: STRING COMMENT 'Protocol.', `num_services`: BIGINT COMMENT 'Number of ports.', `services`: STRING COMMENT 'List of ports, such as 1-3,80.', `scan_flags`: STRING COMMENT 'TCP flags, if they were given on the command line.'>> COMMENT 'Ports that were scanned, one entry per scan type.',
    `hosts_seen` BIGINT NOT NULL COMMENT 'Number of host elements read.',
    `hosts_incomplete` BIGINT NOT NULL COMMENT 'Number of host elements that were cut off.',
    `truncated` BOOLEAN NOT NULL COMMENT 'True if the document ends before its end tag.',
    `resumed` BOOLEAN NOT NULL COMMENT 'True if nmap --resume continued the scan.',
    `bytes` BIGINT NOT NULL COMMENT 'Size of the document in bytes, decompressed and undecoded.',
    `warnings` BIGINT NOT NULL COMMENT 'Total number of warnings.',
    `content_sha256` STRING COMMENT 'SHA-256 of the document in hexadecimal, with --hash.'
)
USING PARQUET
COMMENT 'One row per document, written when it ends. Key: scan_id.';

CREATE TABLE hosts (
    `host_id` STRING NOT NULL COMMENT 'ID of the host: scan_id, `-h` and host_index.',
    `scan_id` STRING NOT NULL COMMENT 'ID of the scan.',
    `host_index` INT NOT NULL COMMENT 'Index among the host elements of the scan, from 0.',
    `host_key` STRING NOT NULL COMMENT 'Identity across scans: `ip:`, `mac:`, `name:` or `idx:` and a text.',
    `ip` STRING COMMENT 'First address of type ipv4 or ipv6, without its zone.',
    `ip_version` INT COMMENT '4 or 6; null if ip is not an IP literal.',
    `ip_bytes` BINARY COMMENT 'IP address in network order, for sorting; IPv4 addresses are mapped into ::ffff:0:0/96.',
    `ip_zone` STRING COMMENT 'Zone of the address: the part after `%`.',
    `mac` STRING COMMENT 'First MAC address, upper case with colons.',
    `mac_vendor` STRING COMMENT 'Vendor of the first MAC address.',
    `hostname` STRING COMMENT 'Name to show: the first of type user, or the first of type PTR, or the first.',
    `hostnames` ARRAY<STRUCT<`name`: STRING NOT NULL COMMENT 'Name as found.', `type`: STRING COMMENT 'user for a name that was typed, PTR for one from DNS.'>> COMMENT 'Host names in document order.',
    `addresses` ARRAY<STRUCT<`addr`: STRING NOT NULL COMMENT 'Address in its canonical form, without zone.', `type`: STRING NOT NULL COMMENT 'ipv4, ipv6 or mac.', `vendor`: STRING COMMENT 'Vendor of a MAC address.'>> COMMENT 'Addresses in document order.',
    `state` STRING NOT NULL COMMENT 'up, down, unknown or skipped; inferred from the ports if the host has no status.',
    `reason` STRING COMMENT 'Reason for the state, such as echo-reply; `inferred` if the host has no status.',
    `reason_ttl` INT COMMENT 'TTL of the packet that the state was inferred from.',
    `start_time` TIMESTAMP COMMENT 'Time at which nmap started on the host.',
    `end_time` TIMESTAMP COMMENT 'Time at which nmap finished the host.',
    `timed_out` BOOLEAN COMMENT 'True if nmap gave up on the host.',
    `complete` BOOLEAN NOT NULL COMMENT 'True if the end of the host was read and nothing was cut off.',
    `comment` STRING COMMENT 'Comment that Zenmap saved.',
    `distance` INT COMMENT 'Distance in hops.',
    `uptime_s` BIGINT COMMENT 'Uptime in seconds.',
    `last_boot` STRING COMMENT 'Local time of the last boot, as nmap wrote it.',
    `tcp_seq_index` BIGINT COMMENT 'Difficulty index of TCP sequence prediction.',
    `tcp_seq_difficulty` STRING COMMENT 'Difficulty of TCP sequence prediction, as text.',
    `tcp_seq_class` STRING COMMENT 'Class of TCP sequence numbers (before nmap 4.62).',
    `tcp_seq_values` STRING COMMENT 'Observed TCP sequence numbers, in hexadecimal.',
    `ip_id_class` STRING COMMENT 'Class of IP identification numbers.',
    `ip_id_values` STRING COMMENT 'Observed IP identification numbers, in hexadecimal.',
    `tcp_ts_class` STRING COMMENT 'Class of TCP time stamps.',
    `tcp_ts_values` STRING COMMENT 'Observed TCP time stamps, in hexadecimal.',
    `srtt_ms` DOUBLE COMMENT 'Smoothed round trip time in milliseconds.',
    `rttvar_ms` DOUBLE COMMENT 'Variance of the round trip time in milliseconds.',
    `timeout_ms` DOUBLE COMMENT 'Probe timeout in milliseconds.',
    `smurf_responses` BIGINT COMMENT 'Number of answers to a ping of a broadcast address.',
    `extra_ports` ARRAY<STRUCT<`state`: STRING COMMENT 'State of the ports.', `count`: BIGINT COMMENT 'Number of ports.', `reasons`: ARRAY<STRUCT<`reason`: STRING COMMENT 'Reason as written.', `count`: BIGINT COMMENT 'Number of ports.', `proto`: STRING COMMENT 'Protocol of the ports.', `ports`: STRING COMMENT 'Port numbers, such as 1-24,26.'>> COMMENT 'Reasons for the state.'>> COMMENT 'Ports that are not listed singly, one entry per state.',
    `os_fingerprints` ARRAY<STRING> COMMENT 'Fingerprints of the operating system.',
    `os_ports_used` ARRAY<STRUCT<`state`: STRING COMMENT 'State of the port.', `proto`: STRING COMMENT 'Protocol of the port.', `port`: INT COMMENT 'Port number.'>> COMMENT 'Ports that operating system detection used.',
    `ports_listed` INT NOT NULL COMMENT 'Number of ports that the document lists singly.',
    `ports_open` INT NOT NULL COMMENT 'Number of listed ports that are open.'
)
USING PARQUET
COMMENT 'One row per host element; filters remove rows but change none. Key: host_id.';

CREATE TABLE ports (
    `scan_id` STRING NOT NULL COMMENT 'ID of the scan.',
    `host_id` STRING NOT NULL COMMENT 'ID of the host.',
    `protocol` STRING NOT NULL COMMENT 'tcp, udp, sctp, ip or the name that masscan wrote, in lower case.',
    `port` INT NOT NULL COMMENT 'Port number; for ip the IP protocol number.',
    `ip` STRING COMMENT 'First IP address of the host.',
    `state` STRING NOT NULL COMMENT 'open, closed, filtered, unfiltered, open|filtered or closed|filtered.',
    `reason` STRING COMMENT 'Reason for the state, such as syn-ack.',
    `reason_ttl` INT COMMENT 'TTL of the packet that the state was inferred from.',
    `reason_ip` STRING COMMENT 'Sender of that packet, if it was not the host itself.',
    `owner` STRING COMMENT 'User that identd named (nmap 3.x and 4.x).',
    `port_index` INT NOT NULL COMMENT 'Index among the ports of the host, from 0.',
    `expanded` BOOLEAN NOT NULL COMMENT 'True if the port comes from a list of extrareasons.',
    `host_key` STRING COMMENT 'Identity of the host across scans.',
    `start_time` TIMESTAMP COMMENT 'Time at which nmap started on the host, or else started the scan.'
)
USING PARQUET
COMMENT 'One row per port that is listed singly; with --expand-extraports also one per port of the lists. Key: host_id, protocol, port.';

CREATE TABLE services (
    `scan_id` STRING NOT NULL COMMENT 'ID of the scan.',
    `host_id` STRING NOT NULL COMMENT 'ID of the host.',
    `protocol` STRING NOT NULL COMMENT 'Protocol of the port.',
    `port` INT NOT NULL COMMENT 'Port number.',
    `service_index` INT NOT NULL COMMENT 'Index among the services of the port, from 0.',
    `ip` STRING COMMENT 'First IP address of the host.',
    `name` STRING COMMENT 'Name, from the port table or from the answer.',
    `product` STRING COMMENT 'Product.',
    `version` STRING COMMENT 'Version; before nmap 3.40 the whole banner.',
    `extra_info` STRING COMMENT 'Further information.',
    `hostname` STRING COMMENT 'Host name that the service reported.',
    `os_type` STRING COMMENT 'Operating system that the service reported.',
    `device_type` STRING COMMENT 'Device type that the service reported.',
    `method` STRING COMMENT 'table, probed or (before 4.85) detection.',
    `confidence` INT COMMENT 'Confidence, 0 to 10.',
    `tunnel` STRING COMMENT 'ssl if the service was found inside TLS.',
    `rpc_proto` STRING COMMENT 'rpc (until nmap 6.01).',
    `rpc_num` BIGINT COMMENT 'RPC program number.',
    `low_ver` INT COMMENT 'Lowest RPC version.',
    `high_ver` INT COMMENT 'Highest RPC version.',
    `cpes` ARRAY<STRING> COMMENT 'CPE 2.2 URIs.',
    `fingerprint` STRING COMMENT 'Fingerprint of a service that nmap does not know.',
    `banner` STRING COMMENT 'Banner that masscan read.',
    `host_key` STRING COMMENT 'Identity of the host across scans.',
    `state` STRING COMMENT 'State of the port.',
    `start_time` TIMESTAMP COMMENT 'Time at which nmap started on the host, or else started the scan.'
)
USING PARQUET
COMMENT 'One row per service found on a port; nmap reports at most one, masscan several. Key: host_id, protocol, port, service_index.';

CREATE TABLE scripts (
    `scan_id` STRING NOT NULL COMMENT 'ID of the scan.',
    `host_id` STRING COMMENT 'ID of the host that the script ran on; null for prerule and postrule.',
    `protocol` STRING COMMENT 'Protocol of the port that the script ran on.',
    `port` INT COMMENT 'Number of the port that the script ran on.',
    `scope` STRING NOT NULL COMMENT 'prerule, host, port or postrule.',
    `script_index` INT NOT NULL COMMENT 'Index among the scripts of the same scan, host or port, from 0.',
    `name` STRING NOT NULL COMMENT 'ID of the script.',
    `origin` STRING NOT NULL COMMENT 'nse, or engine for a function of scanmill\'s user.',
    `output` STRING COMMENT 'Output text; null if the script returned an empty table.',
    `data` STRING COMMENT 'Structured value as JSON text.',
    `ip` STRING COMMENT 'First IP address of the host.',
    `host_key` STRING COMMENT 'Identity of the host across scans.',
    `state` STRING COMMENT 'State of the port that the script ran on.',
    `start_time` TIMESTAMP COMMENT 'Time at which nmap started on the host, or else started the scan.'
)
USING PARQUET
COMMENT 'One row per script result, of a scan, a host or a port. Key: scan_id, host_id, protocol, port, scope, script_index.';

CREATE TABLE os_matches (
    `scan_id` STRING NOT NULL COMMENT 'ID of the scan.',
    `host_id` STRING NOT NULL COMMENT 'ID of the host.',
    `match_index` INT NOT NULL COMMENT 'Index among the matches of the host, from 0.',
    `name` STRING COMMENT 'Name of the operating system.',
    `accuracy` INT COMMENT 'Accuracy of the match, in percent.',
    `line` INT COMMENT 'Line in nmap-os-db.',
    `ip` STRING COMMENT 'First IP address of the host.',
    `host_key` STRING COMMENT 'Identity of the host across scans.',
    `start_time` TIMESTAMP COMMENT 'Time at which nmap started on the host, or else started the scan.',
    `best` BOOLEAN COMMENT 'True for the match with the best accuracy, the first of equal ones.'
)
USING PARQUET
COMMENT 'One row per operating system that matches a host. Key: host_id, match_index.';

CREATE TABLE os_classes (
    `scan_id` STRING NOT NULL COMMENT 'ID of the scan.',
    `host_id` STRING NOT NULL COMMENT 'ID of the host.',
    `class_index` INT NOT NULL COMMENT 'Index among the classes of the host, from 0.',
    `match_index` INT COMMENT 'Index of the match that the class belongs to; null if the class is directly in the element os.',
    `type` STRING COMMENT 'Kind of device, such as general purpose.',
    `vendor` STRING COMMENT 'Vendor.',
    `family` STRING COMMENT 'Family, such as Linux.',
    `gen` STRING COMMENT 'Generation, such as 5.X.',
    `accuracy` INT COMMENT 'Accuracy of the class, in percent.',
    `cpes` ARRAY<STRING> COMMENT 'CPE 2.2 URIs.'
)
USING PARQUET
COMMENT 'One row per class of operating systems that matches a host. Key: host_id, class_index.';

CREATE TABLE hops (
    `scan_id` STRING NOT NULL COMMENT 'ID of the scan.',
    `host_id` STRING NOT NULL COMMENT 'ID of the host.',
    `trace_index` INT NOT NULL COMMENT 'Index among the routes of the host, from 0.',
    `hop_index` INT NOT NULL COMMENT 'Index in the route, from 0.',
    `proto` STRING COMMENT 'Protocol of the probes.',
    `trace_port` INT COMMENT 'Port of the probes.',
    `ttl` INT COMMENT 'Distance from the scanner in hops; hops without an answer have no row.',
    `rtt_ms` DOUBLE COMMENT 'Round trip time in milliseconds.',
    `ip` STRING COMMENT 'Address that answered.',
    `hostname` STRING COMMENT 'Host name of that address.'
)
USING PARQUET
COMMENT 'One row per hop of a route to a host. Key: host_id, trace_index, hop_index.';

CREATE TABLE events (
    `scan_id` STRING NOT NULL COMMENT 'ID of the scan.',
    `event_index` INT NOT NULL COMMENT 'Index among the events of the scan, from 0.',
    `kind` STRING NOT NULL COMMENT 'taskbegin, taskprogress, taskend, hosthint or target.',
    `task` STRING COMMENT 'Name of the step.',
    `time` TIMESTAMP COMMENT 'Time of the event.',
    `extra_info` STRING COMMENT 'Further information on the step.',
    `percent` DOUBLE COMMENT 'Progress of the step in percent.',
    `remaining_s` BIGINT COMMENT 'Remaining time in seconds.',
    `etc_time` TIMESTAMP COMMENT 'Estimated time of completion.',
    `ip` STRING COMMENT 'First IP address of a host hint.',
    `mac` STRING COMMENT 'First MAC address of a host hint.',
    `mac_vendor` STRING COMMENT 'Vendor of the first MAC address of a host hint.',
    `hostname` STRING COMMENT 'First host name of a host hint.',
    `state` STRING COMMENT 'State of a host hint, or status of a target.',
    `reason` STRING COMMENT 'Reason of a host hint or a target.',
    `reason_ttl` INT COMMENT 'TTL of the packet that the state of a host hint was inferred from.',
    `specification` STRING COMMENT 'Target as given.'
)
USING PARQUET
COMMENT 'One row per task element, host hint or skipped target of a scan. Key: scan_id, event_index.';

CREATE TABLE warnings (
    `source` STRING NOT NULL COMMENT 'Name of the input as given.',
    `doc_index` INT NOT NULL COMMENT 'Index of the document in the input, from 0.',
    `warning_index` INT NOT NULL COMMENT 'Index among the warnings of the document, in the order of their positions.',
    `scan_id` STRING COMMENT 'ID of the scan; null if the input contains none.',
    `code` STRING NOT NULL COMMENT 'Code of the warning, such as W_TRUNCATED.',
    `byte_offset` BIGINT NOT NULL COMMENT 'First position, in bytes from the start of the input.',
    `line` BIGINT NOT NULL COMMENT 'Line of the first position, from 1.',
    `count` BIGINT NOT NULL COMMENT 'Number of warnings with this code in the document.',
    `detail` STRING COMMENT 'Description of the problem at the first position.'
)
USING PARQUET
COMMENT 'One row per warning code and document, with the first position and the number of warnings. Key: source, doc_index, warning_index.';
