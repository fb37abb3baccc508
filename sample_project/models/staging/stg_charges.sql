select
    charge_id,
    order_id,
    charged_on,
    amount as charge_amount,
    loaded_at
from {{ source('stripe', 'charges') }}
where status = 'succeeded'
