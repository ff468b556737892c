//! What operators and functions yield, and which types they take. Must not rewrite the tree.

use cel::common::ast::operators as op;

use super::check::Checker;
use super::kind::Kind;
use super::operators;
use super::tree::symbol;
use crate::machine::definition::diagnostic::suggestion;
use crate::machine::value::Name;

impl Checker<'_> {
    pub(super) fn result(&mut self, id: u64, name: &str, target: Option<&Kind>, arguments: &[Kind]) -> Kind {
        match (name, target, arguments) {
            (op::LOGICAL_AND | op::LOGICAL_OR, None, [a, b]) => self.both_bool(id, name, a, b),
            (op::LOGICAL_NOT | op::NOT_STRICTLY_FALSE, None, [a]) => self.both_bool(id, name, a, &Kind::Bool),
            (op::NEGATE, None, [Kind::Zero]) => Kind::Zero,
            (op::NEGATE, None, [a @ (Kind::Int | Kind::Money | Kind::Duration | Kind::Any)]) => a.clone(),
            (op::CONDITIONAL, None, [condition, a, b]) => self.conditional(id, condition, a, b),
            (op::EQUALS | op::NOT_EQUALS, None, [a, b]) => self.equality(id, a, b),
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, None, [a, b]) => {
                if operators::ordered(a, b) {
                    return Kind::Bool;
                }
                self.cannot_join(id, name, a, b)
            }
            (op::IN, None, [a, b]) => self.membership(id, a, b),
            (op::INDEX, None, [Kind::List(inner), Kind::Int | Kind::Zero | Kind::Any]) => (**inner).clone(),
            (op::INDEX, None, [Kind::Any, _]) => Kind::Any,
            (op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO, None, [a, b]) => {
                match operators::arithmetic(symbol(name), a, b) {
                    Some(kind) => kind,
                    None => self.cannot_join(id, name, a, b),
                }
            }
            ("size", None, [a]) | ("size", Some(a), []) if a.is_textual() || matches!(a, Kind::List(_)) => Kind::Int,
            ("startsWith" | "endsWith" | "contains", Some(a), [b]) if a.is_textual() && b.is_textual() => Kind::Bool,
            ("sum", None, [Kind::List(inner)]) if inner.is_summed() => (**inner).clone(),
            ("shortest", None, [Kind::Period | Kind::Any]) => Kind::Duration,
            ("shortest", None, [period @ Kind::Options(_)]) if period.fits(&Kind::Period) => Kind::Duration,
            ("string", None, [Kind::Int | Kind::Zero | Kind::Any]) => Kind::Text,
            ("string", None, [a]) if a.is_textual() => Kind::Text,
            _ => self.unknown_call(id, name, target, arguments),
        }
    }

    fn unknown_call(&mut self, id: u64, name: &str, target: Option<&Kind>, arguments: &[Kind]) -> Kind {
        const KNOWN: [&str; 17] = [
            "size",
            "startsWith",
            "endsWith",
            "contains",
            "string",
            "shortest",
            "sum",
            "min",
            "max",
            "seconds",
            "minutes",
            "hours",
            "days",
            "yuan",
            "fen",
            "exists",
            "all",
        ];
        if KNOWN.contains(&name) || op::find_operator(symbol(name)).is_some() || symbol(name) != name {
            let kinds: Vec<String> = target.into_iter().chain(arguments).map(Kind::name).collect();
            let message = format!("`{}` cannot be used on {}", symbol(name), kinds.join(" and "));
            return self.fault_at("type_mismatch", id, message, None);
        }
        let hint = suggestion(name, KNOWN);
        self.fault_at("unknown_function", id, format!("there is no function `{name}`"), hint)
    }

    fn both_bool(&mut self, id: u64, name: &str, a: &Kind, b: &Kind) -> Kind {
        match [a, b].into_iter().find(|kind| !kind.is_bool()) {
            None => Kind::Bool,
            Some(other) => {
                let message = format!("`{}` joins conditions, and one side is {}", symbol(name), other.name());
                self.fault_at("type_mismatch", id, message, None)
            }
        }
    }

    fn conditional(&mut self, id: u64, condition: &Kind, a: &Kind, b: &Kind) -> Kind {
        if !condition.is_bool() {
            let message = format!("what stands before `?` is a condition, not {}", condition.name());
            return self.fault_at("type_mismatch", id, message, None);
        }
        match a.join(b) {
            Some(kind) => kind,
            None => {
                let message = format!("`? :` gives {} or {}", a.name(), b.name());
                self.fault_at("type_mismatch", id, message, operators::hint(a, b))
            }
        }
    }

    fn equality(&mut self, id: u64, a: &Kind, b: &Kind) -> Kind {
        if a.comparable(b) {
            return Kind::Bool;
        }
        match (a, b) {
            (Kind::Options(a), Kind::Options(b)) => self.no_such_option(id, a, b),
            _ => self.cannot_join(id, op::EQUALS, a, b),
        }
    }

    fn membership(&mut self, id: u64, a: &Kind, b: &Kind) -> Kind {
        match b {
            Kind::Any => Kind::Bool,
            Kind::List(inner) if a.comparable(inner) => Kind::Bool,
            Kind::List(inner) => match (a, &**inner) {
                (Kind::Options(a), Kind::Options(b)) => self.no_such_option(id, a, b),
                _ => {
                    let message = format!("{} is never in {}", a.name(), b.name());
                    self.fault_at("type_mismatch", id, message, None)
                }
            },
            _ => {
                let message = format!("`in` looks into a list, and this is {}", b.name());
                self.fault_at("type_mismatch", id, message, None)
            }
        }
    }

    /// A literal is compared with options, and is none of them.
    fn no_such_option(&mut self, id: u64, a: &[Name], b: &[Name]) -> Kind {
        let (literal, options) = if a.len() == 1 { (a, b) } else { (b, a) };
        let word = literal.first().map_or("", AsRef::as_ref);
        let hint = suggestion(word, options.iter().map(AsRef::as_ref));
        self.fault_at(
            "unknown_option",
            id,
            format!("\"{word}\" can never be the value here"),
            hint,
        )
    }

    pub(super) fn cannot_join(&mut self, id: u64, name: &str, a: &Kind, b: &Kind) -> Kind {
        let message = format!("`{}` cannot join {} and {}", symbol(name), a.name(), b.name());
        self.fault_at("type_mismatch", id, message, operators::hint(a, b))
    }
}
