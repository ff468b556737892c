//! Completes a snapshot with what is looked up when an effect is performed: names of parties, entries of public records.
//! Must not change what the snapshot says: a document asked for yesterday prints yesterday's data.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use crate::identity::Kind;
use crate::machine::definition::model::{Bundle, Type};
use crate::machine::roles::CENTRE;
use crate::store::name_rows::{Named, names_of};
use crate::store::record_rows::records_after;
use crate::store::{Connection, StoreError};

/// The most entries of one record that a document prints.
const MOST_ENTRIES: i64 = 100_000;

/// What the trading centre is called where no organisation of its code is registered.
const CENTRE_NAME: &str = "公共资源交易中心";

/// Adds `names`: by id, what is known of every party, organisation and file that the snapshot mentions.
///
/// # Errors
/// A failing database.
pub fn add_names(conn: &mut Connection, bundle: &Bundle, context: &mut Json) -> Result<(), StoreError> {
    let mut ids = BTreeSet::from([CENTRE.to_owned()]);
    for portrait in portraits(context) {
        collect_ids(bundle, portrait, &mut ids);
    }
    let ids: Vec<String> = ids.into_iter().collect();
    let mut names = Map::new();
    names.insert(
        CENTRE.into(),
        json!({"name": CENTRE_NAME, "code": "", "public_name": CENTRE_NAME}),
    );
    for named in names_of(conn, &ids)? {
        let (id, known) = describe(named);
        names.insert(id, known);
    }
    context["names"] = Json::Object(names);
    Ok(())
}

/// Adds `records`: for the instance and each machine of its children, what was entered in the public records up to `at`.
///
/// # Errors
/// A failing database.
pub fn add_records(conn: &mut Connection, context: &mut Json, at: i64) -> Result<(), StoreError> {
    let mut records: Map<String, Json> = Map::new();
    let children = context["children"].as_object().into_iter().flatten();
    for (machine, instances) in children {
        records.insert(machine.clone(), json!([]));
        for instance in instances.as_array().into_iter().flatten() {
            add_record(conn, &mut records, instance, at)?;
        }
    }
    add_record(conn, &mut records, &context["self"], at)?;
    context["records"] = Json::Object(records);
    Ok(())
}

fn add_record(
    conn: &mut Connection,
    records: &mut Map<String, Json>,
    instance: &Json,
    at: i64,
) -> Result<(), StoreError> {
    let (Some(id), Some(machine)) = (instance["id"].as_str(), instance["machine"].as_str()) else {
        return Ok(());
    };
    let entries = records.entry(machine).or_insert_with(|| json!([]));
    let mut counts = std::collections::BTreeMap::<String, i64>::new();
    for row in records_after(conn, id, 0, MOST_ENTRIES)?
        .into_iter()
        .filter(|row| row.at <= at)
    {
        let ordinal = counts.entry(row.kind.clone()).or_default();
        *ordinal += 1;
        let data: Json = serde_json::from_str(&row.data)?;
        let entry = json!({"instance": id, "ordinal": *ordinal, "kind": row.kind, "at": row.at, "data": data});
        if let Some(entries) = entries.as_array_mut() {
            entries.push(entry);
        }
    }
    Ok(())
}

fn portraits(context: &Json) -> Vec<&Json> {
    let lists = context["children"].as_object().into_iter().flatten();
    let children = lists.filter_map(|(_, list)| list.as_array()).flatten();
    let own = ["self", "parent", "root"].map(|name| &context[name]);
    own.into_iter().chain(children).collect()
}

fn collect_ids(bundle: &Bundle, portrait: &Json, ids: &mut BTreeSet<String>) {
    ids.extend(portrait["owner"].as_str().map(str::to_owned));
    let machine = portrait["machine"].as_str();
    let Some(machine) = machine.and_then(|name| bundle.machines.get(name)) else {
        return;
    };
    for field in &machine.data {
        collect_typed(&field.kind, &portrait["data"][&*field.name], ids);
    }
}

fn collect_typed(kind: &Type, value: &Json, ids: &mut BTreeSet<String>) {
    match kind {
        Type::Organisation | Type::Party | Type::File => ids.extend(value.as_str().map(str::to_owned)),
        Type::Files => {
            let files = value.as_array().into_iter().flatten();
            ids.extend(files.filter_map(Json::as_str).map(str::to_owned));
        }
        Type::List { columns, .. } => {
            for row in value.as_array().into_iter().flatten() {
                columns
                    .iter()
                    .for_each(|(name, kind)| collect_typed(kind, &row[&**name], ids));
            }
        }
        Type::Form(fields) => {
            fields
                .iter()
                .for_each(|field| collect_typed(&field.kind, &value[&*field.name], ids));
        }
        _ => {}
    }
}

fn describe(named: Named) -> (String, Json) {
    match named {
        Named::Party {
            id,
            kind,
            code,
            name,
            phone,
            address,
        } => {
            let public = match Kind::parse(&kind) {
                Some(Kind::Person) => masked(&name),
                _ => name.clone(),
            };
            let known = json!({
                "name": name, "public_name": public, "code": code, "phone": phone.unwrap_or_default(),
                "address": address.unwrap_or_default(),
            });
            (id, known)
        }
        Named::Organisation { code, name } => {
            let known = json!({"name": name, "public_name": name, "code": code});
            (code, known)
        }
        Named::File { id, name } => (id, json!({"name": name})),
    }
}

/// A natural person's name as results publish it: the family name, and a star for each further character.
fn masked(name: &str) -> String {
    let mut shown = name.chars();
    let first: String = shown.next().into_iter().collect();
    first + &shown.map(|_| '*').collect::<String>()
}

/// What the trade is about, in one line: the first listed text of its root instance, else the root machine's title.
pub fn lot(bundle: &Bundle, context: &Json) -> String {
    let root = &context["root"];
    let machine = root["machine"].as_str().and_then(|name| bundle.machines.get(name));
    let listed = machine.into_iter().flat_map(|machine| &machine.data);
    let mut texts = listed
        .filter(|field| field.listed && field.kind == Type::Text)
        .filter_map(|field| root["data"][&*field.name].as_str())
        .filter(|text| !text.is_empty());
    let title = root["title"].as_str().unwrap_or_default();
    texts.next().unwrap_or(title).to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_the_family_name_is_published() {
        assert_eq!(super::masked("张三"), "张*");
        assert_eq!(super::masked("欧阳小明"), "欧***");
    }
}
