//! What is kept from run to run: the same lineage, less work, and nothing that no longer holds.

use presscheck::dbt::{Column, NodeKind, Project};
use presscheck::lineage;

use super::{node, project};

/// Everything that is said of a lineage, in one text.
fn told(lineage: &lineage::Lineage, project: &Project) -> String {
    format!("{}\n{:?}\n{:?}", lineage::lines(lineage, project), lineage.columns, lineage.problems)
}

/// A chain of models that pass on, star, group and do not understand.
fn chain() -> Project {
    project(
        &[("orders", Some(&["id", "amount", "status", "region"])), ("refunds", None)],
        &[
            ("paid", "select * from orders where status = 'paid'"),
            ("by_region", "select region, sum(amount) as total from paid group by 1"),
            ("all_refunds", "select * from refunds"),
            ("odd", "select mystery(region) as m, total from by_region"),
            ("both", "select b.*, r.amount as refunded from by_region b left join all_refunds r on r.region = b.region"),
        ],
    )
}

#[test]
fn what_is_kept_says_the_same() {
    let project = chain();
    let (cold, kept) = lineage::trace_cached(&project, &[]);
    let kept = kept.expect("something to keep");
    let (warm, again) = lineage::trace_cached(&project, &kept);
    assert_eq!(told(&warm, &project), told(&cold, &project));
    assert!(again.is_none(), "nothing is new");
}

#[test]
fn what_no_longer_holds_is_read_again() {
    let (before, kept) = (chain(), lineage::trace_cached(&chain(), &[]).1.expect("something to keep"));
    type Change = fn(&mut Project);
    let changes: [(&str, Change); 7] = [
        ("a model's text", |project| {
            project.nodes.get_mut("model.case.by_region").unwrap().compiled_code =
                Some("select region, max(amount) as total from paid group by 1".into());
        }),
        ("a column of a source", |project| {
            let columns = project.nodes.get_mut("source.case.orders").unwrap().catalog_columns.as_mut().unwrap();
            columns.push(Column { name: "currency".into(), data_type: None });
        }),
        ("columns in another order", |project| {
            project.nodes.get_mut("source.case.orders").unwrap().catalog_columns.as_mut().unwrap().reverse();
        }),
        ("another relation of the name", |project| {
            let mut other = node(NodeKind::Source, "orders2");
            other.identifier = "orders".into();
            other.relation_name = None;
            project.nodes.insert(other.unique_id.clone(), other);
        }),
        ("a hook", |project| {
            project.nodes.get_mut("model.case.paid").unwrap().hooks.push("delete from {{ this }} where region is null".into());
        }),
        ("a documented column", |project| {
            let column = Column { name: "amount".into(), data_type: None };
            project.nodes.get_mut("model.case.all_refunds").unwrap().columns.push(column);
        }),
        ("a model is gone", |project| {
            project.nodes.remove("model.case.odd");
        }),
    ];
    for (what, change) in changes {
        let mut after = before.clone();
        change(&mut after);
        let (warm, _) = lineage::trace_cached(&after, &kept);
        assert_eq!(told(&warm, &after), told(&lineage::trace(&after), &after), "{what}");
    }
}

#[test]
fn anything_may_stand_in_the_file() {
    let project = chain();
    let (cold, kept) = lineage::trace_cached(&project, &[]);
    let kept = kept.expect("something to keep");
    let mut broken: Vec<Vec<u8>> =
        vec![b"nothing of the sort".to_vec(), kept[..kept.len() / 2].to_vec(), [kept.clone(), kept.clone()].concat()];
    for at in (0..kept.len()).step_by(97) {
        let mut one = kept.clone();
        one[at] ^= 0x55;
        broken.push(one);
    }
    for bytes in broken {
        let (warm, _) = lineage::trace_cached(&project, &bytes);
        assert_eq!(told(&warm, &project), told(&cold, &project));
    }
}
