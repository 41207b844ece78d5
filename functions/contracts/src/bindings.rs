//! `function!`: the bindings of a world, with its dispatch and key source.

use crate::dispatch::dispatch;
use crate::source::Contract;
use crate::types::definitions;
use anyhow::{Context, Result};
use proc_macro2::TokenStream;
use quote::quote;

const IDENTITY_KEYS: &str = "shop:identity/keys@1.0.0";
const IDENTITY_PERSONS: &str = "shop:identity/persons@1.0.0";
const FLAGS: &str = "tessera:flags/evaluation@1.0.0";
const LIMITER: &str = "tessera:limits/limiter@1.0.0";
const EVENT_PRODUCER: &str = "tessera:events/producer@1.0.0";

pub(crate) fn function(contract: &Contract) -> Result<TokenStream> {
    let world = contract.world_name();
    let generate = generate(contract, &quote!(world: #world))?;
    let events = event_conversions(contract)?;
    // Exported in the module, because the code of an export is full of `unsafe`, which the
    // workspace denies elsewhere.
    let (export, definitions) = if contract.exports()?.is_empty() {
        let definitions = definitions(contract)?;
        (quote!(), quote! { #definitions #events })
    } else {
        (quote! { use super::Component; export!(Component); }, quote!())
    };
    let dispatch = dispatch(contract)?;
    let skeleton = skeleton(&contract.name, !dispatch.is_empty());
    let keys = if contract.imports(IDENTITY_KEYS)? { identity_keys() } else { quote!() };
    let producer = if contract.imports(EVENT_PRODUCER)? { event_producer() } else { quote!() };
    let persons = if contract.imports(IDENTITY_PERSONS)? { identity_persons() } else { quote!() };
    let flags = if contract.imports(FLAGS)? { flags() } else { quote!() };
    let limiter = if contract.imports(LIMITER)? { limiter() } else { quote!() };
    Ok(quote! {
        /// The types of the contract of this component, generated from `wit/`.
        #[cfg(not(target_family = "wasm"))]
        #[allow(warnings)]
        pub(crate) mod bindings {
            #definitions
        }

        /// The contract of this component, generated from `wit/`.
        #[cfg(target_family = "wasm")]
        #[allow(warnings, unsafe_code, clippy::all, clippy::pedantic)]
        pub(crate) mod bindings {
            #generate
            #export
            #dispatch
            #skeleton
            #keys
            #producer
            #events
            #limiter
            #flags
            #persons
        }
    })
}

/// The call of wit-bindgen. It runs on the runtime of the SDK: two would not see each other's
/// tasks.
pub(crate) fn generate(contract: &Contract, source: &TokenStream) -> Result<TokenStream> {
    let folders: Result<Vec<&str>> = contract
        .folders
        .iter()
        .map(|folder| folder.to_str().context("a path that is not UTF-8"))
        .collect();
    let folders = folders?;
    Ok(quote! {
        ::spin_sdk::wit_bindgen::generate!({
            #source,
            path: [#(#folders),*],
            generate_all,
            runtime_path: "::spin_sdk::wit_bindgen::rt",
            additional_derives: [
                ::serde::Serialize, ::serde::Deserialize, Clone, PartialEq,
            ],
        });
    })
}

/// What all functions with a store have in common.
fn skeleton(name: &str, has_contracts: bool) -> TokenStream {
    let contracts =
        if has_contracts { quote!(.merge(::chassis::rpc::router(dispatch))) } else { quote!() };
    quote! {
        /// Opens the store of this function, which has its name.
        pub fn store() -> ::core::result::Result<
            ::chassis::store::SpinStore,
            ::chassis::store::StoreError,
        > {
            ::chassis::store::SpinStore::open(#name)
        }

        /// All routes of this function, with errors as problems: these, those of its contracts, and
        /// `/readyz`.
        pub fn complete(
            routes: ::chassis::app::Router,
            store: ::chassis::store::SpinStore,
        ) -> ::chassis::app::Router {
            let routes = routes #contracts.merge(::chassis::app::readiness(store));
            ::chassis::app::router_with_problems(routes)
        }
    }
}

fn identity_keys() -> TokenStream {
    quote! {
        /// The keys that access tokens are checked with, through the contract. They are cached by
        /// the instance for some time, and by the function's store.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct IdentityKeys;

        static IDENTITY_KEYS: ::chassis::auth::KeyMemo = ::chassis::auth::KeyMemo::new();

        impl ::chassis::auth::KeySource for IdentityKeys {
            async fn current(
                &self,
            ) -> ::core::result::Result<::chassis::auth::KeySet, ::chassis::auth::KeysUnavailable>
            {
                let shelf = || store().ok();
                let fetch = || {
                    let limit = ::core::time::Duration::from_millis(::chassis::auth::FETCH_MAX_MS);
                    ::chassis::auth::in_time(fetch_identity_keys(), ::spin_sdk::time::sleep(limit))
                };
                IDENTITY_KEYS.current(::chassis::clock::now_ms(), shelf, fetch).await
            }

            fn forget(&self) -> bool {
                IDENTITY_KEYS.forget(::chassis::clock::now_ms())
            }
        }

        async fn fetch_identity_keys(
        ) -> ::core::result::Result<::chassis::auth::KeySet, ::chassis::auth::KeysUnavailable> {
            let set = shop::identity::keys::current().await.map_err(|error| match error {
                shop::identity::keys::Error::Unavailable(reason) => {
                    ::chassis::auth::KeysUnavailable(reason)
                }
            })?;
            let key = |key: shop::identity::keys::Key| {
                ::chassis::auth::Key { kid: key.kid, x: key.x }
            };
            Ok(::chassis::auth::KeySet {
                issuer: set.issuer,
                audience: set.audience,
                keys: set.keys.into_iter().map(key).collect(),
            })
        }
    }
}

fn identity_persons() -> TokenStream {
    quote! {
        /// The keys that personal data is sealed with, through the contract.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct IdentityPersons;

        impl ::chassis::sealed::PersonKeys for IdentityPersons {
            async fn key(
                &self,
                user_id: &str,
            ) -> ::core::result::Result<
                ::core::option::Option<::chassis::sealed::PersonKey>,
                ::chassis::sealed::Unreadable,
            > {
                use ::chassis::sealed::{Unreadable, key_from_text};
                use shop::identity::persons::{Error, key};
                match key(::std::string::String::from(user_id)).await {
                    Ok(text) => key_from_text(&text).map(Some).ok_or(Unreadable::Damaged),
                    Err(Error::Forgotten(_)) => Ok(None),
                    Err(Error::Unavailable(reason)) => Err(Unreadable::Unavailable(reason)),
                }
            }
        }
    }
}

fn limiter() -> TokenStream {
    quote! {
        /// The platform's rate limiter, through the contract.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct PlatformLimiter;

        impl ::chassis::quota::Limiter for PlatformLimiter {
            async fn check(
                &self,
                check: &::chassis::quota::Check,
            ) -> ::core::result::Result<::chassis::quota::Decision, ::std::string::String> {
                use tessera::limits::limiter;
                let window_ms = check.quota.window_s.saturating_mul(1000);
                let quota = limiter::Quota { limit: check.quota.limit, window_ms };
                let policy = ::std::string::String::from(check.policy);
                match limiter::check(policy, check.key.clone(), quota, check.cost).await {
                    Ok(decision) => Ok(::chassis::quota::Decision {
                        allowed: decision.allowed,
                        remaining: decision.remaining,
                        retry_after_ms: decision.retry_after_ms,
                        reset_after_ms: decision.reset_after_ms,
                    }),
                    Err(
                        limiter::Error::Invalid(reason) | limiter::Error::Unavailable(reason),
                    ) => Err(reason),
                }
            }
        }
    }
}

fn flags() -> TokenStream {
    quote! {
        /// The platform's feature flags, through the contract.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct PlatformFlags;

        impl ::chassis::flags::Flags for PlatformFlags {
            async fn is_on(&self, key: &str, user_id: ::core::option::Option<&str>) -> bool {
                use tessera::flags::evaluation::{Context, evaluate_boolean};
                let context = Context {
                    targeting_key: user_id.map(::std::string::String::from),
                    attributes: ::std::vec::Vec::new(),
                };
                evaluate_boolean(::std::string::String::from(key), false, context).await.value
            }
        }
    }
}

fn event_producer() -> TokenStream {
    quote! {
        /// The platform's log of events, through the contract.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct EventProducer;

        impl ::chassis::events::Producer for EventProducer {
            async fn publish(
                &self,
                events: &[::chassis::events::Event],
            ) -> ::core::result::Result<(), ::chassis::events::PublishError> {
                use tessera::events::producer::{Error, publish};
                use ::chassis::events::PublishError;
                let events = events.iter().cloned().map(::core::convert::Into::into).collect();
                publish(events).await.map_err(|error| match error {
                    Error::Invalid(reason) => PublishError::Invalid(reason),
                    Error::Unavailable(reason) => PublishError::Unavailable(reason),
                })
            }
        }
    }
}

/// Between the event of the contract, imported or exported, and that of the chassis.
fn event_conversions(contract: &Contract) -> Result<TokenStream> {
    let is_producer = |id| contract.resolve.id_of(id).is_some_and(|name| name == EVENT_PRODUCER);
    let exported = contract.exports()?.into_iter().any(is_producer);
    if !exported && !contract.imports(EVENT_PRODUCER)? {
        return Ok(quote!());
    }
    let event = if exported {
        quote!(exports::tessera::events::producer::Event)
    } else {
        quote!(tessera::events::producer::Event)
    };
    Ok(quote! {
        /// The contract has these extensions and no others.
        impl ::core::convert::From<::chassis::events::Event> for #event {
            fn from(event: ::chassis::events::Event) -> Self {
                let now = || ::chassis::clock::rfc3339(::chassis::clock::now_ms());
                let json = || ::std::string::String::from("application/json");
                Self {
                    partition_key: ::std::string::String::from(event.partition_key()),
                    sequence: event.sequence(),
                    trace_parent: event.extensions.get("traceparent").cloned(),
                    id: event.id,
                    source: event.source,
                    type_: event.kind,
                    subject: event.subject,
                    time: event.time.unwrap_or_else(now),
                    data_content_type: event.data_content_type.unwrap_or_else(json),
                    data: event.data,
                }
            }
        }

        impl ::core::convert::From<#event> for ::chassis::events::Event {
            fn from(event: #event) -> Self {
                let extensions = [
                    ("partitionkey", Some(event.partition_key)),
                    ("sequence", event.sequence.map(|sequence| sequence.to_string())),
                    ("traceparent", event.trace_parent),
                ];
                let extensions = extensions
                    .into_iter()
                    .filter_map(|(name, value)| Some((::std::string::String::from(name), value?)));
                Self {
                    id: event.id,
                    source: event.source,
                    kind: event.type_,
                    subject: event.subject,
                    time: Some(event.time),
                    data_content_type: Some(event.data_content_type),
                    data_schema: None,
                    extensions: extensions.collect(),
                    data: event.data,
                }
            }
        }
    })
}
