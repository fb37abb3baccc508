select
    order_line_id,
    order_id,
    sku,
    quantity,
    unit_price,
    discount_amount,
    quantity * unit_price - discount_amount as line_revenue,
    loaded_at
from {{ source('shopify', 'order_lines') }}
