//! Replies of Redis's protocol as JSON.

use serde_json::{Map, Value as Json, json};
use synod_wire::resp::Value;

/// A reply; bytes that are no text become `{"hex": "..."}`.
pub fn of(value: &Value) -> Json {
    match value {
        Value::Simple(text) | Value::Error(text) | Value::BigNumber(text) => json!(text),
        Value::Integer(n) => json!(n),
        Value::Bulk(bytes) | Value::Verbatim(_, bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => json!(text),
            Err(_) => {
                json!({ "hex": bytes.iter().map(|b| format!("{b:02x}")).collect::<String>() })
            }
        },
        Value::Null => Json::Null,
        Value::Array(all) | Value::Set(all) | Value::Push(all) => all.iter().map(of).collect(),
        Value::Map(pairs) => {
            Json::Object(pairs.iter().map(|(name, value)| (name_of(name), of(value))).collect())
        }
        Value::Double(x) => json!(x),
        Value::Boolean(yes) => json!(yes),
    }
}

/// An array of names and values by turns as an object, and those in it too, as RESP3 tells a map.
pub fn of_pairs(value: &Value) -> Json {
    let Value::Array(all) = value else { return of(value) };
    let named = |pair: &[Value]| matches!(pair, [Value::Bulk(_), _]);
    if all.is_empty() || all.len() % 2 == 1 || !all.chunks(2).all(named) {
        return all.iter().map(of_pairs).collect();
    }
    let pair = |pair: &[Value]| (name_of(&pair[0]), of_pairs(&pair[1]));
    Json::Object(all.chunks(2).map(pair).collect())
}

/// An object with one field more.
pub fn with(object: Json, name: &str, value: Json) -> Json {
    let mut fields = match object {
        Json::Object(fields) => fields,
        other => Map::from_iter([("reply".to_owned(), other)]),
    };
    fields.insert(name.to_owned(), value);
    Json::Object(fields)
}

fn name_of(value: &Value) -> String {
    match of(value) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_lock_becomes_an_object() {
        let bulk = |text: &str| Value::Bulk(text.into());
        let holder = Value::Array(vec![bulk("token"), Value::Integer(7)]);
        let told = Value::Array(vec![
            bulk("mode"),
            bulk("free"),
            bulk("holders"),
            Value::Array(vec![holder]),
            bulk("none"),
            Value::Array(Vec::new()),
        ]);
        assert_eq!(
            of_pairs(&told),
            json!({ "mode": "free", "holders": [{ "token": 7 }], "none": [] })
        );
        assert_eq!(of(&Value::Bulk(vec![0xff, 1])), json!({ "hex": "ff01" }));
        assert_eq!(with(json!({ "a": 1 }), "b", json!(2)), json!({ "a": 1, "b": 2 }));
    }
}
