select
    order_id,
    order_date,
    customer_id,
    sales_channel,
    status,
    loaded_at
from {{ source('shopify', 'orders') }}
