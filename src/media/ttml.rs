//! Cues → TTML: EBU-TT-D (EBU Tech 3380) for DASH, and the same for whoever takes DFXP.

use std::fmt::Write;

use super::webvtt::{Cue, Style, cue_text, format_time};

/// A TTML document of some cues, whose times are milliseconds on the document's time line.
///
/// What WebVTT says of a cue's place is kept as far as three lines of regions go: at the top, in the middle, at the
/// bottom; alignment, weight, slant, underline and the default colours are kept as they are.
pub fn document(cues: &[Cue], language: Option<&str>) -> String {
    let mut text = String::with_capacity(HEAD.len() + cues.len() * 160 + 256);
    text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str("<tt xmlns=\"http://www.w3.org/ns/ttml\" xmlns:ttp=\"http://www.w3.org/ns/ttml#parameter\" ");
    text.push_str("xmlns:tts=\"http://www.w3.org/ns/ttml#styling\" ttp:timeBase=\"media\" ");
    text.push_str("ttp:cellResolution=\"32 15\" xml:lang=\"");
    escape_into(&mut text, language.unwrap_or(""));
    text.push_str("\">\n");
    text.push_str(HEAD);
    for cue in cues {
        let placement = Placement::of(&cue.settings);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "<p begin=\"{}\" end=\"{}\" region=\"{}\" style=\"{}\">",
            format_time(cue.start),
            format_time(cue.end),
            placement.region,
            placement.alignment
        );
        for run in cue_text(&cue.text) {
            write_run(&mut text, &run.text, run.style);
        }
        text.push_str("</p>\n");
    }
    text.push_str("</div></body>\n</tt>\n");
    text
}

/// Everything between the root element and the first paragraph.
const HEAD: &str = "<head><styling>\
<style xml:id=\"text\" tts:fontFamily=\"proportionalSansSerif\" tts:fontSize=\"100%\" tts:lineHeight=\"normal\" \
tts:color=\"#FFFFFFFF\" tts:backgroundColor=\"#00000000\"/>\
<style xml:id=\"box\" tts:backgroundColor=\"#000000C2\"/>\
<style xml:id=\"start\" tts:textAlign=\"start\"/>\
<style xml:id=\"center\" tts:textAlign=\"center\"/>\
<style xml:id=\"end\" tts:textAlign=\"end\"/>\
<style xml:id=\"left\" tts:textAlign=\"left\"/>\
<style xml:id=\"right\" tts:textAlign=\"right\"/>\
<style xml:id=\"italic\" tts:fontStyle=\"italic\"/>\
<style xml:id=\"bold\" tts:fontWeight=\"bold\"/>\
<style xml:id=\"underline\" tts:textDecoration=\"underline\"/>\
<style xml:id=\"white\" tts:color=\"#FFFFFFFF\"/>\
<style xml:id=\"lime\" tts:color=\"#00FF00FF\"/>\
<style xml:id=\"cyan\" tts:color=\"#00FFFFFF\"/>\
<style xml:id=\"red\" tts:color=\"#FF0000FF\"/>\
<style xml:id=\"yellow\" tts:color=\"#FFFF00FF\"/>\
<style xml:id=\"magenta\" tts:color=\"#FF00FFFF\"/>\
<style xml:id=\"blue\" tts:color=\"#0000FFFF\"/>\
<style xml:id=\"black\" tts:color=\"#000000FF\"/>\
</styling><layout>\
<region xml:id=\"top\" tts:origin=\"10% 10%\" tts:extent=\"80% 80%\" tts:displayAlign=\"before\"/>\
<region xml:id=\"middle\" tts:origin=\"10% 10%\" tts:extent=\"80% 80%\" tts:displayAlign=\"center\"/>\
<region xml:id=\"bottom\" tts:origin=\"10% 10%\" tts:extent=\"80% 80%\" tts:displayAlign=\"after\"/>\
</layout></head>\n<body style=\"text\"><div>\n";

/// Where a cue is and how its lines are aligned: names of a region and a style in [`HEAD`].
struct Placement {
    region: &'static str,
    alignment: &'static str,
}

impl Placement {
    /// From cue settings (W3C WebVTT §4.4).
    fn of(settings: &str) -> Placement {
        let mut placement = Placement { region: "bottom", alignment: "center" };
        for setting in settings.split_ascii_whitespace() {
            match setting.split_once(':') {
                Some(("line", value)) => {
                    let value = value.split(',').next().unwrap_or_default();
                    placement.region = match value.strip_suffix('%') {
                        Some(percent) => match leading_number(percent) {
                            Some(percent) if percent < 34 => "top",
                            Some(percent) if percent < 67 => "middle",
                            _ => "bottom",
                        },
                        // Lines count from the top; negative ones from the bottom. There are fifteen.
                        None => match leading_number(value) {
                            Some(line) if line < 5 => "top",
                            Some(line) if line < 10 => "middle",
                            _ => "bottom",
                        },
                    };
                }
                Some(("align", value)) => {
                    placement.alignment = match value {
                        "start" => "start",
                        "end" => "end",
                        "left" => "left",
                        "right" => "right",
                        _ => "center",
                    };
                }
                _ => {}
            }
        }
        placement
    }
}

/// The whole part of a number that is not negative.
fn leading_number(text: &str) -> Option<u32> {
    text.split('.').next()?.parse().ok()
}

fn write_run(to: &mut String, text: &str, style: Style) {
    let mut names = vec!["box"];
    names.extend(style.italic.then_some("italic"));
    names.extend(style.bold.then_some("bold"));
    names.extend(style.underline.then_some("underline"));
    names.extend(style.colour);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            to.push_str("<br/>");
        }
        if !line.is_empty() {
            let _ = write!(to, "<span style=\"{}\">", names.join(" "));
            escape_into(to, line);
            to.push_str("</span>");
        }
    }
}

/// Escapes markup; characters that XML 1.0 cannot have become replacement characters.
fn escape_into(to: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => to.push_str("&amp;"),
            '<' => to.push_str("&lt;"),
            '>' => to.push_str("&gt;"),
            '"' => to.push_str("&quot;"),
            '\t' => to.push('\t'),
            '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => to.push('\u{FFFD}'),
            letter => to.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cues_become_paragraphs() {
        let cue = Cue {
            identifier: None,
            start: 1_000,
            end: 3_723_004,
            settings: "line:10% align:left".to_owned(),
            text: "a <i>b</i>\n<c.red>\"&lt;\"</c>\u{1}".to_owned(),
        };
        let document = document(&[cue], Some("deu"));
        let paragraph = "<p begin=\"00:00:01.000\" end=\"01:02:03.004\" region=\"top\" style=\"left\">\
            <span style=\"box\">a </span><span style=\"box italic\">b</span><br/>\
            <span style=\"box red\">&quot;&lt;&quot;</span><span style=\"box\">\u{FFFD}</span></p>";
        assert!(document.contains(paragraph), "{document}");
        assert!(document.contains("xml:lang=\"deu\""));
    }

    #[test]
    fn every_name_that_is_used_is_defined() {
        for name in ["top", "middle", "bottom", "start", "center", "end", "left", "right", "box", "italic", "bold"] {
            assert!(HEAD.contains(&format!("xml:id=\"{name}\"")), "{name}");
        }
        for colour in ["white", "lime", "cyan", "red", "yellow", "magenta", "blue", "black", "underline"] {
            assert!(HEAD.contains(&format!("xml:id=\"{colour}\"")), "{colour}");
        }
    }

    #[test]
    fn a_place_is_kept_by_thirds() {
        for (settings, region) in [
            ("", "bottom"),
            ("line:0", "top"),
            ("line:7", "middle"),
            ("line:-1", "bottom"),
            ("line:50.5%,start", "middle"),
            ("line:x", "bottom"),
        ] {
            assert_eq!(Placement::of(settings).region, region, "{settings}");
        }
    }
}
