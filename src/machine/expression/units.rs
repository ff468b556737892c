//! Functions that are rewritten when an expression is compiled: units, `duration`, `min` and `max`. At run time all are integers.
//! Must not check anything but their own arguments.

use cel::IdedExpr;
use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, Expr, LiteralValue};

use super::check::Checker;
use super::kind::Kind;
use super::operators;
use super::tree::millis;

impl Checker<'_> {
    /// `minutes(4)` becomes `4 * 60000`.
    pub(super) fn unit(&mut self, node: &mut IdedExpr, (factor, kind): (i64, Kind)) -> Kind {
        let id = node.id;
        let Expr::Call(call) = &mut node.expr else {
            return Kind::Any;
        };
        let name = call.func_name.clone();
        let (None, [argument]) = (&call.target, call.args.as_mut_slice()) else {
            return self.fault_at(
                "type_mismatch",
                id,
                format!("`{name}` takes one number: {name}(4)"),
                None,
            );
        };
        let found = self.expression(argument);
        if !matches!(found, Kind::Int | Kind::Zero | Kind::Any) {
            let message = format!("`{name}` takes a number, not {}", found.name());
            return self.fault_at("type_mismatch", id, message, None);
        }
        let literal = IdedExpr {
            id,
            expr: Expr::Literal(LiteralValue::Int(factor.into())),
        };
        call.func_name = op::MULTIPLY.to_owned();
        call.args.push(literal);
        kind
    }

    /// `duration("1h")` becomes its milliseconds.
    pub(super) fn duration(&mut self, node: &mut IdedExpr) -> Kind {
        let id = node.id;
        let hint = Some("write `hours(1)`, `minutes(4)` or `seconds(3)`".to_owned());
        let millis = match &node.expr {
            Expr::Call(CallExpr { args, .. }) => match args.first().map(|argument| &argument.expr) {
                Some(Expr::Literal(LiteralValue::String(text))) => millis(text.inner()),
                _ => None,
            },
            _ => None,
        };
        let Some(millis) = millis else {
            return self.fault_at(
                "type_mismatch",
                id,
                "`duration` takes a text such as \"1h\" or \"30m\"",
                hint,
            );
        };
        node.expr = Expr::Literal(LiteralValue::Int(millis.into()));
        Kind::Duration
    }

    /// `min(a, b)` becomes `a <= b ? a : b`.
    pub(super) fn extreme(&mut self, node: &mut IdedExpr) -> Kind {
        let id = node.id;
        let Expr::Call(call) = &mut node.expr else {
            return Kind::Any;
        };
        let compare = if call.func_name == "min" {
            op::LESS_EQUALS
        } else {
            op::GREATER_EQUALS
        };
        let (None, [a, b]) = (&call.target, call.args.as_mut_slice()) else {
            let message = format!("`{}` takes two numbers", call.func_name);
            return self.fault_at("type_mismatch", id, message, None);
        };
        let (left, right) = (self.expression(a), self.expression(b));
        if !operators::ordered(&left, &right) {
            return self.cannot_join(id, compare, &left, &right);
        }
        let condition = IdedExpr {
            id,
            expr: Expr::Call(CallExpr {
                func_name: compare.to_owned(),
                target: None,
                args: vec![a.clone(), b.clone()],
            }),
        };
        call.func_name = op::CONDITIONAL.to_owned();
        call.args.insert(0, condition);
        left.join(&right).unwrap_or(Kind::Any)
    }
}
