//! Checks one expression: syntax by CEL, then names, types and what the language leaves out. On the way it rewrites the tree so
//! that it runs on plain integers: names become single identifiers, named conditions and units are put in.
//! Must not know where names come from: `Names` says.

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{ComprehensionExpr, Expr, ListExpr, LiteralValue, SelectExpr};

use super::kind::Kind;
use super::names::{self, Names, ROOTS, Reference};
use super::tree::{Places, first_word, nesting, plain_syntax, replace, syntax_hint, unit, words};
use super::{MAX_LENGTH, operators};
use crate::machine::definition::diagnostic::suggestion;

/// How deep conditions may name conditions.
const MAX_CONDITIONS: usize = 8;

/// A fault of an expression, with the character it stands at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionFault {
    pub code: &'static str,
    /// Characters from the start of the expression; `None` for the whole.
    pub offset: Option<usize>,
    pub message: String,
    pub hint: Option<String>,
}

impl ExpressionFault {
    /// The expression yields another type than the place wants.
    pub fn unfit(found: &Kind, wanted: &Kind) -> Self {
        let (code, hint) = match (wanted, found) {
            (Kind::Bool, _) => (
                "guard_not_bool",
                Some("a condition compares something, such as `data.count > 0`".to_owned()),
            ),
            (Kind::Options(known), Kind::Options(found)) => (
                "unknown_option",
                found
                    .first()
                    .and_then(|option| suggestion(option, known.iter().map(AsRef::as_ref))),
            ),
            _ => ("type_mismatch", operators::hint(found, wanted)),
        };
        Self {
            code,
            offset: None,
            message: format!("{} is needed here, and this is {}", wanted.name(), found.name()),
            hint,
        }
    }
}

/// A checked expression: its tree, the kind of its value, and what it reads.
pub struct Checked {
    pub tree: IdedExpr,
    pub kind: Kind,
    pub references: BTreeSet<Reference>,
}

/// Parses and checks.
pub fn check(source: &str, names: &dyn Names) -> Result<Checked, Vec<ExpressionFault>> {
    let mut checker = Checker {
        names,
        references: BTreeSet::new(),
        faults: Vec::new(),
        places: Places::default(),
        locals: Vec::new(),
        depth: 0,
    };
    let Some((mut tree, places)) = checker.parse(source) else {
        return Err(checker.faults);
    };
    checker.places = places;
    let kind = checker.expression(&mut tree);
    if !checker.faults.is_empty() {
        return Err(checker.faults);
    }
    Ok(Checked {
        tree,
        kind,
        references: checker.references,
    })
}

/// Walks one tree.
pub(super) struct Checker<'a> {
    names: &'a dyn Names,
    references: BTreeSet<Reference>,
    faults: Vec<ExpressionFault>,
    places: Places,
    /// Variables of comprehensions, innermost last.
    locals: Vec<(String, Kind)>,
    depth: usize,
}

impl Checker<'_> {
    fn parse(&mut self, source: &str) -> Option<(IdedExpr, Places)> {
        if source.chars().count() > MAX_LENGTH {
            let message = format!("an expression has at most {MAX_LENGTH} characters");
            self.fault(
                "expression_too_long",
                None,
                message,
                Some("name its parts under `conditions`".into()),
            );
            return None;
        }
        if nesting(source) > 40 {
            self.fault(
                "expression_too_deep",
                None,
                "brackets stand too deep within each other",
                None,
            );
            return None;
        }
        match cel::Program::compile(source) {
            Ok(program) => Some((program.expression().clone(), Places::of(program))),
            Err(errors) => {
                let error = errors.errors.first();
                let offset = error.and_then(|error| usize::try_from(error.pos.1 - 1).ok());
                let message = error.map_or_else(String::new, |error| plain_syntax(&error.msg));
                self.fault(
                    "expression_syntax",
                    offset,
                    format!("the expression cannot be read: {message}"),
                    syntax_hint(source),
                );
                None
            }
        }
    }

    fn fault(&mut self, code: &'static str, offset: Option<usize>, message: impl Into<String>, hint: Option<String>) {
        self.faults.push(ExpressionFault {
            code,
            offset,
            message: message.into(),
            hint,
        });
    }

    pub(super) fn fault_at(
        &mut self,
        code: &'static str,
        node: u64,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Kind {
        let offset = self.places.offset(node);
        self.fault(code, offset, message, hint);
        Kind::Any
    }

    pub(super) fn expression(&mut self, node: &mut IdedExpr) -> Kind {
        let id = node.id;
        match &mut node.expr {
            Expr::Literal(literal) => self.literal(id, literal),
            Expr::Ident(_) | Expr::Select(_) => self.chain(node),
            Expr::List(list) => self.list(list),
            Expr::Call(_) => self.call(node),
            Expr::Comprehension(comprehension) => self.comprehension(id, comprehension),
            Expr::Map(_) | Expr::Struct(_) => self.fault_at(
                "unsupported_expression",
                id,
                "maps cannot be built in an expression",
                Some("give each entry its own name in `data` or `with`".into()),
            ),
            Expr::Unspecified => self.fault_at("expression_syntax", id, "the expression is empty", None),
        }
    }

    fn literal(&mut self, id: u64, literal: &mut LiteralValue) -> Kind {
        match literal {
            LiteralValue::Boolean(_) => Kind::Bool,
            LiteralValue::Int(int) => {
                if *int.inner() == 0 {
                    Kind::Zero
                } else {
                    Kind::Int
                }
            }
            LiteralValue::String(text) => Kind::Options(vec![text.inner().into()]),
            LiteralValue::Null => Kind::Null,
            LiteralValue::Double(_) => self.fault_at(
                "double_literal",
                id,
                "fractions are not part of the language",
                Some("write an amount as `yuan(100)` or `fen(10050)`, a share in percent or basis points".into()),
            ),
            LiteralValue::UInt(_) | LiteralValue::Bytes(_) => self.fault_at(
                "unsupported_expression",
                id,
                "only whole numbers, texts, true, false and null may be written",
                None,
            ),
        }
    }

    fn list(&mut self, list: &mut ListExpr) -> Kind {
        let mut kind: Option<Kind> = None;
        for element in &mut list.elements {
            let id = element.id;
            let found = self.expression(element);
            kind = Some(match kind {
                None => found,
                Some(before) => match before.join(&found) {
                    Some(joined) => joined,
                    None => {
                        let message = format!("a list holds {} and {}", before.name(), found.name());
                        self.fault_at("type_mismatch", id, message, None)
                    }
                },
            });
        }
        Kind::List(Box::new(kind.unwrap_or(Kind::Any)))
    }

    /// `data.x`, `parent.data.members`, a condition's name, a variable, or fields of one of them.
    fn chain(&mut self, node: &mut IdedExpr) -> Kind {
        let Some(words) = words(node) else {
            return self.selected(node);
        };
        let id = first_word(node);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let first = words.first().copied().unwrap_or_default();
        if let Some((_, kind)) = self.locals.iter().rev().find(|(name, _)| name == first) {
            let kind = kind.clone();
            return self.fields(id, kind, words.get(1..).unwrap_or_default());
        }
        if let [name] = words.as_slice()
            && let Some(source) = self.names.condition(name)
        {
            return self.condition(node, name, &source);
        }
        let Some((reference, taken)) = names::read(&words, self.names) else {
            return self.unknown_chain(id, &words);
        };
        match self.names.kind(&reference) {
            Ok(kind) => {
                replace(node, words.len() - taken, reference.to_string());
                self.references.insert(reference);
                self.fields(id, kind, words.get(taken..).unwrap_or_default())
            }
            Err(unknown) => self.fault_at("unknown_name", id, unknown.message, unknown.hint),
        }
    }

    fn unknown_chain(&mut self, id: u64, words: &[&str]) -> Kind {
        let written = words.join(".");
        let first = words.first().copied().unwrap_or_default();
        let hint = if ROOTS.contains(&first) {
            Some(format!(
                "after `{first}` a name is missing or wrong; docs/language.md lists what may stand there"
            ))
        } else if self.names.kind(&Reference::Data(first.into())).is_ok() {
            Some(format!("a field is written `data.{first}`"))
        } else if self.names.kind(&Reference::Event(first.into())).is_ok() {
            Some(format!("what the event carries is written `event.{first}`"))
        } else {
            Some(format!(
                "a text stands in quotes: \"{written}\"; names begin with data, event, parent, self, sender, count …"
            ))
        };
        self.fault_at("unknown_name", id, format!("nothing here is called `{written}`"), hint)
    }

    /// A select on something that is not a plain chain of names: `f(x).y`, `has(x.y)`, `list[0].y`.
    fn selected(&mut self, node: &mut IdedExpr) -> Kind {
        let id = node.id;
        let Expr::Select(SelectExpr { operand, field, test }) = &mut node.expr else {
            return Kind::Any;
        };
        if *test {
            return self.fault_at(
                "unsupported_expression",
                id,
                "`has(…)` is not needed: every declared name has a value or is null",
                Some("compare with null: `data.x != null`".into()),
            );
        }
        let field = field.clone();
        let kind = self.expression(operand);
        self.fields(id, kind, &[&field])
    }

    fn fields(&mut self, id: u64, mut kind: Kind, fields: &[&str]) -> Kind {
        for field in fields {
            kind = match &kind {
                Kind::Any => Kind::Any,
                Kind::Record(known) => match known.iter().find(|(name, _)| &**name == *field) {
                    Some((_, kind)) => kind.clone(),
                    None => {
                        let hint = suggestion(field, known.iter().map(|(name, _)| name.as_ref()));
                        return self.fault_at("unknown_name", id, format!("it has no entry `{field}`"), hint);
                    }
                },
                other => {
                    let message = format!("{} has no entries, so `.{field}` means nothing", other.name());
                    return self.fault_at("unknown_name", id, message, None);
                }
            };
        }
        kind
    }

    fn condition(&mut self, node: &mut IdedExpr, name: &str, source: &str) -> Kind {
        let id = node.id;
        if self.depth >= MAX_CONDITIONS {
            let message = format!("the condition `{name}` goes through itself");
            return self.fault_at("condition_cycle", id, message, None);
        }
        let before = self.faults.len();
        let Some((mut tree, places)) = self.parse(source) else {
            // Reported where the condition stands.
            self.faults.truncate(before);
            return Kind::Bool;
        };
        let outer = std::mem::replace(&mut self.places, places);
        self.depth += 1;
        let locals = std::mem::take(&mut self.locals);
        self.expression(&mut tree);
        self.locals = locals;
        self.depth -= 1;
        self.places = outer;
        if let Some(fault) = self.faults.get(before).cloned() {
            self.faults.truncate(before);
            let offset = self.places.offset(id);
            let message = format!("the condition `{name}` cannot be used here: {}", fault.message);
            self.fault(fault.code, offset, message, fault.hint);
        }
        *node = tree;
        Kind::Bool
    }

    fn comprehension(&mut self, id: u64, comprehension: &mut ComprehensionExpr) -> Kind {
        let range = self.expression(&mut comprehension.iter_range);
        let element = match range {
            Kind::List(element) => *element,
            Kind::Any => Kind::Any,
            _ => {
                return self.fault_at(
                    "map_iteration",
                    id,
                    "only lists can be gone through; the order of a map is another at each run",
                    None,
                );
            }
        };
        if comprehension.iter_var2.is_some() {
            return self.fault_at(
                "unsupported_expression",
                id,
                "only one variable may be named here",
                None,
            );
        }
        if ROOTS.contains(&comprehension.iter_var.as_str()) {
            let message = format!("`{}` has a meaning already; take another name", comprehension.iter_var);
            return self.fault_at("unsupported_expression", id, message, None);
        }
        let start = self.expression(&mut comprehension.accu_init);
        let depth = self.locals.len();
        self.locals.push((comprehension.accu_var.clone(), start));
        self.locals.push((comprehension.iter_var.clone(), element));
        self.expression(&mut comprehension.loop_cond);
        let step = self.expression(&mut comprehension.loop_step);
        self.locals.truncate(depth);
        self.locals.push((comprehension.accu_var.clone(), step));
        let result = self.expression(&mut comprehension.result);
        self.locals.truncate(depth);
        result
    }

    fn call(&mut self, node: &mut IdedExpr) -> Kind {
        let id = node.id;
        let Expr::Call(call) = &mut node.expr else {
            return Kind::Any;
        };
        if let Some(unit) = unit(&call.func_name) {
            return self.unit(node, unit);
        }
        match call.func_name.as_str() {
            "min" | "max" => return self.extreme(node),
            "duration" => return self.duration(node),
            _ => {}
        }
        let name = call.func_name.clone();
        let target = call.target.as_mut().map(|target| self.expression(target));
        let arguments: Vec<Kind> = call.args.iter_mut().map(|argument| self.expression(argument)).collect();
        self.result(id, &name, target.as_ref(), &arguments)
    }
}
