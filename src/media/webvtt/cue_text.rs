//! The text of a cue: tags and character references (W3C WebVTT §6.4).

/// A run of characters with one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CueText {
    /// The characters; line breaks are `\n`.
    pub text: String,
    /// How they look.
    pub style: Style,
}

/// What tags say of the look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// `<i>`.
    pub italic: bool,
    /// `<b>`.
    pub bold: bool,
    /// `<u>`.
    pub underline: bool,
    /// `<c.white>` and the other default colours (§5.1).
    pub colour: Option<&'static str>,
}

/// The default text colours' classes, which are names of CSS colours as well.
const COLOURS: [&str; 8] = ["white", "lime", "cyan", "red", "yellow", "magenta", "blue", "black"];

/// How deep tags may be nested; deeper ones change nothing.
const MOST_DEPTH: usize = 32;

/// The runs of a cue's text. Tags without a look of their own (voices, languages, ruby, times) are left out, their
/// text is not.
pub fn cue_text(text: &str) -> Vec<CueText> {
    let mut runs: Vec<CueText> = Vec::new();
    let mut open: Vec<(&str, Style)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let style = open.last().map(|(_, style)| *style).unwrap_or_default();
        let end = rest.find('<').unwrap_or(rest.len());
        let (plain, after) = rest.split_at(end);
        if !plain.is_empty() {
            let plain = unescape(plain);
            match runs.last_mut().filter(|run| run.style == style) {
                Some(run) => run.text.push_str(&plain),
                None => runs.push(CueText { text: plain, style }),
            }
        }
        let Some(tag) = after.strip_prefix('<') else { break };
        let (tag, after) = tag.split_once('>').unwrap_or((tag, ""));
        rest = after;
        match tag.strip_prefix('/') {
            Some(name) => {
                if open.last().is_some_and(|(opened, _)| *opened == name.trim()) {
                    open.pop();
                }
            }
            None => {
                let (name, classes) = name_and_classes(tag);
                if open.len() < MOST_DEPTH && matches!(name, "b" | "i" | "u" | "c" | "v" | "lang" | "ruby" | "rt") {
                    open.push((name, tagged(style, name, classes)));
                }
            }
        }
    }
    runs
}

/// `c.yellow.bg_blue annotation` → `c` and `yellow.bg_blue`.
fn name_and_classes(tag: &str) -> (&str, &str) {
    let tag = tag.split([' ', '\t', '\n']).next().unwrap_or_default();
    tag.split_once('.').unwrap_or((tag, ""))
}

fn tagged(mut style: Style, name: &str, classes: &str) -> Style {
    match name {
        "b" => style.bold = true,
        "i" => style.italic = true,
        "u" => style.underline = true,
        _ => {}
    }
    let colour = classes.split('.').find_map(|class| COLOURS.into_iter().find(|colour| *colour == class));
    style.colour = colour.or(style.colour);
    style
}

/// Undoes the character references that WebVTT names, and numeric ones.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        // The longest is `&#1114111;`.
        let end = after.bytes().take(9).position(|byte| byte == b';');
        match end.and_then(|end| Some((character(after.get(..end)?)?, after.get(end + 1..)?))) {
            Some((character, behind)) => {
                plain.push(character);
                rest = behind;
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "nbsp" => Some('\u{A0}'),
        "lrm" => Some('\u{200E}'),
        "rlm" => Some('\u{200F}'),
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str, style: Style) -> CueText {
        CueText { text: text.to_owned(), style }
    }

    #[test]
    fn tags_become_looks_and_references_characters() {
        let plain = Style::default();
        let runs =
            cue_text("<v Anna>Is <i>this<b> it</b></i> &amp; <c.yellow.bg_blue>that</c>?<00:01.000>\nYes&nbsp;&x;");
        assert_eq!(
            runs,
            [
                run("Is ", plain),
                run("this", Style { italic: true, ..plain }),
                run(" it", Style { italic: true, bold: true, ..plain }),
                run(" & ", plain),
                run("that", Style { colour: Some("yellow"), ..plain }),
                run("?\nYes\u{A0}&x;", plain),
            ]
        );
    }

    #[test]
    fn broken_text_keeps_its_characters() {
        assert_eq!(cue_text("a </b>b <"), [run("a b ", Style::default())]);
        assert_eq!(cue_text("&#x41;&#66;&#xFFFFFFF;&"), [run("AB&#xFFFFFFF;&", Style::default())]);
        assert!(cue_text("").is_empty());
        let deep = format!("{}x", "<i>".repeat(10_000));
        assert_eq!(cue_text(&deep), [run("x", Style { italic: true, ..Style::default() })]);
    }
}
