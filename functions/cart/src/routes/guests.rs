//! Creating, replacing and deleting guest carts. The id is the only credential for a cart: 160
//! random bits, so that it can't be guessed.

use super::*;
use crate::domain::Line;
use chassis::problem::Fault;
use data_encoding::HEXLOWER;

/// Random bytes of an id.
const ID_BYTES: usize = 20;
const PREFIX: &str = "crt_";

/// The cart of a visitor who has not signed in.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "GuestCart"))]
pub(super) struct GuestView {
    #[cfg_attr(test, schemars(regex(pattern = "^crt_[0-9a-f]{40}$")))]
    pub(super) id: String,
    #[serde(flatten)]
    pub(super) cart: PricedCart,
    /// When the cart is deleted, unless it is changed before.
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    pub(super) expires_at: String,
}

impl<S: Store, P: Products, C: Clock, K: KeySource> App<S, P, C, K> {
    pub(super) async fn begin(State(app): State<Self>) -> Result<Response> {
        let id = new_id()?;
        let shown = app.carts.begin(&id).await.map_err(problem)?;
        let location = [(header::LOCATION, format!("/api/v1/carts/{id}"))];
        Ok((StatusCode::CREATED, location, represent(CartId::Guest(id), shown)).into_response())
    }

    pub(super) async fn replace(
        State(app): State<Self>,
        Path(id): Path<String>,
        expected: IfMatch,
        body: JsonBody,
    ) -> Result<Response> {
        let lines = lines(&body)?;
        let shown = app.carts.replace(valid_id(&id)?, lines.clone(), &expected).await;
        let shown = shown.map_err(|error| match error {
            Error::UnknownSku(sku) => {
                let index = lines.iter().position(|line| line.sku == sku).unwrap_or_default();
                fault(index, "must be the SKU of a product of this shop")
            }
            other => problem(other),
        })?;
        Ok(represent(CartId::Guest(id), shown))
    }

    pub(super) async fn discard(
        State(app): State<Self>,
        Path(id): Path<String>,
        expected: IfMatch,
    ) -> Result<StatusCode> {
        app.carts.discard(valid_id(&id)?, &expected).await.map_err(problem)?;
        Ok(StatusCode::NO_CONTENT)
    }
}

/// The lines of a whole cart, each with another product.
fn lines(body: &JsonBody) -> Result<Vec<Line>> {
    let mut fields = body.fields();
    let lines = fields.array("items", 0..=LINES_MAX, |line| {
        let sku = line.string("sku", 1..=SKU_CHARS_MAX);
        let quantity = line.integer("quantity", 1..=QUANTITY_MAX);
        Some(Line { sku: sku?, quantity: quantity? })
    });
    fields.finish()?;
    let lines = lines.ok_or_else(Problem::internal)?;
    let again = (1..lines.len()).find(|at| lines[..*at].iter().any(|it| it.sku == lines[*at].sku));
    again.map_or(Ok(lines), |index| Err(fault(index, "must not occur twice")))
}

fn fault(index: usize, detail: &str) -> Problem {
    let pointer = format!("/items/{index}/sku");
    Problem::unprocessable(vec![Fault { pointer, detail: detail.to_owned() }])
}

fn new_id() -> Result<String> {
    let mut bytes = [0; ID_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        eprintln!("no random bytes: {error}");
        Problem::internal()
    })?;
    Ok(format!("{PREFIX}{}", HEXLOWER.encode(&bytes)))
}

/// The id, if it has the form of an id; others need no lookup.
pub(super) fn valid_id(id: &str) -> Result<&str> {
    let digits = id.strip_prefix(PREFIX).filter(|digits| digits.len() == 2 * ID_BYTES);
    match digits.map(|digits| HEXLOWER.decode(digits.as_bytes())) {
        Some(Ok(_)) => Ok(id),
        _ => Err(problem(Refused::Gone.into())),
    }
}
