//! Tables that are computed from the others.

use crate::table::{
    Cell, ColumnType,
    derived::{CertificateRow, OpenServiceRow, VulnerabilityRow},
};

table! { OPEN_SERVICES, "One row per open port and service, with its host and scan.", key ["host_id", "protocol", "port", "service_index"], OpenService(r: OpenServiceRow<'_>):
    "scan_date" ColumnType::Utf8, ? "UTC date on which the scan started, or else the date of start_time." => r.scan_date.map_or(Cell::Null, Cell::Plain);
    "start_time" ColumnType::Timestamp, ? "Time at which nmap started on the host, or else started the scan." => r.host.start_time;
    "host_key" ColumnType::Utf8, ! "Identity of the host across scans." => r.host.host_key;
    "ip" ColumnType::Utf8, ? "First IP address of the host." => r.host.ip();
    "ip_sort" ColumnType::Utf8, ? "The address with all its digits, such as 192.000.002.001: its text order is the order of addresses." => plain(r.of_host.ip_sort.as_ref());
    "subnet" ColumnType::Utf8, ? "Network of the address: /24 of IPv4, /64 of IPv6." => r.of_host.subnet.as_ref();
    "hostname" ColumnType::Utf8, ? "Name to show: the first of type user, or the first of type PTR, or the first." => r.host.hostname();
    "mac" ColumnType::Utf8, ? "First MAC address, upper case with colons." => r.host.host.mac().map(|a| &*a.text);
    "mac_vendor" ColumnType::Utf8, ? "Vendor of the first MAC address." => r.host.host.mac().and_then(|a| a.vendor.as_deref());
    "os_name" ColumnType::Utf8, ? "Name of the best OS match." => r.of_host.os_name.as_ref();
    "protocol" ColumnType::Dictionary, ! "Protocol of the port." => &r.port.protocol;
    "port" ColumnType::Int32, ! "Port number." => &r.port.number;
    "state" ColumnType::Dictionary, ! "open; also open|filtered if --state selects it." => &r.port.state;
    "service" ColumnType::Dictionary, ? "Name of the service, from the port table or from the answer." => r.service.and_then(|s| s.name.as_deref());
    "product" ColumnType::Utf8, ? "Product." => r.service.and_then(|s| s.product.as_deref());
    "version" ColumnType::Utf8, ? "Version." => r.service.and_then(|s| s.version.as_deref());
    "version_key" ColumnType::Utf8, ? "Form of the version whose text order is the order of versions." => r.of_service.version_key.as_ref();
    "extra_info" ColumnType::Utf8, ? "Further information." => r.service.and_then(|s| s.extra_info.as_deref());
    "tunnel" ColumnType::Dictionary, ? "ssl if the service was found inside TLS." => r.service.and_then(|s| s.tunnel.as_deref());
    "cpe" ColumnType::Utf8, ? "First CPE 2.2 URI of an application, or else the first." => r.of_service.cpe.as_ref();
    "cpe23" ColumnType::Utf8, ? "The same name as a formatted string of CPE 2.3." => r.of_service.cpe23.as_ref();
    "http_title" ColumnType::Utf8, ? "Title of the web page, from http-title." => r.summary.http_title.as_ref();
    "tls_cn" ColumnType::Utf8, ? "Common name of the certificate, from ssl-cert." => r.summary.tls_common_name.as_ref();
    "tls_not_after" ColumnType::Timestamp, ? "Last second at which the certificate is valid, from ssl-cert." => r.summary.tls_not_after;
    "ssh_hostkey_fp" ColumnType::Utf8, ? "Fingerprint of the SSH key, in hexadecimal as ssh-hostkey reports it: of the Ed25519 key, or else of an ECDSA, RSA or other key." => r.summary.ssh_fingerprint.as_ref();
    "service_index" ColumnType::Int32, ! "Index among the services of the port, from 0; 0 for a port without service." => r.index;
    "scan_id" ColumnType::Utf8, ! "ID of the scan." => r.host.scan_id;
    "host_id" ColumnType::Utf8, ! "ID of the host." => r.host.host_id;
merged_rows:
    "first_seen" ColumnType::Timestamp, ? "Time at which the port was first listed: the earliest start of the host, or its end if there is no start." => r.host.seen.first;
    "last_seen" ColumnType::Timestamp, ? "Time at which the port was last listed: the latest end of the host, or its start if there is no end." => r.host.seen.last;
    "last_looked" ColumnType::Timestamp, ? "Time at which the port was last listed or covered: the latest end of the host, or its start if there is no end." => r.host.seen.looked;
    "seen" ColumnType::Int32, ! "Number of scans that listed the port." => r.host.seen.count;
}

table! { CERTIFICATES, "One row per certificate that a TLS server showed, from ssl-cert.", key ["host_id", "protocol", "port", "script_index"], Certificate(r: CertificateRow<'_>):
    "scan_id" ColumnType::Utf8, ! "ID of the scan." => r.host.scan_id;
    "host_id" ColumnType::Utf8, ! "ID of the host." => r.host.host_id;
    "protocol" ColumnType::Dictionary, ! "Protocol of the port." => &r.port.protocol;
    "port" ColumnType::Int32, ! "Port number." => &r.port.number;
    "script_index" ColumnType::Int32, ! "Index of the result in the scripts of the port, from 0." => r.index;
    "start_time" ColumnType::Timestamp, ? "Time at which nmap started on the host, or else started the scan." => r.host.start_time;
    "host_key" ColumnType::Utf8, ! "Identity of the host across scans." => r.host.host_key;
    "ip" ColumnType::Utf8, ? "First IP address of the host." => r.host.ip();
    "hostname" ColumnType::Utf8, ? "Name to show: the first of type user, or the first of type PTR, or the first." => r.host.hostname();
    "subject_cn" ColumnType::Utf8, ? "Common name of the owner." => r.certificate.subject.common_name.as_ref();
    "subject_org" ColumnType::Utf8, ? "Organization of the owner." => r.certificate.subject.organization.as_ref();
    "subject" ColumnType::Utf8, ? "All attributes of the owner, as name=value, in the order of their names." => r.certificate.subject.text.as_ref();
    "issuer_cn" ColumnType::Utf8, ? "Common name of the issuer." => r.certificate.issuer.common_name.as_ref();
    "issuer_org" ColumnType::Utf8, ? "Organization of the issuer." => r.certificate.issuer.organization.as_ref();
    "issuer" ColumnType::Utf8, ? "All attributes of the issuer, as name=value, in the order of their names." => r.certificate.issuer.text.as_ref();
    "self_issued" ColumnType::Boolean, ! "True if owner and issuer are equal, as in certificates that no authority signed." => r.certificate.is_self_issued();
    "names" ColumnType::Texts, ? "Subject alternative names: DNS names and IP addresses as they are, others with their type." => &r.certificate.names;
    "not_before" ColumnType::Timestamp, ? "First second at which the certificate is valid." => r.certificate.not_before;
    "not_after" ColumnType::Timestamp, ? "Last second at which the certificate is valid." => r.certificate.not_after;
    "key_type" ColumnType::Dictionary, ? "Type of the public key, such as rsa or ec." => r.certificate.key_type.as_ref();
    "key_bits" ColumnType::Int32, ? "Size of the public key in bits." => r.certificate.key_bits;
    "key_curve" ColumnType::Dictionary, ? "Named curve of an elliptic key." => r.certificate.key_curve.as_ref();
    "signature_algorithm" ColumnType::Dictionary, ? "Signature algorithm, such as sha256WithRSAEncryption." => r.certificate.signature_algorithm.as_ref();
    "md5" ColumnType::Utf8, ? "MD5 fingerprint, in lower-case hexadecimal." => r.certificate.md5.as_ref();
    "sha1" ColumnType::Utf8, ? "SHA-1 fingerprint, in lower-case hexadecimal." => r.certificate.sha1.as_ref();
    "sha256" ColumnType::Utf8, ? "SHA-256 fingerprint, in lower-case hexadecimal." => r.certificate.sha256.as_ref();
}

table! { VULNERABILITIES, "One row per vulnerability that a script reports: vulners, vulscan, and all that use nmap's library vulns.", key ["host_id", "protocol", "port", "script_index", "vulnerability_index"], Vulnerability(r: VulnerabilityRow<'_>):
    "scan_id" ColumnType::Utf8, ! "ID of the scan." => r.host.scan_id;
    "host_id" ColumnType::Utf8, ! "ID of the host." => r.host.host_id;
    "protocol" ColumnType::Dictionary, ? "Protocol of the port; null for a script that ran on the host." => r.port.map(|port| &port.protocol);
    "port" ColumnType::Int32, ? "Port number; null for a script that ran on the host." => r.port.map(|port| &port.number);
    "script_index" ColumnType::Int32, ! "Index of the result in the scripts of the host or port, from 0." => r.script_index;
    "vulnerability_index" ColumnType::Int32, ! "Index among the vulnerabilities of the result, from 0." => r.index;
    "start_time" ColumnType::Timestamp, ? "Time at which nmap started on the host, or else started the scan." => r.host.start_time;
    "host_key" ColumnType::Utf8, ! "Identity of the host across scans." => r.host.host_key;
    "ip" ColumnType::Utf8, ? "First IP address of the host." => r.host.ip();
    "hostname" ColumnType::Utf8, ? "Name to show: the first of type user, or the first of type PTR, or the first." => r.host.hostname();
    "script" ColumnType::Dictionary, ! "ID of the script." => &r.script.name;
    "id" ColumnType::Utf8, ? "CVE number, or else the first identifier; null if the script names none, not even in its references." => r.found.id.as_ref();
    "type" ColumnType::Dictionary, ? "Kind of the identifier in lower case, such as cve, bid or exploitdb." => r.found.kind.as_ref();
    "cvss" ColumnType::Float64, ? "CVSS score, 0 to 10." => r.found.cvss;
    "state" ColumnType::Dictionary, ? "State that the script found out, such as VULNERABLE or NOT VULNERABLE; null for scripts that only compare versions." => r.found.state.as_ref();
    "exploit" ColumnType::Boolean, ? "True for an exploit, false for a weakness; null if the script does not distinguish them." => r.found.is_exploit;
    "title" ColumnType::Utf8, ? "Title." => r.found.title.as_ref();
    "url" ColumnType::Utf8, ? "Address of a page about the vulnerability." => r.found.url.as_ref();
    "cpe" ColumnType::Utf8, ? "CPE 2.2 URI that a database was searched for." => r.found.cpe.as_ref();
    "ids" ColumnType::Texts, ? "All identifiers, as KIND:ID if the script names several." => &r.found.ids;
}

/// Returns a text that needs no escaping.
fn plain(text: Option<&String>) -> Cell<'_> {
    text.map_or(Cell::Null, |text| Cell::Plain(text))
}
