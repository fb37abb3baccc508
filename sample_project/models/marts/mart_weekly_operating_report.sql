-- The weekly operating report: one row for each week.
-- Every area is summed up by week before it is joined to the calendar, so that one area
-- that fails neither drops nor repeats the rows of another.
with weeks as (

    select * from {{ ref('stg_calendar_weeks') }}

),

revenue as (

    select
        week_start,
        sum(gross_revenue) as gross_revenue,
        sum(refunds) as refunds,
        sum(net_revenue) as net_revenue
    from {{ ref('mart_weekly_revenue_bridge') }}
    group by week_start

),

order_margin as (

    select * from {{ ref('int_order_margin_bridge') }}

),

payment_fees as (

    select * from {{ ref('int_weekly_payment_fees') }}

),

ad_spend as (

    select * from {{ ref('int_weekly_ad_spend') }}

),

sessions as (

    select * from {{ ref('int_weekly_sessions') }}

),

stock as (

    select * from {{ ref('int_weekly_stock') }}

),

final as (

    select
        weeks.week_start,
        weeks.fiscal_week,
        revenue.gross_revenue,
        revenue.refunds,
        revenue.net_revenue,
        order_margin.cost_of_goods,
        payment_fees.payment_fees,
        ad_spend.ad_spend,
        revenue.net_revenue
            - order_margin.cost_of_goods
            - payment_fees.payment_fees
            - ad_spend.ad_spend as contribution_margin,
        sessions.sessions,
        stock.stock_on_hand
    from weeks
    left join revenue
        on revenue.week_start = weeks.week_start
    left join order_margin
        on order_margin.week_start = weeks.week_start
    left join payment_fees
        on payment_fees.week_start = weeks.week_start
    left join ad_spend
        on ad_spend.week_start = weeks.week_start
    left join sessions
        on sessions.week_start = weeks.week_start
    left join stock
        on stock.week_start = weeks.week_start

)

select * from final
