-- A few orders may wait for their charge; many mean that the shop and the payment provider disagree.
{{ config(severity='warn', warn_if='>5') }}

select
    order_id,
    order_amount,
    charged_amount,
    difference
from {{ ref('int_revenue_reconciliation') }}
where abs(difference) > 0.01
