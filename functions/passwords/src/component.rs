//! The component: the contract `shop:passwords/hasher` and its `/rpc` route. It has no store, no
//! settings and no other routes.

use bindings::exports::shop::passwords::hasher as contract;
use chassis::app::{Router, router_with_problems};

contracts::function!("passwords");

struct Component;

chassis::serve!(once router);

fn router() -> chassis::Result<Router> {
    Ok(router_with_problems(chassis::rpc::router(bindings::dispatch)))
}

impl contract::Guest for Component {
    async fn hash(password: String) -> Result<String, contract::Error> {
        let unavailable = |reason: &str| contract::Error::Unavailable(reason.to_owned());
        let mut salt = [0; crate::SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|_| unavailable("no source of randomness"))?;
        crate::hash(&password, &salt).ok_or_else(|| unavailable("the password can't be hashed"))
    }

    async fn weakness(
        password: String,
        about: Vec<String>,
    ) -> Result<Option<String>, contract::Error> {
        let about: Vec<&str> = about.iter().map(String::as_str).collect();
        Ok(crate::weakness(&password, &about).map(str::to_owned))
    }

    async fn verify(
        password: String,
        stored: Option<String>,
    ) -> Result<contract::Verdict, contract::Error> {
        let verdict = crate::verify(&password, stored.as_deref());
        Ok(contract::Verdict { matches: verdict.matches, outdated: verdict.outdated })
    }
}
