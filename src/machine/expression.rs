//! CEL expressions: compiled once, their names checked against declared data, evaluated over a scope.
//! The only file (with its submodules) that knows the `cel` crate.

mod calls;
mod check;
mod evaluate;
mod kind;
mod names;
mod operators;
mod plain;
mod tree;
mod units;

pub use check::ExpressionFault;
pub use kind::Kind;
pub use names::{Names, ROOTS, Reference, Unknown};

use super::value::Value;

/// The longest expression an admin may write, in characters.
pub const MAX_LENGTH: usize = 2_000;

/// A compiled expression. Prints as its source.
pub struct Expression {
    pub source: String,
    /// Every name the expression reads, so that only those are bound.
    pub references: Vec<Reference>,
    compiled: Box<Compiled>,
}

/// What only evaluation needs; boxed, because definitions hold expressions in many small enums.
struct Compiled {
    kind: Kind,
    /// The identifiers that stand for the references in the tree, in the same order.
    bindings: Vec<String>,
    tree: cel::IdedExpr,
    /// The same expression without CEL, where it is simple enough.
    plain: Option<plain::Plain>,
}

/// Gives values to names. Implemented by the step, by tests and by the checker.
pub trait Scope {
    /// # Errors
    /// A name that has no value now (no parent, no sender, no such timer).
    fn resolve(&self, reference: &Reference) -> Result<Value, String>;
}

impl Expression {
    /// Compiles one expression and checks its names and types.
    ///
    /// # Errors
    /// All faults found, each with the character it stands at.
    pub fn compile(source: &str, names: &dyn Names) -> Result<Self, Vec<ExpressionFault>> {
        let checked = check::check(source, names)?;
        let bindings: Vec<String> = checked.references.iter().map(ToString::to_string).collect();
        Ok(Self {
            source: source.to_owned(),
            compiled: Box::new(Compiled {
                kind: checked.kind,
                plain: plain::Plain::of(&checked.tree, &bindings),
                bindings,
                tree: checked.tree,
            }),
            references: checked.references.into_iter().collect(),
        })
    }

    /// The type of what it yields.
    pub fn kind(&self) -> &Kind {
        &self.compiled.kind
    }

    /// Compiles an expression that must yield the wanted type.
    ///
    /// # Errors
    /// As `compile`, and where it yields something else.
    pub fn compile_as(source: &str, names: &dyn Names, wanted: &Kind) -> Result<Self, Vec<ExpressionFault>> {
        let expression = Self::compile(source, names)?;
        if expression.kind().fits(wanted) {
            return Ok(expression);
        }
        Err(vec![ExpressionFault::unfit(expression.kind(), wanted)])
    }

    /// Evaluates over a scope.
    ///
    /// # Errors
    /// A plain sentence: overflow, division by zero, null where a number is needed, a name without a value.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, String> {
        let plain = self.compiled.plain.as_ref();
        if let Some(value) = plain.and_then(|plain| plain.evaluate(&self.references, scope)) {
            return Ok(value);
        }
        let bindings = self.references.iter().zip(&self.compiled.bindings);
        evaluate::evaluate(&self.compiled.tree, bindings, scope)
    }
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`", self.source)
    }
}
