-- Gross revenue less refunds is net revenue, to the penny.
select
    week_start,
    sales_channel,
    gross_revenue,
    refunds,
    net_revenue
from {{ ref('mart_weekly_revenue_bridge') }}
where net_revenue <> gross_revenue - refunds
