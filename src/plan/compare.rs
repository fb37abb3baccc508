//! What two connections are asked so that their answers can be compared here: values by key, or rows. A value; who executes it is `execute`.

/// Two sides and how they are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What is checked.
    pub left: Side,
    /// What it is compared with.
    pub right: Side,
    /// What is compared.
    pub how: How,
}

/// What one side is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Connection name; `None` is the project's own.
    pub connection: Option<String>,
    /// The relation, as rendered.
    pub relation: String,
    /// The statement.
    pub sql: String,
    /// The first column of the key, quoted; where rows are compared.
    pub key: Option<String>,
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// Each side's rows are a key of so many columns, and numbers.
    Keyed {
        /// Columns of the key.
        keys: usize,
    },
    /// Each side's rows stream by and are compared one by one.
    Rows {
        /// Why in this way; for people.
        why: String,
    },
}

impl Side {
    /// For people: which side, and where.
    fn heading(&self, side: &str) -> String {
        match &self.connection {
            Some(connection) => format!("-- {side}, on {connection}"),
            None => format!("-- {side}"),
        }
    }
}

impl Comparison {
    /// Both statements in one text.
    pub fn text(&self) -> String {
        let (left, right) = (&self.left, &self.right);
        let why = match &self.how {
            How::Keyed { .. } => String::new(),
            How::Rows { why } => format!("-- {why}\n"),
        };
        format!("{why}{}\n{}\n\n{}\n{}", left.heading("left"), left.sql.trim_end(), right.heading("right"), right.sql.trim_end())
    }
    /// Both sides.
    pub fn sides(&self) -> [&Side; 2] {
        [&self.left, &self.right]
    }
}
