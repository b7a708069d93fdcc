//! The `Authorization` header of digest authentication, RFC 7616 §3.4.

/// Why a header cannot be read; each is a sentence about the header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationProblem {
    /// Another scheme than Digest.
    #[error("the ingest endpoint takes digest authentication only")]
    OtherScheme,
    /// The list of parameters is broken.
    #[error("the authorization header is no list of name=value parameters (RFC 7616 section 3.4)")]
    Syntax,
    /// A parameter came twice.
    #[error("the authorization header has the parameter {0} twice")]
    Twice(&'static str),
    /// A parameter that must be there is not.
    #[error("the authorization header has no parameter {0}")]
    Missing(&'static str),
    /// A parameter with a value that it cannot have.
    #[error("the authorization header has a {0} that is not {1}")]
    BadValue(&'static str, &'static str),
}

/// What a client sent, with quoted strings unquoted and their escapes undone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct DigestAuthorization {
    pub(super) username: String,
    pub(super) realm: String,
    pub(super) nonce: String,
    pub(super) uri: String,
    pub(super) response: String,
    /// As it was sent; empty means MD5.
    pub(super) algorithm: String,
    /// `qop` and what comes with it; `None` for an answer by RFC 2069.
    pub(super) protection: Option<Protection>,
    /// `userhash=true`.
    pub(super) username_is_hashed: bool,
}

/// `qop`, `nc` and `cnonce`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Protection {
    pub(super) qop: String,
    /// The eight hexadecimal digits as they were sent.
    pub(super) nonce_count_text: String,
    pub(super) nonce_count: u32,
    pub(super) client_nonce: String,
}

const NAMES: [&str; 11] =
    ["username", "realm", "nonce", "uri", "response", "algorithm", "qop", "nc", "cnonce", "userhash", "username*"];

impl DigestAuthorization {
    /// Reads a header's value.
    pub(super) fn parse(header: &str) -> Result<Self, AuthorizationProblem> {
        let header = header.trim();
        let (scheme, parameters) = header.split_once([' ', '\t']).unwrap_or((header, ""));
        if !scheme.eq_ignore_ascii_case("digest") {
            return Err(AuthorizationProblem::OtherScheme);
        }
        let mut found: [Option<String>; NAMES.len()] = Default::default();
        let mut rest = parameters.trim_start();
        while !rest.is_empty() {
            let (name, value, after) = next_parameter(rest).ok_or(AuthorizationProblem::Syntax)?;
            rest = after;
            let Some(index) = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)) else { continue };
            let Some(slot) = found.get_mut(index) else { continue };
            if slot.replace(value).is_some() {
                return Err(AuthorizationProblem::Twice(NAMES[index]));
            }
        }
        let [username, realm, nonce, uri, response, algorithm, qop, nc, cnonce, userhash, extended_username] = found;
        if extended_username.is_some() {
            return Err(AuthorizationProblem::BadValue("username*", "supported: send username"));
        }
        let needed = |value: Option<String>, name| value.ok_or(AuthorizationProblem::Missing(name));
        let protection = match qop {
            None => None,
            Some(qop) => {
                let nonce_count_text = needed(nc, "nc")?;
                let is_count =
                    nonce_count_text.len() == 8 && nonce_count_text.bytes().all(|byte| byte.is_ascii_hexdigit());
                let nonce_count = u32::from_str_radix(&nonce_count_text, 16).ok().filter(|_| is_count);
                let nonce_count =
                    nonce_count.ok_or(AuthorizationProblem::BadValue("nc", "eight hexadecimal digits"))?;
                Some(Protection { qop, nonce_count_text, nonce_count, client_nonce: needed(cnonce, "cnonce")? })
            }
        };
        Ok(DigestAuthorization {
            username: needed(username, "username")?,
            realm: needed(realm, "realm")?,
            nonce: needed(nonce, "nonce")?,
            uri: needed(uri, "uri")?,
            response: needed(response, "response")?,
            algorithm: algorithm.unwrap_or_default(),
            protection,
            username_is_hashed: userhash.is_some_and(|value| value.eq_ignore_ascii_case("true")),
        })
    }
}

/// Name and value of the first parameter, and what follows its comma.
fn next_parameter(text: &str) -> Option<(&str, String, &str)> {
    let (name, after_name) = text.split_once('=')?;
    let name = name.trim();
    let is_token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte));
    if !is_token {
        return None;
    }
    let after_name = after_name.trim_start();
    let (value, rest) = match after_name.strip_prefix('"') {
        Some(quoted) => unquote(quoted)?,
        None => {
            let end = after_name.find(',').unwrap_or(after_name.len());
            let value = after_name[..end].trim();
            if value.is_empty() || value.contains(['"', ' ', '\t']) {
                return None;
            }
            (value.to_owned(), &after_name[end..])
        }
    };
    let rest = rest.trim_start();
    match rest.strip_prefix(',') {
        // A comma at the end is no fault (RFC 9110 §5.6.1.2).
        Some(rest) => Some((name, value, rest.trim_start_matches([' ', '\t', ',']))),
        None if rest.is_empty() => Some((name, value, rest)),
        None => None,
    }
}

/// The text of a quoted string whose first quote was taken, and what follows its last.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            _ => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC_7616: &str = r#"Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html",
        algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001,
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth,
        response="8ca523f5e9506fed4657c9700eebdbec", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#;

    #[test]
    fn the_example_of_rfc_7616_is_read() {
        let read = DigestAuthorization::parse(&RFC_7616.replace('\n', "")).unwrap();
        assert_eq!(read.username, "Mufasa");
        assert_eq!(read.uri, "/dir/index.html");
        assert_eq!(read.algorithm, "MD5");
        let protection = read.protection.unwrap();
        assert_eq!((protection.qop.as_str(), protection.nonce_count), ("auth", 1));
    }

    #[test]
    fn escapes_in_quoted_strings_are_undone_and_quoted_tokens_accepted() {
        let read = DigestAuthorization::parse(
            r#"DIGEST username="a\"b\\c, nc=9",realm="r",nonce="n",uri="/",response="x",qop="auth",nc=0000000A,cnonce="","#,
        )
        .unwrap();
        assert_eq!(read.username, r#"a"b\c, nc=9"#);
        assert_eq!(read.protection.map(|protection| protection.nonce_count), Some(10));
    }

    #[test]
    fn broken_headers_are_refused_with_their_rule() {
        let whole = r#"Digest username="u",realm="r",nonce="n",uri="/",response="x""#;
        assert!(DigestAuthorization::parse(whole).is_ok());
        for (header, problem) in [
            ("Basic dTpw".to_owned(), AuthorizationProblem::OtherScheme),
            ("Digest".to_owned(), AuthorizationProblem::Missing("username")),
            (whole.replace(r#""n""#, r#""n"#), AuthorizationProblem::Syntax),
            (whole.replace(r#""n""#, ""), AuthorizationProblem::Syntax),
            (format!("{whole} x"), AuthorizationProblem::Syntax),
            (format!("{whole}, nonce=\"m\""), AuthorizationProblem::Twice("nonce")),
            (format!("{whole}, qop=auth, cnonce=\"c\""), AuthorizationProblem::Missing("nc")),
            (format!("{whole}, qop=auth, nc=00000001"), AuthorizationProblem::Missing("cnonce")),
            (
                format!("{whole}, qop=auth, nc=+0000001, cnonce=\"c\""),
                AuthorizationProblem::BadValue("nc", "eight hexadecimal digits"),
            ),
            (
                format!("{whole}, qop=auth, nc=1, cnonce=\"c\""),
                AuthorizationProblem::BadValue("nc", "eight hexadecimal digits"),
            ),
        ] {
            assert_eq!(DigestAuthorization::parse(&header), Err(problem), "{header}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_answered(text in r#"Digest ([a-z*]{1,8}|[=," \\]|nc|é|\t){0,40}"#) {
            let _ = DigestAuthorization::parse(&text);
        }

        #[test]
        fn a_quoted_value_comes_back_whatever_is_in_it(value in "\\PC{0,40}") {
            let quoted = value.replace('\\', r"\\").replace('"', r#"\""#);
            let header = format!(r#"Digest realm="r",username="{quoted}",nonce=n,uri="/",response=x"#);
            proptest::prop_assert_eq!(DigestAuthorization::parse(&header).unwrap().username, value);
        }
    }
}
