select
    sku,
    unit_cost,
    supplier,
    valid_from
from {{ source('erp', 'sku_costs') }}
