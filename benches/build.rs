//! The gRPC contract of a twin, compiled without any program beside cargo.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto/price.proto");
    let descriptors = protox::compile(["price.proto"], ["proto"])?;
    Ok(tonic_prost_build::configure().compile_fds(descriptors)?)
}
