//! Expressions of comparisons, conditions and whole-number arithmetic, evaluated without building a context: nearly all guards
//! are such. Gives a value only where CEL gives the same one; wherever it could differ, an error included, CEL is asked.
//! Must not decide what an error is called.

use cel::IdedExpr;
use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, Expr, LiteralValue};

use super::super::value::Value;
use super::{Reference, Scope};

/// An expression, or a part of one, that needs nothing of CEL's.
pub enum Plain {
    Literal(Value),
    /// The reference at this place of the expression's list.
    Name(usize),
    Not(Box<Plain>),
    Both(Box<[Plain; 2]>),
    Either(Box<[Plain; 2]>),
    /// The condition, and what holds with it and without it.
    If(Box<[Plain; 3]>),
    Two(Operator, Box<[Plain; 2]>),
}

/// What is done with two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    In,
}

impl Plain {
    /// Reads a checked tree; `None` where anything in it is more than plain.
    pub fn of(tree: &IdedExpr, bindings: &[String]) -> Option<Self> {
        match &tree.expr {
            Expr::Ident(name) => bindings.iter().position(|bound| bound == name).map(Self::Name),
            Expr::Literal(literal) => Some(Self::Literal(match literal {
                LiteralValue::Boolean(truth) => Value::Bool(*truth.inner()),
                LiteralValue::Int(int) => Value::Int(*int.inner()),
                LiteralValue::String(text) => Value::from(text.inner()),
                _ => return None,
            })),
            Expr::Call(call) if call.target.is_none() => Self::call(call, bindings),
            _ => None,
        }
    }

    fn call(call: &CallExpr, bindings: &[String]) -> Option<Self> {
        let read = |argument: &IdedExpr| Self::of(argument, bindings);
        match (call.func_name.as_str(), call.args.as_slice()) {
            (op::LOGICAL_NOT, [a]) => Some(Self::Not(Box::new(read(a)?))),
            (op::LOGICAL_AND, [a, b]) => Some(Self::Both(Box::new([read(a)?, read(b)?]))),
            (op::LOGICAL_OR, [a, b]) => Some(Self::Either(Box::new([read(a)?, read(b)?]))),
            (op::CONDITIONAL, [a, b, c]) => Some(Self::If(Box::new([read(a)?, read(b)?, read(c)?]))),
            (name, [a, b]) => Some(Self::Two(Operator::of(name)?, Box::new([read(a)?, read(b)?]))),
            _ => None,
        }
    }

    /// The value; `None` where CEL must be asked.
    pub fn evaluate(&self, references: &[Reference], scope: &dyn Scope) -> Option<Value> {
        let value = |part: &Self| part.evaluate(references, scope);
        let truth = |part: &Self| value(part)?.as_bool();
        Some(match self {
            Self::Literal(literal) => literal.clone(),
            Self::Name(place) => scope.resolve(references.get(*place)?).ok()?,
            Self::Not(a) => Value::Bool(!truth(a)?),
            Self::Both(parts) => {
                let [a, b] = &**parts;
                Value::Bool(truth(a)? && truth(b)?)
            }
            Self::Either(parts) => {
                let [a, b] = &**parts;
                Value::Bool(truth(a)? || truth(b)?)
            }
            Self::If(parts) => {
                let [condition, a, b] = &**parts;
                value(if truth(condition)? { a } else { b })?
            }
            Self::Two(operator, parts) => {
                let [a, b] = &**parts;
                operator.of_two(&value(a)?, &value(b)?)?
            }
        })
    }
}

impl Operator {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            op::EQUALS => Self::Equal,
            op::NOT_EQUALS => Self::Unequal,
            op::LESS => Self::Less,
            op::LESS_EQUALS => Self::LessOrEqual,
            op::GREATER => Self::Greater,
            op::GREATER_EQUALS => Self::GreaterOrEqual,
            op::ADD => Self::Add,
            op::SUBSTRACT => Self::Subtract,
            op::MULTIPLY => Self::Multiply,
            op::DIVIDE => Self::Divide,
            op::MODULO => Self::Remainder,
            op::IN => Self::In,
            _ => return None,
        })
    }

    fn of_two(self, a: &Value, b: &Value) -> Option<Value> {
        match (a, b) {
            (Value::Int(a), Value::Int(b)) => self.of_numbers(*a, *b),
            (Value::Text(_), Value::Text(_)) | (Value::Bool(_), Value::Bool(_)) => match self {
                Self::Equal => Some(Value::Bool(a == b)),
                Self::Unequal => Some(Value::Bool(a != b)),
                _ => None,
            },
            (Value::Text(wanted), Value::List(list)) if self == Self::In => {
                let mut found = false;
                for item in list {
                    found |= item.as_text()? == &**wanted;
                }
                Some(Value::Bool(found))
            }
            _ => None,
        }
    }

    fn of_numbers(self, a: i64, b: i64) -> Option<Value> {
        Some(match self {
            Self::Equal => Value::Bool(a == b),
            Self::Unequal => Value::Bool(a != b),
            Self::Less => Value::Bool(a < b),
            Self::LessOrEqual => Value::Bool(a <= b),
            Self::Greater => Value::Bool(a > b),
            Self::GreaterOrEqual => Value::Bool(a >= b),
            Self::Add => Value::Int(a.checked_add(b)?),
            Self::Subtract => Value::Int(a.checked_sub(b)?),
            Self::Multiply => Value::Int(a.checked_mul(b)?),
            Self::Divide => Value::Int(a.checked_div(b)?),
            Self::Remainder => Value::Int(a.checked_rem(b)?),
            Self::In => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Expression, Kind, Names, Unknown, evaluate};
    use super::*;

    struct Anything;

    impl Names for Anything {
        fn kind(&self, _: &Reference) -> Result<Kind, Unknown> {
            Ok(Kind::Any)
        }
    }

    /// The values of `data.a`, `data.b`, `data.c`; a fourth has none.
    struct Three<'a>([&'a Value; 3]);

    impl Scope for Three<'_> {
        fn resolve(&self, reference: &Reference) -> Result<Value, String> {
            let Reference::Data(name) = reference else {
                return Err("no such name".into());
            };
            let place = ["a", "b", "c"].iter().position(|known| *known == &**name);
            let value = place.and_then(|place| self.0.get(place)).ok_or("it has no value")?;
            Ok((*value).clone())
        }
    }

    fn values() -> Vec<Value> {
        let tags = |words: &[&str]| Value::List(words.iter().map(|word| Value::from(*word)).collect());
        vec![
            Value::Null,
            true.into(),
            false.into(),
            0.into(),
            7.into(),
            (-3).into(),
            i64::MAX.into(),
            i64::MIN.into(),
            (-1).into(),
            "x".into(),
            "y".into(),
            tags(&["x", "z"]),
            tags(&[]),
            Value::List(vec![Value::Null, "x".into(), 7.into()]),
        ]
    }

    const SOURCES: [&str; 22] = [
        "data.a == data.b",
        "data.a != data.b",
        "data.a < data.b",
        "data.a <= data.b",
        "data.a > data.b",
        "data.a >= data.b",
        "data.a + data.b",
        "data.a - data.b",
        "data.a * data.b",
        "data.a / data.b",
        "data.a % data.b",
        "data.a && data.b",
        "data.a || data.b",
        "!data.a",
        "data.a ? data.b : data.c",
        "data.a in data.b",
        "\"x\" in data.a",
        "data.d || data.a",
        "data.a && data.d",
        "data.a < 5 || data.b == \"x\"",
        "min(data.a, data.b) + 1",
        "data.a == 7 && (data.b > data.c || data.c == true)",
    ];

    #[test]
    fn what_it_gives_is_what_cel_gives() {
        let values = values();
        let (mut given, mut asked) = (0, 0);
        for source in SOURCES {
            let expression = Expression::compile(source, &Anything).unwrap();
            let plain = expression.compiled.plain.as_ref();
            let plain = plain.unwrap_or_else(|| panic!("{source} is not plain"));
            for a in &values {
                for b in &values {
                    for c in &values {
                        let scope = Three([a, b, c]);
                        let bindings = expression.references.iter().zip(&expression.compiled.bindings);
                        let Some(value) = plain.evaluate(&expression.references, &scope) else {
                            asked += 1;
                            continue;
                        };
                        given += 1;
                        let theirs = evaluate::evaluate(&expression.compiled.tree, bindings, &scope);
                        assert_eq!(Ok(value), theirs, "{source} of {a:?}, {b:?}, {c:?}");
                    }
                }
            }
        }
        assert!(given > 5_000 && asked > 5_000, "{given} given, {asked} asked");
    }

    #[test]
    fn what_is_more_than_plain_is_left_to_cel() {
        for source in [
            "data.a.exists(x, x > 1)",
            "size(data.a) > 0",
            "data.a == null",
            "data.a[0] == 1",
            "shortest(data.a) > minutes(1)",
        ] {
            let expression = Expression::compile(source, &Anything).unwrap();
            assert!(expression.compiled.plain.is_none(), "{source}");
        }
    }
}
