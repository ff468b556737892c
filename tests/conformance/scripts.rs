//! The ECMAScript of the suite's conditions and assignments, as far as CEL can say it.

/// The content of a literal such as `'abc'` or `"abc"`.
pub fn string_literal(script: &str) -> Option<String> {
    let script = script.trim();
    let quote = script.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let inner = script.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(quote)).then(|| inner.to_owned())
}

/// Rewrites an expression. `is_field` tells variables, `path` the path of a state by its id.
pub fn to_cel(
    script: &str,
    is_field: &dyn Fn(&str) -> bool,
    path: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let script = cubes(script);
    let mut rest = script.as_str();
    let mut cel = String::new();
    while let Some(first) = rest.chars().next() {
        let taken = if first.is_alphabetic() || matches!(first, '_' | '$') {
            word(rest, is_field, path, &mut cel)?
        } else if matches!(first, '\'' | '"') {
            let end = rest[1..].find(first).ok_or("a text without end")? + 2;
            cel += &format!("{:?}", &rest[1..end - 1]);
            end
        } else if let Some(operator) = ["===", "!=="].into_iter().find(|operator| rest.starts_with(operator)) {
            cel += &operator[..2];
            operator.len()
        } else if matches!(first, '{' | '[') {
            return Err(format!("`{script}`: our data has no such values"));
        } else {
            cel.push(first);
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    Ok(cel.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// CEL has no powers; the suite only cubes.
fn cubes(script: &str) -> String {
    match script
        .trim()
        .strip_prefix("Math.pow(")
        .and_then(|rest| rest.strip_suffix(",3)"))
    {
        Some(base) => format!("{base} * {base} * {base}"),
        None => script.to_owned(),
    }
}

/// Converts a name with what belongs to it, and returns how many bytes that took.
fn word(
    rest: &str,
    is_field: &dyn Fn(&str) -> bool,
    path: &dyn Fn(&str) -> Option<String>,
    cel: &mut String,
) -> Result<usize, String> {
    if let Some(inner) = rest.strip_prefix("In(") {
        let end = inner.find(')').ok_or("In without end")?;
        let id = string_literal(&inner[..end]).ok_or("In without a literal")?;
        let path = path(&id).ok_or_else(|| format!("no state `{id}`"))?;
        *cel += &format!("({path:?} in active)");
        return Ok("In(".len() + end + 1);
    }
    let whole = "_event.data";
    if let Some(after) = rest.strip_prefix(whole) {
        // Content without a name is carried as `content`.
        *cel += if after.starts_with('.') {
            "event"
        } else {
            "event.content"
        };
        return Ok(whole.len() + field_of(after, cel));
    }
    let end = rest
        .find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '$'))
        .unwrap_or(rest.len());
    let name = &rest[..end];
    match name {
        "true" | "false" => *cel += name,
        _ if is_field(name) => *cel += &format!("data.{name}"),
        _ => return Err(format!("`{name}` has no counterpart in our language")),
    }
    Ok(end)
}

/// Copies `.name` after an event's data.
fn field_of(after: &str, cel: &mut String) -> usize {
    let Some(name) = after.strip_prefix('.') else { return 0 };
    let end = name
        .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .unwrap_or(name.len());
    *cel += &format!(".{}", &name[..end]);
    end + 1
}
