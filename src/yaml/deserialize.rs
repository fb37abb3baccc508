//! A serde deserializer over the tree that answers `At<T>` with the place, and whose errors say which node they are about.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::tree::{Entry, Node, Sort, Value};
use crate::diagnostic::{AT_FIELDS, AT_STRUCT, Span};

/// What a type refused, and where.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The type's own words.
    pub message: String,
    /// The innermost node that was being read.
    pub span: Option<Span>,
    /// Position of each entry or item from the innermost node up to the root.
    pub path: Vec<usize>,
}

impl Refusal {
    fn under(mut self, index: usize, span: Span) -> Self {
        self.span.get_or_insert(span);
        self.path.push(index);
        self
    }
}
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
impl std::error::Error for Refusal {}
impl de::Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Refusal { message: message.to_string(), span: None, path: Vec::new() }
    }
}

/// Reads a node.
#[derive(Clone, Copy)]
pub(super) struct Reader<'n>(pub &'n Node);

macro_rules! forward {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
            self.deserialize_any(visitor)
        }
    )* };
}
/// Text as text: the schema has decided whether a number may stand here; its exact digits are kept.
macro_rules! as_text {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
            match &self.0.value {
                Value::Scalar { text, sort } if *sort != Sort::Null => visitor.visit_str(text),
                _ => self.deserialize_any(visitor),
            }
        }
    )* };
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match &self.0.value {
            Value::Scalar { text, sort } => match *sort {
                Sort::Null => visitor.visit_unit(),
                Sort::Bool(truth) => visitor.visit_bool(truth),
                Sort::Whole(number) => match (u64::try_from(number), i64::try_from(number)) {
                    (Ok(number), _) => visitor.visit_u64(number),
                    (Err(_), Ok(number)) => visitor.visit_i64(number),
                    (Err(_), Err(_)) => visitor.visit_i128(number),
                },
                Sort::Real(number) => visitor.visit_f64(number),
                Sort::NotFinite => Err(de::Error::custom("the number is not finite")),
                Sort::Text => visitor.visit_str(text),
            },
            Value::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Value::Map(entries) => visitor.visit_map(Entries { entries, next: 0 }),
            Value::Broken => Err(de::Error::custom("this value is not right")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match &self.0.value {
            Value::Scalar { sort: Sort::Null, .. } => visitor.visit_none(),
            Value::Scalar { .. } | Value::List(_) | Value::Map(_) | Value::Broken => visitor.visit_some(self),
        }
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_struct<V: Visitor<'de>>(self, name: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Refusal> {
        if name == AT_STRUCT { visitor.visit_map(Placed::new(Inner::Node(self), self.0.span)) } else { self.deserialize_any(visitor) }
    }
    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Refusal> {
        match &self.0.value {
            Value::Scalar { text, sort: Sort::Text } => visitor.visit_enum(text.as_str().into_deserializer()),
            Value::Map(entries) if entries.len() == 1 => match entries.first() {
                Some(entry) => visitor.visit_enum(Variant(entry)),
                None => self.deserialize_any(visitor),
            },
            Value::Scalar { .. } | Value::List(_) | Value::Map(_) | Value::Broken => self.deserialize_any(visitor),
        }
    }
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_unit()
    }
    as_text! { deserialize_str deserialize_string deserialize_identifier deserialize_char }
    forward! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8 deserialize_u16
        deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_bytes deserialize_byte_buf
        deserialize_unit deserialize_seq deserialize_map
    }
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_any(visitor)
    }
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_any(visitor)
    }
    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, _: usize, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_any(visitor)
    }
}

/// A map key: text with a place.
#[derive(Clone, Copy)]
struct KeyReader<'n>(&'n Entry);

impl<'de> Deserializer<'de> for KeyReader<'_> {
    type Error = Refusal;
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_str(&self.0.key)
    }
    fn deserialize_struct<V: Visitor<'de>>(self, name: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Refusal> {
        if name == AT_STRUCT { visitor.visit_map(Placed::new(Inner::Key(self), self.0.key_span)) } else { self.deserialize_any(visitor) }
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_enum(self.0.key.as_str().into_deserializer())
    }
    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map
        identifier ignored_any
    }
}

struct Items<'n> {
    items: &'n [Node],
    next: usize,
}
impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Refusal;
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refusal> {
        let index = self.next;
        let Some(item) = self.items.get(index) else { return Ok(None) };
        self.next += 1;
        seed.deserialize(Reader(item)).map(Some).map_err(|refusal| refusal.under(index, item.span))
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

struct Entries<'n> {
    entries: &'n [Entry],
    next: usize,
}
impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Refusal;
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refusal> {
        let index = self.next;
        let Some(entry) = self.entries.get(index) else { return Ok(None) };
        self.next += 1;
        seed.deserialize(KeyReader(entry)).map(Some).map_err(|refusal| refusal.under(index, entry.key_span))
    }
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refusal> {
        let index = self.next.saturating_sub(1);
        let Some(entry) = self.entries.get(index) else {
            return Err(de::Error::custom("a value without a key"));
        };
        seed.deserialize(Reader(&entry.value)).map_err(|refusal| refusal.under(index, entry.value.span))
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len() - self.next)
    }
}

/// An externally tagged variant: `- not_null: {...}`.
struct Variant<'n>(&'n Entry);
impl<'de, 'n> EnumAccess<'de> for Variant<'n> {
    type Error = Refusal;
    type Variant = Content<'n>;
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Content<'n>), Refusal> {
        let variant = seed.deserialize(KeyReader(self.0)).map_err(|refusal| refusal.under(0, self.0.key_span))?;
        Ok((variant, Content(&self.0.value)))
    }
}
struct Content<'n>(&'n Node);
impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Refusal;
    fn unit_variant(self) -> Result<(), Refusal> {
        Err(de::Error::custom("this word takes no keys"))
    }
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Refusal> {
        seed.deserialize(Reader(self.0)).map_err(|refusal| refusal.under(0, self.0.span))
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Refusal> {
        Reader(self.0).deserialize_any(visitor).map_err(|refusal| refusal.under(0, self.0.span))
    }
    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Refusal> {
        Reader(self.0).deserialize_any(visitor).map_err(|refusal| refusal.under(0, self.0.span))
    }
}

#[derive(Clone, Copy)]
enum Inner<'n> {
    Node(Reader<'n>),
    Key(KeyReader<'n>),
}

/// Answers `At<T>`: the value, then four numbers of the span.
struct Placed<'n> {
    inner: Inner<'n>,
    span: Span,
    next: usize,
}
impl<'n> Placed<'n> {
    fn new(inner: Inner<'n>, span: Span) -> Self {
        Placed { inner, span, next: 0 }
    }
}
impl<'de> MapAccess<'de> for Placed<'_> {
    type Error = Refusal;
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refusal> {
        let Some(field) = AT_FIELDS.get(self.next) else { return Ok(None) };
        self.next += 1;
        seed.deserialize((*field).into_deserializer()).map(Some)
    }
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refusal> {
        let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let number = match self.next {
            1 => {
                return match self.inner {
                    Inner::Node(reader) => seed.deserialize(reader),
                    Inner::Key(reader) => seed.deserialize(reader),
                };
            }
            2 => wide(self.span.offset),
            3 => wide(self.span.length),
            4 => self.span.line.into(),
            _ => self.span.column.into(),
        };
        seed.deserialize(number.into_deserializer())
    }
}
