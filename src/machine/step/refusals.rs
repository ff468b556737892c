//! Refusals by their codes: the bundle's sentence, or else the program's own. Must not decide when something is refused.

use super::types::Refusal;
use crate::machine::definition::model::Bundle;
use crate::machine::value::Map;

/// What a person is told where the bundle says nothing itself.
const SENTENCES: [(&str, &str); 17] = [
    ("forbidden", "您无权办理此事项"),
    ("not_now", "现在不能办理此事项"),
    ("suspended", "项目已中止，暂不受理"),
    ("unknown_event", "没有这一事项"),
    ("unknown_instance", "没有这一项目"),
    ("invalid", "填写的内容不符合要求"),
    ("digest_mismatch", "签署的文件与现行文件不一致"),
    ("seal_required", "此文件须加盖电子签章"),
    ("already_started", "您已经办理过此事项"),
    ("already_open", "您已有一件尚未结束，结束后才能再开"),
    ("todo_closed", "此待办已经办结"),
    ("todo_claimed", "此待办已由他人认领"),
    ("same_person", "同一人不能既办理又审核"),
    ("interested_party", "与此事项有利害关系的人不能办理"),
    ("ended", "已经结束，不再受理"),
    ("session_full", "所选时段的场次已排满"),
    ("late", "在截止之前到达，但平台未能及时处理，因此没有计入"),
];

/// A refusal with the sentence that the bundle, or else the program, has for its code.
pub fn refusal(bundle: &Bundle, code: &str) -> Refusal {
    let own = bundle.refusals.get(code).map(String::as_str);
    let general = || {
        SENTENCES
            .iter()
            .find(|(known, _)| *known == code)
            .map(|(_, text)| *text)
    };
    Refusal {
        code: code.into(),
        text: own.or_else(general).unwrap_or(code).to_owned(),
        tell: Map::new(),
    }
}

/// The refusal `invalid`: which field, and why.
pub(super) fn invalid(bundle: &Bundle, field: &str, why: &str) -> Refusal {
    Refusal {
        text: format!("{field}：{why}"),
        ..refusal(bundle, "invalid")
    }
}
