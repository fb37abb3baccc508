-- From gross revenue to gross margin, by week.
with order_margin as (

    select * from {{ ref('int_order_margin') }}

),

final as (

    select
        week_start,
        sum(gross_revenue) as gross_revenue,
        sum(cost) as cost_of_goods,
        sum(gross_revenue) - sum(cost) as gross_margin
    from order_margin
    group by week_start

)

select * from final
