//! The time of the run, of which nothing is known but that it is written into the text.
//!
//! Two moments stand for all: what is rendered at one must be, digits aside, what is rendered at the other (see the prologue of this folder).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::civil::DateTime;
use minijinja::value::{Object, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use super::scope::Rendering;
use super::value::fault;

/// A moment of the run.
#[derive(Debug)]
pub(super) struct Moment {
    time: DateTime,
    date_only: bool,
}

impl Moment {
    pub(super) fn value(rendering: &Rendering) -> Value {
        Moment::of(rendering, false)
    }
    pub(super) fn date(rendering: &Rendering) -> Value {
        Moment::of(rendering, true)
    }
    fn of(rendering: &Rendering, date_only: bool) -> Value {
        rendering.changes.store(true, Ordering::Relaxed);
        // Every number has two digits, and all differ.
        let time = if rendering.later {
            jiff::civil::date(2034, 10, 15).at(21, 43, 17, 0)
        } else {
            jiff::civil::date(2021, 11, 23).at(12, 34, 56, 0)
        };
        Value::from_object(Moment { time, date_only })
    }
}

impl Object for Moment {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "year" => Value::from(self.time.year()),
            "month" => Value::from(self.time.month()),
            "day" => Value::from(self.time.day()),
            "hour" if !self.date_only => Value::from(self.time.hour()),
            "minute" if !self.date_only => Value::from(self.time.minute()),
            _ => return None,
        })
    }
    fn is_true(self: &Arc<Self>) -> bool {
        true
    }
    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "strftime" => {
                let (format,): (&str,) = from_args(args)?;
                let made = jiff::fmt::strtime::format(format, self.time);
                made.map(Value::from).map_err(|error| fault(format!("strftime: {error}")))
            }
            "isoformat" => from_args::<()>(args).map(|()| Value::from(self.to_string().replace(' ', "T"))),
            "date" => from_args::<()>(args).map(|()| Value::from_object(Moment { time: self.time, date_only: true })),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.date_only { write!(f, "{}", self.time.date()) } else { write!(f, "{} {}+00:00", self.time.date(), self.time.time()) }
    }
}
