-- The warehouses count their stock once a week, on Sunday evening.
select
    week_start,
    cast(sum(on_hand) as bigint) as stock_on_hand
from {{ ref('stg_inventory') }}
group by week_start
