//! stub
use crate::config::Config;
use crate::inbox::Postbox;
use anyhow::Result;
pub struct Http;
impl Http {
    pub fn stop(self) {}
}
pub fn start(_config: &Config, _postboxes: Vec<Postbox>) -> Result<Http> {
    Ok(Http)
}
