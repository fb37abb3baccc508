select
    week_start,
    account,
    amount
from {{ source('finance', 'ledger_weekly_revenue') }}
