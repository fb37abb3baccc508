select
    refund_id,
    order_id,
    refund_date,
    {{ week_of('refund_date') }} as week_start,
    sales_channel,
    refund_amount,
    reason,
    loaded_at
from {{ source('shopify', 'refunds') }}
