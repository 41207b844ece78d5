//! A command that is called by the rules of CGI. The parameter `do` of the query says what it does;
//! otherwise it prints its arguments, its environment and its input.
#![allow(clippy::print_stdout)]
#![allow(unsafe_code, reason = "generated bindings")]

use std::io::Read as _;

fn main() {
    let query = std::env::var("QUERY_STRING").unwrap_or_default();
    match query.strip_prefix("do=").unwrap_or_default() {
        "move" => println!("Location: /elsewhere\n"),
        "refuse" => println!("Status: 418 I'm a teapot\nX-Kind: tea\n\nshort"),
        "untyped" => println!("X-Kind: tea\n\nuntyped"),
        "nothing" => {}
        "exit" => {
            println!("Content-Type: text/plain\n\nexited");
            std::process::exit(0);
        }
        "fail" => {
            println!("Content-Type: text/plain\n\nfailed");
            std::process::exit(3);
        }
        _ => describe(),
    }
}

fn describe() {
    let mut input = String::new();
    // An input that can't be read is shown as far as it goes.
    let _ = std::io::stdin().read_to_string(&mut input);
    println!("Content-Type: text/plain\n");
    println!("arguments={}", std::env::args().collect::<Vec<_>>().join("|"));
    for (name, value) in std::env::vars() {
        println!("{name}={value}");
    }
    println!("input={input}");
}
