//! The types of the contract `tessera:flags/evaluation`. Host and bridge have their own bindings of
//! it, so the conversions are a macro.

/// Defines `from_contract`, which makes a [`Context`](crate::Context), and `details`, which shows an
/// [`Evaluation`](crate::Evaluation). The argument is the module with the types of the contract.
#[macro_export]
macro_rules! contract_conversions {
    ($contract:ident) => {
        fn from_contract(
            context: $contract::Context,
        ) -> ::core::result::Result<$crate::Context, $crate::InvalidContext> {
            let attributes = context.attributes.into_iter().map(|(name, value)| {
                let value = match value {
                    $contract::Attribute::Boolean(value) => $crate::Attribute::Boolean(value),
                    $contract::Attribute::Text(text) => $crate::Attribute::Text(text),
                    $contract::Attribute::Number(number) => $crate::Attribute::Number(number),
                };
                (name, value)
            });
            $crate::Context::new(context.targeting_key, attributes)
        }

        fn details(evaluation: &$crate::Evaluation<'_>) -> $contract::Details {
            use $contract::ErrorCode;
            let error = evaluation.error.as_ref();
            $contract::Details {
                variant: evaluation.variant.map(|variant| variant.name.to_string()),
                reason: match evaluation.reason {
                    $crate::Reason::Static => $contract::Reason::Static,
                    $crate::Reason::Default => $contract::Reason::Default,
                    $crate::Reason::TargetingMatch => $contract::Reason::TargetingMatch,
                    $crate::Reason::Split => $contract::Reason::Split,
                    $crate::Reason::Disabled => $contract::Reason::Disabled,
                    $crate::Reason::Error => $contract::Reason::Error,
                },
                error_code: error.map(|error| match error.code {
                    $crate::ErrorCode::FlagNotFound => ErrorCode::FlagNotFound,
                    $crate::ErrorCode::TypeMismatch => ErrorCode::TypeMismatch,
                    $crate::ErrorCode::TargetingKeyMissing => ErrorCode::TargetingKeyMissing,
                    $crate::ErrorCode::InvalidContext => ErrorCode::InvalidContext,
                    $crate::ErrorCode::ParseError => ErrorCode::ParseError,
                    $crate::ErrorCode::General => ErrorCode::General,
                }),
                error_message: error.map(|error| error.message.clone()),
            }
        }
    };
}
