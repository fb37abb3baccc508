//! Names and neighbours.

use presscheck::dbt::graph::Missing;

use super::{DBT_1, project};

#[test]
fn names() {
    let mut shop = project(DBT_1);
    // A second package with a model of a name that the project does not have.
    let mut twin = shop.nodes["model.helper.customers"].clone();
    for package in ["a", "b"] {
        twin.unique_id = format!("model.{package}.twin");
        (twin.package, twin.name) = (package.to_owned(), "twin".to_owned());
        shop.nodes.insert(twin.unique_id.clone(), twin.clone());
    }
    let asked = [
        "orders",
        "orders.v1",
        "orders.v2",
        "orders.v3",
        "shop.orders",
        "shop.orders.v1",
        "customers",
        "helper.customers",
        "raw.orders",
        "shop.raw.orders",
        "raw.gone",
        "old_mart",
        "regions",
        "orders_history",
        "stg_order",
        "raw.order",
        "model.shop.days",
        "twin",
        "b.twin",
        "",
        ".",
        "v1",
        "not_null_orders_v1_id",
    ];
    let told = asked.map(|name| match shop.resolve(name) {
        Ok(node) => format!("{name:?} is {}", node.unique_id),
        Err(Missing::Unknown(near)) => format!("{name:?} is unknown, near {near:?}"),
        Err(Missing::Disabled(id)) => format!("{name:?} is disabled: {id}"),
        Err(Missing::Ambiguous(ids)) => format!("{name:?} may be {}", ids.join(" or ")),
    });
    insta::assert_snapshot!(told.join("\n"));
    insta::assert_snapshot!(shop.names().into_iter().collect::<Vec<_>>().join(" "));
    assert_eq!(shop.exposure("board").map(|e| e.unique_id.as_str()), Some("exposure.shop.board"));
    assert_eq!(shop.metric("profit").map(|m| m.unique_id.as_str()), Some("metric.shop.profit"));
    assert!(shop.exposure("bord").is_none() && shop.metric("").is_none());
}

#[test]
fn neighbours() {
    let shop = project(DBT_1);
    let up = |id: &str| format!("{id} <- {}", shop.ancestors(id).into_iter().collect::<Vec<_>>().join(" "));
    let tests =
        |id: &'static str| format!("{id} is tested by {}", shop.tests_of(id).map(|t| t.name.as_str()).collect::<Vec<_>>().join(" "));
    insta::assert_snapshot!(
        [
            up("exposure.shop.board"),
            up("metric.shop.basket"),
            up("metric.shop.mean_sale"),
            up("model.shop.orders.v1"),
            up("nothing"),
            tests("model.shop.customers"),
            tests("model.helper.customers"),
            tests("source.shop.raw.orders"),
            tests("nothing"),
        ]
        .join("\n")
    );
}
