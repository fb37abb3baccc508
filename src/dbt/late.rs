//! A value of which only the place is known until somebody asks for it: most of a large project's columns are never looked at by a command that is
//! about one report.
//!
//! Whoever reads it gets the value, so that there is no state in which it looks empty. A place that does not hold such a value (which a checksum over
//! the bytes makes all but impossible) gives the empty value and says so in [`Pack::is_broken`]: what was made of it must then be thrown away.

use std::fmt;
use std::ops::{Deref, DerefMut, Range};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::Column;

/// The bytes that values are read from.
#[derive(Debug)]
pub struct Pack {
    bytes: Vec<u8>,
    broken: AtomicBool,
}

impl Pack {
    /// Bytes that were written whole; a checksum has shown it.
    pub(super) fn new(bytes: Vec<u8>) -> Arc<Pack> {
        Arc::new(Pack { bytes, broken: AtomicBool::new(false) })
    }
    /// All bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    /// Whether some value that was asked for is not there.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }
}

/// What can be put into bytes and read from them again.
pub trait Packed: Sized + Default {
    /// `None`: not to be written.
    fn pack(&self) -> Option<Vec<u8>>;
    /// `None`: these are not its bytes.
    fn unpack(bytes: &[u8]) -> Option<Self>;
}

impl Packed for Vec<Column> {
    fn pack(&self) -> Option<Vec<u8>> {
        postcard::to_allocvec(self).ok()
    }
    fn unpack(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

impl Packed for Map<String, Value> {
    fn pack(&self) -> Option<Vec<u8>> {
        if self.is_empty() { Some(Vec::new()) } else { serde_json::to_vec(self).ok() }
    }
    fn unpack(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() { Some(Map::new()) } else { serde_json::from_slice(bytes).ok() }
    }
}

/// A value that is there, or the place where it is.
#[derive(Clone)]
pub struct Late<T> {
    value: OnceLock<T>,
    place: Place,
}

#[derive(Clone)]
enum Place {
    /// The value is there.
    None,
    /// Address and length in bytes that are being read; see [`Late::settle`].
    Read(Range<usize>),
    In(Arc<Pack>, Range<usize>),
}

impl<T: Packed> Late<T> {
    fn get(&self) -> &T {
        self.value.get_or_init(|| {
            let Place::In(pack, range) = &self.place else { return T::default() };
            pack.bytes.get(range.clone()).and_then(T::unpack).unwrap_or_else(|| {
                pack.broken.store(true, Ordering::Relaxed);
                T::default()
            })
        })
    }

    /// Says in which bytes the place lies that was read.
    pub(super) fn settle(&mut self, pack: &Arc<Pack>) {
        if let Place::Read(range) = &self.place {
            let start = range.start.wrapping_sub(pack.bytes.as_ptr().addr());
            self.place = Place::In(Arc::clone(pack), start..start.wrapping_add(range.len()));
        }
    }
}

impl<T> From<T> for Late<T> {
    fn from(value: T) -> Self {
        Late { value: OnceLock::from(value), place: Place::None }
    }
}

impl<T: Packed> Default for Late<T> {
    fn default() -> Self {
        T::default().into()
    }
}

impl<T: Packed> Deref for Late<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.get()
    }
}

impl<T: Packed> DerefMut for Late<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.get();
        match self.value.get_mut() {
            Some(value) => value,
            None => unreachable!("asked for a line ago"),
        }
    }
}

impl<T: Packed + PartialEq> PartialEq for Late<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Packed + fmt::Debug> fmt::Debug for Late<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<'a, T> IntoIterator for &'a Late<Vec<T>>
where
    Vec<T>: Packed,
{
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<A> FromIterator<A> for Late<Vec<A>> {
    fn from_iter<I: IntoIterator<Item = A>>(items: I) -> Self {
        items.into_iter().collect::<Vec<A>>().into()
    }
}

impl<T: Packed> Serialize for Late<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.pack().ok_or_else(|| serde::ser::Error::custom("a value that cannot be written"))?;
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de, T> Deserialize<'de> for Late<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Places<T>(std::marker::PhantomData<T>);
        impl<'de, T> Visitor<'de> for Places<T> {
            type Value = Late<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Late<T>, E> {
                let start = bytes.as_ptr().addr();
                Ok(Late { value: OnceLock::new(), place: Place::Read(start..start + bytes.len()) })
            }
        }
        deserializer.deserialize_bytes(Places(std::marker::PhantomData))
    }
}
