//! What the JSON interfaces share: who asks, the fields of a body, and how answers and refusals are told.

use crate::basic;
use crate::inbox::Postbox;
use crate::inner::Inner;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value as Json, json};
use std::time::Duration;
use synod_wire::resp::Value;

/// What is answered instead of what was asked for.
pub struct Refusal(pub StatusCode, pub String);

/// Refuses a request of nobody in particular that was sent to a name instead of an address: a page in a browser is let ask what its
/// own name leads to, and its owner may have that name lead here (DNS rebinding). It knows no password, so who sends one is served.
///
/// # Errors
/// What is asked for instead.
pub fn check_host(headers: &HeaderMap) -> Result<(), Refusal> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_address = host.parse::<std::net::SocketAddr>().is_ok()
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if is_address
        || name.eq_ignore_ascii_case("localhost")
        || headers.contains_key(header::AUTHORIZATION)
    {
        return Ok(());
    }
    let why = "without Authorization only requests to an address or to localhost are served (the header Host)";
    Err(Refusal(StatusCode::FORBIDDEN, why.to_owned()))
}

/// What a handler comes to.
pub type Answer = Result<Json, Refusal>;

impl Refusal {
    /// The request makes no sense.
    pub fn bad(why: &str) -> Self {
        Self(StatusCode::BAD_REQUEST, why.to_owned())
    }

    /// The status that goes with an error of Redis's protocol.
    pub fn of_error(text: &str) -> Self {
        let code = match text.split(' ').next().unwrap_or_default() {
            "NOAUTH" | "WRONGPASS" => StatusCode::UNAUTHORIZED,
            "NOPERM" => StatusCode::FORBIDDEN,
            "FENCED" => StatusCode::CONFLICT,
            "ERR" | "CROSSSLOT" | "WRONGTYPE" => StatusCode::BAD_REQUEST,
            "UNKNOWN" => StatusCode::GATEWAY_TIMEOUT,
            "OOM" => StatusCode::INSUFFICIENT_STORAGE,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(code, text.to_owned())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(code, why) = self;
        let mut response = told(code, &json!({ "error": why }));
        if code == StatusCode::UNAUTHORIZED {
            let realm = header::HeaderValue::from_static("Basic realm=\"synod\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
        }
        response
    }
}

/// A body with its status.
pub fn told(code: StatusCode, body: &Json) -> Response {
    (code, [(header::CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
}

/// An answer with its status.
pub fn respond(answer: Answer) -> Response {
    match answer {
        Ok(body) => told(StatusCode::OK, &body),
        Err(refusal) => refusal.into_response(),
    }
}

/// Runs commands as whoever asks, on this worker.
pub struct Asker(pub Postbox);

impl Asker {
    /// Runs a command as whoever asks.
    pub async fn run(
        &self,
        headers: &HeaderMap,
        words: &[&[u8]],
        patience: Duration,
    ) -> Result<Value, Refusal> {
        match tokio::time::timeout(patience, self.converse(headers, words)).await {
            Ok(answer) => answer,
            Err(_) => Err(Refusal(
                StatusCode::GATEWAY_TIMEOUT,
                "UNKNOWN there was no answer in time; it may or may not have been executed"
                    .to_owned(),
            )),
        }
    }

    async fn converse(&self, headers: &HeaderMap, words: &[&[u8]]) -> Result<Value, Refusal> {
        check_host(headers)?;
        let lost = |error: std::io::Error| Refusal(StatusCode::BAD_GATEWAY, error.to_string());
        let who = basic::of(headers).map_err(|()| {
            Refusal(StatusCode::UNAUTHORIZED, "only basic authorization is served".to_owned())
        })?;
        let mut inner = Inner::open(&self.0).await.map_err(lost)?;
        if let Some((user, password)) = who {
            let user = if user.is_empty() { "default" } else { &*user };
            let auth = [&b"AUTH"[..], user.as_bytes(), password.as_bytes()];
            if let Value::Error(text) = inner.ask(&auth).await.map_err(lost)? {
                return Err(Refusal::of_error(&text));
            }
        }
        match inner.ask(words).await.map_err(lost)? {
            Value::Error(text) => Err(Refusal::of_error(&text)),
            value => Ok(value),
        }
    }
}

/// The fields of a request's body.
pub struct Fields(pub Map<String, Json>);

impl Fields {
    /// A page in a browser cannot send this type of body to another site without asking.
    pub fn of(headers: &HeaderMap, body: &Bytes) -> Result<Self, Refusal> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
            return Err(Refusal(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body has to be application/json".to_owned(),
            ));
        }
        match serde_json::from_slice(body) {
            Ok(Json::Object(fields)) => Ok(Self(fields)),
            _ => Err(Refusal::bad("the body is not a JSON object")),
        }
    }

    /// A number that has to be there.
    pub fn number(&self, name: &str) -> Result<u64, Refusal> {
        let value = self.0.get(name).and_then(Json::as_u64);
        value.ok_or_else(|| Refusal::bad(&format!("`{name}` has to be a positive integer")))
    }

    /// A number that may be missing.
    pub fn number_or(&self, name: &str, otherwise: u64) -> Result<u64, Refusal> {
        if self.0.contains_key(name) { self.number(name) } else { Ok(otherwise) }
    }

    /// A truth that may be missing.
    pub fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.0.get(name) {
            None => Ok(false),
            Some(value) => {
                value.as_bool().ok_or_else(|| Refusal::bad(&format!("`{name}` is true or false")))
            }
        }
    }

    /// Strings, one at least.
    pub fn words(&self, name: &str) -> Result<Vec<&str>, Refusal> {
        let all = self.0.get(name).and_then(Json::as_array);
        let words: Option<Vec<&str>> = all.and_then(|all| all.iter().map(Json::as_str).collect());
        words
            .filter(|words| !words.is_empty())
            .ok_or_else(|| Refusal::bad(&format!("`{name}` has to be an array of strings")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_may_lead_anywhere_is_served_for_a_password_alone() {
        let checked = |host: &str, authorization: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if authorization {
                headers.insert(header::AUTHORIZATION, "Basic eDp5".parse().unwrap());
            }
            check_host(&headers).is_ok()
        };
        for fine in ["127.0.0.1:26379", "10.0.0.1", "[::1]:80", "[::1]", "localhost", "LocalHost:1"]
        {
            assert!(checked(fine, false), "{fine}");
        }
        for name in [
            "rebound.example",
            "rebound.example:26379",
            "localhost.example",
            "1.2.3.4.example:80",
            "",
        ] {
            assert!(!checked(name, false), "{name}");
            assert!(checked(name, true), "{name}");
        }
        assert!(check_host(&HeaderMap::new()).is_err());
    }
}
