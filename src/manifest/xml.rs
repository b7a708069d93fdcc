//! A thin layer over the XML writer: attributes are checked, and elements are closed by construction.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

/// Why a manifest cannot be written as XML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlWriteError {
    /// XML 1.0 cannot carry this character, or an attribute would lose it.
    #[error("{name} cannot hold the character {character:?}")]
    Character {
        /// The attribute or element.
        name: &'static str,
        /// The character.
        character: char,
    },
    /// A value that the schema does not allow.
    #[error("{name} cannot be `{value}`")]
    BadValue {
        /// The attribute.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// The XML writer failed.
    #[error("xml cannot be written: {0}")]
    Xml(String),
}

/// An element that is about to be written.
pub(super) struct Element {
    name: &'static str,
    start: BytesStart<'static>,
    error: Option<XmlWriteError>,
}

impl Element {
    pub(super) fn new(name: &'static str) -> Element {
        Element { name, start: BytesStart::new(name), error: None }
    }

    /// Adds an attribute.
    pub(super) fn with(mut self, name: &'static str, value: impl AsRef<str>) -> Element {
        match checked(name, value.as_ref()) {
            Ok(value) => self.start.push_attribute((name, value)),
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    /// Adds an attribute that is a number.
    pub(super) fn with_number(self, name: &'static str, value: impl Into<u64>) -> Element {
        let value: u64 = value.into();
        self.with(name, value.to_string())
    }

    /// Adds an attribute if there is a value.
    pub(super) fn with_some(self, name: &'static str, value: Option<impl AsRef<str>>) -> Element {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    fn checked(self) -> Result<(&'static str, BytesStart<'static>), XmlWriteError> {
        self.error.map_or(Ok((self.name, self.start)), Err)
    }
}

fn checked<'a>(name: &'static str, value: &'a str) -> Result<&'a str, XmlWriteError> {
    match value.chars().find(|letter| letter.is_control() || matches!(letter, '\u{FFFE}' | '\u{FFFF}')) {
        Some(character) => Err(XmlWriteError::Character { name, character }),
        None => Ok(value),
    }
}

/// Writes elements, indented by one space for each level.
pub(super) struct XmlWriter {
    writer: Writer<Vec<u8>>,
}

impl XmlWriter {
    /// Starts a document.
    pub(super) fn new() -> Result<XmlWriter, XmlWriteError> {
        let mut xml = XmlWriter { writer: Writer::new_with_indent(Vec::with_capacity(4_096), b' ', 1) };
        xml.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        Ok(xml)
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), XmlWriteError> {
        self.writer.write_event(event).map_err(|error| XmlWriteError::Xml(error.to_string()))
    }

    /// An element with what `children` writes into it.
    pub(super) fn element(
        &mut self,
        element: Element,
        children: impl FnOnce(&mut XmlWriter) -> Result<(), XmlWriteError>,
    ) -> Result<(), XmlWriteError> {
        let (name, start) = element.checked()?;
        self.event(Event::Start(start))?;
        children(self)?;
        self.event(Event::End(BytesEnd::new(name)))
    }

    /// An element with nothing in it.
    pub(super) fn empty(&mut self, element: Element) -> Result<(), XmlWriteError> {
        let (_, start) = element.checked()?;
        self.event(Event::Empty(start))
    }

    /// An element with text in it.
    pub(super) fn text(&mut self, element: Element, text: &str) -> Result<(), XmlWriteError> {
        let text = checked(element.name, text)?;
        self.element(element, |xml| xml.event(Event::Text(BytesText::new(text))))
    }

    /// The document.
    pub(super) fn finish(self) -> Result<String, XmlWriteError> {
        let mut bytes = self.writer.into_inner();
        bytes.push(b'\n');
        String::from_utf8(bytes).map_err(|error| XmlWriteError::Xml(error.to_string()))
    }
}
