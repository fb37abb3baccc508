//! What is counted, in words: contracts write units in the plural, and a sentence may need one of them.

/// The singular of a plural English noun, as far as units need it.
pub fn singular(plural: &str) -> String {
    let irregular = [("people", "person"), ("men", "man"), ("women", "woman"), ("children", "child"), ("indices", "index")];
    if let Some((_, one)) = irregular.iter().find(|(many, _)| *many == plural) {
        return (*one).to_owned();
    }
    if let Some(stem) = plural.strip_suffix("ies").filter(|stem| stem.len() > 2) {
        return format!("{stem}y");
    }
    for ending in ["sses", "xes", "ches", "shes", "zzes"] {
        if plural.ends_with(ending) {
            return plural.strip_suffix("es").map_or_else(|| plural.to_owned(), str::to_owned);
        }
    }
    match plural.strip_suffix('s') {
        Some(stem) if !stem.ends_with('s') => stem.to_owned(),
        Some(_) | None => plural.to_owned(),
    }
}

/// `14 products`, `1 product`, exactly as the number is written.
pub fn counted(number: &str, plural: &str) -> String {
    if number == "1" { format!("1 {}", singular(plural)) } else { format!("{number} {plural}") }
}
