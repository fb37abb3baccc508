select order_id, amount from {{ ref('orders') }} where order_id > 100
