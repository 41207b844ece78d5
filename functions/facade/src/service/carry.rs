//! Carrying over what was there before.

use http::Method;
use serde_json::{Value, json};

use super::Facade;
use crate::domain::Answer;
use crate::ports::Ports;
use crate::sides::Unavailable;

/// The pieces of each article that the new inventory gets. The older shop does not count them: it
/// orders what it has sold.
pub const STOCK: u32 = 1_000_000;
/// The category of articles, which the older shop does not have.
const CATEGORY: &str = "Tea";

/// Why something was not carried over. All steps can be repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CarryError {
    /// A side does not respond.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// A side refuses something; the text is for operators.
    #[error("{0}")]
    Refused(String),
}

impl<P: Ports> Facade<P> {
    /// The older shop publishes from now on, and a part of what was there before. Returns its report,
    /// which says where to go on.
    ///
    /// # Errors
    /// [`CarryError`].
    pub async fn publish_past(&self, from: &Value) -> Result<Value, CarryError> {
        let path = "/internal/past";
        let report = self.sides.ask_legacy(Method::POST, path, Some(from)).await?;
        succeeded("the past", report)
    }

    /// Copies the price list to the catalog, and its pieces to the inventory. Returns how many
    /// articles there are.
    ///
    /// # Errors
    /// [`CarryError`].
    pub async fn carry_articles(&self) -> Result<usize, CarryError> {
        let list = self.sides.ask_legacy(Method::GET, "/legacy/api/articles", None).await?;
        let list = succeeded("the price list", list)?;
        let articles = list["articles"].as_array().cloned().unwrap_or_default();
        for article in &articles {
            self.carry_article(article).await?;
        }
        Ok(articles.len())
    }

    async fn carry_article(&self, article: &Value) -> Result<(), CarryError> {
        let sku = article["article"].as_str().unwrap_or_default();
        let price = crate::domain::translate::price(article);
        let price = price.ok_or_else(|| CarryError::Refused(format!("{sku} has no price")))?;
        let product = json!({
            "sku": sku,
            "name": article["name"],
            "description": article["name"],
            "category": CATEGORY,
            "price": price,
        });
        let products = "http://catalog.spin.internal/api/v1/products";
        let added = self.sides.ask_new(Method::POST, products, &product).await?;
        if added.status == 409 {
            let url = format!("{products}/{sku}");
            succeeded(sku, self.sides.ask_new(Method::PUT, &url, &product).await?)?;
        } else {
            succeeded(sku, added)?;
        }
        let url = format!("http://inventory.spin.internal/api/v1/inventory/{sku}");
        let received = json!({ "received": STOCK });
        succeeded(sku, self.sides.ask_new(Method::PUT, &url, &received).await?).map(drop)
    }
}

fn succeeded(what: &str, answer: Answer) -> Result<Value, CarryError> {
    match answer.status {
        200..=299 => Ok(answer.body),
        500.. => Err(Unavailable(format!("{what}: status {}", answer.status)).into()),
        status => Err(CarryError::Refused(format!("{what}: status {status}: {}", answer.body))),
    }
}
