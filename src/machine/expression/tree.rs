//! Small readings of CEL's syntax tree and of expression text. Must not know names or types of the language.

use cel::common::ast::operators as op;
use cel::common::ast::{Expr, SelectExpr};
use cel::{IdedExpr, Program};

use super::kind::Kind;

/// Where the nodes of a parsed expression stand.
#[derive(Default)]
pub struct Places(Option<Program>);

impl Places {
    /// The places of a parsed program.
    pub fn of(program: Program) -> Self {
        Self(Some(program))
    }

    /// The character a node begins at.
    pub fn offset(&self, node: u64) -> Option<usize> {
        let (start, _) = self.0.as_ref()?.source_info().offset_for(node)?;
        usize::try_from(start).ok()
    }
}

/// The words of `a.b.c`; `None` where it is anything else.
pub fn words(node: &IdedExpr) -> Option<Vec<String>> {
    match &node.expr {
        Expr::Ident(name) => Some(vec![name.clone()]),
        Expr::Select(SelectExpr {
            operand,
            field,
            test: false,
        }) => {
            let mut words = words(operand)?;
            words.push(field.clone());
            Some(words)
        }
        _ => None,
    }
}

/// The node a chain of words begins with: faults of the chain are shown there.
pub fn first_word(node: &IdedExpr) -> u64 {
    match &node.expr {
        Expr::Select(select) => first_word(&select.operand),
        _ => node.id,
    }
}

/// Replaces the part of a chain that lies `above` selects below its top by one identifier.
pub fn replace(node: &mut IdedExpr, above: usize, name: String) {
    match (&mut node.expr, above) {
        (Expr::Select(select), 1..) => replace(&mut select.operand, above - 1, name),
        (expr, _) => *expr = Expr::Ident(name),
    }
}

/// How deep brackets stand within each other.
pub fn nesting(source: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for character in source.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Functions that give a number its unit: the factor and the type.
pub fn unit(function: &str) -> Option<(i64, Kind)> {
    Some(match function {
        "seconds" => (1_000, Kind::Duration),
        "minutes" => (60_000, Kind::Duration),
        "hours" => (3_600_000, Kind::Duration),
        "days" => (86_400_000, Kind::Duration),
        "yuan" => (100, Kind::Money),
        "fen" => (1, Kind::Money),
        _ => return None,
    })
}

/// `1h`, `30m`, `3s`, `500ms` or several of them in milliseconds.
pub fn millis(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut total = 0_i64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let unit = after
            .find(|character: char| character.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(unit);
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(factor)?)?;
        rest = next;
    }
    Some(total)
}

/// An operator as it is written; other functions as they are called.
pub fn symbol(function: &str) -> &str {
    match function {
        op::LOGICAL_AND => "&&",
        op::LOGICAL_OR => "||",
        op::LOGICAL_NOT => "!",
        op::NEGATE | op::SUBSTRACT => "-",
        op::ADD => "+",
        op::MULTIPLY => "*",
        op::DIVIDE => "/",
        op::MODULO => "%",
        op::EQUALS => "==",
        op::NOT_EQUALS => "!=",
        op::LESS => "<",
        op::LESS_EQUALS => "<=",
        op::GREATER => ">",
        op::GREATER_EQUALS => ">=",
        op::IN => "in",
        op::INDEX => "[ ]",
        op::CONDITIONAL => "? :",
        other => other,
    }
}

/// The first line of the parser's message, without its words for itself.
pub fn plain_syntax(message: &str) -> String {
    message
        .lines()
        .next()
        .unwrap_or_default()
        .trim_start_matches("Syntax error: ")
        .chars()
        .take(120)
        .collect()
}

/// What is most often meant by a text that is no expression.
pub fn syntax_hint(source: &str) -> Option<String> {
    let words = source.split_whitespace().collect::<Vec<_>>();
    if words.iter().any(|word| matches!(*word, "and" | "or" | "not")) {
        return Some("write `&&` for and, `||` for or, `!` for not".into());
    }
    if source.contains(" = ") {
        return Some("equality is written `==`".into());
    }
    if source.contains('元') {
        return Some("in an expression an amount is written `yuan(100)`".into());
    }
    if words.len() == 2 && words.first().is_some_and(|word| word.parse::<i64>().is_ok()) {
        return Some("a length of time is written `4 minutes`, `7 workdays`, `1 hour`".into());
    }
    None
}
