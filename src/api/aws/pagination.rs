//! Pages of lists: `maxResults`, `nextToken`, in order of creation.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{ApiError, QueryParameters};

/// How many items a page has when the client does not say.
const DEFAULT_PAGE: usize = 50;

/// Where an item stands in a list: by time of creation, then by id, so that a page boundary stays where it is
/// when items come and go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// When it was created, in nanoseconds since 1970.
    pub created_nanoseconds: i128,
    /// Its id.
    pub id: String,
}

/// Which page a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    list: &'static str,
    most: usize,
    after: Option<Position>,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Its items.
    pub items: Vec<T>,
    /// Where the next page starts; absent on the last.
    pub next_token: Option<String>,
}

impl PageRequest {
    /// Reads `maxResults` (1 to 1000) and `nextToken`, which must come from the list of this name.
    pub fn from_query(list: &'static str, query: &QueryParameters) -> Result<Self, ApiError> {
        let most = match query.first("maxResults") {
            None => DEFAULT_PAGE,
            Some(text) => text
                .parse()
                .ok()
                .filter(|most| (1..=1000).contains(most))
                .ok_or_else(|| ApiError::invalid("maxResults", "an integer between 1 and 1000", text))?,
        };
        let after = match query.first("nextToken") {
            None => None,
            Some(token) => Some(
                position(list, token)
                    .ok_or_else(|| ApiError::invalid("nextToken", "a token from an answer of this operation", token))?,
            ),
        };
        Ok(PageRequest { list, most, after })
    }

    /// Cuts the page out of all items.
    pub fn cut<T>(&self, items: impl IntoIterator<Item = (Position, T)>) -> Page<T> {
        let mut rest: Vec<_> = items
            .into_iter()
            .filter(|(position, _)| self.after.as_ref().is_none_or(|after| position > after))
            .collect();
        rest.sort_by(|(one, _), (other, _)| one.cmp(other));
        let is_last = rest.len() <= self.most;
        rest.truncate(self.most);
        let next_token = if is_last { None } else { rest.last().map(|(position, _)| token(self.list, position)) };
        Page { items: rest.into_iter().map(|(_, item)| item).collect(), next_token }
    }
}

fn token(list: &str, position: &Position) -> String {
    URL_SAFE_NO_PAD.encode(format!("{list}:{}:{}", position.created_nanoseconds, position.id))
}

fn position(list: &str, token: &str) -> Option<Position> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (created, id) = text.strip_prefix(list)?.strip_prefix(':')?.split_once(':')?;
    Some(Position { created_nanoseconds: created.parse().ok()?, id: id.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> QueryParameters {
        QueryParameters(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn items(ids: std::ops::Range<i128>) -> Vec<(Position, i128)> {
        ids.map(|number| (Position { created_nanoseconds: number / 2, id: format!("{number:03}") }, number)).collect()
    }

    #[test]
    fn pages_cover_a_list_once_in_order_of_creation_while_items_come_and_go() {
        let mut seen = Vec::new();
        let first = PageRequest::from_query("channels", &query(&[("maxResults", "2")])).unwrap();
        let page = first.cut(items(0..5).into_iter().rev());
        seen.extend(page.items);
        let token = page.next_token.unwrap();
        let second =
            PageRequest::from_query("channels", &query(&[("maxResults", "2"), ("nextToken", &token)])).unwrap();
        let page = second.cut(items(1..6));
        seen.extend(page.items);
        let token = page.next_token.unwrap();
        let third = PageRequest::from_query("channels", &query(&[("maxResults", "2"), ("nextToken", &token)])).unwrap();
        let page = third.cut(items(1..6));
        seen.extend(page.items);
        assert_eq!((seen, page.next_token), (vec![0, 1, 2, 3, 4, 5], None));
    }

    #[test]
    fn a_page_that_ends_with_the_list_has_no_token() {
        let request = PageRequest::from_query("channels", &query(&[("maxResults", "5")])).unwrap();
        assert_eq!(request.cut(items(0..5)).next_token, None);
    }

    #[test]
    fn page_sizes_outside_1_to_1000_and_foreign_tokens_are_refused() {
        for most in ["0", "1001", "-1", "ten", "1.5"] {
            let error = PageRequest::from_query("channels", &query(&[("maxResults", most)])).unwrap_err();
            assert!(error.message.contains("maxResults") && error.message.contains(most), "{error}");
        }
        let foreign = token("originEndpoints", &Position { created_nanoseconds: 1, id: "x".into() });
        for token in ["!", "AAAA", foreign.as_str()] {
            assert!(PageRequest::from_query("channels", &query(&[("nextToken", token)])).is_err(), "{token}");
        }
    }
}
