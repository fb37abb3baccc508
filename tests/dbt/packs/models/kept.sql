select order_id::bigint as order_id, amount, customer from {{ ref('orders') }}
