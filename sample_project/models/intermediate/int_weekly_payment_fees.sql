select
    week_start,
    sum(fee_amount) as payment_fees
from {{ ref('stg_settlements') }}
group by week_start
