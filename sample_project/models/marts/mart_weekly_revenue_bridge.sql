-- From gross to net revenue, by week and sales channel: orders by order date, refunds by refund date.
with week_channels as (

    select * from {{ ref('int_week_channels') }}

),

orders as (

    select
        week_start,
        sales_channel,
        sum(gross_revenue) as gross_revenue
    from {{ ref('int_order_margin') }}
    group by week_start, sales_channel

),

refunds as (

    select
        week_start,
        sales_channel,
        sum(refund_amount) as refunds
    from {{ ref('stg_refunds') }}
    group by week_start, sales_channel

),

final as (

    select
        week_channels.week_start,
        week_channels.sales_channel,
        coalesce(orders.gross_revenue, 0) as gross_revenue,
        coalesce(refunds.refunds, 0) as refunds,
        coalesce(orders.gross_revenue, 0) - coalesce(refunds.refunds, 0) as net_revenue
    from week_channels
    left join orders
        on orders.week_start = week_channels.week_start
        and orders.sales_channel = week_channels.sales_channel
    left join refunds
        on refunds.week_start = week_channels.week_start
        and refunds.sales_channel = week_channels.sales_channel

)

select * from final
