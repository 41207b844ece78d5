//! A program: prints its arguments, and ends as the last of them says.
#![allow(clippy::print_stdout, clippy::print_stderr)]
#![allow(unsafe_code, reason = "generated bindings")]

fn main() -> Result<(), &'static str> {
    let arguments: Vec<String> = std::env::args().collect();
    println!("arguments: {}", arguments.join(" "));
    eprintln!("to standard error");
    match arguments.last().map(String::as_str) {
        Some("fail") => Err("as asked"),
        Some("exit") => std::process::exit(3),
        Some("trap") => std::process::abort(),
        Some("wait") => loop {
            std::thread::sleep(std::time::Duration::from_secs(3600));
        },
        _ => Ok(()),
    }
}
