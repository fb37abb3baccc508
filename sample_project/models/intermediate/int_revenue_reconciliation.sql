-- What the shop sold against what the payment provider charged, order by order.
with order_totals as (

    select
        order_id,
        sum(gross_revenue) as order_amount
    from {{ ref('int_order_margin') }}
    group by order_id

),

charge_totals as (

    select
        order_id,
        sum(charge_amount) as charged_amount
    from {{ ref('stg_charges') }}
    group by order_id

),

final as (

    select
        coalesce(order_totals.order_id, charge_totals.order_id) as order_id,
        order_totals.order_amount,
        charge_totals.charged_amount,
        coalesce(order_totals.order_amount, 0) - coalesce(charge_totals.charged_amount, 0) as difference
    from order_totals
    full outer join charge_totals
        on charge_totals.order_id = order_totals.order_id

)

select * from final
