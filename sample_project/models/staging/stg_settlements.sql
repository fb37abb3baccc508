select
    settlement_id,
    charge_id,
    transaction_date,
    {{ week_of('transaction_date') }} as week_start,
    gross_amount,
    fee_amount,
    gross_amount - fee_amount as net_amount,
    available_on,
    loaded_at
from {{ source('stripe', 'settlements') }}
