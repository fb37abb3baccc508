select id, amount, customer_id, ordered_on from {{ ref('stg_orders') }}
