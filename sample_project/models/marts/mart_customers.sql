-- One row for each customer of the CRM, with what they have bought in the weeks on record.
with customers as (

    select * from {{ ref('stg_customers') }}

),

orders as (

    select
        customer_id,
        count(*) as orders,
        min(order_date) as first_order_on,
        max(order_date) as latest_order_on
    from {{ ref('stg_orders') }}
    where status <> 'cancelled'
    group by customer_id

),

final as (

    select
        customers.customer_id,
        customers.segment,
        customers.became_customer_on,
        coalesce(orders.orders, 0) as orders,
        orders.first_order_on,
        orders.latest_order_on
    from customers
    left join orders
        on orders.customer_id = customers.customer_id

)

select * from final
