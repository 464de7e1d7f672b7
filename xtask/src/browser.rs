//! The trace page in a real browser: it must render without an error, its slider and its play button must move it, and
//! a trace of another version must be refused.

use crate::program::{check, output};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The run that is shown.
const RUN: &[&str] = &["--seed", "42", "--nodes", "5", "--partitions", "4", "--seconds", "10"];

/// Goes before the page's own script, and sees what goes wrong in it.
const BEFORE: &str = "<script>const wrong=[];onerror=text=>{wrong.push(String(text))};
console.error=text=>{wrong.push(String(text))};</script>";

/// Goes after it: what a hand would do, and what an eye would see.
const AFTER: &str = r#"<pre id="probe"></pre><script>
const q=id=>document.getElementById(id);
const inked=id=>{const c=q(id),d=c.getContext('2d').getImageData(0,0,c.width,c.height).data;
  let n=0;for(let i=3;i<d.length;i+=4)if(d[i])n++;return n/(d.length/4)};
const shown={wrong,verdict:q('verdict').textContent,opened:q('now').textContent};
if(!document.querySelector('main').hidden){
  q('time').value=5e6;q('time').dispatchEvent(new Event('input'));shown.slid=q('now').textContent;
  q('next').click();shown.jumped=q('now').textContent;
  q('speed').value='1';q('play').click();
  shown.lanes=inked('lanes');shown.overview=inked('overview');
  shown.logs=q('logs').querySelectorAll('td').length;shown.story=q('story').children.length;}
setTimeout(()=>{shown.played=q('now').textContent;q('probe').textContent=JSON.stringify(shown)},1500);
</script>"#;

/// What the probe saw.
#[derive(Debug, Deserialize)]
struct Shown {
    wrong: Vec<String>,
    verdict: String,
    opened: String,
    #[serde(default)]
    slid: String,
    #[serde(default)]
    jumped: String,
    played: String,
    /// Shares of the canvases that have ink.
    #[serde(default)]
    lanes: f64,
    #[serde(default)]
    overview: f64,
    #[serde(default)]
    logs: usize,
    #[serde(default)]
    story: usize,
}

/// Writes a page, opens it and uses it.
pub fn trace_page(workspace: &Workspace) -> Result<()> {
    workspace.build_synod()?;
    let folder = workspace.target.join("page");
    fs::create_dir_all(&folder)?;
    let file = folder.join("run.html");
    let mut run = Command::new(workspace.synod());
    run.arg("sim").args(RUN).arg("--trace").arg(&file);
    check(run)?;
    let page = fs::read_to_string(&file)?;
    let shown = open(&folder, &page)?;
    println!("{shown:?}");
    ensure!(shown.wrong.is_empty(), "the page reports errors: {:?}", shown.wrong);
    ensure!(shown.verdict == "All rules were kept.", "the page says: {}", shown.verdict);
    ensure!(shown.slid == "5.000000 s", "the slider moved the page to {}", shown.slid);
    ensure!(shown.opened != shown.slid, "the page opens at {}", shown.opened);
    ensure!(seconds(&shown.jumped)? > 5.0, "jumping led from {} to {}", shown.slid, shown.jumped);
    ensure!(
        seconds(&shown.played)? > seconds(&shown.jumped)?,
        "playing led from {} to {}",
        shown.jumped,
        shown.played
    );
    ensure!(shown.lanes > 0.02 && shown.overview > 0.02, "the canvases are empty: {shown:?}");
    ensure!(shown.logs >= 25 && shown.story > 5, "the tables are empty: {shown:?}");
    let other = page.replacen("\"version\":2", "\"version\":999", 1);
    ensure!(other != page, "the trace has no version");
    let refused = open(&folder, &other)?.verdict;
    ensure!(refused.contains("a trace of version 999"), "another version is shown: {refused}");
    println!("another version: {refused}");
    Ok(())
}

fn seconds(shown: &str) -> Result<f64> {
    let number = shown.trim_end_matches(" s").parse();
    number.with_context(|| format!("`{shown}` is no moment"))
}

fn open(folder: &Path, page: &str) -> Result<Shown> {
    let probed = page.replacen("<body>", &format!("<body>{BEFORE}"), 1);
    let probed = probed.replacen("</body>", &format!("{AFTER}</body>"), 1);
    let file = folder.join("probed.html");
    fs::write(&file, probed)?;
    let document = browse(folder, &file)?;
    let found =
        document.split_once("<pre id=\"probe\">").and_then(|(_, rest)| rest.split_once('<'));
    let Some((text, _)) = found else { bail!("the browser shows no page: {document:.300}") };
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&text).with_context(|| format!("the probe saw: {text}"))
}

/// The document as it is after two seconds of the browser's own time.
fn browse(folder: &Path, file: &Path) -> Result<String> {
    let profile = folder.join("profile");
    if profile.exists() {
        fs::remove_dir_all(&profile)?;
    }
    let mut chromium = Command::new("chromium");
    chromium
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--window-size=1400,1150", "--virtual-time-budget=2000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", file.display()));
    let document = output(chromium)?;
    fs::remove_dir_all(&profile)?;
    Ok(document)
}
