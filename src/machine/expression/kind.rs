//! The types of expressions, as our checker sees them. CEL itself has none for money or time.
//! Must not know CEL's syntax tree.

use super::super::definition::model::Type;
use super::super::value::Name;

/// The type of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Int,
    /// The literal 0, which is also an amount, a time and a duration of nothing.
    Zero,
    /// Fen.
    Money,
    /// Milliseconds since 1970.
    Time,
    /// Milliseconds.
    Duration,
    Text,
    /// A text such as `7 workdays`.
    Period,
    /// A text that is one of these; a literal has itself as the only option.
    Options(Vec<Name>),
    List(Box<Kind>),
    Record(Vec<(Name, Kind)>),
    /// Not known before it runs: the payload of an event that several machines send.
    Any,
}

impl Kind {
    /// The kind in the words of a message.
    pub fn name(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Bool => "bool".into(),
            Self::Int | Self::Zero => "int".into(),
            Self::Money => "money".into(),
            Self::Time => "time".into(),
            Self::Duration => "duration".into(),
            Self::Text => "text".into(),
            Self::Period => "period".into(),
            Self::Options(options) => match options.as_slice() {
                [one] => format!("the text \"{one}\""),
                _ => "an enumeration".into(),
            },
            Self::List(inner) => format!("a list of {}", inner.name()),
            Self::Record(_) => "a record".into(),
            Self::Any => "any".into(),
        }
    }

    /// True for what texts are compared with.
    pub fn is_textual(&self) -> bool {
        matches!(self, Self::Text | Self::Period | Self::Options(_) | Self::Any)
    }

    /// True for what a condition may be.
    pub fn is_bool(&self) -> bool {
        matches!(self, Self::Bool | Self::Any)
    }

    /// True for what can be ordered and reckoned with.
    pub fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Int | Self::Zero | Self::Money | Self::Time | Self::Duration | Self::Any
        )
    }

    /// True where adding many of them makes sense: not times.
    pub fn is_summed(&self) -> bool {
        self.is_number() && *self != Self::Time
    }

    /// True where a value of this type may stand where `wanted` is asked for.
    pub fn fits(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Any | Self::Null, _) | (_, Self::Any) => true,
            (Self::Zero, other) => other.is_number(),
            (Self::Options(_), Self::Text) | (Self::Period, Self::Text) => true,
            (Self::Options(mine), Self::Options(theirs)) => mine.iter().all(|option| theirs.contains(option)),
            (Self::Options(mine), Self::Period) => mine
                .iter()
                .all(|option| option.parse::<crate::machine::period::Period>().is_ok()),
            (Self::List(mine), Self::List(theirs)) => mine.fits(theirs),
            (Self::Record(mine), Self::Record(theirs)) => mine
                .iter()
                .all(|(name, kind)| theirs.iter().any(|(other, wanted)| other == name && kind.fits(wanted))),
            (mine, theirs) => mine == theirs,
        }
    }

    /// The type of either of two, where they can stand for each other.
    pub fn join(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Options(mine), Self::Options(theirs)) => {
                let mut all = mine.clone();
                all.extend(theirs.iter().filter(|option| !mine.contains(option)).cloned());
                Some(Self::Options(all))
            }
            (Self::List(mine), Self::List(theirs)) => mine.join(theirs).map(|inner| Self::List(Box::new(inner))),
            _ if self.fits(other) => Some(if matches!(other, Self::Null) {
                self.clone()
            } else {
                other.clone()
            }),
            _ if other.fits(self) => Some(self.clone()),
            _ => None,
        }
    }

    /// True where `==` between the two can ever hold.
    pub fn comparable(&self, other: &Self) -> bool {
        if self.is_textual() && other.is_textual() {
            return match (self, other) {
                (Self::Options(mine), Self::Options(theirs)) => mine.iter().any(|option| theirs.contains(option)),
                _ => true,
            };
        }
        self.fits(other) || other.fits(self)
    }
}

impl From<&Type> for Kind {
    fn from(kind: &Type) -> Self {
        match kind {
            Type::Money => Self::Money,
            Type::Int => Self::Int,
            Type::Bool => Self::Bool,
            Type::Time => Self::Time,
            Type::Duration => Self::Duration,
            Type::Period => Self::Period,
            Type::Text | Type::Rich | Type::File | Type::Key(_) | Type::Organisation | Type::Party => Self::Text,
            Type::Files => Self::List(Box::new(Self::Text)),
            Type::Enumeration(options) => Self::Options(options.clone()),
            Type::List { columns, .. } => Self::List(Box::new(Self::Record(
                columns.iter().map(|(name, kind)| (name.clone(), kind.into())).collect(),
            ))),
            Type::Form(fields) => Self::Record(
                fields
                    .iter()
                    .map(|field| (field.name.clone(), (&field.kind).into()))
                    .collect(),
            ),
        }
    }
}
