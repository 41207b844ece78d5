//! Greets those who ask.

#[cfg(target_family = "wasm")]
mod component;

/// The greeting for the part of the path after the route.
pub fn greeting(rest: &str) -> String {
    let name = rest.trim_matches('/');
    let name = if name.is_empty() { "world" } else { name };
    format!("Hello, {name}!\n")
}

#[cfg(test)]
mod tests {
    use super::greeting;

    #[test]
    fn the_path_names_who_is_greeted() {
        assert_eq!(greeting("/Ada"), "Hello, Ada!\n");
    }

    #[test]
    fn without_a_name_the_world_is_greeted() {
        assert_eq!(greeting(""), "Hello, world!\n");
        assert_eq!(greeting("/"), "Hello, world!\n");
    }
}
