//! One script of the modules that the page begins with, and one style sheet.
//!
//! Served one by one, some forty modules are as many calls of the function, side by side and one
//! behind the other: on a phone's network seconds, and after a pause as many cold starts. What is
//! fetched later, if at all (a language, the supervisors' dialog), stays a file of its own.
//!
//! The bundlers there are compile for minutes, and every build of the workspace would have to. The
//! modules here need little of them, since they are all written alike: an `import` or `export`
//! begins a line and ends on it, and what is exported never changes its value. What is written
//! otherwise is refused here, with its place.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The module that the page names.
const FIRST: &str = "app.js";
/// The style sheet that takes the others of the page in.
const STYLE: &str = "style.css";
const INDEX: &str = "index.html";
/// What the bundle exports: what each of its modules exports, by its file's name.
const MODULES: &str = "$modules";

type Files = BTreeMap<String, String>;

/// The files as they are served.
pub(crate) fn served(sources: &Files) -> Result<Files, String> {
    let modules = scripts(sources)?;
    let order = order(&modules)?;
    let mut served = Files::new();
    let mut bundle = format!("export const {MODULES} = {{}};\n");
    for name in &order {
        modules[name].add_to(&mut bundle);
    }
    served.insert(FIRST.to_owned(), bundle);
    for (name, module) in &modules {
        if !order.contains(name) {
            served.insert(name.clone(), module.alone(&order));
        }
    }
    for (name, script) in &served {
        let twice = |bundled: &&String| script.contains(&format!("import('./{bundled}')"));
        if let Some(twice) = order.iter().find(twice) {
            return Err(format!("{name}: {twice} is there already"));
        }
    }
    let (index, styles) = styles(source(sources, INDEX)?);
    let mut style = String::new();
    for name in &styles {
        style.push_str(&without_comments(name, source(sources, name)?)?);
    }
    for (name, content) in sources {
        let content = match name.as_str() {
            _ if modules.contains_key(name) => continue,
            INDEX => index.clone(),
            STYLE => style.clone(),
            _ if styles.contains(name) => continue,
            _ if is(name, "css") => without_comments(name, content)?,
            _ => content.clone(),
        };
        served.insert(name.clone(), content);
    }
    Ok(served)
}

fn source<'a>(sources: &'a Files, name: &str) -> Result<&'a str, String> {
    let content = sources.get(name).map(String::as_str);
    content.ok_or_else(|| format!("{name} is missing"))
}

fn is(name: &str, kind: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| end == kind)
}

/// A module, without its comments.
struct Module {
    name: String,
    lines: Vec<Line>,
}

enum Line {
    /// `import { a, b as c } from './x.js'`: what it is bound to, and the file.
    Import {
        bound: Bound,
        from: String,
    },
    /// A declaration that is exported by this name: the line without `export`.
    Export {
        name: String,
        rest: String,
    },
    /// `export default`: what comes behind it.
    Default(String),
    Plain(String),
}

enum Bound {
    /// Some names, as a pattern that takes them out of an object.
    Names(String),
    /// All, under a name.
    All(String),
    /// The default, under a name.
    Default(String),
}

fn scripts(sources: &Files) -> Result<BTreeMap<String, Module>, String> {
    let scripts = sources.iter().filter(|(name, _)| is(name, "js"));
    let module = |(name, content): (&String, &String)| {
        let lines = without_comments(name, content)?;
        let lines = lines.lines().map(|text| {
            line(text).ok_or_else(|| format!("{name}: this is written as no other is: {text}"))
        });
        let module = Module {
            name: name.clone(),
            lines: lines.collect::<Result<_, _>>()?,
        };
        Ok((name.clone(), module))
    };
    scripts.map(module).collect()
}

/// Reads a line; `None` where an import, an export or a text goes on behind it.
fn line(text: &str) -> Option<Line> {
    if text.matches('`').count() % 2 == 1 {
        return None;
    }
    if let Some(import) = text.strip_prefix("import ") {
        let (bound, from) = import.strip_suffix("';")?.split_once(" from './")?;
        let bound = if let Some(names) = bound.strip_prefix('{') {
            Bound::Names(names.strip_suffix('}')?.replace(" as ", ": "))
        } else if let Some(name) = bound.strip_prefix("* as ") {
            Bound::All(name.to_owned())
        } else {
            Bound::Default(identifier(bound).filter(|name| *name == bound)?.to_owned())
        };
        let from = from.to_owned();
        return Some(Line::Import { bound, from });
    }
    let Some(rest) = text.strip_prefix("export ") else {
        return Some(Line::Plain(text.to_owned()));
    };
    if let Some(value) = rest.strip_prefix("default ") {
        return Some(Line::Default(value.to_owned()));
    }
    let kinds = ["const ", "class ", "function ", "async function "];
    let name = kinds.iter().find_map(|kind| rest.strip_prefix(kind))?;
    Some(Line::Export {
        name: identifier(name)?.to_owned(),
        rest: rest.to_owned(),
    })
}

/// The name that a text begins with.
fn identifier(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$'));
    let name = &text[..end.unwrap_or(text.len())];
    (!name.is_empty()).then_some(name)
}

impl Module {
    fn imports(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| match line {
            Line::Import { from, .. } => Some(from.as_str()),
            _ => None,
        })
    }

    /// As a block: its names are its own, and it runs where it stands.
    fn add_to(&self, bundle: &mut String) {
        let name = &self.name;
        let mut exported = Vec::new();
        let mut put = |line: &str| {
            bundle.push_str(line);
            bundle.push('\n');
        };
        put(&format!("{{ // {name}"));
        for line in &self.lines {
            match line {
                Line::Import { bound, from } => put(&bound.out_of_the_bundle(from)),
                Line::Export { name, rest } => {
                    exported.push(name.clone());
                    put(rest);
                }
                Line::Default(value) => {
                    exported.push("default: $default".to_owned());
                    put(&format!("const $default = {value}"));
                }
                Line::Plain(text) => put(text),
            }
        }
        let exported = exported.join(", ");
        put(&format!("{MODULES}['{name}'] = {{ {exported} }};\n}}"));
    }

    /// As a file of its own, with what it imports taken out of the bundle where it is there.
    fn alone(&self, bundled: &[String]) -> String {
        let is_bundled = |name: &str| bundled.iter().any(|bundled| bundled == name);
        let mut alone = String::new();
        if self.imports().any(is_bundled) {
            let _ = writeln!(alone, "import {{ {MODULES} }} from './{FIRST}';");
        }
        for line in &self.lines {
            let line = match line {
                Line::Import { bound, from } if is_bundled(from) => bound.out_of_the_bundle(from),
                Line::Import { bound, from } => {
                    format!("import {} from './{from}';", bound.written())
                }
                Line::Export { rest, .. } => format!("export {rest}"),
                Line::Default(value) => format!("export default {value}"),
                Line::Plain(text) => text.clone(),
            };
            alone.push_str(&line);
            alone.push('\n');
        }
        alone
    }
}

impl Bound {
    fn out_of_the_bundle(&self, from: &str) -> String {
        match self {
            Self::Names(names) => format!("const {{{names}}} = {MODULES}['{from}'];"),
            Self::All(name) => format!("const {name} = {MODULES}['{from}'];"),
            Self::Default(name) => format!("const {name} = {MODULES}['{from}'].default;"),
        }
    }

    fn written(&self) -> String {
        match self {
            Self::Names(names) => format!("{{{}}}", names.replace(": ", " as ")),
            Self::All(name) => format!("* as {name}"),
            Self::Default(name) => name.clone(),
        }
    }
}

/// The modules that the first one needs, each behind those that it needs itself.
fn order(modules: &BTreeMap<String, Module>) -> Result<Vec<String>, String> {
    fn visit(
        modules: &BTreeMap<String, Module>,
        name: &str,
        way: &mut Vec<String>,
        order: &mut Vec<String>,
    ) -> Result<(), String> {
        if order.iter().any(|done| done == name) {
            return Ok(());
        }
        let module = modules.get(name);
        let module = module.ok_or_else(|| format!("{name} is imported, but is not there"))?;
        let again = way.iter().any(|on_it| on_it == name);
        way.push(name.to_owned());
        if again {
            return Err(format!("modules need each other: {}", way.join(" → ")));
        }
        for from in module.imports() {
            visit(modules, from, way, order)?;
        }
        way.pop();
        order.push(name.to_owned());
        Ok(())
    }
    let mut order = Vec::new();
    visit(modules, FIRST, &mut Vec::new(), &mut order)?;
    Ok(order)
}

/// The page with one style sheet, and the style sheets that this one is made of.
fn styles(index: &str) -> (String, Vec<String>) {
    let mut styles = Vec::new();
    let mut page = String::new();
    for line in index.lines() {
        let named = line
            .trim()
            .strip_prefix(r#"<link rel="stylesheet" href="console/"#)
            .and_then(|rest| rest.strip_suffix(r#"">"#));
        styles.extend(named.map(str::to_owned));
        if named.is_none_or(|name| name == STYLE) {
            page.push_str(line);
            page.push('\n');
        }
    }
    (page, styles)
}

/// Leaves out lines that are nothing but a comment, and empty ones: a fifth of it all, and browsers
/// have no use for it.
fn without_comments(name: &str, source: &str) -> Result<String, String> {
    let mut left = String::with_capacity(source.len());
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let text = line.trim();
        if text.is_empty() || (is(name, "js") && text.starts_with("//")) {
            continue;
        }
        let Some(comment) = text.strip_prefix("/*") else {
            left.push_str(line);
            left.push('\n');
            continue;
        };
        // What stands behind a comment counts.
        let mut end = comment.split_once("*/").map(|(_, behind)| behind);
        while end.is_none() {
            let next = lines.next();
            let next = next.ok_or_else(|| format!("{name}: a comment has no end"))?;
            end = next.split_once("*/").map(|(_, behind)| behind);
        }
        let behind = end.unwrap_or_default().trim();
        if !behind.is_empty() {
            left.push_str(behind);
            left.push('\n');
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(scripts: &[(&str, &str)]) -> Files {
        let index = "<link rel=\"stylesheet\" href=\"console/style.css\">\n\
                     <link rel=\"stylesheet\" href=\"console/more.css\">\n<p>\n";
        let others = [
            (INDEX, index),
            (STYLE, "/* Two\n   lines. */\na {}\n"),
            ("more.css", "b {}\n"),
            ("icon.svg", "<svg/>"),
        ];
        let files = others.iter().chain(scripts);
        files
            .map(|(name, content)| ((*name).to_owned(), (*content).to_owned()))
            .collect()
    }

    #[test]
    fn what_the_first_module_needs_is_one_script_and_the_rest_takes_it_out_of_there() {
        let served = served(&page(&[
            (
                "app.js",
                "// First.\nimport { one, two as deux } from './a.js';\nimport * as b from './b.js';\n\
                 import english from './c.js';\nawait one(deux, b, english);\n/** Later. */ import('./late.js');\n",
            ),
            ("a.js", "import { b } from './b.js';\nexport async function one() {}\nexport const two = b;\n"),
            ("b.js", "export class b {}\n"),
            ("c.js", "/**\n * @type {import('./a.js')}\n */\nexport default {\n};\n"),
            (
                "late.js",
                "import { one as un } from './a.js';\nimport { more as plus } from './more.js';\nexport const late = [un, plus];\n",
            ),
            ("more.js", "export const more = 1;\n"),
        ]))
        .unwrap();
        let names: Vec<_> = served.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "app.js",
                "icon.svg",
                "index.html",
                "late.js",
                "more.js",
                "style.css"
            ]
        );
        assert_eq!(
            served["app.js"],
            "export const $modules = {};\n\
             { // b.js\nclass b {}\n$modules['b.js'] = { b };\n}\n\
             { // a.js\nconst { b } = $modules['b.js'];\nasync function one() {}\nconst two = b;\n$modules['a.js'] = { one, two };\n}\n\
             { // c.js\nconst $default = {\n};\n$modules['c.js'] = { default: $default };\n}\n\
             { // app.js\nconst { one, two: deux } = $modules['a.js'];\nconst b = $modules['b.js'];\n\
             const english = $modules['c.js'].default;\nawait one(deux, b, english);\nimport('./late.js');\n$modules['app.js'] = {  };\n}\n"
        );
        assert_eq!(
            served["late.js"],
            "import { $modules } from './app.js';\nconst { one: un } = $modules['a.js'];\n\
             import { more as plus } from './more.js';\nexport const late = [un, plus];\n"
        );
        assert_eq!(served["style.css"], "a {}\nb {}\n");
        assert!(!served["index.html"].contains("more.css"));
    }

    #[test]
    fn what_it_does_not_understand_is_refused() {
        let refused = |scripts: &[(&str, &str)]| served(&page(scripts)).unwrap_err();
        for text in [
            "import {\n  a,\n} from './a.js';",
            "import { a } from 'elsewhere';",
            "export let a = 1;",
            "export { a };",
            "export * from './a.js';",
            "const a = `\n`;",
        ] {
            let said = refused(&[("app.js", text)]);
            assert!(
                said.starts_with("app.js: this is written as no other"),
                "{said}"
            );
        }
        let said = refused(&[("app.js", "import { a } from './a.js';")]);
        assert_eq!(said, "a.js is imported, but is not there");
        let said = refused(&[
            ("app.js", "import { a } from './a.js';"),
            ("a.js", "import { b } from './b.js';"),
            ("b.js", "import { a } from './a.js';"),
        ]);
        assert_eq!(said, "modules need each other: app.js → a.js → b.js → a.js");
        let said = refused(&[("app.js", ""), ("late.js", "await import('./app.js');")]);
        assert_eq!(said, "late.js: app.js is there already");
        assert_eq!(
            refused(&[("app.js", "/* x")]),
            "app.js: a comment has no end"
        );
    }
}
