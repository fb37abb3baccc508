//! `presscheck rule [CODE]`: what a rule means, why it matters, what triggers it and how to mend it.

use clap::Args;

use super::arguments::Format;
use super::{Ended, Stopped, draw};
use crate::diagnostic::{Finding, codes, nearest};
use crate::output;

#[derive(Debug, Args)]
pub(super) struct Rule {
    /// A code such as PC221, or a rule's name; all rules when none is given
    #[arg(value_name = "CODE")]
    codes: Vec<String>,
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    format: Format,
}

impl Rule {
    pub(super) fn run(&self) -> Ended {
        let wanted = self.codes.iter().map(|wanted| find(wanted)).collect::<Result<Vec<_>, _>>()?;
        draw::print(&match self.format {
            Format::Json if wanted.is_empty() => output::rules_json(&codes::ALL.iter().collect::<Vec<_>>()),
            Format::Json => output::rules_json(&wanted),
            Format::Terminal if wanted.is_empty() => output::rules(),
            Format::Terminal => wanted.into_iter().map(output::rule).collect::<Vec<_>>().join("\n"),
        });
        Ok(0)
    }
}

fn find(wanted: &str) -> Result<&'static codes::Code, Stopped> {
    codes::ALL.iter().find(|code| code.code.eq_ignore_ascii_case(wanted) || code.name == wanted).ok_or_else(|| {
        let names = codes::ALL.iter().flat_map(|code| [code.code, code.name]);
        let help =
            nearest(wanted, names).map_or_else(|| "`presscheck rule` lists all".to_owned(), |near| format!("did you mean `{near}`?"));
        Stopped::usage(Finding::error(codes::UNKNOWN_RULE, format!("there is no rule `{wanted}`")).help(help))
    })
}
