//! Which services may be called: a node that calls whatever a client names would reach what the client cannot.

use crate::bounds::URL_BYTES_MAX;

/// Where a URL leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Whether TLS is spoken there.
    pub is_tls: bool,
    /// The host, in lower case; an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path with the query.
    pub path: String,
}

impl Target {
    /// Reads `http://HOST[:PORT][/PATH]` or the same with `https://`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(url: &str) -> Result<Self, String> {
        if url.len() > URL_BYTES_MAX {
            return Err(format!("the URL has more than {URL_BYTES_MAX} bytes"));
        }
        let (is_tls, rest) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err("the URL begins neither with http:// nor with https://".to_owned()),
        };
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the URL has characters that have to be encoded".to_owned());
        }
        let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        if path.contains('#') {
            return Err("the URL has a fragment".to_owned());
        }
        let (host, port) = host_and_port(authority)?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let port = port.unwrap_or(if is_tls { 443 } else { 80 });
        Ok(Self { is_tls, host, port, path })
    }

    /// As the header `Host` and addresses spell it.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), String> {
    let wrong = || format!("`{text}` is not HOST or HOST:PORT");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
            (host, rest.strip_prefix(':').or(if rest.is_empty() { None } else { Some("x") }))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let named =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
    if host.is_empty() || !host.bytes().all(named) {
        return Err(wrong());
    }
    let port = port.map(|port| port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong));
    Ok((host.to_ascii_lowercase(), port.transpose()?))
}

/// The services that a node may call: `HOST[:PORT],...`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed(Vec<(String, Option<u16>)>);

impl std::str::FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(|one| host_and_port(one.trim())).collect::<Result<_, _>>().map(Self)
    }
}

impl std::fmt::Display for Allowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, (host, port)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            match port {
                Some(port) => write!(f, "{comma}{host}:{port}")?,
                None => write!(f, "{comma}{host}")?,
            }
        }
        Ok(())
    }
}

impl Allowed {
    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this one is: the host has to be spelled as it was allowed, as a name and its addresses may differ tomorrow.
    #[must_use]
    pub fn allows(&self, target: &Target) -> bool {
        let fits = |(host, port): &(String, Option<u16>)| {
            *host == target.host && port.is_none_or(|port| port == target.port)
        };
        self.0.iter().any(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_whole_or_refused() {
        let read = |url: &str| Target::parse(url).map(|t| (t.is_tls, t.authority(), t.path));
        let is = |is_tls: bool, authority: &str, path: &str| {
            Ok((is_tls, authority.to_owned(), path.to_owned()))
        };
        assert_eq!(read("http://Bank.example"), is(false, "bank.example:80", "/"));
        assert_eq!(read("http://127.0.0.1:8080/tx?a=b"), is(false, "127.0.0.1:8080", "/tx?a=b"));
        assert_eq!(read("http://[::1]:81?q"), is(false, "[::1]:81", "/?q"));
        assert_eq!(read("https://Bank.example/x"), is(true, "bank.example:443", "/x"));
        assert_eq!(read("https://a:8443"), is(true, "a:8443", "/"));
        for wrong in [
            "HTTPS://a/",
            "https:/a/",
            "https://",
            "ftp://a/",
            "http://",
            "http://:1/",
            "http://a:0/",
            "http://a:x/",
            "http://u@a/",
            "http://u:p@a/",
            "http://a b/",
            "http://a/\r\nHost: b",
            "http://a/#f",
            "http://[::1/",
            "http://[::1]x/",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read(&format!("http://a/{}", "x".repeat(URL_BYTES_MAX))).is_err());
    }

    #[test]
    fn only_what_was_named_is_allowed() {
        let allowed: Allowed = "a.example, b.example:81,[::1]:82".parse().unwrap();
        assert_eq!(allowed.to_string(), "a.example,b.example:81,[::1]:82");
        let may = |url: &str| allowed.allows(&Target::parse(url).unwrap());
        for fine in [
            "http://a.example/",
            "http://A.example:9/",
            "http://b.example:81/x",
            "http://[::1]:82/",
        ] {
            assert!(may(fine), "{fine}");
        }
        for not in
            ["http://b.example/", "http://c.a.example/", "http://a.example.c/", "http://[::1]/"]
        {
            assert!(!may(not), "{not}");
        }
        assert!(!Allowed::default().allows(&Target::parse("http://a.example/").unwrap()));
        assert!("".parse::<Allowed>().is_err() && "a,".parse::<Allowed>().is_err());
    }
}
