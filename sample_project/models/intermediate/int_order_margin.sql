-- One row for each line of an order that was not cancelled, with what the product cost us.
-- A product without a cost keeps its revenue and has a NULL cost.
{{ config(materialized='table') }}

with orders as (

    select * from {{ ref('stg_orders') }}
    where status <> 'cancelled'

),

order_lines as (

    select * from {{ ref('stg_order_lines') }}

),

sku_costs as (

    select * from {{ ref('stg_sku_costs') }}

),

final as (

    select
        order_lines.order_line_id,
        order_lines.order_id,
        orders.order_date,
        {{ week_of('orders.order_date') }} as week_start,
        orders.sales_channel,
        order_lines.sku,
        order_lines.quantity,
        order_lines.line_revenue as gross_revenue,
        sku_costs.unit_cost,
        order_lines.quantity * sku_costs.unit_cost as cost
    from order_lines
    inner join orders
        on orders.order_id = order_lines.order_id
    left join sku_costs
        on sku_costs.sku = order_lines.sku

)

select * from final
