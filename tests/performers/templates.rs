//! The check of templates when a bundle is compiled: each fault with its code and place.

use std::collections::BTreeMap;

use luochui::machine::definition::compile;

use super::world::{papers, shipped};

const LETTER: &str = "templates/documents/letter.typ.hbs";

/// Code, line, column and message of what the compiler says about a template put in place of the letter's.
fn faults(text: &str) -> Vec<(String, u32, u32, String)> {
    faults_of(&[(LETTER, text)])
}

fn faults_of(replaced: &[(&str, &str)]) -> Vec<(String, u32, u32, String)> {
    let mut files: BTreeMap<String, String> = papers();
    for (path, text) in replaced {
        files.insert((*path).to_owned(), (*text).to_owned());
    }
    let Err(found) = compile(&files) else { return Vec::new() };
    found
        .into_iter()
        .map(|fault| {
            assert_eq!(fault.file, replaced[0].0);
            (fault.code.to_owned(), fault.line, fault.column, fault.message)
        })
        .collect()
}

#[test]
fn the_shipped_templates_pass_and_are_all_in_the_bundle() {
    let bundle = shipped();
    for document in bundle.documents.keys() {
        let path = luochui::machine::templates::document_path(document);
        assert!(bundle.files.contains_key(&path), "{path}");
    }
}

#[test]
fn the_platforms_own_mails_parse_and_use_known_words() {
    let bundle = luochui::performers::platform::bundle(0);
    assert_eq!(luochui::machine::templates::check(&bundle), []);
}

#[test]
fn a_wrong_name_is_found_also_where_strict_mode_is_silent() {
    for text in [
        "{{self.data.nam}}",
        "{{#if self.data.nam}}x{{/if}}",
        "{{#unless self.data.name}}x{{else}}{{self.data.nam}}{{/unless}}",
        "{{money self.data.nam}}",
        "{{#if (eq self.data.nam 1)}}x{{/if}}",
        "{{#with self.data}}{{nam}}{{/with}}",
        "{{#with self}}{{../self.data.nam}}{{/with}}",
        "{{#with self.data as |d|}}{{d.nam}}{{/with}}",
        "{{#each self.tags}}{{@root.self.data.nam}}{{/each}}",
    ] {
        let found = faults(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(found[0].0, "template_name", "{text}");
        assert!(found[0].3.contains("`nam`"), "{:?}", found[0]);
    }
    let found = faults("第一行\n  {{self.data.nam}}");
    assert_eq!((found[0].1, found[0].2), (2, 3), "{found:?}");
}

#[test]
fn right_names_pass_in_every_frame() {
    let text = "{{#with self.data as |d|}}{{name}}{{d.amount}}{{@root.now}}{{../document.number}}{{/with}}\
        {{#each self.tags}}{{this}}{{@index}}{{/each}}{{#each records.case as |r i|}}{{r.kind}}{{r.data.any.thing}}{{i}}{{/each}}\
        {{#if (and self.data.name (gt self.data.amount 0))}}{{show self.data.place}}{{title_of self.data.place}}{{/if}}";
    assert_eq!(faults(text), []);
}

#[test]
fn what_is_no_template_is_refused_with_its_place() {
    let cases = [
        ("x\n{{{self.data.name}}}", "template_unescaped", 2),
        ("x\n{{&self.data.name}}", "template_unescaped", 2),
        ("a\n{{#if self.data.name}}b", "template_syntax", 0),
        ("{{moneys self.data.amount}}", "template_word", 1),
        ("{{money}}", "template_word", 1),
        ("{{#money self.data.amount}}{{/money}}", "template_word", 1),
        ("\n{{> nowhere}}", "template_partial", 2),
        ("{{todo.title}}", "template_name", 1),
        ("{{parent.data.name}}", "template_name", 1),
    ];
    for (text, code, line) in cases {
        let found = faults(text);
        assert!(found.iter().any(|fault| fault.0 == code), "{text}: {found:?}");
        assert!(
            line == 0 || found.iter().any(|fault| fault.1 == line),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn a_partial_that_includes_itself_is_refused() {
    let circle = "templates/documents/_circle.typ.hbs";
    let found = faults_of(&[(circle, "{{> _circle}}"), (LETTER, "{{> _circle}}")]);
    assert_eq!(found[0].0, "template_partial", "{found:?}");
}

#[test]
fn a_mail_about_no_todo_has_no_todo_to_name() {
    let found = faults_of(&[("templates/mail/news/body.txt.hbs", "{{todo.title}}")]);
    assert_eq!(found[0].0, "template_name", "{found:?}");
    assert_eq!(
        faults_of(&[("templates/mail/todo_new/body.txt.hbs", "{{todo.title}}{{lot}}")]),
        []
    );
}
