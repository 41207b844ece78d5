//! Language models.

use super::{Done, debug};
use spin_sdk::llm::{
    EmbeddingModel, InferencingModel, InferencingParams, generate_embeddings, infer,
    infer_with_options,
};

pub(crate) fn infer_text(model: &str, prompt: &str, tokens: &str) -> Done {
    let model = InferencingModel::Other(model);
    let inferred = match tokens.parse() {
        Ok(max_tokens) => {
            let options = InferencingParams { max_tokens, ..InferencingParams::default() };
            infer_with_options(model, prompt, options)
        }
        Err(_) => infer(model, prompt),
    };
    let inferred = inferred.map_err(debug)?;
    let usage = inferred.usage;
    Ok(format!("{} {} {}", inferred.text, usage.prompt_token_count, usage.generated_token_count))
}

pub(crate) fn embed(model: &str, texts: &str) -> Done {
    let texts: Vec<String> = texts.split(',').map(str::to_owned).collect();
    let embedded = generate_embeddings(EmbeddingModel::Other(model), &texts).map_err(debug)?;
    Ok(format!("{:?} {}", embedded.embeddings, embedded.usage.prompt_token_count))
}
