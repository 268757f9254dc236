-- Printed by `scanmill schema`; not edited by hand.

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
    `ports_open` INT NOT NULL COMMENT 'Number of listed ports that are open.',
    `scan_ids` ARRAY<STRING> NOT NULL COMMENT 'IDs of the scans that contributed, in order.',
    `first_seen` TIMESTAMP COMMENT 'Time at which the host was first seen: the earliest start, or end if there is no start.',
    `last_seen` TIMESTAMP COMMENT 'Time at which the host was last seen up: the latest end, or start if there is no end.',
    `last_looked` TIMESTAMP COMMENT 'Time at which the host was last looked for, up or not: the latest end, or start if there is no end.',
    `seen` INT NOT NULL COMMENT 'Number of scans that saw the host.'
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
    `start_time` TIMESTAMP COMMENT 'Time at which nmap started on the host, or else started the scan.',
    `first_seen` TIMESTAMP COMMENT 'Time at which the port was first listed: the earliest start of the host, or its end if there is no start.',
    `last_seen` TIMESTAMP COMMENT 'Time at which the port was last listed: the latest end of the host, or its start if there is no end.',
    `last_looked` TIMESTAMP COMMENT 'Time at which the port was last listed or covered: the latest end of the host, or its start if there is no end.',
    `seen` INT NOT NULL COMMENT 'Number of scans that listed the port.'
)
USING PARQUET
COMMENT 'One row per port that is listed singly; with --expand-extraports also one per port of the lists. Key: host_id, protocol, port.';

CREATE TABLE conflicts (
    `host_key` STRING NOT NULL COMMENT 'Identity of the host.',
    `protocol` STRING COMMENT 'Protocol of the port; null for values of the host.',
    `port` INT COMMENT 'Port number; null for values of the host.',
    `column` STRING NOT NULL COMMENT 'Column of the value, such as state, service.version or script.http-title.',
    `item` STRING COMMENT 'Name of the service, script or OS match, or type of the host names, that the value belongs to.',
    `winner_scan_id` STRING NOT NULL COMMENT 'Scan of the winning value.',
    `winner_value` STRING COMMENT 'Winning value; for a covered port its state, if the later look implies one.',
    `loser_scan_id` STRING NOT NULL COMMENT 'Scan of the losing value.',
    `loser_value` STRING COMMENT 'Losing value.',
    `rule` STRING NOT NULL COMMENT 'Rule that decided: the policy, or covered for a port that a later look covered and did not list.'
)
USING PARQUET
COMMENT 'One row per value that lost to another one in a merge. Key: host_key, protocol, port, column, item, loser_scan_id.';

CREATE TABLE changes (
    `host_key` STRING NOT NULL COMMENT 'Identity of the host; for a host that moved, its identity in the newer state.',
    `ip` STRING COMMENT 'IP address of the host.',
    `protocol` STRING COMMENT 'Protocol of the port; null for values of the host.',
    `port` INT COMMENT 'Port number; null for values of the host.',
    `ports` STRING COMMENT 'Ports that are not listed singly and that the change applies to, such as 1-21,23-100.',
    `kind` STRING NOT NULL COMMENT 'appeared, first_seen (an open port that the older state never looked for), gone, changed, moved, or not_scanned (by the other state).',
    `column` STRING NOT NULL COMMENT 'Column that differs, such as state, hostnames, service.version or script.http-title.',
    `old` STRING COMMENT 'Value in the older state.',
    `new` STRING COMMENT 'Value in the newer state.',
    `old_scan_id` STRING COMMENT 'Scan that the older value comes from.',
    `new_scan_id` STRING COMMENT 'Scan that the newer value comes from.',
    `old_time` TIMESTAMP COMMENT 'Time at which the older value was last seen.',
    `new_time` TIMESTAMP COMMENT 'Time at which the newer value was last seen.',
    `old_service_name` STRING COMMENT 'Name of the port\'s first service in the older state.',
    `old_service_product` STRING COMMENT 'Product of the port\'s first service in the older state.',
    `old_service_version` STRING COMMENT 'Version of the port\'s first service in the older state.',
    `new_service_name` STRING COMMENT 'Name of the port\'s first service in the newer state.',
    `new_service_product` STRING COMMENT 'Product of the port\'s first service in the newer state.',
    `new_service_version` STRING COMMENT 'Version of the port\'s first service in the newer state.'
)
USING PARQUET
COMMENT 'One row per difference between an older state and a newer one. Key: host_key, protocol, port, ports, column.';

CREATE TABLE host_history (
    `host_key` STRING NOT NULL COMMENT 'Identity across scans: `ip:`, `mac:`, `name:` or `idx:` and a text.',
    `ip` STRING COMMENT 'First address of type ipv4 or ipv6, without its zone.',
    `mac` STRING COMMENT 'First MAC address, upper case with colons.',
    `hostname` STRING COMMENT 'Name to show: the first of type user, or the first of type PTR, or the first.',
    `state` STRING NOT NULL COMMENT 'up, down, unknown or skipped.',
    `os_name` STRING COMMENT 'Name of the best OS match.',
    `valid_from` TIMESTAMP COMMENT 'Time of the first look with these values; null if it has no time.',
    `last_seen` TIMESTAMP COMMENT 'Time of the last look that confirmed these values.',
    `valid_to` TIMESTAMP COMMENT 'Time of the first later look that contradicts these values; null while they are current.',
    `looks` BIGINT NOT NULL COMMENT 'Number of looks that confirmed these values.',
    `first_scan_id` STRING NOT NULL COMMENT 'Scan of the first of these looks.',
    `last_scan_id` STRING NOT NULL COMMENT 'Scan of the last of these looks.',
    `ended_by_scan_id` STRING COMMENT 'Scan that contradicts these values.'
)
USING PARQUET
COMMENT 'One row per interval in which the listed values of a host did not change. Key: host_key, valid_from.';

CREATE TABLE port_history (
    `host_key` STRING NOT NULL COMMENT 'Identity of the host.',
    `ip` STRING COMMENT 'First IP address of the host during the interval.',
    `protocol` STRING NOT NULL COMMENT 'tcp, udp, sctp, ip or the name that masscan wrote, in lower case.',
    `port` INT NOT NULL COMMENT 'Port number; for ip the IP protocol number.',
    `state` STRING NOT NULL COMMENT 'open, closed, filtered, unfiltered, open|filtered or closed|filtered.',
    `reason` STRING COMMENT 'Reason for the state, such as syn-ack.',
    `service_name` STRING COMMENT 'Name of the first service, from the port table or from the answer.',
    `service_product` STRING COMMENT 'Product of the first service.',
    `service_version` STRING COMMENT 'Version of the first service.',
    `service_cpes` ARRAY<STRING> NOT NULL COMMENT 'CPE 2.2 URIs of the first service.',
    `valid_from` TIMESTAMP COMMENT 'Time of the first look with these values; null if it has no time.',
    `last_seen` TIMESTAMP COMMENT 'Time of the last look that confirmed these values.',
    `valid_to` TIMESTAMP COMMENT 'Time of the first later look that contradicts these values; null while they are current.',
    `looks` BIGINT NOT NULL COMMENT 'Number of looks that confirmed these values.',
    `first_scan_id` STRING NOT NULL COMMENT 'Scan of the first of these looks.',
    `last_scan_id` STRING NOT NULL COMMENT 'Scan of the last of these looks.',
    `ended_by_scan_id` STRING COMMENT 'Scan that contradicts these values.'
)
USING PARQUET
COMMENT 'One row per interval in which the listed values of a port did not change. Key: host_key, protocol, port, valid_from.';
