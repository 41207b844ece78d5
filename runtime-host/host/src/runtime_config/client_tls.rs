//! `[[client_tls]]`: which certificates of servers are trusted, and the certificate of the client,
//! for requests of some components to some hosts.

use super::reader::{Code, Field, Table};
use crate::capabilities::outbound_http::ClientTls;
use http::uri::Authority;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

pub(super) fn read(root: &mut Table<'_>, folder: &Path) -> Vec<ClientTls> {
    let tables = root.optional("client_tls").and_then(|field| field.items()).unwrap_or_default();
    tables.iter().filter_map(|field| entry(field.table()?, folder)).collect()
}

fn entry(mut table: Table<'_>, folder: &Path) -> Option<ClientTls> {
    let components = table.required("component_ids", "add `component_ids = [\"…\"]`");
    let components = components.and_then(|field| not_empty(&field));
    let hosts = table.required("hosts", "add `hosts = [\"…\"]`");
    let hosts = hosts.and_then(|field| self::hosts(&field));
    let roots = roots(&mut table, folder);
    let identity = identity(&mut table, folder);
    let field = table.field.clone();
    table.finish();
    let (components, hosts, roots, identity) = (components?, hosts?, roots?, identity.ok()?);
    let config = config(roots, identity).map_err(|error| {
        let hint = "check that the private key belongs to the certificate";
        field.report(Code::BadFile, &format!("can't be used: {error}"), "unusable", hint);
    });
    Some(ClientTls { components, hosts, config: Arc::new(config.ok()?) })
}

fn not_empty(field: &Field<'_>) -> Option<Vec<String>> {
    let texts = field.texts();
    if texts.is_empty() {
        field.report(Code::EmptyValue, "must not be empty", "empty", "name at least one");
        return None;
    }
    Some(texts)
}

fn hosts(field: &Field<'_>) -> Option<Vec<String>> {
    for item in field.items().unwrap_or_default() {
        let Some(host) = item.text() else { continue };
        let authority = host.parse::<Authority>();
        if !authority.is_ok_and(|authority| authority.host() == host) {
            let hint = "write a name or an address without a scheme and a port";
            item.report(Code::BadValue, "is not a host", "not a host", hint);
        }
    }
    not_empty(field)
}

/// The trusted roots. As in Spin, those of the platform unless the table names others.
fn roots(table: &mut Table<'_>, folder: &Path) -> Option<RootCertStore> {
    let platform = table.boolean("ca_use_platform_roots");
    let public = table.boolean("ca_use_webpki_roots");
    let file = table.optional("ca_roots_file");
    let default = file.is_none() && public.is_none();
    let mut roots = RootCertStore::empty();
    if public.unwrap_or(false) {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if platform.unwrap_or(default) {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if let Some(file) = &file {
        for certificate in certificates(file, folder)? {
            if let Err(error) = roots.add(certificate) {
                let message = format!("has a certificate that can't be used: {error}");
                file.report(Code::BadFile, &message, "unusable file", "remove that certificate");
                return None;
            }
        }
    }
    if roots.is_empty() {
        let hint = "set `ca_roots_file`, or one of `ca_use_platform_roots` and \
                    `ca_use_webpki_roots` to true";
        let message = "trusts no certificate at all";
        table.field.report(Code::BadValue, message, "without trusted roots", hint);
        return None;
    }
    Some(roots)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A problem that was reported.
struct Reported;

/// The client's certificate and key, if it has one.
fn identity(table: &mut Table<'_>, folder: &Path) -> Result<Option<Identity>, Reported> {
    let certificate = table.optional("client_cert_file");
    let key = table.optional("client_private_key_file");
    let (certificate, key) = match (certificate, key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(alone), None) => return Err(without(&alone, "client_private_key_file")),
        (None, Some(alone)) => return Err(without(&alone, "client_cert_file")),
    };
    let chain = certificates(&certificate, folder);
    let path = folder.join(key.text().ok_or(Reported)?);
    let read = PrivateKeyDer::from_pem_file(&path).map_err(|_| {
        let message = format!("is {}, which has no private key in it", path.display());
        key.report(Code::BadFile, &message, "unusable file", "write the path of a PEM file");
        Reported
    });
    Ok(Some((chain.ok_or(Reported)?, read?)))
}

fn without(alone: &Field<'_>, other: &str) -> Reported {
    let message = format!("needs `{other}`, too");
    alone.report(Code::MissingKey, &message, "alone", &format!("add `{other} = \"…\"`"));
    Reported
}

fn certificates(field: &Field<'_>, folder: &Path) -> Option<Vec<CertificateDer<'static>>> {
    let path = folder.join(field.text()?);
    let read =
        CertificateDer::pem_file_iter(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if !certificates.is_empty() => Some(certificates),
        Ok(_) | Err(_) => {
            let message = format!("is {}, which has no certificate in it", path.display());
            let hint = "write the path of a PEM file (with `-----BEGIN CERTIFICATE-----`)";
            field.report(Code::BadFile, &message, "unusable file", hint);
            None
        }
    }
}

fn config(roots: RootCertStore, identity: Option<Identity>) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    match identity {
        Some((chain, key)) => config.with_client_auth_cert(chain, key),
        None => Ok(config.with_no_client_auth()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::runtime_config::RuntimeConfig;
    use std::fs;
    use std::path::Path;

    fn parse(folder: &Path, keys: &str) -> Result<RuntimeConfig, String> {
        let text =
            format!("[[client_tls]]\ncomponent_ids = [\"a\"]\nhosts = [\"b.example\"]\n{keys}");
        let config = RuntimeConfig::parse(&folder.join("rc.toml"), &text);
        config.map_err(|errors| format!("{errors:#}"))
    }

    #[test]
    fn unusable_files_and_incomplete_tables_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("empty.pem"), "").unwrap();
        for (keys, words) in [
            ("ca_roots_file = \"empty.pem\"\n", "empty.pem, which has no certificate in it"),
            ("ca_roots_file = \"none.pem\"\n", "none.pem, which has no certificate in it"),
            ("ca_use_platform_roots = false\n", "trusts no certificate at all"),
            ("client_cert_file = \"empty.pem\"\n", "needs `client_private_key_file`, too"),
            ("client_private_key_file = \"empty.pem\"\n", "needs `client_cert_file`, too"),
            ("ca_root_file = \"x\"\n", "unknown key `client_tls[0].ca_root_file`"),
        ] {
            let error = parse(folder.path(), keys).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let config = parse(folder.path(), "ca_use_webpki_roots = true\n").unwrap();
        let [table] = &*config.outbound.client_tls else { panic!("one table") };
        assert_eq!(
            (&*table.components, &*table.hosts),
            (&["a".into()][..], &["b.example".into()][..])
        );
    }

    #[test]
    fn hosts_have_no_port_and_no_list_is_empty() {
        let parse = |text: &str| RuntimeConfig::parse(Path::new("/rc.toml"), text).unwrap_err();
        let error = parse("[[client_tls]]\ncomponent_ids = []\nhosts = [\"a:1\", \"http://b\"]\n");
        let error = format!("{error:#}");
        assert!(error.contains("`client_tls[0].component_ids` must not be empty"), "{error}");
        assert!(error.contains("`client_tls[0].hosts[0]` is not a host"), "{error}");
        assert!(error.contains("`client_tls[0].hosts[1]` is not a host"), "{error}");
    }
}
